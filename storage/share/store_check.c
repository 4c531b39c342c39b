/* store_check.c - does this share do what we build on? */
#include <stdio.h>
#include <stdlib.h>

#include "storage/share/share_private.h"
#include "storage/share/store_private.h"

#define CHECK_LANE SHARE_LANE_ADMIN
#define CHECK_ROUNDS 15
/* Above these a finding is not ok: a delivery is four round trips. */
#define CHECK_READ_US 100000
#define CHECK_COMMIT_US 300000
#define CHECK_FREE_BYTES (UINT64_C(1) << 30)
#define CHECK_FREE_FILES 100000

/*
 * What went wrong, in words, and what to do about it.  A check returns NULL
 * when it is satisfied; *text may hold what was seen.
 */
struct check {
	struct share *share;
	struct share_fh dir; /* scratch */
	char name[64];
	const char *seen;
};

struct check_kind {
	const char *name;
	const char *good; /* said when ok and nothing else was seen */
	const char *(*run)(struct task *t, struct check *c);
};

/* "text: why", from an error. */
static const char *
check_failed(struct task *t, const char *text, const struct err *e)
{
	return arena_printf(task_arena(t), "%s: %s", text, e->text);
}

static may_yield const char *
check_write(struct task *t, struct check *c)
{
	char back[6000], bytes[6000];
	struct share_fh fh;
	uint32_t n = 0;
	struct err *e;

	task_random(t, bytes, sizeof(bytes));
	e = share_put(t, c->share, CHECK_LANE, &c->dir, STR("file"), bytes,
	    sizeof(bytes), &fh);
	if (e != NULL)
		return check_failed(t, "a file cannot be written", e);
	e = share_read(t, c->share, CHECK_LANE, &fh, 0, back, sizeof(back), &n,
	    NULL);
	if (e != NULL)
		return check_failed(t, "a file cannot be read back", e);
	if (n != sizeof(bytes) || memcmp(back, bytes, n) != 0)
		return "a file reads back other than it was written: do not "
		       "use this server";
	return NULL;
}

static may_yield const char *
check_exclusive(struct task *t, struct check *c)
{
	struct share_fh fh;
	struct str text;
	struct err *e = share_symlink(t, c->share, CHECK_LANE, &c->dir,
	    STR("0000000000000001"), STR("first"), &fh, NULL);

	if (e != NULL)
		return check_failed(t,
		    "symlinks cannot be made: the server must support them", e);
	e = share_symlink(t, c->share, CHECK_LANE, &c->dir,
	    STR("0000000000000001"), STR("second"), NULL, NULL);
	if (e == NULL)
		return "a second symlink of the same name is not refused: two "
		       "nodes would overwrite each other; do not use this "
		       "server";
	if (!err_is(e, ERR_EXIST))
		return check_failed(t,
		    "a second symlink of the same name is refused, but not as "
		    "existing",
		    e);
	e = share_readlink(t, c->share, CHECK_LANE, &fh, &text);
	if (e != NULL)
		return check_failed(t, "a symlink cannot be read", e);
	if (!str_eq(text, STR("first")))
		return "a refused symlink replaced the first one: do not use "
		       "this server";
	return NULL;
}

static may_yield const char *
check_long(struct task *t, struct check *c)
{
	char want[SHARE_SYMLINK_MAX];
	struct share_fh fh;
	struct str text;
	struct err *e;

	for (unsigned i = 0; i < sizeof(want); i++)
		want[i] = (char)('!' + i % 94);
	e = share_symlink(t, c->share, CHECK_LANE, &c->dir, STR("long"),
	    str_of(want, sizeof(want)), &fh, NULL);
	if (e != NULL)
		return check_failed(t,
		    "a symlink of 1000 bytes cannot be made: the server's file "
		    "system must allow it (ext4, XFS, ZFS and filers do)",
		    e);
	e = share_readlink(t, c->share, CHECK_LANE, &fh, &text);
	if (e != NULL)
		return check_failed(t, "a symlink of 1000 bytes cannot be read",
		    e);
	if (!str_eq(text, str_of(want, sizeof(want))))
		return "a symlink of 1000 bytes reads back changed";
	return NULL;
}

