/* wq_book.c - the queue workload's observer: what was accepted, sent, said */
#include "wq.h"

#include <stdio.h>
#include <stdlib.h>

unsigned
wq_mail_new(struct sim_world *w, unsigned tag, unsigned rcpts)
{
	struct wq_book *b = wq_book(w);

	if (b->n == b->size) {
		b->size = b->size == 0 ? 64 : b->size * 2;
		b->mails = xrealloc(b->mails, b->size, sizeof(*b->mails));
	}
	b->mails[b->n] = (struct wq_mail){ .tag = tag, .rcpt_n = rcpts };
	return b->n++;
}

unsigned
wq_accepted(struct sim_node *n, unsigned mail, const struct queue_message *m,
    const struct err *e)
{
	struct wq_mail *x = &wq_book(n->w)->mails[mail];

	x->txid = m->txid;
	x->bucket = m->bucket;
	x->status = e == NULL			? WQ_ACKED
		    : journal_err_is_verdict(e) ? WQ_REFUSED
						: WQ_UNKNOWN;
	sim_say(n->w, n, "message %u into bucket %u: %s", x->tag, x->bucket,
	    err_name(err_code(e)));
	return mail;
}

/* --- rows --- */

/* "m<tag>-r<place>@..." of messages; DSNs are to "f<tag>-<bits>" and
 * "d<tag>-<bits>". */
static unsigned
wq_dsn_new(struct sim_node *n, const struct queue_message *m)
{
	struct wq_book *b = wq_book(n->w);
	unsigned of, bits, mail;
	char kind;
	char *text = xcalloc(m->rcpts[0].address.n + 1, 1);

	memcpy(text, m->rcpts[0].address.p, m->rcpts[0].address.n);
	if (sscanf(text, "%c%u-%u@", &kind, &of, &bits) != 3)
		sim_fail(n->w, "a row that nobody made: %s", text);
	free(text);
	mail = wq_mail_new(n->w, ++b->tags, 1);
	b->mails[mail].dsn = true;
	b->mails[mail].delay = kind == 'd';
	b->mails[mail].of = of;
	b->mails[mail].of_rcpts = bits;
	b->mails[mail].txid = m->txid;
	b->mails[mail].ordinal = m->ordinal;
	b->mails[mail].bucket = m->bucket;
	b->mails[mail].status = WQ_UNKNOWN;
	if (sim_below(n->w, 4) == 0) {
		b->mails[mail].rcpts[0].fate = WQ_LATER_TAKES;
		b->mails[mail].rcpts[0].later = 1;
	}
	b->dsns++;
	sim_say(n->w, n, "message %u is a DSN (%c) of %u, recipients %u",
	    b->tags, kind, of, bits);
	return mail;
}

unsigned
wq_mail_of_row(struct sim_node *n, const struct queue_message *m)
{
	struct wq_book *b = wq_book(n->w);

	for (unsigned i = b->n; i-- > 0;)
		if (b->mails[i].ordinal == m->ordinal &&
		    txid_eq(&b->mails[i].txid, &m->txid))
			return i;
	if (m->ordinal > 0)
		return wq_dsn_new(n, m);
	/* its commit has not come back: the tag is in the address */
	for (unsigned i = b->n; i-- > 0;) {
		char want[32];

		snprintf(want, sizeof(want), "m%u-r", b->mails[i].tag);
		if (b->mails[i].status == WQ_OPEN &&
		    str_starts(m->rcpts[0].address, str_c(want)))
			return i;
	}
	sim_fail(n->w, "%s: a row that nobody made: %.*s", n->name,
	    STR_ARG(m->rcpts[0].address));
}

struct wq_snapshot {
	unsigned n;
	struct wq_mail mails[];
};

struct wq_snapshot *
wq_snapshot(struct task *t, struct sim_node *n)
{
	struct wq_book *b = wq_book(n->w);
	struct wq_snapshot *s = arena_alloc(task_arena(t),
	    sizeof(*s) + b->n * sizeof(struct wq_mail));

	s->n = b->n;
	if (b->n > 0)
		memcpy(s->mails, b->mails, b->n * sizeof(struct wq_mail));
	return s;
}

static void
wq_observe_row(struct sim_node *n, const struct queue_message *m,
    const struct wq_snapshot *s)
{
	unsigned i = wq_mail_of_row(n, m);
	struct wq_mail *x = &wq_book(n->w)->mails[i];

	x->seen = true;
	if (x->status == WQ_REFUSED)
		sim_fail(n->w, "message %u was refused, and is a row for %s",
		    x->tag, n->name);
	if (i < s->n && (s->mails[i].removed || s->mails[i].finished))
		sim_fail(n->w, "message %u was %s, and is a row for %s", x->tag,
		    s->mails[i].removed ? "removed" : "done with", n->name);
	if (m->rcpt_n != x->rcpt_n)
		sim_fail(n->w, "message %u has %u recipients for %s", x->tag,
		    m->rcpt_n, n->name);
	for (unsigned k = 0; i < s->n && k < m->rcpt_n; k++)
		if (s->mails[i].rcpts[k].done_token != 0 &&
		    m->rcpts[k].state == QUEUE_WAITING)
			sim_fail(n->w,
			    "recipient %u of message %u was done with, and "
			    "waits for %s",
			    k, x->tag, n->name);
}

