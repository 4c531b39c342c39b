/* net.c - the way from a node to the server: lanes, delays, faults */
#include "sim.h"

#include <stdlib.h>

#include "storage/share/share_private.h"

/*
 * One backend of share.h per process.  A request has a life of its own: it may
 * execute long after its caller gave up or died.  What ends it for certain is a
 * restart of the server, with which its connection died.
 */
enum net_state {
	NET_NONE, /* never connected */
	NET_UP,	  /* maybe only believed: the server has restarted */
	NET_DOWN  /* to be made again */
};

struct net_lane {
	struct sim_net *net;
	enum net_state state;
	uint64_t conn;
	unsigned epoch; /* the server's, when it was made */
	struct sim_event connect, notice;
};

struct sim_net {
	struct share share;
	struct sim_node *node;
	struct net_lane lanes[SHARE_LANES];
	uint64_t verf;
	bool have_verf;
	struct sim_request *first; /* in the caller's hands */
	bool dead;
};

struct sim_request {
	struct sim_request *next, **prev; /* of net, while op != NULL */
	struct sim_request *deferred;
	struct sim_node *node;
	struct sim_net *net;
	struct share_op *op;  /* NULL: nobody waits */
	struct share_op call; /* what travels */
	struct arena *arena;
	enum err_code code;
	unsigned epoch;
	uint64_t cookie;
	bool sent, reply_of_second, lose_reply, executed, overdue;
	unsigned refs; /* the caller's, and one an event under way */
	struct sim_event execute, second, reply, timeout;
	char text[96];
};

#define NET_OF(ev, member)                                                     \
	((struct sim_request *)((                                              \
	    char *)(ev)-offsetof(struct sim_request, member)))

const char *
sim_request_text(const struct sim_request *r)
{
	return r->text;
}

static struct sim_world *
net_world(const struct sim_request *r)
{
	return r->node->w;
}

static void net_on_notice(struct sim_event *ev);

static const char *const net_names[SHARE_PROCS] = {
	[SHARE_LOOKUP] = "LOOKUP",
	[SHARE_GETATTR] = "GETATTR",
	[SHARE_READ] = "READ",
	[SHARE_READLINK] = "READLINK",
	[SHARE_READDIR] = "READDIR",
	[SHARE_CREATE] = "CREATE",
	[SHARE_WRITE] = "WRITE",
	[SHARE_COMMIT] = "COMMIT",
	[SHARE_SYMLINK] = "SYMLINK",
	[SHARE_LINK] = "LINK",
	[SHARE_RENAME] = "RENAME",
	[SHARE_REMOVE] = "REMOVE",
	[SHARE_MKDIR] = "MKDIR",
	[SHARE_RMDIR] = "RMDIR",
	[SHARE_FSSTAT] = "FSSTAT",
};

static void
net_describe(struct sim_request *r)
{
	const struct tree *tree = net_world(r)->tree;
	uint64_t dir = tree_object_of_fh(&r->call.fh);
	struct buf b;

	if (!sim_tracing)
		return;
	buf_init(&b, r->arena, sizeof(r->text) - 1);
	buf_fmt(&b, "%s ", net_names[r->call.proc]);
	if (r->call.proc == SHARE_LINK)
		dir = tree_object_of_fh(&r->call.to);
	if (tree_is_dir(tree, dir))
		buf_c(&b, tree_path(tree, dir));
	else
		buf_fmt(&b, "#%llu", (unsigned long long)dir);
	if (r->call.name.n > 0)
		buf_fmt(&b, "/" STR_FMT, STR_ARG(r->call.name));
	else if (r->call.to_name.n > 0)
		buf_fmt(&b, "/" STR_FMT, STR_ARG(r->call.to_name));
	memcpy(r->text, b.p, b.n);
}

/* Requests. */

static void
net_unlink(struct sim_request *r)
{
	if (r->op == NULL)
		return;
	*r->prev = r->next;
	if (r->next != NULL)
		r->next->prev = r->prev;
	r->op = NULL;
}

static void
net_release(struct sim_request *r)
{
	if (--r->refs > 0)
		return;
	invariant(r->op == NULL);
	arena_free(&r->arena);
	free(r);
}