static may_yield const char *
check_link(struct task *t, struct check *c)
{
	struct share_fh file, other;
	struct share_attr a, b;
	struct err *e = share_put(t, c->share, CHECK_LANE, &c->dir,
	    STR("linked"), "x", 1, &file);

	if (e == NULL)
		e = share_link(t, c->share, CHECK_LANE, &file, &c->dir,
		    STR("link"));
	if (e != NULL)
		return check_failed(t,
		    "hard links cannot be made: mail to several local "
		    "recipients and COPY need them",
		    e);
	e = share_link(t, c->share, CHECK_LANE, &file, &c->dir, STR("link"));
	if (!err_is(e, ERR_EXIST))
		return "a second hard link of the same name is not refused";
	e = share_lookup(t, c->share, CHECK_LANE, &c->dir, STR("link"), &other,
	    &b);
	if (e == NULL)
		e = share_getattr(t, c->share, CHECK_LANE, &file, &a);
	if (e != NULL)
		return check_failed(t, "a hard link cannot be found", e);
	if (a.nlink != 2 || a.fileid != b.fileid)
		return "a hard link is not the same file";
	return NULL;
}

static may_yield const char *
check_rename(struct task *t, struct check *c)
{
	struct share_fh was, now;
	struct share_attr attr;
	struct str text;
	struct err *e = share_put(t, c->share, CHECK_LANE, &c->dir,
	    STR("quota"), "old", 3, NULL);

	if (e == NULL)
		e = share_put(t, c->share, CHECK_LANE, &c->dir,
		    STR("quota.new"), "new!", 4, &was);
	if (e == NULL)
		e = share_rename(t, c->share, CHECK_LANE, &c->dir,
		    STR("quota.new"), &c->dir, STR("quota"));
	if (e == NULL)
		e = share_get(t, c->share, CHECK_LANE, &c->dir, STR("quota"),
		    100, task_arena(t), &text);
	if (e == NULL)
		e = share_lookup(t, c->share, CHECK_LANE, &c->dir, STR("quota"),
		    &now, &attr);
	if (e != NULL)
		return check_failed(t, "a file cannot be replaced by rename",
		    e);
	if (!str_eq(text, STR("new!")))
		return "a file that was replaced by rename still shows the "
		       "old bytes: the server caches too long";
	return NULL;
}

/* Handles outlive connections, and die with their files. */
static may_yield const char *
check_handles(struct task *t, struct check *c)
{
	struct share_fh fh;
	struct share_attr before, after;
	unsigned tries = 0;
	struct err *e = share_put(t, c->share, CHECK_LANE, &c->dir,
	    STR("handle"), "x", 1, &fh);

	if (e == NULL)
		e = share_getattr(t, c->share, CHECK_LANE, &fh, &before);
	share_reconnect(c->share);
	if (e == NULL)
		do {
			e = share_getattr(t, c->share, CHECK_LANE, &fh, &after);
		} while (e != NULL && share_retry(t, e, &tries));
	if (err_is(e, ERR_STALE))
		return "a file handle does not survive a new connection: the "
		       "server must give persistent handles";
	if (e != NULL)
		return check_failed(t, "a file cannot be found by its handle",
		    e);
	if (before.fileid != after.fileid)
		return "a file handle leads to another file after a new "
		       "connection: do not use this server";
	e = share_remove(t, c->share, CHECK_LANE, &c->dir, STR("handle"));
	if (e != NULL)
		return check_failed(t, "a file cannot be removed", e);
	e = share_getattr(t, c->share, CHECK_LANE, &fh, &after);
	if (!err_is(e, ERR_STALE))
		return "the handle of a removed file still works: a node could "
		       "not know that it is gone";
	return NULL;
}

