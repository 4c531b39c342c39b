/* hints_net.c - worker 0's socket, and the nodes it speaks with */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "locking/lease.h"
#include "locking/nodes.h"
#include "server/cluster/follow.h"
#include "server/cluster/hints_private.h"
#include "server/net/addr.h"
#include "server/net/counts.h"
#include "server/queue/queue.h"

static void hints_net_input(struct watch *watch, int fd, int events, void *arg);

/* --- the socket --- */

static must_check struct err *
hints_net_bind(struct arena *a, struct hints *h, const char *address)
{
	struct net_listen l;
	struct err *e = net_listen_parse(a, str_c(address), &l);

	if (e != NULL)
		return e;
	h->fd = socket(l.sa.ss_family,
	    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (h->fd >= 0 &&
	    bind(h->fd, (const struct sockaddr *)&l.sa, l.sa_n) == 0)
		return NULL;
	e = err_errno(a, errno, "hints at %s", address);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	return e;
}

/* The address may come up later than the server. */
static void
hints_net_open(struct hints *h)
{
	const char *address = h->w->conf->cluster.address;
	uint64_t now = sched_now_ms(h->w->sched);
	struct arena *a;
	struct err *e;

	if (h->fd >= 0 || address == NULL || now < h->retry_ms)
		return;
	a = arena_new(0);
	e = hints_net_bind(a, h, address);
	if (e == NULL) {
		h->watch = watch_new(h->w->loop, h->fd, hints_net_input, h);
		watch_set(h->watch, WATCH_READ);
		log_info(NULL, "hints", LOG_C("address", address));
	} else if (!h->complained) {
		log_warn(NULL,
		    "hints cannot be received: changes by other "
		    "nodes are found by polling",
		    LOG_ERR(e));
	}
	h->complained = e != NULL;
	h->retry_ms = now + HINTS_RETRY_MS;
	arena_free(&a);
}

void
hints_net_init(struct hints *h)
{
	struct str id = str_c(h->w->node_id);

	clusterkey_derive(state_key(h->w->state), HINTS_LABEL, h->key);
	if (!str_unhex(id, h->node, sizeof(h->node)))
		panic("this node's id is no id: " STR_FMT, STR_ARG(id));
}

void
hints_net_free(struct hints *h)
{
	watch_free(&h->watch);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	h->closing = true;
	if (h->asking)
		return; /* the asking task frees it */
	crypto_wipe(h->key, sizeof(h->key));
	free(h->peers);
	free(h);
}

/* --- peers --- */

static struct hints_peer *
hints_peer_find(const struct hints *h, const unsigned char node[HINTS_ID_BYTES])
{
	for (unsigned i = 0; i < h->peers_n; i++)
		if (memcmp(h->peers[i].node, node, HINTS_ID_BYTES) == 0)
			return &h->peers[i];
	return NULL;
}

static struct hints_peer *
hints_peer_get(struct hints *h, const unsigned char node[HINTS_ID_BYTES])
{
	struct hints_peer *p = hints_peer_find(h, node);

	if (p != NULL)
		return p;
	if (h->peers_n == h->peers_size) {
		h->peers_size = h->peers_size == 0 ? 8 : h->peers_size * 2;
		h->peers = xrealloc(h->peers, h->peers_size, sizeof(*h->peers));
	}
	p = &h->peers[h->peers_n++];
	*p = (struct hints_peer){ .living = false };
	memcpy(p->node, node, HINTS_ID_BYTES);
	return p;
}

static void
hints_peer_address(struct arena *a, struct hints_peer *p, struct str text)
{
	struct net_listen l;

	if (text.n >= sizeof(p->address) || str_eq_c(text, p->address))
		return;
	memcpy(p->address, text.p, text.n);
	p->address[text.n] = '\0';
	p->sa_n = 0;
	p->told_ms = 0;
	if (text.n == 0 || net_listen_parse(a, text, &l) != NULL ||
	    l.unix_path != NULL)
		return;
	p->sa = l.sa;
	p->sa_n = l.sa_n;
}

static void
hints_peer_update(struct arena *a, struct hints *h, const struct node_view *v)
{
	unsigned char node[HINTS_ID_BYTES];
	struct hints_peer *p;

	if (!str_unhex(str_c(v->id), node, sizeof(node)))
		return;
	p = hints_peer_get(h, node);
	p->listed = true;
	p->living = v->life == NODE_ALIVE || v->life == NODE_UNSEEN;
	if (!v->read)
		return;
	if (memcmp(p->session, &v->session, HINTS_ID_BYTES) != 0) {
		memcpy(p->session, &v->session, HINTS_ID_BYTES);
		p->window = (struct hints_window){ .top = 0 };
		p->heard_ms = 0;
		p->told_ms = 0;
	}
	hints_peer_address(a, p, v->info.hint);
}

static void
hints_peers_update(struct hints *h)
{
	struct arena *a;
	struct node_view *v;
	unsigned n;

	if (h->w->nodes == NULL)
		return;
	a = arena_new(0);
	n = nodes_list(h->w->nodes, a, &v);
	for (unsigned i = 0; i < h->peers_n; i++)
		h->peers[i].listed = false;
	for (unsigned i = 0; i < n; i++)
		if (v[i].self)
			h->listed = true;
		else
			hints_peer_update(a, h, &v[i]);
	for (unsigned i = 0; i < h->peers_n; i++)
		h->peers[i].living &= h->peers[i].listed;
	arena_free(&a);
}

/* --- whether they are heard --- */

bool
hints_net_work(const struct hints *h)
{
	uint64_t now = sched_now_ms(h->w->sched);

	if (!h->listed)
		return false;
	for (unsigned i = 0; i < h->peers_n; i++) {
		const struct hints_peer *p = &h->peers[i];

		if (p->living &&
		    (p->heard_ms == 0 || now - p->heard_ms > HINTS_QUIET_MS))
			return false;
	}
	return true;
}

/* For the siblings. */
static void
hints_net_publish(struct hints *h)
{
	counts_word_set(h->w->counts, COUNTS_HINTS_UNTIL_MS,
	    hints_net_work(h) ? sched_now_ms(h->w->sched) + HINTS_TRUST_MS : 0);
}

/* --- sending --- */

/* Empty, with a new counter; false: there is nobody to send as, or with. */
static bool
hints_net_begin(struct hints *h, struct buf *b)
{
	struct hints_head head = { .counter = h->counter + 1 };
	static const struct txid none;

	if (h->fd < 0 || h->w->lease == NULL ||
	    txid_eq(lease_session(h->w->lease), &none))
		return false;
	h->counter++;
	memcpy(head.node, h->node, sizeof(head.node));
	memcpy(head.session, lease_session(h->w->lease), sizeof(head.session));
	buf_init(b, NULL, HINTS_BYTES);
	hints_wire_begin(b, &head);
	return true;
}

static void
hints_net_to(struct hints *h, const struct hints_peer *p, const struct buf *b)
{
	if (!p->living || p->sa_n == 0)
		return;
	if (sendto(h->fd, b->p, b->n, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)&p->sa, p->sa_n) < 0)
		log_debug(NULL, "hints", "not sent", LOG_C("to", p->address),
		    LOG_C("why", strerror(errno)));
	else
		stat_add(h->w->counts, STAT_HINTS_SENT, 1);
}

