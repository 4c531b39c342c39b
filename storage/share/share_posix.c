/* share_posix.c - the share as a local directory: ops become jobs and back */
#include "storage/share/share_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/crypto.h"
#include "storage/share/share_posix_private.h"
#include "storage/share/share_private.h"

struct posix_share {
	struct share share;
	struct sched *sched;
	struct offload *offload;
	char *path;
	int root;
	uint64_t verf;
	struct posix_call *calls; /* under way */
	unsigned refs;		  /* the share itself and its calls */
};

struct posix_call {
	struct posix_job job;
	struct posix_share *ps;
	struct share_op *op; /* NULL: it ended without us */
	struct timer timer;
	struct posix_call *next, **prev;
};

static const struct {
	unsigned long magic;
	const char *name;
} posix_network_fs[] = { { NFS_SUPER_MAGIC, "nfs" }, { SMB_SUPER_MAGIC, "smb" },
	{ 0xfe534d42, "smb2" }, { CIFS_SUPER_MAGIC, "cifs" },
	{ AFS_SUPER_MAGIC, "afs" }, { AFS_FS_MAGIC, "afs" },
	{ CODA_SUPER_MAGIC, "coda" }, { CEPH_SUPER_MAGIC, "ceph" },
	{ V9FS_MAGIC, "9p" }, { NCP_SUPER_MAGIC, "ncp" },
	{ OCFS2_SUPER_MAGIC, "ocfs2" }, { 0x01161970, "gfs2" },
	{ 0x0bd00bd0, "lustre" }, { 0x20030528, "orangefs" },
	{ 0x47504653, "gpfs" }, { 0x19830326, "beegfs" },
	{ 0x65735546, "fuse" } };

bool
share_posix_is_network(unsigned long magic)
{
	/* statfs sign-extends on some architectures. */
	for (unsigned i = 0; i < countof(posix_network_fs); i++)
		if ((magic & 0xffffffffu) == posix_network_fs[i].magic)
			return true;
	return false;
}

static void
posix_unref(struct posix_share *ps)
{
	if (--ps->refs > 0)
		return;
	close(ps->root);
	free(ps->path);
	free(ps);
}

static struct err *
posix_err(struct share_op *op, int errnum)
{
	if (errnum == 0)
		return NULL;
	return share_err(op->arena,
	    errnum == EINVAL ? ERR_INVALID : err_code_of_errno(errnum),
	    "call %d: %s", op->proc, strerrordesc_np(errnum));
}

static void
posix_entries(struct share_op *op, const struct posix_job *j)
{
	struct share_dirent **tail = &op->entries_r;

	for (size_t i = 0; i < j->ent_n; i++) {
		const struct posix_dirent *from = &j->ent[i];
		struct share_dirent *e =
		    arena_new_obj(op->arena, struct share_dirent);

		e->name = arena_str(op->arena,
		    str_of(j->text + from->name_at, from->name_n));
		e->fileid = from->fileid;
		if (from->fh.n != 0)
			e->fh = arena_memdup(op->arena, &from->fh,
			    sizeof(from->fh));
		*tail = e;
		tail = &e->next;
	}
}

static void
posix_results(struct posix_call *c, struct share_op *op)
{
	struct posix_job *j = &c->job;

	op->conn = SHARE_POSIX_CONN;
	op->err = posix_err(op, j->errnum);
	op->dir_attr_r = j->dir_attr_r;
	op->dir_attr_ok = j->dir_attr_ok;
	if (op->err != NULL)
		return;
	op->fh_r = j->fh_r;
	op->attr_r = j->attr_r;
	op->attr_ok = j->attr_ok;
	op->count_r = j->count_r;
	op->eof_r = j->eof_r;
	op->verf_r = c->ps->verf;
	op->fsstat_r = j->fsstat_r;
	if (op->proc == SHARE_READ)
		memcpy(op->into, j->data, j->count_r);
	if (op->proc == SHARE_READLINK)
		op->text_r = arena_str(op->arena, str_of(j->text, j->text_n));
	if (op->proc == SHARE_READDIR)
		posix_entries(op, j);
}

static void
posix_call_free(struct posix_call *c)
{
	timer_cancel(c->ps->sched, &c->timer);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	free(c->job.data);
	free(c->job.text);
	free(c->job.ent);
	posix_unref(c->ps);
	free(c);
}

static void
posix_blocking(void *arg)
{
	struct posix_call *c = arg;

	posix_job_blocking(&c->job);
}

static void
posix_done(void *arg)
{
	struct posix_call *c = arg;
	struct share_op *op = c->op;

	/* What the kernel could not write it may have dropped: everything not
	 * yet committed is in doubt. */
	if (c->job.sync_failed)
		c->ps->verf++;
	if (op != NULL)
		posix_results(c, op);
	posix_call_free(c);
	if (op != NULL)
		share_complete(op);
}

