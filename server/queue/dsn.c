/* dsn.c - delivery status notifications (RFC 3461, 3464, 6522, 6533) */
#include "server/queue/dsn.h"

#include "server/queue/answer.h"
#include "mime/date.h"

bool
dsn_is_wanted(const struct queue_message *m, const struct queue_rcpt *r,
    enum dsn_action action)
{
	unsigned asked = r->notify;

	if (m->from.n == 0 || (m->flags & QUEUE_BOUNCE) != 0 ||
	    (asked & QUEUE_NOTIFY_NEVER) != 0)
		return false;
	switch (action) {
	case DSN_FAILED:
		return asked == 0 || (asked & QUEUE_NOTIFY_FAILURE) != 0;
	case DSN_DELAYED:
		return asked == 0 || (asked & QUEUE_NOTIFY_DELAY) != 0;
	case DSN_DELIVERED:
	case DSN_RELAYED:
		return (asked & QUEUE_NOTIFY_SUCCESS) != 0;
	}
	return false;
}

/* --- how much of it --- */

static bool
dsn_has(const struct dsn_rcpt *rcpts, unsigned n, enum dsn_action action)
{
	for (unsigned i = 0; i < n; i++)
		if (rcpts[i].action == action)
			return true;
	return false;
}

static bool
dsn_is_whole(const struct queue_message *m, const struct dsn_rcpt *rcpts,
    unsigned n)
{
	/* RFC 3461, 4.3: RET is about failures alone */
	return (m->flags & QUEUE_FULL) != 0 && m->bytes <= DSN_FULL_MAX &&
	       dsn_has(rcpts, n, DSN_FAILED);
}

uint64_t
dsn_original_bytes(const struct queue_message *m, const struct dsn_rcpt *rcpts,
    unsigned n)
{
	uint64_t max =
	    dsn_is_whole(m, rcpts, n) ? DSN_FULL_MAX : DSN_HEADER_MAX;

	return m->bytes < max ? m->bytes : max;
}

struct str
dsn_header(struct str message)
{
	size_t end = 0;

	for (size_t i = 0; i + 1 < message.n; i++) {
		if (message.p[i] != '\r' || message.p[i + 1] != '\n')
			continue;
		if (i == end) /* the empty line */
			break;
		end = i + 2;
	}
	return str_sub(message, 0, end);
}

/* --- what is UTF-8 --- */

static bool
dsn_is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static bool
dsn_is_utf8(const struct dsn *d, struct str header)
{
	if (!dsn_is_ascii(d->m->from) || !dsn_is_ascii(d->m->envid))
		return true;
	for (unsigned i = 0; i < d->n; i++) {
		const struct queue_rcpt *r = d->rcpts[i].rcpt;

		if (!dsn_is_ascii(r->via.n > 0 ? r->via : r->address) ||
		    !dsn_is_ascii(r->original))
			return true;
	}
	return (d->m->flags & QUEUE_UTF8) != 0 && !dsn_is_ascii(header);
}

/* --- writing --- */

/* Text from elsewhere, as part of a line of ours. */
static void
dsn_text(struct buf *b, struct str s, bool utf8)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c == 0x7f || (c >= 0x80 && !utf8))
			c = '?';
		buf_char(b, (char)c);
	}
}

static void
dsn_date(struct buf *b, const char *name, int64_t wall_s)
{
	buf_fmt(b, "%s: ", name);
	mime_date_write(b, wall_s);
	buf_c(b, "\r\n");
}

static const char *
dsn_subject(const struct dsn *d)
{
	if (dsn_has(d->rcpts, d->n, DSN_FAILED))
		return "Mail could not be delivered";
	if (dsn_has(d->rcpts, d->n, DSN_DELAYED))
		return "Mail is delayed";
	return "Mail was delivered";
}