static void
net_schedule(struct sim_request *r, struct sim_event *ev, uint64_t in_us,
    void (*fn)(struct sim_event *ev))
{
	r->refs++;
	sim_at(net_world(r), ev, net_world(r)->now_us + in_us, fn);
}

static uint64_t
net_delay(struct sim_world *w)
{
	uint64_t us = w->conf.delay_us / 2 + sim_about(w, w->conf.delay_us);

	/* A call that hits a slow disk. */
	if (w->phase == SIM_RUN && sim_below(w, 200) == 0)
		us += sim_about(w, 2 * SIM_SECOND);
	return us;
}

static struct err *
net_err(struct share_op *op, enum err_code code)
{
	return err_newf(op->arena, code, "%s: %s", net_names[op->proc],
	    err_name(code));
}

/* The caller gets its answer; the request may live on at the server. */
static void
net_answer(struct sim_request *r, enum err_code code)
{
	struct share_op *op = r->op;

	net_unlink(r);
	sim_cancel(net_world(r), &r->timeout);
	op->err = code == ERR_NONE ? NULL : net_err(op, code);
	share_complete(op);
	net_release(r);
}

static void
net_copy_entries(struct share_op *op, const struct share_op *call)
{
	struct share_dirent **last = &op->entries_r;

	for (const struct share_dirent *e = call->entries_r; e != NULL;
	     e = e->next) {
		struct share_dirent *c =
		    arena_new_obj(op->arena, struct share_dirent);

		c->name = arena_str(op->arena, e->name);
		c->fileid = e->fileid;
		if (e->fh != NULL)
			c->fh = arena_memdup(op->arena, e->fh, sizeof(*e->fh));
		*last = c;
		last = &c->next;
	}
}

static void
net_results(struct sim_request *r)
{
	struct share_op *op = r->op;
	const struct share_op *call = &r->call;

	op->fh_r = call->fh_r;
	op->attr_r = call->attr_r;
	op->attr_ok = call->attr_ok;
	op->dir_attr_r = call->dir_attr_r;
	op->dir_attr_ok = call->dir_attr_ok;
	op->count_r = call->count_r;
	op->eof_r = call->eof_r;
	op->verf_r = call->verf_r;
	op->fsstat_r = call->fsstat_r;
	op->cookie = call->cookie;
	if (call->text_r.p != NULL)
		op->text_r = arena_str(op->arena, call->text_r);
	net_copy_entries(op, call);
	if (op->proc == SHARE_READ && call->count_r > 0 && r->code == ERR_NONE)
		memcpy(op->into, call->into, call->count_r);
}

/* RFC 1813 lets a server leave these out. */
static void
net_bare(struct sim_request *r)
{
	struct sim_world *w = net_world(r);
	struct share_op *c = &r->call;

	if (!w->conf.bare)
		return;
	if (c->proc != SHARE_GETATTR && sim_below(w, 4) == 0)
		c->attr_ok = false;
	if (sim_below(w, 4) == 0)
		c->dir_attr_ok = false;
	if ((c->proc == SHARE_CREATE || c->proc == SHARE_SYMLINK ||
		c->proc == SHARE_MKDIR) &&
	    sim_below(w, 4) == 0)
		c->fh_r.n = 0;
}

static void net_verf(struct sim_net *net, uint64_t verf);

static void
net_reply_now(struct sim_request *r)
{
	struct sim_world *w = net_world(r);

	if (r->op == NULL)
		return;
	sim_plan_ask(r->node, SIM_REPLIED, &r->call, NULL);
	net_results(r);
	if (r->code != ERR_NONE && r->code != ERR_NOENT)
		sim_say(w, r->node, "%s: %s", r->text, err_name(r->code));
	net_answer(r, r->code);
	if (r->code == ERR_NONE &&
	    (r->call.proc == SHARE_WRITE || r->call.proc == SHARE_COMMIT))
		net_verf(r->net, r->call.verf_r);
}

