/* state_replica.c - one SQLite file of the state, or one in memory */
#include "storage/state_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_LINK "state.db"
/* Another process of this node holds the write lock for one transaction. */
#define STATE_BUSY_MS 5000
#define STATE_LEFTOVER_S 3600

static char *
state_replica_path(struct arena *a, const char *local, const char *name)
{
	return arena_printf(a, "%s/%s", local, name);
}

char *
state_replica_temp(struct arena *a, const char *local, const struct rnd *rnd,
    const char *suffix)
{
	return arena_printf(a, "%s/state.%016llx.%s", local,
	    (unsigned long long)rnd_u64(rnd), suffix);
}

static void
state_replica_unlink(const char *local, const char *name)
{
	static const char *const suffixes[] = { "", "-wal", "-shm",
		"-journal" };
	char path[4096];
	unsigned i;

	for (i = 0; i < countof(suffixes); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", local, name,
		    suffixes[i]);
		unlink(path);
	}
}

static struct err *
state_replica_connect(struct arena *a, struct state_db *db, const char *path,
    int flags)
{
	struct err *e;
	int rc;

	*db = (struct state_db){ .h = NULL };
	rc = sqlite3_open_v2(path, &db->h,
	    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK) {
		e = state_db_err(db, a, rc);
		sqlite3_close(db->h);
		db->h = NULL;
		return e;
	}
	sqlite3_busy_timeout(db->h, STATE_BUSY_MS);
	/* What replicas hold is data, never code. */
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	return NULL;
}

static struct err *
state_replica_pragmas(struct arena *a, struct state_replica *r,
    const struct state_ident *id)
{
	struct err *e;

	if (r->local != NULL) {
		e = state_exec(&r->rw, a, "PRAGMA journal_mode = WAL");
		if (e != NULL)
			return e;
	}
	return state_exec(&r->rw, a,
	    arena_printf(a,
		"PRAGMA synchronous = %s; PRAGMA cell_size_check = ON;"
		"PRAGMA foreign_keys = OFF",
		id->synchronous));
}

static struct state_replica *
state_replica_alloc(const char *local, const char *name)
{
	struct state_replica *r = xcalloc(1, sizeof(*r));

	if (local != NULL) {
		r->local = xstrdup(local);
		snprintf(r->name, sizeof(r->name), "%s", name);
	}
	return r;
}

/* An empty file of mode 0600, or ":memory:". */
static struct err *
state_replica_make(struct arena *a, const char *local, const struct rnd *rnd,
    struct str bytes, struct state_replica **r_r, const char **path_r)
{
	const char *slash;
	size_t done = 0;
	ssize_t n;
	int fd, saved;

	*r_r = NULL;
	if (local == NULL) {
		*path_r = ":memory:";
		*r_r = state_replica_alloc(NULL, "");
		return NULL;
	}
	*path_r = state_replica_temp(a, local, rnd, "db");
	fd = open(*path_r, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(a, errno, "cannot make %s", *path_r);
	while (done < bytes.n) {
		n = write(fd, bytes.p + done, bytes.n - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			saved = errno;
			close(fd);
			unlink(*path_r);
			return err_errno(a, saved, "cannot write %s", *path_r);
		}
		done += (size_t)n;
	}
	close(fd);
	slash = strrchr(*path_r, '/');
	*r_r = state_replica_alloc(local, slash + 1);
	return NULL;
}

struct err *
state_replica_meta(struct arena *a, struct state_replica *r,
    struct state_db *db)
{
	struct str key, value;
	uint64_t schema = 0;
	unsigned seen = 0;
	struct state_q q;
	struct err *e;

