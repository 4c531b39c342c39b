/* share_nfs_call.c - an op as an NFSv3 call (RFC 1813) and back */
#include "storage/share/share_nfs_private.h"

/* Size of one READDIR reply; servers clamp it. */
#define NFS_READDIR_BYTES (64 * 1024)
#define NFS_READDIRPLUS_BYTES (256 * 1024)

/* Names and texts as libnfs wants them; it encodes at once, so these may go. */
struct nfs_text {
	char name[SHARE_NAME_MAX + 1], to_name[SHARE_NAME_MAX + 1];
	char text[SHARE_SYMLINK_MAX + 1];
};

static const struct {
	nfsstat3 stat;
	enum err_code code;
} nfs_stats[] = { { NFS3ERR_PERM, ERR_ACCESS }, { NFS3ERR_NOENT, ERR_NOENT },
	{ NFS3ERR_IO, ERR_IO }, { NFS3ERR_NXIO, ERR_IO },
	{ NFS3ERR_ACCES, ERR_ACCESS }, { NFS3ERR_EXIST, ERR_EXIST },
	{ NFS3ERR_XDEV, ERR_XDEV }, { NFS3ERR_NODEV, ERR_IO },
	{ NFS3ERR_NOTDIR, ERR_NOTDIR }, { NFS3ERR_ISDIR, ERR_ISDIR },
	{ NFS3ERR_INVAL, ERR_INVALID }, { NFS3ERR_FBIG, ERR_LIMIT },
	{ NFS3ERR_NOSPC, ERR_NOSPC }, { NFS3ERR_ROFS, ERR_ROFS },
	{ NFS3ERR_MLINK, ERR_MLINK }, { NFS3ERR_NAMETOOLONG, ERR_NAMETOOLONG },
	{ NFS3ERR_NOTEMPTY, ERR_NOTEMPTY }, { NFS3ERR_DQUOT, ERR_DQUOT },
	{ NFS3ERR_STALE, ERR_STALE }, { NFS3ERR_BADHANDLE, ERR_STALE },
	{ NFS3ERR_NOT_SYNC, ERR_CONFLICT },
	{ NFS3ERR_BAD_COOKIE, ERR_CONFLICT }, { NFS3ERR_NOTSUPP, ERR_INVALID },
	{ NFS3ERR_TOOSMALL, ERR_INVALID }, { NFS3ERR_BADTYPE, ERR_INVALID } };

static struct err *
nfs_stat_err(struct share_op *op, nfsstat3 stat)
{
	enum err_code code = ERR_IO; /* SERVERFAULT and what is to come */

	if (stat == NFS3_OK)
		return NULL;
	for (unsigned i = 0; i < countof(nfs_stats); i++)
		if (nfs_stats[i].stat == stat)
			code = nfs_stats[i].code;
	return share_err(op->arena, code, "%s, call %d", nfsstat3_to_str(stat),
	    op->proc);
}

static nfs_fh3
nfs_fh(const struct nfs_call *c, const struct share_fh *fh)
{
	nfs_fh3 f;

	if (fh->n == 0)
		fh = c->root;
	f.data.data_len = fh->n;
	f.data.data_val = (char *)fh->data;
	return f;
}

static void
nfs_fh_back(const nfs_fh3 *f, struct share_fh *fh)
{
	if (f->data.data_len > SHARE_FH_MAX || f->data.data_val == NULL)
		return;
	fh->n = (uint16_t)f->data.data_len;
	memcpy(fh->data, f->data.data_val, fh->n);
}

static void
nfs_post_fh(const post_op_fh3 *p, struct share_fh *fh)
{
	if (p->handle_follows)
		nfs_fh_back(&p->post_op_fh3_u.handle, fh);
}

static int64_t
nfs_ns(nfstime3 t)
{
	return (int64_t)t.seconds * INT64_C(1000000000) + t.nseconds;
}

static void
nfs_attr(const fattr3 *f, struct share_attr *a)
{
	*a = (struct share_attr){ .type = f->type == NF3REG   ? SHARE_REG
					  : f->type == NF3DIR ? SHARE_DIR
					  : f->type == NF3LNK ? SHARE_LNK
							      : SHARE_OTHER,
		.mode = f->mode & 07777,
		.nlink = f->nlink,
		.uid = f->uid,
		.gid = f->gid,
		.size = f->size,
		.fileid = f->fileid,
		.mtime_ns = nfs_ns(f->mtime),
		.ctime_ns = nfs_ns(f->ctime) };
}

