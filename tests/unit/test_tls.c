/* test_tls.c - certificates, SNI, tickets, STARTTLS and what breaks it */
#include "tests/unit/net_rig.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <openssl/ssl.h>

#include "base/log.h"
#include "server/net/tls.h"
#include "server/net/tls_conn.h"
#include "server/net/tls_private.h"
#include "storage/localdir.h"
#include "tests/unit/cert_rig.h"

/* --- the protocol: one letter a command --- */

static may_yield void
tiny_open(struct task *t, struct conn *c)
{
	((struct net_rig *)conn_worker(c))->opened++;
	((struct net_rig *)conn_worker(c))->last = c;
	conn_printf(t, c, "hi %s\r\n",
	    conn_is_tls(c) ? conn_tls_version(c) : "plain");
}

#define PATTERN_BYTES 8000000

static unsigned char
pattern(size_t i)
{
	return (unsigned char)(i * 2654435761U >> 13);
}

/* In pieces of all sizes, none of which fits a buffer or a record. */
static may_yield void
tiny_pattern(struct task *t, struct conn *c)
{
	unsigned char p[5000];
	size_t done = 0, n = 1;

	for (; done < PATTERN_BYTES; done += n) {
		n = 1 + n * 31 % sizeof(p);
		if (n > PATTERN_BYTES - done)
			n = PATTERN_BYTES - done;
		for (size_t i = 0; i < n; i++)
			p[i] = pattern(done + i);
		conn_write(t, c, p, n);
	}
}

static may_yield void
tiny_event(struct task *t, struct conn *c, unsigned events)
{
	struct net_rig *r = (struct net_rig *)conn_worker(c);
	static char big[200000];
	struct err *e;
	struct str in;

	(void)events;
	while ((in = conn_buffered(c)).n > 0 && !conn_is_ending(c)) {
		char word = in.p[0];

		conn_consume(c, 1);
		if (word == 'v')
			conn_printf(t, c, "%s %s\r\n", conn_tls_version(c),
			    conn_tls_cipher(c));
		else if (word == 'b')
			conn_write(t, c, big, sizeof(big));
		else if (word == 'p')
			tiny_pattern(t, c);
		else if (word == 'q') {
			conn_puts(t, c, "bye\r\n");
			conn_end(c);
		} else if (word == 's') {
			conn_puts(t, c, "go\r\n");
			e = conn_flush(t, c);
			if (e == NULL)
				e = conn_start_tls(t, c);
			r->last_code = err_code(e);
			if (e == NULL)
				conn_puts(t, c, "secure\r\n");
		} else
			conn_printf(t, c, "%c\r\n", word);
	}
}

static void
tiny_close(struct conn *c)
{
	((struct net_rig *)conn_worker(c))->closed++;
}

static const struct protocol tiny_tls = { .name = "imaps",
	.tls = true,
	.start_timeout_ms = 60000,
	.open = tiny_open,
	.event = tiny_event,
	.close = tiny_close };
static const struct protocol tiny_plain = { .name = "imap",
	.start_timeout_ms = 60000,
	.open = tiny_open,
	.event = tiny_event,
	.close = tiny_close };

static struct net_rig *
rig_tls_new(const struct protocol *p)
{
	struct net_rig *r = rig_new();
	struct conf_certificate *c = arena_array(r->arena, 3, sizeof(*c));

	cert_make(r->arena, "first", "DNS:mail.example.org,DNS:MX.Example.org", 90,
	    &c[0]);
	cert_make(r->arena, "second", "DNS:*.example.net,DNS:example.net", 30,
	    &c[1]);
	cert_make(r->arena, "third.example.com", NULL, 60, &c[2]);
	r->conf.certificates = c;
	r->conf.certificates_n = 3;
	r->w.tls = tls_new(&r->w);
	assert_false(tls_is_loaded(r->w.tls));
	assert_null(tls_load(r->arena, r->w.tls));
	assert_true(tls_is_loaded(r->w.tls));
	rig_listen(r, p, "127.0.0.1:0");
	return r;
}

static int
setup_tls(void **state)
{
	*state = rig_tls_new(&tiny_tls);
	return 0;
}

static int
setup_plain(void **state)
{
	*state = rig_tls_new(&tiny_plain);
	return 0;
}

static int
teardown(void **state)
{
	struct net_rig *r = *state;
	struct tls *tls = r->w.tls;

	rig_free(r); /* connections first */
	tls_free(&tls);
	return 0;
}

