/* test_conf.c - the configuration: what it says, and every refusal */
#include "server/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/net/listener.h"
#include "server/net/tls.h"
#include "test.h"

#define SHARE "share = \"/srv/mail\"\n"
#define USER "user = root\n"

static char conf_dir[] = "test-conf-XXXXXX";

#define assert_no_err(e)                                                       \
	do {                                                                   \
		struct err *e_ = (e);                                          \
		if (e_ != NULL)                                                \
			fail_msg("%s (%s)", e_->text,                          \
			    e_->detail ? e_->detail : "");                     \
	} while (0)

static const char *
conf_put(const char *name, const char *text, mode_t mode)
{
	static char path[PATH_MAX];
	char cwd[PATH_MAX - 128];
	FILE *f;

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(path, sizeof(path), "%s/%s/%s", cwd, conf_dir, name);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static struct err *
conf_try(struct arena *a, const char *text, struct conf **c_r)
{
	return conf_load(a, conf_put("shoal.conf", text, 0644), c_r);
}

/* --- refusals: text, line (0: none), words of the sentence --- */

static const struct {
	const char *text;
	unsigned line;
	const char *says;
} refused[] = {
	{ "", 0, "there is no share" },
	{ USER, 0, "there is no share" },
	{ SHARE "zz = 1", 2, "unknown key 'zz'" },
	{ SHARE "cluster { zz = 1 }", 2, "unknown key 'zz' in cluster" },
	{ SHARE "listen a {\n zz = 1 }", 3, "unknown key 'zz' in listen a" },
	{ SHARE "zz { a = 1 }", 2, "unknown key 'zz'" },
	{ SHARE "settings { smtp.zz = 1 }", 2, "unknown key 'smtp.zz'" },
	{ SHARE "share = /x", 2, "share is given twice, first in line 1" },
	{ SHARE "log { level = info\nlevel = warn }", 3,
	    "level is given twice in log, first in line 2" },
	{ SHARE "log { }\nlog { }", 3, "log is given twice" },
	{ SHARE "listen a { protocol = smtp address = \"*:25\" }\n"
		"listen a { protocol = lmtp address = \"*:24\" }",
	    3, "two sections with the title 'a'" },
	{ SHARE "listen a { protocol = smtp address = \"*:25\"\n"
		"address = \"*:26\" }",
	    3, "address is given twice in listen a" },
	{ SHARE "listen { protocol = smtp }", 2, "missing title" },
	{ SHARE "listen \"a b\" { protocol = smtp address = \"*:25\" }", 2,
	    "title has 1 to 32" },
	{ SHARE "listen a { address = \"*:25\" }", 2,
	    "listen a does not say its protocol" },
	{ SHARE "listen a { protocol = smtp }", 2,
	    "listen a does not say its address" },
	{ SHARE "listen a { protocol = smtp address = {} }", 2,
	    "listen a does not say its address" },
	{ SHARE "listen a { protocol = gopher address = \"*:70\" }", 2,
	    "protocol is smtp, submission, submissions, lmtp" },
	{ SHARE "listen a { protocol = smtp address = \"*:0x19\" }", 2,
	    "address names \"*:0x19\"" },
	{ SHARE "listen a { protocol = smtp address = \"*:65536\" }", 2,
	    "address names" },
	{ SHARE "listen a { protocol = smtp address = \"example.org:25\" }", 2,
	    "address names" },
	{ SHARE "listen a { protocol = smtp address = \"*:25\"\n"
		"proxy = \"10.0.0.0/33\" }",
	    3, "proxy names \"10.0.0.0/33\"" },
	{ SHARE "listen a { protocol = smtp address = \"*:25\"\n"
		"allow = { \"10.0.0.1\", \"host\" } }",
	    3, "allow names \"host\"" },
	{ SHARE "listen a { protocol = lmtp address = \"unix:/run/x\"\n"
		"mode = 0688 }",
	    3, "mode is an octal mode" },
	{ SHARE "listen a { protocol = lmtp address = \"unix:/run/x\"\n"
		"mode = 1777 }",
	    3, "mode is an octal mode" },
	{ SHARE "listen a { protocol = lmtp address = \"unix:/run/x\"\n"
		"group = \"no such group\" }",
	    3, "there is no group \"no such group\"" },
	{ SHARE "listen a { protocol = smtp address = \"127.0.0.1:25\" }\n"
		"listen b { protocol = imap address = \"127.0.0.1:25\" }",
	    3, "b has the address 127.0.0.1:25, and so has a" },
	{ SHARE "listen a { protocol = smtp address = { \"*:25\", \"*:25\" } }",
	    2, "a has the address 0.0.0.0:25, and so has a" },
	{ SHARE "node = \"a b\"", 2, "node has letters" },
	{ SHARE "node = \"\"", 2, "node has letters" },
	{ SHARE "node = \"-a\"", 2, "node has letters" },
	{ SHARE "hostname = \"mail_1.example.org\"", 2, "hostname has" },
	{ "share = \"srv/mail\"", 1, "share is nfs://SERVER/EXPORT" },
	{ "share = \"http://x/\"", 1, "share is nfs://SERVER/EXPORT" },
	{ SHARE "local = \"shoal\"", 2, "local is a path" },
	{ SHARE "workers = -1", 2, "workers is a number from 0 to 256" },
	{ SHARE "workers = 257", 2, "workers is a number from 0 to 256" },
	{ SHARE "workers = 99999999999999999999", 2, "workers is a number" },
	{ SHARE "workers = many", 2, "workers is a number" },
	{ SHARE "drain_timeout = 2d", 2, "drain_timeout is a duration" },
	{ SHARE "drain_timeout = soon", 2, "drain_timeout is a duration" },
	{ SHARE "send = maybe", 2, "send" },
	{ SHARE "send_from = { \"10.0.0.0/8\" }", 2,
	    "send_from is addresses of this node" },
	{ SHARE "send_from = { \"unix\" }", 2,
	    "send_from is addresses of this node" },
	{ SHARE "send_from = { \"mail\" }", 2, "send_from" },
	{ SHARE "user = \"no such user\"", 2, "there is no user" },
	{ SHARE USER "group = \"no such group\"", 3, "there is no group" },
	{ SHARE "cluster { address = \"node1:8446\" }", 2,
	    "address is a numeric address" },
	{ SHARE "cluster { address = \"unix:/run/x\" }", 2,
	    "address is a numeric address" },
	{ SHARE "cluster { address = \"0.0.0.0:8446\" }", 2,
	    "address is a numeric address" },
	{ SHARE "cluster { address = \"[::]:8446\" }", 2,
	    "address is a numeric address" },
	{ SHARE "cluster { address = \"*:8446\" }", 2,
	    "address is a numeric address" },
	{ SHARE "cluster { address = \"10.0.0.1:0\" }", 2,
	    "address is a numeric address" },
	{ SHARE "dns { servers = dns.example.org }", 2,
	    "servers names \"dns.example.org\", which is no numeric" },
	{ SHARE "dns { servers = { \"10.0.0.1\", \"10.0.0.1@0\" } }", 2,
	    "servers names \"10.0.0.1@0\"" },
	{ SHARE "dns { servers = \"10.0.0.1@\" }", 2, "servers names" },
	{ SHARE "dns { servers = \"10.0.0.1:65536\" }", 2, "servers names" },
	{ SHARE "dns { servers = \"[::1]\" }", 2, "servers names" },
	{ SHARE "dns { servers = \"[]:53\" }", 2, "servers names" },
	{ SHARE "dns { servers = \"unix\" }", 2, "servers names" },
	{ SHARE "dns { servers = \"\" }", 2, "servers names" },
	{ SHARE "dns { insecure = { a.example, \"b c\" } }", 2,
	    "insecure names \"b c\", which is no domain" },
	{ SHARE "dns { insecure = \"a..b\" }", 2, "insecure names" },
	{ SHARE "dns { trust_anchor = root.key }", 2,
	    "trust_anchor is a path" },
	{ SHARE USER "dns {\n trust_anchor = \"/nonexistent/root.key\" }", 4,
	    "trust_anchor /nonexistent/root.key cannot be used: No such" },
	{ SHARE USER "dns { trust_anchor = \"/\" }", 3, "is not a file" },
	{ SHARE "dns { zones = a }", 2, "unknown key 'zones' in dns" },
	{ SHARE "log { target = syslog }", 2, "target is stderr, journal" },
	{ SHARE "log { format = xml }", 2, "format is logfmt or json" },
	{ SHARE "log { level = loud }", 2, "level is debug, info" },
	{ SHARE "settings { smtp.recipients_max = 99 }", 2,
	    "smtp.recipients_max is a number, 100 to 100000" },
	{ SHARE "settings { message.max_size = huge }", 2,
	    "message.max_size is a size" },
	{ SHARE "settings { auth.allow_plaintext = true }", 2,
	    "auth.allow_plaintext is yes or no" },
	{ SHARE "tls { certificate = \"/nonexistent/a.pem\"\n"
		"key = \"/nonexistent/a.key\" }",
	    2, "cannot read /nonexistent/a.pem" },
	{ SHARE "tls { certificate = \"/nonexistent/a.pem\" }", 2,
	    "as many keys as certificates" },
	{ SHARE "tls { key = \"/nonexistent/a.pem\" }", 2,
	    "as many keys as certificates" },
	{ SHARE "tls { certificate = a\nkey = b }", 2, "cannot read a" },
	{ SHARE "node = \"${HOSTNAME}\"", 2, "is not expanded" },
	{ SHARE "node = ${HOSTNAME}", 2, "is not expanded" },
	{ SHARE "node = n1 }", 2, "unexpected closing brace" },
	{ SHARE "log {\nlevel = info\n", 2, "is not closed" },
	{ SHARE "node = \"n1", 2, "a quote is not closed" },
	{ SHARE "node = { a, b }", 2, "unexpected token" },
	{ SHARE "node", 2, "premature end of file" },
	{ SHARE "include(\"/etc/passwd\")", 2, "unknown key 'include'" },
};

static void
test_refused(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (unsigned i = 0; i < countof(refused); i++) {
		struct conf *c = NULL;
		struct err *e = conf_try(a, refused[i].text, &c);
		char where[64] = "shoal.conf: ";

		if (e == NULL)
			fail_msg("%u: taken", i);
		if (refused[i].line > 0)
			snprintf(where, sizeof(where),
			    "shoal.conf:%u: ", refused[i].line);
		if (strstr(e->text, where) == NULL ||
		    strstr(e->text, refused[i].says) == NULL ||
		    strchr(e->text, '\n') != NULL)
			fail_msg("%u: %s (wanted %s%s)", i, e->text, where,
			    refused[i].says);
		assert_null(c);
	}
	arena_free(&a);
}

static void
test_no_text(void **state)
{
	static const char bytes[] = SHARE "node\0 = n1\n";
	struct arena *a = arena_new(0);
	const char *path = conf_put("shoal.conf", "", 0644);
	FILE *f = fopen(path, "w");
	struct conf *c;
	struct err *e;

	(void)state;
	assert_int_equal(fwrite(bytes, sizeof(bytes) - 1, 1, f), 1);
	fclose(f);
	e = conf_load(a, path, &c);
	assert_true(err_is(e, ERR_INVALID));
	assert_non_null(strstr(e->text, "shoal.conf:2: there is a NUL"));
	e = conf_load(a, "/nonexistent/shoal.conf", &c);
	assert_true(err_is(e, ERR_NOENT));
	e = conf_load(a, ".", &c);
	assert_non_null(e);
	arena_free(&a);
}

/* --- what a good one says --- */

static const char whole[] =
    "# a comment with ${HOME}\n"
    "node = n1 // another {\n/* ${HOME} {\n */ #{\n"
    "share = 'nfs://10.0.0.5/export/mail?uid=990&gid=990'\n"
    "local = \"/var/lib/shoal\"\n" USER "workers = 3\n"
    "hostname = \"mail1.example.org\"\n"
    "drain_timeout = 2m\n"
    "send = no send_from = { \"10.0.0.25\", \"2001:db8::25\" }\n"
    "cluster { address = \"10.0.0.11:8446\" }\n"
    "dns { servers = { \"10.0.0.53\", \"10.0.0.54@5353\", "
    "\"10.0.0.55:5354\",\n"
    "  \"2001:db8::53\", \"2001:db8::54@5355\", \"[2001:db8::55]:5356\" }\n"
    "  trust_anchor = \"/nonexistent/x\" insecure = { Corp.Example., \".\" } "
    "}\n"
    "log { target = journal format = json level = warn topics = \"a,b\" }\n"
    "listen mx { protocol = smtp address = { \"*:25\", \"[::1]:2525\" } }\n"
    "listen lmtp { protocol = lmtp address = \"unix:/run/shoal/lmtp\"\n"
    "  mode = 0600 }\n"
    "listen imaps { protocol = imaps address = { \"0.0.0.0:993\" }\n"
    "  proxy = { \"10.0.0.10\", \"2001:db8::/32\" } allow = \"unix\" }\n"
    "settings { smtp.recipients_max = 500 \"message.max_size\" = 1M\n"
    "  net.exempt = \"10.0.0.0/8\" }\n";

static void
check_dns(const struct conf *c)
{
	static const struct {
		const char *text;
		unsigned port;
	} want[] = {
		{ "10.0.0.53", 53 },
		{ "10.0.0.54", 5353 },
		{ "10.0.0.55", 5354 },
		{ "2001:db8::53", 53 },
		{ "2001:db8::54", 5355 },
		{ "2001:db8::55", 5356 },
	};
	char text[NET_TEXT_MAX];

	assert_int_equal(c->dns.servers_n, countof(want));
	for (unsigned i = 0; i < countof(want); i++) {
		test_row_str(i, str_c(net_addr_text(&c->dns.servers[i], text)),
		    str_c(want[i].text));
		test_row(i, c->dns.servers[i].port == want[i].port);
	}
	/* not looked at: nothing is validated */
	assert_string_equal(c->dns.trust_anchor, "/nonexistent/x");
	assert_int_equal(c->dns.insecure_n, 2);
	assert_string_equal(c->dns.insecure[0], "corp.example");
	assert_string_equal(c->dns.insecure[1], ".");
}

static void
check_whole(const struct conf *c)
{
	check_dns(c);
	assert_string_equal(c->node, "n1");
	assert_string_equal(c->share,
	    "nfs://10.0.0.5/export/mail?uid=990&gid=990");
	assert_string_equal(c->user, "root");
	assert_null(c->group);
	assert_int_equal(c->workers, 3);
	assert_string_equal(c->hostname, "mail1.example.org");
	assert_int_equal(c->drain_timeout_s, 120);
	assert_int_equal(c->send, 0);
	assert_int_equal(c->send_from_n, 2);
	assert_int_equal(c->send_from[1].addr.family, NET_IP6);
	assert_string_equal(c->cluster.address, "10.0.0.11:8446");
	assert_string_equal(c->log.target, "journal");
	assert_int_equal(c->log.format, LOG_JSON);
	assert_int_equal(c->log.level, LOG_WARN_);
	assert_string_equal(c->log.topics, "a,b");
	assert_int_equal(c->listeners_n, 3);
	assert_string_equal(c->listeners[0].name, "mx");
	assert_int_equal(c->listeners[0].addresses_n, 3);
	assert_string_equal(c->listeners[0].addresses[1].text, "[::]:25");
	assert_int_equal(c->listeners[0].mode, 0660);
	assert_string_equal(c->listeners[1].addresses[0].unix_path,
	    "/run/shoal/lmtp");
	assert_int_equal(c->listeners[1].mode, 0600);
	assert_string_equal(c->listeners[2].protocol, "imaps");
	assert_int_equal(c->listeners[2].proxy_n, 2);
	assert_int_equal(c->listeners[2].proxy[1].bits, 32);
	assert_int_equal(c->listeners[2].allow_n, 1);
	assert_int_equal(c->listeners[2].allow[0].addr.family, NET_UNIX);
	assert_true(c->setting_set[STATE_SMTP_RECIPIENTS]);
	assert_int_equal(c->setting_u64[STATE_SMTP_RECIPIENTS], 500);
	assert_int_equal(c->setting_u64[STATE_MESSAGE_MAX], 1 << 20);
	assert_true(str_eq_c(c->setting_text[STATE_NET_EXEMPT], "10.0.0.0/8"));
	assert_false(c->setting_set[STATE_SMTP_HOPS]);
}

static void
test_whole(void **state)
{
	struct arena *a = arena_new(0);
	struct conf *c;

	(void)state;
	assert_no_err(conf_try(a, whole, &c));
	check_whole(c);
	conf_free(&c);
	arena_free(&a);
}

static void
test_defaults(void **state)
{
	struct arena *a = arena_new(0);
	char host[256] = "";
	struct conf *c;

	(void)state;
	gethostname(host, sizeof(host) - 1);
	assert_no_err(conf_try(a, SHARE USER, &c));
	assert_string_equal(c->local, "/var/lib/shoal");
	assert_string_equal(c->log.target, "stderr");
	assert_string_equal(c->hostname, host);
	assert_true(strncmp(c->node, host, strlen(c->node)) == 0);
	assert_null(strchr(c->node, '.'));
	assert_true(c->workers >= 1);
	assert_int_equal(c->drain_timeout_s, 30);
	assert_int_equal(c->send, 1);
	assert_int_equal(c->send_from_n, 0);
	assert_null(c->cluster.address);
	assert_int_equal(c->dns.servers_n, 0);
	assert_string_equal(c->dns.trust_anchor, "/usr/share/dns/root.key");
	assert_int_equal(c->dns.insecure_n, 0);
	assert_int_equal(c->certificates_n, 0);
	assert_false(conf_says(c, "node"));
	assert_true(conf_says(c, "share"));
	conf_free(&c);
	arena_free(&a);
}

/* Without what only the server reads. */
static void
test_public(void **state)
{
	struct arena *a = arena_new(0);
	struct conf *c;

	(void)state;
	assert_no_err(conf_load_public(a,
	    conf_put("shoal.conf",
		SHARE "user = \"no such user\"\n"
		      "tls { certificate = \"/nonexistent/a\" "
		      "key = \"/nonexistent/b\" }",
		0644),
	    &c));
	assert_string_equal(c->share, "/srv/mail");
	conf_free(&c);
	/* "shoal" may be no user here. */
	if (conf_load_draft(a, "/nonexistent/shoal.conf", &c) == NULL) {
		assert_null(c->share);
		conf_free(&c);
	}
	assert_no_err(
	    conf_load_draft(a, conf_put("shoal.conf", USER, 0644), &c));
	conf_free(&c);
	arena_free(&a);
}

static void
test_pack(void **state)
{
	struct arena *a = arena_new(0);
	struct conf *c, *back;
	struct str packed;
	unsigned refusals = 0;

	(void)state;
	assert_no_err(conf_try(a, whole, &c));
	packed = conf_pack(a, c);
	assert_no_err(conf_unpack(a, packed, &back));
	check_whole(back);
	assert_null(conf_needs_restart(c, back));
	conf_free(&back);
	for (size_t n = 0; n < packed.n; n++)
		refusals +=
		    conf_unpack(a, str_sub(packed, 0, n), &back) != NULL;
	assert_int_equal(refusals, packed.n);
	conf_free(&c);
	arena_free(&a);
}

/* --- reload --- */

static const struct {
	const char *old, *new;
	const char *restart;
} reloads[] = {
	{ SHARE USER, SHARE USER, NULL },
	{ SHARE USER, USER "share = '/srv/mail'", NULL },
	{ SHARE USER, SHARE USER "log { level = warn }", NULL },
	{ SHARE USER, SHARE USER "drain_timeout = 1s hostname = h", NULL },
	{ SHARE USER, SHARE USER "settings { smtp.hops_max = 9 }", NULL },
	{ SHARE USER, USER "share = '/srv/mail2'", "share" },
	{ SHARE USER, SHARE USER "node = other", "node" },
	{ SHARE USER "workers = 2", SHARE USER "workers = 3", "workers" },
	{ SHARE USER "cluster { address = \"127.0.0.1:1\" }", SHARE USER,
	    "address" },
	{ SHARE USER "local = \"/x\"", SHARE USER, "local" },
};

static void
test_reload(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (unsigned i = 0; i < countof(reloads); i++) {
		struct conf *old, *new;
		const char *key;

		assert_no_err(conf_try(a, reloads[i].old, &old));
		assert_no_err(conf_try(a, reloads[i].new, &new));
		key = conf_needs_restart(old, new);
		if ((key == NULL) != (reloads[i].restart == NULL) ||
		    (key != NULL && strcmp(key, reloads[i].restart) != 0))
			fail_msg("%u: %s", i, key != NULL ? key : "nothing");
		conf_keep_fixed(new, old);
		assert_null(conf_needs_restart(old, new));
		assert_string_equal(new->share, old->share);
		assert_string_equal(new->node, old->node);
		assert_int_equal(new->workers, old->workers);
		conf_free(&old);
		/* nothing of it points into the old one */
		assert_non_null(conf_pack(a, new).p);
		conf_free(&new);
	}
	arena_free(&a);
}

/* --- certificates --- */

static void
shell(const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "cd %s && %s >/dev/null 2>&1", conf_dir,
	    command);
	assert_int_equal(system(line), 0);
}

