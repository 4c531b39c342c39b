/* host_rig.h - a host that follows a script, for who speaks SMTP with it */
#ifndef TESTS_UNIT_HOST_RIG_H
#define TESTS_UNIT_HOST_RIG_H

#include "tests/unit/net_rig.h"

#include <stdio.h>

#include "server/net/conn.h"
#include "server/net/tls.h"
#include "tests/unit/cert_rig.h"

/*
 * The host: a connection of the server's own whose protocol does what a script
 * says, one word a step:
 *
 *	<TEXT	the client has to say TEXT (a "*" at its end: and anything)
 *	>TEXT	say it, with CRLF
 *	raw TEXT
 *	data	read up to the dot: host.data
 *	tls	the handshake
 *	late	time flies, until eof
 *	slow	it takes SLOW_MS for what follows
 *	eof	the client has to close
 *	reset	the connection is reset
 *	--	end of this connection; the next one goes on behind it
 *
 * A connection that comes to the end of its script is ended.
 */
#define LATE_MS 60000 /* of a tick */
#define SLOW_MS 250000

static struct {
	const char *const *script;
	unsigned connections;
	struct buf data;
	bool over; /* the test */
	bool late;
} host;

static void
host_script(const char *const *script)
{
	host.script = script;
	host.connections = 0;
	buf_clear(&host.data);
}

static may_yield struct str
host_line(struct task *t, struct conn *c, const char *step)
{
	struct str line;
	bool bare;

	if (conn_read_line(t, c, 8192, &line, &bare) != NULL)
		fail_msg("the client is gone where it should say %s", step);
	assert_false(bare);
	return line;
}

static may_yield void
host_data(struct task *t, struct conn *c)
{
	struct str line;

	while (!str_eq_c(line = host_line(t, c, "the message"), ".")) {
		buf_str_add(&host.data, line);
		buf_c(&host.data, "\r\n");
	}
}

static may_yield void
host_expect(struct task *t, struct conn *c, const char *want)
{
	struct str line = host_line(t, c, want), start = str_c(want);

	if (str_ends(start, STR("*"))) {
		start.n--;
		line.n = line.n < start.n ? line.n : start.n;
	}
	if (!str_eq(line, start))
		fail_msg("the client says " STR_FMT ", not %s", STR_ARG(line),
		    want);
}

/* The server's ends of connections to itself. */
static may_yield void
host_reset(struct task *t, struct conn *c)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct net_addr at;
	struct sockaddr_storage ss;

	assert_null(conn_flush(t, c));
	for (int fd = 3; fd < 1024; fd++) {
		socklen_t n = sizeof(ss), m = sizeof(ss);

		if (getpeername(fd, (struct sockaddr *)&ss, &n) != 0 ||
		    getsockname(fd, (struct sockaddr *)&ss, &m) != 0)
			continue;
		net_addr_of_sockaddr((struct sockaddr *)&ss, &at);
		if (at.port == conn_local(c)->port)
			assert_int_equal(connect(fd, &none, sizeof(none)), 0);
	}
}

static may_yield void
host_step(struct task *t, struct conn *c, const char *step)
{
	struct str line;

	if (step[0] == '<')
		host_expect(t, c, step + 1);
	else if (step[0] == '>')
		conn_printf(t, c, "%s\r\n", step + 1);
	else if (strncmp(step, "raw ", 4) == 0)
		conn_puts(t, c, step + 4);
	else if (strcmp(step, "data") == 0)
		host_data(t, c);
	else if (strcmp(step, "tls") == 0)
		err_ignore(conn_start_tls(t, c)); /* the client says how it was
						   */
	else if (strcmp(step, "late") == 0)
		host.late = true;
	else if (strcmp(step, "slow") == 0)
		((struct net_rig *)conn_worker(c))->ahead_ms += SLOW_MS;
	else if (strcmp(step, "eof") == 0) {
		while (conn_read_line(t, c, 8192, &line, NULL) == NULL)
			;
		host.late = false;
	} else if (strcmp(step, "reset") == 0)
		host_reset(t, c);
	else
		fail_msg("step %s", step);
}

static may_yield void
host_open(struct task *t, struct conn *c)
{
	((struct net_rig *)conn_worker(c))->opened++;
	host.connections++;
	while (*host.script != NULL && strcmp(*host.script, "--") != 0)
		host_step(t, c, *host.script++);
	if (*host.script != NULL)
		host.script++;
	err_ignore(conn_flush(t, c)); /* who has gone has gone */
	conn_end(c);
}

static may_yield void
host_event(struct task *t, struct conn *c, unsigned events)
{
	(void)t;
	(void)events;
	conn_end(c);
}

static void
host_close(struct conn *c)
{
	((struct net_rig *)conn_worker(c))->closed++;
}

static const struct protocol host_plain = { .name = "smtp",
	.open = host_open,
	.event = host_event,
	.close = host_close };
static const struct protocol host_tls = { .name = "imaps",
	.tls = true,
	.open = host_open,
	.event = host_event,
	.close = host_close };

static struct net_rig *
host_new(const struct protocol *p)
{
	struct net_rig *r = rig_new();
	struct conf_certificate *c =
	    arena_new_obj(r->arena, struct conf_certificate);
	const char *ca = arena_printf(r->arena, "%s/test_remote.%d.pem",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", getpid());
	FILE *f = fopen(ca, "w");

	cert_make(r->arena, "mx.example.net", "DNS:mx.example.net,IP:127.0.0.1",
	    90, c);
	assert_non_null(f);
	assert_int_equal(fwrite(c->certificate.p, 1, c->certificate.n, f),
	    c->certificate.n);
	fclose(f);
	setenv("SSL_CERT_FILE", ca, 1);
	r->conf.certificates = c;
	r->conf.certificates_n = 1;
	r->w.tls = tls_new(&r->w);
	assert_null(tls_load(r->arena, r->w.tls));
	rig_listen(r, p, "127.0.0.1:0");
	buf_init(&host.data, NULL, 64 << 20);
	return r;
}

static int
setup(void **state)
{
	*state = host_new(&host_plain);
	return 0;
}

static int
setup_implicit(void **state)
{
	*state = host_new(&host_tls);
	return 0;
}

static int
teardown(void **state)
{
	struct net_rig *r = *state;
	struct tls *tls = r->w.tls;

	unlink(getenv("SSL_CERT_FILE"));
	rig_free(r);
	tls_free(&tls);
	buf_free(&host.data);
	return 0;
}

#endif