static void
hints_net_end(struct hints *h, struct buf *b)
{
	hints_wire_end(b, h->key);
	invariant(buf_ok(b));
	for (unsigned i = 0; i < h->peers_n; i++)
		hints_net_to(h, &h->peers[i], b);
	buf_free(b);
}

static bool
hints_net_anybody(const struct hints *h)
{
	for (unsigned i = 0; i < h->peers_n; i++)
		if (h->peers[i].living && h->peers[i].sa_n > 0)
			return true;
	return false;
}

void
hints_net_send(struct hints *h)
{
	bool open = false;
	struct buf b;

	if (!hints_net_anybody(h))
		return;
	for (unsigned i = 0; i < h->pending_n; i++) {
		const struct hints_pending *p = &h->pending[i];
		struct hint item = { .type = p->type,
			.id = str_of(p->id, p->id_n),
			.number = p->number,
			.points = p->points };

		if (p->from == HINTS_FROM_NET)
			continue;
		if (open &&
		    b.n + HINTS_ITEM_MAX + HINTS_MAC_BYTES > HINTS_BYTES) {
			hints_net_end(h, &b);
			open = false;
		}
		if (!open && !hints_net_begin(h, &b))
			return;
		open = true;
		hint_put(&b, &item);
	}
	if (open)
		hints_net_end(h, &b);
}

