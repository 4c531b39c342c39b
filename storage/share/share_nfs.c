/* share_nfs.c - the share over NFSv3: calls, lanes and their windows */
#include "storage/share/share_nfs.h"

#include <stdlib.h>

#include "storage/share/share_nfs_private.h"

static void
nfs_list_init(struct nfs_list *q)
{
	*q = (struct nfs_list){ .last = &q->first };
}

static void
nfs_list_add(struct nfs_list *q, struct nfs_call *c)
{
	c->next = NULL;
	c->prev = q->last;
	*q->last = c;
	q->last = &c->next;
	q->n++;
	q->bytes += c->bytes;
}

static void
nfs_list_del(struct nfs_list *q, struct nfs_call *c)
{
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	else
		q->last = c->prev;
	q->n--;
	q->bytes -= c->bytes;
	c->next = NULL;
	c->prev = NULL;
}

static void
nfs_call_free(struct nfs_call *c)
{
	timer_cancel(c->lane->ns->sched, &c->timer);
	free(c);
}

/* End the op; the call itself lives on where it still is under way. */
static void
nfs_call_end(struct nfs_call *c, enum err_code code, const char *text)
{
	struct share_op *op = c->op;

	if (op == NULL)
		return;
	c->op = NULL;
	if (text != NULL)
		op->err = err_new(op->arena, code, text, NULL);
	else
		op->err = share_err(op->arena, code, NULL);
	share_complete(op);
}

/*
 * The server's write verifier is another one: it was restarted, and what it had
 * not written is gone.  All numbers rise at once, so that nobody trusts what
 * was concluded before; the connections end at the loop's next turn.
 */
static void
nfs_share_verf(struct nfs_share *ns, const struct share_op *op)
{
	bool changed = ns->have_verf && ns->verf != op->verf_r;

	ns->verf = op->verf_r;
	ns->have_verf = true;
	if (!changed)
		return;
	for (unsigned i = 0; i < SHARE_LANES; i++) {
		struct nfs_lane *l = &ns->lane[i];

		if (l->conn == NULL || l->dropping)
			continue;
		l->number++;
		l->dropping = true;
		nfs_conn_break(l->conn, "the server was restarted");
	}
}

static void
nfs_call_later(struct timer *tm, void *arg)
{
	struct nfs_call *c = arg;

	(void)tm;
	nfs_list_del(&c->lane->paused, c);
	nfs_list_add(&c->lane->queue, c);
	if (c->lane->state == NFS_LANE_DOWN)
		nfs_lane_start(c->lane);
	nfs_lane_pump(c->lane);
}

/* JUKEBOX: the server is not ready to do it yet (HSM, grace period). */
static void
nfs_call_jukebox(struct nfs_call *c)
{
	struct nfs_share *ns = c->lane->ns;
	uint64_t ms = SHARE_NFS_JUKEBOX_MS << (c->pauses < 4 ? c->pauses : 4);
	uint64_t now = sched_now_ms(ns->sched);

	if (c->op == NULL) {
		nfs_call_free(c);
		return;
	}
	c->pauses++;
	ms += rnd_below(sched_rnd(ns->sched), ms);
	if (now + ms >= c->deadline_ms || ns->closing) {
		nfs_call_end(c, ERR_UNKNOWN,
		    "the share asks to wait (JUKEBOX) for too long");
		nfs_call_free(c);
		return;
	}
	nfs_list_add(&c->lane->paused, c);
	timer_set(ns->sched, &c->timer, ms, nfs_call_later, c);
}

static void
nfs_call_done(struct nfs_call *c, enum nfs_outcome o, const char *why)
{
	struct nfs_lane *l = c->lane;
	struct nfs_share *ns = l->ns;
	struct share_op *op = c->op;

	nfs_list_del(&l->flight, c);
	if (o == NFS_LATER) {
		nfs_call_jukebox(c);
		nfs_lane_pump(l);
		return;
	}
	if (o == NFS_BROKEN) {
		if (l->conn != NULL)
			nfs_conn_break(l->conn, why);
		nfs_call_end(c, ERR_UNKNOWN, NULL);
		nfs_call_free(c);
		return;
	}
	c->op = NULL;
	nfs_call_free(c);
	if (op == NULL)
		return;
	if (op->err == NULL &&
	    (op->proc == SHARE_WRITE || op->proc == SHARE_COMMIT))
		nfs_share_verf(ns, op);
	if (err_is(op->err, ERR_STALE))
		nfs_lane_suspect(l);
	share_complete(op);
	nfs_lane_pump(l);
}

