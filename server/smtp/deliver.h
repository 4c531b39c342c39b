/* deliver.h - mail flow: one message to mailboxes here, and to elsewhere */
#ifndef SERVER_SMTP_DELIVER_H
#define SERVER_SMTP_DELIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/task.h"
#include "server/smtp/filter.h"
#include "server/smtp/smtp_parse.h"
#include "server/smtp/smtp_trace.h"

/*
 * deliver_new() at MAIL, deliver_rcpt() for every RCPT, then deliver_begin(),
 * deliver_add() while the message comes, deliver_commit().  Mail for accounts
 * here needs no queue: when deliver_commit() says DELIVER_OK the message is one
 * durable file and one entry in the journal of each account (DESIGN 10).
 *
 * A message goes through the queue as a whole (one file, one entry, whoever its
 * recipients are) if one of them is elsewhere, or if its sender asked to be
 * told of its delivery: then 250 is one entry, too, never half of the
 * recipients.
 *
 * Who gets it, whether he exists and has room is decided at RCPT: what RCPT
 * accepted is delivered, a little over quota if need be.  The accounts are
 * opened there, blind: a known one costs no call, and DATA then the five of
 * DESIGN 12.
 *
 * Decisions:
 *
 * - A known account may be known as it was a while ago.  One that is near its
 *   quota (another message of message.max_size, or DELIVER_NEAR_MESSAGES, might
 *   fill it) is brought up to date before it is judged, which is one call more;
 *   one that was far from it gets this message, and is up to date then.
 * - An address that stands for several accounts is over quota when all of them
 *   are.  One full mailbox must neither keep a group from getting its mail nor
 *   lose a copy: it gets it.
 * - An account that forwards and keeps a copy (state_forward.h) keeps none
 * while it is full, unless nobody else has room either: else its owner could
 * have what his quota forbids.  One that has filled up while its copy was in
 * the queue loses that, and nobody is told: the message went on.
 * - Elsewhere is where an alias, group or account of ours leads to, and, for
 * who has logged in, any address in a domain that is not ours.  Nobody else's
 * mail goes there (DELIVER_FOREIGN), however the address is written.
 * - Who stands for several addresses tells nobody who they are: that they were
 *   reached is not reported (NOTIFY=SUCCESS), that they were not is.
 * - postmaster and abuse of every domain of ours are accepted (RFC 5321, 4.5.1;
 *   RFC 2142) even if neither the domain nor the setting domain.postmaster says
 *   who reads them.  Then the mail is kept in an account of the share that has
 *   no address, DELIVER_HOLD_ID, with a warning per message: nobody's private
 *   mailbox is guessed at, nothing is lost, and whoever administrates the
 *   cluster finds plain files in accounts/po/postmaster/msg, which shoalctl
 *   account import takes.
 * - <postmaster> without a domain is, in this order: postmaster@ the domain of
 *   ours this host's name lies in, the setting, postmaster@ the first domain,
 *   the account above.
 * - "%", "!" and "@" in a local part ask for relaying in old languages.  Unless
 *   somebody is called exactly so they are refused as such, whoever the
 *   catch-all is.
 * - If some accounts have the message and others, accepted at RCPT, do not:
 *   while any of those is undecided the answer is 4xx (the repeat may then
 *   duplicate, DESIGN 10); if all of those are gone for good it is 250, since
 *   5xx would have the sender told that nobody got it.
 * - A message that one of its accounts had before (its own Delivered-To, see
 *   smtp_trace.h) is refused for all in SMTP, where there is one answer, and
 *   for that account in LMTP.  What one account forwards elsewhere says so in
 *   the same way, and is not forwarded again when it comes round.
 */
#define DELIVER_HOLD_ID "postmaster"
#define DELIVER_HOLD_BYTES (1ULL << 30)
#define DELIVER_HOLD_MESSAGES 100000
#define DELIVER_ACCOUNTS_MAX 5000 /* of one message */
#define DELIVER_NEAR_MESSAGES 100
/*
 * How long the share may take, before the sender is told to try again: opening
 * accounts at RCPT, one piece of the message, the commit (of which another
 * JOURNAL_GIVEUP_MS may go into learning its outcome).  Clients wait ten
 * minutes for the last answer (RFC 5321, 4.5.3.2.6), but an outage that lasts
 * is better spent in their queues than in our connections, and what is here can
 * be drained in time.
 */
