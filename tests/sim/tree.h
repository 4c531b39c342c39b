/* tree.h - the simulated server's files: what was executed, what is durable */
#ifndef SIM_TREE_H
#define SIM_TREE_H

#include "base/rnd.h"
#include "storage/share/share.h"

/*
 * A directory tree in memory that executes the calls of share.h one after the
 * other.  Handles never come back: a name that was removed and made again has
 * another one, and the old one is ERR_STALE.  Nothing is freed before the tree
 * is, so that a crash of the server can undo what was not durable.
 *
 * TREE_HONEST: changes of directories are durable when they have executed, as
 * RFC 1813 demands.  TREE_LAZY: they become durable with the next FILE_SYNC
 * WRITE or COMMIT of any file, or with tree_sync(); a crash loses a suffix of
 * them, in order.  Data of files is durable after FILE_SYNC or COMMIT of that
 * file in both.
 */
enum tree_mode { TREE_HONEST, TREE_LAZY };

struct tree;

/* What an omniscient observer is told.  fn pointers may be NULL. */
struct tree_watch {
	/* A name appeared: made, linked, renamed to; undone: a removal was. */
	void (*appeared)(void *arg, uint64_t dir, struct str name,
	    uint64_t object, bool undone);
	/* A name went; undone: because its making was lost in a crash. */
	void (*vanished)(void *arg, uint64_t dir, struct str name,
	    uint64_t object, bool undone);
	void *arg;
};

/* tick_ns: granularity of the times in attributes; 1: every change gets a time
 * of its own.  page: entries of one READDIR. */
struct tree *tree_new(const struct rnd *r, enum tree_mode mode,
    uint64_t tick_ns, unsigned page);
void tree_free(struct tree **t);
void tree_watch(struct tree *t, const struct tree_watch *w);
void tree_set_now(struct tree *t, uint64_t ns);
void tree_root_fh(const struct tree *t, struct share_fh *fh_r);
/* While set, calls that need space mostly fail with this. ERR_NONE: space. */
void tree_set_full(struct tree *t, enum err_code code);

/* Execute op: fills its out fields (results in op->arena) but err. */
enum err_code tree_exec(struct tree *t, struct share_op *op);
void tree_sync(struct tree *t);
/* A new verifier; lose: what is not durable goes, a suffix of random length. */
void tree_restart(struct tree *t, bool lose);
uint64_t tree_verf(const struct tree *t);

/*
 * The observer's own look, beside all calls.  Objects are numbers, 0: none.
 */
uint64_t tree_find(const struct tree *t, const char *path);
uint64_t tree_child(const struct tree *t, uint64_t dir, struct str name);
uint64_t tree_object_of_fh(const struct share_fh *fh);
struct str tree_content(const struct tree *t, uint64_t object);
/* Whether this name would survive a crash of the server now. */
bool tree_name_is_durable(const struct tree *t, uint64_t dir, struct str name);
bool tree_data_is_durable(const struct tree *t, uint64_t object);
bool tree_is_dir(const struct tree *t, uint64_t object);
bool tree_is_alive(const struct tree *t, uint64_t object);
/* The i-th name of a directory; false behind the last. */
bool tree_nth(const struct tree *t, uint64_t dir, unsigned i,
    struct str *name_r, uint64_t *object_r);
/* The directory's path, for traces; "?" if it is none. */
const char *tree_path(const struct tree *t, uint64_t dir);

#endif
