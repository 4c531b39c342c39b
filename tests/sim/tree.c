/* tree.c - the simulated server's files: what was executed, what is durable */
#include "tree.h"

#include <stdlib.h>

#include "base/buf.h"

struct tree_name {
	uint64_t hash; /* place in the directory, and READDIR's cookie */
	uint64_t object;
	uint64_t op; /* which made it */
	unsigned n;
	char s[];
};

struct tree_object {
	enum share_type type;
	uint32_t mode, nlink;
	int64_t mtime_ns, ctime_ns;
	/* file's data, link's text; safe: as it would be after a crash */
	char *data, *safe;
	size_t n, safe_n;
	bool dirty;
	/* directory */
	struct tree_name **names;
	unsigned count, size;
	uint64_t parent;
	char *path;
};

enum tree_undo_kind { TREE_ADDED, TREE_DELETED };

struct tree_undo {
	enum tree_undo_kind kind;
	uint64_t op;
	uint64_t dir;
	struct tree_name *name;
	int64_t mtime_ns, ctime_ns; /* the directory's before */
};

struct tree {
	const struct rnd *rnd;
	enum tree_mode mode;
	uint64_t tick_ns, now_ns, last_ns;
	unsigned page;
	enum err_code full;
	struct tree_object **objects; /* [0] is none, [1] the root */
	uint64_t count, size;
	uint64_t op, synced;
	struct tree_undo *undo;
	size_t undo_count, undo_size;
	uint64_t verf;
	struct tree_watch watch;
};

static struct tree_object *
tree_object(const struct tree *t, uint64_t object)
{
	return object == 0 || object >= t->count ? NULL : t->objects[object];
}

static uint64_t
tree_object_new(struct tree *t, enum share_type type, uint32_t mode)
{
	struct tree_object *o = xcalloc(1, sizeof(*o));

	if (t->count == t->size) {
		t->size = t->size == 0 ? 64 : t->size * 2;
		t->objects = xrealloc(t->objects, t->size, sizeof(*t->objects));
	}
	o->type = type;
	o->mode = mode;
	t->objects[t->count] = o;
	return t->count++;
}

struct tree *
tree_new(const struct rnd *r, enum tree_mode mode, uint64_t tick_ns,
    unsigned page)
{
	struct tree *t = xcalloc(1, sizeof(*t));
	struct tree_object *root;

	t->rnd = r;
	t->mode = mode;
	t->tick_ns = tick_ns;
	t->page = page;
	t->verf = rnd_u64(r);
	tree_object_new(t, SHARE_OTHER, 0);
	root = t->objects[tree_object_new(t, SHARE_DIR, 0755)];
	root->nlink = 2;
	root->path = xstrdup("");
	return t;
}

static void
tree_object_free(struct tree_object *o)
{
	for (unsigned i = 0; i < o->count; i++)
		free(o->names[i]);
	free(o->names);
	if (o->safe != o->data)
		free(o->safe);
	free(o->data);
	free(o->path);
	free(o);
}

void
tree_free(struct tree **t)
{
	if (*t == NULL)
		return;
	for (size_t i = 0; i < (*t)->undo_count; i++)
		if ((*t)->undo[i].kind == TREE_DELETED)
			free((*t)->undo[i].name);
	for (uint64_t i = 0; i < (*t)->count; i++)
		tree_object_free((*t)->objects[i]);
	free((*t)->objects);
	free((*t)->undo);
	free(*t);
	*t = NULL;
}

void
tree_watch(struct tree *t, const struct tree_watch *w)
{
	t->watch = *w;
}

void
tree_set_now(struct tree *t, uint64_t ns)
{
	t->now_ns = ns;
}

void
tree_set_full(struct tree *t, enum err_code code)
{
	t->full = code;
}

uint64_t
tree_verf(const struct tree *t)
{
	return t->verf;
}

static void
tree_fh(uint64_t object, struct share_fh *fh_r)
{
	fh_r->n = 12;
	memcpy(fh_r->data, "sim:", 4);
	for (unsigned i = 0; i < 8; i++)
		fh_r->data[4 + i] = object >> 8 * i & 0xff;
}

void
tree_root_fh(const struct tree *t, struct share_fh *fh_r)
{
	(void)t;
	tree_fh(1, fh_r);
}

uint64_t
tree_object_of_fh(const struct share_fh *fh)
{
	if (fh->n != 12 || memcmp(fh->data, "sim:", 4) != 0)
		return 0;
	return le64_get(fh->data + 4);
}