#define DELIVER_RCPT_MS 10000
#define DELIVER_WRITE_MS 20000
#define DELIVER_COMMIT_MS 15000
#define DELIVER_ABORT_MS 5000 /* removing what was written */

enum deliver_verdict {
	DELIVER_OK,
	DELIVER_TEMP,	   /* the share is away, outcome unknown */
	DELIVER_FULL,	   /* the share is full */
	DELIVER_OVERQUOTA, /* the mailbox is full */
	DELIVER_DEFERRED,  /* a filter says so: deliver_said() */
	DELIVER_CIRCLE,	   /* the alias leads to itself, or to too many */
	DELIVER_MANY,	   /* more accounts than one message may have */
	DELIVER_UNKNOWN,   /* nobody */
	DELIVER_FOREIGN,   /* not ours: no relay */
	DELIVER_SUSPENDED, /* the domain */
	DELIVER_NO_DOMAIN, /* the address has none */
	DELIVER_CLOSED,	   /* the group, for this sender */
	DELIVER_REJECTED,  /* a filter says so: deliver_said() */
	DELIVER_TOO_BIG,
	DELIVER_LOOP,
	DELIVER_NOT_YOURS, /* From names another's address */
	DELIVER_BAD_BYTES, /* bare CR, NUL */
	DELIVER_BARE_LF,
	DELIVER_SMUGGLE, /* an end of data that is none */
	DELIVER_VERDICTS
};
/* Whether the sender is to try again. */
bool deliver_is_temporary(enum deliver_verdict v);

struct deliver;
struct worker;

/* client NULL: nothing is known of who brings it. */
struct deliver *deliver_new(struct worker *w, const struct smtp_mail *mail,
    const struct filter_client *client);
/* Not while a message is being written (deliver_abort first): must not yield,
 * so that a connection can be closed with it. */
void deliver_free(struct deliver **d);

struct str deliver_from(const struct deliver *d);
bool deliver_is_utf8(const struct deliver *d);
/* Of the message so far; its Message-ID, or empty. */
uint64_t deliver_bytes(const struct deliver *d);
struct str deliver_message_id(const struct deliver *d);
/* What filters said for the trace. */
struct filter_note;
const struct filter_note *deliver_notes(const struct deliver *d, unsigned *n_r);
/* Recipients accepted so far, in order; one accepted twice counts twice. */
unsigned deliver_rcpt_count(const struct deliver *d);
struct str deliver_rcpt_address(const struct deliver *d, unsigned i);
enum deliver_verdict deliver_rcpt_verdict(const struct deliver *d, unsigned i);

may_yield must_check enum deliver_verdict deliver_rcpt(struct task *t,
    struct deliver *d, const struct smtp_rcpt *rcpt);

/*
 * There is a recipient.  tr: what the session knows; from, delivered_to, rcpt,
 * by and date are filled in here.  What goes wrong from here on is remembered
 * and said by deliver_commit(): the client has to be read to its end anyway.
 */
may_yield void deliver_begin(struct task *t, struct deliver *d,
    struct smtp_trace *tr);
bool deliver_is_begun(const struct deliver *d);
may_yield void deliver_add(struct task *t, struct deliver *d, const void *p,
    size_t n);
/* The message is not to be had, whatever else comes of it. */
void deliver_refuse(struct deliver *d, enum deliver_verdict v);
/* Whether its bytes are still wanted. */
enum deliver_verdict deliver_state(const struct deliver *d);
/*
 * The verdict for the whole message; deliver_rcpt_verdict() then is each
 * recipient's.  apart: each recipient is answered for himself (LMTP).
 */
may_yield must_check enum deliver_verdict deliver_commit(struct task *t,
    struct deliver *d, bool apart);
may_yield void deliver_abort(struct task *t, struct deliver *d);
/* The filter's words behind DELIVER_DEFERRED and _REJECTED. */
void deliver_said(const struct deliver *d, unsigned *code_r,
    const char **enhanced_r, const char **text_r);
/* Its name in the queue, after the commit; empty: it is not there. */
struct str deliver_queue_id(const struct deliver *d);

#endif
