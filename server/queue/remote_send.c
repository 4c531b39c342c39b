/* remote_send.c - one message to one host: RFC 5321, 3.3, with 2920 and 3461 */
#include <string.h>

#include "server/queue/remote_private.h"
#include "storage/queue.h"

#define REMOTE_PIECE 16384	 /* of the message */
#define REMOTE_BATCH 100	 /* recipients in one go ... */
#define REMOTE_BATCH_BYTES 16384 /* ... and their commands */
#define REMOTE_ENVID_MAX 100	 /* RFC 3461, 4.4 */
#define REMOTE_ORCPT_MAX 500	 /* 4.2 */

/* One transaction: the recipients that are said, in this order. */
struct remote_tx {
	struct remote *r;
	struct remote_mail *m;
	struct remote_rcpt **said;
	bool *taken; /* by RCPT; parallel to said */
	unsigned said_n, taken_n;
	struct remote_reply stop; /* at which the session broke */
};

static bool
remote_is_good(const struct remote_reply *reply)
{
	return reply->code / 100 == 2;
}

/* --- before anything is said --- */

static void
remote_give_all(struct remote_mail *m, const struct remote_reply *reply)
{
	for (unsigned i = 0; i < m->rcpt_n; i++)
		m->rcpts[i].reply = *reply;
}

/* What the host cannot take; nothing is converted for it.  RFC 1870, 6.1;
 * RFC 6152, 3; RFC 6531, 3.5. */
static bool
remote_refuse(struct task *t, const struct remote *r, struct remote_mail *m)
{
	struct arena *a = task_arena(t);
	const struct remote_ext *x = &r->ext;
	struct remote_reply no = { .code = 0 };

	if (x->size_max > 0 && m->bytes > x->size_max)
		remote_reply_set(a, &no, 552, "5.3.4",
		    "the message has %llu bytes, the host takes %llu",
		    (unsigned long long)m->bytes,
		    (unsigned long long)x->size_max);
	else if (m->utf8 && !x->utf8)
		remote_reply_set(a, &no, 553, "5.6.7",
		    "the host does not take international addresses "
		    "(SMTPUTF8)");
	else if (m->body8 && !x->body8)
		remote_reply_set(a, &no, 554, "5.6.3",
		    "the host does not take 8-bit messages (8BITMIME)");
	else if (!remote_is_path(m->from))
		remote_reply_set(a, &no, 553, "5.1.7",
		    "the sender's address cannot be sent");
	if (no.code != 0)
		remote_give_all(m, &no);
	return no.code != 0;
}

/* Those that can be said. */
static void
remote_choose(struct task *t, struct remote_tx *x)
{
	struct remote_mail *m = x->m;
	unsigned most = x->r->ext.rcpt_max;

	x->said = arena_array(task_arena(t), m->rcpt_n, sizeof(x->said[0]));
	x->taken = arena_array(task_arena(t), m->rcpt_n, sizeof(x->taken[0]));
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		struct remote_rcpt *to = &m->rcpts[i];

		if (to->address.n == 0 || !remote_is_path(to->address))
			remote_reply_set(task_arena(t), &to->reply, 553,
			    "5.1.3", "the address cannot be sent");
		else if (most > 0 && x->said_n >= most)
			remote_reply_set(task_arena(t), &to->reply, 452,
			    "4.5.3", "the host takes %u recipients at once",
			    most);
		else
			x->said[x->said_n++] = to;
	}
}

/* --- the envelope --- */

static may_yield void
remote_say_mail(struct task *t, const struct remote_tx *x)
{
	const struct remote_ext *ext = &x->r->ext;
	const struct remote_mail *m = x->m;
	struct buf *b = remote_line(x->r);

	buf_fmt(b, "MAIL FROM:<" STR_FMT ">", STR_ARG(m->from));
	if (ext->size)
		buf_fmt(b, " SIZE=%llu", (unsigned long long)m->bytes);
	if (m->body8)
		buf_c(b, " BODY=8BITMIME");
	if (m->utf8)
		buf_c(b, " SMTPUTF8");
	if (ext->dsn && m->ret != 0)
		buf_fmt(b, " RET=%s", m->ret == QUEUE_HDRS ? "HDRS" : "FULL");
	if (ext->dsn && m->envid.n > 0 && m->envid.n <= REMOTE_ENVID_MAX) {
		buf_c(b, " ENVID=");
		remote_xtext(b, m->envid);
	}
	remote_say(t, x->r, NULL);
}

