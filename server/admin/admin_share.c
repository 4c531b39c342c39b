/* admin_share.c - whether somebody should look at something, in words */
#include "server/admin/admin_share.h"

#include <stdarg.h>

#include "server/admin/admin_nodes.h"
#include "server/cluster/health.h"
#include "server/net/counts.h"
#include "server/worker.h"
#include "storage/state_domain.h"
#include "storage/state_key.h"

/* --- the share --- */

struct err *
admin_share_look(struct task *t, const struct admin *ad,
    struct admin_share *s_r)
{
	uint64_t began = task_now_ms(t);
	struct share_fsstat fs;
	struct err *e;

	e = share_fsstat(t, ad->store->share, SHARE_LANE_ADMIN, &fs);
	if (e != NULL)
		return e;
	*s_r = (struct admin_share){ .free_bytes = fs.free_bytes,
		.total_bytes = fs.total_bytes,
		.free_files = fs.free_files,
		.total_files = fs.total_files,
		.latency_us = (task_now_ms(t) - began) * 1000 };
	return NULL;
}

/* The lease is written every few seconds: when it is not, the share is away (or
 * worker 0 is, which then says nothing any more). */
static bool
admin_share_is_away(const struct worker *w)
{
	uint64_t at = counts_word(w->counts, COUNTS_READY_AT);
	uint64_t age = counts_word(w->counts, COUNTS_LEASE_AGE_MS);
	uint64_t now = sched_now_ms(w->sched);

	if (at == 0)
		return false; /* starting */
	if (age == UINT64_MAX) /* none, yet or any more */
		return health_now(w, NULL) == HEALTH_UNREADY;
	return age + (now > at ? now - at : 0) > HEALTH_FRESH_MS;
}

void
admin_share_of_worker(const struct worker *w, struct admin_share *s_r)
{
	const struct counts *c = w->counts;

	*s_r = (struct admin_share){ .away = admin_share_is_away(w),
		.full = counts_word(c, COUNTS_SHARE_FULL) != 0,
		.free_bytes = counts_word(c, COUNTS_SHARE_FREE),
		.total_bytes = counts_word(c, COUNTS_SHARE_TOTAL),
		.free_files = counts_word(c, COUNTS_SHARE_FILES),
		.total_files = counts_word(c, COUNTS_SHARE_FILES_OF),
		.latency_us = counts_word(c, COUNTS_LATENCY_US) };
}

struct str
admin_share_uuid(struct arena *a, const struct store *st)
{
	struct buf b;

	buf_init(&b, a, 64);
	for (unsigned i = 0; i < 16; i++) {
		buf_c(&b, i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "");
		buf_hex(&b, st->uuid + i, 1);
	}
	return buf_str(&b);
}

struct err *
admin_count_all(struct arena *a, const struct admin *ad, uint64_t *domains_r,
    uint64_t *accounts_r)
{
	struct str after = STR("");
	struct state_domain *d;
	unsigned n;

	*domains_r = *accounts_r = 0;
	do {
		struct err *e =
		    state_domain_list(a, ad->state, after, 500, &d, &n);

		if (e != NULL)
			return e;
		for (unsigned i = 0; i < n; i++)
			*accounts_r += d[i].accounts;
		*domains_r += n;
		if (n > 0)
			after = d[n - 1].name;
	} while (n == 500);
	return NULL;
}

/* --- words --- */

const char *
admin_level_name(enum admin_level l)
{
	return l == ADMIN_OK ? "ok" : l == ADMIN_WARN ? "warn" : "bad";
}

struct admin_look {
	struct arena *a;
	int64_t now_s;
	struct admin_words *w;
};

static void printf_like(5, 6)
    admin_say(struct admin_look *k, enum admin_level level, const char *code,
	struct str object, const char *fmt, ...)
{
	struct admin_words *w = k->w;
	char text[512];
	va_list ap;

