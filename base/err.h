/* err.h - failures: one kind for every layer */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"

/*
 * A function that can fail returns struct err *, NULL for success.  An error is
 * made once, where it happens, in the task's arena; wrapped where context is
 * known; returned, not logged; logged once, by the command loop.  text may be
 * shown to a client, detail never.
 */
enum err_code {
	ERR_NONE = 0,
	/* verdicts of the share (see share.h) */
	ERR_NOENT,	/* no such name */
	ERR_EXIST,	/* the name exists */
	ERR_NOTDIR,
	ERR_ISDIR,
	ERR_NOTEMPTY,
	ERR_STALE,	/* the handle leads nowhere: walk again */
	ERR_MLINK,	/* too many links: write the file again */
	ERR_XDEV,	/* other file system: write the file again */
	ERR_NOSPC,
	ERR_DQUOT,	/* the filer's quota, not ours */
	ERR_ROFS,
	ERR_ACCESS,
	ERR_NAMETOOLONG,
	ERR_IO,		/* the server says EIO: it may have executed */
	ERR_UNKNOWN,	/* no answer: it may have executed, may yet execute */
	ERR_UNAVAIL,	/* the share cannot be reached; nothing was sent */
	ERR_CONN,	/* the pinned connection was re-made; nothing was sent */
	ERR_FOREIGN,	/* another share, or none, where ours should be */
	/* storage */
	ERR_CORRUPT,	/* checksum or structure is wrong */
	ERR_FORMAT,	/* written by a newer version: read-only */
	ERR_FORK,	/* a journal's history changed under us */
	ERR_HELD,	/* begun before the newest FORGET */
	ERR_VOIDED,	/* our name was voided: begin again with a new txid */
	ERR_CLOSED,	/* the account is closed */
	ERR_OVERQUOTA,
	ERR_NOTFOUND,	/* no such account, folder, message, ... */
	ERR_DUPLICATE,	/* exists already: account, folder, domain, ... */
	ERR_CONFLICT,	/* changed meanwhile; the caller decides */
	ERR_READONLY,
	ERR_LOST,	/* a lease or lock is not, or no longer, ours */
	/* everything */
	ERR_INVALID,	/* bad input */
	ERR_LIMIT,	/* within the rules, over a limit */
	ERR_TIMEOUT,	/* the task's deadline */
	ERR_DENIED,	/* authentication or authorisation */
	ERR_SYSTEM,	/* a system call failed: detail has errno's text */
	ERR_CODES
};

struct err {
	enum err_code code;
	const char *text;	/* a sentence without full stop; may be shown */
	const char *detail;	/* for the log; may be NULL */
};

/* text is copied; detail_fmt NULL gives no detail. */
struct err *err_new(struct arena *a, enum err_code code, const char *text,
    const char *detail_fmt, ...) must_check printf_like(4, 5);
/* text made from a format (already fit to show). */
struct err *err_newf(struct arena *a, enum err_code code, const char *text_fmt,
    ...) must_check printf_like(3, 4);
/* Same code; the context goes in front of text: "context: text". */
struct err *err_wrap(struct arena *a, struct err *e, const char *fmt, ...)
    must_check printf_like(3, 4);
/* From errno. ENOENT -> ERR_NOENT and so on, else ERR_SYSTEM. */
struct err *err_errno(struct arena *a, int errnum, const char *fmt, ...)
    must_check printf_like(3, 4);
enum err_code err_code_of_errno(int errnum);

/* Short lower case name for logs and JSON: "noent". */
const char *err_name(enum err_code code);

static inline enum err_code
err_code(const struct err *e)
{
	return e == NULL ? ERR_NONE : e->code;
}
static inline bool
err_is(const struct err *e, enum err_code code)
{
	return e != NULL && e->code == code;
}
/* Use with the reason in a comment beside it. */
static inline void
err_ignore(struct err *e)
{
	(void)e;
}

/* A broken invariant: prints the sentence and aborts the worker. */
noreturn_fn void err_panic(const char *file, int line, const char *fmt, ...)
    printf_like(3, 4);
#define panic(...) err_panic(__FILE__, __LINE__, __VA_ARGS__)
#define invariant(c)                                                        \
	((c) ? (void)0 : err_panic(__FILE__, __LINE__, "broken: %s", #c))

#endif