static void
net_on_reply(struct sim_event *ev)
{
	struct sim_request *r = NET_OF(ev, reply);

	if (r->op != NULL && r->node->paused) {
		/* Stays in the socket until the process goes on. */
		r->deferred = r->node->deferred;
		r->node->deferred = r;
		return;
	}
	net_reply_now(r);
	net_release(r);
}

static void net_on_timeout(struct sim_event *ev);

/* What the process finds when it goes on, in any order, and its timeouts. */
void
sim_net_resume(struct sim_node *n)
{
	while (n->deferred != NULL) {
		struct sim_request *r = n->deferred;

		n->deferred = r->deferred;
		r->refs--;
		net_schedule(r, &r->reply, sim_below(n->w, 3000), net_on_reply);
	}
	for (struct sim_request *r = n->net->first; r != NULL; r = r->next)
		if (r->overdue)
			sim_at(n->w, &r->timeout,
			    n->w->now_us + sim_below(n->w, 3000),
			    net_on_timeout);
}

/* As it was sent. */
static void
net_clear(struct sim_request *r)
{
	r->call.entries_r = NULL;
	r->call.text_r = STR_NONE;
	r->call.fh_r.n = 0;
	r->call.attr_ok = r->call.dir_attr_ok = false;
	r->call.count_r = 0;
	r->call.eof_r = false;
	r->call.cookie = r->cookie;
}

static void
net_execute(struct sim_request *r, bool answer)
{
	struct sim_world *w = net_world(r);
	struct share_op first = r->call;

	tree_set_now(w->tree, sim_server_ns(w));
	net_clear(r);
	enum err_code code = tree_exec(w->tree, &r->call);
	sim_mix(w, (uint64_t)code << 32 | r->call.proc);
	if (r->call.proc >= SHARE_CREATE && r->call.proc != SHARE_FSSTAT)
		sim_say(w, r->node, "%s%s%s executes: %s", r->text,
		    r->op == NULL ? " (late)" : "", answer ? "" : " (again)",
		    err_name(code));
	if (!answer) {
		r->call = first;
		return;
	}
	r->code = code;
	r->executed = true;
	net_bare(r);
}

static void
net_on_second(struct sim_event *ev)
{
	struct sim_request *r = NET_OF(ev, second);
	struct sim_world *w = net_world(r);

	if (r->epoch == w->epoch) {
		/* The caller may be answered by the second execution. */
		net_execute(r, r->reply_of_second);
		if (r->reply_of_second)
			net_schedule(r, &r->reply, net_delay(w), net_on_reply);
	}
	net_release(r);
}

static void
net_false_error(struct sim_request *r, bool certain)
{
	static const enum err_code codes[] = { ERR_IO, ERR_IO, ERR_IO,
		ERR_NOSPC, ERR_DQUOT, ERR_ACCESS, ERR_ROFS };
	struct sim_world *w = net_world(r);
	bool change =
	    r->call.proc >= SHARE_CREATE && r->call.proc != SHARE_FSSTAT;

	if (r->code != ERR_NONE)
		return;
	if (!certain && !sim_chance(w, w->conf.false_error))
		return;
	r->code = change ? codes[sim_below(w, countof(codes))] : ERR_IO;
	sim_say(w, r->node, "%s executed, but answers %s", r->text,
	    err_name(r->code));
}

static void
net_on_execute(struct sim_event *ev)
{
	struct sim_request *r = NET_OF(ev, execute);
	struct sim_world *w = net_world(r);
	enum sim_verdict v;

	if (r->epoch != w->epoch) {
		net_release(r);
		return;
	}
	if (sim_chance(w, w->conf.stale) && r->call.proc != SHARE_FSSTAT) {
		r->code = ERR_STALE;
	} else if (sim_chance(w, w->conf.io)) {
		r->code = ERR_IO;
	} else {
		net_execute(r, true);
		net_false_error(r, false);
	}
	v = r->op != NULL ? sim_plan_ask(r->node, SIM_EXECUTED, &r->call, NULL)
			  : SIM_GO_ON;
	if (v == SIM_FALSE_ERROR)
		net_false_error(r, true);
	if (v == SIM_LOSE_REPLY || r->lose_reply || r->reply_of_second) {
		if (r->op != NULL && !r->reply_of_second)
			sim_say(w, r->node, "%s: the reply gets lost", r->text);
	} else if (r->op != NULL) {
		net_schedule(r, &r->reply, net_delay(w), net_on_reply);
	}
	net_release(r);
}

