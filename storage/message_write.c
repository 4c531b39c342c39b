/* message_write.c - a message comes in: its file, then one entry an account */
#include <stdlib.h>

#include "base/log.h"
#include "mime/pack.h"
#include "mime/parser.h"
#include "storage/account_private.h"

#define WRITER_ARENA_BYTES (64U << 20)
#define WRITER_SIDE_BY_SIDE 16 /* accounts committed at once */
#define WRITER_WORDS_MAX 4096
#define WRITER_ROOM_MAX 65536

struct message_writer {
	struct account *first;
	uint64_t begun;
	bool drawn; /* the txid is ours: another may be drawn */
	struct message_name name;
	struct share_stream *stream;
	struct share_fh fh;
	struct arena *arena;
	struct mime_parser *parser;
	struct str pack;
	uint64_t bytes;
};

static void
message_writer_free(struct message_writer **wp)
{
	struct message_writer *w = *wp;

	*wp = NULL;
	share_stream_abort(&w->stream);
	arena_free(&w->arena);
	mailstore_put(w->first);
	free(w);
}

static may_yield must_check struct err *
message_writer_open(struct task *t, struct message_writer *w)
{
	struct share *s = mailstore_share(w->first->ms);
	char text[MESSAGE_NAME_MAX + 1];
	struct share_fh dir;
	struct err *e;

	e = account_month_dir(t, w->first, w->name.month, true, &dir);
	if (e != NULL)
		return e;
	message_name_format(&w->name, text);
	return share_stream_open(t, s, SHARE_LANE_BULK, &dir, str_c(text),
	    &w->stream);
}

bool
message_is_known(const struct account *acc, const struct txid *txid)
{
	return account_is_loaded(acc) && journal_find(acc->journal, txid) != 0;
}

bool
message_is_voided(const struct account *acc, const struct txid *txid)
{
	return account_is_loaded(acc) && journal_is_voided(acc->journal, txid);
}

struct err *
message_writer_begin(struct task *t, struct account *first,
    const struct txid *txid, struct message_writer **w_r)
{
	const struct mailstore_conf *conf = mailstore_config(first->ms);
	struct message_writer *w;
	struct account_tx x;
	struct err *e;

	*w_r = NULL;
	if (conf->full != NULL && conf->full(conf->arg))
		return err_new(task_arena(t), ERR_NOSPC, "the share is full",
		    "what is left is for removing");
	w = xcalloc(1, sizeof(*w));
	account_tx_init(t, first, &x);
	first->refs++;
	w->first = first;
	w->begun = x.tx.begun;
	w->drawn = txid == NULL;
	w->name.txid = txid == NULL ? x.tx.txid : *txid;
	w->name.month = message_month_of(task_wall_s(t));
	w->arena = arena_new(WRITER_ARENA_BYTES);
	w->parser = mime_parser_new(w->arena, NULL);
	e = message_writer_open(t, w);
	if (e != NULL)
		message_writer_free(&w);
	*w_r = w;
	return e;
}

struct err *
message_writer_add(struct task *t, struct message_writer *w, const void *p,
    size_t n)
{
	if (n > MESSAGE_BYTES_MAX - w->bytes)
		return err_new(task_arena(t), ERR_LIMIT,
		    "the message is larger than any may be", NULL);
	w->bytes += n;
	mime_parser_feed(w->parser, str_of(p, n));
	return share_stream_add(t, w->stream, p, n);
}

/* What the parser of envelopes sees there: a field, so that it does not take
 * the room for a part of what stands before or behind it. */
static void
message_writer_fill_in(char *p, size_t n)
{
	memset(p, ' ', n);
	memcpy(p, "x:", 2);
	memcpy(p + n - 2, "\r\n", 2);
}

struct err *
message_writer_reserve(struct task *t, struct message_writer *w, size_t n,
    uint64_t *place_r)
{
	char *room;

	invariant(n >= 4 && n <= WRITER_ROOM_MAX);
	room = arena_alloc(task_arena(t), n);
	*place_r = w->bytes;
	message_writer_fill_in(room, n);
	return message_writer_add(t, w, room, n);
}

struct err *
message_writer_fill(struct task *t, struct message_writer *w, uint64_t place,
    struct str text)
{
	invariant(text.n <= w->bytes && place <= w->bytes - text.n);
	return share_stream_patch(t, w->stream, place, text.p, text.n);
}