static void
nfs_post_attr(const post_op_attr *p, struct share_attr *a, bool *ok)
{
	*ok = p->attributes_follow != 0;
	if (*ok)
		nfs_attr(&p->post_op_attr_u.attributes, a);
}

static uint64_t
nfs_verf(const char *v)
{
	uint64_t n;

	memcpy(&n, v, sizeof(n));
	return n;
}

static diropargs3
nfs_where(const struct nfs_call *c, const struct share_fh *dir, char *name)
{
	return (diropargs3){ .dir = nfs_fh(c, dir), .name = name };
}

/* One pair per procedure: send, and take the reply apart. */
#define NFS_SEND(name)                                                         \
	static int nfs_##name##_send(struct rpc_context *rpc, rpc_cb cb,       \
	    struct nfs_call *c, struct share_op *op, struct nfs_text *x)
#define NFS_BACK(name)                                                         \
	static nfsstat3 nfs_##name##_back(struct nfs_call *c,                  \
	    struct share_op *op, const void *data)

NFS_SEND(lookup)
{
	LOOKUP3args a = { .what = nfs_where(c, &op->fh, x->name) };

	return rpc_nfs3_lookup_async(rpc, cb, &a, c);
}

NFS_BACK(lookup)
{
	const LOOKUP3res *r = data;

	(void)c;
	if (r->status != NFS3_OK) {
		nfs_post_attr(&r->LOOKUP3res_u.resfail.dir_attributes,
		    &op->dir_attr_r, &op->dir_attr_ok);
		return r->status;
	}
	nfs_fh_back(&r->LOOKUP3res_u.resok.object, &op->fh_r);
	nfs_post_attr(&r->LOOKUP3res_u.resok.obj_attributes, &op->attr_r,
	    &op->attr_ok);
	nfs_post_attr(&r->LOOKUP3res_u.resok.dir_attributes, &op->dir_attr_r,
	    &op->dir_attr_ok);
	return NFS3_OK;
}

NFS_SEND(getattr)
{
	GETATTR3args a = { .object = nfs_fh(c, &op->fh) };

	(void)x;
	return rpc_nfs3_getattr_async(rpc, cb, &a, c);
}

NFS_BACK(getattr)
{
	const GETATTR3res *r = data;

	(void)c;
	if (r->status != NFS3_OK)
		return r->status;
	nfs_attr(&r->GETATTR3res_u.resok.obj_attributes, &op->attr_r);
	op->attr_ok = true;
	return NFS3_OK;
}

NFS_SEND(read)
{
	READ3args a = { .file = nfs_fh(c, &op->fh),
		.offset = op->offset,
		.count = op->length < c->rtmax ? op->length : c->rtmax };

	(void)x;
	return rpc_nfs3_read_async(rpc, cb, &a, c);
}

NFS_BACK(read)
{
	const READ3res *r = data;
	const READ3resok *ok = &r->READ3res_u.resok;

	(void)c;
	if (r->status != NFS3_OK)
		return r->status;
	nfs_post_attr(&ok->file_attributes, &op->attr_r, &op->attr_ok);
	op->count_r =
	    ok->data.data_len < op->length ? ok->data.data_len : op->length;
	memcpy(op->into, ok->data.data_val, op->count_r);
	op->eof_r = ok->eof != 0;
	return NFS3_OK;
}

NFS_SEND(readlink)
{
	READLINK3args a = { .symlink = nfs_fh(c, &op->fh) };

	(void)x;
	return rpc_nfs3_readlink_async(rpc, cb, &a, c);
}

NFS_BACK(readlink)
{
	const READLINK3res *r = data;

	(void)c;
	if (r->status != NFS3_OK)
		return r->status;
	op->text_r = arena_str(op->arena, str_c(r->READLINK3res_u.resok.data));
	return NFS3_OK;
}

