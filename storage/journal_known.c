/* journal_known.c - the txids a journal knows: entries, and what was voided */
#include <stdlib.h>

#include "storage/journal_private.h"

/*
 * Rows stand in the order of their entries, so that forgetting drops a prefix
 * and a checkpoint's delta is a suffix; an index of open addressing finds a
 * txid.  On the share a row is seq (le64, with the mark) and txid.
 */
#define KNOWN_INDEX_MIN 64

static size_t
known_slot(const struct known *k, const struct txid *x)
{
	/* txids are random; the factor spreads those that are not */
	uint64_t h =
	    (le64_get(x->b) ^ le64_get(x->b + 8)) * 0x9e3779b97f4a7c15ULL;

	return (size_t)(h >> 32) & (k->index_size - 1);
}

void
known_clear(struct known *k)
{
	free(k->rows);
	free(k->index);
	*k = (struct known){ 0 };
}

static void
known_index(struct known *k, size_t row)
{
	size_t at = known_slot(k, &k->rows[row].txid);

	while (k->index[at] != 0)
		at = (at + 1) & (k->index_size - 1);
	k->index[at] = (uint32_t)row + 1;
}

static void
known_reindex(struct known *k)
{
	size_t want = KNOWN_INDEX_MIN, i;

	while (want < k->n * 2 + 2)
		want *= 2;
	free(k->index);
	k->index = xcalloc(want, sizeof(k->index[0]));
	k->index_size = want;
	for (i = 0; i < k->n; i++)
		known_index(k, i);
}

void
known_add(struct known *k, uint64_t seq, const struct txid *x)
{
	if (k->n == k->size) {
		k->size = k->size == 0 ? 32 : k->size * 2;
		k->rows = xrealloc(k->rows, k->size, sizeof(k->rows[0]));
	}
	k->rows[k->n] = (struct known_row){ seq, *x };
	k->n++;
	if (k->n * 2 > k->index_size)
		known_reindex(k);
	else
		known_index(k, k->n - 1);
}

uint64_t
known_find(const struct known *k, const struct txid *x)
{
	size_t at;

	if (k->n == 0)
		return 0;
	for (at = known_slot(k, x); k->index[at] != 0;
	     at = (at + 1) & (k->index_size - 1)) {
		const struct known_row *row = &k->rows[k->index[at] - 1];

		if (txid_eq(&row->txid, x))
			return row->seq;
	}
	return 0;
}

/* First row of an entry at or above seq. */
static size_t
known_from(const struct known *k, uint64_t seq)
{
	size_t lo = 0, hi = k->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if ((k->rows[mid].seq & ~KNOWN_VOID) < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct txid *
known_at(const struct known *k, uint64_t seq)
{
	size_t i;

	for (i = known_from(k, seq);
	     i < k->n && (k->rows[i].seq & ~KNOWN_VOID) == seq; i++)
		if (!(k->rows[i].seq & KNOWN_VOID))
			return &k->rows[i].txid;
	return NULL;
}

void
known_forget(struct known *k, uint64_t upto)
{
	size_t drop = known_from(k, upto + 1);

	if (drop == 0)
		return;
	memmove(k->rows, k->rows + drop, (k->n - drop) * sizeof(k->rows[0]));
	k->n -= drop;
	known_reindex(k);
}

void
known_write(const struct known *k, uint64_t from, struct buf *b)
{
	size_t i;

	for (i = known_from(k, from + 1); i < k->n; i++) {
		buf_le64(b, k->rows[i].seq);
		buf_add(b, k->rows[i].txid.b, sizeof(k->rows[i].txid.b));
	}
}

bool
known_read(struct known *k, struct str data, uint64_t forgot, uint64_t upto)
{
	uint64_t last = k->n == 0 ? 0 : k->rows[k->n - 1].seq & ~KNOWN_VOID;
	size_t at;

	if (data.n % KNOWN_ROW_BYTES != 0)
		return false;
	for (at = 0; at < data.n; at += KNOWN_ROW_BYTES) {
		uint64_t mark = le64_get(data.p + at);
		uint64_t seq = mark & ~KNOWN_VOID;
		struct txid x;

		if (seq < last || seq == 0 || seq > upto)
			return false;
		last = seq;
		if (seq <= forgot)
			continue;
		memcpy(x.b, data.p + at + 8, sizeof(x.b));
		if (known_find(k, &x) != 0)
			return false;
		known_add(k, mark, &x);
	}
	return true;
}