uint64_t
message_writer_bytes(const struct message_writer *w)
{
	return w->bytes;
}

void
message_writer_abort(struct task *t, struct message_writer **wp)
{
	struct message_writer *w = *wp;

	if (w == NULL)
		return;
	/* what cannot be removed now is an orphan: the sweep finds it */
	share_stream_abort(&w->stream);
	if (w->drawn)
		err_ignore(message_unlink(t, w->first, &w->name));
	message_writer_free(wp);
}

/* --- one account --- */

struct message_delivery {
	struct message_writer *w;
	struct message_target *target;
	struct message_name name; /* w's, or that of another try */
	bool in_place;		  /* the file was written here */
	struct str words;
	uint32_t folder; /* as composed last */
};

struct err *
message_words_check(struct arena *a, const struct str *keywords, unsigned n,
    struct str *words_r)
{
	struct buf b;

	buf_init(&b, a, WRITER_WORDS_MAX);
	for (unsigned i = 0; i < n; i++) {
		for (size_t j = 0; j < keywords[i].n; j++) {
			char c = keywords[i].p[j];

			if (c <= ' ' || c >= 0x7f || strchr("(){%*\"\\", c))
				return err_new(a, ERR_INVALID,
				    "this is not a keyword", NULL);
		}
		if (keywords[i].n == 0 || keywords[i].n > MESSAGE_KEYWORD_MAX)
			return err_new(a, ERR_INVALID,
			    "a keyword is too long, or empty", NULL);
		if (b.n > 0)
			buf_char(&b, ' ');
		buf_str_add(&b, keywords[i]);
	}
	if (!buf_ok(&b))
		return err_new(a, ERR_LIMIT, "too many keywords", NULL);
	*words_r = buf_str(&b);
	return NULL;
}

static void
message_delivery_write(struct task *t, const struct message_delivery *d,
    uint32_t folder, struct buf *ops)
{
	const struct message_target *tg = d->target;
	struct account_op op = {
		.letter = 'a',
		.folder = folder,
		.bytes = d->w->bytes,
		.time = (uint64_t)(tg->date != 0 ? tg->date : task_wall_s(t)),
		.flags = tg->flags & MESSAGE_FLAGS,
		.name = d->name,
		.words = d->words,
	};
	struct buf source;

	if (op.time > UINT32_MAX) /* before 1970, after 2106 */
		op.time = tg->date < 0 ? 0 : UINT32_MAX;
	buf_init(&source, task_arena(t), 256);
	if (!d->in_place) {
		account_source_format(&source, account_id(d->w->first),
		    &d->w->name);
		op.source = buf_str(&source);
	}
	account_op_write(ops, &op);
}

static struct err *
message_delivery_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct message_delivery *d = x->arg;
	struct message_target *tg = d->target;
	struct account_state *s = &x->acc->state;
	const struct folder *f;
	struct err *e;

	if (account_state_knows(s, &d->name)) {
		x->nothing = true;
		return NULL;
	}
	f = folder_by_name(x->acc,
	    tg->folder.n == 0 ? STR("INBOX") : tg->folder);
	if (f == NULL)
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "there is no such mailbox", NULL);
	if (f->uidnext == UINT32_MAX)
		return err_new(task_arena(t), ERR_LIMIT,
		    "this mailbox has used up its UIDs", NULL);
	if (!account_state_words_fit(s, d->words))
		return err_new(task_arena(t), ERR_LIMIT,
		    "this account has too many keywords", NULL);
	e = quota_check_usage(task_arena(t), s->bytes, s->messages, tg->limit,
	    d->w->bytes, 1);
	if (e != NULL)
		return e;
	d->folder = f->id;
	message_delivery_write(t, d, f->id, ops);
	return NULL;
}

