/* listener_limit.c - who may connect, and how often */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "server/net/conn_private.h"

#define CONN_COMPLAIN_MS 1000
#define CONN_AHEAD 4		 /* connections, and an eighth */
#define LISTENER_SPARE_FILES 128 /* not for clients */

/* What a protocol is counted and limited as. */
struct conn_kind {
	const char *protocol, *key;
	enum stat_id gauge;
	enum state_setting per_client; /* STATE_SETTINGS: unlimited */
};

static const struct conn_kind conn_kinds[] = {
	{ "smtp", "conn smtp", STAT_CONN_SMTP, STATE_NET_PER_CLIENT },
	{ "submission", "conn smtp", STAT_CONN_SMTP, STATE_NET_PER_CLIENT },
	{ "submissions", "conn smtp", STAT_CONN_SMTP, STATE_NET_PER_CLIENT },
	{ "lmtp", "conn lmtp", STAT_CONN_LMTP, STATE_NET_PER_CLIENT },
	{ "imap", "conn imap", STAT_CONN_IMAP, STATE_NET_PER_CLIENT_IMAP },
	{ "imaps", "conn imap", STAT_CONN_IMAP, STATE_NET_PER_CLIENT_IMAP },
	{ "pop3", "conn pop3", STAT_CONN_POP3, STATE_NET_PER_CLIENT },
	{ "pop3s", "conn pop3", STAT_CONN_POP3, STATE_NET_PER_CLIENT },
	/* whoever asks for our health must get an answer when we are full */
	{ NULL, NULL, STAT_CONN_OTHER, STATE_SETTINGS },
};

static const struct conn_kind *
conn_kind(const struct protocol *p)
{
	const struct conn_kind *k = conn_kinds;

	while (k->protocol != NULL && strcmp(k->protocol, p->name) != 0)
		k++;
	return k;
}

struct conns *
conns_get(struct worker *w)
{
	if (w->conns == NULL)
		w->conns = xcalloc(1, sizeof(*w->conns));
	return w->conns;
}

void
conns_free(struct conns **c)
{
	if (*c == NULL)
		return;
	invariant((*c)->n == 0 && (*c)->listeners == 0);
	arena_free(&(*c)->exempt_arena);
	free(*c);
	*c = NULL;
}

void
conn_gauge(struct conn *c, int delta)
{
	stat_add(c->w->counts, conn_kind(c->p)->gauge, delta);
}

static uint64_t
conn_count_worker(const struct worker *w, unsigned worker)
{
	uint64_t n = 0;

	for (unsigned s = STAT_CONN_SMTP; s <= STAT_CONN_OTHER; s++)
		n += stat_of(w->counts, worker, (enum stat_id)s);
	return n;
}

static uint64_t
conn_count_node(const struct worker *w)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < counts_workers(w->counts); i++)
		n += conn_count_worker(w, i);
	return n;
}

bool
conn_is_ahead(const struct worker *w)
{
	uint64_t own = conn_count_worker(w, w->index), least = own;

	for (unsigned i = 0; i < counts_workers(w->counts); i++) {
		uint64_t n = conn_count_worker(w, i);

		if (n < least)
			least = n;
	}
	return own > least + CONN_AHEAD + least / 8;
}

/*
 * Clients must not take the descriptors that the share, the replica and the
 * caches need: without them the lease would lapse.  The kernel hands out the
 * lowest free number, so a number says how many are taken.
 */
static bool
conn_fd_is_spare(int fd, unsigned parts)
{
	struct rlimit r;
	rlim_t spare;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return false;
	spare = r.rlim_cur / 4 < LISTENER_SPARE_FILES ? r.rlim_cur / 4
						      : LISTENER_SPARE_FILES;
	return (rlim_t)fd >= r.rlim_cur - spare / parts;
}

bool
conn_admit_fd(struct worker *w, int fd)
{
	return !conn_fd_is_spare(fd, 2) &&
	       conn_count_node(w) < worker_setting(w, STATE_NET_CONNECTIONS);
}

