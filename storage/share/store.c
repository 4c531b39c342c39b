/* store.c - an opened share: identity, format, durability, well-known places */
#include "storage/share/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "storage/share/share_id.h"
#include "storage/share/share_mount.h"
#include "storage/share/share_nfs.h"
#include "storage/share/share_posix.h"
#include "storage/share/store_private.h"

/* Names shown of a directory that is not a share. */
#define STORE_NAMES_SHOWN 4
#define STORE_ROOT_MAX 10000

/* DESIGN 6; barrier/ is barrier.c's. */
static const char *const store_dirs[] = { "state", "locks", "nodes", "queue",
	"trace", "accounts", "barrier" };

/* What file systems and filers put into the root of an empty volume. */
static const char *const store_not_occupants[] = { "lost+found", ".snapshot",
	".snapshots", "~snapshot", "#snapshot", ".zfs", ".Trash-0", ".ckpt" };

static const char *
store_name(struct task *t, const struct share *s)
{
	return arena_printf(task_arena(t), "the share %s", share_name(s));
}

static must_check struct err *
store_err(struct task *t, const struct share *s, enum err_code code,
    const char *what)
{
	return err_newf(task_arena(t), code, "%s %s", store_name(t, s), what);
}

/* The server lets us in, but not at the files. */
static must_check struct err *
store_denied(struct task *t, const struct share *s, const struct err *e)
{
	if (err_is(e, ERR_ROFS))
		return store_err(t, s, ERR_ROFS,
		    "is read-only: export it read-write (and look whether the "
		    "server's disk turned read-only)");
	return err_newf(task_arena(t), ERR_ACCESS,
	    "%s does not let us read and write: its files must belong to the "
	    "uid= and gid= of the URL, which the export must not map to "
	    "another user (root_squash, all_squash)",
	    store_name(t, s));
}

static must_check struct err *
store_wrap(struct task *t, const struct share *s, struct err *e)
{
	switch (err_code(e)) {
	case ERR_NONE:
		return NULL;
	case ERR_ROFS:
	case ERR_ACCESS:
		return store_denied(t, s, e);
	case ERR_UNAVAIL:
	case ERR_FOREIGN:
		return e; /* a whole sentence already */
	default:
		return err_wrap(task_arena(t), e, "%s", store_name(t, s));
	}
}

static bool
store_in(struct str name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_c(name, list[i]))
			return true;
	return false;
}

/* Our own scratch names: store_init's and store_check's. */
static bool
store_is_scratch(struct str name)
{
	return str_starts(name, STR(SHARE_ID_NAME ".")) ||
	       str_starts(name, STR(STORE_CHECK_PREFIX));
}

/*
 * Who lives in the root?  A comma-separated list of the first few names in
 * *names_r, NULL if nobody does.  own: empty directories that an init left
 * behind when it was killed do not count.
 */
static may_yield must_check struct err *
store_occupants(struct task *t, struct share *s, bool own, char **names_r)
{
	struct share_dirent *d, *below;
	struct buf b;
	unsigned n = 0;
	struct err *e = share_readdir(t, s, SHARE_LANE_ADMIN, share_root(s),
	    STORE_ROOT_MAX, &d, NULL);

	if (e != NULL)
		return e;
	buf_init(&b, task_arena(t), 2000);
	for (; d != NULL; d = d->next) {
		struct share_fh fh;

		if (store_in(d->name, store_not_occupants,
			countof(store_not_occupants)) ||
		    store_is_scratch(d->name))
			continue;
		if (own && store_in(d->name, store_dirs, countof(store_dirs)) &&
		    share_lookup(t, s, SHARE_LANE_ADMIN, share_root(s), d->name,
			&fh, NULL) == NULL &&
		    share_readdir(t, s, SHARE_LANE_ADMIN, &fh, 1, &below,
			NULL) == NULL &&
		    below == NULL)
			continue;
		if (n < STORE_NAMES_SHOWN)
			buf_fmt(&b, "%s" STR_FMT, n != 0 ? ", " : "",
			    STR_ARG(d->name));
		n++;
	}
	if (n > STORE_NAMES_SHOWN)
		buf_fmt(&b, " and %u more", n - STORE_NAMES_SHOWN);
	*names_r = n != 0 ? arena_strdup(task_arena(t), buf_cstr(&b)) : NULL;
	return NULL;
}

/* There is no SHOAL: which of the two sentences? */
static may_yield must_check struct err *
store_not_a_share(struct task *t, struct share *s)
{
	char *names;
	struct err *e = store_occupants(t, s, false, &names);

	if (e != NULL)
		return store_wrap(t, s, e);
	if (names == NULL)
		return store_err(t, s, ERR_FOREIGN,
		    "is empty: if it is the right directory, make it a share "
		    "with shoalctl share init");
	return err_newf(task_arena(t), ERR_FOREIGN,
	    "%s is not a share: it has no file " SHARE_ID_NAME ", but holds %s",
	    store_name(t, s), names);
}

