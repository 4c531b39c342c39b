/* hints_wire.c - what hints look like on the wire */
#include "server/cluster/hints_wire.h"

#include "base/crypto.h"
#include "storage/account.h"

#define HINTS_MAGIC "SHH1"
#define HINTS_MAGIC_BYTES 4

void
hints_wire_begin(struct buf *b, const struct hints_head *h)
{
	buf_add(b, HINTS_MAGIC, HINTS_MAGIC_BYTES);
	buf_add(b, h->node, sizeof(h->node));
	buf_add(b, h->session, sizeof(h->session));
	buf_le64(b, h->counter);
}

void
hint_put(struct buf *b, const struct hint *i)
{
	size_t length = 0;

	switch (i->type) {
	case HINT_ACCOUNT:
		length = 8 + i->id.n;
		break;
	case HINT_STATE:
		length = 8;
		break;
	case HINT_FAILURE:
	case HINT_QUEUE:
		length = 9;
		break;
	case HINT_TALLY:
		length = 10;
		break;
	case HINT_ALIVE:
	case HINT_NONE:
		break;
	}
	buf_char(b, (char)i->type);
	buf_char(b, (char)length);
	if (length >= 8)
		buf_le64(b, i->number);
	if (i->type == HINT_ACCOUNT)
		buf_str_add(b, i->id);
	else if (length == 9)
		buf_char(b, (char)i->points);
	else if (i->type == HINT_TALLY)
		buf_le16(b, (uint16_t)i->points);
}

static void
hints_wire_mac(const unsigned char key[32], const void *p, size_t n,
    unsigned char mac_r[32])
{
	crypto_hmac_sha256(key, 32, p, n, mac_r);
}

void
hints_wire_end(struct buf *b, const unsigned char key[32])
{
	unsigned char mac[32];

	hints_wire_mac(key, b->p, b->n, mac);
	buf_add(b, mac, HINTS_MAC_BYTES);
}

bool
hints_wire_open(struct str d, const unsigned char key[32], struct hints_head *h,
    struct str *items_r)
{
	unsigned char mac[32];
	size_t n;

	if (d.n < HINTS_HEAD_BYTES + HINTS_MAC_BYTES || d.n > HINTS_BYTES ||
	    !str_starts(d, STR(HINTS_MAGIC)))
		return false;
	n = d.n - HINTS_MAC_BYTES;
	hints_wire_mac(key, d.p, n, mac);
	if (!crypto_equal(mac, d.p + n, HINTS_MAC_BYTES))
		return false;
	memcpy(h->node, d.p + 4, sizeof(h->node));
	memcpy(h->session, d.p + 12, sizeof(h->session));
	h->counter = le64_get(d.p + 20);
	*items_r = str_sub(d, HINTS_HEAD_BYTES, n - HINTS_HEAD_BYTES);
	return true;
}

static enum hint_type
hint_body(unsigned char type, struct str body, struct hint *i)
{
	if (body.n >= 8)
		i->number = le64_get(body.p);
	switch (type) {
	case HINT_ACCOUNT:
		i->id = str_sub(body, 8, body.n);
		return body.n > 8 && account_id_is_valid(i->id) ? HINT_ACCOUNT
								: HINT_NONE;
	case HINT_STATE:
		return body.n == 8 ? HINT_STATE : HINT_NONE;
	case HINT_FAILURE:
		if (body.n != 9)
			return HINT_NONE;
		i->points = (unsigned char)body.p[8];
		return i->points > 0 ? HINT_FAILURE : HINT_NONE;
	case HINT_TALLY:
		if (body.n != 10)
			return HINT_NONE;
		i->points = le16_get(body.p + 8);
		return i->points > 0 ? HINT_TALLY : HINT_NONE;
	case HINT_QUEUE:
		if (body.n != 9)
			return HINT_NONE;
		i->points = (unsigned char)body.p[8];
		return i->points < HINTS_BUCKETS ? HINT_QUEUE : HINT_NONE;
	case HINT_ALIVE:
		return body.n == 0 ? HINT_ALIVE : HINT_NONE;
	default:
		return HINT_NONE;
	}
}

bool
hint_next(struct str *items, struct hint *i)
{
	unsigned char type, length;

	*i = (struct hint){ .type = HINT_NONE };
	if (items->n < 2)
		return false;
	type = (unsigned char)items->p[0];
	length = (unsigned char)items->p[1];
	if (items->n - 2 < length)
		return false;
	i->type = hint_body(type, str_sub(*items, 2, length), i);
	*items = str_sub(*items, 2 + (size_t)length, items->n);
	return true;
}

bool
hints_window_take(struct hints_window *w, uint64_t counter)
{
	uint64_t back;

	if (counter > w->top) {
		back = counter - w->top;
		w->seen = back < HINTS_WINDOW ? w->seen << back : 0;
		w->seen |= 1;
		w->top = counter;
		return true;
	}
	back = w->top - counter;
	if (back >= HINTS_WINDOW || (w->seen >> back & 1) != 0)
		return false;
	w->seen |= 1ULL << back;
	return true;
}