	if (level > w->level)
		w->level = level;
	if (w->n == ADMIN_WORDS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	w->list[w->n++] = (struct admin_word){ .level = level,
		.code = code,
		.text = str_c(arena_strdup(k->a, text)),
		.object = object };
}

static void
admin_say_expiry(struct admin_look *k, const char *whose, struct str object,
    int64_t expires)
{
	int64_t left = expires - k->now_s;

	if (expires <= 0 || left >= ADMIN_SOON_S)
		return;
	if (left <= 0)
		admin_say(k, ADMIN_BAD, "cert_expired", object,
		    "%s has expired", whose);
	else
		admin_say(k, ADMIN_WARN, "cert_expires", object,
		    "%s expires in %lld days", whose,
		    (long long)(left / 86400));
}

static void
admin_say_share(struct admin_look *k, const struct admin_share *s)
{
	if (s->away)
		admin_say(k, ADMIN_BAD, "share_away", STR_NONE,
		    "the share does not answer");
	if (s->full)
		admin_say(k, ADMIN_BAD, "share_full", STR_NONE,
		    "the share is full: no new mail is taken");
	if (s->total_bytes > 0 &&
	    s->free_bytes / ADMIN_SHARE_LOW_PERCENT < s->total_bytes / 100)
		admin_say(k, ADMIN_WARN, "share_low", STR_NONE,
		    "the share is nearly full: %llu MiB free",
		    (unsigned long long)(s->free_bytes >> 20));
	if (s->total_files > 0 &&
	    s->free_files / ADMIN_SHARE_LOW_PERCENT < s->total_files / 100)
		admin_say(k, ADMIN_WARN, "files_low", STR_NONE,
		    "the share has room for %llu files more only",
		    (unsigned long long)s->free_files);
	if (s->latency_us >= ADMIN_SHARE_SLOW_US)
		admin_say(k, ADMIN_WARN, "share_slow", STR_NONE,
		    "the share is slow: it takes %llu ms to answer",
		    (unsigned long long)(s->latency_us / 1000));
}

/* The entry is as old as it is, give or take the way it took. */
static bool
admin_clock_differs(const struct admin_look *k, const struct node_view *v)
{
	int64_t off = k->now_s - v->wall_s;

	return v->wall_s > 0 && (off > ADMIN_CLOCK_S || off < -ADMIN_CLOCK_S);
}

static void
admin_say_alive(struct admin_look *k, const struct node_view *v,
    const char *name, struct str object)
{
	if (v->info.ready == LEASE_UNREADY)
		admin_say(k, ADMIN_BAD, "node_unready", object,
		    "node %s is not ready", name);
	if (v->info.ready == LEASE_DRAINING)
		admin_say(k, ADMIN_WARN, "node_draining", object,
		    "node %s is being drained", name);
	if (v->info.latency_us >= ADMIN_SHARE_SLOW_US)
		admin_say(k, ADMIN_WARN, "node_slow", object,
		    "node %s waits long for the share: %u ms", name,
		    v->info.latency_us / 1000);
	if (admin_clock_differs(k, v))
		admin_say(k, ADMIN_WARN, "node_clock", object,
		    "the clock of node %s differs by %lld s", name,
		    (long long)(v->wall_s - k->now_s));
	if (v->info.certificate == LEASE_CERT_SELF)
		admin_say(k, ADMIN_WARN, "cert_self", object,
		    "node %s uses a self-signed certificate: add a real one "
		    "with tls add",
		    name);
	if (v->info.certificate == LEASE_CERT_FILE)
		admin_say_expiry(k,
		    arena_printf(k->a, "the certificate in the file of node %s",
			name),
		    object, v->info.cert_expires);
}

static void
admin_say_node(struct admin_look *k, const struct node_view *v)
{
	const char *name = admin_node_name(k->a, v);
	struct str object = str_c(name);

	if (v->bad != NULL)
		admin_say(k, ADMIN_BAD, "node_unreadable", object,
		    "the lease of node %s cannot be read: %s", name,
		    v->bad->text);
	else if (v->life == NODE_ENDED)
		admin_say(k, ADMIN_BAD, "node_ended", object,
		    "node %s is gone: its lease has ended", name);
	else if (v->life == NODE_ALIVE && !v->moved)
		admin_say(k, ADMIN_WARN, "node_silent", object,
		    "node %s gives no sign of life", name);
	else if (v->life == NODE_ALIVE)
		admin_say_alive(k, v, name, object);
}

static void
admin_say_nodes(struct admin_look *k, const struct node_view *v, unsigned n,
    unsigned left_out)
{
	struct str version = STR_NONE;
	bool differ = false;

	for (unsigned i = 0; i < n; i++) {
		admin_say_node(k, &v[i]);
		if (!admin_node_is_alive(&v[i]))
			continue;
		differ |=
		    version.p != NULL && !str_eq(version, v[i].info.version);
		version = v[i].info.version;
	}
	if (differ)
		admin_say(k, ADMIN_WARN, "versions_differ", STR_NONE,
		    "nodes run different versions");
	if (left_out > 0)
		admin_say(k, ADMIN_WARN, "nodes_many", STR_NONE,
		    "%u nodes more are not shown", left_out);
}

static struct err *
admin_say_certificates(struct admin_look *k, const struct admin *ad)
{
	struct state_certificate *list;
	struct err *e;
	unsigned n;

	e = state_certificate_list(k->a, ad->state, &list, &n);
	for (unsigned i = 0; e == NULL && i < n; i++)
		admin_say_expiry(k,
		    arena_printf(k->a, "certificate " STR_FMT " for " STR_FMT,
			STR_ARG(list[i].id),
			STR_ARG(list[i].n > 0 ? list[i].names[0] : STR("?"))),
		    list[i].id, list[i].expires);
	return e;
}

/*
 * That of others than worker 0 only reads by design: worker 0 says how its own
 * is.
 */
struct err *
admin_state_readonly(struct arena *a, const struct admin *ad)
{
	const struct worker *w = ad->worker;
	uint64_t code;

	if (w == NULL || w->index == 0)
		return state_readonly(a, ad->state);
	code = counts_word(w->counts, COUNTS_STATE_READONLY);
	if (code == ERR_NONE || code >= ERR_CODES)
		return NULL;
	return err_new(a, (enum err_code)code,
	    code == ERR_FORMAT
		? "a newer version wrote what this one cannot read: upgrade it"
		: "an entry of it cannot be applied on this node",
	    NULL);
}

static void
admin_say_state(struct admin_look *k, const struct admin *ad)
{
	struct err *ro = admin_state_readonly(k->a, ad);

	if (ro != NULL)
		admin_say(k, ADMIN_BAD, "state_readonly", STR_NONE,
		    "the state is read-only: %s", ro->text);
	if (state_schema(ad->state) < STATE_SCHEMA)
		admin_say(k, ADMIN_WARN, "schema_behind", STR_NONE,
		    "the state's schema is %u, this version knows %u: it is "
		    "raised once all nodes do",
		    state_schema(ad->state), STATE_SCHEMA);
}

struct err *
admin_words(struct arena *a, const struct admin *ad,
    const struct admin_share *s, const struct node_view *v, unsigned n,
    unsigned left_out, int64_t now_s, struct admin_words *w_r)
{
	struct admin_look k = { .a = a, .now_s = now_s, .w = w_r };

	*w_r = (struct admin_words){ .n = 0 };
	w_r->list = arena_array(a, ADMIN_WORDS_MAX, sizeof(*w_r->list));
	admin_say_share(&k, s);
	admin_say_state(&k, ad);
	admin_say_nodes(&k, v, n, left_out);
	return admin_say_certificates(&k, ad);
}
