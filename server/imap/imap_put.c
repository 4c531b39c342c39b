/* imap_put.c - writing IMAP's data types */
#include <time.h>

#include "server/imap/imap.h"

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE: 7-bit text without line breaks. */
static bool
imap_put_can_quote(struct str s)
{
	if (s.n > IMAP_QUOTED_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\0' || c == '\r' || c == '\n' || c >= 0x80)
			return false;
	}
	return true;
}

static void
imap_put_quoted(struct buf *b, struct str s)
{
	buf_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_char(b, '\\');
		buf_char(b, s.p[i]);
	}
	buf_char(b, '"');
}

void
imap_put_string(struct buf *b, struct str s)
{
	if (imap_put_can_quote(s)) {
		imap_put_quoted(b, s);
		return;
	}
	buf_fmt(b, "{%zu}\r\n", s.n);
	/* CHAR8 has no NUL: what stands for it keeps the length. */
	for (size_t i = 0; i < s.n; i++)
		buf_char(b, s.p[i] == '\0' ? (char)0x80 : s.p[i]);
}

void
imap_put_nstring(struct buf *b, struct str s)
{
	if (s.p == NULL)
		buf_c(b, "NIL");
	else
		imap_put_string(b, s);
}

/* An astring that may go without quotes; NIL would be read as nothing. */
static bool
imap_put_is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr("(){%*\"\\[]", s.p[i]) != NULL)
			return false;
	return s.n > 0 && !str_case_eq_c(s, "NIL");
}

void
imap_put_mailbox(struct buf *b, struct str name)
{
	struct buf text;

	buf_init(&text, NULL, name.n * 5 + 8);
	imap_utf7_put(&text, name);
	if (imap_put_is_plain(buf_str(&text)))
		buf_str_add(b, buf_str(&text));
	else
		imap_put_quoted(b, buf_str(&text));
	buf_free(&text);
}

void
imap_put_uidset(struct buf *b, const struct uidset *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (i > 0)
			buf_char(b, ',');
		buf_u64(b, s->r[i].lo);
		if (s->r[i].hi == s->r[i].lo)
			continue;
		buf_char(b, ':');
		buf_u64(b, s->r[i].hi);
	}
}

void
imap_put_date(struct buf *b, int64_t wall_s)
{
	time_t when = (time_t)wall_s;
	struct tm tm;

	/* date-year has four digits. */
	if (gmtime_r(&when, &tm) == NULL || tm.tm_year < -1900 ||
	    tm.tm_year > 9999 - 1900) {
		when = 0;
		gmtime_r(&when, &tm);
	}
	buf_fmt(b, "\"%2d-%s-%04d %02d:%02d:%02d +0000\"", tm.tm_mday,
	    imap_months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
}
