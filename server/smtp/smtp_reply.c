/* smtp_reply.c - outcomes as the client's words */
#include "base/log.h"
#include "server/net/counts.h"
#include "server/smtp/smtp.h"
#include "server/smtp/smtp_dialogue.h"

#define SMTP_LOG_BYTES 300 /* an address has no more */

/* [of the sender, of a recipient] */
static const struct smtp_reply smtp_syntax_replies[SMTP_SYNTAXES][2] = {
	[SMTP_OK] = { { 250, "2.1.0", "sender ok", 0 },
	    { 250, "2.1.5", "recipient ok", 0 } },
	[SMTP_BAD_COMMAND] = { { 501, "5.5.4",
				   "syntax: MAIL FROM:<address> [parameters]",
				   0 },
	    { 501, "5.5.4", "syntax: RCPT TO:<address>", 0 } },
	[SMTP_BAD_PATH] = { { 501, "5.1.7", "this is not an address in <>", 0 },
	    { 501, "5.1.3", "this is not an address in <>", 0 } },
	[SMTP_LONG_PATH] = { { 501, "5.1.7", "address too long", 0 },
	    { 501, "5.1.3", "address too long", 0 } },
	[SMTP_BAD_PARAM] = { { 555, "5.5.4", "a parameter that was not offered",
				 0 },
	    { 555, "5.5.4", "a parameter that was not offered", 0 } },
	[SMTP_BAD_VALUE] = { { 501, "5.5.4",
				 "a parameter is wrong, or given twice", 0 },
	    { 501, "5.5.4", "a parameter is wrong, or given twice", 0 } },
};

struct smtp_reply
smtp_reply_syntax(enum smtp_syntax bad, bool rcpt)
{
	return smtp_syntax_replies[bad][rcpt];
}

static const struct smtp_reply smtp_verdict_replies[DELIVER_VERDICTS] = {
	[DELIVER_OK] = { 250, "2.0.0", "delivered", 0 },
	[DELIVER_TEMP] = { 451, "4.3.0",
	    "mail system unavailable for the moment, try again", 0 },
	[DELIVER_FULL] = { 452, "4.3.1", "mail system full, try again", 0 },
	[DELIVER_OVERQUOTA] = { 452, "4.2.2", "mailbox full", 0 },
	[DELIVER_DEFERRED] = { 451, "4.7.1", "not now, try again", 0 },
	[DELIVER_CIRCLE] = { 451, "4.3.5",
	    "this address leads in a circle, or to too many others", 0 },
	[DELIVER_MANY] = { 452, "4.5.3", "too many recipients", 0 },
	[DELIVER_UNKNOWN] = { 550, "5.1.1", "no such mailbox here", 0 },
	[DELIVER_FOREIGN] = { 550, "5.7.1",
	    "not a domain of ours, and we do not relay", 0 },
	[DELIVER_SUSPENDED] = { 550, "5.2.1", "this domain is suspended", 0 },
	[DELIVER_NO_DOMAIN] = { 501, "5.1.3", "the address has no domain", 0 },
	[DELIVER_CLOSED] = { 550, "5.7.2", "you may not write to this group",
	    0 },
	[DELIVER_REJECTED] = { 550, "5.7.1", "not wanted", SMTP_BLAMELESS },
	[DELIVER_TOO_BIG] = { 552, "5.3.4", "message too big", SMTP_BLAMELESS },
	[DELIVER_LOOP] = { 554, "5.4.6", "mail loop", SMTP_BLAMELESS },
	[DELIVER_NOT_YOURS] = { 550, "5.7.1",
	    "the From field names an address that is not yours",
	    SMTP_BLAMELESS },
	[DELIVER_BAD_BYTES] = { 550, "5.6.0",
	    "the message has a bare CR or a NUL", 0 },
	[DELIVER_BARE_LF] = { 550, "5.6.0",
	    "the message has a bare LF: lines end in CRLF", 0 },
	[DELIVER_SMUGGLE] = { 550, "5.5.2",
	    "a dot between bare CR or LF is no end of data", SMTP_CLOSE },
};

struct smtp_reply
smtp_reply_verdict(enum deliver_verdict v, bool rcpt)
{
	if (v == DELIVER_OK && rcpt)
		return smtp_syntax_replies[SMTP_OK][true];
	return smtp_verdict_replies[v];
}

void
smtp_put(struct task *t, struct smtp_session *s, const struct smtp_reply *r)
{
	/* mail, not mistakes in commands: those are 50x, and 421 is about the
	 * connection */
	if (r->code / 10 == 45)
		stat_add(s->w->counts, STAT_DEFERRED, 1);
	if (r->code / 10 == 55)
		stat_add(s->w->counts, STAT_REJECTED, 1);
	smtp_dialogue_said(s, r);
	conn_printf(t, s->c, "%u %s%s%s\r\n", r->code,
	    r->enhanced != NULL ? r->enhanced : "",
	    r->enhanced != NULL ? " " : "", r->text);
}

void
smtp_log_refused(struct task *t, const struct smtp_session *s, struct str verb,
    struct str rcpt, const struct smtp_reply *r)
{
	char peer[NET_TEXT_MAX];

	log_info(t, "refused", LOG_STR("command", verb), LOG_STR("rcpt", rcpt),
	    LOG_STR("from",
		s->deliver != NULL ? deliver_from(s->deliver) : STR_NONE),
	    LOG_U64("reply", r->code), LOG_C("enhanced", r->enhanced),
	    LOG_C("text", r->text), LOG_C("hello", s->hello),
	    LOG_C("peer", net_addr_text(conn_peer(s->c), peer)));
}