static may_yield must_check struct err *
store_identify(struct task *t, struct share *s, const unsigned char *expect,
    struct share_id *id)
{
	char want[SHARE_ID_UUID_TEXT], got[SHARE_ID_UUID_TEXT];
	struct str text;
	struct err *e = share_get(t, s, SHARE_LANE_ADMIN, share_root(s),
	    STR(SHARE_ID_NAME), SHARE_ID_BYTES_MAX, task_arena(t), &text);

	if (err_is(e, ERR_NOENT))
		return store_not_a_share(t, s);
	if (e != NULL)
		return store_wrap(t, s, e);
	e = share_id_parse(task_arena(t), text, id);
	if (e != NULL)
		return err_wrap(task_arena(t), e, "%s", share_name(s));
	if (expect == NULL || memcmp(expect, id->uuid, 16) == 0)
		return NULL;
	share_id_uuid_text(expect, want);
	share_id_uuid_text(id->uuid, got);
	return err_newf(task_arena(t), ERR_FOREIGN,
	    "%s is another share than this node belongs to (UUID %s instead "
	    "of %s)",
	    store_name(t, s), got, want);
}

void
store_random_name(struct task *t, const char *prefix, char name_r[64])
{
	unsigned char random[16];
	int n = snprintf(name_r, 64, "%.20s", prefix);

	task_random(t, random, sizeof(random));
	for (unsigned i = 0; i < sizeof(random); i++)
		n += snprintf(name_r + n, 64 - (size_t)n, "%02x", random[i]);
}

/* A read-only export is found now, not at the first message. */
static may_yield must_check struct err *
store_probe_write(struct task *t, struct share *s)
{
	struct share_fh dir;
	char name[64];
	struct err *e =
	    share_mkdir_path(t, s, SHARE_LANE_ADMIN, STR("barrier"), &dir);

	store_random_name(t, "", name);
	if (e == NULL)
		e = share_create(t, s, SHARE_LANE_ADMIN, &dir, str_c(name),
		    NULL);
	if (e == NULL)
		e = share_remove_quiet(t, s, SHARE_LANE_ADMIN, &dir,
		    str_c(name));
	/* A full share must open: removing mail is the way out. */
	if (err_is(e, ERR_NOSPC) || err_is(e, ERR_DQUOT))
		return NULL;
	return store_wrap(t, s, e);
}

struct err *
store_open_share(struct task *t, struct share *s,
    const unsigned char *expect_uuid, struct store **st_r)
{
	struct share_id id;
	struct store *st;
	struct err *e;

	/* The backend asks this at every reconnect, from the first one on. */
	if (expect_uuid != NULL)
		share_expect(s, expect_uuid);
	e = store_identify(t, s, expect_uuid, &id);
	if (e == NULL) {
		share_expect(s, id.uuid);
		e = store_probe_write(t, s);
	}
	if (e != NULL) {
		share_close(&s);
		return e;
	}
	st = xcalloc(1, sizeof(*st));
	st->share = s;
	st->sched = task_sched(t);
	st->profile = id.profile;
	memcpy(st->uuid, id.uuid, sizeof(st->uuid));
	st->barrier = barrier_new(st->sched, s, id.profile);
	*st_r = st;
	return NULL;
}

void
store_close(struct store **stp)
{
	struct store *st = *stp;

	if (st == NULL)
		return;
	barrier_free(&st->barrier);
	share_close(&st->share);
	free(st);
	*stp = NULL;
}

/* The mount table is read, and a path resolved, where that may block. */
struct store_resolve {
	struct arena *arena;
	struct share_url url;
	struct err *err;
};

static void
blocking_store_resolve(void *arg)
{
	struct store_resolve *r = arg;

	r->err = share_mount_resolve(r->arena, r->url.path, &r->url);
}

static may_yield must_check struct err *
store_locate(struct task *t, struct offload *o, const char *text,
    struct share_url *url)
{
	struct store_resolve r = { .arena = NULL };
	struct err *e = share_url_parse(task_arena(t), text, url);

	if (e != NULL || url->nfs)
		return e;
	r.arena = arena_new(0);
	r.url = *url;
	offload_run(t, o, blocking_store_resolve, &r);
	*url = r.url;
	if (r.err != NULL)
		e = err_new(task_arena(t), r.err->code, r.err->text, NULL);
	arena_free(&r.arena);
	return e;
}

struct err *
store_open_backend(struct task *t, struct loop *l, struct offload *o,
    const char *url_text, struct share **s_r)
{
	struct share_url url;
	struct err *e = store_locate(t, o, url_text, &url);

	if (e != NULL)
		return e;
	if (!url.nfs)
		return share_posix_open(task_arena(t), task_sched(t), o,
		    url.path, s_r);
	*s_r = share_nfs_open(l, o, &url);
	return NULL;
}

