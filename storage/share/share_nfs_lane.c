/* share_nfs_lane.c - making a lane's connection, and knowing where it leads */
#include <stdlib.h>

#include "storage/share/share_id.h"
#include "storage/share/share_nfs_private.h"

/* Every so many failures in a row, ask for address, ports and root again. */
#define NFS_REFIND_EVERY 4

/* What libnfs is asked when only the connection is known so far. */
static const uint32_t nfs_io_max = 1
				   << 20; /* libnfs 4.0.0: NFS_MAX_XFER_SIZE */

static bool
nfs_lane_is_over(const struct nfs_lane *l)
{
	return l->conn == NULL || l->ns->closing;
}

static must_check struct err *
nfs_lane_lost(struct task *t, struct nfs_lane *l)
{
	const struct nfs_place *p = &l->ns->place;

	return err_newf(task_arena(t), ERR_UNAVAIL,
	    "%s: the server cannot be reached (NFS on %s port %u: %s)", p->name,
	    p->addr, p->nfs_port, nfs_place_tidy(t, l->why));
}

static void
nfs_lane_late(struct timer *tm, void *arg)
{
	struct nfs_lane *l = arg;

	(void)tm;
	if (l->conn != NULL)
		nfs_conn_break(l->conn, "no answer in time");
}

static may_yield must_check struct err *
nfs_lane_dial(struct task *t, struct nfs_lane *l)
{
	struct nfs_place *p = &l->ns->place;

	if (l->conn == NULL && !l->ns->closing)
		l->conn = nfs_conn_new(p->loop, p->addr, p->nfs_port,
		    p->url.uid, p->url.gid, nfs_lane_conn_event, l);
	while (!nfs_lane_is_over(l) && !nfs_conn_is_up(l->conn)) {
		l->wake = false;
		task_wait(t, &l->wake);
	}
	return nfs_lane_is_over(l) ? nfs_lane_lost(t, l) : NULL;
}

/* One call of the connecting task's own. */
struct nfs_probe {
	struct nfs_call call; /* first: done() is given this */
	struct nfs_lane *lane;
	bool done;
	enum nfs_outcome outcome;
	char why[200];
};

static void
nfs_probe_wake(struct nfs_probe *pr, enum nfs_outcome o, const char *why)
{
	pr->outcome = o;
	snprintf(pr->why, sizeof(pr->why), "%s", why != NULL ? why : "");
	pr->done = true;
	task_wake(pr->lane->task);
}

static void
nfs_probe_done(struct nfs_call *c, enum nfs_outcome o, const char *why)
{
	nfs_probe_wake((struct nfs_probe *)c, o, why);
}

static may_yield must_check struct err *
nfs_probe_wait(struct task *t, struct nfs_probe *pr)
{
	struct nfs_lane *l = pr->lane;
	struct sched *sc = task_sched(t);
	struct timer late = { 0 };

	timer_set(sc, &late, SHARE_NFS_CONNECT_MS, nfs_lane_late, l);
	task_wait(t, &pr->done); /* ends: at worst with the connection */
	timer_cancel(sc, &late);
	if (pr->outcome != NFS_BROKEN)
		return NULL;
	if (strstr(pr->why, "not accepted") != NULL && l->conn != NULL)
		return nfs_place_refused(t, &l->ns->place, l->conn, pr->why);
	if (l->conn != NULL)
		snprintf(l->why, sizeof(l->why), "%s", pr->why);
	return nfs_lane_lost(t, l);
}

static may_yield must_check struct err *
nfs_lane_ask(struct task *t, struct nfs_lane *l, const struct share_fh *root,
    struct share_op *op)
{
	struct nfs_probe pr;
	struct err *e;
	int pauses = 0;

