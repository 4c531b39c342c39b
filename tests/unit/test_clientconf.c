/* test_clientconf.c - what mail programs are told */
#include "tests/unit/test.h"

#include "server/http/clientconf.h"

static const struct {
	const char *body, *address; /* NULL: none */
} requests[] = {
	{ "<Autodiscover xmlns=\"x\"><Request><EMailAddress>a@example.org"
	  "</EMailAddress></Request></Autodiscover>",
	    "a@example.org" },
	{ "<a:EMailAddress xmlns:a=\"x\">\r\n  o&apos;neil&amp;co@example.org\n"
	  "</a:EMailAddress>",
	    "o'neil&co@example.org" },
	{ "<EMailAddress>a&b@example.org</EMailAddress>", "a&b@example.org" },
	{ "<EMailAddress></EMailAddress>", NULL },
	{ "<EMailAddress>   </EMailAddress>", NULL },
	{ "<EMailAddressX>a@example.org</EMailAddressX>", NULL },
	{ "<EMailAddress>a@example.org", NULL },
	{ "<EMailAddress", NULL },
	{ "", NULL },
	{ "a@example.org", NULL },
};

static void
test_requests(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (unsigned i = 0; i < countof(requests); i++) {
		struct str got;
		bool ok = clientconf_autodiscover_address(a,
		    str_c(requests[i].body), &got);

		if (ok != (requests[i].address != NULL) ||
		    (ok && !str_eq_c(got, requests[i].address)))
			fail_msg("%u: \"%.*s\"", i, STR_ARG(got));
	}
	arena_free(&a);
}

static void
test_long_request(void **state)
{
	struct arena *a = arena_new(0);
	struct buf b;
	struct str got;

	(void)state;
	buf_init(&b, a, 1 << 16);
	buf_c(&b, "<EMailAddress>");
	for (unsigned i = 0; i <= CLIENTCONF_ADDRESS_MAX; i++)
		buf_char(&b, 'x');
	buf_c(&b, "</EMailAddress>");
	assert_false(clientconf_autodiscover_address(a, buf_str(&b), &got));
	arena_free(&a);
}

static bool
has(struct buf *b, const char *what)
{
	return strstr(buf_cstr(b), what) != NULL;
}

static void
test_documents(void **state)
{
	struct clientconf c = { .host = STR("mail.example.org"),
		.domain = STR("example.org"),
		.address = STR("a&b@example.org"),
		.services = clientconf_service_of("imaps") |
			    clientconf_service_of("submission") };
	struct arena *a = arena_new(0);
	struct buf b;

	(void)state;
	buf_init(&b, a, CLIENTCONF_BYTES_MAX);
	clientconf_mozilla(&b, &c);
	assert_true(has(&b, "<port>993</port>\n<socketType>SSL</socketType>"));
	assert_true(
	    has(&b, "<port>587</port>\n<socketType>STARTTLS</socketType>"));
	assert_true(has(&b, "<username>a&amp;b@example.org</username>"));
	assert_false(has(&b, "pop3"));
	buf_clear(&b);
	c.address = STR_NONE;
	clientconf_mozilla(&b, &c);
	assert_true(has(&b, "<username>%EMAILADDRESS%</username>"));
	buf_clear(&b);
	c.address = STR("a&b@example.org");
	clientconf_autodiscover(&b, &c);
	assert_true(has(&b, "<LoginName>a&amp;b@example.org</LoginName>"));
	assert_true(has(&b, "<Type>SMTP</Type>\n<Server>mail.example.org"));
	assert_false(has(&b, "<Port>465</Port>"));
	assert_true(buf_ok(&b));
	arena_free(&a);
}

/* Everything there is, with the longest names, fits. */
static void
test_room(void **state)
{
	char host[254], address[CLIENTCONF_ADDRESS_MAX + 1];
	struct arena *a = arena_new(0);
	struct buf b;
	struct clientconf c = { .services = ~0U };

	(void)state;
	memset(host, 'h', sizeof(host) - 1);
	memset(address, '&', sizeof(address) - 1);
	c.host = c.domain = str_of(host, sizeof(host) - 1);
	c.address = str_of(address, sizeof(address) - 1);
	buf_init(&b, a, CLIENTCONF_BYTES_MAX);
	clientconf_mozilla(&b, &c);
	assert_true(buf_ok(&b));
	buf_clear(&b);
	clientconf_autodiscover(&b, &c);
	assert_true(buf_ok(&b));
	assert_int_equal(clientconf_service_of("lmtp"), 0);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_long_request),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