/* --- a client --- */

struct client {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
};

static int
keep_session(SSL *ssl, SSL_SESSION *s)
{
	SSL_SESSION **kept = SSL_get_app_data(ssl);

	if (kept == NULL)
		return 0;
	SSL_SESSION_free(*kept);
	*kept = s;
	return 1;
}

/* session: NULL, or what to resume and where to put the next ticket. */
static may_yield bool
client_start(struct task *t, struct client *c, int fd, const char *name,
    int version, SSL_SESSION **session)
{
	int rc;

	c->fd = fd;
	c->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(c->ctx,
	    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ctx, keep_session);
	SSL_CTX_set_security_level(c->ctx, 0);
	if (version != 0) {
		SSL_CTX_set_min_proto_version(c->ctx, version);
		SSL_CTX_set_max_proto_version(c->ctx, version);
	}
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, fd);
	SSL_set_app_data(c->ssl, session);
	if (name != NULL)
		SSL_set_tlsext_host_name(c->ssl, name);
	if (session != NULL && *session != NULL)
		SSL_set_session(c->ssl, *session);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while ((rc = SSL_connect(c->ssl)) != 1) {
		int why = SSL_get_error(c->ssl, rc);

		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return false;
		task_sleep_ms(t, 1);
	}
	return true;
}

static may_yield ssize_t
client_recv(struct task *t, struct client *c, void *p, size_t n)
{
	for (int i = 0; i < RIG_PATIENCE_MS; i++) {
		int rc = SSL_read(c->ssl, p, (int)n);

		if (rc > 0)
			return rc;
		if (SSL_get_error(c->ssl, rc) != SSL_ERROR_WANT_READ)
			return SSL_get_error(c->ssl, rc) ==
				       SSL_ERROR_ZERO_RETURN
				   ? 0
				   : -1;
		task_sleep_ms(t, 1);
	}
	fail_msg("nothing comes");
	return -1;
}

static may_yield void
client_expect(struct task *t, struct client *c, const char *want)
{
	char got[512];
	size_t n = 0, want_n = strlen(want);
	ssize_t part;

	while (
	    n < want_n && (part = client_recv(t, c, got + n, want_n - n)) > 0)
		n += (size_t)part;
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void
client_end(struct client *c)
{
	/* else the session would count as broken off, not to be resumed */
	SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
}

static const char *
client_cn(struct client *c, char text_r[64])
{
	X509 *x = SSL_get1_peer_certificate(c->ssl);

	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName,
	    text_r, 64);
	X509_free(x);
	return text_r;
}

/* --- tests --- */

static may_yield void
implicit(struct task *t, struct net_rig *r)
{
	static const struct {
		int version;
		const char *hi;
		bool ok;
	} rows[] = {
		{ 0, "hi TLSv1.3\r\n", true },
		{ TLS1_3_VERSION, "hi TLSv1.3\r\n", true },
		{ TLS1_2_VERSION, "hi TLSv1.2\r\n", true },
		{ TLS1_1_VERSION, NULL, false },
		{ TLS1_VERSION, NULL, false },
	};
	char p[4096];

	for (unsigned i = 0; i < countof(rows); i++) {
		struct client c;
		bool ok = client_start(t, &c, rig_connect(r), NULL,
		    rows[i].version, NULL);
		size_t all = 0;

		test_row(i, ok == rows[i].ok);
		if (ok) {
			client_expect(t, &c, rows[i].hi);
			SSL_write(c.ssl, "ab", 2);
			client_expect(t, &c, "a\r\n");
			while (all < 200000)
				all += (size_t)client_recv(t, &c, p,
				    sizeof(p) < 200000 - all ? sizeof(p)
							     : 200000 - all);
			SSL_write(c.ssl, "q", 1);
			client_expect(t, &c, "bye\r\n");
			/* and a close_notify */
			assert_int_equal(client_recv(t, &c, p, 1), 0);
		}
		client_end(&c);
	}
	assert_int_equal(stat_sum(r->w.counts, STAT_TLS_HANDSHAKES), 3);
	assert_int_equal(stat_sum(r->w.counts, STAT_TLS_FAILED), 2);
}

