/* share.h - the one directory tree all nodes see, as handles and calls */
#ifndef STORAGE_SHARE_SHARE_H
#define STORAGE_SHARE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/task.h"

/*
 * The share is what an NFSv3 server offers (RFC 1813): file handles, and calls
 * that each may be executed, executed twice, executed late or not at all.
 * Backends: share_nfs.h (libnfs raw NFSv3), share_posix.h (a local directory),
 * and the simulation's.  Wrappers speak the same interface: share_count.h,
 * share_fault.h.
 *
 * Verdicts.  Only success, and ERR_EXIST of an exclusive name, say that
 * something happened; ERR_NOENT of a look-up says what was true at that moment.
 * ERR_UNKNOWN and ERR_IO mean *outcome unknown*, never "did not happen": the
 * call may have executed, or may yet execute.  ERR_UNAVAIL and ERR_CONN mean
 * that nothing was sent.  NOSPC, DQUOT, ROFS, ACCESS: the server refused (but a
 * server may answer an error after having executed; a journal therefore treats
 * every answer to SYMLINK but OK and EXIST as unknown).  NFS3ERR_JUKEBOX is
 * repeated by the backend.  Every call ends within the backend's timeout
 * (SHARE_TIMEOUT_MS): no call waits for ever.
 *
 * Connections.  Calls travel on lanes, each a connection of its own, so that a
 * 25 MB read never delays a lease.  Calls of one lane that are started in one
 * turn travel together; a server may execute them in any order, and answers may
 * come in any order.  Every lane has a connection number (share_conn) that rises
 * whenever its connection is re-made *or the server's write verifier changed*
 * (then all lanes get new numbers): whatever was concluded on an older number
 * may be gone.  A call with pin != 0 is sent only on that connection, else
 * ERR_CONN.  A backend re-made its connection only after it found the share's
 * UUID there again (share_expect): a wrong export is ERR_FOREIGN.
 *
 * A handle that leads nowhere is ERR_STALE: the caller walks again from the
 * root.  There are no path walks per call.
 */
#define SHARE_FH_MAX 256	/* NFSv3 has 64; posix puts a relative path in */
#define SHARE_NAME_MAX 255
#define SHARE_SYMLINK_MAX 1000	/* bytes of printable ASCII (XFS: 1023) */
#define SHARE_ONE_WRITE_MAX (256 * 1024) /* up to here one FILE_SYNC WRITE */
#define SHARE_READ_MAX (1024 * 1024)	/* of one share_read; backends split */
#define SHARE_TIMEOUT_MS 10000

struct share;

struct share_fh {
	uint16_t n;
	unsigned char data[SHARE_FH_MAX];
};

enum share_type {
	SHARE_REG = 1,
	SHARE_DIR,
	SHARE_LNK,
	SHARE_OTHER
};

struct share_attr {
	enum share_type type;
	uint32_t mode, nlink, uid, gid;
	uint64_t size, fileid;
	int64_t mtime_ns, ctime_ns;	/* the server's clock: compared only for change */
};

struct share_fsstat {
	uint64_t total_bytes, free_bytes, total_files, free_files;
};

struct share_dirent {
	struct str name;
	uint64_t fileid;
	const struct share_fh *fh;	/* if op.plus and the server gave it */
	struct share_dirent *next;
};

enum share_lane {
	SHARE_LANE_COMMIT,	/* journals: commit, verify, barrier, poll */
	SHARE_LANE_BULK,	/* message and segment files */
	SHARE_LANE_LEASE,	/* leases and locks */
	SHARE_LANE_ADMIN,	/* checks, sweeps, removal */
	SHARE_LANES
};

enum share_proc {
	SHARE_LOOKUP,
	SHARE_GETATTR,
	SHARE_READ,
	SHARE_READLINK,
	SHARE_READDIR,
	SHARE_CREATE,	/* UNCHECKED, for random names: idempotent */
	SHARE_WRITE,
	SHARE_COMMIT,
	SHARE_SYMLINK,	/* exclusive: fails with ERR_EXIST */
	SHARE_LINK,
	SHARE_RENAME,
	SHARE_REMOVE,
	SHARE_MKDIR,
	SHARE_RMDIR,
	SHARE_FSSTAT,
	SHARE_PROCS
};

/*
 * fh is the directory for calls that have a name in it, else the object.  LINK:
 * fh is the file, to and to_name the new name.  RENAME: fh and name the old, to
 * and to_name the new one.  FSSTAT: fh is the root.
 */

/*
 * One call.  The caller owns it (usually on its stack) from share_start() until
 * share_finish() returned; several may be under way at once.  Inputs are not
 * copied by the caller's side: names, text and data must live as long.
 */