NFS_SEND(readdir)
{
	READDIR3args a = { .dir = nfs_fh(c, &op->fh),
		.cookie = op->cookie,
		.count = NFS_READDIR_BYTES };
	READDIRPLUS3args p = { .dir = a.dir,
		.cookie = op->cookie,
		.dircount = NFS_READDIR_BYTES,
		.maxcount = NFS_READDIRPLUS_BYTES };

	(void)x;
	memcpy(a.cookieverf, &op->cookie_verf, sizeof(a.cookieverf));
	memcpy(p.cookieverf, &op->cookie_verf, sizeof(p.cookieverf));
	return op->plus ? rpc_nfs3_readdirplus_async(rpc, cb, &p, c)
			: rpc_nfs3_readdir_async(rpc, cb, &a, c);
}

static struct share_dirent *
nfs_dirent(struct share_op *op, struct share_dirent ***tail, const char *name,
    uint64_t fileid, uint64_t cookie)
{
	struct share_dirent *e = arena_new_obj(op->arena, struct share_dirent);

	e->name = arena_str(op->arena, str_c(name));
	e->fileid = fileid;
	op->cookie = cookie;
	**tail = e;
	*tail = &e->next;
	return e;
}

static nfsstat3
nfs_readdirplus_back(struct share_op *op, const READDIRPLUS3res *r)
{
	const READDIRPLUS3resok *ok = &r->READDIRPLUS3res_u.resok;
	struct share_dirent **tail = &op->entries_r;

	if (r->status != NFS3_OK)
		return r->status;
	nfs_post_attr(&ok->dir_attributes, &op->dir_attr_r, &op->dir_attr_ok);
	for (const entryplus3 *e = ok->reply.entries; e != NULL;
	     e = e->nextentry) {
		struct share_dirent *d =
		    nfs_dirent(op, &tail, e->name, e->fileid, e->cookie);
		struct share_fh *fh;

		if (!e->name_handle.handle_follows)
			continue;
		fh = arena_new_obj(op->arena, struct share_fh);
		nfs_post_fh(&e->name_handle, fh);
		if (fh->n != 0)
			d->fh = fh;
	}
	op->cookie_verf = nfs_verf(ok->cookieverf);
	op->eof_r = ok->reply.eof != 0;
	return NFS3_OK;
}

NFS_BACK(readdir)
{
	const READDIR3res *r = data;
	const READDIR3resok *ok = &r->READDIR3res_u.resok;
	struct share_dirent **tail = &op->entries_r;

	if (c->plus)
		return nfs_readdirplus_back(op, data);
	if (r->status != NFS3_OK)
		return r->status;
	nfs_post_attr(&ok->dir_attributes, &op->dir_attr_r, &op->dir_attr_ok);
	for (const entry3 *e = ok->reply.entries; e != NULL; e = e->nextentry)
		nfs_dirent(op, &tail, e->name, e->fileid, e->cookie);
	op->cookie_verf = nfs_verf(ok->cookieverf);
	op->eof_r = ok->reply.eof != 0;
	return NFS3_OK;
}

NFS_SEND(create)
{
	CREATE3args a = { .where = nfs_where(c, &op->fh, x->name) };
	sattr3 *s = &a.how.createhow3_u.obj_attributes;

	a.how.mode = UNCHECKED;
	s->mode.set_it = 1;
	s->mode.set_mode3_u.mode = op->mode;
	return rpc_nfs3_create_async(rpc, cb, &a, c);
}

NFS_BACK(create)
{
	const CREATE3res *r = data;

	(void)c;
	if (r->status != NFS3_OK)
		return r->status;
	nfs_post_fh(&r->CREATE3res_u.resok.obj, &op->fh_r);
	nfs_post_attr(&r->CREATE3res_u.resok.obj_attributes, &op->attr_r,
	    &op->attr_ok);
	return NFS3_OK;
}

NFS_SEND(write)
{
	uint32_t n = op->length < c->wtmax ? op->length : c->wtmax;
	WRITE3args a = { .file = nfs_fh(c, &op->fh),
		.offset = op->offset,
		.count = n,
		.stable = op->stable ? FILE_SYNC : UNSTABLE,
		.data = { .data_len = n, .data_val = (char *)op->data } };

	(void)x;
	return rpc_nfs3_write_async(rpc, cb, &a, c);
}