/* A client that stops again and again: every byte comes, once. */
static may_yield void
stopping(struct task *t, struct net_rig *r)
{
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		struct client c;
		unsigned char p[10000];
		size_t all = 0;
		ssize_t got;

		assert_true(client_start(t, &c, rig_connect(r), NULL, v, NULL));
		client_expect(t, &c, "hi ");
		client_expect(t, &c,
		    v == TLS1_2_VERSION ? "TLSv1.2\r\n" : "TLSv1.3\r\n");
		SSL_write(c.ssl, "p", 1);
		for (unsigned i = 0; all < PATTERN_BYTES; i++) {
			if (i % 200 == 0)
				task_sleep_ms(t, 5);
			got = client_recv(t, &c, p,
			    sizeof(p) < PATTERN_BYTES - all
				? sizeof(p)
				: PATTERN_BYTES - all);
			assert_true(got > 0);
			for (ssize_t k = 0; k < got; k++)
				assert_int_equal(p[k],
				    pattern(all + (size_t)k));
			all += (size_t)got;
		}
		SSL_write(c.ssl, "q", 1);
		client_expect(t, &c, "bye\r\n");
		client_end(&c);
	}
}

/* Both ends say the same, each of its own: the client by OpenSSL alone. */
static may_yield void
binding(struct task *t, struct net_rig *r)
{
	unsigned char ours[CONN_BINDING_MAX], last[32] = { 0 }, theirs[64];
	unsigned n;
	size_t ours_n;

	for (int i = 0; i < 4; i++) {
		int v = i < 2 ? TLS1_3_VERSION : TLS1_2_VERSION;
		struct client c;
		X509 *x;

		assert_true(client_start(t, &c, rig_connect(r),
		    i % 2 ? "example.net" : NULL, v, NULL));
		client_expect(t, &c, "hi ");
		x = SSL_get1_peer_certificate(c.ssl);
		assert_int_equal(X509_digest(x, EVP_sha256(), theirs, &n), 1);
		X509_free(x);
		assert_true(conn_tls_binding(r->last,
		    STR("tls-server-end-point"), ours, &ours_n));
		assert_int_equal(ours_n, 32);
		assert_memory_equal(ours, theirs, 32);
		/* RFC 9266, 4.2: not before TLS 1.3 */
		assert_int_equal(conn_tls_binding(r->last, STR("tls-exporter"),
				     ours, &ours_n),
		    v == TLS1_3_VERSION);
		if (v == TLS1_3_VERSION) {
			assert_int_equal(SSL_export_keying_material(c.ssl,
					     theirs, 32,
					     "EXPORTER-Channel-Binding", 24,
					     NULL, 0, 0),
			    1);
			assert_int_equal(ours_n, 32);
			assert_memory_equal(ours, theirs, 32);
			assert_memory_not_equal(ours, last, 32);
			memcpy(last, ours, 32);
		}
		assert_false(conn_tls_binding(r->last, STR("tls-unique"), ours,
		    &ours_n));
		SSL_write(c.ssl, "q", 1);
		client_expect(t, &c,
		    v == TLS1_3_VERSION ? "TLSv1.3\r\nbye\r\n"
					: "TLSv1.2\r\nbye\r\n");
		client_end(&c);
	}
}

static may_yield void
sni(struct task *t, struct net_rig *r)
{
	static const struct {
		const char *name, *cn;
	} rows[] = {
		{ NULL, "first" },
		{ "mail.example.org", "first" },
		{ "MAIL.example.ORG", "first" },
		{ "mx.example.org", "first" },
		{ "a.example.net", "second" },
		{ "x.example.net", "second" },
		{ "example.net", "second" },
		{ "a.b.example.net", "first" },
		{ ".example.net", "first" },
		{ "third.example.com", "third.example.com" },
		{ "unknown.example", "first" },
		{ "net", "first" },
	};
	char cn[64];

	for (unsigned i = 0; i < countof(rows); i++)
		for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
			struct client c;

			test_row(i, client_start(t, &c, rig_connect(r),
					rows[i].name, v, NULL));
			test_row_str(i, str_c(client_cn(&c, cn)),
			    str_c(rows[i].cn));
			client_end(&c);
		}
}

/* Tickets: of today and yesterday, of another worker with the same key; not of
 * the day before. */
static may_yield void
tickets(struct task *t, struct net_rig *r)
{
	for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
		SSL_SESSION *s = NULL;
		struct client c;

		for (int i = 0; i < 3; i++) {
			assert_true(client_start(t, &c, rig_connect(r),
			    "a.example.net", v, &s));
			assert_int_equal(SSL_session_reused(c.ssl), i > 0);
			client_expect(t, &c, "hi");
			client_end(&c);
			assert_non_null(s);
			/* new contexts, as after a reload */
			assert_null(tls_load(r->arena, r->w.tls));
		}
		SSL_SESSION_free(s);
	}
}

