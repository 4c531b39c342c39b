/* dkim_fields.c - a header's fields by name, bottom up (RFC 6376, 5.4.2) */
#include <stdlib.h>

#include "server/mailauth/dkim_private.h"

struct dkim_field {
	struct mime_field f;
	unsigned at;	/* place in the header */
	unsigned taken; /* of the first of a name: how many */
};

struct dkim_fields {
	struct dkim_field *list;
	unsigned n;
};

static char
dkim_fields_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
}

static int
dkim_fields_names(struct str a, struct str b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	for (size_t i = 0; i < a.n; i++) {
		char x = dkim_fields_lower(a.p[i]);
		char y = dkim_fields_lower(b.p[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static int
dkim_fields_order(const void *pa, const void *pb)
{
	const struct dkim_field *a = pa, *b = pb;
	int names = dkim_fields_names(a->f.name, b->f.name);

	if (names != 0)
		return names;
	return a->at > b->at ? -1 : 1;
}

struct dkim_fields *
dkim_fields_new(struct arena *a, struct str header)
{
	struct dkim_fields *fs = arena_new_obj(a, struct dkim_fields);
	struct mime_header h = mime_header_of(header);
	struct mime_field f;
	unsigned n = 0;

	while (mime_header_next(&h, &f))
		n++;
	fs->list = arena_array(a, n + 1, sizeof(*fs->list));
	h = mime_header_of(header);
	while (mime_header_next(&h, &f)) {
		fs->list[fs->n] = (struct dkim_field){ .f = f, .at = fs->n };
		fs->n++;
	}
	if (fs->n > 1)
		qsort(fs->list, fs->n, sizeof(*fs->list), dkim_fields_order);
	return fs;
}

/* The first of that name, or where it would be. */
static unsigned
dkim_fields_find(const struct dkim_fields *fs, struct str name)
{
	unsigned lo = 0, hi = fs->n;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (dkim_fields_names(fs->list[mid].f.name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
dkim_fields_is(const struct dkim_fields *fs, unsigned i, struct str name)
{
	return i < fs->n && dkim_fields_names(fs->list[i].f.name, name) == 0;
}

unsigned
dkim_fields_count(const struct dkim_fields *fs, struct str name)
{
	unsigned first = dkim_fields_find(fs, name), i = first;

	while (dkim_fields_is(fs, i, name))
		i++;
	return i - first;
}

void
dkim_fields_reset(struct dkim_fields *fs)
{
	for (unsigned i = 0; i < fs->n; i++)
		fs->list[i].taken = 0;
}

const struct mime_field *
dkim_fields_take(struct dkim_fields *fs, struct str name)
{
	unsigned first = dkim_fields_find(fs, name), i;

	if (!dkim_fields_is(fs, first, name))
		return NULL;
	i = first + fs->list[first].taken;
	if (!dkim_fields_is(fs, i, name))
		return NULL;
	fs->list[first].taken++;
	return &fs->list[i].f;
}

void
dkim_header_digest(struct arena *a, struct dkim_fields *fs,
    enum dkim_canon canon, struct str names, const struct mime_field *own,
    unsigned char out_r[32])
{
	struct arena_mark m = arena_mark(a);
	struct crypto_sha256_run sha;
	const struct mime_field *f;
	struct str name, text;
	struct buf out;

	buf_init(&out, a, DKIM_HEADER_MAX + 4);
	crypto_sha256_run_init(&sha);
	dkim_fields_reset(fs);
	while (str_split(&names, ':', &name)) {
		name = mime_header_unfold(a, name);
		f = dkim_fields_take(fs, name);
		if (f == NULL)
			continue;
		buf_clear(&out);
		dkim_canon_field(&out, canon, f);
		crypto_sha256_run_add(&sha, out.p, out.n);
	}
	buf_clear(&out);
	dkim_canon_field(&out, canon, own);
	text = buf_str(&out);
	invariant(buf_ok(&out) && text.n >= 2);
	crypto_sha256_run_add(&sha, text.p, text.n - 2);
	crypto_sha256_run_digest(&sha, out_r);
	arena_rewind(a, m);
}