	op->arena = task_arena(t);
	do {
		pr = (struct nfs_probe){ .lane = l };
		pr.call.op = op;
		pr.call.root = root;
		pr.call.rtmax = pr.call.wtmax = nfs_io_max;
		pr.call.done = nfs_probe_done;
		if (nfs_lane_is_over(l) || !nfs_call_send(l->conn, &pr.call))
			return nfs_lane_lost(t, l);
		e = nfs_probe_wait(t, &pr);
		if (e != NULL)
			return e;
		if (pr.outcome == NFS_LATER)
			task_sleep_ms(t, SHARE_NFS_JUKEBOX_MS << pauses);
	} while (pr.outcome == NFS_LATER && ++pauses < 5);
	if (pr.outcome == NFS_LATER)
		return err_newf(task_arena(t), ERR_UNAVAIL,
		    "%s: the server asks to wait (JUKEBOX) for too long",
		    l->ns->place.name);
	return op->err;
}

static void
nfs_lane_fsinfo_back(struct rpc_context *rpc, int status, void *data, void *arg)
{
	struct nfs_probe *pr = arg;
	struct nfs_share *ns = pr->lane->ns;
	const FSINFO3res *r = data;

	(void)rpc;
	if (status != RPC_STATUS_SUCCESS) {
		nfs_probe_wake(pr, NFS_BROKEN,
		    status == RPC_STATUS_ERROR && data != NULL ? data
							       : "no answer");
		return;
	}
	ns->rtmax = ns->wtmax = 64 * 1024; /* should FSINFO be refused */
	if (r->status == NFS3_OK) {
		ns->rtmax = r->FSINFO3res_u.resok.rtmax;
		ns->wtmax = r->FSINFO3res_u.resok.wtmax;
	}
	if (ns->rtmax > nfs_io_max || ns->rtmax < 512)
		ns->rtmax = nfs_io_max;
	if (ns->wtmax > nfs_io_max || ns->wtmax < 512)
		ns->wtmax = nfs_io_max;
	nfs_probe_wake(pr, NFS_ANSWERED, NULL);
}

static may_yield must_check struct err *
nfs_lane_fsinfo(struct task *t, struct nfs_lane *l)
{
	const struct share_fh *root = &l->ns->root;
	FSINFO3args args = { .fsroot = {
				 .data = { root->n, (char *)root->data } } };
	struct nfs_probe pr = { .lane = l };

	if (nfs_lane_is_over(l) || rpc_nfs3_fsinfo_async(nfs_conn_rpc(l->conn),
				       nfs_lane_fsinfo_back, &args, &pr) != 0)
		return nfs_lane_lost(t, l);
	nfs_conn_queued(l->conn);
	return nfs_probe_wait(t, &pr);
}

static must_check struct err *
nfs_lane_foreign(struct task *t, struct nfs_lane *l, const char *what)
{
	return err_newf(task_arena(t), ERR_FOREIGN, "%s: %s", l->ns->place.name,
	    what);
}

/* Is our share below this root?  ERR_STALE: the root itself is no more. */
static may_yield must_check struct err *
nfs_lane_check(struct task *t, struct nfs_lane *l, const struct share_fh *root)
{
	char text[SHARE_ID_BYTES_MAX], want[SHARE_ID_UUID_TEXT],
	    got[SHARE_ID_UUID_TEXT];
	struct share_op op = { .proc = SHARE_LOOKUP,
		.name = STR(SHARE_ID_NAME) };
	struct share_op rd = { .proc = SHARE_READ,
		.into = text,
		.length = sizeof(text) };
	struct share_id id;
	struct err *e;

	if (!l->ns->expecting)
		return NULL;
	e = nfs_lane_ask(t, l, root, &op);
	if (err_is(e, ERR_NOENT))
		return nfs_lane_foreign(t, l,
		    "the share is gone from there (no file " SHARE_ID_NAME
		    "): is the server's file system mounted?");
	if (e == NULL) {
		rd.fh = op.fh_r;
		e = nfs_lane_ask(t, l, root, &rd);
	}
	if (e != NULL)
		return e;
	e = share_id_parse(task_arena(t), str_of(text, rd.count_r), &id);
	if (e != NULL && !err_is(e, ERR_FORMAT))
		return nfs_lane_foreign(t, l, e->text);
	if (memcmp(id.uuid, l->ns->uuid, 16) == 0)
		return NULL;
	share_id_uuid_text(l->ns->uuid, want);
	share_id_uuid_text(id.uuid, got);
	return nfs_lane_foreign(t, l,
	    arena_printf(task_arena(t),
		"another share is there now (UUID %s instead of %s)", got,
		want));
}

