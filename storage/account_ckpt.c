/* account_ckpt.c - the segments of an account's checkpoint */
#include "storage/account_ckpt.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/utf8.h"

#define CKPT_HEAD_MAGIC "SHOALHD1"
#define CKPT_ROWS_MAGIC "SHOALRW1"
#define CKPT_TOMB_MAGIC "SHOALTB1"
#define CKPT_MAGIC_BYTES 8

/* --- writing --- */

static void
ckpt_crc(struct buf *b, size_t start)
{
	buf_le32(b, crc32c(0, b->p + start, b->n - start));
}

static void
ckpt_u8(struct buf *b, unsigned v)
{
	buf_char(b, (char)v);
}

static void
ckpt_text16(struct buf *b, struct str s)
{
	buf_le16(b, (uint16_t)s.n);
	buf_str_add(b, s);
}

static bool
ckpt_row_is_changed(const struct message *m, uint64_t base)
{
	return m->modseq > base || m->unsaved;
}

static uint32_t
ckpt_folder_changed(const struct folder_state *f, uint64_t base)
{
	uint32_t n = 0;

	if (base == 0 || f->pub.created > base)
		return f->rows.n;
	for (uint32_t i = 0; i < f->rows.n; i++)
		n += ckpt_row_is_changed(&f->rows.r[i], base);
	return n;
}

uint32_t
account_ckpt_rows_changed(const struct account_state *s, uint64_t base)
{
	uint32_t n = base == 0 ? 0 : s->gone_count;

	for (unsigned i = 0; i < s->folder_count; i++)
		n += ckpt_folder_changed(s->by_id[i], base);
	return n;
}

uint32_t
account_ckpt_tombs_changed(const struct account_state *s, uint64_t base)
{
	uint32_t n = s->tomb_count;

	while (n > 0 && s->tombs[s->tomb_count - n].modseq <= base)
		n--;
	return n;
}

static void
ckpt_groups(struct buf *b, const struct account_state *s, uint64_t base)
{
	unsigned groups = 0;
	unsigned char row[ROW_BYTES];

	for (unsigned i = 0; i < s->folder_count; i++)
		groups += ckpt_folder_changed(s->by_id[i], base) > 0;
	buf_le32(b, groups);
	for (unsigned i = 0; i < s->folder_count; i++) {
		uint32_t n = ckpt_folder_changed(s->by_id[i], base);

		if (n == 0)
			continue;
		buf_le32(b, s->by_id[i]->pub.id);
		buf_le32(b, n);
	}
	for (unsigned i = 0; i < s->folder_count; i++) {
		const struct folder_state *f = s->by_id[i];
		bool all = base == 0 || f->pub.created > base;

		for (uint32_t j = 0; j < f->rows.n; j++) {
			if (!all && !ckpt_row_is_changed(&f->rows.r[j], base))
				continue;
			row_encode(row, &f->rows.r[j]);
			buf_add(b, row, sizeof(row));
		}
	}
}

static void
ckpt_tombs(struct buf *b, const struct account_state *s, uint64_t base)
{
	uint32_t n = account_ckpt_tombs_changed(s, base);

	buf_le32(b, n);
	for (uint32_t i = s->tomb_count - n; i < s->tomb_count; i++) {
		const struct tombstone *t = &s->tombs[i];

		buf_add(b, t->name.txid.b, sizeof(t->name.txid.b));
		buf_le32(b, t->folder);
		buf_le32(b, t->uid);
		buf_le64(b, t->modseq);
		buf_le32(b, (uint32_t)t->bytes);
		buf_le32(b, (uint32_t)t->date);
		buf_le16(b, t->name.ordinal);
		buf_le16(b, t->name.month);
		buf_le32(b, t->flags);
	}
}

static void
ckpt_folders(struct buf *b, const struct account_state *s)
{
	buf_le32(b, s->folder_count);
	for (unsigned i = 0; i < s->folder_count; i++) {
		const struct folder *f = &s->by_id[i]->pub;

		buf_le32(b, f->id);
		buf_le32(b, f->uidvalidity);
		buf_le32(b, f->uidnext);
		buf_le64(b, f->highestmodseq);
		buf_le64(b, f->created);
		ckpt_u8(b, f->use);
		ckpt_text16(b, f->name);
	}
}