struct share_op {
	/* in */
	enum share_proc proc;
	enum share_lane lane;
	uint64_t pin;			/* 0, or the only connection to use */
	struct share_fh fh;		/* directory, or the object itself */
	struct share_fh to;		/* LINK, RENAME: target directory */
	struct str name, to_name;
	struct str text;		/* SYMLINK text */
	const void *data;		/* WRITE */
	void *into;			/* READ: at least length bytes */
	uint64_t offset;
	uint32_t length;
	bool stable;			/* WRITE: FILE_SYNC, else UNSTABLE */
	uint32_t mode;			/* CREATE, MKDIR */
	struct arena *arena;		/* READLINK, READDIR results, err */
	uint64_t cookie, cookie_verf;	/* READDIR: backend's own, start at 0;
					 * the next part's are left here */
	bool plus;			/* READDIR: READDIRPLUS, handles too */

	/* out */
	struct err *err;
	uint64_t conn;			/* connection it was sent on; 0: not sent */
	struct share_fh fh_r;		/* LOOKUP, CREATE, SYMLINK, MKDIR */
	struct share_attr attr_r;	/* of the object: LOOKUP, GETATTR, READ,
					 * CREATE, WRITE, SYMLINK if attr_ok */
	bool attr_ok;
	struct share_attr dir_attr_r;	/* LOOKUP (also on ERR_NOENT), READDIR */
	bool dir_attr_ok;
	uint32_t count_r;		/* READ, WRITE (a WRITE may be short) */
	bool eof_r;			/* READ, READDIR */
	uint64_t verf_r;		/* WRITE, COMMIT */
	struct str text_r;		/* READLINK */
	struct share_dirent *entries_r;	/* READDIR: this call's part, in order */
	struct share_fsstat fsstat_r;

	/* the awaiting side's */
	struct task *task;
	bool done;
	/* wrappers and backends: instead of waking the task; next in a list;
	 * private pointers */
	void (*complete)(struct share_op *op);
	struct share_op *next;
	void *backend[4];
};

/* Begin a call; never yields, never fails visibly (the failure is in op->err
 * after share_finish).  Names that are not plain names, texts and sizes over the
 * limits above are ERR_INVALID, whatever the backend. */
void share_start(struct task *t, struct share *s, struct share_op *op);
/* Wait for it; returns op->err. */
may_yield must_check struct err *share_finish(struct task *t,
    struct share_op *op);

/* The root directory's handle. */
const struct share_fh *share_root(const struct share *s);
/* Present connection number of a lane (0: none yet). Rises, never repeats. */
uint64_t share_conn(const struct share *s, enum share_lane lane);
/* From now on a (re)connect must find this UUID in SHOAL. */
void share_expect(struct share *s, const unsigned char uuid[16]);
/* For messages: the URL without secrets. */
const char *share_name(const struct share *s);
/* Drop all connections on purpose (tests; suspicion): outcomes of what is
 * under way become unknown. */
void share_reconnect(struct share *s);
/* Ends what is under way with ERR_UNKNOWN, frees backend and wrappers. */
void share_close(struct share **s);

/*
 * One call each: share_start + share_finish.  Results a caller does not want
 * (attr_r, fh_r, eof_r, verf_r, conn_r, dir_attr_r) may be NULL.
 */
may_yield must_check struct err *share_lookup(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *dir, struct str name,
    struct share_fh *fh_r, struct share_attr *attr_r);
may_yield must_check struct err *share_getattr(struct task *t,
    struct share *s, enum share_lane lane, const struct share_fh *fh,
    struct share_attr *attr_r);
/* One READ (split into several only when length is over the server's rtmax):
 * *count_r may be short only at the end of the file. */
may_yield must_check struct err *share_read(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *fh, uint64_t offset,
    void *into, uint32_t length, uint32_t *count_r, bool *eof_r);
/* Text in the task's arena. */
may_yield must_check struct err *share_readlink(struct task *t,
    struct share *s, enum share_lane lane, const struct share_fh *fh,
    struct str *text_r);
/* The whole directory, without . and .., at most max_entries (ERR_LIMIT);
 * share_readdirplus with handles where the server gives them. */
may_yield must_check struct err *share_readdir(struct task *t,
    struct share *s, enum share_lane lane, const struct share_fh *dir,
    unsigned max_entries, struct share_dirent **entries_r,
    struct share_attr *dir_attr_r);
may_yield must_check struct err *share_readdirplus(struct task *t,
    struct share *s, enum share_lane lane, const struct share_fh *dir,
    unsigned max_entries, struct share_dirent **entries_r,
    struct share_attr *dir_attr_r);
may_yield must_check struct err *share_create(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *dir, struct str name,
    struct share_fh *fh_r);
/* All of it (a short WRITE is continued), FILE_SYNC if stable. */
may_yield must_check struct err *share_write(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *fh, uint64_t offset,
    const void *data, size_t n, bool stable, uint64_t *verf_r);