/* From what MOUNT gave down to the directory of the URL. */
static may_yield must_check struct err *
nfs_lane_walk(struct task *t, struct nfs_lane *l, struct share_fh *root,
    struct str rest)
{
	struct str name;

	while (str_split(&rest, '/', &name)) {
		struct share_op op = { .proc = SHARE_LOOKUP,
			.fh = *root,
			.name = name };
		struct err *e;

		if (name.n == 0)
			continue;
		e = nfs_lane_ask(t, l, root, &op);
		if (err_is(e, ERR_UNAVAIL))
			return e;
		if (e != NULL || op.attr_r.type == SHARE_LNK)
			return err_newf(task_arena(t), ERR_UNAVAIL,
			    "%s: the server does not lead to \"" STR_FMT
			    "\": %s",
			    l->ns->place.name, STR_ARG(name),
			    e != NULL ? e->text : "a symlink");
		*root = op.fh_r;
	}
	return NULL;
}

/* Find the root: the mount daemon, then the rest of the path. */
static may_yield must_check struct err *
nfs_lane_root(struct task *t, struct nfs_lane *l)
{
	struct nfs_share *ns = l->ns;
	struct share_fh root = { 0 };
	struct err *e = NULL;
	struct str rest;

	task_lock(t, &ns->mount_lock);
	if (ns->root.n != 0 && !ns->refind) /* another lane was faster */
		goto out;
	e = nfs_place_find(t, &ns->place, &root, &rest);
	if (e == NULL)
		e = nfs_lane_dial(t, l);
	if (e == NULL)
		e = nfs_lane_walk(t, l, &root, rest);
	if (e == NULL)
		e = nfs_lane_check(t, l, &root);
	if (e == NULL) {
		ns->root = root;
		ns->refind = false;
	}
out:
	task_unlock(t, &ns->mount_lock);
	return e;
}

static may_yield must_check struct err *
nfs_lane_connect(struct task *t, struct nfs_lane *l)
{
	struct nfs_share *ns = l->ns;
	struct err *e = NULL;

	if (l->failures % NFS_REFIND_EVERY == NFS_REFIND_EVERY - 1)
		ns->refind = true;
	if (ns->root.n == 0 || ns->refind)
		e = nfs_lane_root(t, l);
	if (e == NULL)
		e = nfs_lane_dial(t, l);
	if (e == NULL)
		e = nfs_lane_check(t, l, &ns->root);
	if (err_is(e, ERR_STALE)) {
		ns->refind = true;
		e = nfs_lane_root(t, l);
	}
	if (e == NULL && ns->rtmax == 0)
		e = nfs_lane_fsinfo(t, l);
	if (e == NULL || err_is(e, ERR_UNAVAIL) || err_is(e, ERR_FOREIGN))
		return e;
	/* Never let a verdict on SHOAL look like one on the caller's name. */
	return err_newf(task_arena(t), ERR_UNAVAIL,
	    "%s: the server does not let us (uid %u, gid %u) read "
	    "" SHARE_ID_NAME ": %s",
	    ns->place.name, ns->place.url.uid, ns->place.url.gid, e->text);
}

static may_yield_unchecked void
nfs_lane_task(struct task *t, void *arg)
{
	struct nfs_lane *l = arg;
	struct nfs_share *ns = l->ns;
	struct err *e = nfs_lane_connect(t, l);

	if (e != NULL && l->conn != NULL)
		nfs_lane_drop(l);
	l->task = NULL;
	nfs_lane_result(l, e);
	nfs_share_unref(ns);
}

void
nfs_lane_start(struct nfs_lane *l)
{
	static const char *const names[SHARE_LANES] = { "nfs-commit",
		"nfs-bulk", "nfs-lease", "nfs-admin" };

	invariant(l->task == NULL);
	if (l->state != NFS_LANE_CHECKING)
		l->state = NFS_LANE_CONNECTING;
	l->ns->refs++;
	l->task = task_start(l->ns->sched, names[l->id], nfs_lane_task, l);
}
