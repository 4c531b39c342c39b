/* err.c - failures: one kind for every layer */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const err_names[ERR_CODES] = {
	[ERR_NONE] = "none",
	[ERR_NOENT] = "noent",
	[ERR_EXIST] = "exist",
	[ERR_NOTDIR] = "notdir",
	[ERR_ISDIR] = "isdir",
	[ERR_NOTEMPTY] = "notempty",
	[ERR_STALE] = "stale",
	[ERR_MLINK] = "mlink",
	[ERR_XDEV] = "xdev",
	[ERR_NOSPC] = "nospc",
	[ERR_DQUOT] = "dquot",
	[ERR_ROFS] = "rofs",
	[ERR_ACCESS] = "access",
	[ERR_NAMETOOLONG] = "nametoolong",
	[ERR_IO] = "io",
	[ERR_UNKNOWN] = "unknown",
	[ERR_UNAVAIL] = "unavail",
	[ERR_CONN] = "conn",
	[ERR_FOREIGN] = "foreign",
	[ERR_CORRUPT] = "corrupt",
	[ERR_FORMAT] = "format",
	[ERR_FORK] = "fork",
	[ERR_HELD] = "held",
	[ERR_VOIDED] = "voided",
	[ERR_CLOSED] = "closed",
	[ERR_OVERQUOTA] = "overquota",
	[ERR_NOTFOUND] = "notfound",
	[ERR_DUPLICATE] = "duplicate",
	[ERR_CONFLICT] = "conflict",
	[ERR_READONLY] = "readonly",
	[ERR_LOST] = "lost",
	[ERR_INVALID] = "invalid",
	[ERR_LIMIT] = "limit",
	[ERR_TIMEOUT] = "timeout",
	[ERR_DENIED] = "denied",
	[ERR_SYSTEM] = "system",
};

static const struct {
	int errnum;
	enum err_code code;
} err_errnos[] = {
	{ ENOENT, ERR_NOENT },
	{ EEXIST, ERR_EXIST },
	{ ENOTDIR, ERR_NOTDIR },
	{ EISDIR, ERR_ISDIR },
	{ ENOTEMPTY, ERR_NOTEMPTY },
	{ ESTALE, ERR_STALE },
	{ EMLINK, ERR_MLINK },
	{ EXDEV, ERR_XDEV },
	{ ENOSPC, ERR_NOSPC },
	{ EDQUOT, ERR_DQUOT },
	{ EROFS, ERR_ROFS },
	{ EACCES, ERR_ACCESS },
	{ EPERM, ERR_ACCESS },
	{ ENAMETOOLONG, ERR_NAMETOOLONG },
	{ EIO, ERR_IO },
	{ ETIMEDOUT, ERR_TIMEOUT },
};

/* vprintf into an arena. */
static char *
err_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		panic("vsnprintf refuses \"%s\"", fmt);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	return p;
}

static struct err *
err_make(struct arena *a, enum err_code code)
{
	struct err *e = arena_new_obj(a, struct err);

	invariant(code > ERR_NONE && code < ERR_CODES);
	e->code = code;
	return e;
}

struct err *
err_new(struct arena *a, enum err_code code, const char *text,
    const char *detail_fmt, ...)
{
	struct err *e = err_make(a, code);
	va_list ap;

	e->text = arena_strdup(a, text);
	if (detail_fmt != NULL) {
		va_start(ap, detail_fmt);
		e->detail = err_vprintf(a, detail_fmt, ap);
		va_end(ap);
	}
	return e;
}

struct err *
err_newf(struct arena *a, enum err_code code, const char *text_fmt, ...)
{
	struct err *e = err_make(a, code);
	va_list ap;

	va_start(ap, text_fmt);
	e->text = err_vprintf(a, text_fmt, ap);
	va_end(ap);
	return e;
}

struct err *
err_wrap(struct arena *a, struct err *e, const char *fmt, ...)
{
	struct err *w;
	char *context;
	va_list ap;

	if (e == NULL)
		return NULL;
	w = err_make(a, e->code);
	va_start(ap, fmt);
	context = err_vprintf(a, fmt, ap);
	va_end(ap);
	w->text = arena_printf(a, "%s: %s", context, e->text);
	w->detail = e->detail;
	return w;
}

enum err_code
err_code_of_errno(int errnum)
{
	for (size_t i = 0; i < countof(err_errnos); i++) {
		if (err_errnos[i].errnum == errnum)
			return err_errnos[i].code;
	}
	return ERR_SYSTEM;
}

struct err *
err_errno(struct arena *a, int errnum, const char *fmt, ...)
{
	struct err *e = err_make(a, err_code_of_errno(errnum));
	char why[128];
	va_list ap;

	va_start(ap, fmt);
	e->text = err_vprintf(a, fmt, ap);
	va_end(ap);
	e->detail = arena_strdup(a, strerror_r(errnum, why, sizeof(why)));
	return e;
}

const char *
err_name(enum err_code code)
{
	if ((unsigned)code >= ERR_CODES || err_names[code] == NULL)
		return "unnamed";
	return err_names[code];
}

void
err_panic(const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	dprintf(2, "%s:%d: %s\n", file, line, text);
	abort();
}