may_yield must_check struct err *share_commit(struct task *t,
    struct share *s, enum share_lane lane, const struct share_fh *fh,
    uint64_t *verf_r);
may_yield must_check struct err *share_symlink(struct task *t,
    struct share *s, enum share_lane lane, const struct share_fh *dir,
    struct str name, struct str text, struct share_fh *fh_r, uint64_t *conn_r);
may_yield must_check struct err *share_link(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *file,
    const struct share_fh *dir, struct str name);
may_yield must_check struct err *share_rename(struct task *t,
    struct share *s, enum share_lane lane, const struct share_fh *from_dir,
    struct str from, const struct share_fh *to_dir, struct str to);
may_yield must_check struct err *share_remove(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *dir, struct str name);
may_yield must_check struct err *share_mkdir(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *dir, struct str name,
    struct share_fh *fh_r);
may_yield must_check struct err *share_rmdir(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *dir, struct str name);
may_yield must_check struct err *share_fsstat(struct task *t, struct share *s,
    enum share_lane lane, struct share_fsstat *st_r);

/* share_helper.c - what is built from several calls */

/* Outcome unknown: repeat or look, never conclude. */
bool share_err_is_unknown(const struct err *e);
/* Worth repeating later: unknown, unavailable, connection, no space, quota. */
bool share_err_is_temporary(const struct err *e);

/*
 * For loops over harmless (idempotent) calls: true after a short, growing,
 * jittered pause if e is an outcome that a repeat may settle (unknown, EIO,
 * connection), tries are left and the task's deadline has not passed.  Not for
 * ERR_UNAVAIL: the backend has waited already.  *tries starts at 0.
 */
may_yield bool share_retry(struct task *t, const struct err *e,
    unsigned *tries);

/* Walk "a/b/c" from the root. */
may_yield must_check struct err *share_walk(struct task *t, struct share *s,
    enum share_lane lane, struct str path, struct share_fh *fh_r,
    struct share_attr *attr_r);
/* mkdir -p; EXIST and unknown outcomes are settled by looking. */
may_yield must_check struct err *share_mkdir_path(struct task *t,
    struct share *s, enum share_lane lane, struct str path,
    struct share_fh *fh_r);

/*
 * A file of a random name, durable when this returns NULL: CREATE, then one
 * FILE_SYNC WRITE up to SHARE_ONE_WRITE_MAX, else UNSTABLE WRITEs (several at a
 * time) and one COMMIT whose verifier equals that of every write, else
 * ERR_UNKNOWN.  Unknown outcomes of single calls are repeated (all idempotent)
 * until the task's deadline or SHARE_PUT_TRIES.
 */
#define SHARE_PUT_TRIES 5
may_yield must_check struct err *share_put(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *dir, struct str name,
    const void *data, size_t n, struct share_fh *fh_r);

/* The same while the bytes come in; memory is bounded by three writes. */
struct share_stream;
may_yield must_check struct err *share_stream_open(struct task *t,
    struct share *s, enum share_lane lane, const struct share_fh *dir,
    struct str name, struct share_stream **st_r);
may_yield must_check struct err *share_stream_add(struct task *t,
    struct share_stream *st, const void *data, size_t n);
/*
 * Other bytes in place of n that were added before, among the first
 * SHARE_ONE_WRITE_MAX (else ERR_LIMIT): these stay in memory until the close,
 * so that no byte of the file is ever written twice.  (A WRITE may be executed
 * again much later, and would undo one that came after it.)
 */
must_check struct err *share_stream_patch(struct task *t,
    struct share_stream *st, uint64_t offset, const void *data, size_t n);
/* Durable when NULL; frees the stream either way. */
may_yield must_check struct err *share_stream_close(struct task *t,
    struct share_stream **st, struct share_fh *fh_r, uint64_t *size_r);
/* Leaves the file to be swept. */
void share_stream_abort(struct share_stream **st);

/* The whole file into the arena; more than max bytes is ERR_LIMIT. */
may_yield must_check struct err *share_get(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *dir, struct str name,
    uint64_t max_bytes, struct arena *a, struct str *data_r);
may_yield must_check struct err *share_get_fh(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *fh, uint64_t size,
    uint64_t max_bytes, struct arena *a, struct str *data_r);
/* Remove; a name that is not there is success. */
may_yield must_check struct err *share_remove_quiet(struct task *t,
    struct share *s, enum share_lane lane, const struct share_fh *dir,
    struct str name);
/* What time it is for the server: from the attributes of a new file in dir,
 * which is removed again. */
may_yield must_check struct err *share_clock(struct task *t, struct share *s,
    enum share_lane lane, const struct share_fh *dir, int64_t *now_s_r);

#endif
