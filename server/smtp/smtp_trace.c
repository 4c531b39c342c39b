/* smtp_trace.c - the fields final delivery puts on top of a message */
#include "server/smtp/smtp_trace.h"

#include "mime/date.h"

/* What RFC 3848 and RFC 6531, 4.3 registered. */
static const char *
smtp_trace_with(const struct smtp_trace *tr)
{
	/* [lmtp][tls][utf8] */
	static const char *const names[2][2][2] = {
		{ { "ESMTP", "UTF8SMTP" }, { "ESMTPS", "UTF8SMTPS" } },
		{ { "LMTP", "UTF8LMTP" }, { "LMTPS", "UTF8LMTPS" } },
	};
	/* [tls][utf8], of whoever has logged in */
	static const char *const known[2][2] = {
		{ "ESMTPA", "UTF8SMTPA" },
		{ "ESMTPSA", "UTF8SMTPSA" },
	};

	if (tr->authenticated)
		return known[tr->tls_version != NULL][tr->utf8];
	if (!tr->extended)
		return "SMTP";
	return names[tr->lmtp][tr->tls_version != NULL][tr->utf8];
}

static void
smtp_trace_received(struct buf *b, const struct smtp_trace *tr)
{
	buf_c(b, "Received: ");
	if (!tr->hidden)
		buf_fmt(b, "from " STR_FMT " (" STR_FMT ")\r\n\t",
		    STR_ARG(tr->hello),
		    STR_ARG(tr->peer.n > 0 ? tr->peer : STR("local")));
	buf_fmt(b, "by " STR_FMT " with %s", STR_ARG(tr->by),
	    smtp_trace_with(tr));
	if (tr->tls_version != NULL)
		buf_fmt(b, " (%s cipher %s)", tr->tls_version,
		    tr->tls_cipher != NULL ? tr->tls_cipher : "unknown");
	buf_fmt(b, "\r\n\tid " STR_FMT, STR_ARG(tr->id));
	if (tr->rcpt.n > 0)
		buf_fmt(b, "\r\n\tfor <" STR_FMT ">", STR_ARG(tr->rcpt));
	buf_c(b, ";\r\n\t");
	mime_date_write(b, tr->date);
	buf_c(b, "\r\n");
}

void
smtp_trace_write(struct buf *b, const struct smtp_trace *tr)
{
	if (!tr->relay)
		buf_fmt(b, "Return-Path: <" STR_FMT ">\r\n", STR_ARG(tr->from));
	if (tr->delivered_to.n > 0)
		buf_fmt(b, "Delivered-To: " STR_FMT "\r\n",
		    STR_ARG(tr->delivered_to));
	smtp_trace_received(b, tr);
}