void
wq_observe(struct sim_node *n, struct queue_bucket *b,
    const struct wq_snapshot *s)
{
	struct wq_book *book = wq_book(n->w);

	for (unsigned i = 0; i < queue_bucket_count(b); i++)
		wq_observe_row(n, queue_bucket_nth(b, i), s);
	for (unsigned i = 0; i < s->n; i++) {
		const struct wq_mail *x = &book->mails[i];

		if (s->mails[i].status != WQ_ACKED ||
		    x->bucket != queue_bucket_number(b) || x->removing)
			continue;
		if (queue_bucket_find(b, &x->txid, x->ordinal) != NULL)
			continue;
		/* gone: then somebody has tried all of its recipients */
		for (unsigned k = 0; k < x->rcpt_n; k++)
			if (x->rcpts[k].attempts == 0)
				sim_fail(n->w,
				    "message %u was accepted, and is no row "
				    "for %s",
				    x->tag, n->name);
	}
}

void
wq_attempt(struct sim_node *n, unsigned mail, unsigned rcpt, uint64_t token)
{
	struct wq_mail *x = &wq_book(n->w)->mails[mail];
	struct wq_rcpt *r = &x->rcpts[rcpt];

	/* Whoever claimed later knows every outcome there was before. */
	if (r->done_token != 0 && token >= r->done_token)
		sim_fail(n->w,
		    "%s (token %llu) sends message %u, recipient %u, again: "
		    "token %llu was done with it",
		    n->name, (unsigned long long)token, x->tag, rcpt,
		    (unsigned long long)r->done_token);
	r->attempts++;
	r->lost++; /* until its outcome is acknowledged */
	wq_book(n->w)->sent++;
}

/* --- at the end --- */

static unsigned
wq_dsns_of(const struct wq_book *b, unsigned tag, unsigned rcpt, bool delay)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->n; i++)
		n += b->mails[i].dsn && b->mails[i].delay == delay &&
		     b->mails[i].of == tag &&
		     (b->mails[i].of_rcpts >> rcpt & 1) != 0;
	return n;
}

static void
wq_check_rcpt(struct sim_world *w, const struct wq_mail *x, unsigned k)
{
	const struct wq_book *b = wq_book(w);
	const struct wq_rcpt *r = &x->rcpts[k];
	bool takes = r->fate == WQ_TAKES || r->fate == WQ_LATER_TAKES;
	unsigned failed = wq_dsns_of(b, x->tag, k, false),
		 delays = wq_dsns_of(b, x->tag, k, true);

	if (failed > 1 || delays > 1)
		sim_fail(w, "message %u, recipient %u: %u DSNs, %u of delay",
		    x->tag, k, failed, delays);
	if (r->told_acked && delays == 0)
		sim_fail(w,
		    "message %u, recipient %u: the DSN of delay is "
		    "nowhere",
		    x->tag, k);
	if (takes && !x->dsn && failed > 0)
		sim_fail(w, "message %u, recipient %u: delivered and bounced",
		    x->tag, k);
	if (x->status == WQ_REFUSED && r->attempts > 0)
		sim_fail(w, "message %u was refused, and sent", x->tag);
	/* Never more than one copy too many for each outcome that was lost. */
	if (r->copies > r->lost + 1)
		sim_fail(w,
		    "message %u, recipient %u: %u copies, %u attempts "
		    "were cut short",
		    x->tag, k, r->copies, r->lost);
	if (x->removing || x->kept || (x->status != WQ_ACKED && !x->seen))
		return;
	if (takes && r->copies == 0)
		sim_fail(w, "message %u, recipient %u: accepted and lost",
		    x->tag, k);
	if (!takes && failed == 0)
		sim_fail(w, "message %u, recipient %u: failed without a DSN",
		    x->tag, k);
}

void
wq_check(struct sim_world *w)
{
	const struct wq_book *b = wq_book(w);

	for (unsigned i = 0; i < b->n; i++)
		for (unsigned k = 0; k < b->mails[i].rcpt_n; k++)
			wq_check_rcpt(w, &b->mails[i], k);
	sim_say(w, NULL, "%u messages, %u DSNs, %u attempts, %u by zombies",
	    b->n, b->dsns, b->sent, b->zombies);
}