static void
remote_add_notify(struct buf *b, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = {
		{ QUEUE_NOTIFY_NEVER, "NEVER" },
		{ QUEUE_NOTIFY_SUCCESS, "SUCCESS" },
		{ QUEUE_NOTIFY_FAILURE, "FAILURE" },
		{ QUEUE_NOTIFY_DELAY, "DELAY" },
	};
	const char *before = " NOTIFY=";

	if (notify & QUEUE_NOTIFY_NEVER) /* stands alone (RFC 3461, 4.1) */
		notify = QUEUE_NOTIFY_NEVER;
	for (unsigned i = 0; i < countof(words); i++) {
		if (!(notify & words[i].bit))
			continue;
		buf_c(b, before);
		buf_c(b, words[i].word);
		before = ",";
	}
}

/* original-recipient-address = atom ";" xtext */
static void
remote_add_orcpt(struct buf *b, struct str original)
{
	ptrdiff_t at = str_chr(original, ';');
	struct str type = STR("rfc822");

	if (original.n == 0 || original.n > REMOTE_ORCPT_MAX)
		return;
	/* RFC 6533, 3: what is not ASCII has a form of its own. */
	for (size_t i = 0; i < original.n; i++)
		if (original.p[i] < ' ' || original.p[i] > '~')
			return;
	if (at > 0) {
		type = str_sub(original, 0, (size_t)at);
		original = str_sub(original, (size_t)at + 1, original.n);
	}
	buf_fmt(b, " ORCPT=" STR_FMT ";", STR_ARG(type));
	remote_xtext(b, original);
}

static may_yield void
remote_say_rcpt(struct task *t, struct remote_tx *x, struct remote_rcpt *to)
{
	struct buf *b = remote_line(x->r);

	buf_fmt(b, "RCPT TO:<" STR_FMT ">", STR_ARG(to->address));
	if (x->r->ext.dsn) {
		remote_add_notify(b, to->notify);
		remote_add_orcpt(b, to->original);
		to->dsn_passed = true;
	}
	remote_say(t, x->r, NULL);
}

/* A reply that no command may have (RFC 5321, 4.3.2): we no longer know what
 * answers what. */
static void
remote_strange(struct task *t, struct remote *r, struct remote_reply *reply)
{
	unsigned code = reply->code;

	remote_reply_set(task_arena(t), reply, 0, "",
	    "the host gave an answer out of place (%u)", code);
	r->broken = true;
}

static may_yield void
remote_hear_rcpt(struct task *t, struct remote_tx *x, unsigned i)
{
	struct remote_reply *reply = &x->said[i]->reply;

	remote_hear(t, x->r, REMOTE_MAIL_MS, NULL, reply);
	if (reply->code / 100 == 3)
		remote_strange(t, x->r, reply);
	/* RFC 5321, 4.5.3.1.10: RFC 821 had 552 for too many recipients. */
	if (reply->code == 552 && x->taken_n > 0 &&
	    (reply->enhanced[0] == '\0' ||
		strcmp(reply->enhanced, "5.5.3") == 0)) {
		reply->code = 452;
		strcpy(reply->enhanced, "4.5.3");
	}
	x->taken[i] = remote_is_good(reply);
	x->taken_n += x->taken[i];
	/* any other answer says nothing of those that have none yet */
	if (x->r->broken && (reply->code == 0 || reply->code == 421))
		x->stop = *reply;
}

/* The answers to MAIL and to the recipients of one batch. */
static may_yield void
remote_hear_batch(struct task *t, struct remote_tx *x, bool mail, unsigned from,
    unsigned to, struct remote_reply *mail_r)
{
	if (mail) {
		remote_hear(t, x->r, REMOTE_MAIL_MS, NULL, mail_r);
		if (mail_r->code / 100 == 3)
			remote_strange(t, x->r, mail_r);
	}
	for (unsigned i = from; i < to && !x->r->broken; i++)
		remote_hear_rcpt(t, x, i);
}

/*
 * MAIL, every RCPT, and DATA: with PIPELINING in as few round trips as their
 * number allows (RFC 2920, 3.1), else one by one.  *data_r: DATA was said.
 */
static may_yield void
remote_envelope(struct task *t, struct remote_tx *x,
    struct remote_reply *mail_r, bool *data_r)
{
	bool all = x->r->ext.pipelining, mail = true;
	unsigned from, next = 0;
	size_t bytes;