NFS_BACK(write)
{
	const WRITE3res *r = data;
	const WRITE3resok *ok = &r->WRITE3res_u.resok;

	(void)c;
	if (r->status != NFS3_OK)
		return r->status;
	nfs_post_attr(&ok->file_wcc.after, &op->attr_r, &op->attr_ok);
	op->verf_r = nfs_verf(ok->verf);
	/* Claims that cannot be: nothing is known. */
	if (ok->count > op->length ||
	    (op->stable && ok->committed != FILE_SYNC))
		return NFS3ERR_SERVERFAULT;
	op->count_r = ok->count;
	return NFS3_OK;
}

NFS_SEND(commit)
{
	COMMIT3args a = { .file = nfs_fh(c, &op->fh) };

	(void)x;
	return rpc_nfs3_commit_async(rpc, cb, &a, c);
}

NFS_BACK(commit)
{
	const COMMIT3res *r = data;

	(void)c;
	if (r->status == NFS3_OK)
		op->verf_r = nfs_verf(r->COMMIT3res_u.resok.verf);
	return r->status;
}

NFS_SEND(symlink)
{
	SYMLINK3args a = { .where = nfs_where(c, &op->fh, x->name) };

	a.symlink.symlink_data = x->text;
	return rpc_nfs3_symlink_async(rpc, cb, &a, c);
}

NFS_BACK(symlink)
{
	const SYMLINK3res *r = data;

	(void)c;
	if (r->status != NFS3_OK)
		return r->status;
	nfs_post_fh(&r->SYMLINK3res_u.resok.obj, &op->fh_r);
	nfs_post_attr(&r->SYMLINK3res_u.resok.obj_attributes, &op->attr_r,
	    &op->attr_ok);
	return NFS3_OK;
}

NFS_SEND(link)
{
	LINK3args a = { .file = nfs_fh(c, &op->fh),
		.link = nfs_where(c, &op->to, x->to_name) };

	return rpc_nfs3_link_async(rpc, cb, &a, c);
}

NFS_SEND(rename)
{
	RENAME3args a = { .from = nfs_where(c, &op->fh, x->name),
		.to = nfs_where(c, &op->to, x->to_name) };

	return rpc_nfs3_rename_async(rpc, cb, &a, c);
}

NFS_SEND(remove)
{
	REMOVE3args a = { .object = nfs_where(c, &op->fh, x->name) };

	return rpc_nfs3_remove_async(rpc, cb, &a, c);
}

NFS_SEND(rmdir)
{
	RMDIR3args a = { .object = nfs_where(c, &op->fh, x->name) };

	return rpc_nfs3_rmdir_async(rpc, cb, &a, c);
}

/* LINK, RENAME, REMOVE, RMDIR: nothing but the status, which comes first. */
NFS_BACK(status)
{
	(void)c;
	(void)op;
	return *(const nfsstat3 *)data;
}

NFS_SEND(mkdir)
{
	MKDIR3args a = { .where = nfs_where(c, &op->fh, x->name) };

	a.attributes.mode.set_it = 1;
	a.attributes.mode.set_mode3_u.mode = op->mode;
	return rpc_nfs3_mkdir_async(rpc, cb, &a, c);
}

NFS_BACK(mkdir)
{
	const MKDIR3res *r = data;

	(void)c;
	if (r->status != NFS3_OK)
		return r->status;
	nfs_post_fh(&r->MKDIR3res_u.resok.obj, &op->fh_r);
	nfs_post_attr(&r->MKDIR3res_u.resok.obj_attributes, &op->attr_r,
	    &op->attr_ok);
	return NFS3_OK;
}

NFS_SEND(fsstat)
{
	FSSTAT3args a = { .fsroot = nfs_fh(c, &op->fh) };

	(void)x;
	return rpc_nfs3_fsstat_async(rpc, cb, &a, c);
}

NFS_BACK(fsstat)
{
	const FSSTAT3res *r = data;
	const FSSTAT3resok *ok = &r->FSSTAT3res_u.resok;

	(void)c;
	if (r->status != NFS3_OK)
		return r->status;
	op->fsstat_r = (struct share_fsstat){ .total_bytes = ok->tbytes,
		.free_bytes = ok->abytes,
		.total_files = ok->tfiles,
		.free_files = ok->afiles };
	return NFS3_OK;
}