static void
ckpt_keywords(struct buf *b, const struct account_state *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MESSAGE_KEYWORDS; i++)
		n += s->keywords[i] != NULL;
	ckpt_u8(b, n);
	for (unsigned i = 0; i < MESSAGE_KEYWORDS; i++) {
		struct str word = str_c(s->keywords[i]);

		if (s->keywords[i] == NULL)
			continue;
		ckpt_u8(b, i);
		ckpt_u8(b, (unsigned)word.n);
		buf_str_add(b, word);
	}
}

void
account_ckpt_head(struct buf *b, const struct account_state *s, uint64_t seq,
    const struct account_ckpt_bases *bases)
{
	size_t start = b->n;
	unsigned gone;

	buf_c(b, CKPT_HEAD_MAGIC);
	buf_le64(b, seq);
	buf_le64(b, bases->rows);
	buf_le64(b, bases->tomb);
	buf_le64(b, s->forgotten);
	buf_le64(b, s->bytes);
	buf_le64(b, s->messages);
	buf_le32(b, s->uidvalidity_top);
	ckpt_u8(b, (unsigned char)s->state);
	ckpt_u8(b, s->mark_count);
	for (unsigned i = 0; i < s->mark_count; i++) {
		buf_le64(b, s->marks[i].seq);
		buf_le32(b, s->marks[i].time);
	}
	ckpt_keywords(b, s);
	buf_le32(b, s->sub_count);
	for (unsigned i = 0; i < s->sub_count; i++)
		ckpt_text16(b, str_c(s->subs[i]));
	ckpt_folders(b, s);
	ckpt_tombs(b, s, bases->tomb);
	/* a base written with this head has none of them */
	gone = bases->rows == 0 || bases->rows == seq ? 0 : s->gone_count;
	buf_le32(b, gone);
	for (unsigned i = 0; i < gone; i++) {
		buf_le32(b, s->gone[i].folder);
		buf_le32(b, s->gone[i].uid);
	}
	ckpt_groups(b, s, bases->rows);
	if (buf_ok(b))
		ckpt_crc(b, start);
}

void
account_ckpt_rows(struct buf *b, const struct account_state *s, uint64_t seq)
{
	size_t start = b->n;

	buf_c(b, CKPT_ROWS_MAGIC);
	buf_le64(b, seq);
	ckpt_groups(b, s, 0);
	if (buf_ok(b))
		ckpt_crc(b, start);
}

void
account_ckpt_tomb(struct buf *b, const struct account_state *s, uint64_t seq)
{
	size_t start = b->n;

	buf_c(b, CKPT_TOMB_MAGIC);
	buf_le64(b, seq);
	ckpt_tombs(b, s, 0);
	if (buf_ok(b))
		ckpt_crc(b, start);
}

/* --- reading --- */

struct ckpt_in {
	const unsigned char *p;
	size_t n;
	bool bad;
};

static const unsigned char *
ckpt_take(struct ckpt_in *in, uint64_t n)
{
	const unsigned char *p = in->p;

	if (in->bad || n > in->n) {
		in->bad = true;
		return NULL;
	}
	in->p += n;
	in->n -= n;
	return p;
}