static bool
nfs_lane_window(const struct nfs_lane *l, const struct nfs_call *c)
{
	return l->flight.n == 0 ||
	       (l->flight.n < SHARE_NFS_WINDOW_CALLS &&
		   l->flight.bytes + c->bytes <= SHARE_NFS_WINDOW_BYTES);
}

static void nfs_lane_tick(struct timer *tm, void *arg);

static void
nfs_lane_arm(struct nfs_lane *l)
{
	if (l->tick.slot == 0 && (l->queue.n > 0 || l->flight.n > 0))
		timer_set(l->ns->sched, &l->tick, SHARE_NFS_TICK_MS,
		    nfs_lane_tick, l);
}

/* The call was not sent, and will not be. */
static void
nfs_lane_refuse(struct nfs_list *list, struct nfs_call *c, enum err_code code,
    const char *text)
{
	nfs_list_del(list, c);
	c->op->conn = 0;
	nfs_call_end(c, code, text);
	nfs_call_free(c);
}

/* Pinned calls whose connection is gone will never be sent. */
static void
nfs_lane_unpin(struct nfs_lane *l)
{
	struct nfs_call *c, *next;

	for (c = l->queue.first; c != NULL; c = next) {
		next = c->next;
		if (c->op->pin != 0 && c->op->pin != l->number)
			nfs_lane_refuse(&l->queue, c, ERR_CONN, NULL);
	}
}

void
nfs_lane_pump(struct nfs_lane *l)
{
	struct nfs_call *c;

	/* Calls wait while a broken connection has not been dropped yet. */
	while ((c = l->queue.first) != NULL && l->state == NFS_LANE_UP &&
	       !l->dropping && nfs_conn_is_up(l->conn) &&
	       nfs_lane_window(l, c)) {
		if (c->op->pin != 0 && c->op->pin != l->number) {
			nfs_lane_refuse(&l->queue, c, ERR_CONN, NULL);
			continue;
		}
		nfs_list_del(&l->queue, c);
		c->rtmax = l->ns->rtmax;
		c->wtmax = l->ns->wtmax;
		c->op->conn = l->number;
		nfs_list_add(&l->flight, c);
		if (!nfs_call_send(l->conn, c)) {
			c->op->conn = 0;
			nfs_list_del(&l->flight, c);
			nfs_list_add(&l->queue, c);
		}
	}
	nfs_lane_arm(l);
}

/* Every op ends by its deadline, whatever libnfs and the server do. */
static void
nfs_lane_tick(struct timer *tm, void *arg)
{
	struct nfs_lane *l = arg;
	uint64_t now = sched_now_ms(l->ns->sched);
	struct nfs_call *c;
	bool late = false;

	(void)tm;
	/* Oldest first, so deadlines rise (but for a few that were paused). */
	while ((c = l->queue.first) != NULL && now >= c->deadline_ms)
		nfs_lane_refuse(&l->queue, c, ERR_UNAVAIL,
		    l->why[0] != '\0' ? l->why : NULL);
	for (c = l->flight.first; c != NULL; c = c->next)
		if (now >= c->deadline_ms && c->op != NULL) {
			late = true;
			nfs_call_end(c, ERR_UNKNOWN, NULL);
		}
	if (late && l->conn != NULL)
		nfs_conn_break(l->conn, "no answer in time");
	if (l->conn != NULL)
		nfs_conn_tick(l->conn);
	nfs_lane_arm(l);
}

void
nfs_lane_drop(struct nfs_lane *l)
{
	if (!l->dropping)
		l->number++;
	l->dropping = true;
	/* Ends the calls under way: NFS_BROKEN. */
	nfs_conn_free(&l->conn);
	invariant(l->flight.n == 0);
	l->dropping = false;
}