static const struct {
	int (*send)(struct rpc_context *rpc, rpc_cb cb, struct nfs_call *c,
	    struct share_op *op, struct nfs_text *x);
	nfsstat3 (
	    *back)(struct nfs_call *c, struct share_op *op, const void *data);
} nfs_procs[SHARE_PROCS] = { [SHARE_LOOKUP] = { nfs_lookup_send,
				 nfs_lookup_back },
	[SHARE_GETATTR] = { nfs_getattr_send, nfs_getattr_back },
	[SHARE_READ] = { nfs_read_send, nfs_read_back },
	[SHARE_READLINK] = { nfs_readlink_send, nfs_readlink_back },
	[SHARE_READDIR] = { nfs_readdir_send, nfs_readdir_back },
	[SHARE_CREATE] = { nfs_create_send, nfs_create_back },
	[SHARE_WRITE] = { nfs_write_send, nfs_write_back },
	[SHARE_COMMIT] = { nfs_commit_send, nfs_commit_back },
	[SHARE_SYMLINK] = { nfs_symlink_send, nfs_symlink_back },
	[SHARE_LINK] = { nfs_link_send, nfs_status_back },
	[SHARE_RENAME] = { nfs_rename_send, nfs_status_back },
	[SHARE_REMOVE] = { nfs_remove_send, nfs_status_back },
	[SHARE_MKDIR] = { nfs_mkdir_send, nfs_mkdir_back },
	[SHARE_RMDIR] = { nfs_rmdir_send, nfs_status_back },
	[SHARE_FSSTAT] = { nfs_fsstat_send, nfs_fsstat_back } };

static void
nfs_call_reply(struct rpc_context *rpc, int status, void *data, void *arg)
{
	struct nfs_call *c = arg;

	(void)rpc;
	switch (status) {
	case RPC_STATUS_SUCCESS:
		break;
	case RPC_STATUS_TIMEOUT:
		c->done(c, NFS_BROKEN, "no answer in time");
		return;
	case RPC_STATUS_ERROR:
		c->done(c, NFS_BROKEN, data != NULL ? data : "RPC error");
		return;
	default:
		c->done(c, NFS_BROKEN, "connection lost");
		return;
	}
	/* The status comes first in every reply. */
	if (*(const nfsstat3 *)data == NFS3ERR_JUKEBOX) {
		c->done(c, NFS_LATER, NULL);
		return;
	}
	if (c->op != NULL)
		c->op->err = nfs_stat_err(c->op,
		    nfs_procs[c->proc].back(c, c->op, data));
	c->done(c, NFS_ANSWERED, NULL);
}

static void
nfs_text_set(char *to, size_t size, struct str from)
{
	invariant(from.n < size); /* share_start() refuses longer ones */
	if (from.n != 0)
		memcpy(to, from.p, from.n);
	to[from.n] = '\0';
}

bool
nfs_call_send(struct nfs_conn *conn, struct nfs_call *c)
{
	struct rpc_context *rpc = nfs_conn_rpc(conn);
	struct share_op *op = c->op;
	struct nfs_text x;

	if (rpc == NULL)
		return false;
	c->proc = op->proc;
	c->plus = op->plus;
	nfs_text_set(x.name, sizeof(x.name), op->name);
	nfs_text_set(x.to_name, sizeof(x.to_name), op->to_name);
	nfs_text_set(x.text, sizeof(x.text), op->text);
	if (nfs_procs[op->proc].send(rpc, nfs_call_reply, c, op, &x) != 0) {
		nfs_conn_break(conn, "libnfs does not take the call");
		return false;
	}
	nfs_conn_queued(conn);
	return true;
}

uint32_t
nfs_call_bytes(const struct share_op *op)
{
	switch (op->proc) {
	case SHARE_READ:
	case SHARE_WRITE:
		return op->length + 512;
	case SHARE_READDIR:
		return op->plus ? NFS_READDIRPLUS_BYTES : NFS_READDIR_BYTES;
	default:
		return 1024;
	}
}