static void
dsn_write_header(struct buf *b, const struct dsn *d, bool utf8, bool body8)
{
	dsn_date(b, "Date", d->now_s);
	buf_fmt(b, "From: Mail Delivery System <MAILER-DAEMON@" STR_FMT ">\r\n",
	    STR_ARG(d->host));
	buf_c(b, "To: <");
	dsn_text(b, d->m->from, utf8);
	buf_fmt(b, ">\r\nSubject: %s\r\n", dsn_subject(d));
	buf_fmt(b, "Message-ID: <" STR_FMT ".dsn@" STR_FMT ">\r\n",
	    STR_ARG(d->unique), STR_ARG(d->host));
	buf_c(b, "Auto-Submitted: auto-replied\r\n"
		 "MIME-Version: 1.0\r\n"
		 "Content-Type: multipart/report; "
		 "report-type=delivery-status;\r\n");
	buf_fmt(b, "\tboundary=\"=_" STR_FMT "\"\r\n", STR_ARG(d->unique));
	if (body8)
		buf_c(b, "Content-Transfer-Encoding: 8bit\r\n");
	buf_c(b, "\r\n");
}

static void
dsn_write_part(struct buf *b, const struct dsn *d, const char *type, bool eight)
{
	buf_fmt(b, "--=_" STR_FMT "\r\nContent-Type: %s\r\n",
	    STR_ARG(d->unique), type);
	if (eight)
		buf_c(b, "Content-Transfer-Encoding: 8bit\r\n");
	buf_c(b, "\r\n");
}

static struct str
dsn_name(const struct queue_rcpt *r)
{
	return r->via.n > 0 ? r->via : r->address;
}

/* --- for people --- */

static const struct {
	enum dsn_action action;
	const char *says, *word;
} dsn_actions[] = {
	{ DSN_FAILED,
	    "Your message could not be delivered to these addresses, and "
	    "will not be\r\ntried again:\r\n",
	    "failed" },
	{ DSN_DELAYED,
	    "Your message could not be delivered to these addresses yet.  It "
	    "is tried\r\nagain; you need not send it again:\r\n",
	    "delayed" },
	{ DSN_DELIVERED, "Your message was delivered to these addresses:\r\n",
	    "delivered" },
	{ DSN_RELAYED,
	    "Your message was handed to the mail systems of these addresses, "
	    "which do\r\nnot report what becomes of it:\r\n",
	    "relayed" },
};

static void
dsn_write_person(struct buf *b, const struct dsn_rcpt *r, bool utf8)
{
	struct answer an;

	buf_c(b, "\r\n  <");
	dsn_text(b, dsn_name(r->rcpt), utf8);
	buf_c(b, ">\r\n");
	answer_parse(r->answer, &an);
	if (an.text.n + an.status.n == 0)
		return;
	buf_c(b, "    ");
	if (an.host.n > 0) {
		dsn_text(b, an.host, utf8);
		buf_c(b, an.code != 0 ? " said: " : ": ");
	}
	if (an.code != 0)
		buf_fmt(b, "%u ", an.code);
	if (an.status.n > 0) {
		dsn_text(b, an.status, utf8);
		buf_c(b, " ");
	}
	dsn_text(b, an.text, utf8);
	buf_c(b, "\r\n");
}

static void
dsn_write_people(struct buf *b, const struct dsn *d, bool utf8)
{
	dsn_write_part(b, d,
	    utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
	    utf8);
	buf_fmt(b, "This is the mail system of " STR_FMT ".\r\n",
	    STR_ARG(d->host));
	for (unsigned i = 0; i < countof(dsn_actions); i++) {
		bool said = false;

		for (unsigned j = 0; j < d->n; j++) {
			if (d->rcpts[j].action != dsn_actions[i].action)
				continue;
			if (!said)
				buf_fmt(b, "\r\n%s", dsn_actions[i].says);
			said = true;
			dsn_write_person(b, &d->rcpts[j], utf8);
		}
	}
	buf_c(b, "\r\n");
	for (unsigned j = 0; j < d->n; j++)
		if (d->rcpts[j].action == DSN_DELAYED) {
			buf_c(b, "It is given up on ");
			mime_date_write(b, d->rcpts[j].until_s);
			buf_c(b, ".\r\n\r\n");
			break;
		}
}

/* --- for machines --- */

/* RFC 6533, 3: the type says whether it may be UTF-8. */
static void
dsn_address(struct buf *b, const char *field, struct str address, bool utf8)
{
	buf_fmt(b, "%s: %s; ", field,
	    dsn_is_ascii(address) ? "rfc822" : "utf-8");
	dsn_text(b, address, utf8);
	buf_c(b, "\r\n");
}