/*
 * Time of a change.  Without coarse ticks no two changes share one.
 */
static int64_t
tree_time(struct tree *t)
{
	uint64_t ns = t->now_ns;

	if (t->tick_ns <= 1) {
		if (ns <= t->last_ns)
			ns = t->last_ns + 1;
		t->last_ns = ns;
	} else {
		ns -= ns % t->tick_ns;
	}
	return (int64_t)ns;
}

static void
tree_touch(struct tree *t, struct tree_object *o, bool content)
{
	o->ctime_ns = tree_time(t);
	if (content)
		o->mtime_ns = o->ctime_ns;
}

static void
tree_attr(const struct tree *t, uint64_t object, struct share_attr *attr_r)
{
	const struct tree_object *o = tree_object(t, object);

	*attr_r = (struct share_attr){
		.type = o->type,
		.mode = o->mode,
		.nlink = o->nlink,
		.size = o->type == SHARE_DIR ? 4096 : o->n,
		.fileid = object,
		.mtime_ns = o->mtime_ns,
		.ctime_ns = o->ctime_ns,
	};
}

/* Where a hash is, or would be. */
static unsigned
tree_place(const struct tree_object *d, uint64_t hash)
{
	unsigned lo = 0, hi = d->count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (d->names[mid]->hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint64_t
tree_hash(struct str name)
{
	/* Names come in no useful order, as in ext4; 0 begins a listing. */
	uint64_t h = str_hash(name) * 0x9e3779b97f4a7c15ULL;

	return h == 0 ? 1 : h;
}

static struct tree_name *
tree_lookup(const struct tree_object *d, struct str name)
{
	uint64_t hash = tree_hash(name);
	unsigned i = tree_place(d, hash);

	if (i == d->count || d->names[i]->hash != hash)
		return NULL;
	invariant(str_eq(name, str_of(d->names[i]->s, d->names[i]->n)));
	return d->names[i];
}

static void
tree_insert(struct tree_object *d, struct tree_name *nm)
{
	unsigned i = tree_place(d, nm->hash);

	if (d->count == d->size) {
		d->size = d->size == 0 ? 8 : d->size * 2;
		d->names = xrealloc(d->names, d->size, sizeof(*d->names));
	}
	memmove(d->names + i + 1, d->names + i,
	    (d->count - i) * sizeof(*d->names));
	d->names[i] = nm;
	d->count++;
}

static void
tree_delete(struct tree_object *d, struct tree_name *nm)
{
	unsigned i = tree_place(d, nm->hash);

	invariant(i < d->count && d->names[i] == nm);
	d->count--;
	memmove(d->names + i, d->names + i + 1,
	    (d->count - i) * sizeof(*d->names));
}

static void
tree_undo_push(struct tree *t, enum tree_undo_kind kind, uint64_t dir,
    struct tree_name *nm)
{
	struct tree_object *d = t->objects[dir];

	if (t->undo_count == t->undo_size) {
		t->undo_size = t->undo_size == 0 ? 64 : t->undo_size * 2;
		t->undo = xrealloc(t->undo, t->undo_size, sizeof(*t->undo));
	}
	t->undo[t->undo_count++] = (struct tree_undo){
		.kind = kind,
		.op = t->op,
		.dir = dir,
		.name = nm,
		.mtime_ns = d->mtime_ns,
		.ctime_ns = d->ctime_ns,
	};
}

static void
tree_links(struct tree_object *o, int by)
{
	o->nlink = (uint32_t)((int)o->nlink + by);
}

static void
tree_add(struct tree *t, uint64_t dir, struct str name, uint64_t object)
{
	struct tree_object *d = t->objects[dir], *o = t->objects[object];
	struct tree_name *nm = xcalloc(1, sizeof(*nm) + name.n + 1);

	nm->hash = tree_hash(name);
	nm->object = object;
	nm->op = t->op;
	nm->n = (unsigned)name.n;
	memcpy(nm->s, name.p, name.n);
	tree_undo_push(t, TREE_ADDED, dir, nm);
	tree_insert(d, nm);
	tree_links(o, o->type == SHARE_DIR ? 2 : 1);
	tree_touch(t, d, true);
	tree_touch(t, o, false);
	if (o->type == SHARE_DIR) {
		struct buf b;

		buf_init(&b, NULL, 4096);
		buf_fmt(&b, "%s%s" STR_FMT, d->path, *d->path ? "/" : "",
		    STR_ARG(name));
		free(o->path);
		o->path = xstrdup(buf_cstr(&b));
		o->parent = dir;
		buf_free(&b);
	}
	if (t->watch.appeared != NULL)
		t->watch.appeared(t->watch.arg, dir, name, object, false);
}

static void
tree_drop(struct tree *t, uint64_t dir, struct tree_name *nm)
{
	struct tree_object *d = t->objects[dir];
	struct tree_object *o = t->objects[nm->object];

	tree_undo_push(t, TREE_DELETED, dir, nm);
	tree_delete(d, nm);
	tree_links(o, o->type == SHARE_DIR ? -2 : -1);
	tree_touch(t, d, true);
	tree_touch(t, o, false);
	if (t->watch.vanished != NULL)
		t->watch.vanished(t->watch.arg, dir, str_of(nm->s, nm->n),
		    nm->object, false);
}

/*
 * Everything that was executed is durable now; what was deleted can go.
 */
static void
tree_settle(struct tree *t)
{
	for (size_t i = 0; i < t->undo_count; i++)
		if (t->undo[i].kind == TREE_DELETED)
			free(t->undo[i].name);
	t->undo_count = 0;
	t->synced = t->op;
}

static void
tree_data_safe(struct tree_object *o)
{
	if (!o->dirty)
		return;
	free(o->safe);
	o->safe = xmemdup(o->data, o->n);
	o->safe_n = o->n;
	o->dirty = false;
}

void
tree_sync(struct tree *t)
{
	tree_settle(t);
	for (uint64_t i = 1; i < t->count; i++)
		tree_data_safe(t->objects[i]);
}

static void
tree_undo_one(struct tree *t, const struct tree_undo *u)
{
	struct tree_object *d = t->objects[u->dir];
	struct tree_object *o = t->objects[u->name->object];
	int by = o->type == SHARE_DIR ? 2 : 1;
	struct str name = str_of(u->name->s, u->name->n);
	const struct tree_watch *w = &t->watch;

	d->mtime_ns = u->mtime_ns;
	d->ctime_ns = u->ctime_ns;
	if (u->kind == TREE_ADDED) {
		tree_delete(d, u->name);
		tree_links(o, -by);
		if (w->vanished != NULL)
			w->vanished(w->arg, u->dir, name, u->name->object,
			    true);
		free(u->name);
	} else {
		tree_insert(d, u->name);
		tree_links(o, by);
		if (w->appeared != NULL)
			w->appeared(w->arg, u->dir, name, u->name->object,
			    true);
	}
}

static void
tree_data_lose(struct tree *t, struct tree_object *o)
{
	if (!o->dirty)
		return;
	switch (rnd_below(t->rnd, 3)) {
	case 0: /* written back in time */
		break;
	case 1: /* the length was, the data was not */
		if (o->n > o->safe_n)
			memset(o->data + o->safe_n, 0, o->n - o->safe_n);
		break;
	default:
		free(o->data);
		o->data = xmemdup(o->safe, o->safe_n);
		o->n = o->safe_n;
	}
	tree_data_safe(o);
	o->dirty = false;
}

void
tree_restart(struct tree *t, bool lose)
{
	t->verf = rnd_u64(t->rnd);
	if (!lose)
		return;
	/* The cut is often at the very last or the very first. */
	uint64_t span = t->op - t->synced, cut = t->synced;

	if (span > 0 && rnd_below(t->rnd, 3) > 0)
		cut += rnd_below(t->rnd, span + 1);
	while (t->undo_count > 0 && t->undo[t->undo_count - 1].op > cut)
		tree_undo_one(t, &t->undo[--t->undo_count]);
	for (uint64_t i = 1; i < t->count; i++)
		tree_data_lose(t, t->objects[i]);
	tree_settle(t);
}

/* The calls. */

static bool
tree_has_space(struct tree *t)
{
	return t->full == ERR_NONE || rnd_below(t->rnd, 4) == 0;
}

struct tree_call {
	uint64_t dir, to;
	struct tree_object *d, *o;
	struct tree_name *nm;
};

static enum err_code
tree_x_lookup(struct tree *t, struct share_op *op, struct tree_call *c)
{
	tree_attr(t, c->dir, &op->dir_attr_r);
	op->dir_attr_ok = true;
	if (c->nm == NULL)
		return ERR_NOENT;
	tree_fh(c->nm->object, &op->fh_r);
	tree_attr(t, c->nm->object, &op->attr_r);
	op->attr_ok = true;
	return ERR_NONE;
}

static enum err_code
tree_x_getattr(struct tree *t, struct share_op *op, struct tree_call *c)
{
	tree_attr(t, c->dir, &op->attr_r);
	op->attr_ok = true;
	return ERR_NONE;
}

static enum err_code
tree_x_read(struct tree *t, struct share_op *op, struct tree_call *c)
{
	const struct tree_object *o = c->d;
	size_t n = 0;

	if (o->type == SHARE_DIR)
		return ERR_ISDIR;
	if (op->offset < o->n)
		n = o->n - op->offset;
	if (n > op->length)
		n = op->length;
	op->into = arena_memdup(op->arena, o->data + (n ? op->offset : 0), n);
	op->count_r = (uint32_t)n;
	op->eof_r = op->offset + n >= o->n;
	return tree_x_getattr(t, op, c);
}

static enum err_code
tree_x_readlink(struct tree *t, struct share_op *op, struct tree_call *c)
{
	(void)t;
	if (c->d->type != SHARE_LNK)
		return ERR_INVALID;
	op->text_r = arena_str(op->arena, str_of(c->d->data, c->d->n));
	return ERR_NONE;
}

static enum err_code
tree_x_readdir(struct tree *t, struct share_op *op, struct tree_call *c)
{
	struct share_dirent **last = &op->entries_r;
	unsigned i = op->cookie == 0 ? 0 : tree_place(c->d, op->cookie + 1);

	for (unsigned k = 0; k < t->page && i < c->d->count; k++, i++) {
		struct tree_name *nm = c->d->names[i];
		struct share_dirent *e =
		    arena_new_obj(op->arena, struct share_dirent);

		e->name = arena_str(op->arena, str_of(nm->s, nm->n));
		e->fileid = nm->object;
		if (op->plus && rnd_below(t->rnd, 8) != 0) {
			struct share_fh *fh =
			    arena_new_obj(op->arena, struct share_fh);

			tree_fh(nm->object, fh);
			e->fh = fh;
		}
		op->cookie = nm->hash;
		*last = e;
		last = &e->next;
	}
	op->eof_r = i == c->d->count;
	tree_attr(t, c->dir, &op->dir_attr_r);
	op->dir_attr_ok = true;
	return ERR_NONE;
}

static enum err_code
tree_made(struct tree *t, struct share_op *op, struct tree_call *c,
    uint64_t object)
{
	tree_add(t, c->dir, op->name, object);
	tree_fh(object, &op->fh_r);
	tree_attr(t, object, &op->attr_r);
	op->attr_ok = true;
	return ERR_NONE;
}

static enum err_code
tree_x_create(struct tree *t, struct share_op *op, struct tree_call *c)
{
	uint64_t object;

	if (c->nm != NULL) {
		if (t->objects[c->nm->object]->type != SHARE_REG)
			return ERR_EXIST;
		tree_fh(c->nm->object, &op->fh_r);
		tree_attr(t, c->nm->object, &op->attr_r);
		op->attr_ok = true;
		return ERR_NONE;
	}
	object = tree_object_new(t, SHARE_REG, op->mode);
	tree_touch(t, t->objects[object], true);
	return tree_made(t, op, c, object);
}

static enum err_code
tree_x_write(struct tree *t, struct share_op *op, struct tree_call *c)
{
	struct tree_object *o = c->d;
	size_t end = op->offset + op->length;

	if (o->type != SHARE_REG)
		return ERR_INVALID;
	if (!o->dirty && o->safe == NULL && o->n > 0) {
		o->safe = xmemdup(o->data, o->n);
		o->safe_n = o->n;
	}
	if (end > o->n) {
		o->data = xrealloc(o->data, end, 1);
		memset(o->data + o->n, 0, end - o->n);
		o->n = end;
	}
	if (op->length > 0)
		memcpy(o->data + op->offset, op->data, op->length);
	o->dirty = true;
	tree_touch(t, o, true);
	if (op->stable) {
		tree_data_safe(o);
		tree_settle(t);
	}
	op->count_r = op->length;
	op->verf_r = t->verf;
	return tree_x_getattr(t, op, c);
}

static enum err_code
tree_x_commit(struct tree *t, struct share_op *op, struct tree_call *c)
{
	tree_data_safe(c->d);
	tree_settle(t);
	op->verf_r = t->verf;
	return ERR_NONE;
}

static enum err_code
tree_x_symlink(struct tree *t, struct share_op *op, struct tree_call *c)
{
	struct tree_object *o;
	uint64_t object;

	if (c->nm != NULL)
		return ERR_EXIST;
	object = tree_object_new(t, SHARE_LNK, 0777);
	o = t->objects[object];
	o->data = xmemdup(op->text.p, op->text.n);
	o->n = op->text.n;
	o->safe = o->data;
	o->safe_n = o->n;
	tree_touch(t, o, true);
	return tree_made(t, op, c, object);
}

static enum err_code
tree_x_link(struct tree *t, struct share_op *op, struct tree_call *c)
{
	struct tree_object *to = tree_object(t, c->to);

	if (to == NULL || (to->nlink == 0 && c->to != 1))
		return ERR_STALE;
	if (to->type != SHARE_DIR)
		return ERR_NOTDIR;
	if (c->d->type == SHARE_DIR)
		return ERR_ISDIR;
	if (tree_lookup(to, op->to_name) != NULL)
		return ERR_EXIST;
	if (c->d->nlink >= 30)
		return ERR_MLINK;
	tree_add(t, c->to, op->to_name, c->dir);
	return ERR_NONE;
}

static enum err_code
tree_x_remove(struct tree *t, struct share_op *op, struct tree_call *c)
{
	bool dir;

	if (c->nm == NULL)
		return ERR_NOENT;
	dir = t->objects[c->nm->object]->type == SHARE_DIR;
	if (op->proc == SHARE_REMOVE && dir)
		return ERR_ISDIR;
	if (op->proc == SHARE_RMDIR && !dir)
		return ERR_NOTDIR;
	if (dir && t->objects[c->nm->object]->count > 0)
		return ERR_NOTEMPTY;
	tree_drop(t, c->dir, c->nm);
	return ERR_NONE;
}

static enum err_code
tree_x_rename(struct tree *t, struct share_op *op, struct tree_call *c)
{
	struct tree_object *to = tree_object(t, c->to);
	struct tree_name *old;
	uint64_t object;

	if (to == NULL || (to->nlink == 0 && c->to != 1))
		return ERR_STALE;
	if (to->type != SHARE_DIR)
		return ERR_NOTDIR;
	if (c->nm == NULL)
		return ERR_NOENT;
	object = c->nm->object;
	old = tree_lookup(to, op->to_name);
	if (old != NULL && old->object == object)
		return ERR_NONE;
	if (old != NULL && t->objects[old->object]->type == SHARE_DIR)
		return ERR_EXIST;
	if (old != NULL)
		tree_drop(t, c->to, old);
	tree_drop(t, c->dir, c->nm);
	tree_add(t, c->to, op->to_name, object);
	return ERR_NONE;
}

static enum err_code
tree_x_mkdir(struct tree *t, struct share_op *op, struct tree_call *c)
{
	uint64_t object;

	if (c->nm != NULL)
		return ERR_EXIST;
	object = tree_object_new(t, SHARE_DIR, op->mode);
	tree_touch(t, t->objects[object], true);
	return tree_made(t, op, c, object);
}

static enum err_code
tree_x_fsstat(struct tree *t, struct share_op *op, struct tree_call *c)
{
	(void)c;
	op->fsstat_r = (struct share_fsstat){
		.total_bytes = 1ULL << 40,
		.free_bytes = t->full != ERR_NONE ? 0 : 1ULL << 39,
		.total_files = 1ULL << 24,
		.free_files = 1ULL << 23,
	};
	return ERR_NONE;
}

enum {
	TREE_NAMED = 1,	  /* op->fh is a directory, op->name a name in it */
	TREE_CHANGES = 2, /* of directories */
	TREE_SPACE = 4,
	TREE_DIRECTORY = 8
};

static const struct {
	enum err_code (
	    *run)(struct tree *t, struct share_op *op, struct tree_call *c);
	unsigned flags;
} tree_calls[SHARE_PROCS] = {
	[SHARE_LOOKUP] = { tree_x_lookup, TREE_NAMED },
	[SHARE_GETATTR] = { tree_x_getattr, 0 },
	[SHARE_READ] = { tree_x_read, 0 },
	[SHARE_READLINK] = { tree_x_readlink, 0 },
	[SHARE_READDIR] = { tree_x_readdir, TREE_DIRECTORY },
	[SHARE_CREATE] = { tree_x_create,
	    TREE_NAMED | TREE_CHANGES | TREE_SPACE },
	[SHARE_WRITE] = { tree_x_write, TREE_SPACE },
	[SHARE_COMMIT] = { tree_x_commit, 0 },
	[SHARE_SYMLINK] = { tree_x_symlink,
	    TREE_NAMED | TREE_CHANGES | TREE_SPACE },
	[SHARE_LINK] = { tree_x_link, TREE_CHANGES | TREE_SPACE },
	[SHARE_RENAME] = { tree_x_rename, TREE_NAMED | TREE_CHANGES },
	[SHARE_REMOVE] = { tree_x_remove, TREE_NAMED | TREE_CHANGES },
	[SHARE_MKDIR] = { tree_x_mkdir,
	    TREE_NAMED | TREE_CHANGES | TREE_SPACE },
	[SHARE_RMDIR] = { tree_x_remove, TREE_NAMED | TREE_CHANGES },
	[SHARE_FSSTAT] = { tree_x_fsstat, 0 },
};

enum err_code
tree_exec(struct tree *t, struct share_op *op)
{
	unsigned flags = tree_calls[op->proc].flags;
	struct tree_call c = { .dir = tree_object_of_fh(&op->fh) };
	enum err_code code;

	c.d = tree_object(t, c.dir);
	c.to = tree_object_of_fh(&op->to);
	if (c.d == NULL || (c.d->nlink == 0 && c.dir != 1))
		return ERR_STALE;
	if ((flags & (TREE_NAMED | TREE_DIRECTORY)) && c.d->type != SHARE_DIR)
		return ERR_NOTDIR;
	if (flags & TREE_NAMED)
		c.nm = tree_lookup(c.d, op->name);
	if ((flags & TREE_SPACE) && c.nm == NULL && !tree_has_space(t))
		return t->full;
	if (flags & TREE_CHANGES)
		t->op++;
	code = tree_calls[op->proc].run(t, op, &c);
	if ((flags & TREE_CHANGES) && t->mode == TREE_HONEST)
		tree_settle(t);
	return code;
}

/* The observer. */

uint64_t
tree_child(const struct tree *t, uint64_t dir, struct str name)
{
	const struct tree_object *d = tree_object(t, dir);
	const struct tree_name *nm;

	if (d == NULL || d->type != SHARE_DIR)
		return 0;
	nm = tree_lookup(d, name);
	return nm != NULL ? nm->object : 0;
}

uint64_t
tree_find(const struct tree *t, const char *path)
{
	struct str rest = str_c(path), piece;
	uint64_t object = 1;

	while (object != 0 && str_split(&rest, '/', &piece))
		if (piece.n > 0)
			object = tree_child(t, object, piece);
	return object;
}

struct str
tree_content(const struct tree *t, uint64_t object)
{
	const struct tree_object *o = tree_object(t, object);

	return o == NULL ? STR_NONE : str_of(o->data, o->n);
}

bool
tree_name_is_durable(const struct tree *t, uint64_t dir, struct str name)
{
	const struct tree_object *d = tree_object(t, dir);
	const struct tree_name *nm = d != NULL ? tree_lookup(d, name) : NULL;

	return nm != NULL && nm->op <= t->synced;
}

bool
tree_data_is_durable(const struct tree *t, uint64_t object)
{
	const struct tree_object *o = tree_object(t, object);

	return o != NULL && !o->dirty;
}

bool
tree_is_dir(const struct tree *t, uint64_t object)
{
	const struct tree_object *o = tree_object(t, object);

	return o != NULL && o->type == SHARE_DIR;
}

bool
tree_is_alive(const struct tree *t, uint64_t object)
{
	const struct tree_object *o = tree_object(t, object);

	return o != NULL && o->nlink > 0;
}

bool
tree_nth(const struct tree *t, uint64_t dir, unsigned i, struct str *name_r,
    uint64_t *object_r)
{
	const struct tree_object *d = tree_object(t, dir);

	if (d == NULL || i >= d->count)
		return false;
	*name_r = str_of(d->names[i]->s, d->names[i]->n);
	*object_r = d->names[i]->object;
	return true;
}

const char *
tree_path(const struct tree *t, uint64_t dir)
{
	const struct tree_object *d = tree_object(t, dir);

	return d == NULL || d->path == NULL ? "?" : d->path;
}
