/* filter.c - who is asked about a message before it is accepted */
#include "server/smtp/filter.h"

#include "base/buf.h"

void
filter_say(struct filter_msg *m, enum filter_verdict v, unsigned code,
    const char *enhanced, const char *text)
{
	if (v <= m->verdict)
		return;
	m->verdict = v;
	m->code = code;
	m->enhanced = enhanced;
	m->text = text;
}

/* --- room --- */

void
filter_note(struct filter_msg *m, const char *key, struct str value)
{
	if (m->note_n < FILTER_NOTES)
		m->notes[m->note_n++] = (struct filter_note){ key, value };
}

bool
filter_room(struct filter_msg *m, struct headers *h, struct str field,
    unsigned *room_r)
{
	if (m->room_n == FILTER_ROOMS || field.n > FILTER_ROOM_MAX)
		return false;
	headers_prepend(h, field);
	*room_r = m->room_n;
	/* its place in memory says which field it is until it is written */
	m->rooms[m->room_n++] =
	    (struct filter_room){ .text = h->fields[0].text };
	return true;
}

void
filter_fill(struct filter_msg *m, unsigned room, struct str field)
{
	struct filter_room *r = &m->rooms[room];
	struct buf b;

	invariant(field.n >= 2 && field.n <= r->text.n);
	buf_init(&b, m->arena, r->text.n);
	buf_add(&b, field.p, field.n - 2);
	while (b.n < r->text.n - 2)
		buf_char(&b, ' ');
	buf_c(&b, "\r\n");
	r->last = buf_str(&b);
}

/* --- running --- */

void
filter_begin(struct filter_msg *m)
{
	unsigned n = 0;

	while (filters[n] != NULL)
		n++;
	m->state = arena_array(m->arena, n, sizeof(*m->state));
	for (unsigned i = 0; i < n; i++)
		m->state[i] = filters[i]->begin(m);
}

/* Pointers to functions have no mark. */
static may_yield_unchecked void
filter_header_one(struct task *t, struct filter_msg *m, unsigned i,
    struct headers *h)
{
	filters[i]->header(t, m, m->state[i], h);
}

static may_yield_unchecked void
filter_end_one(struct task *t, struct filter_msg *m, unsigned i)
{
	filters[i]->end(t, m, m->state[i]);
}

void
filter_header(struct task *t, struct filter_msg *m, struct headers *h)
{
	for (unsigned i = 0; filters[i] != NULL; i++)
		if (m->state[i] != NULL)
			filter_header_one(t, m, i, h);
}

void
filter_body(struct filter_msg *m, struct str piece)
{
	for (unsigned i = 0; piece.n > 0 && filters[i] != NULL; i++)
		if (m->state[i] != NULL)
			filters[i]->body(m->state[i], piece);
}

void
filter_end(struct task *t, struct filter_msg *m)
{
	for (unsigned i = 0; filters[i] != NULL; i++)
		if (m->state[i] != NULL)
			filter_end_one(t, m, i);
}