/* Lanes. */

static void net_lane_up(struct sim_event *ev);

static void
net_lane_connect(struct net_lane *l, uint64_t in_us)
{
	struct sim_world *w = l->net->node->w;

	l->state = NET_DOWN;
	if (l->connect.slot == 0)
		sim_at(w, &l->connect, w->now_us + in_us, net_lane_up);
}

/* The connection is given up: what was under way on it is unknown. */
static void
net_lane_break(struct net_lane *l)
{
	struct sim_net *net = l->net;
	struct sim_world *w = net->node->w;
	struct sim_request *r, *next;

	if (l->state != NET_UP || net->node->paused)
		return;
	sim_say(w, net->node, "connection %llu (lane %u) is given up",
	    (unsigned long long)l->conn, (unsigned)(l - net->lanes));
	sim_cancel(w, &l->notice);
	l->conn++;
	net_lane_connect(l, 5 * SIM_MS + sim_about(w, 300 * SIM_MS));
	for (r = net->first; r != NULL; r = next) {
		next = r->next;
		if (r->call.lane != (enum share_lane)(l - net->lanes) ||
		    !r->sent)
			continue;
		/* Half of what the server has not seen yet never gets there. */
		if (r->execute.slot != 0 && !r->executed &&
		    sim_below(w, 2) == 0 && w->epoch == r->epoch)
			r->epoch = (unsigned)-1;
		net_answer(r, ERR_UNKNOWN);
	}
}

static void
net_on_notice(struct sim_event *ev)
{
	struct net_lane *l =
	    (struct net_lane *)((char *)ev - offsetof(struct net_lane, notice));

	if (l->net->node->paused) {
		sim_at(l->net->node->w, ev,
		    l->net->node->w->now_us + 100 * SIM_MS, net_on_notice);
		return;
	}
	net_lane_break(l);
}

void
sim_net_server_restarted(struct sim_net *net)
{
	struct sim_world *w = net->node->w;

	for (unsigned i = 0; i < SHARE_LANES; i++) {
		struct net_lane *l = &net->lanes[i];

		if (l->state == NET_UP && l->notice.slot == 0)
			sim_at(w, &l->notice,
			    w->now_us + sim_about(w, SIM_SECOND),
			    net_on_notice);
	}
}

void
sim_net_break(struct sim_net *net)
{
	net_lane_break(&net->lanes[sim_below(net->node->w, SHARE_LANES)]);
}

/*
 * A reply to WRITE or COMMIT shows the server's write verifier.  A new one: the
 * server may have forgotten, no older number means anything.
 */
static void
net_verf(struct sim_net *net, uint64_t verf)
{
	bool changed = net->have_verf && net->verf != verf;

	net->verf = verf;
	net->have_verf = true;
	if (!changed)
		return;
	sim_say(net->node->w, net->node, "sees a new write verifier");
	for (unsigned i = 0; i < SHARE_LANES; i++)
		net_lane_break(&net->lanes[i]);
}

static void net_send(struct sim_request *r);

static void
net_lane_up(struct sim_event *ev)
{
	struct net_lane *l =
	    (struct net_lane *)((char *)ev -
				offsetof(struct net_lane, connect));
	struct sim_net *net = l->net;
	struct sim_world *w = net->node->w;
	struct sim_request *r, *next;

	if (!w->server_up || net->node->paused) {
		sim_at(w, ev,
		    w->now_us + 50 * SIM_MS + sim_about(w, SIM_SECOND),
		    net_lane_up);
		return;
	}
	l->state = NET_UP;
	if (l->conn == 0)
		l->conn = 1;
	l->epoch = w->epoch;
	for (r = net->first; r != NULL; r = next) {
		next = r->next;
		if (!r->sent &&
		    r->call.lane == (enum share_lane)(l - net->lanes))
			net_send(r);
	}
}

