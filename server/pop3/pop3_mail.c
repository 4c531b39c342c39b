/* pop3_mail.c - the maildrop: STAT, LIST, UIDL, RETR, TOP, DELE, RSET, QUIT */
#include "base/log.h"
#include "server/net/counts.h"
#include "server/pop3/pop3_private.h"
#include "server/pop3/pop3_stuff.h"
#include "storage/folder.h"
#include "storage/message.h"

/* One read of a message, and its twice as much on the wire. */
#define POP3_READ_BYTES 65536
#define POP3_READ_MS 30000 /* for one of them, while the share is slow */
#define POP3_QUIT_MS 10000 /* and as much again to settle what became of it */

struct err *
pop3_snapshot(struct task *t, struct pop3 *s, struct str account_id)
{
	const struct folder *f;
	struct err *e;

	task_set_deadline(t, task_now_ms(t) + POP3_READ_MS);
	e = worker_account_open(t, s->w, account_id, &s->acc);
	if (e == NULL)
		e = account_refresh(t, s->acc);
	task_set_deadline(t, 0);
	if (e == NULL && account_is_closed(s->acc))
		e = err_new(task_arena(t), ERR_CLOSED, "the account is closed",
		    NULL);
	f = e == NULL ? folder_by_name(s->acc, STR("INBOX")) : NULL;
	if (e == NULL && f == NULL)
		e = err_new(task_arena(t), ERR_CORRUPT, "there is no INBOX",
		    NULL);
	if (e != NULL) {
		account_close(&s->acc);
		return e;
	}
	s->folder = f->id;
	s->uidvalidity = f->uidvalidity;
	s->n = f->messages;
	s->messages = arena_array(s->arena, s->n, sizeof(*s->messages));
	for (unsigned i = 0; i < s->n; i++) {
		const struct message *m = message_nth(s->acc, f->id, i);
		s->messages[i].uid = m->uid;
		s->messages[i].bytes = (uint32_t)m->bytes;
	}
	return NULL;
}

/* NULL after -ERR. */
may_yield static struct pop3_message *
pop3_find(struct task *t, struct pop3 *s, uint32_t number)
{
	if (number > 0 && number <= s->n && !s->messages[number - 1].deleted)
		return &s->messages[number - 1];
	pop3_bad(t, s, NULL, "no such message");
	return NULL;
}

void
pop3_stat(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	uint64_t bytes = 0;
	unsigned n = 0;

	(void)in;
	for (unsigned i = 0; i < s->n; i++) {
		if (s->messages[i].deleted)
			continue;
		n++;
		bytes += s->messages[i].bytes;
	}
	conn_printf(t, s->c, "+OK %u %llu\r\n", n, (unsigned long long)bytes);
}

may_yield static void
pop3_list_line(struct task *t, struct pop3 *s, const char *before, unsigned i)
{
	conn_printf(t, s->c, "%s%u %u\r\n", before, i + 1,
	    s->messages[i].bytes);
}

/* At most 21 characters: RFC 1939 allows 70. */
may_yield static void
pop3_uidl_line(struct task *t, struct pop3 *s, const char *before, unsigned i)
{
	conn_printf(t, s->c, "%s%u %u.%u\r\n", before, i + 1, s->uidvalidity,
	    s->messages[i].uid);
}

may_yield_unchecked static void
pop3_listing(struct task *t, struct pop3 *s, const struct pop3_input *in,
    void (
	*line)(struct task *t, struct pop3 *s, const char *before, unsigned i))
{
	if (in->has_number) {
		if (pop3_find(t, s, in->number) != NULL)
			line(t, s, "+OK ", in->number - 1);
		return;
	}
	pop3_ok(t, s, "");
	for (unsigned i = 0; i < s->n && !conn_is_ending(s->c); i++)
		if (!s->messages[i].deleted)
			line(t, s, "", i);
	conn_puts(t, s->c, ".\r\n");
}

void
pop3_list(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	pop3_listing(t, s, in, pop3_list_line);
}

void
pop3_uidl(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	pop3_listing(t, s, in, pop3_uidl_line);
}

/* ERR_UNAVAIL at once while the share is known to be away; costs nothing
 * else: the account is open. */
may_yield static struct err *
pop3_reach(struct task *t, struct pop3 *s)
{
	struct account *acc = NULL;
	struct err *e;

	e = worker_account_open(t, s->w, account_id(s->acc), &acc);
	if (e == NULL)
		account_close(&acc);
	return e;
}

/* The UIDs of the snapshot mean what they meant (a journal that was rebuilt
 * gives new ones). */
static struct err *
pop3_check(struct task *t, struct pop3 *s)
{
	const struct folder *f = folder_by_id(s->acc, s->folder);

	return f != NULL && f->uidvalidity == s->uidvalidity
		   ? NULL
		   : err_new(task_arena(t), ERR_CONFLICT,
			 "the mailbox was rebuilt: log in again", NULL);
}

may_yield static struct err *
pop3_file_open(struct task *t, struct pop3 *s, uint32_t uid,
    struct message_file *f_r)
{
	struct err *e = pop3_reach(t, s);

	if (e == NULL)
		e = pop3_check(t, s);
	if (e == NULL)
		e = message_file_open(t, s->acc, s->folder, uid, f_r);
	/* Another node expunged it and its grace is over: only the journal says
	 * whether the file is missing rightly. */
	if (err_is(e, ERR_CORRUPT)) {
		e = account_refresh(t, s->acc);
		if (e == NULL)
			e = pop3_check(t, s);
		if (e == NULL)
			e = message_file_open(t, s->acc, s->folder, uid, f_r);
	}
	return e;
}