static may_yield void
ticket_days(struct task *t, struct net_rig *r)
{
	static const struct {
		int days;
		bool resumed;
	} rows[] = { { 0, true }, { 1, true }, { -1, true }, { 2, false },
		{ -2, false } };

	/* no day ends meanwhile but by ahead_days */
	r->ahead_s = 43200 - clock_system.wall_s(clock_system.arg) % 86400;
	for (unsigned i = 0; i < countof(rows); i++) {
		SSL_SESSION *s = NULL;
		struct client c;

		r->ahead_days = 0;
		assert_true(client_start(t, &c, rig_connect(r), NULL,
		    TLS1_2_VERSION, &s));
		client_expect(t, &c, "hi");
		client_end(&c);
		r->ahead_days = rows[i].days;
		assert_true(client_start(t, &c, rig_connect(r), NULL,
		    TLS1_2_VERSION, &s));
		test_row(i, SSL_session_reused(c.ssl) == rows[i].resumed);
		client_end(&c);
		SSL_SESSION_free(s);
	}
}

static may_yield void
starttls(struct task *t, struct net_rig *r)
{
	int fd = rig_connect(r);
	struct client c;

	rig_expect(t, fd, "hi plain\r\n");
	rig_puts(fd, "s");
	rig_expect(t, fd, "go\r\n");
	assert_true(client_start(t, &c, fd, NULL, 0, NULL));
	client_expect(t, &c, "secure\r\n");
	SSL_write(c.ssl, "av", 2);
	client_expect(t, &c, "a\r\nTLSv1.3 TLS_");
	assert_int_equal(r->last_code, ERR_NONE);
	client_end(&c);
	rig_await(t, &r->closed, 1);
}

/* B4, B42: what came in plain text behind STARTTLS is nobody's command. */
static may_yield void
injected(struct task *t, struct net_rig *r)
{
	int fd = rig_connect(r);
	char p[64];

	rig_expect(t, fd, "hi plain\r\n");
	rig_puts(fd, "sa");
	rig_expect(t, fd, "go\r\n");
	assert_true(rig_recv(t, fd, p, sizeof(p)) <= 0);
	close(fd);
	rig_await(t, &r->closed, 1);
	assert_int_equal(r->last_code, ERR_INVALID);
	/* later, but before the handshake: breaks that */
	fd = rig_connect(r);
	rig_expect(t, fd, "hi plain\r\n");
	rig_puts(fd, "s");
	rig_expect(t, fd, "go\r\n");
	rig_puts(fd, "aaaaaaaaaaaaaaaa");
	for (ssize_t got; (got = rig_recv(t, fd, p, sizeof(p))) > 0;)
		/* at most an alert: a record of type 21 */
		assert_int_equal(p[0], 21);
	close(fd);
	rig_await(t, &r->closed, 2);
	assert_int_equal(r->last_code, ERR_IO);
}

static may_yield void
starttls_late(struct task *t, struct net_rig *r)
{
	int fd = rig_connect(r);
	char c;

	rig_expect(t, fd, "hi plain\r\n");
	rig_puts(fd, "s");
	rig_expect(t, fd, "go\r\n");
	rig_puts(fd, "\x16\x03\x01");
	rig_turns(t, 5);
	assert_int_equal(r->closed, 0);
	r->ahead_ms += 10000;
	rig_await(t, &r->closed, 1);
	assert_int_equal(r->last_code, ERR_TIMEOUT);
	assert_true(rig_recv(t, fd, &c, 1) <= 0);
	close(fd);
}

/* B10: close_notify, then plain text on the same socket. */
static may_yield void
after_close_notify(struct task *t, struct net_rig *r)
{
	uint64_t before;
	struct client c;
	char p[64];

	assert_true(client_start(t, &c, rig_connect(r), NULL, 0, NULL));
	client_expect(t, &c, "hi TLSv1.3\r\n");
	SSL_write(c.ssl, "a", 1);
	client_expect(t, &c, "a\r\n");
	before = stat_sum(r->w.counts, STAT_BYTES_IN);
	SSL_write(c.ssl, "bxy", 3); /* its answers still come */
	SSL_shutdown(c.ssl);
	rig_puts(c.fd, "qqqq");
	rig_await(t, &r->closed, 1);
	assert_int_equal(stat_sum(r->w.counts, STAT_BYTES_IN), before + 3);
	while (recv(c.fd, p, sizeof(p), 0) > 0)
		;
	client_end(&c);
}