static struct err *
message_delivery_blind(struct task *t, struct account_tx *x,
    const struct journal_entry *head, struct buf *ops, struct buf *totals)
{
	struct message_delivery *d = x->arg;
	struct message_target *tg = d->target;
	struct account_totals tt;
	struct err *e;

	if (!account_totals_parse(head->totals, &tt) || tt.inbox_uidnext == 0 ||
	    tt.inbox_uidnext == UINT32_MAX) {
		x->load = true;
		return NULL;
	}
	x->acc->totals = tt;
	x->acc->have_totals = true;
	if (tt.state != 'o')
		return err_new(task_arena(t), ERR_CLOSED,
		    "this account is closed", NULL);
	e = quota_check_usage(task_arena(t), tt.bytes, tt.messages, tg->limit,
	    d->w->bytes, 1);
	if (e != NULL)
		return e;
	message_delivery_write(t, d, ACCOUNT_INBOX, ops);
	tg->place_r = (struct message_place){
		.folder = ACCOUNT_INBOX,
		.uidvalidity = tt.inbox_uidvalidity,
		.uid = tt.inbox_uidnext,
		.name = d->name,
	};
	tt.bytes += d->w->bytes;
	tt.messages++;
	tt.inbox_uidnext++;
	tt.folder_count = 0;
	account_totals_format(totals, &tt);
	return NULL;
}

/* Where it went: at the end of its folder, if nobody was faster. */
static void
message_delivery_place(struct message_delivery *d)
{
	struct account *acc = d->target->acc;
	const struct tombstone *tomb;
	const struct message *m = NULL;
	struct folder_state *f = NULL;
	struct message_place *p = &d->target->place_r;

	if (!account_is_loaded(acc))
		return; /* message_delivery_blind knew */
	p->name = d->name;
	f = account_state_folder(&acc->state, d->folder);
	m = f == NULL || f->rows.n == 0 ? NULL : &f->rows.r[f->rows.n - 1];
	if (m == NULL || !message_name_eq(&m->name, &d->name))
		m = account_state_row_named(&acc->state, &d->name, &f);
	tomb =
	    m != NULL ? NULL : account_state_tomb_named(&acc->state, &d->name);
	if (tomb != NULL)
		f = account_state_folder(&acc->state, tomb->folder);
	if (f == NULL || (m == NULL && tomb == NULL))
		return; /* removed for good in between */
	p->folder = f->pub.id;
	p->uidvalidity = f->pub.uidvalidity;
	p->uid = m != NULL ? m->uid : tomb->uid;
}

static may_yield must_check struct err *
message_delivery_commit(struct task *t, struct message_delivery *d,
    uint64_t begun)
{
	struct account_tx x;

	account_tx_init(t, d->target->acc, &x);
	x.tx.txid = d->name.txid;
	if (d->in_place)
		x.tx.begun = begun;
	x.arg = d;
	x.compose = message_delivery_compose;
	if (d->words.n == 0 && (d->target->folder.n == 0 ||
				   str_case_eq_c(d->target->folder, "INBOX")))
		x.compose_blind = message_delivery_blind;
	return account_commit(t, &x);
}

/* The name was voided while we stood still: the same file under a new one. */
static may_yield must_check struct err *
message_delivery_again(struct task *t, struct message_delivery *d)
{
	struct account_tx x;
	struct err *e;

	account_tx_init(t, d->target->acc, &x);
	d->name.txid = x.tx.txid;
	e = message_link(t, d->target->acc, &d->w->fh, &d->name);
	if (e != NULL)
		return err_new(task_arena(t), ERR_UNAVAIL,
		    "the message took too long to arrive", "%s", e->text);
	return message_delivery_commit(t, d, x.tx.begun);
}

static may_yield void
message_publish_usage(struct task *t, struct account *acc)
{
	/* never decisive: the next checkpoint publishes again */
	err_ignore(quota_publish(t, acc));
}

/* Another sixteenth of the limit is used: for those who only read the file. */
static void
message_delivery_threshold(const struct message_delivery *d)
{
	const struct message_target *tg = d->target;
	uint64_t step = tg->limit == NULL ? 0 : tg->limit->bytes / 16;
	uint64_t used = account_bytes(tg->acc);

	if (step == 0 || mailstore_config(tg->acc->ms)->no_background)
		return;
	if (used / step != (used - d->w->bytes) / step)
		account_background(tg->acc, "account-usage",
		    message_publish_usage);
}

