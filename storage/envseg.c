/* envseg.c - envelope data of an account's messages, in few large files */
#include "storage/envseg.h"

#include <stdlib.h>

#include "base/crypto.h"

#define ENV_MAGIC "SHOALEN1"
#define ENV_MERGE_FAN 3 /* old ones, with the new one four */
#define ENV_LEVEL_UNITS 8192

static void
env_seg_free(struct env_seg *s)
{
	free((char *)s->seg.kind.p);
	free((char *)s->seg.name.p);
	free((char *)s->seg.arg.p);
}

void
envs_clear(struct envs *es)
{
	for (unsigned i = 0; i < es->n; i++)
		env_seg_free(&es->segs[i]);
	es->n = 0;
}

void
envs_free(struct envs *es)
{
	envs_clear(es);
	free(es->segs);
	for (unsigned i = 0; i < es->pending_count; i++)
		free(es->pending[i]);
	free(es->pending);
	*es = (struct envs){ .n = 0 };
}

uint32_t
envs_end(const struct envs *es)
{
	return es->n == 0
		   ? 1
		   : es->segs[es->n - 1].start + es->segs[es->n - 1].units;
}

static struct str
env_strdup(struct str s)
{
	return str_of(xmemdup(s.n > 0 ? s.p : "", s.n > 0 ? s.n : 1), s.n);
}

struct err *
envs_add(struct arena *a, struct envs *es, const struct journal_seg *seg)
{
	struct env_seg s = { .seg = *seg };
	uint64_t units = (seg->bytes - ENV_HEADER_BYTES) / ENV_UNIT;

	if (seg->bytes < ENV_HEADER_BYTES || seg->bytes % ENV_UNIT != 0 ||
	    !str_u32(seg->arg, &s.start) || s.start < envs_end(es) ||
	    units > ENV_PLACE_MAX || s.start > ENV_PLACE_MAX - units)
		return err_new(a, ERR_CORRUPT,
		    "the account's checkpoint is damaged (env)", NULL);
	s.units = (uint32_t)units;
	s.seg.kind = env_strdup(seg->kind);
	s.seg.name = env_strdup(seg->name);
	s.seg.arg = env_strdup(seg->arg);
	if (es->n == es->size) {
		es->size = es->size == 0 ? 8 : es->size * 2;
		es->segs = xrealloc(es->segs, es->size, sizeof(*es->segs));
	}
	es->segs[es->n++] = s;
	return NULL;
}

const struct env_seg *
envs_find(const struct envs *es, uint32_t place, uint32_t units)
{
	for (unsigned i = 0; i < es->n; i++) {
		const struct env_seg *s = &es->segs[i];

		if (place >= s->start && place - s->start < s->units &&
		    units <= s->units - (place - s->start))
			return s;
	}
	return NULL;
}

/* --- pending --- */