	remote_say_mail(t, x);
	if (!all) {
		remote_hear_batch(t, x, true, 0, 0, mail_r);
		mail = false;
		if (!remote_is_good(mail_r))
			return;
	}
	while (next < x->said_n && !x->r->broken) {
		from = next;
		bytes = 0;
		do {
			bytes += x->said[next]->address.n + 256;
			remote_say_rcpt(t, x, x->said[next++]);
		} while (all && next < x->said_n &&
			 next - from < REMOTE_BATCH &&
			 bytes < REMOTE_BATCH_BYTES);
		if (all && next == x->said_n) {
			buf_c(remote_line(x->r), "DATA");
			remote_say(t, x->r, NULL);
			*data_r = true;
		}
		remote_hear_batch(t, x, mail, from, next, mail_r);
		mail = false;
		if (!remote_is_good(mail_r))
			return;
	}
}

/* --- the message --- */

static may_yield struct err *
remote_body_read(struct task *t, struct remote_tx *x, bool *lost_r,
    struct remote_stuff *s, struct buf *out)
{
	struct remote_mail *m = x->m;
	struct dial *d = x->r->dial;
	uint64_t limit_at =
	    task_now_ms(t) + REMOTE_DOT_MS + m->bytes / REMOTE_RATE * 1000;
	char *piece = arena_alloc(task_arena(t), REMOTE_PIECE);
	size_t n;
	struct err *e;

	while (!*lost_r) {
		if ((e = m->read(t, m->arg, piece, REMOTE_PIECE, &n)) != NULL)
			return e;
		if (n == 0)
			break;
		buf_clear(out);
		remote_stuff_add(s, str_of(piece, n), out);
		*lost_r =
		    dial_write(t, d, out->p, out->n, REMOTE_BLOCK_MS) != NULL ||
		    task_now_ms(t) > limit_at;
	}
	return NULL;
}

/* The message and its dot; *lost_r: it could not be said. */
static may_yield struct err *
remote_body(struct task *t, struct remote_tx *x, bool *lost_r)
{
	struct remote_mail *m = x->m;
	struct dial *d = x->r->dial;
	struct remote_stuff s = { .begun = false };
	struct buf out;
	struct err *e;

	buf_init(&out, task_arena(t),
	    REMOTE_STUFF_OUT(
		(m->prefix.n > REMOTE_PIECE ? m->prefix.n : REMOTE_PIECE)) +
		8);
	remote_stuff_add(&s, m->prefix, &out);
	*lost_r = dial_write(t, d, out.p, out.n, REMOTE_BLOCK_MS) != NULL;
	if ((e = remote_body_read(t, x, lost_r, &s, &out)) != NULL || *lost_r)
		return e;
	buf_clear(&out);
	remote_stuff_end(&s, &out);
	*lost_r = dial_write(t, d, out.p, out.n, REMOTE_BLOCK_MS) != NULL;
	return NULL;
}

/* All that the host had taken get this answer. */
static void
remote_give_taken(struct remote_tx *x, const struct remote_reply *reply)
{
	for (unsigned i = 0; i < x->said_n; i++)
		if (x->taken[i])
			x->said[i]->reply = *reply;
}

static may_yield struct err *
remote_message(struct task *t, struct remote_tx *x)
{
	struct remote *r = x->r;
	struct remote_reply reply;
	bool lost = false;
	struct err *e = remote_body(t, x, &lost);

	if (e != NULL) {
		/* Only an end without a dot unsays what was said. */
		r->broken = true;
		remote_note(r, "broken off: the message could not be read");
		remote_reply_set(task_arena(t), &reply, 0, "",
		    "the message could not be read");
		remote_give_taken(x, &reply);
		return e;
	}
	if (!lost)
		remote_note(r, "the message, %llu bytes, and the dot",
		    (unsigned long long)x->m->bytes);
	remote_hear(t, r, lost ? REMOTE_LAST_WORDS_MS : REMOTE_DOT_MS, NULL,
	    &reply);
	if (reply.code / 100 == 3)
		remote_strange(t, r, &reply);
	r->broken |= lost;
	if (lost && remote_is_good(&reply)) /* it cannot have it all */
		remote_strange(t, r, &reply);
	x->m->unknown = !lost && reply.code == 0;
	r->dirty = false;
	remote_give_taken(x, &reply);
	return NULL;
}

/* DATA was said, and nobody is there to get it. */
static may_yield void
remote_lone_dot(struct task *t, struct remote *r)
{
	struct remote_reply reply;

	buf_char(remote_line(r), '.');
	remote_ask(t, r, NULL, REMOTE_DOT_MS, &reply);
	r->dirty = true;
}