static void
posix_give_up(struct posix_call *c, const char *text)
{
	struct share_op *op = c->op;

	c->op = NULL;
	timer_cancel(c->ps->sched, &c->timer);
	op->conn = SHARE_POSIX_CONN;
	op->err = err_new(op->arena, ERR_UNKNOWN, text, NULL);
	share_complete(op);
}

static void
posix_timeout(struct timer *tm, void *arg)
{
	struct posix_call *c = arg;

	(void)tm;
	posix_give_up(c, "the disk of the share does not answer");
}

/* share_start() has checked names, text and sizes. */
static void
posix_name(char *out, struct str name)
{
	if (name.n != 0)
		memcpy(out, name.p, name.n);
	out[name.n] = '\0';
}

static void
posix_inputs(struct posix_job *j, const struct share_op *op)
{
	j->proc = op->proc;
	j->fh = op->fh;
	j->to = op->to;
	j->offset = op->offset;
	j->length = op->length;
	j->mode = op->mode;
	j->stable = op->stable;
	j->plus = op->plus;
	posix_name(j->name, op->name);
	posix_name(j->to_name, op->to_name);
	if (op->proc == SHARE_WRITE)
		j->data = xmemdup(op->data, op->length);
	if (op->proc == SHARE_SYMLINK) {
		j->data = xcalloc(1, op->text.n + 1);
		memcpy(j->data, op->text.p, op->text.n);
	}
}

static void
posix_submit(struct share *s, struct share_op *op)
{
	struct posix_share *ps = (struct posix_share *)s;
	struct posix_call *c;

	if (op->pin != 0 && op->pin != SHARE_POSIX_CONN) {
		op->err = share_err(op->arena, ERR_CONN, NULL);
		share_complete(op);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->ps = ps;
	c->op = op;
	c->job.root = ps->root;
	c->next = ps->calls;
	c->prev = &ps->calls;
	if (c->next != NULL)
		c->next->prev = &c->next;
	ps->calls = c;
	ps->refs++;
	posix_inputs(&c->job, op);
	timer_set(ps->sched, &c->timer, SHARE_TIMEOUT_MS, posix_timeout, c);
	if (ps->offload == NULL) {
		posix_blocking(c);
		posix_done(c);
	} else {
		offload_submit(ps->offload, posix_blocking, posix_done, c);
	}
}

static uint64_t
posix_conn(const struct share *s, enum share_lane lane)
{
	(void)s;
	(void)lane;
	return SHARE_POSIX_CONN;
}

static void
posix_expect(struct share *s, const unsigned char uuid[16])
{
	/* The root's descriptor cannot come to mean another directory. */
	(void)s;
	(void)uuid;
}

static void
posix_reconnect(struct share *s)
{
	(void)s;
}

static void
posix_close(struct share *s)
{
	struct posix_share *ps = (struct posix_share *)s;

	for (struct posix_call *c = ps->calls; c != NULL; c = c->next)
		if (c->op != NULL)
			posix_give_up(c, "the share was closed");
	posix_unref(ps);
}

static const struct share_vtable posix_vtable = { .submit = posix_submit,
	.conn = posix_conn,
	.expect = posix_expect,
	.reconnect = posix_reconnect,
	.close = posix_close };

static struct err *
posix_open_err(struct arena *a, const char *what, const char *path, int errnum)
{
	return err_newf(a, err_code_of_errno(errnum),
	    "cannot %s the share %s: %s", what, path, strerrordesc_np(errnum));
}

static struct err *
posix_check_fs(struct arena *a, int fd, const char *path)
{
	struct statfs v;

	if (fstatfs(fd, &v) < 0)
		return posix_open_err(a, "look at", path, errno);
	if (share_posix_is_network((unsigned long)v.f_type))
		return err_newf(a, ERR_INVALID,
		    "%s lies on a network file system: give the NFS server as "
		    "nfs://server/export instead",
		    path);
	return NULL;
}

struct err *
share_posix_open(struct arena *a, struct sched *sc, struct offload *o,
    const char *path, struct share **s_r)
{
	struct posix_share *ps;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err *e;
	int errnum;

	if (fd < 0)
		return posix_open_err(a, "open", path, errno);
	e = posix_check_fs(a, fd, path);
	if (e != NULL) {
		close(fd);
		return e;
	}
	ps = xcalloc(1, sizeof(*ps));
	ps->share.vt = &posix_vtable;
	ps->share.durable = true;
	ps->sched = sc;
	ps->offload = o;
	ps->path = xstrdup(path);
	ps->share.name = ps->path;
	ps->root = fd;
	ps->refs = 1;
	rnd_system.fill(rnd_system.arg, &ps->verf, sizeof(ps->verf));
	errnum = posix_root_fh(fd, &ps->share.root);
	if (errnum != 0) {
		posix_unref(ps);
		return posix_open_err(a, "look at", path, errnum);
	}
	*s_r = &ps->share;
	return NULL;
}