static int
env_name_cmp(const struct message_name *x, const struct message_name *y)
{
	int c = memcmp(x->txid.b, y->txid.b, sizeof(x->txid.b));

	if (c != 0)
		return c;
	return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

static unsigned
envs_lower(const struct envs *es, const struct message_name *name)
{
	unsigned lo = 0, hi = es->pending_count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (env_name_cmp(&es->pending[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct env_pack *
envs_pending(const struct envs *es, const struct message_name *name)
{
	unsigned i = envs_lower(es, name);

	return i < es->pending_count &&
		       env_name_cmp(&es->pending[i]->name, name) == 0
		   ? es->pending[i]
		   : NULL;
}

bool
envs_pend(struct envs *es, const struct message_name *name, struct str pack)
{
	unsigned i = envs_lower(es, name);
	struct env_pack *p;

	if (envs_pending(es, name) != NULL)
		return true;
	if (es->pending_count == ENV_PENDING_MAX || pack.n > ENV_PACK_MAX ||
	    es->pending_bytes + pack.n > ENV_PENDING_BYTES)
		return false;
	if (es->pending == NULL)
		es->pending = xcalloc(ENV_PENDING_MAX, sizeof(*es->pending));
	p = xcalloc(1, sizeof(*p) + pack.n);
	p->name = *name;
	p->bytes = (uint32_t)pack.n;
	memcpy(p->data, pack.p, pack.n);
	memmove(es->pending + i + 1, es->pending + i,
	    (es->pending_count - i) * sizeof(*es->pending));
	es->pending[i] = p;
	es->pending_count++;
	es->pending_bytes += pack.n;
	return true;
}

void
envs_unpend(struct envs *es, const struct message_name *name)
{
	unsigned i = envs_lower(es, name);

	if (envs_pending(es, name) == NULL)
		return;
	es->pending_bytes -= es->pending[i]->bytes;
	free(es->pending[i]);
	es->pending_count--;
	memmove(es->pending + i, es->pending + i + 1,
	    (es->pending_count - i) * sizeof(*es->pending));
}

/* --- records --- */

void
env_header_write(struct buf *b, uint32_t start)
{
	size_t at = b->n;

	buf_c(b, ENV_MAGIC);
	buf_le32(b, start);
	if (buf_ok(b))
		buf_le32(b, crc32c(0, b->p + at, b->n - at));
}

uint32_t
env_record_write(struct buf *b, const struct message_name *name,
    struct str pack)
{
	size_t at = b->n, used;
	uint32_t crc;

	buf_le32(b, 0);
	buf_le32(b, (uint32_t)pack.n);
	buf_add(b, name->txid.b, sizeof(name->txid.b));
	buf_le16(b, name->ordinal);
	buf_le16(b, 0);
	buf_le32(b, 0);
	buf_str_add(b, pack);
	if (!buf_ok(b))
		return 0;
	used = b->n - at;
	crc = crc32c(0, b->p + at + 4, used - 4);
	for (unsigned i = 0; i < 4; i++)
		b->p[at + i] = (char)(crc >> 8 * i);
	if (used % ENV_UNIT != 0)
		buf_space(b, ENV_UNIT - used % ENV_UNIT);
	return (uint32_t)((b->n - at) / ENV_UNIT);
}

bool
env_record_read(struct str units, const struct message_name *name,
    struct str *pack_r)
{
	uint32_t n;

	if (units.n < ENV_RECORD_BYTES)
		return false;
	n = le32_get(units.p + 4);
	if (n > units.n - ENV_RECORD_BYTES ||
	    memcmp(units.p + 8, name->txid.b, sizeof(name->txid.b)) != 0 ||
	    le16_get(units.p + 24) != name->ordinal ||
	    le32_get(units.p) !=
		crc32c(0, units.p + 4, ENV_RECORD_BYTES - 4 + n))
		return false;
	*pack_r = str_of(units.p + ENV_RECORD_BYTES, n);
	return true;
}

/* --- merging --- */

static unsigned
env_level(uint64_t units)
{
	unsigned level = 0;

	for (; units > ENV_LEVEL_UNITS; units /= 4)
		level++;
	return level;
}

unsigned
envs_merge_count(const struct envs *es, uint32_t units)
{
	uint64_t sum = units;
	unsigned taken = 0, same;

	/* the newest are asked for most: they are kept in one piece */
	while (taken < es->n &&
	       (sum + es->segs[es->n - 1 - taken].units) * ENV_UNIT <=
		   ENV_ALWAYS_BYTES)
		sum += es->segs[es->n - 1 - taken++].units;
	for (;;) {
		unsigned level = env_level(sum);
		uint64_t more = 0;

		for (same = 0; taken + same < es->n; same++) {
			const struct env_seg *s =
			    &es->segs[es->n - 1 - taken - same];

			if (env_level(s->units) > level ||
			    (sum + more + s->units) * ENV_UNIT >
				ENV_MERGE_BYTES)
				break;
			more += s->units;
		}
		if (same < ENV_MERGE_FAN)
			return taken;
		taken += same;
		sum += more;
	}
}