	state_q_begin(&q, db, a,
	    "SELECT key, value FROM meta"
	    " WHERE key IN ('seq', 'txid', 'schema', 'sum')",
	    "");
	while (state_q_row(&q)) {
		key = state_q_str(&q, 0);
		value = state_q_str(&q, 1);
		if (str_eq_c(key, "seq"))
			seen += str_u64(value, &r->seq);
		else if (str_eq_c(key, "txid"))
			seen += txid_parse(value, &r->txid);
		else if (str_eq_c(key, "sum"))
			seen += str_hex_u64(value, &r->sum);
		else
			seen += str_u64(value, &schema);
	}
	e = state_q_end(&q);
	if (e != NULL)
		return e;
	r->schema = (uint32_t)schema;
	if (seen == 4)
		return NULL;
	db->damaged = true;
	return err_new(a, ERR_CORRUPT, "the local replica is damaged",
	    "meta is incomplete");
}

static struct err *
state_replica_is_ours(struct arena *a, struct state_replica *r,
    const struct state_ident *id)
{
	struct str share = STR_NONE, key = STR_NONE;
	struct state_q q;
	struct err *e;

	state_q_begin(&q, &r->rw, a,
	    "SELECT key, value FROM meta WHERE key IN ('share', 'key')", "");
	while (state_q_row(&q)) {
		if (str_eq_c(state_q_str(&q, 0), "share"))
			share = state_q_str(&q, 1);
		else
			key = state_q_str(&q, 1);
	}
	e = state_q_end(&q);
	if (e != NULL)
		return e;
	if (str_eq_c(share, id->share) && str_eq_c(key, id->key))
		return NULL;
	return err_new(a, ERR_FOREIGN,
	    "the local replica belongs to another cluster",
	    "share " STR_FMT ", key " STR_FMT, STR_ARG(share), STR_ARG(key));
}

static struct err *
state_replica_init(struct arena *a, struct state_replica *r,
    const struct state_ident *id)
{
	char zero[TXID_HEX + 1];
	struct err *e;

	txid_hex(&(struct txid){ { 0 } }, zero);
	e = state_exec(&r->rw, a, "BEGIN IMMEDIATE");
	if (e == NULL)
		e = state_exec(&r->rw, a, state_schema_local);
	if (e == NULL)
		e = state_run(&r->rw, a,
		    "INSERT INTO meta (key, value) VALUES ('seq', '0'),"
		    " ('txid', ?), ('schema', '0'), ('share', ?),"
		    " ('key', ?), ('sum', '0')",
		    "ttt", str_c(zero), str_c(id->share), str_c(id->key));
	if (e == NULL)
		e = state_exec(&r->rw, a, "COMMIT");
	return e;
}

struct err *
state_replica_new(struct arena *a, const struct state_ident *id,
    const char *local, const struct rnd *rnd, struct state_replica **r_r)
{
	struct state_replica *r;
	const char *path;
	struct err *e;

	*r_r = NULL;
	e = state_replica_make(a, local, rnd, STR_NONE, &r, &path);
	if (e != NULL)
		return e;
	e = state_replica_connect(a, &r->rw, path, SQLITE_OPEN_READWRITE);
	if (e == NULL)
		e = state_replica_pragmas(a, r, id);
	if (e == NULL)
		e = state_replica_init(a, r, id);
	if (e == NULL)
		e = state_replica_meta(a, r, &r->rw);
	if (e != NULL) {
		state_replica_free(&r, true);
		return e;
	}
	*r_r = r;
	return NULL;
}

static bool
state_replica_target(const char *local, char *name_r, size_t size)
{
	char path[4096];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/" STATE_LINK, local);
	n = readlink(path, name_r, size - 1);
	if (n <= 0)
		return false;
	name_r[n] = '\0';
	return strchr(name_r, '/') == NULL;
}

static struct err *
state_replica_verify(struct arena *a, struct state_replica *r)
{
	struct str first = STR_NONE;
	struct state_q q;
	struct err *e;
	uint64_t sum;

	state_q_begin(&q, &r->rw, a, "PRAGMA integrity_check(1)", "");
	if (state_q_row(&q))
		first = state_q_str(&q, 0);
	e = state_q_end(&q);
	if (e == NULL && !str_eq_c(first, "ok"))
		e = err_new(a, ERR_CORRUPT, "the local replica is damaged",
		    STR_FMT, STR_ARG(first));
	if (e == NULL)
		e = state_replica_meta(a, r, &r->rw);
	if (e == NULL)
		e = state_sum_all(&r->rw, a, &sum);
	if (e == NULL && sum != r->sum)
		e = err_new(a, ERR_CORRUPT, "the local replica is damaged",
		    "the sum of its values is wrong");
	return e;
}

struct err *
state_replica_open(struct arena *a, const struct state_ident *id,
    const char *local, bool check, struct state_replica **r_r)
{
	struct state_replica *r;
	char name[40];
	struct err *e;
	int tries;

	*r_r = NULL;
	/* Between our look at the link and the open, another process may put
	 * a new replica in its place and remove the one we saw. */
	for (tries = 0;; tries++) {
		if (!state_replica_target(local, name, sizeof(name)))
			return err_new(a, ERR_NOENT,
			    "there is no local replica", NULL);
		r = state_replica_alloc(local, name);
		e = state_replica_connect(a, &r->rw,
		    state_replica_path(a, local, name), SQLITE_OPEN_READWRITE);
		if (e == NULL || tries == 3 || !state_replica_is_replaced(r))
			break;
		state_replica_free(&r, false);
	}
	if (e == NULL)
		e = state_replica_pragmas(a, r, id);
	if (e == NULL && check)
		e = state_replica_verify(a, r);
	if (e == NULL)
		e = state_replica_is_ours(a, r, id);
	if (e == NULL)
		e = state_replica_meta(a, r, &r->rw);
	if (e != NULL) {
		state_replica_free(&r, false);
		return e;
	}
	*r_r = r;
	return NULL;
}

static struct err *
state_replica_deserialize(struct arena *a, struct state_replica *r,
    struct str bytes)
{
	unsigned char *p = sqlite3_malloc64(bytes.n);

