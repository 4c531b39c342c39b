/* hints.c - datagrams between nodes that save waiting, and may be lost */
#include "server/cluster/hints.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "server/auth/auth.h"
#include "server/cluster/follow.h"
#include "server/cluster/hints_private.h"
#include "server/net/counts.h"
#include "server/queue/queue.h"

/* Packets between workers: one letter, then items, or an order. */
#define HINTS_PACKET_ITEMS 'H'
#define HINTS_PACKET_ORDER 'U'

/* --- between workers --- */

static void
hints_sibling_send(struct hints_sibling *s, const void *p, size_t n)
{
	/* a sibling that does not read loses hints, and finds out by polls */
	if (send(s->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug(NULL, "hints", "not sent to sibling",
		    LOG_I64("sibling", s->index),
		    LOG_C("why", strerror(errno)));
}

/* Worker 0 tells all, the others worker 0; nobody hears his own. */
static bool
hints_is_for(const struct hints *h, const struct hints_sibling *s,
    const struct hints_pending *p)
{
	return !h->first || (p->type == HINT_ACCOUNT && p->from != s->index);
}

static struct hint
hints_pending_hint(const struct hints_pending *p)
{
	return (struct hint){ .type = p->type,
		.id = str_of(p->id, p->id_n),
		.number = p->number,
		.points = p->points };
}

static void
hints_sibling_flush(struct hints *h, struct hints_sibling *s)
{
	struct hint i;
	struct buf b;

	buf_init(&b, NULL, HINTS_PENDING * HINTS_ITEM_MAX + 1);
	buf_char(&b, HINTS_PACKET_ITEMS);
	for (unsigned n = 0; n < h->pending_n; n++) {
		if (!hints_is_for(h, s, &h->pending[n]))
			continue;
		i = hints_pending_hint(&h->pending[n]);
		hint_put(&b, &i);
	}
	if (b.n > 1)
		hints_sibling_send(s, b.p, b.n);
	buf_free(&b);
}

static void
hints_sibling_item(struct hints_sibling *s, const struct hint *i)
{
	struct worker *w = s->h->w;

	if (i->type == HINT_ACCOUNT && w->follows != NULL)
		follows_hint(w->follows, i->id, i->number);
	if (!s->h->first || i->type == HINT_NONE)
		return;
	if (i->type == HINT_STATE)
		worker_state_hint(w, i->number);
	else if (i->type == HINT_QUEUE)
		queue_hint(w, i->points, i->number);
	/* failures, tallies: the sibling has them in its part of the counts */
	hints_queue(s->h, i, s->index);
}

static void
hints_sibling_packet(struct hints_sibling *s, struct str packet)
{
	struct worker *w = s->h->w;
	struct hint i;

	if (packet.n == 0)
		return;
	if (packet.p[0] == HINTS_PACKET_ORDER) {
		if (s->h->first && w->auth != NULL)
			auth_upgrade_told(w->auth,
			    str_sub(packet, 1, packet.n));
		return;
	}
	packet = str_sub(packet, 1, packet.n);
	while (hint_next(&packet, &i))
		hints_sibling_item(s, &i);
}

static void
hints_sibling_input(struct watch *watch, int fd, int events, void *arg)
{
	char p[HINTS_PENDING * HINTS_ITEM_MAX + 1];
	struct hints_sibling *s = arg;
	ssize_t n;

	(void)watch, (void)events;
	for (unsigned i = 0; i < HINTS_BURST; i++) {
		n = recv(fd, p, sizeof(p), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			/* the master is gone; so are we, soon */
			watch_set(s->watch, 0);
			return;
		}
		if (n < 0)
			return;
		hints_sibling_packet(s, str_of(p, (size_t)n));
	}
}

static void
hints_sibling_init(struct hints *h, struct hints_sibling *s, int fd, int index)
{
	*s = (struct hints_sibling){ .h = h, .fd = fd, .index = index };
	s->watch = watch_new(h->w->loop, fd, hints_sibling_input, s);
	watch_set(s->watch, WATCH_READ);
}

/* --- gathering --- */

static void
hints_flush(struct hints *h)
{
	timer_cancel(h->w->sched, &h->flush);
	for (unsigned i = 0; i < h->siblings_n; i++)
		hints_sibling_flush(h, &h->siblings[i]);
	if (h->first)
		hints_net_send(h);
	h->pending_n = 0;
}

static void
hints_flush_due(struct timer *tm, void *arg)
{
	(void)tm;
	hints_flush(arg);
}

static bool
hints_is_same(const struct hints_pending *p, const struct hint *i)
{
	if (p->type != i->type)
		return false;
	switch (i->type) {
	case HINT_ACCOUNT:
		return str_eq(str_of(p->id, p->id_n), i->id);
	case HINT_FAILURE:
	case HINT_TALLY:
		return p->number == i->number;
	case HINT_QUEUE:
		return p->points == i->points;
	case HINT_STATE:
	case HINT_ALIVE:
	case HINT_NONE:
		break;
	}
	return true;
}

/* The higher entry, and the sum of points; of two origins: to all. */
static void
hints_merge(struct hints_pending *p, const struct hint *i, int from)
{
	unsigned most = i->type == HINT_TALLY ? HINT_TALLY_MAX : 255;

	if (i->type == HINT_FAILURE || i->type == HINT_TALLY)
		p->points =
		    p->points + i->points < most ? p->points + i->points : most;
	else if (i->number > p->number)
		p->number = i->number;
	if (p->from != from)
		p->from = HINTS_FROM_HERE;
}

void
hints_queue(struct hints *h, const struct hint *i, int from)
{
	struct hints_pending *p;

	for (unsigned n = 0; n < h->pending_n; n++)
		if (hints_is_same(&h->pending[n], i)) {
			hints_merge(&h->pending[n], i, from);
			return;
		}
	p = &h->pending[h->pending_n++];
	*p = (struct hints_pending){ .type = i->type,
		.from = from,
		.id_n = (unsigned char)i->id.n,
		.number = i->number,
		.points = i->points };
	if (i->id.n > 0)
		memcpy(p->id, i->id.p, i->id.n);
	if (h->pending_n == HINTS_PENDING)
		hints_flush(h);
	else if (h->pending_n == 1)
		timer_set(h->w->sched, &h->flush, 0, hints_flush_due, h);
}

/* --- the outside --- */

static void
hints_tick_due(struct timer *tm, void *arg)
{
	struct hints *h = arg;

	(void)tm;
	hints_net_tick(h);
	timer_set(h->w->sched, &h->tick, HINTS_TICK_MS, hints_tick_due, h);
}

struct hints *
hints_new(struct worker *w, int first_fd, const int *sibling_fds, unsigned n)
{
	struct hints *h = xcalloc(1, sizeof(*h));

	h->w = w;
	h->first = first_fd < 0;
	h->fd = -1;
	h->siblings_n = h->first ? n : 1;
	h->siblings = xcalloc(h->siblings_n + 1, sizeof(*h->siblings));
	for (unsigned i = 0; i < h->siblings_n; i++)
		hints_sibling_init(h, &h->siblings[i],
		    h->first ? sibling_fds[i] : first_fd, (int)i);
	if (h->first) {
		hints_net_init(h);
		hints_tick_due(NULL, h);
	}
	return h;
}

void
hints_free(struct hints **hp)
{
	struct hints *h = *hp;

	if (h == NULL)
		return;
	*hp = NULL;
	hints_flush(h);
	timer_cancel(h->w->sched, &h->tick);
	for (unsigned i = 0; i < h->siblings_n; i++) {
		watch_free(&h->siblings[i].watch);
		close(h->siblings[i].fd);
	}
	free(h->siblings);
	h->siblings = NULL;
	h->siblings_n = 0;
	if (h->first)
		hints_net_free(h);
	else
		free(h);
}

void
hints_account(struct hints *h, struct str account_id, uint64_t head)
{
	struct hint i = { .type = HINT_ACCOUNT,
		.id = account_id,
		.number = head };

	if (h != NULL && account_id_is_valid(account_id))
		hints_queue(h, &i, HINTS_FROM_HERE);
}

void
hints_state(struct hints *h, uint64_t seq)
{
	struct hint i = { .type = HINT_STATE, .number = seq };

	if (h != NULL)
		hints_queue(h, &i, HINTS_FROM_HERE);
}

void
hints_bucket(struct hints *h, unsigned bucket, uint64_t seq)
{
	struct hint i = { .type = HINT_QUEUE,
		.number = seq,
		.points = bucket };

	if (h != NULL && bucket < HINTS_BUCKETS)
		hints_queue(h, &i, HINTS_FROM_HERE);
}

void
hints_failure(struct hints *h, uint64_t key, unsigned points)
{
	struct hint i = { .type = HINT_FAILURE,
		.number = key,
		.points = points < 255 ? points : 255 };

	if (h != NULL && points > 0)
		hints_queue(h, &i, HINTS_FROM_HERE);
}

void
hints_tally(struct hints *h, uint64_t key, unsigned n)
{
	struct hint i = { .type = HINT_TALLY,
		.number = key,
		.points = n < HINT_TALLY_MAX ? n : HINT_TALLY_MAX };

	if (h != NULL && n > 0)
		hints_queue(h, &i, HINTS_FROM_HERE);
}

void
hints_tell_first(struct hints *h, struct str text)
{
	struct buf b;

	if (h == NULL || h->first || text.n > HINTS_ORDER_BYTES)
		return;
	buf_init(&b, NULL, HINTS_ORDER_BYTES + 1);
	buf_char(&b, HINTS_PACKET_ORDER);
	buf_str_add(&b, text);
	hints_sibling_send(&h->siblings[0], b.p, b.n);
	crypto_wipe(b.p, b.n);
	buf_free(&b);
}

bool
hints_work(const struct hints *h)
{
	if (h == NULL)
		return false;
	if (h->first)
		return hints_net_work(h);
	return counts_word(h->w->counts, COUNTS_HINTS_UNTIL_MS) >
	       sched_now_ms(h->w->sched);
}