static struct err *
conf_try_tls(struct arena *a, const char *cert, const char *key,
    struct conf **c_r)
{
	char cwd[1024], text[4096];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(text, sizeof(text),
	    SHARE USER "tls { certificate = \"%s/%s/%s\"\n"
		       "key = \"%s/%s/%s\" }",
	    cwd, conf_dir, cert, cwd, conf_dir, key);
	return conf_try(a, text, c_r);
}

static void
test_certificates(void **state)
{
	struct arena *a = arena_new(0);
	struct conf *c, *back;
	struct err *e;

	(void)state;
	shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	      "-nodes -subj /CN=a.example -days 30 -keyout a.key -out a.pem && "
	      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	      "-nodes -subj /CN=b.example -days 30 -keyout b.key -out b.pem && "
	      "chmod 600 a.key b.key");
	assert_no_err(conf_try_tls(a, "a.pem", "a.key", &c));
	assert_int_equal(c->certificates_n, 1);
	assert_true(str_starts(c->certificates[0].certificate,
	    STR("-----BEGIN CERTIFICATE")));
	assert_no_err(conf_unpack(a, conf_pack(a, c), &back));
	assert_true(str_eq(c->certificates[0].key, back->certificates[0].key));
	conf_free(&c);
	conf_free(&back);

	e = conf_try_tls(a, "a.pem", "b.key", &c);
	assert_true(err_is(e, ERR_INVALID));
	assert_non_null(strstr(e->text, "shoal.conf:3: "));
	e = conf_try_tls(a, "a.key", "a.pem", &c);
	assert_true(err_is(e, ERR_INVALID));
	e = conf_try_tls(a, "a.pem", ".", &c);
	assert_non_null(strstr(e->text, "shoal.conf:4: "));
	assert_non_null(strstr(e->text, "is not a file"));
	shell("chmod 640 a.key");
	assert_no_err(conf_try_tls(a, "a.pem", "a.key", &c));
	conf_free(&c);
	shell("chmod 644 a.key");
	e = conf_try_tls(a, "a.pem", "a.key", &c);
	assert_non_null(strstr(e->text, "everybody may use"));
	shell("chmod 660 a.key");
	e = conf_try_tls(a, "a.pem", "a.key", &c);
	assert_non_null(strstr(e->text, "its group may change"));
	arena_free(&a);
}