static uint64_t
ckpt_get(struct ckpt_in *in, unsigned bytes)
{
	const unsigned char *p = ckpt_take(in, bytes);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	for (unsigned i = bytes; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static struct str
ckpt_get_text(struct ckpt_in *in, unsigned length_bytes)
{
	uint64_t n = ckpt_get(in, length_bytes);
	const unsigned char *p = ckpt_take(in, n);

	if (p == NULL || !utf8_is_valid(str_of(p, n)) ||
	    memchr(p, 0, n) != NULL) {
		in->bad = true;
		return STR_NONE;
	}
	return str_of(p, n);
}

static struct err *
ckpt_corrupt(struct arena *a, const char *what)
{
	return err_newf(a, ERR_CORRUPT,
	    "the account's checkpoint is damaged (%s)", what);
}

/* Magic and checksum; what is between them into *in_r. */
static struct err *
ckpt_open(struct arena *a, struct str data, const char *magic, const char *what,
    struct ckpt_in *in_r)
{
	if (data.n < CKPT_MAGIC_BYTES + 4 ||
	    memcmp(data.p, magic, CKPT_MAGIC_BYTES - 1) != 0)
		return ckpt_corrupt(a, what);
	if (data.p[CKPT_MAGIC_BYTES - 1] != magic[CKPT_MAGIC_BYTES - 1])
		return err_new(a, ERR_FORMAT,
		    "the account's checkpoint was written by another version",
		    "%s segment", what);
	if (le32_get(data.p + data.n - 4) != crc32c(0, data.p, data.n - 4))
		return ckpt_corrupt(a, what);
	in_r->p = (const unsigned char *)data.p + CKPT_MAGIC_BYTES;
	in_r->n = data.n - CKPT_MAGIC_BYTES - 4;
	in_r->bad = false;
	return NULL;
}

/* The groups of one segment, walked beside another's. */
struct ckpt_group {
	uint32_t folder, n;
	const unsigned char *rows;
};

static bool
ckpt_get_groups(struct ckpt_in *in, struct arena *a,
    struct ckpt_group **groups_r, uint32_t *n_r)
{
	uint64_t n = ckpt_get(in, 4);
	struct ckpt_group *g;

	*n_r = 0;
	if (in->bad || n > in->n / 8)
		return false;
	g = arena_array(a, n + 1, sizeof(*g));
	for (uint64_t i = 0; i < n; i++) {
		g[i].folder = (uint32_t)ckpt_get(in, 4);
		g[i].n = (uint32_t)ckpt_get(in, 4);
		if (i > 0 && g[i].folder <= g[i - 1].folder)
			return false;
	}
	for (uint64_t i = 0; i < n; i++) {
		g[i].rows = ckpt_take(in, (uint64_t)g[i].n * ROW_BYTES);
		if (g[i].rows == NULL)
			return false;
	}
	*groups_r = g;
	*n_r = (uint32_t)n;
	return !in->bad;
}

static const struct ckpt_group *
ckpt_group_find(const struct ckpt_group *g, uint32_t n, uint32_t folder)
{
	static const struct ckpt_group none;
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (g[mid].folder < folder)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && g[lo].folder == folder ? &g[lo] : &none;
}

static int
ckpt_gone_cmp(const void *x, const void *y)
{
	const struct account_gone *a = x, *b = y;

	if (a->folder != b->folder)
		return a->folder < b->folder ? -1 : 1;
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

struct ckpt_load {
	struct account_state *s;
	struct account_ckpt_bases bases;
	uint64_t seq;
	const struct account_gone *gone; /* sorted */
	uint32_t gone_n;
};

static bool
ckpt_is_gone(const struct ckpt_load *l, uint32_t folder, uint32_t uid)
{
	struct account_gone key = { folder, uid };

	return bsearch(&key, l->gone, l->gone_n, sizeof(key), ckpt_gone_cmp) !=
	       NULL;
}

/* Merge a folder's base and changed rows. */
static bool
ckpt_merge(struct ckpt_load *l, struct folder_state *f,
    const struct ckpt_group *base, const struct ckpt_group *head)
{
	uint32_t i = 0, j = 0, last = 0;
	struct message b, h, *m;

	while (i < base->n || j < head->n) {
		b.uid = h.uid = UINT32_MAX;
		if (i < base->n && !row_decode(base->rows + i * ROW_BYTES, &b))
			return false;
		if (j < head->n && !row_decode(head->rows + j * ROW_BYTES, &h))
			return false;
		if (j < head->n && h.uid <= b.uid) {
			m = &h;
			j++;
			i += i < base->n && h.uid == b.uid;
			/* changed only in its env place: see account_save */
			m->unsaved = m->modseq <= l->bases.rows;
		} else {
			m = &b;
			i++;
			if (ckpt_is_gone(l, f->pub.id, b.uid))
				continue;
		}
		if (m->uid <= last || m->uid >= f->pub.uidnext ||
		    m->modseq > l->seq)
			return false;
		last = m->uid;
		account_state_row_add(l->s, f, m);
	}
	return true;
}

static bool
ckpt_load_tombs(struct ckpt_load *l, struct ckpt_in *in)
{
	uint64_t n = ckpt_get(in, 4), last = 0;
	const unsigned char *p;

	for (uint64_t i = 0; i < n; i++) {
		struct tombstone t = { .folder = 0 };

		p = ckpt_take(in, ACCOUNT_TOMB_BYTES);
		if (p == NULL)
			return false;
		memcpy(t.name.txid.b, p, 16);
		t.folder = le32_get(p + 16);
		t.uid = le32_get(p + 20);
		t.modseq = le64_get(p + 24);
		t.bytes = le32_get(p + 32);
		t.date = le32_get(p + 36);
		t.name.ordinal = le16_get(p + 40);
		t.name.month = le16_get(p + 42);
		t.flags = p[44] & MESSAGE_FLAGS;
		if (t.modseq < last || t.modseq > l->seq || t.uid == 0)
			return false;
		last = t.modseq;
		/* a base may still have what was forgotten since */
		if (t.modseq > l->s->forgotten)
			account_state_tomb_add(l->s, &t);
	}
	return !in->bad;
}

static bool
ckpt_load_names(struct account_state *s, struct ckpt_in *in)
{
	uint64_t n = ckpt_get(in, 1);
	struct str text;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t seq = ckpt_get(in, 8);

		account_state_mark_add(s, seq, (uint32_t)ckpt_get(in, 4));
	}
	n = ckpt_get(in, 1);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t bit = ckpt_get(in, 1);

		text = ckpt_get_text(in, 1);
		if (in->bad || bit >= MESSAGE_KEYWORDS || text.n == 0 ||
		    text.n > MESSAGE_KEYWORD_MAX || s->keywords[bit] != NULL)
			return false;
		s->keywords[bit] = xcalloc(text.n + 1, 1);
		memcpy(s->keywords[bit], text.p, text.n);
	}
	n = ckpt_get(in, 4);
	for (uint64_t i = 0; i < n && !in->bad; i++) {
		text = ckpt_get_text(in, 2);
		if (!in->bad)
			account_state_subscribe(s, text, true);
	}
	return !in->bad;
}

static bool
ckpt_load_folders(struct ckpt_load *l, struct ckpt_in *in)
{
	uint64_t n = ckpt_get(in, 4);

	for (uint64_t i = 0; i < n; i++) {
		struct folder f = { .id = (uint32_t)ckpt_get(in, 4) };

		f.uidvalidity = (uint32_t)ckpt_get(in, 4);
		f.uidnext = (uint32_t)ckpt_get(in, 4);
		f.highestmodseq = ckpt_get(in, 8);
		f.created = ckpt_get(in, 8);
		f.use = (enum folder_use)ckpt_get(in, 1);
		f.name = ckpt_get_text(in, 2);
		if (in->bad || f.id == 0 || f.uidvalidity == 0 ||
		    f.uidnext == 0 || f.name.n == 0 ||
		    f.highestmodseq > l->seq || f.created > l->seq ||
		    strchr("-DSJTA", (int)f.use) == NULL || f.use == 0 ||
		    account_state_folder_add(l->s, &f) == NULL)
			return false;
	}
	return true;
}

static bool
ckpt_load_gone(struct ckpt_load *l, struct ckpt_in *in)
{
	struct account_state *s = l->s;
	uint64_t n = ckpt_get(in, 4);

	if (in->bad || n > in->n / 8)
		return false;
	s->gone = xcalloc(n + 1, sizeof(*s->gone));
	s->gone_size = (unsigned)n + 1;
	for (uint64_t i = 0; i < n; i++) {
		s->gone[i].folder = (uint32_t)ckpt_get(in, 4);
		s->gone[i].uid = (uint32_t)ckpt_get(in, 4);
	}
	s->gone_count = (unsigned)n;
	qsort(s->gone, n, sizeof(*s->gone), ckpt_gone_cmp);
	l->gone = s->gone;
	l->gone_n = (uint32_t)n;
	return true;
}

static bool
ckpt_load_rows(struct ckpt_load *l, struct ckpt_in *head, struct ckpt_in *rows,
    struct arena *a)
{
	static const struct ckpt_group none;
	struct ckpt_group *hg = NULL, *bg = NULL;
	uint32_t hn, bn = 0, used = 0;

	if (!ckpt_get_groups(head, a, &hg, &hn) || head->n != 0)
		return false;
	if (l->bases.rows != 0 &&
	    (!ckpt_get_groups(rows, a, &bg, &bn) || rows->n != 0))
		return false;
	for (unsigned i = 0; i < l->s->folder_count; i++) {
		struct folder_state *f = l->s->by_id[i];
		const struct ckpt_group *h = ckpt_group_find(hg, hn, f->pub.id);
		const struct ckpt_group *b =
		    f->pub.created > l->bases.rows
			? &none
			: ckpt_group_find(bg, bn, f->pub.id);

		used += h->n > 0;
		if (!ckpt_merge(l, f, b, h))
			return false;
	}
	return used == hn;
}

static bool
ckpt_load_head(struct ckpt_load *l, struct ckpt_in *in, uint64_t *bytes_r,
    uint64_t *messages_r)
{
	struct account_state *s = l->s;

	l->seq = ckpt_get(in, 8);
	l->bases.rows = ckpt_get(in, 8);
	l->bases.tomb = ckpt_get(in, 8);
	s->forgotten = ckpt_get(in, 8);
	*bytes_r = ckpt_get(in, 8);
	*messages_r = ckpt_get(in, 8);
	s->uidvalidity_top = (uint32_t)ckpt_get(in, 4);
	s->state = (char)ckpt_get(in, 1);
	if (in->bad ||
	    (s->state != 'o' && s->state != 'k' && s->state != 'p') ||
	    l->bases.rows > l->seq || l->bases.tomb > l->seq ||
	    l->seq > ROW_MODSEQ_MAX)
		return false;
	s->base_seq = l->bases.rows;
	return ckpt_load_names(s, in) && ckpt_load_folders(l, in);
}

static struct err *
ckpt_base_seq(struct arena *a, struct ckpt_in *in, uint64_t want,
    const char *what)
{
	return ckpt_get(in, 8) == want ? NULL : ckpt_corrupt(a, what);
}

struct err *
account_ckpt_load(struct arena *a, struct account_state *s, struct str head,
    struct str rows, struct str tomb, uint64_t *seq_r,
    struct account_ckpt_bases *bases_r)
{
	struct ckpt_load l = { .s = s };
	struct ckpt_in hin, rin = { .n = 0 }, tin = { .n = 0 };
	uint64_t bytes, messages;
	struct err *e;

	e = ckpt_open(a, head, CKPT_HEAD_MAGIC, "head", &hin);
	if (e != NULL)
		return e;
	if (!ckpt_load_head(&l, &hin, &bytes, &messages))
		return ckpt_corrupt(a, "head");
	if (l.bases.tomb != 0) {
		e = ckpt_open(a, tomb, CKPT_TOMB_MAGIC, "tomb", &tin);
		if (e == NULL)
			e = ckpt_base_seq(a, &tin, l.bases.tomb, "tomb");
		if (e != NULL)
			return e;
		if (!ckpt_load_tombs(&l, &tin) || tin.n != 0)
			return ckpt_corrupt(a, "tomb");
	}
	if (!ckpt_load_tombs(&l, &hin) || !ckpt_load_gone(&l, &hin))
		return ckpt_corrupt(a, "head");
	if (l.bases.rows != 0) {
		e = ckpt_open(a, rows, CKPT_ROWS_MAGIC, "rows", &rin);
		if (e == NULL)
			e = ckpt_base_seq(a, &rin, l.bases.rows, "rows");
		if (e != NULL)
			return e;
	}
	if (!ckpt_load_rows(&l, &hin, &rin, a))
		return ckpt_corrupt(a, "rows");
	if (s->bytes != bytes || s->messages != messages)
		return ckpt_corrupt(a, "usage");
	*seq_r = l.seq;
	*bases_r = l.bases;
	return NULL;
}
