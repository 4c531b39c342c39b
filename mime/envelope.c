/* envelope.c - the ENVELOPE of RFC 3501 and RFC 9051 */
#include "mime/envelope.h"

#include "base/attr.h"
#include "mime/header.h"

static const struct envelope_slot {
	const char *name;
	size_t offset;
	bool addresses;
} envelope_slots[] = {
	{ "date", offsetof(struct mime_envelope, date), false },
	{ "subject", offsetof(struct mime_envelope, subject), false },
	{ "from", offsetof(struct mime_envelope, from), true },
	{ "sender", offsetof(struct mime_envelope, sender), true },
	{ "reply-to", offsetof(struct mime_envelope, reply_to), true },
	{ "to", offsetof(struct mime_envelope, to), true },
	{ "cc", offsetof(struct mime_envelope, cc), true },
	{ "bcc", offsetof(struct mime_envelope, bcc), true },
	{ "in-reply-to", offsetof(struct mime_envelope, in_reply_to), false },
	{ "message-id", offsetof(struct mime_envelope, message_id), false },
};

/* The last one of every list, so that a field that stands a thousand times
 * costs no walk along the list each time. */
struct envelope_tails {
	struct mime_addr **v[countof(envelope_slots)];
};

static void
envelope_field(struct arena *a, struct mime_envelope *e,
    struct envelope_tails *tails, const struct mime_field *f,
    unsigned *addresses)
{
	for (size_t i = 0; i < countof(envelope_slots); i++) {
		const struct envelope_slot *slot = &envelope_slots[i];
		void *p = (char *)e + slot->offset;
		struct str *text = p;

		if (!str_case_eq_c(f->name, slot->name))
			continue;
		if (slot->addresses) {
			struct mime_addr **tail = tails->v[i];

			if (tail == NULL)
				tail = p;
			*tail = mime_addr_parse(a, f->value, addresses);
			while (*tail != NULL)
				tail = &(*tail)->next;
			tails->v[i] = tail;
		} else if (text->p == NULL) {
			*text = mime_header_unfold(a, f->value);
		}
		return;
	}
}

struct mime_envelope *
mime_envelope_parse(struct arena *a, struct str headers, unsigned *addresses)
{
	struct mime_envelope *e = arena_new_obj(a, struct mime_envelope);
	struct mime_header h = mime_header_of(headers);
	struct envelope_tails tails = { { NULL } };
	struct mime_field f;

	while (mime_header_next(&h, &f))
		envelope_field(a, e, &tails, &f, addresses);
	if (e->sender == NULL)
		e->sender = e->from;
	if (e->reply_to == NULL)
		e->reply_to = e->from;
	return e;
}