/*
 * The first piece is read before +OK; what fails later can only be told by
 * breaking off: the client must not take a part for the whole.
 */
may_yield static void
pop3_send(struct task *t, struct pop3 *s, const char *what,
    const struct pop3_message *m, uint64_t body_lines)
{
	char *piece = arena_alloc(task_arena(t), POP3_READ_BYTES);
	struct pop3_stuff stuff;
	struct message_file f;
	uint64_t offset = 0;
	uint32_t got = 0;
	struct buf out;
	struct err *e;

	buf_init(&out, task_arena(t), 2 * POP3_READ_BYTES + 16);
	pop3_stuff_init(&stuff, body_lines);
	task_set_deadline(t, task_now_ms(t) + POP3_READ_MS);
	e = pop3_file_open(t, s, m->uid, &f);
	if (e == NULL)
		e = message_file_read(t, s->acc, &f, 0, piece, POP3_READ_BYTES,
		    &got);
	if (e != NULL) {
		task_set_deadline(t, 0);
		pop3_fail(t, s, what, e);
		return;
	}
	if (body_lines == UINT64_MAX)
		conn_printf(t, s->c, "+OK %u octets\r\n", m->bytes);
	else
		pop3_ok(t, s, "");
	while (e == NULL && got > 0 && !stuff.done && !conn_is_ending(s->c)) {
		buf_clear(&out);
		pop3_stuff_add(&stuff, str_of(piece, got), &out);
		conn_write(t, s->c, out.p, out.n);
		s->bytes_out += out.n;
		offset += got;
		got = 0;
		task_set_deadline(t, task_now_ms(t) + POP3_READ_MS);
		if (offset < f.bytes && !stuff.done)
			e = message_file_read(t, s->acc, &f, offset, piece,
			    POP3_READ_BYTES, &got);
		if (e == NULL && got == 0 && offset < f.bytes && !stuff.done)
			e = err_new(task_arena(t), ERR_CORRUPT,
			    "the message is shorter than it was", NULL);
	}
	task_set_deadline(t, 0);
	if (e != NULL) {
		log_warn(t, "pop3 broken off", LOG_C("command", what),
		    LOG_ERR(e));
		s->state = POP3_ENDED;
		conn_end(s->c);
		return;
	}
	buf_clear(&out);
	pop3_stuff_end(&stuff, &out);
	conn_write(t, s->c, out.p, out.n);
	s->retrieved++;
	stat_add(s->w->counts, STAT_FETCHED, 1);
}

void
pop3_retr(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	const struct pop3_message *m = pop3_find(t, s, in->number);

	if (m != NULL)
		pop3_send(t, s, "RETR", m, UINT64_MAX);
}

void
pop3_top(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	const struct pop3_message *m = pop3_find(t, s, in->number);

	/* UINT64_MAX is the stuffer's word for all; nothing has so many. */
	if (m != NULL)
		pop3_send(t, s, "TOP", m,
		    in->lines < UINT64_MAX ? in->lines : UINT64_MAX - 1);
}

void
pop3_dele(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	struct pop3_message *m = pop3_find(t, s, in->number);

	if (m == NULL)
		return;
	m->deleted = true;
	pop3_ok(t, s, "will be deleted");
}

void
pop3_rset(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	(void)in;
	for (unsigned i = 0; i < s->n; i++)
		s->messages[i].deleted = false;
	pop3_ok(t, s, "");
}

void
pop3_noop(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	(void)in;
	pop3_ok(t, s, "");
}

/* One entry: all of them or none. */
may_yield static struct err *
pop3_update(struct task *t, struct pop3 *s, unsigned *n_r)
{
	struct uidset uids, gone;
	struct err *e;

	*n_r = 0;
	uidset_init(&uids, task_arena(t));
	uidset_init(&gone, task_arena(t));
	for (unsigned i = 0; i < s->n; i++)
		if (s->messages[i].deleted)
			uidset_add(&uids, s->messages[i].uid);
	if (uidset_is_empty(&uids))
		return NULL;
	e = pop3_reach(t, s);
	if (e == NULL)
		e = pop3_check(t, s);
	if (e != NULL)
		return e;
	task_set_deadline(t, task_now_ms(t) + POP3_QUIT_MS);
	e = message_expunge(t, s->acc, s->folder, &uids, false, &gone);
	task_set_deadline(t, 0);
	*n_r = (unsigned)uidset_count(&gone);
	return e;
}

void
pop3_quit(struct task *t, struct pop3 *s, const struct pop3_input *in)
{
	unsigned deleted = 0;
	struct err *e = NULL;

	(void)in;
	if (s->state == POP3_TRANSACTION)
		e = pop3_update(t, s, &deleted);
	if (e == NULL)
		pop3_ok(t, s, "bye");
	else
		pop3_fail(t, s, "QUIT", e);
	if (s->state == POP3_TRANSACTION)
		log_info(t, "pop3", LOG_U64("retrieved", s->retrieved),
		    LOG_U64("bytes", s->bytes_out), LOG_U64("deleted", deleted),
		    LOG_C("end", e == NULL ? "quit" : "failed"));
	s->state = POP3_ENDED;
	conn_end(s->c);
}