/* To those who were not told for long, or never under this session. */
static void
hints_net_alive(struct hints *h)
{
	static const struct hint alive = { .type = HINT_ALIVE };
	uint64_t now = sched_now_ms(h->w->sched);
	struct hints_peer *p;
	bool open = false;
	struct buf b;

	for (unsigned i = 0; i < h->peers_n; i++) {
		p = &h->peers[i];
		if (!p->living || p->sa_n == 0 ||
		    (p->told_ms != 0 && now - p->told_ms < HINTS_ALIVE_MS))
			continue;
		if (!open) {
			if (!hints_net_begin(h, &b))
				return;
			hint_put(&b, &alive);
			hints_wire_end(&b, h->key);
			open = true;
		}
		hints_net_to(h, p, &b);
		p->told_ms = now;
	}
	if (open)
		buf_free(&b);
}

/* --- asking the leases --- */

static may_yield void
hints_ask_run(struct task *t, void *arg)
{
	struct hints *h = arg;
	struct err *e = NULL;

	if (!h->closing && h->w->nodes != NULL)
		e = nodes_refresh(t, h->w->nodes);
	if (e != NULL)
		log_debug(t, "hints", "leases not read", LOG_ERR(e));
	h->asking = false;
	if (h->closing) {
		hints_net_free(h);
		return;
	}
	hints_peers_update(h);
	hints_net_alive(h);
}

static void
hints_ask(struct hints *h)
{
	uint64_t now = sched_now_ms(h->w->sched);

	if (h->asking || h->w->nodes == NULL ||
	    (h->asked_ms != 0 && now - h->asked_ms < HINTS_ASK_MS))
		return;
	h->asking = true;
	h->asked_ms = now;
	task_start(h->w->sched, "hints-ask", hints_ask_run, h);
}

/* --- receiving --- */

static void
hints_net_item(struct hints *h, const struct hint *i, bool trusted)
{
	struct worker *w = h->w;

	switch (i->type) {
	case HINT_ACCOUNT:
		if (w->follows != NULL)
			follows_hint(w->follows, i->id, i->number);
		hints_queue(h, i, HINTS_FROM_NET);
		break;
	case HINT_STATE:
		worker_state_hint(w, i->number);
		break;
	case HINT_QUEUE:
		queue_hint(w, i->points, i->number);
		break;
	case HINT_FAILURE:
		if (trusted)
			counts_score_add(w->counts, i->number, i->points,
			    sched_now_ms(w->sched) / 1000);
		break;
	case HINT_TALLY:
		if (trusted)
			counts_tally_add(w->counts, i->number, i->points,
			    sched_now_ms(w->sched) / 1000);
		break;
	case HINT_ALIVE:
	case HINT_NONE:
		break;
	}
}

/* Who begins to speak cannot have heard what was said before. */
static void
hints_net_heard(struct hints *h, struct hints_peer *p)
{
	uint64_t now = sched_now_ms(h->w->sched);
	bool again = p->heard_ms != 0 && now - p->heard_ms <= HINTS_QUIET_MS;

	p->heard_ms = now;
	if (again)
		return;
	p->told_ms = 0;
	hints_net_alive(h);
	hints_net_publish(h);
}

/*
 * Old numbers of accounts and states cost nothing, so they need no session.
 * What is counted does: a replay would count again.
 */
static void
hints_net_datagram(struct hints *h, struct str d)
{
	struct hints_head head;
	struct hints_peer *p;
	struct str items;
	bool trusted;
	struct hint i;

	if (!hints_wire_open(d, h->key, &head, &items) ||
	    memcmp(head.node, h->node, sizeof(h->node)) == 0) {
		stat_add(h->w->counts, STAT_HINTS_BAD, 1);
		return;
	}
	p = hints_peer_find(h, head.node);
	trusted = p != NULL && p->living &&
		  memcmp(p->session, head.session, HINTS_ID_BYTES) == 0;
	if (trusted && !hints_window_take(&p->window, head.counter)) {
		stat_add(h->w->counts, STAT_HINTS_BAD, 1);
		return;
	}
	stat_add(h->w->counts, STAT_HINTS_RECEIVED, 1);
	if (trusted)
		hints_net_heard(h, p);
	else
		hints_ask(h);
	while (hint_next(&items, &i))
		hints_net_item(h, &i, trusted);
}

static void
hints_net_input(struct watch *watch, int fd, int events, void *arg)
{
	char d[HINTS_BYTES + 1];
	ssize_t n;

	(void)watch, (void)events;
	for (unsigned i = 0; i < HINTS_BURST; i++) {
		n = recv(fd, d, sizeof(d), MSG_DONTWAIT);
		if (n < 0)
			return;
		hints_net_datagram(arg, str_of(d, (size_t)n));
	}
}

/* --- from time to time --- */

void
hints_net_tick(struct hints *h)
{
	hints_net_open(h);
	hints_peers_update(h);
	hints_net_alive(h);
	hints_net_publish(h);
}