/* Submitting. */

static void
net_on_timeout(struct sim_event *ev)
{
	struct sim_request *r = NET_OF(ev, timeout);
	struct sim_world *w = net_world(r);
	struct net_lane *l = &r->net->lanes[r->call.lane];
	bool sent = r->sent;

	if (r->op == NULL)
		return;
	if (r->node->paused) {
		r->overdue = true;
		return;
	}
	sim_say(w, r->node, "%s: no answer in time", r->text);
	net_answer(r, sent ? ERR_UNKNOWN : ERR_UNAVAIL);
	if (sent && sim_below(w, 2) == 0)
		net_lane_break(l);
}

/* Copies of all that the caller owns: the request may outlive him. */
static void
net_copy_in(struct sim_request *r, const struct share_op *op)
{
	struct share_op *c = &r->call;

	*c = *op;
	c->arena = r->arena;
	r->cookie = op->cookie;
	c->task = NULL;
	c->name = arena_str(r->arena, op->name);
	c->to_name = arena_str(r->arena, op->to_name);
	c->text = arena_str(r->arena, op->text);
	if (op->proc == SHARE_WRITE)
		c->data = arena_memdup(r->arena, op->data, op->length);
}

static void
net_partial(struct sim_request *r)
{
	struct sim_world *w = net_world(r);

	if ((r->call.proc != SHARE_WRITE && r->call.proc != SHARE_READ) ||
	    r->call.length < 2 || !sim_chance(w, w->conf.partial))
		return;
	r->call.length = 1 + (uint32_t)sim_below(w, r->call.length - 1);
}

/* How this request fares. */
static void
net_fate(struct sim_request *r, enum sim_verdict v, uint64_t us)
{
	struct sim_world *w = net_world(r);
	uint64_t way = net_delay(w);

	net_partial(r);
	if (sim_chance(w, w->conf.jukebox))
		way += 4 * SIM_SECOND + sim_about(w, 2 * SIM_SECOND);
	if (v == SIM_LATE || sim_chance(w, w->conf.late)) {
		way = SHARE_TIMEOUT_MS * SIM_MS / 2 +
		      (v == SIM_LATE ? SHARE_TIMEOUT_MS * SIM_MS + us
				     : sim_interval(w));
		sim_say(w, r->node, "%s will be late (%llu ms)", r->text,
		    (unsigned long long)way / 1000);
	} else if (v == SIM_STALL) {
		/* It gets there when the node goes on, which finds the answer
		 * or its own timeout first. */
		way = us > SIM_SECOND ? us - SIM_SECOND : us;
	} else if (sim_chance(w, w->conf.lost) ||
		   (r->node->cut_us > w->now_us && !r->node->deaf) ||
		   (r->call.proc == SHARE_REMOVE &&
		       sim_chance(w, w->conf.remove_lost))) {
		sim_say(w, r->node, "%s gets lost", r->text);
		return;
	}
	r->lose_reply = sim_chance(w, w->conf.reply_lost) ||
			(r->node->cut_us > w->now_us && r->node->deaf);
	if (r->node->cut_us > w->now_us && r->node->deaf && r->node->reset) {
		struct net_lane *l = &r->net->lanes[r->call.lane];

		if (l->notice.slot == 0)
			sim_at(w, &l->notice,
			    w->now_us + sim_below(w, 1500 * SIM_MS),
			    net_on_notice);
	}
	net_schedule(r, &r->execute, way, net_on_execute);
	if (v == SIM_TWICE || sim_chance(w, w->conf.twice)) {
		uint64_t more =
		    sim_below(w, 2) == 0 ? net_delay(w) : sim_interval(w);

		r->reply_of_second =
		    more < 5 * SIM_SECOND && sim_below(w, 2) == 0;
		sim_say(w, r->node, "%s will execute twice (%llu ms later)",
		    r->text, (unsigned long long)more / 1000);
		net_schedule(r, &r->second, way + more, net_on_second);
	}
}