static may_yield must_check struct err *
message_delivery_run(struct task *t, struct message_delivery *d)
{
	struct message_target *tg = d->target;
	struct account *acc = tg->acc;
	bool known;
	struct err *e;

	e = message_words_check(task_arena(t), tg->keywords, tg->keyword_count,
	    &d->words);
	if (e == NULL && !d->in_place)
		e = message_link(t, acc, &d->w->fh, &d->name);
	if (e != NULL)
		return e;
	e = message_delivery_commit(t, d, d->w->begun);
	if (d->w->drawn && (err_is(e, ERR_VOIDED) || err_is(e, ERR_HELD)))
		e = message_delivery_again(t, d);
	if (e == NULL) {
		message_delivery_place(d);
		account_env_pend(acc, &d->name, d->w->pack);
		if (account_is_loaded(acc))
			message_delivery_threshold(d);
		return NULL;
	}
	known = !d->w->drawn || (account_is_loaded(acc) &&
				    account_state_knows(&acc->state, &d->name));
	if (journal_err_is_verdict(e) && !known) {
		/* else an orphan: the sweep finds it */
		err_ignore(message_unlink(t, acc, &d->name));
	}
	return e;
}

/* --- all accounts --- */

struct message_side {
	struct task *parent;
	struct task_cond *cond;
	unsigned *running;
	struct message_delivery d;
};

static may_yield_unchecked void
message_side_run(struct task *t, void *arg)
{
	struct message_side *side = arg;
	struct err *e = message_delivery_run(t, &side->d);

	/* our arena ends with us */
	if (e != NULL)
		e = err_new(task_arena(side->parent), e->code, e->text,
		    e->detail != NULL ? "%s" : NULL, e->detail);
	side->d.target->err_r = e;
	(*side->running)--;
	task_cond_broadcast(side->cond);
}

static may_yield void
message_writer_spread(struct task *t, struct message_writer *w,
    struct message_target *targets, unsigned n)
{
	struct message_side *sides = xcalloc(n, sizeof(*sides));
	struct task_cond cond;
	unsigned running = 0;

	task_cond_init(&cond);
	for (unsigned i = 0; i < n; i++) {
		struct task *child;

		while (running >= WRITER_SIDE_BY_SIDE)
			task_cond_wait(t, &cond, UINT64_MAX);
		sides[i] = (struct message_side){
			.parent = t,
			.cond = &cond,
			.running = &running,
			.d = { .w = w,
			    .target = &targets[i],
			    .name = w->name,
			    .in_place = targets[i].acc == w->first },
		};
		running++;
		child = task_start(task_sched(t), "deliver", message_side_run,
		    &sides[i]);
		task_set_deadline(child, task_deadline(t));
		task_set_log(child, task_log_session(t), targets[i].acc->id);
	}
	while (running > 0)
		task_cond_wait(t, &cond, UINT64_MAX);
	free(sides);
}

struct err *
message_writer_commit(struct task *t, struct message_writer **wp,
    struct message_target *targets, unsigned n)
{
	struct message_writer *w = *wp;
	struct message_delivery d;
	bool in_first = false;
	uint64_t size;
	struct err *e;

	e = share_stream_close(t, &w->stream, &w->fh, &size);
	if (e == NULL && size != w->bytes)
		e = err_new(task_arena(t), ERR_IO,
		    "the message was not written in full", NULL);
	if (err_is(e, ERR_STALE))
		account_month_forget(w->first); /* the next finds its way */
	if (e != NULL) {
		message_writer_abort(t, wp);
		return e;
	}
	w->pack =
	    mime_pack(w->arena, mime_parser_finish(w->parser), ENV_PACK_MAX);
	for (unsigned i = 0; i < n; i++)
		in_first |= targets[i].acc == w->first;
	if (n == 1) {
		d = (struct message_delivery){ .w = w,
			.target = targets,
			.name = w->name,
			.in_place = in_first };
		targets[0].err_r = message_delivery_run(t, &d);
	} else
		message_writer_spread(t, w, targets, n);
	if (!in_first && w->drawn)
		err_ignore(message_unlink(t, w->first, &w->name));
	message_writer_free(wp);
	return NULL;
}

struct err *
message_deliver(struct task *t, struct str bytes,
    struct message_target *targets, unsigned n)
{
	struct message_writer *w;
	struct err *e;

	e = message_writer_begin(t, targets[0].acc, NULL, &w);
	if (e != NULL)
		return e;
	e = message_writer_add(t, w, bytes.p, bytes.n);
	if (e != NULL) {
		message_writer_abort(t, &w);
		return e;
	}
	return message_writer_commit(t, &w, targets, n);
}