void
nfs_lane_conn_event(struct nfs_conn *c, const char *broken, void *arg)
{
	struct nfs_lane *l = arg;

	(void)c;
	if (broken != NULL) {
		snprintf(l->why, sizeof(l->why), "%s", broken);
		nfs_lane_drop(l);
	}
	if (l->task != NULL) {
		l->wake = true;
		task_wake(l->task);
		return;
	}
	if (broken == NULL)
		return;
	l->state = NFS_LANE_DOWN;
	nfs_lane_unpin(l);
	if (l->queue.n > 0 && !l->ns->closing)
		nfs_lane_start(l);
}

static void
nfs_lane_fail_all(struct nfs_lane *l)
{
	struct nfs_call *c;

	while ((c = l->queue.first) != NULL)
		nfs_lane_refuse(&l->queue, c, l->why_code, l->why);
}

static void
nfs_lane_retry(struct timer *tm, void *arg)
{
	struct nfs_lane *l = arg;

	(void)tm;
	if (l->state == NFS_LANE_AWAY && l->queue.n > 0)
		nfs_lane_start(l);
}

/* Is it worth waiting for, or better answered at once? */
static bool
nfs_lane_is_patient(const struct nfs_lane *l)
{
	return l->ns->was_up && l->why_code == ERR_UNAVAIL &&
	       sched_now_ms(l->ns->sched) <
		   l->away_since_ms + SHARE_NFS_PATIENCE_MS;
}

static void
nfs_lane_failed(struct nfs_lane *l, const struct err *e)
{
	struct nfs_share *ns = l->ns;
	uint64_t now = sched_now_ms(ns->sched);
	uint64_t ms = SHARE_NFS_BACKOFF_MIN_MS
		      << (l->failures < 6 ? l->failures : 6);

	if (ms > SHARE_NFS_BACKOFF_MAX_MS)
		ms = SHARE_NFS_BACKOFF_MAX_MS;
	ms = ms / 2 + rnd_below(sched_rnd(ns->sched), ms / 2 + 1);
	if (l->failures++ == 0)
		l->away_since_ms = now;
	l->retry_ms = now + ms;
	l->state = NFS_LANE_AWAY;
	l->why_code = err_code(e);
	snprintf(l->why, sizeof(l->why), "%s", e->text);
	if (!nfs_lane_is_patient(l))
		nfs_lane_fail_all(l);
	else
		timer_set(ns->sched, &l->retry, ms, nfs_lane_retry, l);
}

void
nfs_lane_result(struct nfs_lane *l, const struct err *e)
{
	if (l->ns->closing)
		return;
	/* It may have ended while the connecting task went to its end. */
	if (e == NULL && l->conn == NULL) {
		l->state = NFS_LANE_DOWN;
		nfs_lane_unpin(l);
		if (l->queue.n > 0)
			nfs_lane_start(l);
		return;
	}
	if (e != NULL) {
		nfs_lane_unpin(l);
		nfs_lane_failed(l, e);
		return;
	}
	l->state = NFS_LANE_UP;
	l->was_up = l->ns->was_up = true;
	l->failures = 0;
	l->why[0] = '\0';
	l->checked_ms = sched_now_ms(l->ns->sched);
	nfs_lane_unpin(l);
	nfs_lane_pump(l);
}

/*
 * ESTALE is mostly a file that another node removed; it may also be the wrong
 * file system under our handles.  Once a second is often enough to look.
 */
void
nfs_lane_suspect(struct nfs_lane *l)
{
	if (l->state != NFS_LANE_UP || l->dropping || !l->ns->expecting ||
	    sched_now_ms(l->ns->sched) < l->checked_ms + 1000)
		return;
	l->state = NFS_LANE_CHECKING;
	nfs_lane_start(l);
}