static void
net_send(struct sim_request *r)
{
	struct net_lane *l = &r->net->lanes[r->call.lane];
	struct sim_world *w = net_world(r);
	enum sim_verdict v;
	uint64_t us = 0;

	if (r->call.pin != 0 && r->call.pin != l->conn) {
		net_answer(r, ERR_CONN);
		return;
	}
	r->refs++;
	r->sent = true;
	r->op->conn = l->conn;
	r->epoch = l->epoch;
	v = sim_plan_ask(r->node, SIM_SUBMIT, &r->call, &us);
	/* On a connection that died with the server it goes nowhere. */
	if (l->epoch == w->epoch && w->server_up)
		net_fate(r, v, us);
	else if (l->notice.slot == 0 && !r->net->dead)
		sim_at(w, &l->notice, w->now_us + net_delay(w), net_on_notice);
	net_release(r);
}

static void
net_submit(struct share *s, struct share_op *op)
{
	struct sim_net *net = (struct sim_net *)s;
	struct net_lane *l = &net->lanes[op->lane];
	struct sim_request *r = xcalloc(1, sizeof(*r));
	struct sim_world *w = net->node->w;

	invariant(!net->dead);
	r->node = net->node;
	r->net = net;
	r->arena = arena_new(0);
	r->op = op;
	r->refs = 1;
	net_copy_in(r, op);
	net_describe(r);
	r->next = net->first;
	r->prev = &net->first;
	if (r->next != NULL)
		r->next->prev = &r->next;
	net->first = r;
	sim_at(w, &r->timeout, w->now_us + SHARE_TIMEOUT_MS * SIM_MS,
	    net_on_timeout);
	if (op->pin != 0 && l->conn != op->pin) {
		net_answer(r, ERR_CONN);
	} else if (l->state == NET_DOWN && !w->server_up &&
		   sim_below(w, 2) == 0) {
		net_answer(r, ERR_UNAVAIL);
	} else if (l->state == NET_UP) {
		net_send(r);
	} else if (l->state == NET_NONE) {
		net_lane_connect(l, net_delay(w));
	}
}

static uint64_t
net_conn(const struct share *s, enum share_lane lane)
{
	const struct sim_net *net = (const struct sim_net *)s;

	return net->lanes[lane].conn;
}

static void
net_expect(struct share *s, const unsigned char uuid[16])
{
	(void)s;
	(void)uuid;
}

static void
net_reconnect(struct share *s)
{
	struct sim_net *net = (struct sim_net *)s;

	for (unsigned i = 0; i < SHARE_LANES; i++)
		net_lane_break(&net->lanes[i]);
}

/* The process is gone, or has closed the share. */
void
sim_net_abandon(struct sim_net *net)
{
	struct sim_world *w = net->node->w;

	if (net->dead)
		return;
	net->dead = true;
	while (net->first != NULL) {
		struct sim_request *r = net->first;

		sim_cancel(w, &r->timeout);
		net_unlink(r);
		net_release(r);
	}
	for (unsigned i = 0; i < SHARE_LANES; i++) {
		sim_cancel(w, &net->lanes[i].connect);
		sim_cancel(w, &net->lanes[i].notice);
	}
	while (net->node->deferred != NULL) {
		struct sim_request *r = net->node->deferred;

		net->node->deferred = r->deferred;
		net_release(r);
	}
}

static void
net_close(struct share *s)
{
	struct sim_net *net = (struct sim_net *)s;

	while (net->first != NULL)
		net_answer(net->first, ERR_UNKNOWN);
	sim_net_abandon(net);
}

static const struct share_vtable net_vtable = {
	.submit = net_submit,
	.conn = net_conn,
	.expect = net_expect,
	.reconnect = net_reconnect,
	.close = net_close,
};

struct share *
sim_net_new(struct sim_node *n, struct sim_net **net_r)
{
	struct sim_net *net = xcalloc(1, sizeof(*net));

	net->share.vt = &net_vtable;
	net->share.name = "sim";
	tree_root_fh(n->w->tree, &net->share.root);
	net->node = n;
	for (unsigned i = 0; i < SHARE_LANES; i++)
		net->lanes[i].net = net;
	*net_r = net;
	return &net->share;
}