/* net.exempt: parsed again when its text has changed. */
static void
conns_exempt_load(struct conns *all, struct str text)
{
	struct str rest, word;
	unsigned most = 1;

	arena_free(&all->exempt_arena);
	all->exempt_arena = arena_new(0);
	all->exempt_text = rest = arena_str(all->exempt_arena, text);
	for (size_t i = 0; i < text.n; i++)
		most += text.p[i] == ' ';
	all->exempt =
	    arena_array(all->exempt_arena, most, sizeof(all->exempt[0]));
	all->exempt_n = 0;
	while (str_split(&rest, ' ', &word)) {
		struct err *e;

		if (word.n == 0)
			continue;
		e = net_network_parse(all->exempt_arena, word,
		    &all->exempt[all->exempt_n]);
		if (e == NULL)
			all->exempt_n++;
		else
			log_warn(NULL, "net.exempt", LOG_ERR(e));
	}
}

bool
net_is_exempt(struct worker *w, const struct net_addr *a)
{
	struct str text = worker_setting_text(w, STATE_NET_EXEMPT);
	struct conns *all = conns_get(w);

	if (all->exempt_arena == NULL || !str_eq(text, all->exempt_text))
		conns_exempt_load(all, text);
	return a->family == NET_UNIX ||
	       net_network_has(all->exempt, all->exempt_n, a);
}

static const char *
conn_refuse(struct conn *c, const char *why)
{
	stat_add(c->w->counts, STAT_REFUSED_LIMIT, 1);
	conn_complain(c, "refused", why);
	return c->p->busy == NULL ? "" : c->p->busy;
}

/* The client's share of this node. */
static const char *
conn_admit_client(struct conn *c, const struct conn_kind *k)
{
	struct worker *w = c->w;
	uint64_t client = net_addr_client_key(&c->peer), key;

	key = counts_key("conn rate", &client, sizeof(client));
	if (counts_rate_add(w->counts, key, conn_now_ms(c) / 1000) >
	    worker_setting(w, STATE_NET_RATE_PER_CLIENT))
		return conn_refuse(c, "too many connections a minute");
	c->client_key = counts_key(k->key, &client, sizeof(client));
	if ((uint64_t)counts_add(w->counts, c->client_key, 1) >
	    worker_setting(w, k->per_client))
		return conn_refuse(c, "too many connections of this client");
	return NULL;
}

const char *
conn_admit(struct conn *c)
{
	const struct conf_listener *l = conn_listener(c);
	const struct conn_kind *k = conn_kind(c->p);

	/* An empty connection of a balancer is a probe of it; one with a header
	 * comes with the client's address. */
	if (l->allow_n > 0 &&
	    !net_network_has(l->allow, l->allow_n, &c->peer) &&
	    !net_network_has(l->proxy, l->proxy_n, &c->peer)) {
		conn_complain(c, "refused", "not in the listener's allow");
		return c->p->denied == NULL ? "" : c->p->denied;
	}
	if (k->per_client == STATE_SETTINGS)
		return NULL;
	if (conn_fd_is_spare(c->fd, 1))
		return conn_refuse(c, "too many open files");
	/* this one is counted already */
	if (conn_count_node(c->w) >
	    worker_setting(c->w, STATE_NET_CONNECTIONS) / 10 * 9)
		return conn_refuse(c, "too many connections");
	if (net_is_exempt(c->w, &c->peer) ||
	    net_network_has(l->proxy, l->proxy_n, &c->peer))
		return NULL;
	return conn_admit_client(c, k);
}

void
conn_count_out(struct conn *c)
{
	if (c->client_key != 0)
		counts_add(c->w->counts, c->client_key, -1);
	c->client_key = 0;
}

void
conn_complain(struct conn *c, const char *event, const char *why)
{
	struct conns *all = c->w->conns;
	uint64_t now_ms = conn_now_ms(c);
	char text[NET_TEXT_MAX];

	if (all->said_at != 0 && now_ms < all->said_at + CONN_COMPLAIN_MS) {
		all->unsaid++;
		return;
	}
	log_info(NULL, event, LOG_C("conn", c->id),
	    LOG_C("protocol", c->p->name),
	    LOG_C("peer", net_addr_text(&c->peer, text)), LOG_C("why", why),
	    LOG_U64("unsaid", all->unsaid));
	all->said_at = now_ms;
	all->unsaid = 0;
}