/* Nobody there, junk, silence, half a hello. */
static may_yield void
bad_hellos(struct task *t, struct net_rig *r)
{
	uint64_t infos = log_count(LOG_INFO_);
	char p[64];
	int fd;

	fd = rig_connect(r); /* a probe: not logged */
	close(fd);
	while (stat_sum(r->w.counts, STAT_TLS_FAILED) < 1)
		task_sleep_ms(t, 1);
	assert_int_equal(log_count(LOG_INFO_), infos);
	fd = rig_connect(r);
	rig_puts(fd, "GET / HTTP/1.0\r\n\r\n");
	while (rig_recv(t, fd, p, sizeof(p)) > 0)
		;
	close(fd);
	assert_int_equal(log_count(LOG_INFO_), infos + 1);
	fd = rig_connect(r);
	rig_puts(fd, "\x16\x03\x01");
	rig_turns(t, 5);
	r->ahead_ms += 10000;
	assert_true(rig_recv(t, fd, p, sizeof(p)) <= 0);
	close(fd);
	assert_int_equal(log_count(LOG_INFO_), infos + 2);
	assert_int_equal(stat_sum(r->w.counts, STAT_TLS_FAILED), 3);
	assert_int_equal(r->opened, 0);
}

#define TEST(fn)                                                               \
	static void test_##fn(void **state)                                    \
	{                                                                      \
		rig_run(*state, fn);                                           \
	}
TEST(implicit)
TEST(stopping)
TEST(sni)
TEST(binding)
TEST(tickets)
TEST(ticket_days)
TEST(starttls)
TEST(injected)
TEST(starttls_late)
TEST(after_close_notify)
TEST(bad_hellos)

static void
test_status(void **state)
{
	struct net_rig *r = *state;
	struct tls_status s;

	tls_status(r->arena, r->w.tls, &s);
	assert_string_equal(s.source, "file");
	assert_int_equal(s.n, 3);
	assert_string_equal(s.expires_name, "*.example.net");
	assert_in_range(s.expires, time(NULL) + 29 * 86400,
	    time(NULL) + 31 * 86400);
	assert_int_equal(counts_word(r->w.counts, COUNTS_CERT_EXPIRES),
	    s.expires);
	assert_int_equal(counts_word(r->w.counts, COUNTS_CERT_SELF), 0);
	/* a reload that fails leaves what was there */
	r->conf.certificates[1].key = r->conf.certificates[0].key;
	assert_non_null(tls_load(r->arena, r->w.tls));
	assert_true(tls_is_loaded(r->w.tls));
	tls_status(r->arena, r->w.tls, &s);
	assert_int_equal(s.n, 3);
}

static void
test_check_pair(void **state)
{
	struct arena *a = arena_new(0);
	struct conf_certificate good, other, old;
	struct str chain;
	const struct {
		struct str certificate, key;
		const char *says; /* NULL: fine */
	} rows[] = {
		{ STR("x"), STR("x"), "the certificate: no start line" },
		{ STR_NONE, STR_NONE, "the certificate: no start line" },
	};

	(void)state;
	cert_make(a, "good", "DNS:good.example", 10, &good);
	cert_make(a, "other", "DNS:other.example", 10, &other);
	cert_make(a, "old", "DNS:old.example", -10, &old);
	chain = str_c(arena_printf(a, STR_FMT STR_FMT,
	    STR_ARG(good.certificate), STR_ARG(other.certificate)));
	for (unsigned i = 0; i < countof(rows); i++) {
		struct err *e =
		    tls_check_pair(a, rows[i].certificate, rows[i].key);

		assert_non_null(e);
		test_row_str(i, str_c(e->text), str_c(rows[i].says));
	}
	assert_null(tls_check_pair(a, good.certificate, good.key));
	assert_null(tls_check_pair(a, chain, good.key));
	assert_string_equal(tls_check_pair(a, good.certificate, other.key)
				->text,
	    "the private key does not belong to the certificate");
	assert_string_equal(tls_check_pair(a, good.certificate, STR_NONE)->text,
	    "the private key is missing");
	assert_string_equal(tls_check_pair(a, good.certificate,
				good.certificate)
				->text,
	    "the private key: unsupported");
	assert_non_null(
	    strstr(tls_check_pair(a, old.certificate, old.key)->text,
		"the certificate expired on 20"));
	/* a chain cut in the middle */
	chain.n -= 40;
	assert_non_null(tls_check_pair(a, chain, good.key));
	arena_free(&a);
}

