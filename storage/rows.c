/* rows.c - the messages of one folder, in memory and as they are on disk */
#include "storage/rows.h"

#include <stdlib.h>

void
rows_free(struct rows *rs)
{
	free(rs->r);
	*rs = (struct rows){ .r = NULL };
}

struct message *
rows_push(struct rows *rs, const struct message *m)
{
	invariant(rs->n == 0 || rs->r[rs->n - 1].uid < m->uid);
	if (rs->n == rs->size) {
		rs->size = rs->size < 8 ? 8 : rs->size + rs->size / 2;
		rs->r = xrealloc(rs->r, rs->size, sizeof(*rs->r));
	}
	rs->r[rs->n] = *m;
	return &rs->r[rs->n++];
}

uint32_t
rows_lower(const struct rows *rs, uint32_t uid)
{
	uint32_t lo = 0, hi = rs->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (rs->r[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct message *
rows_find(const struct rows *rs, uint32_t uid)
{
	uint32_t i = rows_lower(rs, uid);

	return i < rs->n && rs->r[i].uid == uid ? &rs->r[i] : NULL;
}

void
rows_each(struct rows *rs, const struct uidset *uids, rows_fn fn, void *arg)
{
	uint32_t i, out, range = 0;

	if (uids->n == 0 || rs->n == 0)
		return;
	out = i = rows_lower(rs, uids->r[0].lo);
	while (i < rs->n && range < uids->n) {
		const struct uid_range *u = &uids->r[range];

		if (rs->r[i].uid > u->hi) {
			range++;
			continue;
		}
		if (rs->r[i].uid < u->lo || !fn(&rs->r[i], arg)) {
			if (out != i)
				rs->r[out] = rs->r[i];
			out++;
		}
		i++;
	}
	if (out == i)
		return;
	memmove(&rs->r[out], &rs->r[i], (rs->n - i) * sizeof(*rs->r));
	rs->n -= i - out;
}

static void
row_put16(unsigned char *p, uint16_t v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
}

static void
row_put32(unsigned char *p, uint32_t v)
{
	row_put16(p, (uint16_t)v);
	row_put16(p + 2, (uint16_t)(v >> 16));
}

void
row_encode(unsigned char out_r[ROW_BYTES], const struct message *m)
{
	invariant(m->modseq <= ROW_MODSEQ_MAX);
	memcpy(out_r, m->name.txid.b, 16);
	row_put32(out_r + 16, m->uid);
	row_put32(out_r + 20, (uint32_t)m->keywords);
	row_put32(out_r + 24, (uint32_t)(m->keywords >> 32));
	row_put32(out_r + 28, (uint32_t)m->bytes);
	row_put32(out_r + 32, (uint32_t)m->date);
	row_put32(out_r + 36, m->env);
	row_put32(out_r + 40, (uint32_t)m->modseq);
	out_r[44] = (unsigned char)(m->modseq >> 32);
	out_r[45] = m->flags;
	row_put16(out_r + 46, m->name.ordinal);
	row_put16(out_r + 48, m->name.month);
	row_put16(out_r + 50, m->env_units);
}

bool
row_decode(const unsigned char in[ROW_BYTES], struct message *m_r)
{
	*m_r = (struct message){
		.uid = le32_get(in + 16),
		.keywords = le64_get(in + 20),
		.bytes = le32_get(in + 28),
		.date = le32_get(in + 32),
		.env = le32_get(in + 36),
		.modseq = le32_get(in + 40) | (uint64_t)in[44] << 32,
		.flags = in[45],
		.env_units = le16_get(in + 50),
	};
	memcpy(m_r->name.txid.b, in, 16);
	m_r->name.ordinal = le16_get(in + 46);
	m_r->name.month = le16_get(in + 48);
	return m_r->uid != 0 && m_r->name.month != 0 &&
	       (m_r->flags & ~MESSAGE_FLAGS) == 0;
}
