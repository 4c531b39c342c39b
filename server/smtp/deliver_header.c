/* deliver_header.c - the header of a message, before it is written */
#include <stdlib.h>

#include "base/log.h"
#include "server/smtp/deliver_private.h"
#include "server/smtp/header_step.h"
#include "server/worker.h"
#include "storage/state_address.h"

#define DELIVER_VALUE_MAX 340 /* of Delivered-To: an address has 320 */

static const struct header_step *const deliver_steps[] = {
	&header_step_loops,
	&header_step_forged,
	&header_step_submission,
	&header_step_filters, /* they see what the others made of it */
	NULL,
};

/* --- loops --- */

static unsigned
deliver_count(const struct headers *h, const char *name)
{
	unsigned n = 0;

	for (unsigned i = headers_find(h, name, 0); i < h->n;
	     i = headers_find(h, name, i + 1))
		n++;
	return n;
}

static void
deliver_delivered_to(struct deliver *d, const struct headers *h, unsigned i)
{
	struct arena_mark mark = arena_mark(h->arena);
	struct str value =
	    headers_value(h->arena, &h->fields[i], DELIVER_VALUE_MAX);
	struct state_address ad;

	if (state_address_parse(h->arena, value, &ad) != NULL)
		ad.full = STR_NONE;
	for (unsigned j = 0; ad.full.n > 0 && j < d->account_n; j++)
		d->accounts[j].loop |= str_eq(d->accounts[j].address, ad.full);
	for (unsigned j = 0; ad.full.n > 0 && j < d->elsewhere_n; j++)
		d->elsewhere[j].loop |= d->elsewhere[j].forward &&
					str_eq(d->elsewhere[j].via, ad.full);
	arena_rewind(h->arena, mark);
}

static void
header_loops_run(struct task *t, struct deliver *d, struct headers *h)
{
	uint64_t max = worker_setting(d->w, STATE_SMTP_HOPS);

	(void)t;
	/* no more are compared than make a loop anyway */
	if (deliver_count(h, "Received") > max ||
	    deliver_count(h, "Delivered-To") > max) {
		deliver_refuse(d, DELIVER_LOOP);
		return;
	}
	for (unsigned i = headers_find(h, "Delivered-To", 0); i < h->n;
	     i = headers_find(h, "Delivered-To", i + 1))
		deliver_delivered_to(d, h, i);
}

const struct header_step header_step_loops = {
	.name = "loops",
	.run = header_loops_run,
};

/* --- filters --- */

static may_yield_unchecked void
header_filters_run(struct task *t, struct deliver *d, struct headers *h)
{
	task_set_deadline(t, task_now_ms(t) + FILTER_MS);
	filter_header(t, &d->filter, h);
	task_set_deadline(t, 0);
	deliver_filtered(d);
}

const struct header_step header_step_filters = {
	.name = "filters",
	.run = header_filters_run,
};

/* --- the header as a whole --- */

static void
deliver_note_id(struct deliver *d, const struct headers *h)
{
	unsigned i = headers_find(h, "Message-ID", 0);

	if (i < h->n)
		d->message_id = headers_value(d->arena, &h->fields[i],
		    DELIVER_MESSAGE_ID_MAX);
}

/* A pointer to a function has no mark. */
static may_yield_unchecked void
deliver_step_run(struct task *t, const struct header_step *s, struct deliver *d,
    struct headers *h)
{
	s->run(t, d, h);
}

/* Whether it is one that will be filled: its room is made. */
static may_yield must_check bool
deliver_header_room(struct task *t, struct deliver *d, struct str text)
{
	for (unsigned i = 0; i < d->filter.room_n; i++) {
		struct filter_room *r = &d->filter.rooms[i];
		struct err *e;

		if (r->text.p != text.p || d->verdict != DELIVER_OK)
			continue;
		task_set_deadline(t, task_now_ms(t) + DELIVER_WRITE_MS);
		e = deliver_sink_reserve(t, d, text.n, &r->place);
		task_set_deadline(t, 0);
		if (e != NULL) {
			log_warn(t, "message not written", LOG_ERR(e));
			deliver_refuse(d, deliver_verdict_of(e));
		}
		/* what it says if nobody says more */
		if (r->last.n == 0)
			r->last = arena_str(d->arena, text);
		return true;
	}
	return false;
}

static may_yield void
deliver_header_write(struct task *t, struct deliver *d, const struct headers *h)
{
	deliver_write(t, d, d->trace.p, d->trace.n);
	for (unsigned i = 0; i < h->n; i++) {
		struct str text = h->fields[i].text;

		if (!deliver_header_room(t, d, text))
			deliver_write(t, d, text.p, text.n);
	}
	deliver_write(t, d, h->between.p, h->between.n);
	deliver_write(t, d, h->rest.p, h->rest.n);
}

void
deliver_header(struct task *t, struct deliver *d)
{
	struct arena *a = arena_new(0);
	struct headers h;

	d->headed = true;
	headers_parse(a, buf_str(&d->head), &h);
	for (unsigned i = 0;
	     deliver_steps[i] != NULL && d->verdict == DELIVER_OK; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		deliver_step_run(t, deliver_steps[i], d, &h);
		arena_rewind(task_arena(t), mark);
	}
	deliver_note_id(d, &h);
	deliver_header_write(t, d, &h);
	if (d->verdict == DELIVER_OK)
		filter_body(&d->filter, headers_body(&h));
	buf_free(&d->head);
	arena_free(&a);
}

size_t
deliver_gather(struct task *t, struct deliver *d, struct str piece)
{
	struct str in = str_sub(piece, 0, HEADERS_BYTES_MAX - d->head.n);
	size_t before = d->head.n;

	buf_str_add(&d->head, in);
	if (headers_end(buf_str(&d->head), before) >= 0 ||
	    d->head.n == HEADERS_BYTES_MAX)
		deliver_header(t, d);
	return in.n;
}