/* ORCPT has its type in front: "rfc822;alice@example.org". */
static void
dsn_original(struct buf *b, struct str original, bool utf8)
{
	ptrdiff_t at = str_chr(original, ';');

	if (at <= 0)
		return;
	buf_c(b, "Original-Recipient: ");
	dsn_text(b, str_sub(original, 0, (size_t)at), utf8);
	buf_c(b, "; ");
	dsn_text(b, str_trim(str_sub(original, (size_t)at + 1, original.n)),
	    utf8);
	buf_c(b, "\r\n");
}

static enum queue_state
dsn_state(enum dsn_action action)
{
	if (action == DSN_FAILED)
		return QUEUE_FAILED;
	return action == DSN_DELAYED ? QUEUE_WAITING : QUEUE_DELIVERED;
}

static void
dsn_write_rcpt(struct buf *b, const struct dsn_rcpt *r, bool utf8)
{
	struct answer an;

	answer_parse(r->answer, &an);
	buf_c(b, "\r\n");
	dsn_original(b, r->rcpt->original, utf8);
	dsn_address(b, "Final-Recipient", dsn_name(r->rcpt), utf8);
	for (unsigned i = 0; i < countof(dsn_actions); i++)
		if (dsn_actions[i].action == r->action)
			buf_fmt(b, "Action: %s\r\n", dsn_actions[i].word);
	buf_c(b, "Status: ");
	dsn_text(b, answer_status(&an, dsn_state(r->action)), utf8);
	buf_c(b, "\r\n");
	if (an.host.n > 0) {
		buf_c(b, "Remote-MTA: dns; ");
		dsn_text(b, an.host, utf8);
		buf_c(b, "\r\n");
	}
	if (an.code != 0) {
		buf_fmt(b, "Diagnostic-Code: smtp; %u ", an.code);
		if (an.status.n > 0) {
			dsn_text(b, an.status, utf8);
			buf_c(b, " ");
		}
		dsn_text(b, an.text, utf8);
		buf_c(b, "\r\n");
	} else if (an.text.n > 0) {
		buf_c(b, "Diagnostic-Code: x-shoal; ");
		dsn_text(b, an.text, utf8);
		buf_c(b, "\r\n");
	}
	if (r->tried_s > 0)
		dsn_date(b, "Last-Attempt-Date", r->tried_s);
	if (r->action == DSN_DELAYED)
		dsn_date(b, "Will-Retry-Until", r->until_s);
}

static void
dsn_write_status(struct buf *b, const struct dsn *d, bool utf8)
{
	dsn_write_part(b, d,
	    utf8 ? "message/global-delivery-status" : "message/delivery-status",
	    utf8);
	if (d->m->envid.n > 0) {
		buf_c(b, "Original-Envelope-Id: ");
		dsn_text(b, d->m->envid, utf8);
		buf_c(b, "\r\n");
	}
	buf_fmt(b, "Reporting-MTA: dns; " STR_FMT "\r\n", STR_ARG(d->host));
	if (d->m->id.n > 0)
		buf_fmt(b, "X-Shoal-Queue-Id: " STR_FMT "\r\n",
		    STR_ARG(d->m->id));
	dsn_date(b, "Arrival-Date", d->m->arrived_s);
	for (unsigned i = 0; i < d->n; i++)
		dsn_write_rcpt(b, &d->rcpts[i], utf8);
	buf_c(b, "\r\n");
}

void
dsn_write(struct buf *b, const struct dsn *d, unsigned *flags_r)
{
	bool whole = dsn_is_whole(d->m, d->rcpts, d->n);
	struct str header = dsn_header(d->original), back;
	bool utf8 = dsn_is_utf8(d, header), eight;

	back = whole ? d->original : header;
	eight = utf8 || !dsn_is_ascii(back);
	dsn_write_header(b, d, utf8, eight);
	dsn_write_people(b, d, utf8);
	dsn_write_status(b, d, utf8);
	if (whole)
		dsn_write_part(b, d, utf8 ? "message/global" : "message/rfc822",
		    eight);
	else
		dsn_write_part(b, d,
		    utf8 ? "message/global-headers" : "text/rfc822-headers",
		    eight);
	buf_str_add(b, back);
	buf_fmt(b, "\r\n--=_" STR_FMT "--\r\n", STR_ARG(d->unique));
	*flags_r =
	    QUEUE_BOUNCE | (utf8 ? QUEUE_UTF8 : 0) | (eight ? QUEUE_8BIT : 0);
}
