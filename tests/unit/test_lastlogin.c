/* test_lastlogin.c - when an account was used last */
#include "storage/lastlogin.h"

#include "account_rig.h"

#include "tests/unit/test.h"

static void
test_line(void **state)
{
	static const struct {
		const char *protocol, *ip;     /* written */
		const char *protocol_r, *ip_r; /* and read */
	} rows[] = {
		{ "imap", "192.0.2.1", "imap", "192.0.2.1" },
		{ "console", "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe",
		    "console", "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe" },
		{ "pop3", "", "pop3", "" },
		{ "", "192.0.2.1", "-", "192.0.2.1" },
		{ "a b", "1\n2", "-", "" },
		{ "0123456789012345678901234567890123456789012345678901234567"
		  "89012",
		    "0123456789012345678901234567890123456789012345678901234567"
		    "89012",
		    "0123456789012345678901234567890123456789012345678901234567"
		    "89012",
		    "" },
	};
	char text[LASTLOGIN_BYTES];
	struct lastlogin got;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct lastlogin l = { 1764496800, str_c(rows[i].protocol),
			str_c(rows[i].ip) };

		lastlogin_format(&l, text);
		test_row(i, text[LASTLOGIN_BYTES - 1] == '\n');
		test_row(i, lastlogin_parse(str_of(text, sizeof(text)), &got));
		test_row(i, got.at == l.at);
		test_row_str(i, got.protocol, str_c(rows[i].protocol_r));
		test_row_str(i, got.ip, str_c(rows[i].ip_r));
	}
}

/* Any byte but the blanks at the end. */
static void
test_damage(void **state)
{
	struct lastlogin l = { 1764496800, STR("imap"), STR("192.0.2.1") }, got;
	char text[LASTLOGIN_BYTES];
	size_t end;

	(void)state;
	lastlogin_format(&l, text);
	for (end = LASTLOGIN_BYTES - 1; text[end - 1] == ' '; end--)
		;
	for (size_t i = 0; i < end; i++) {
		char was = text[i];

		text[i] = was == '1' ? '2' : '1';
		test_row(i, !lastlogin_parse(str_of(text, sizeof(text)), &got));
		text[i] = was;
	}
	for (size_t n = 0; n < LASTLOGIN_BYTES; n++)
		test_row(n, !lastlogin_parse(str_of(text, n), &got));
	/* an address up to the end, with nothing behind it */
	memset(text, 'u', sizeof(text));
	memcpy(text, "1 1764496800 imap ", 18);
	text[sizeof(text) - 1] = '\n';
	assert_false(lastlogin_parse(str_of(text, sizeof(text)), &got));
}

static may_yield_unchecked unsigned long long
calls(struct arig *r, unsigned node)
{
	struct share_counts c;

	share_count_get(r->node[node].share, &c);
	share_count_reset(r->node[node].share);
	return c.total;
}

ARIG_CASE(test_file)
{
	struct lastlogin first = { 1000, STR("imap"), STR("192.0.2.1") };
	struct lastlogin next = { 2000, STR("submission"), STR("2001:db8::1") };
	struct lastlogin got;
	struct account *acc;
	struct str id = STR("abcdefgh");
	bool made;

	assert_err(lastlogin_write(t, r->node[0].ms, id, &first), ERR_NOTFOUND);
	assert_ok(account_create(t, r->node[0].ms, id, &made, &acc));
	assert_err(lastlogin_read(t, r->node[1].ms, id, &got), ERR_NOTFOUND);
	assert_ok(lastlogin_write(t, r->node[0].ms, id, &first));
	assert_ok(lastlogin_read(t, r->node[1].ms, id, &got));
	assert_int_equal(got.at, 1000);
	assert_true(str_eq_c(got.protocol, "imap"));
	calls(r, 1);
	assert_ok(lastlogin_write(t, r->node[1].ms, id, &next));
	assert_int_equal(calls(r, 1), 3); /* two LOOKUPs, one WRITE */
	assert_ok(lastlogin_read(t, r->node[0].ms, id, &got));
	assert_int_equal(got.at, 2000);
	assert_true(str_eq_c(got.ip, "2001:db8::1"));
	assert_err(lastlogin_write(t, r->node[0].ms, STR("../../etc"), &next),
	    ERR_INVALID);
	/* nobody minds it, and it goes with the account */
	struct account_check c = { .deep = true };
	struct account_maintain m = { .force = true, .sweep = true };

	assert_ok(account_check(t, acc, &c));
	assert_int_equal(c.fatal_r + c.untidy_r, 0);
	assert_ok(account_maintain(t, acc, &m));
	assert_ok(lastlogin_read(t, r->node[0].ms, id, &got));
	assert_ok(account_shut(t, acc));
	account_close(&acc);
	assert_ok(account_purge(t, r->node[0].ms, id));
	assert_err(lastlogin_read(t, r->node[0].ms, id, &got), ERR_NOTFOUND);
	assert_err(account_open(t, r->node[0].ms, id, &acc), ERR_NOTFOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_damage),
		ARIG_TEST(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
