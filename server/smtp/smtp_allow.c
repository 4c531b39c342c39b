/* smtp_allow.c - how much an account may submit */
#include "server/cluster/hints.h"
#include "server/net/counts.h"
#include "server/smtp/smtp.h"
#include "storage/state_domain.h"

/*
 * What was accepted is told to the other nodes, so that it counts wherever the
 * account submits next; what is told gets there a moment later, or not at all,
 * so a little more may pass.  On this node what is on its way counts as well:
 * many sessions at once gain nothing.
 */
#define SMTP_HOUR 3600
#define SMTP_DAY 86400

static uint64_t
smtp_allow_key(const struct smtp_session *s, const char *what, int64_t period)
{
	struct str id = str_c(s->account);
	unsigned char b[8 + 64];
	size_t n = id.n < 64 ? id.n : 64;

	memcpy(b, &period, 8);
	memcpy(b + 8, id.p, n);
	return counts_key(what, b, (uint32_t)(8 + n));
}

static struct smtp_reply
smtp_allow(bool yes, const char *text)
{
	if (yes)
		return (struct smtp_reply){ 250, NULL, NULL, 0 };
	return (struct smtp_reply){ 450, "4.7.1", text, 0 };
}

/* What the domain of who is logged in says; if that cannot be read, what any
 * domain says at first. */
static void
smtp_allow_rules(struct task *t, const struct smtp_session *s,
    struct state_domain_rules *r_r)
{
	struct str address = str_c(s->address);
	ptrdiff_t at = str_chr(address, '@');

	if (at >= 0 &&
	    state_domain_rules(task_arena(t), s->w->state,
		str_sub(address, (size_t)at + 1, address.n), r_r) == NULL)
		return;
	*r_r = (struct state_domain_rules){ .outgoing = true,
		.recipients_per_day = STATE_RECIPIENTS_DEFAULT };
}

struct smtp_reply
smtp_allow_message(struct task *t, const struct smtp_session *s)
{
	uint64_t max = worker_setting(s->w, STATE_SUBMISSION_MESSAGES);
	struct state_domain_rules rules;
	uint64_t key;

	if (s->account == NULL)
		return smtp_allow(true, NULL);
	smtp_allow_rules(t, s, &rules);
	if (!rules.outgoing)
		return (struct smtp_reply){ 550, "5.7.1",
			"your domain may not send", 0 };
	if (max == 0)
		return smtp_allow(true, NULL);
	key = smtp_allow_key(s, "sent.messages", task_wall_s(t) / SMTP_HOUR);
	return smtp_allow(counts_tally(s->w->counts, key) < max,
	    "you have sent as many messages as you may in an hour");
}

struct smtp_reply
smtp_allow_rcpt(struct task *t, const struct smtp_session *s)
{
	uint64_t max = worker_setting(s->w, STATE_SUBMISSION_RCPTS);
	struct state_domain_rules rules;
	uint64_t sum;

	if (s->account == NULL)
		return smtp_allow(true, NULL);
	smtp_allow_rules(t, s, &rules);
	if (rules.recipients_per_day != STATE_RECIPIENTS_DEFAULT)
		max = (uint64_t)rules.recipients_per_day;
	if (max == 0)
		return smtp_allow(true, NULL);
	sum = counts_tally(s->w->counts,
		  smtp_allow_key(s, "sent.rcpts", task_wall_s(t) / SMTP_DAY)) +
	      (uint64_t)counts_get(s->w->counts,
		  smtp_allow_key(s, "sent.now", 0));
	return smtp_allow(sum < max,
	    "you have written to as many recipients as you may in a day");
}

void
smtp_allow_begin(struct smtp_session *s)
{
	if (s->account == NULL)
		return;
	counts_add(s->w->counts, smtp_allow_key(s, "sent.now", 0), 1);
	s->counted++;
}

void
smtp_allow_drop(struct smtp_session *s)
{
	if (s->counted > 0)
		counts_add(s->w->counts, smtp_allow_key(s, "sent.now", 0),
		    -(int64_t)s->counted);
	s->counted = 0;
}

static void
smtp_allow_tell(struct task *t, const struct smtp_session *s, uint64_t key,
    unsigned n)
{
	counts_tally_add(s->w->counts, key, n, task_now_ms(t) / 1000);
	hints_tally(s->w->hints, key, n);
}

void
smtp_allow_end(struct task *t, struct smtp_session *s)
{
	if (s->account == NULL)
		return;
	smtp_allow_tell(t, s,
	    smtp_allow_key(s, "sent.messages", task_wall_s(t) / SMTP_HOUR), 1);
	smtp_allow_tell(t, s,
	    smtp_allow_key(s, "sent.rcpts", task_wall_s(t) / SMTP_DAY),
	    s->counted);
	smtp_allow_drop(s);
}
