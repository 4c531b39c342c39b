/* test_scram.c - SCRAM's messages */
#include "tests/unit/test.h"

#include "base/attr.h"
#include "server/auth/scram.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"

static void
test_first(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		enum scram_binding binding;
		const char *type, *authzid, *name, *nonce, *header, *bare;
	} rows[] = {
		/* RFC 7677, 3 */
		{ "n,,n=user,r=" NONCE, true, SCRAM_CANNOT, "", "", "user",
		    NONCE, "n,,", "n=user,r=" NONCE },
		{ "y,,n=user,r=x", true, SCRAM_COULD, "", "", "user", "x",
		    "y,,", "n=user,r=x" },
		{ "p=tls-exporter,a=b=2Cc,n=u=3D,r=x,e=1,f=", true, SCRAM_BOUND,
		    "tls-exporter", "b,c", "u=", "x", "p=tls-exporter,a=b=2Cc,",
		    "n=u=3D,r=x,e=1,f=" },
		{ .in = "" },
		{ .in = "n" },
		{ .in = "n," },
		{ .in = "n,," },
		{ .in = "N,,n=user,r=x" },
		{ .in = "p,,n=user,r=x" },
		{ .in = "p=,,n=user,r=x" },
		{ .in = "p=a b,,n=user,r=x" },
		{ .in = "n,b,n=user,r=x" },
		{ .in = "n,a=,n=user,r=x" },
		{ .in = "n,a=x=,n=user,r=x" },
		{ .in = "n,,m=1,n=user,r=x" }, /* reserved-mext */
		{ .in = "n,,n=,r=x" },
		{ .in = "n,,n=a=2c,r=x" },
		{ .in = "n,,n=a=2,r=x" },
		{ .in = "n,,n=a=,r=x" },
		{ .in = "n,,n=user" },
		{ .in = "n,,n=user,r=" },
		{ .in = "n,,n=user,r=a b" },
		{ .in = "n,,n=user,r=\x7f" },
		{ .in = "n,,n=user,r=\xc3\xa4" },
		{ .in = "n,,r=x,n=user" },
	};
	struct arena *a = arena_new(0);
	char big[SCRAM_MESSAGE_MAX + 2];
	struct scram_first f;

	for (unsigned i = 0; i < countof(rows); i++) {
		if (scram_parse_first(a, str_c(rows[i].in), &f) != rows[i].ok)
			fail_msg("row %u", i);
		if (!rows[i].ok)
			continue;
		if (f.binding != rows[i].binding ||
		    !str_eq_c(f.type, rows[i].type) ||
		    !str_eq_c(f.authzid, rows[i].authzid) ||
		    !str_eq_c(f.name, rows[i].name) ||
		    !str_eq_c(f.nonce, rows[i].nonce) ||
		    !str_eq_c(f.header, rows[i].header) ||
		    !str_eq_c(f.bare, rows[i].bare))
			fail_msg("row %u: parts", i);
	}
	(void)state;
	assert_false(scram_parse_first(a, STR("n,,n=a\0b,r=x"), &f));
	memset(big, 'x', sizeof(big));
	memcpy(big, "n,,n=", 5);
	memcpy(big + sizeof(big) - 4, ",r=y", 4);
	assert_false(scram_parse_first(a, str_of(big, sizeof(big)), &f));
	assert_true(scram_parse_first(a,
	    str_c(arena_printf(a, "n,,n=%.500s,r=y", big + 5)), &f));
	arena_free(&a);
}

#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define BOTH NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"

static void
test_final(void **state)
{
	static const struct {
		const char *in;
		bool ok;
		const char *binding, *nonce, *without_proof;
	} rows[] = {
		{ "c=biws,r=" BOTH ",p=" PROOF, true, "n,,", BOTH,
		    "c=biws,r=" BOTH },
		{ "c=biws,r=x,e=1,p=" PROOF, true, "n,,", "x",
		    "c=biws,r=x,e=1" },
		{ .in = "" },
		{ .in = "p=" PROOF },
		{ .in = "c=biws,r=x" },
		{ .in = "c=biws,r=x,p=" },
		{ .in = "c=biws,r=x,p=AAAA" },
		{ .in = "c=biws,r=x,p=" PROOF ",e=1" },
		{ .in = "c=,r=x,p=" PROOF },
		{ .in = "c=!,r=x,p=" PROOF },
		{ .in = "m=1,c=biws,r=x,p=" PROOF },
		{ .in = "r=x,c=biws,p=" PROOF },
		{ .in = "c=biws,r=,p=" PROOF },
	};
	struct arena *a = arena_new(0);
	struct scram_final f;

	(void)state;
	for (unsigned i = 0; i < countof(rows); i++) {
		if (scram_parse_final(a, str_c(rows[i].in), &f) != rows[i].ok)
			fail_msg("row %u", i);
		if (rows[i].ok &&
		    (!str_eq_c(f.binding, rows[i].binding) ||
			!str_eq_c(f.nonce, rows[i].nonce) ||
			!str_eq_c(f.without_proof, rows[i].without_proof) ||
			f.proof[0] != 0x74 || f.proof[31] != 0x54))
			fail_msg("row %u: parts", i);
	}
	arena_free(&a);
}

/* RFC 7677, 3: what is made of it; the arithmetic is test_password's. */
static void
test_example(void **state)
{
	static const unsigned char salt[] = { 0x5b, 0x6d, 0x99, 0x68, 0x9d,
		0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa,
		0x81 };
	struct arena *a = arena_new(0);
	struct str first;

	(void)state;
	first =
	    scram_server_first(a, STR(BOTH), str_of(salt, sizeof(salt)), 4096);
	assert_true(
	    str_eq(first, STR("r=" BOTH ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")));
	assert_true(str_eq(scram_auth_message(a, STR("n=user,r=" NONCE), first,
			       STR("c=biws,r=" BOTH)),
	    STR("n=user,r=" NONCE ",r=" BOTH
		",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" BOTH)));
	assert_true(str_eq(scram_server_final(a, STR("abc")), STR("v=YWJj")));
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_final),
		cmocka_unit_test(test_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