	if (p == NULL)
		panic("out of memory in SQLite");
	memcpy(p, bytes.p, bytes.n);
	/* File format bytes: WAL needs a file. */
	p[18] = p[19] = 1;
	return state_db_err(&r->rw, a,
	    sqlite3_deserialize(r->rw.h, "main", p, (sqlite3_int64)bytes.n,
		(sqlite3_int64)bytes.n,
		SQLITE_DESERIALIZE_FREEONCLOSE |
		    SQLITE_DESERIALIZE_RESIZEABLE));
}

struct err *
state_replica_restore(struct arena *a, const struct state_ident *id,
    const char *local, const struct rnd *rnd, struct str bytes,
    struct state_replica **r_r)
{
	struct state_replica *r;
	const char *path;
	struct err *e;

	*r_r = NULL;
	if (bytes.n < 512)
		return err_new(a, ERR_CORRUPT,
		    "the snapshot of the state is not a database", NULL);
	e = state_replica_make(a, local, rnd, bytes, &r, &path);
	if (e != NULL)
		return e;
	e = state_replica_connect(a, &r->rw, path, SQLITE_OPEN_READWRITE);
	if (e == NULL && local == NULL)
		e = state_replica_deserialize(a, r, bytes);
	if (e == NULL)
		e = state_replica_pragmas(a, r, id);
	if (e == NULL)
		e = state_replica_is_ours(a, r, id);
	if (e == NULL)
		e = state_replica_meta(a, r, &r->rw);
	if (e != NULL) {
		state_replica_free(&r, true);
		return e;
	}
	*r_r = r;
	return NULL;
}

struct err *
state_replica_publish(struct arena *a, struct state_replica *r,
    const struct state_replica *old)
{
	char *tmp, *path;
	char before[40];
	bool had;

	if (r->local == NULL)
		return NULL;
	had = state_replica_target(r->local, before, sizeof(before));
	path = state_replica_path(a, r->local, STATE_LINK);
	/* r's own name makes the temporary one unique. */
	tmp = arena_printf(a, "%s/%s.link", r->local, r->name);
	if (symlink(r->name, tmp) != 0)
		return err_errno(a, errno, "cannot make %s", tmp);
	if (rename(tmp, path) != 0) {
		int saved = errno;

		unlink(tmp);
		return err_errno(a, saved, "cannot replace %s", path);
	}
	if (had && strcmp(before, r->name) != 0)
		state_replica_unlink(r->local, before);
	if (old != NULL && strcmp(old->name, r->name) != 0)
		state_replica_unlink(r->local, old->name);
	return NULL;
}

void
state_replica_free(struct state_replica **r, bool remove)
{
	struct state_replica *x = *r;

	*r = NULL;
	if (x == NULL)
		return;
	sqlite3_close(x->ro.h);
	sqlite3_close(x->rw.h);
	if (remove && x->local != NULL)
		state_replica_unlink(x->local, x->name);
	free(x->local);
	free(x);
}

bool
state_replica_is_replaced(const struct state_replica *r)
{
	char name[40];

	if (r->local == NULL)
		return false;
	return !state_replica_target(r->local, name, sizeof(name)) ||
	       strcmp(name, r->name) != 0;
}

struct err *
state_replica_reader(struct arena *a, struct state_replica *r,
    struct state_db **db_r)
{
	struct err *e;

	*db_r = &r->rw;
	if (r->local == NULL)
		return NULL;
	*db_r = &r->ro;
	if (r->ro.h != NULL)
		return NULL;
	e = state_replica_connect(a, &r->ro,
	    state_replica_path(a, r->local, r->name), SQLITE_OPEN_READONLY);
	return e != NULL ? e : state_exec(&r->ro, a, "PRAGMA query_only = ON");
}

struct err *
state_replica_txid_at(struct arena *a, struct state_replica *r, uint64_t seq,
    struct txid *x_r)
{
	struct state_q q;

	*x_r = (struct txid){ { 0 } };
	state_q_begin(&q, &r->rw, a, "SELECT txid FROM applied WHERE seq = ?",
	    "u", seq);
	if (state_q_row(&q) && !txid_parse(state_q_str(&q, 0), x_r))
		r->rw.damaged = true;
	return state_q_end(&q);
}

struct err *
state_replica_has_txid(struct arena *a, struct state_replica *r,
    const struct txid *x, bool *yes_r)
{
	char hex[TXID_HEX + 1];

	txid_hex(x, hex);
	return state_exists(&r->rw, a, yes_r,
	    "SELECT 1 FROM applied WHERE txid = ?", "t", str_c(hex));
}

void
state_replica_sweep(const char *local, int64_t wall_s)
{
	char target[40];
	struct dirent *d;
	struct stat sb;
	DIR *dir;

	if (!state_replica_target(local, target, sizeof(target)))
		return;
	dir = opendir(local);
	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL) {
		if (strncmp(d->d_name, "state.", 6) != 0 ||
		    strcmp(d->d_name, STATE_LINK) == 0 ||
		    strncmp(d->d_name, target, strlen(target)) == 0)
			continue;
		if (fstatat(dirfd(dir), d->d_name, &sb, AT_SYMLINK_NOFOLLOW) !=
			0 ||
		    sb.st_mtime + STATE_LEFTOVER_S > wall_s)
			continue;
		unlinkat(dirfd(dir), d->d_name, 0);
	}
	closedir(dir);
}
