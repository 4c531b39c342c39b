/* share_err.c - what the share's refusals are called */
#include <stdarg.h>
#include <stdio.h>

#include "storage/share/share_private.h"

static const struct {
	enum err_code code;
	const char *text;
} share_err_texts[] = { { ERR_NOENT, "the share has no such file" },
	{ ERR_EXIST, "the name exists on the share" },
	{ ERR_NOTDIR, "a directory of the share is not a directory" },
	{ ERR_ISDIR, "a file of the share is a directory" },
	{ ERR_NOTEMPTY, "a directory of the share is not empty" },
	{ ERR_STALE, "a file of the share went away" },
	{ ERR_MLINK, "a file of the share has too many links" },
	{ ERR_XDEV, "the share spans several file systems" },
	{ ERR_NOSPC, "the share is full" },
	{ ERR_DQUOT, "the storage server's quota is used up" },
	{ ERR_ROFS, "the share is read-only" },
	{ ERR_ACCESS, "the share denies access" },
	{ ERR_NAMETOOLONG, "a name is too long for the share" },
	{ ERR_IO, "the share reports an I/O error" },
	{ ERR_UNKNOWN, "the share did not answer" },
	{ ERR_UNAVAIL, "the share cannot be reached" },
	{ ERR_CONN, "the connection to the share was re-made" },
	{ ERR_FOREIGN, "the server shows another share" },
	{ ERR_CONFLICT, "a directory of the share changed meanwhile" },
	{ ERR_INVALID, "the share refuses the request" },
	{ ERR_SYSTEM, "the share cannot be used" } };

struct err *
share_err(struct arena *a, enum err_code code, const char *detail_fmt, ...)
{
	const char *text = "the share reports an error";
	char detail[300];
	va_list ap;

	for (unsigned i = 0; i < countof(share_err_texts); i++)
		if (share_err_texts[i].code == code)
			text = share_err_texts[i].text;
	if (detail_fmt == NULL)
		return err_new(a, code, text, NULL);
	va_start(ap, detail_fmt);
	vsnprintf(detail, sizeof(detail), detail_fmt, ap);
	va_end(ap);
	return err_new(a, code, text, "%s", detail);
}
