/* smtp_message.c - a message comes in: what DATA and BDAT share */
#include <stdlib.h>

#include "base/log.h"
#include "server/net/counts.h"
#include "server/smtp/smtp.h"
#include "server/smtp/smtp_data.h"

/* So much of the input buffer at once: what comes out may be twice as long. */
#define SMTP_SLICE_BYTES 16384

struct smtp_message {
	struct smtp_data data;
	struct buf out;
};

void
smtp_message_free(struct smtp_message **m)
{
	if (*m != NULL)
		buf_free(&(*m)->out);
	free(*m);
	*m = NULL;
}

void
smtp_message_begin(struct task *t, struct smtp_session *s, bool dots)
{
	struct smtp_message *m = xcalloc(1, sizeof(*m));
	const struct net_addr *peer = conn_peer(s->c);
	struct smtp_trace tr = {
		.hello = str_c(s->hello),
		.lmtp = s->kind->lmtp,
		.extended = s->extended,
		.authenticated = s->account != NULL,
		.hidden = s->account != NULL &&
			  worker_setting(s->w, STATE_SUBMISSION_HIDE) != 0,
		.tls_version = conn_tls_version(s->c),
		.tls_cipher = conn_tls_cipher(s->c),
	};

	s->message = m;
	s->messages++;
	smtp_data_init(&m->data, dots);
	buf_init(&m->out, NULL, SMTP_DATA_OUT(SMTP_SLICE_BYTES));
	if (peer->family != NET_UNIX)
		tr.peer = net_addr_literal(task_arena(t), peer);
	tr.id = str_c(arena_printf(task_arena(t), "%s-%llu", conn_id(s->c),
	    (unsigned long long)s->messages));
	deliver_begin(t, s->deliver, &tr);
}

static may_yield void
smtp_message_take(struct task *t, struct smtp_session *s, size_t *used_r,
    struct str in)
{
	struct smtp_message *m = s->message;
	struct arena_mark mark = arena_mark(task_arena(t));

	buf_clear(&m->out);
	*used_r = smtp_data_feed(&m->data, in, &m->out);
	invariant(buf_ok(&m->out));
	conn_consume(s->c, *used_r);
	deliver_add(t, s->deliver, m->out.p, m->out.n);
	arena_rewind(task_arena(t), mark);
}

/* m NULL: nobody gets it. */
static may_yield must_check struct err *
smtp_message_pass(struct task *t, struct smtp_session *s,
    struct smtp_message *m, uint64_t left)
{
	struct err *e;

	while (left > 0 && (m == NULL || !m->data.done)) {
		struct str in = conn_buffered(s->c);
		size_t n;

		if (in.n == 0) {
			e = conn_fill(t, s->c);
			if (e != NULL)
				return e;
			continue;
		}
		in = str_sub(in, 0, SMTP_SLICE_BYTES);
		if (in.n > left)
			in.n = (size_t)left;
		n = in.n;
		if (m != NULL)
			smtp_message_take(t, s, &n, in);
		else
			conn_consume(s->c, n);
		left -= n;
	}
	return NULL;
}

static may_yield must_check struct err *
smtp_message_transfer(struct task *t, struct smtp_session *s,
    struct smtp_message *m, uint64_t size)
{
	struct err *e;

	conn_set_input_max(s->c, SMTP_PIECE_BYTES);
	conn_set_idle_timeout(s->c, smtp_timeout_ms(s));
	conn_set_floor(s->c, (uint32_t)worker_setting(s->w, STATE_SMTP_FLOOR));
	e = smtp_message_pass(t, s, m, size);
	conn_set_floor(s->c, 0);
	smtp_set_input_max(s);
	return e;
}

struct err *
smtp_message_read(struct task *t, struct smtp_session *s, uint64_t size)
{
	return smtp_message_transfer(t, s, s->message, size);
}

struct err *
smtp_message_drain(struct task *t, struct smtp_session *s, uint64_t size)
{
	return smtp_message_transfer(t, s, NULL, size);
}

/* --- the end --- */

/* Worst first: the first refusal stays. */
static void
smtp_message_judge(struct smtp_session *s)
{
	unsigned found = s->message->data.found;

	if (found & SMTP_DATA_FALSE_END)
		deliver_refuse(s->deliver, DELIVER_SMUGGLE);
	if (found & (SMTP_DATA_BARE_CR | SMTP_DATA_NUL))
		deliver_refuse(s->deliver, DELIVER_BAD_BYTES);
	if ((found & SMTP_DATA_BARE_LF) && !smtp_bare_lf_is_fine(s))
		deliver_refuse(s->deliver, DELIVER_BARE_LF);
}

static struct smtp_reply
smtp_message_reply(struct task *t, const struct deliver *d,
    enum deliver_verdict v)
{
	struct smtp_reply r = smtp_reply_verdict(v, false);

	if (v == DELIVER_DEFERRED || v == DELIVER_REJECTED) {
		deliver_said(d, &r.code, &r.enhanced, &r.text);
		/* the transaction is over before it is said */
		r.text = arena_strdup(task_arena(t), r.text);
	}
	return r;
}

/* What the client may name when it asks its administrator. */
static const char *
smtp_message_accepted(struct arena *a, const struct smtp_session *s)
{
	struct str queue = deliver_queue_id(s->deliver);
	unsigned long long n = (unsigned long long)s->messages;

	if (queue.n > 0)
		return arena_printf(a, "queued as " STR_FMT ", id %s-%llu",
		    STR_ARG(queue), conn_id(s->c), n);
	return arena_printf(a, "delivered, id %s-%llu", conn_id(s->c), n);
}

/* RFC 2033, 4.2: one for each RCPT that was accepted, in their order. */
static may_yield void
smtp_message_answer(struct task *t, struct smtp_session *s)
{
	struct deliver *d = s->deliver;

	for (unsigned i = 0; i < deliver_rcpt_count(d); i++) {
		struct smtp_reply r =
		    smtp_message_reply(t, d, deliver_rcpt_verdict(d, i));

		if (r.code != 250)
			smtp_log_refused(t, s, STR("DATA"),
			    deliver_rcpt_address(d, i), &r);
		smtp_put(t, s, &r);
	}
}

struct smtp_reply
smtp_message_end(struct task *t, struct smtp_session *s)
{
	struct smtp_message *m = s->message;
	struct smtp_reply r;

	if (!m->data.done) { /* BDAT */
		buf_clear(&m->out);
		smtp_data_finish(&m->data, &m->out);
		deliver_add(t, s->deliver, m->out.p, m->out.n);
	}
	smtp_message_judge(s);
	r = smtp_message_reply(t, s->deliver,
	    deliver_commit(t, s->deliver, s->kind->apart));
	if (r.code == 250) {
		/* whoever brings mail is no scanner */
		s->errors = s->junk = 0;
		smtp_allow_end(t, s);
		r.text = smtp_message_accepted(task_arena(t), s);
	}
	/* what follows may be the rest of a message: it must not be obeyed */
	if (m->data.found & SMTP_DATA_FALSE_END)
		r.flags |= SMTP_CLOSE;
	if (s->kind->apart) {
		smtp_message_answer(t, s);
		r.text = NULL;
	}
	return r;
}

struct smtp_reply
smtp_message_lost(struct task *t, struct smtp_session *s, const struct err *e)
{
	log_info(t, "message interrupted",
	    LOG_STR("from",
		s->deliver != NULL ? deliver_from(s->deliver) : STR_NONE),
	    LOG_ERR(e));
	smtp_drop(t, s);
	return (struct smtp_reply){ 421, "4.4.2",
		"the message did not come to its end in time", SMTP_CLOSE };
}