struct err *
store_open(struct task *t, struct loop *l, struct offload *o, const char *url,
    const unsigned char *expect_uuid, struct store **st_r)
{
	struct share *s;
	struct err *e = store_open_backend(t, l, o, url, &s);

	return e != NULL ? e : store_open_share(t, s, expect_uuid, st_r);
}

/* Under profile barrier what was made so far must be forced out, too. */
static may_yield must_check struct err *
store_init_force(struct task *t, struct share *s)
{
	struct share_fh dir;
	char name[64];
	struct err *e =
	    share_walk(t, s, SHARE_LANE_ADMIN, STR("barrier"), &dir, NULL);

	store_random_name(t, "", name);
	if (e == NULL)
		e = share_put(t, s, SHARE_LANE_ADMIN, &dir, str_c(name),
		    "barrier\n", 8, NULL);
	if (e == NULL)
		e = share_remove_quiet(t, s, SHARE_LANE_ADMIN, &dir,
		    str_c(name));
	return e;
}

/*
 * SHOAL appears whole or not at all, and only once: written under a scratch
 * name, forced out, and linked to its name, which fails if it exists.
 */
static may_yield must_check struct err *
store_init_publish(struct task *t, struct share *s, const struct share_id *id)
{
	struct str text = share_id_format(task_arena(t), id), there;
	struct share_fh fh;
	char name[64];
	unsigned tries = 0;
	struct err *e;

	store_random_name(t, SHARE_ID_NAME ".", name);
	e = share_put(t, s, SHARE_LANE_ADMIN, share_root(s), str_c(name),
	    text.p, text.n, &fh);
	if (e != NULL)
		return e;
	do {
		e = share_link(t, s, SHARE_LANE_ADMIN, &fh, share_root(s),
		    STR(SHARE_ID_NAME));
	} while (e != NULL && share_retry(t, e, &tries));
	/* EXIST may be our own, executed twice. */
	if (err_is(e, ERR_EXIST)) {
		e = share_get(t, s, SHARE_LANE_ADMIN, share_root(s),
		    STR(SHARE_ID_NAME), SHARE_ID_BYTES_MAX, task_arena(t),
		    &there);
		if (e == NULL && !str_eq(text, there))
			e = err_new(task_arena(t), ERR_DUPLICATE,
			    "somebody else made the share at the same moment",
			    NULL);
	}
	err_ignore(share_remove_quiet(t, s, SHARE_LANE_ADMIN, share_root(s),
	    str_c(name))); /* a scratch name harms nobody */
	return e != NULL ? e : store_init_force(t, s);
}

static may_yield must_check struct err *
store_init_empty(struct task *t, struct share *s)
{
	char uuid[SHARE_ID_UUID_TEXT], *names;
	struct share_id id;
	struct str text;
	struct err *e = share_get(t, s, SHARE_LANE_ADMIN, share_root(s),
	    STR(SHARE_ID_NAME), SHARE_ID_BYTES_MAX, task_arena(t), &text);

	if (e == NULL) {
		e = share_id_parse(task_arena(t), text, &id);
		if (e != NULL)
			return store_err(t, s, ERR_DUPLICATE,
			    "has a file " SHARE_ID_NAME
			    " already: nothing was changed");
		share_id_uuid_text(id.uuid, uuid);
		return err_newf(task_arena(t), ERR_DUPLICATE,
		    "%s is a share already (UUID %s)", store_name(t, s), uuid);
	}
	if (!err_is(e, ERR_NOENT))
		return e;
	e = store_occupants(t, s, true, &names);
	if (e == NULL && names != NULL)
		e = err_newf(task_arena(t), ERR_NOTEMPTY,
		    "%s is not empty (%s): give an empty directory",
		    store_name(t, s), names);
	return e;
}

struct err *
store_init(struct task *t, struct share *s, enum barrier_profile profile,
    unsigned char uuid_r[16])
{
	struct share_id id = { .format = STORE_FORMAT,
		.profile = profile,
		.created_s = task_wall_s(t) };
	struct err *e = store_init_empty(t, s);

	if (err_is(e, ERR_DUPLICATE) || err_is(e, ERR_NOTEMPTY))
		return e;
	for (unsigned i = 0; e == NULL && i < countof(store_dirs); i++)
		e = share_mkdir_path(t, s, SHARE_LANE_ADMIN,
		    str_c(store_dirs[i]), NULL);
	task_random(t, id.uuid, sizeof(id.uuid));
	id.uuid[6] = (id.uuid[6] & 0x0f) | 0x40; /* RFC 9562: version 4, */
	id.uuid[8] = (id.uuid[8] & 0x3f) | 0x80; /* random */
	if (e == NULL)
		e = store_init_publish(t, s, &id);
	if (e != NULL)
		return err_is(e, ERR_DUPLICATE) ? e : store_wrap(t, s, e);
	share_expect(s, id.uuid);
	memcpy(uuid_r, id.uuid, sizeof(id.uuid));
	return NULL;
}