static may_yield struct err *
remote_data(struct task *t, struct remote_tx *x, bool said)
{
	struct remote *r = x->r;
	struct remote_reply reply;

	if (!said && x->taken_n == 0)
		return NULL;
	if (!said) {
		buf_c(remote_line(r), "DATA");
		remote_say(t, r, NULL);
	}
	remote_hear(t, r, REMOTE_DATA_MS, NULL, &reply);
	if (reply.code == 354 && x->taken_n > 0)
		return remote_message(t, x);
	if (reply.code == 354)
		remote_lone_dot(t, r);
	else if (reply.code / 100 == 2 || reply.code / 100 == 3)
		remote_strange(t, r, &reply);
	remote_give_taken(x, &reply);
	return NULL;
}

/* --- the transaction --- */

/* It broke before the message: who has no answer, or one that came to nothing,
 * gets this one. */
static may_yield void
remote_stop(struct task *t, struct remote_tx *x)
{
	if (x->stop.text.n == 0)
		remote_reply_set(task_arena(t), &x->stop, 0, "",
		    "the connection was closed");
	remote_give_taken(x, &x->stop);
	for (unsigned i = 0; i < x->said_n; i++) {
		struct remote_reply *reply = &x->said[i]->reply;

		if (reply->code == 0 && reply->text.n == 0)
			*reply = x->stop;
	}
}

static may_yield struct err *
remote_transact(struct task *t, struct remote *r, struct remote_mail *m)
{
	struct remote_tx x = { .r = r, .m = m };
	struct remote_reply mail = { .code = 0 };
	uint64_t deadline = task_deadline(t),
		 until = task_now_ms(t) + REMOTE_ENVELOPE_MS;
	bool data = false;

	remote_choose(t, &x);
	if (x.said_n == 0)
		return NULL;
	r->messages++;
	r->dirty = true;
	task_set_deadline(t,
	    deadline > 0 && deadline < until ? deadline : until);
	remote_envelope(t, &x, &mail, &data);
	task_set_deadline(t, deadline);
	if (!remote_is_good(&mail)) {
		for (unsigned i = 0; i < x.said_n; i++)
			x.said[i]->reply = mail;
		memset(x.taken, 0, x.said_n * sizeof(x.taken[0]));
		x.taken_n = 0;
	}
	if (!r->broken)
		return remote_data(t, &x, data);
	if (remote_is_good(&mail))
		remote_stop(t, &x);
	return NULL;
}

/* A session that has stopped in the middle of a transaction. */
static may_yield bool
remote_reset(struct task *t, struct remote *r, struct remote_mail *m)
{
	struct remote_reply reply;

	buf_c(remote_line(r), "RSET");
	remote_ask(t, r, NULL, REMOTE_GREETING_MS, &reply);
	r->dirty = false;
	if (reply.code == 250 && !r->broken)
		return true;
	/* That says nothing about the message. */
	r->broken = true;
	remote_reply_set(task_arena(t), &reply, 0, "",
	    "the host did not take RSET");
	remote_give_all(m, &reply);
	return false;
}

static void
remote_send_begin(struct remote *r, struct remote_mail *m,
    struct buf *transcript)
{
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		memset(&m->rcpts[i].reply, 0, sizeof(m->rcpts[i].reply));
		m->rcpts[i].dsn_passed = false;
	}
	m->unknown = false;
	r->transcript = transcript;
	r->cut = false;
	if (transcript != NULL && r->opening.n > 0)
		buf_str_add(transcript, buf_str(&r->opening));
	else
		remote_note(r, STR_FMT ", message %u of this session",
		    STR_ARG(r->target.host), r->messages + 1);
	buf_free(&r->opening);
	buf_init(&r->opening, NULL, REMOTE_OPENING_MAX);
}

may_yield struct err *
remote_send(struct task *t, struct remote *r, struct remote_mail *m,
    struct buf *transcript)
{
	struct err *e = NULL;

	remote_send_begin(r, m, transcript);
	if (!remote_refuse(t, r, m) && (!r->dirty || remote_reset(t, r, m)))
		e = remote_transact(t, r, m);
	for (unsigned i = 0; i < m->rcpt_n; i++)
		m->rcpts[i].dsn_passed &= remote_is_good(&m->rcpts[i].reply);
	r->transcript = NULL;
	r->used_at = task_now_ms(t);
	return e;
}
