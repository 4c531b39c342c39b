/* lastlogin.c - when an account was used last, noted beside its journal */
#include "storage/lastlogin.h"

#include <stdio.h>

#include "base/crypto.h"
#include "storage/account_private.h"

#define LASTLOGIN_FILE "login"

/* --- the line --- */

static struct str
lastlogin_word(struct str s)
{
	if (s.n == 0 || s.n > LASTLOGIN_WORD_MAX)
		return STR("-");
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return STR("-");
	return s;
}

void
lastlogin_format(const struct lastlogin *l, char *text)
{
	char line[LASTLOGIN_BYTES + 1];
	struct str protocol = lastlogin_word(l->protocol);
	struct str ip = lastlogin_word(l->ip);
	int n = snprintf(line, sizeof(line), "1 %lld " STR_FMT " " STR_FMT " ",
	    (long long)(l->at > 0 ? l->at : 0), STR_ARG(protocol), STR_ARG(ip));

	/* two words of 63 and all the rest are too many: the address goes */
	if (n + 9 > LASTLOGIN_BYTES)
		n = snprintf(line, sizeof(line), "1 %lld " STR_FMT " - ",
		    (long long)(l->at > 0 ? l->at : 0), STR_ARG(protocol));
	memset(text, ' ', LASTLOGIN_BYTES);
	memcpy(text, line, (size_t)n);
	snprintf(line + n, sizeof(line) - (size_t)n, "%08x",
	    crc32c(0, line, (size_t)n));
	memcpy(text + n, line + n, 8);
	text[LASTLOGIN_BYTES - 1] = '\n';
}

static bool
lastlogin_crc(struct str before, struct str hex)
{
	char want[9];

	snprintf(want, sizeof(want), "%08x", crc32c(0, before.p, before.n));
	return str_eq_c(hex, want);
}

bool
lastlogin_parse(struct str text, struct lastlogin *l)
{
	struct str rest = text, version, at, crc;
	uint64_t seconds;

	if (text.n != LASTLOGIN_BYTES || text.p[text.n - 1] != '\n' ||
	    !str_split(&rest, ' ', &version) || !str_eq_c(version, "1") ||
	    !str_split(&rest, ' ', &at) || !str_u64(at, &seconds) ||
	    seconds > INT64_MAX / 2 || !str_split(&rest, ' ', &l->protocol) ||
	    !str_split(&rest, ' ', &l->ip))
		return false;
	crc = str_sub(rest, 0, 8);
	/* without a blank behind the address nothing follows it */
	if (crc.n != 8 ||
	    !lastlogin_crc(str_of(text.p, (size_t)(rest.p - text.p)), crc))
		return false;
	l->at = (int64_t)seconds;
	if (str_eq_c(l->ip, "-"))
		l->ip = STR_NONE;
	return true;
}

/* --- the file --- */

static may_yield must_check struct err *
lastlogin_dir(struct task *t, struct mailstore *ms, struct str id,
    struct share_fh *dir)
{
	struct err *e = mailstore_account_dir(t, ms, id, dir);

	return err_is(e, ERR_NOENT) ? err_new(task_arena(t), ERR_NOTFOUND,
					  "there is no such account", NULL)
				    : e;
}

struct err *
lastlogin_write(struct task *t, struct mailstore *ms, struct str id,
    const struct lastlogin *l)
{
	struct share *s = mailstore_share(ms);
	char text[LASTLOGIN_BYTES];
	struct share_fh dir, fh;
	struct err *e = lastlogin_dir(t, ms, id, &dir);

	if (e != NULL)
		return e;
	lastlogin_format(l, text);
	e = share_lookup(t, s, SHARE_LANE_ADMIN, &dir, STR(LASTLOGIN_FILE), &fh,
	    NULL);
	if (err_is(e, ERR_NOENT))
		e = share_create(t, s, SHARE_LANE_ADMIN, &dir,
		    STR(LASTLOGIN_FILE), &fh);
	if (err_is(e, ERR_EXIST)) /* another node was faster */
		e = share_lookup(t, s, SHARE_LANE_ADMIN, &dir,
		    STR(LASTLOGIN_FILE), &fh, NULL);
	if (e == NULL)
		e = share_write(t, s, SHARE_LANE_ADMIN, &fh, 0, text,
		    sizeof(text), true, NULL);
	return e;
}

struct err *
lastlogin_read(struct task *t, struct mailstore *ms, struct str id,
    struct lastlogin *l)
{
	struct share_fh dir;
	struct str text;
	struct err *e = lastlogin_dir(t, ms, id, &dir);

	if (e == NULL)
		e = share_get(t, mailstore_share(ms), SHARE_LANE_ADMIN, &dir,
		    STR(LASTLOGIN_FILE), LASTLOGIN_BYTES, task_arena(t), &text);
	if (e != NULL && !err_is(e, ERR_NOENT) && !err_is(e, ERR_LIMIT))
		return e;
	if (e != NULL || !lastlogin_parse(text, l))
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "no login was noted", NULL);
	return NULL;
}
