/* password.c - preparing, importing, SCRAM-SHA-256 keys */
#include "storage/password.h"

#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/unicode.h"
#include "base/utf8.h"
#include "storage/password_private.h"

#define PASSWORD_FAKE_LABEL "shoal unknown user"

/* Zs of Unicode but U+0020, which RFC 8265, 4.2.2 maps to it. */
static bool
password_is_other_space(uint32_t c)
{
	return c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool
password_is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

struct err *
password_prepare(struct arena *a, struct str clear, struct str *prepared_r)
{
	struct buf b;
	uint32_t c;
	size_t n;

	buf_init(&b, a, PASSWORD_MAX);
	if (clear.n == 0)
		return err_new(a, ERR_INVALID, "the password is empty", NULL);
	if (clear.n > PASSWORD_MAX)
		return err_newf(a, ERR_INVALID,
		    "the password is longer than %d bytes", PASSWORD_MAX);
	while (clear.n > 0) {
		n = utf8_get(clear, &c);
		if (n == 0)
			return err_new(a, ERR_INVALID,
			    "the password is not valid UTF-8", NULL);
		if (password_is_control(c))
			return err_new(a, ERR_INVALID,
			    "the password has a control character", NULL);
		if (password_is_other_space(c))
			buf_char(&b, ' ');
		else
			buf_add(&b, clear.p, n);
		clear = str_sub(clear, n, clear.n);
	}
	if (!buf_ok(&b))
		return err_new(a, ERR_INVALID, "the password is too long",
		    NULL);
	return unicode_nfc(a, buf_str(&b), prepared_r);
}

void
password_salt_make(const struct rnd *r, uint32_t iterations,
    struct password_salt *salt_r)
{
	r->fill(r->arg, salt_r->salt, sizeof(salt_r->salt));
	salt_r->iterations = iterations;
}

bool
password_needs_upgrade(const struct password *p)
{
	return p->hash.n > 0 &&
	       (!str_starts(p->hash, STR("$y$")) || !p->has_scram);
}

/* --- import --- */

/* Schemes by the names that Dovecot uses; prefix: what the hash begins with. */
static const struct {
	const char *name, *prefix;
	bool upper;
} password_schemes[] = {
	{ "SHA512-CRYPT", "$6$", true },
	{ "SHA256-CRYPT", "$5$", true },
	{ "BLF-CRYPT", "$2y$", true },
	{ "BLF-CRYPT", "$2b$", true },
	{ "BLF-CRYPT", "$2a$", true },
	{ "YESCRYPT", "$y$", true },
	{ "CRYPT", "$y$", false },
	{ "CRYPT", "$6$", false },
	{ "CRYPT", "$5$", false },
	{ "CRYPT", "$2y$", false },
	{ "CRYPT", "$2b$", false },
	{ "CRYPT", "$2a$", false },
};

static struct err *
password_import_bad(struct arena *a)
{
	return err_new(a, ERR_INVALID,
	    "not a password hash that can be imported: {SHA512-CRYPT}, "
	    "{SHA256-CRYPT}, {BLF-CRYPT}, or {CRYPT} with one of $y$, $6$, "
	    "$5$, $2y$, $2b$, $2a$",
	    NULL);
}

/* crypt(5): printable ASCII without blank, ":", ";", "*", "!" and "\". */
static bool
password_is_hash(struct str h)
{
	size_t i;

	if (h.n < 20 || h.n > PASSWORD_HASH_MAX)
		return false;
	for (i = 0; i < h.n; i++)
		if (h.p[i] <= ' ' || h.p[i] > '~' ||
		    strchr(":;*!\\", h.p[i]) != NULL)
			return false;
	return true;
}

struct err *
password_import(struct arena *a, struct str text, struct password *p_r)
{
	struct str scheme = STR("CRYPT"), hash = str_trim(text);
	ptrdiff_t end;
	unsigned i;

	*p_r = (struct password){ .hash = STR_NONE };
	if (str_starts(hash, STR("{"))) {
		end = str_chr(hash, '}');
		if (end < 0)
			return password_import_bad(a);
		scheme = str_sub(hash, 1, (size_t)end - 1);
		hash = str_sub(hash, (size_t)end + 1, hash.n);
	}
	if (!password_is_hash(hash))
		return password_import_bad(a);
	for (i = 0; i < countof(password_schemes); i++)
		if (str_case_eq_c(scheme, password_schemes[i].name) &&
		    str_starts(hash, str_c(password_schemes[i].prefix))) {
			p_r->hash = arena_str(a, hash);
			return NULL;
		}
	return password_import_bad(a);
}

/* --- SCRAM-SHA-256 --- */

/*
 *	SaltedPassword := Hi(Normalize(password), salt, i)
 *	ClientKey      := HMAC(SaltedPassword, "Client Key")
 *	StoredKey      := H(ClientKey)
 *	ServerKey      := HMAC(SaltedPassword, "Server Key")	RFC 5802, 3
 */
void
blocking_password_scram(struct str prepared, const struct password_salt *salt,
    unsigned char stored_key_r[32], unsigned char server_key_r[32])
{
	unsigned char salted[32], client[32];

	crypto_pbkdf2_sha256(prepared, str_of(salt->salt, sizeof(salt->salt)),
	    salt->iterations, salted);
	crypto_hmac_sha256(salted, sizeof(salted), "Client Key", 10, client);
	crypto_sha256(client, sizeof(client), stored_key_r);
	crypto_hmac_sha256(salted, sizeof(salted), "Server Key", 10,
	    server_key_r);
	crypto_wipe(salted, sizeof(salted));
	crypto_wipe(client, sizeof(client));
}

/*
 *	ClientSignature := HMAC(StoredKey, AuthMessage)
 *	ClientProof     := ClientKey XOR ClientSignature
 *	ServerSignature := HMAC(ServerKey, AuthMessage)
 */
bool
password_scram_check(const struct password *p, struct str auth_message,
    const unsigned char proof[32], unsigned char server_signature_r[32])
{
	unsigned char client[32], stored[32];
	unsigned i;
	bool ok;

	crypto_hmac_sha256(p->stored_key, sizeof(p->stored_key), auth_message.p,
	    auth_message.n, client);
	for (i = 0; i < sizeof(client); i++)
		client[i] ^= proof[i];
	crypto_sha256(client, sizeof(client), stored);
	ok =
	    crypto_equal(stored, p->stored_key, sizeof(stored)) && p->has_scram;
	crypto_hmac_sha256(p->server_key, sizeof(p->server_key), auth_message.p,
	    auth_message.n, server_signature_r);
	crypto_wipe(client, sizeof(client));
	return ok;
}

void
password_fake(struct arena *a, const struct clusterkey *k, struct str login,
    uint32_t iterations, unsigned cost, struct password_salt *salt_r,
    struct password *p_r)
{
	char setting[PASSWORD_HASH_MAX + 1];
	unsigned char key[32], mac[32];

	clusterkey_derive(k, PASSWORD_FAKE_LABEL, key);
	crypto_hmac_sha256(key, sizeof(key), login.p, login.n, mac);
	crypto_wipe(key, sizeof(key));
	memcpy(salt_r->salt, mac, sizeof(salt_r->salt));
	salt_r->iterations = iterations;
	password_crypt_setting(cost, mac + 16, setting);
	/* 43 digits that no password was ever hashed to. */
	*p_r = (struct password){
		.hash = str_c(arena_printf(a, "%s$%043d", setting, 0))
	};
}

/* --- the column's text --- */

struct str
password_encode(struct arena *a, const struct password *p)
{
	struct buf b;

	if (p == NULL || p->hash.n == 0)
		return STR_NONE;
	buf_init(&b, a, 1024);
	buf_str_add(&b, p->hash);
	if (p->has_scram) {
		buf_char(&b, ' ');
		buf_hex(&b, p->stored_key, sizeof(p->stored_key));
		buf_char(&b, ' ');
		buf_hex(&b, p->server_key, sizeof(p->server_key));
	}
	return buf_str(&b);
}

struct err *
password_decode(struct arena *a, struct str text, struct password *p_r)
{
	struct str hash = STR_NONE, stored, server, rest = text;

	*p_r = (struct password){ .hash = STR_NONE };
	if (text.n == 0)
		return NULL;
	str_split(&rest, ' ', &hash);
	p_r->hash = arena_str(a, hash);
	if (rest.n == 0)
		return NULL;
	if (!str_split(&rest, ' ', &stored) ||
	    !str_unhex(stored, p_r->stored_key, 32) ||
	    !str_split(&rest, ' ', &server) ||
	    !str_unhex(server, p_r->server_key, 32) || rest.n != 0)
		return err_new(a, ERR_CORRUPT, "a stored password is damaged",
		    NULL);
	p_r->has_scram = true;
	return NULL;
}
