/* dns_probe.c - a worker's resolver and nothing else, driven by pytest */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "server/dns/dns.h"
#include "server/dns/dns_rdata.h"
#include "server/privs.h"
#include "server/worker.h"

/*
 *	dns_probe FILE [USER]
 *
 * FILE: a node's configuration.  USER: become it, as a worker does, before
 * anything is asked.  Reads lines, each a question that is answered by a task
 * of its own, with a line of JSON when it is answered:
 *
 *	ID A|AAAA|MX|TXT|PTR|SRV NAME [DEADLINE_MS]	dns_query, as text
 *	ID mx NAME | ID addresses NAME | ID iprev ADDRESS
 *	ID reload FILE
 *
 * Ends at the end of its input, when everything is answered.
 */
#define LINE_BYTES 1000

struct probe {
	struct worker w;
	struct arena *arena;
	struct watch *input;
	char line[LINE_BYTES];
	size_t n;
	unsigned open;
	bool ended;
};

struct question {
	struct probe *p;
	char *text;
};

static const char *const status_names[] = { [DNS_FOUND] = "found",
	[DNS_NO_DATA] = "no data",
	[DNS_NO_DOMAIN] = "no domain",
	[DNS_TEMP] = "temp",
	[DNS_BOGUS] = "bogus" };

static const struct {
	const char *name;
	enum dns_type type;
} types[] = {
	{ "A", DNS_A },
	{ "AAAA", DNS_AAAA },
	{ "MX", DNS_MX },
	{ "TXT", DNS_TXT },
	{ "PTR", DNS_PTR },
	{ "SRV", DNS_SRV },
};

static const char *
probe_text(struct arena *a, enum dns_type type, struct str rdata)
{
	struct net_addr ad;
	struct dns_srv srv;
	struct str s;
	uint16_t preference;
	char text[NET_TEXT_MAX];

	if (type == DNS_A || type == DNS_AAAA)
		return dns_rdata_address(rdata, type == DNS_AAAA, &ad)
			   ? arena_strdup(a, net_addr_text(&ad, text))
			   : "?";
	if (type == DNS_MX && dns_rdata_mx(a, rdata, &preference, &s))
		return arena_printf(a, "%u " STR_FMT, (unsigned)preference,
		    STR_ARG(s));
	if (type == DNS_SRV && dns_rdata_srv(a, rdata, &srv))
		return arena_printf(a, "%u %u %u " STR_FMT,
		    (unsigned)srv.priority, (unsigned)srv.weight,
		    (unsigned)srv.port, STR_ARG(srv.host));
	if (type == DNS_TXT && dns_rdata_txt(a, rdata, &s))
		return arena_cstr(a, s);
	if (type == DNS_PTR && dns_rdata_name(a, rdata, &s))
		return arena_cstr(a, s);
	return "?";
}

static may_yield enum dns_status
ask_query(struct task *t, struct probe *p, enum dns_type type, struct str name,
    struct json *j)
{
	struct dns_answer a;
	struct json *list = json_set_arr(j, "list");

	dns_query(t, p->w.dns, name, type, &a);
	json_set_bool(j, "secure", a.secure);
	json_set_u64(j, "ttl", a.ttl_s);
	json_set_c(j, "why", a.why);
	for (unsigned i = 0; i < a.n; i++)
		json_add_c(list, probe_text(task_arena(t), type, a.rdata[i]));
	return a.status;
}

static may_yield enum dns_status
ask_mx(struct task *t, struct probe *p, struct str name, struct json *j)
{
	struct json *list = json_set_arr(j, "list");
	struct dns_mx *mx;
	unsigned n;
	bool null;
	enum dns_status st = dns_mx(t, p->w.dns, name, &mx, &n, &null);

	json_set_bool(j, "null", null);
	for (unsigned i = 0; i < n; i++)
		json_add_str(list, mx[i].host);
	return st;
}

static may_yield enum dns_status
ask_addresses(struct task *t, struct probe *p, struct str name, struct json *j)
{
	struct json *list = json_set_arr(j, "list");
	struct net_addr *ad;
	char text[NET_TEXT_MAX];
	unsigned n;
	enum dns_status st = dns_addresses(t, p->w.dns, name, &ad, &n);

	for (unsigned i = 0; i < n; i++)
		json_add_c(list, net_addr_text(&ad[i], text));
	return st;
}