static may_yield const char *
check_listing(struct task *t, struct check *c)
{
	struct share_dirent *d;
	struct share_fh dir;
	struct err *e =
	    share_mkdir(t, c->share, CHECK_LANE, &c->dir, STR("listing"), &dir);

	for (int i = 0; e == NULL && i < 3; i++) {
		char name[20];
		int n = 0;

		snprintf(name, sizeof(name), "name%d", i);
		e = share_symlink(t, c->share, CHECK_LANE, &dir, str_c(name),
		    STR("x"), NULL, NULL);
		if (e == NULL)
			e = share_readdir(t, c->share, CHECK_LANE, &dir, 10, &d,
			    NULL);
		for (; e == NULL && d != NULL; d = d->next)
			n++;
		if (e == NULL && n != i + 1)
			return "a directory does not list a name that was just "
			       "made: the server caches listings";
	}
	return e != NULL ? check_failed(t, "a directory cannot be listed", e)
			 : NULL;
}

static may_yield const char *
check_names(struct task *t, struct check *c)
{
	char longest[SHARE_NAME_MAX + 1] = "";
	struct share_fh fh;
	struct err *e =
	    share_create(t, c->share, CHECK_LANE, &c->dir, STR("Case"), NULL);

	if (e != NULL)
		return check_failed(t, "a file cannot be made", e);
	e = share_lookup(t, c->share, CHECK_LANE, &c->dir, STR("case"), &fh,
	    NULL);
	if (e == NULL)
		return "upper and lower case are the same in names: set the "
		       "server's volume to case-sensitive";
	if (!err_is(e, ERR_NOENT))
		return check_failed(t, "a name cannot be looked up", e);
	/* 200 are enough: a transaction, an ordinal, a suffix. */
	memset(longest, 'n', 200);
	e = share_create(t, c->share, CHECK_LANE, &c->dir, str_c(longest),
	    NULL);
	return e != NULL
		   ? check_failed(t, "a name of 200 bytes cannot be made", e)
		   : NULL;
}

static may_yield const char *
check_latency(struct task *t, struct check *c)
{
	const char *what = "the network or the server's disks are slow";
	uint64_t read_us, commit_us, from = task_now_ms(t);
	struct share_attr attr;
	struct err *e = NULL;

	for (int i = 0; e == NULL && i < CHECK_ROUNDS; i++)
		e = share_getattr(t, c->share, CHECK_LANE, &c->dir, &attr);
	read_us = (task_now_ms(t) - from) * 1000 / CHECK_ROUNDS;
	from = task_now_ms(t);
	for (int i = 0; e == NULL && i < CHECK_ROUNDS; i++) {
		char name[20];

		snprintf(name, sizeof(name), "latency%d", i);
		e = share_put(t, c->share, CHECK_LANE, &c->dir, str_c(name),
		    "x", 1, NULL);
	}
	commit_us = (task_now_ms(t) - from) * 1000 / CHECK_ROUNDS;
	if (e != NULL)
		return check_failed(t, "while measuring", e);
	c->seen = arena_printf(task_arena(t),
	    "a look takes %.1f ms, a durable file %.1f ms",
	    (double)read_us / 1000, (double)commit_us / 1000);
	if (read_us > CHECK_READ_US || commit_us > CHECK_COMMIT_US)
		return arena_printf(task_arena(t), "%s: %s", c->seen, what);
	return NULL;
}

