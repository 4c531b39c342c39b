/* remote_probe.c - one session with a host and nothing else, driven by pytest
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "server/net/tls.h"
#include "server/queue/remote.h"
#include "server/worker.h"
#include "storage/queue.h"

/*
 *	remote_probe KEY=VALUE...
 *
 * address, port, host, tls (0 to 4, as enum remote_tls), user, password, from,
 * rcpt (any number of times), body8, utf8, dsn, messages (how often it is
 * sent).  The message comes on standard input.  One line of JSON for the
 * opening, one for each message.
 */
#define MOST_BYTES (64 << 20)
#define MOST_RCPTS 10000

struct probe {
	struct worker w;
	struct conf conf;
	struct remote_target target;
	struct str from, rcpts[MOST_RCPTS];
	uint32_t rcpt_n, messages, body8, utf8, dsn;
	struct buf message;
	size_t at;
};

static void
probe_argument(struct probe *p, struct str arg)
{
	struct str key, value = arg;
	uint32_t n = 0;

	if (!str_split(&value, '=', &key))
		panic("KEY=VALUE");
	(void)str_u32(value, &n);
	if (str_eq_c(key, "address")) {
		n = p->target.addr.port;
		if (!net_addr_parse(value, &p->target.addr))
			panic("address");
		p->target.addr.port = (uint16_t)n;
	} else if (str_eq_c(key, "port"))
		p->target.addr.port = (uint16_t)n;
	else if (str_eq_c(key, "host"))
		p->target.host = value;
	else if (str_eq_c(key, "tls"))
		p->target.tls = (enum remote_tls)n;
	else if (str_eq_c(key, "user"))
		p->target.user = value;
	else if (str_eq_c(key, "password"))
		p->target.password = value;
	else if (str_eq_c(key, "from"))
		p->from = value;
	else if (str_eq_c(key, "rcpt") && p->rcpt_n < MOST_RCPTS)
		p->rcpts[p->rcpt_n++] = value;
	else if (str_eq_c(key, "body8"))
		p->body8 = n;
	else if (str_eq_c(key, "utf8"))
		p->utf8 = n;
	else if (str_eq_c(key, "dsn"))
		p->dsn = n;
	else if (str_eq_c(key, "messages"))
		p->messages = n;
	else
		panic("unknown: " STR_FMT, STR_ARG(key));
}

static struct err *
probe_read(struct task *t, void *arg, void *into, size_t n, size_t *n_r)
{
	struct probe *p = arg;

	(void)t;
	*n_r = p->message.n - p->at < n ? p->message.n - p->at : n;
	memcpy(into, p->message.p + p->at, *n_r);
	p->at += *n_r;
	return NULL;
}

static void
probe_reply(struct json *j, const struct remote_reply *reply)
{
	json_set_u64(j, "code", reply->code);
	json_set_c(j, "enhanced", reply->enhanced);
	json_set_str(j, "text", reply->text);
}

static void
probe_print(struct task *t, struct json *j)
{
	printf(STR_FMT "\n", STR_ARG(json_print(task_arena(t), j, JSON_LINE)));
	json_free(&j);
}

static may_yield void
probe_send(struct task *t, struct probe *p, struct remote *r)
{
	struct remote_mail m = { .from = p->from,
		.bytes = p->message.n,
		.utf8 = p->utf8 != 0,
		.body8 = p->body8 != 0,
		.rcpt_n = p->rcpt_n,
		.read = probe_read,
		.arg = p };
	struct json *j = json_obj_new(), *list = json_set_arr(j, "rcpts");
	struct buf transcript;
	struct err *e;

	m.rcpts = arena_array(task_arena(t), p->rcpt_n, sizeof(m.rcpts[0]));
	for (unsigned i = 0; i < p->rcpt_n; i++) {
		m.rcpts[i].address = m.rcpts[i].original = p->rcpts[i];
		m.rcpts[i].notify = p->dsn ? QUEUE_NOTIFY_FAILURE : 0;
	}
	if (p->dsn) {
		m.ret = QUEUE_HDRS;
		m.envid = STR("id 1");
	}
	p->at = 0;
	buf_init(&transcript, task_arena(t), REMOTE_TRANSCRIPT_MAX);
	if ((e = remote_send(t, r, &m, &transcript)) != NULL)
		panic("%s", e->text);
	for (unsigned i = 0; i < p->rcpt_n; i++)
		probe_reply(json_add_obj(list), &m.rcpts[i].reply);
	json_set_bool(j, "unknown", m.unknown);
	json_set_bool(j, "usable", remote_is_usable(r));
	json_set_str(j, "transcript", buf_str(&transcript));
	probe_print(t, j);
}

static may_yield_unchecked void
probe_main(struct task *t, void *arg)
{
	struct probe *p = arg;
	struct json *j = json_obj_new();
	struct remote *r = NULL;
	struct remote_reply why;
	struct err *e = remote_open(t, &p->w, &p->target, &r, &why, NULL);

	probe_reply(j, &why);
	json_set_c(j, "error", e == NULL ? "" : err_name(e->code));
	json_set_c(j, "tls", e == NULL ? remote_tls_text(r) : "");
	probe_print(t, j);
	for (unsigned i = 0; e == NULL && i < p->messages; i++)
		probe_send(t, p, r);
	remote_close(t, &r);
}

int
main(int argc, char **argv)
{
	static struct probe p = { .messages = 1 };
	static char piece[65536];
	ssize_t got;

	p.target.hello = STR("probe.example.org");
	p.target.host = STR("mx.example.net");
	for (int i = 1; i < argc; i++)
		probe_argument(&p, str_c(argv[i]));
	buf_init(&p.message, NULL, MOST_BYTES);
	while ((got = read(0, piece, sizeof(piece))) > 0)
		buf_add(&p.message, piece, (size_t)got);
	if (!buf_ok(&p.message))
		panic("the message is too long");
	p.w.conf = &p.conf;
	p.w.loop = loop_new(&clock_system, &rnd_system);
	p.w.sched = loop_sched(p.w.loop);
	p.w.tls = tls_new(&p.w);
	loop_run_task(p.w.loop, "probe", probe_main, &p);
	tls_free(&p.w.tls);
	loop_free(&p.w.loop);
	buf_free(&p.message);
	return 0;
}