static void
nfs_submit(struct share *s, struct share_op *op)
{
	struct nfs_share *ns = (struct nfs_share *)s;
	struct nfs_lane *l = &ns->lane[op->lane];
	uint64_t now = sched_now_ms(ns->sched);
	struct nfs_call *c;

	if (ns->closing || (op->pin != 0 && op->pin != l->number)) {
		op->err = share_err(op->arena,
		    ns->closing ? ERR_UNAVAIL : ERR_CONN, NULL);
		share_complete(op);
		return;
	}
	if (l->state == NFS_LANE_AWAY && now < l->retry_ms &&
	    !nfs_lane_is_patient(l)) {
		op->err = err_new(op->arena, l->why_code, l->why, NULL);
		share_complete(op);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->op = op;
	c->root = &ns->root;
	c->lane = l;
	c->done = nfs_call_done;
	c->bytes = nfs_call_bytes(op);
	c->deadline_ms = now + SHARE_TIMEOUT_MS;
	nfs_list_add(&l->queue, c);
	if (l->state == NFS_LANE_DOWN ||
	    (l->state == NFS_LANE_AWAY && now >= l->retry_ms))
		nfs_lane_start(l);
	nfs_lane_pump(l);
}

static uint64_t
nfs_share_conn(const struct share *s, enum share_lane lane)
{
	const struct nfs_lane *l = &((const struct nfs_share *)s)->lane[lane];

	return l->was_up ? l->number : 0;
}

static void
nfs_share_expect(struct share *s, const unsigned char uuid[16])
{
	struct nfs_share *ns = (struct nfs_share *)s;

	memcpy(ns->uuid, uuid, 16);
	ns->expecting = true;
}

static void
nfs_share_reconnect(struct share *s)
{
	struct nfs_share *ns = (struct nfs_share *)s;

	for (unsigned i = 0; i < SHARE_LANES; i++)
		if (ns->lane[i].conn != NULL)
			nfs_conn_break(ns->lane[i].conn, "dropped on purpose");
}

void
nfs_share_unref(struct nfs_share *ns)
{
	if (--ns->refs > 0)
		return;
	free(ns->place.name);
	free(ns);
}

static void
nfs_share_close(struct share *s)
{
	struct nfs_share *ns = (struct nfs_share *)s;

	ns->closing = ns->place.closing = true;
	if (ns->place.conn != NULL)
		nfs_conn_break(ns->place.conn, "the share was closed");
	for (unsigned i = 0; i < SHARE_LANES; i++) {
		struct nfs_lane *l = &ns->lane[i];

		timer_cancel(ns->sched, &l->tick);
		timer_cancel(ns->sched, &l->retry);
		l->why_code = ERR_UNKNOWN;
		snprintf(l->why, sizeof(l->why), "the share was closed");
		if (l->conn != NULL)
			nfs_lane_drop(l);
		nfs_lane_fail_all(l);
		while (l->paused.first != NULL)
			nfs_lane_refuse(&l->paused, l->paused.first,
			    ERR_UNKNOWN, l->why);
		if (l->task != NULL) {
			l->wake = true;
			task_wake(l->task);
		}
	}
	nfs_share_unref(ns);
}

static const struct share_vtable nfs_vtable = { .submit = nfs_submit,
	.conn = nfs_share_conn,
	.expect = nfs_share_expect,
	.reconnect = nfs_share_reconnect,
	.close = nfs_share_close };

struct share *
share_nfs_open(struct loop *l, struct offload *o, const struct share_url *url)
{
	struct nfs_share *ns = xcalloc(1, sizeof(*ns));
	struct arena *a = arena_new(0);

	invariant(url->nfs);
	ns->share.vt = &nfs_vtable;
	ns->sched = loop_sched(l);
	ns->place.loop = l;
	ns->place.offload = o;
	ns->place.url = *url;
	ns->place.name = xstrdup(share_url_name(a, url));
	ns->share.name = ns->place.name;
	arena_free(&a);
	task_mutex_init(&ns->mount_lock);
	ns->refs = 1;
	for (unsigned i = 0; i < SHARE_LANES; i++) {
		struct nfs_lane *lane = &ns->lane[i];

		lane->ns = ns;
		lane->id = (enum share_lane)i;
		lane->number = 1;
		nfs_list_init(&lane->queue);
		nfs_list_init(&lane->flight);
		nfs_list_init(&lane->paused);
	}
	return &ns->share;
}