static may_yield const char *
check_space(struct task *t, struct check *c)
{
	struct share_fsstat st;
	struct err *e = share_fsstat(t, c->share, CHECK_LANE, &st);

	if (e != NULL)
		return check_failed(t, "free space cannot be asked", e);
	c->seen = arena_printf(task_arena(t),
	    "%.1f GB free of %.1f GB, %llu of %llu files free",
	    (double)st.free_bytes / 1e9, (double)st.total_bytes / 1e9,
	    (unsigned long long)st.free_files,
	    (unsigned long long)st.total_files);
	if (st.free_bytes < CHECK_FREE_BYTES)
		return arena_printf(task_arena(t),
		    "%s: less than 1 GB is left, make room", c->seen);
	/* Some file systems have no such limit and say 0. */
	if (st.total_files != 0 && st.free_files < CHECK_FREE_FILES)
		return arena_printf(task_arena(t),
		    "%s: every message is a file, make a file system with more "
		    "inodes",
		    c->seen);
	return NULL;
}

static may_yield const char *
check_owner(struct task *t, struct check *c)
{
	struct share_attr attr;
	struct err *e = share_getattr(t, c->share, CHECK_LANE, &c->dir, &attr);

	if (e != NULL)
		return check_failed(t, "the owner cannot be asked", e);
	c->seen = arena_printf(task_arena(t),
	    "new files belong to uid %u, gid %u", attr.uid, attr.gid);
	return NULL;
}

static const struct check_kind check_kinds[] = {
	{ "read and write", "what is written reads back", check_write },
	{ "exclusive symlink", "a name is made once only", check_exclusive },
	{ "long symlink", "1000 bytes read back", check_long },
	{ "hard link", "two names, one file", check_link },
	{ "rename", "replaces a file at once", check_rename },
	{ "file handles", "survive a new connection, die with the file",
	    check_handles },
	{ "listing", "shows new names at once", check_listing },
	{ "names", "case matters, long names are kept", check_names },
	{ "owner", NULL, check_owner }, { "latency", NULL, check_latency },
	{ "space", NULL, check_space }
};

/* The scratch directory is two levels deep at most. */
static may_yield void
check_clean(struct task *t, struct share *s, const struct share_fh *parent,
    struct str name, int depth)
{
	struct share_dirent *d = NULL;
	struct share_fh dir;
	struct err *e =
	    share_lookup(t, s, CHECK_LANE, parent, name, &dir, NULL);

	if (e == NULL)
		e = share_readdir(t, s, CHECK_LANE, &dir, 1000, &d, NULL);
	for (; e == NULL && d != NULL; d = d->next) {
		e = share_remove_quiet(t, s, CHECK_LANE, &dir, d->name);
		if (e != NULL && depth > 0) {
			check_clean(t, s, &dir, d->name, depth - 1);
			e = NULL;
		}
	}
	/* Scratch that stays is no occupant and harms nobody. */
	err_ignore(share_rmdir(t, s, CHECK_LANE, parent, name));
}

static may_yield_unchecked const char *
check_run(struct task *t, const struct check_kind *k, struct check *c)
{
	return k->run(t, c); /* clang ignores the mark on pointers */
}

struct err *
store_check(struct task *t, struct share *s, struct store_finding **first_r,
    bool *all_ok_r)
{
	struct store_finding **tail = first_r;
	struct check c = { .share = s };
	struct err *e;

	*first_r = NULL;
	*all_ok_r = true;
	store_random_name(t, STORE_CHECK_PREFIX, c.name);
	e = share_mkdir(t, s, CHECK_LANE, share_root(s), str_c(c.name), &c.dir);
	if (e != NULL)
		return err_is(e, ERR_UNAVAIL)
			   ? e
			   : err_wrap(task_arena(t), e,
				 "no directory can be made in the share %s",
				 share_name(s));
	for (unsigned i = 0; i < countof(check_kinds); i++) {
		const struct check_kind *k = &check_kinds[i];
		struct store_finding *f =
		    arena_new_obj(task_arena(t), struct store_finding);
		const char *bad;

		c.seen = k->good;
		bad = check_run(t, k, &c);
		f->name = k->name;
		f->ok = bad == NULL;
		f->text = f->ok ? c.seen : bad;
		*all_ok_r &= f->ok;
		*tail = f;
		tail = &f->next;
	}
	check_clean(t, s, share_root(s), str_c(c.name), 1);
	return NULL;
}