static may_yield enum dns_status
ask_iprev(struct task *t, struct probe *p, struct str name, struct json *j)
{
	struct net_addr ad;
	struct str verified;
	enum dns_status st;

	if (!net_addr_parse(name, &ad))
		panic("no address");
	st = dns_iprev(t, p->w.dns, &ad, &verified);
	json_set_str(j, "verified", verified);
	return st;
}

static void
ask_reload(struct probe *p, struct str file)
{
	struct conf *conf;
	struct err *e =
	    conf_load_public(p->arena, arena_cstr(p->arena, file), &conf);

	if (e != NULL)
		panic("%s", e->text);
	p->w.conf = conf;
}

static may_yield enum dns_status
ask(struct task *t, struct probe *p, struct str what, struct str name,
    struct json *j)
{
	for (unsigned i = 0; i < countof(types); i++)
		if (str_eq_c(what, types[i].name))
			return ask_query(t, p, types[i].type, name, j);
	if (str_eq_c(what, "mx"))
		return ask_mx(t, p, name, j);
	if (str_eq_c(what, "addresses"))
		return ask_addresses(t, p, name, j);
	if (str_eq_c(what, "iprev"))
		return ask_iprev(t, p, name, j);
	if (!str_eq_c(what, "reload"))
		panic("unknown: " STR_FMT, STR_ARG(what));
	ask_reload(p, name);
	return DNS_FOUND;
}

static may_yield void
question_main(struct task *t, void *arg)
{
	struct question *q = arg;
	struct probe *p = q->p;
	struct str rest = str_c(q->text), id, what, name = STR_NONE, ms;
	struct json *j = json_obj_new();
	uint64_t from = task_now_ms(t), deadline_ms;

	if (!str_split(&rest, ' ', &id) || !str_split(&rest, ' ', &what) ||
	    !str_split(&rest, ' ', &name))
		panic("no question");
	if (str_split(&rest, ' ', &ms) && str_u64(ms, &deadline_ms))
		task_set_deadline(t, from + deadline_ms);
	json_set_str(j, "id", id);
	json_set_c(j, "status", status_names[ask(t, p, what, name, j)]);
	json_set_u64(j, "ms", task_now_ms(t) - from);
	printf(STR_FMT "\n", STR_ARG(json_print(task_arena(t), j, JSON_LINE)));
	json_free(&j);
	free(q->text);
	free(q);
	if (--p->open == 0 && p->ended)
		loop_stop(p->w.loop);
}

static void
input_line(struct probe *p, struct str line)
{
	struct question *q = xcalloc(1, sizeof(*q));

	q->p = p;
	q->text = xmemdup(arena_cstr(p->arena, line), line.n + 1);
	p->open++;
	task_start(p->w.sched, "question", question_main, q);
}

static void
input(struct watch *watch, int fd, int events, void *arg)
{
	struct probe *p = arg;
	ssize_t got = read(fd, p->line + p->n, sizeof(p->line) - p->n);
	char *end;

	(void)events;
	if (got <= 0) {
		watch_set(watch, 0);
		p->ended = true;
		if (p->open == 0)
			loop_stop(p->w.loop);
		return;
	}
	p->n += (size_t)got;
	while ((end = memchr(p->line, '\n', p->n)) != NULL) {
		size_t n = (size_t)(end - p->line);

		input_line(p, str_of(p->line, n));
		p->n -= n + 1;
		memmove(p->line, end + 1, p->n);
	}
	if (p->n == sizeof(p->line))
		panic("a line is too long");
}

int
main(int argc, char **argv)
{
	struct probe p = { .arena = arena_new(0) };
	struct err *e = NULL;

	if (argc < 2)
		return 2;
	setlinebuf(stdout);
	ask_reload(&p, str_c(argv[1]));
	if (argc > 2)
		e = privs_drop(p.arena, argv[2], NULL);
	if (e != NULL)
		panic("%s", e->text);
	if (argc > 2)
		(void)privs_seccomp();
	p.w.loop = loop_new(&clock_system, &rnd_system);
	p.w.sched = loop_sched(p.w.loop);
	p.w.dns = dns_new(&p.w);
	p.input = watch_new(p.w.loop, 0, input, &p);
	watch_set(p.input, WATCH_READ);
	loop_run(p.w.loop, false);
	watch_free(&p.input);
	dns_free(&p.w.dns);
	loop_free(&p.w.loop);
	arena_free(&p.arena);
	return 0;
}
