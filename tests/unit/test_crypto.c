/* test_crypto.c - hashes, MACs, sealing, checksums, base64 */
#include "tests/unit/test.h"

#include "base/crc32c.c"
#include "base/crypto.h"

static void
want_hex(size_t row, const unsigned char got[32], const char *hex)
{
	unsigned char want[32];

	test_row(row, str_unhex(str_c(hex), want, 32));
	test_row(row, crypto_equal(got, want, 32));
}

/* FIPS 180-2, appendix B */
static void
test_sha256(void **state)
{
	static const struct {
		const char *in, *hex;
	} rows[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb924"
		      "27ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223"
			 "b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct crypto_sha256_ctx *c = crypto_sha256_new();
		unsigned char out[32];

		crypto_sha256(rows[i].in, strlen(rows[i].in), out);
		want_hex(i, out, rows[i].hex);
		for (const char *p = rows[i].in; *p != '\0'; p++)
			crypto_sha256_add(c, p, 1);
		crypto_sha256_end(&c, out);
		want_hex(i, out, rows[i].hex);
		test_row(i, c == NULL);
		crypto_sha256_end(&c, out);
	}
}

/* RFC 4231, cases 1 and 2; RFC 7914, section 11; HKDF from
 * the openssl program (kdf -kdfopt info:one HKDF) */
static void
test_keyed(void **state)
{
	unsigned char out[32], key[32], other[32];

	(void)state;
	memset(key, 0x0b, 20);
	crypto_hmac_sha256(key, 20, "Hi There", 8, out);
	want_hex(0, out,
	    "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7");
	crypto_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
	want_hex(1, out,
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	crypto_hmac_sha256(NULL, 0, "", 0, out);
	want_hex(2, out,
	    "b613679a0814d9ec772f95d778c35fc5"
	    "ff1697c493715653c6c712144292c5ad");
	crypto_pbkdf2_sha256(STR("passwd"), STR("salt"), 1, out);
	want_hex(3, out,
	    "55ac046e56e3089fec1691c22544b605"
	    "f94185216dde0465e68b9d57c20dacbc");
	memset(key, 0x0b, 32);
	crypto_derive(key, STR("one"), out);
	want_hex(4, out,
	    "66e7853bff4f334f9aef8a61a0c44c54"
	    "6e1b67449f067ee10c71dee554d492ba");
	crypto_derive(key, STR("two"), other);
	assert_false(crypto_equal(out, other, 32));
	crypto_wipe(out, 32);
	memset(other, 0, 32);
	assert_true(crypto_equal(out, other, 32));
}

static void
test_seal(void **state)
{
	static const struct str texts[] = { { "", 0 }, { "x", 1 },
		{ "a secret of some length", 23 } };
	struct arena *a = arena_new(0);
	unsigned char key[32] = { 1 }, other[32] = { 2 };

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		struct str ad = STR("accounts.key.7");
		struct str sealed =
		    crypto_seal(a, key, ad, texts[i], &rnd_system);
		struct str again =
		    crypto_seal(a, key, ad, texts[i], &rnd_system);
		struct str clear = STR_NONE;

		test_row(i, sealed.n == texts[i].n + CRYPTO_SEAL_OVERHEAD);
		test_row(i, !str_eq(sealed, again));
		test_row(i, crypto_open(a, key, ad, sealed, &clear) == NULL);
		test_row_str(i, clear, texts[i]);
		test_row(i, err_is(crypto_open(a, other, ad, sealed, &clear),
				ERR_CORRUPT));
		test_row(i, err_is(crypto_open(a, key, STR("accounts.key.8"),
				       sealed, &clear),
				ERR_CORRUPT));
		/* every byte counts, and every length is wrong but one */
		for (size_t k = 0; k < sealed.n; k++) {
			char *bad = arena_memdup(a, sealed.p, sealed.n);

			bad[k] ^= 1;
			test_row(k, crypto_open(a, key, ad,
					str_of(bad, sealed.n), &clear) != NULL);
			test_row(k, crypto_open(a, key, ad, str_of(bad, k),
					&clear) != NULL);
		}
	}
	arena_free(&a);
}

static void
test_crc32c(void **state)
{
	static const struct {
		unsigned char fill;
		int step;
		uint32_t crc;
	} rows[] = {
		/* RFC 3720, B.4: 32 bytes */
		{ 0, 0, 0x8a9136aa },
		{ 0xff, 0, 0x62a8ab43 },
		{ 0, 1, 0x46dd794e },
		{ 31, -1, 0x113fdb5c },
	};
	unsigned char in[300];

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		for (int k = 0; k < 32; k++)
			in[k] =
			    (unsigned char)(rows[i].fill + k * rows[i].step);
		test_row(i, crc32c(0, in, 32) == rows[i].crc);
		test_row(i, ~crc32c_table(~0u, in, 32) == rows[i].crc);
		test_row(i,
		    crc32c(crc32c(0, in, 13), in + 13, 19) == rows[i].crc);
	}
	assert_true(crc32c(0, "123456789", 9) == 0xe3069283);
	assert_true(crc32c(0, "", 0) == 0);
	rnd_system.fill(NULL, in, sizeof(in));
	for (size_t n = 0; n < sizeof(in); n++)
		test_row(n, crc32c(0, in, n) == ~crc32c_table(~0u, in, n));
}

/* RFC 4648, section 10, and what must not decode */
static void
test_base64(void **state)
{
	static const struct {
		const char *clear, *text;
	} rows[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+" },
	};
	static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg===", "=",
		"====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n",
		"Z=g=", "Zg==Zg==", "Zm-_", "Zm9\x80" };
	struct arena *a = arena_new(0);
	struct str out;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		test_row_str(i, base64_encode(a, str_c(rows[i].clear)),
		    str_c(rows[i].text));
		test_row(i, base64_decode(a, str_c(rows[i].text), &out));
		test_row_str(i, out, str_c(rows[i].clear));
	}
	for (size_t i = 0; i < countof(bad); i++)
		test_row(i, !base64_decode(a, str_c(bad[i]), &out));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_keyed),
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_crc32c),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