/* --- what is made from the table --- */

/* The example with every key commented in is a good file. */
static void
test_example(void **state)
{
	struct arena *a = arena_new(0);
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct conf *c;

	(void)state;
	conf_print_example(f);
	fclose(f);
	assert_no_err(
	    conf_load_public(a, conf_put("shoal.conf", text, 0644), &c));
	assert_int_equal(c->listeners_n, 11);
	conf_free(&c);
	/* "#key = value" and "#section {" are no prose */
	for (char *p = text; p != NULL && *p != '\0';
	     p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
		char *s = p + strspn(p, "\t");

		if (*s == '#' && s[1] != ' ' && s[1] != '\n')
			*s = ' ';
	}
	assert_no_err(
	    conf_load_public(a, conf_put("shoal.conf", text, 0644), &c));
	assert_true(conf_says(c, "node"));
	assert_true(c->setting_set[STATE_SMTP_HOPS]);
	conf_free(&c);
	free(text);
	arena_free(&a);
}

/* What the table calls a protocol is one. */
static void
test_protocols(void **state)
{
	struct arena *a = arena_new(0);

	(void)state;
	for (unsigned i = 0; protocols[i] != NULL; i++) {
		char text[256];
		struct conf *c;

		snprintf(text, sizeof(text),
		    SHARE USER "listen x { protocol = %s "
			       "address = \"127.0.0.1:1\" }",
		    protocols[i]->name);
		assert_no_err(conf_try(a, text, &c));
		conf_free(&c);
	}
	arena_free(&a);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(conf_dir) == NULL;
}

static int
teardown(void **state)
{
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", conf_dir);
	return system(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_text),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_protocols),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