static void
test_names(void **state)
{
	struct arena *a = arena_new(0);
	struct conf_certificate c;
	struct str *names;
	int64_t expires;
	unsigned n;

	(void)state;
	cert_make(a, "x", "DNS:A.example,DNS:*.b.example,email:c@example", 10, &c);
	assert_null(tls_names(a, c.certificate, &names, &n, &expires));
	assert_int_equal(n, 2);
	assert_true(str_eq_c(names[0], "a.example"));
	assert_true(str_eq_c(names[1], "*.b.example"));
	assert_in_range(expires, time(NULL) + 9 * 86400,
	    time(NULL) + 11 * 86400);
	cert_make(a, "Only.CN", NULL, 10, &c);
	assert_null(tls_names(a, c.certificate, &names, &n, &expires));
	assert_int_equal(n, 1);
	assert_true(str_eq_c(names[0], "only.cn"));
	assert_non_null(tls_names(a, STR("junk"), &names, &n, &expires));
	arena_free(&a);
}

/* No certificate at all: one is made, once, and found again. */
static void
test_self(void **state)
{
	struct net_rig *r = rig_new();
	char dir[] = "selfXXXXXX", path[64];
	struct tls_status s, again;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	r->conf.local = dir;
	r->w.tls = tls_new(&r->w);
	assert_null(tls_load(r->arena, r->w.tls));
	tls_status(r->arena, r->w.tls, &s);
	assert_string_equal(s.source, "self-signed");
	assert_string_equal(s.expires_name, "mx.example.org");
	assert_int_equal(counts_word(r->w.counts, COUNTS_CERT_SELF), 1);
	snprintf(path, sizeof(path), "%s/self.pem", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	tls_free(&r->w.tls);
	sleep(1); /* another one would expire a second later */
	r->w.tls = tls_new(&r->w);
	assert_null(tls_load(r->arena, r->w.tls));
	tls_status(r->arena, r->w.tls, &again);
	assert_int_equal(s.expires, again.expires);
	tls_free(&r->w.tls);
	unlink(path);
	rmdir(dir);
	rig_free(r);
}

/* Several workers start at once. */
static void
test_self_race(void **state)
{
	struct arena *a = arena_new(0);
	char dir[] = "selfXXXXXX", path[64];
	pid_t pids[4];
	struct str first;
	int fds[2];

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(pipe(fds), 0);
	for (unsigned i = 0; i < countof(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct net_rig *r = rig_new();
			struct str pem = STR_NONE;
			unsigned char hash[8] = { 0 };
			struct err *e;

			r->conf.local = dir;
			r->w.tls = tls_new(&r->w);
			e = tls_self(r->arena, r->w.tls, &pem);
			memcpy(hash, &(uint64_t){ str_hash(pem) }, 8);
			if (e != NULL || write(fds[1], hash, 8) != 8)
				_exit(1);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < countof(pids); i++) {
		int status;

		waitpid(pids[i], &status, 0);
		test_row(i, WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_null(localdir_get(a, dir, "self.pem", 65536, &first));
	for (unsigned i = 0; i < countof(pids); i++) {
		uint64_t hash;

		assert_int_equal(read(fds[0], &hash, 8), 8);
		test_row(i, hash == str_hash(first));
	}
	snprintf(path, sizeof(path), "%s/self.pem", dir);
	unlink(path);
	rmdir(dir);
	close(fds[0]);
	close(fds[1]);
	arena_free(&a);
}

#define ROW(fn, how)                                                           \
	cmocka_unit_test_setup_teardown(test_##fn, setup_##how, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(implicit, tls),
		ROW(stopping, tls),
		ROW(sni, tls),
		ROW(binding, tls),
		ROW(tickets, tls),
		ROW(ticket_days, tls),
		ROW(starttls, plain),
		ROW(injected, plain),
		ROW(starttls_late, plain),
		ROW(after_close_notify, tls),
		ROW(bad_hellos, tls),
		ROW(status, tls),
		cmocka_unit_test(test_check_pair),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_self_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
