/* conf_pack.c - the configuration on its way from the master to a worker */
#include "server/conf_private.h"

#include "base/buf.h"

/*
 * le32 numbers and texts (le32 length, bytes):
 *
 *	"SHCF" 1 file hostname cores
 *	titles: n, each text
 *	items: n, each key, title + 1 (0: none), line, values: n, each text
 *	files: n, each text
 *
 * The same program reads it: there is no version to agree on.
 */
#define CONF_PACK_MAGIC 0x46434853U
#define CONF_UNPACK_ARENA_BYTES (128U << 20)

static void
conf_pack_text(struct buf *b, struct str s)
{
	buf_le32(b, (uint32_t)s.n);
	buf_str_add(b, s);
}

static unsigned
conf_pack_title(const struct conf_raw *raw, const char *title)
{
	for (unsigned i = 0; title != NULL && i < raw->titles_n; i++)
		if (strcmp(raw->titles[i], title) == 0)
			return i + 1;
	return 0;
}

struct str
conf_pack(struct arena *a, const struct conf *c)
{
	const struct conf_raw *raw = c->raw;
	struct buf b;

	buf_init(&b, a, CONF_PACK_MAX);
	buf_le32(&b, CONF_PACK_MAGIC);
	conf_pack_text(&b, str_c(raw->file));
	conf_pack_text(&b, str_c(raw->hostname));
	buf_le32(&b, raw->cores);
	buf_le32(&b, raw->titles_n);
	for (unsigned i = 0; i < raw->titles_n; i++)
		conf_pack_text(&b, str_c(raw->titles[i]));
	buf_le32(&b, raw->items_n);
	for (unsigned i = 0; i < raw->items_n; i++) {
		const struct conf_item *it = &raw->items[i];

		buf_le32(&b, it->key);
		buf_le32(&b, conf_pack_title(raw, it->title));
		buf_le32(&b, it->line);
		buf_le32(&b, it->values_n);
		for (unsigned k = 0; k < it->values_n; k++)
			conf_pack_text(&b, it->values[k]);
	}
	buf_le32(&b, raw->files_n);
	for (unsigned i = 0; i < raw->files_n; i++)
		conf_pack_text(&b, raw->files[i]);
	invariant(buf_ok(&b));
	return buf_str(&b);
}

/* --- unpacking --- */

struct conf_in {
	struct arena *a;
	struct str rest;
	bool bad;
};

static uint32_t
conf_in_u32(struct conf_in *in, uint32_t max)
{
	uint32_t v;

	if (in->rest.n < 4) {
		in->bad = true;
		return 0;
	}
	v = le32_get(in->rest.p);
	in->rest = str_sub(in->rest, 4, in->rest.n);
	if (v > max)
		in->bad = true;
	return in->bad ? 0 : v;
}

static struct str
conf_in_text(struct conf_in *in)
{
	uint32_t n = conf_in_u32(in, (uint32_t)in->rest.n);
	struct str s;

	if (in->bad || n > in->rest.n) {
		in->bad = true;
		return STR_NONE;
	}
	s = arena_str(in->a, str_sub(in->rest, 0, n));
	in->rest = str_sub(in->rest, n, in->rest.n);
	return s;
}

static void
conf_in_texts(struct conf_in *in, uint32_t max, struct str **list_r,
    unsigned *n_r)
{
	*n_r = conf_in_u32(in, max);
	*list_r = arena_array(in->a, (size_t)*n_r + 1, sizeof(**list_r));
	for (unsigned i = 0; i < *n_r && !in->bad; i++)
		(*list_r)[i] = conf_in_text(in);
}

static void
conf_in_item(struct conf_in *in, const struct conf_raw *raw,
    struct conf_item *it)
{
	uint32_t title;

	it->key = conf_in_u32(in, conf_table_n + STATE_SETTINGS - 1);
	title = conf_in_u32(in, raw->titles_n);
	it->title = title > 0 ? raw->titles[title - 1] : NULL;
	it->line = conf_in_u32(in, UINT32_MAX);
	conf_in_texts(in, CONF_VALUES_MAX, &it->values, &it->values_n);
}

static void
conf_in_raw(struct conf_in *in, struct conf_raw *raw)
{
	struct str *titles;

	if (conf_in_u32(in, UINT32_MAX) != CONF_PACK_MAGIC)
		in->bad = true;
	raw->file = arena_cstr(in->a, conf_in_text(in));
	raw->hostname = arena_cstr(in->a, conf_in_text(in));
	raw->cores = conf_in_u32(in, 4096);
	conf_in_texts(in, CONF_VALUES_MAX, &titles, &raw->titles_n);
	raw->titles =
	    arena_array(in->a, (size_t)raw->titles_n + 1, sizeof(*raw->titles));
	raw->title_lines = arena_array(in->a, (size_t)raw->titles_n + 1,
	    sizeof(*raw->title_lines));
	for (unsigned i = 0; i < raw->titles_n; i++)
		raw->titles[i] = arena_cstr(in->a, titles[i]);
	raw->items_n = conf_in_u32(in, CONF_ITEMS_MAX);
	raw->items =
	    arena_array(in->a, (size_t)raw->items_n + 1, sizeof(*raw->items));
	for (unsigned i = 0; i < raw->items_n && !in->bad; i++)
		conf_in_item(in, raw, &raw->items[i]);
	conf_in_texts(in, 2 * CONF_VALUES_MAX, &raw->files, &raw->files_n);
}

struct err *
conf_unpack(struct arena *a, struct str packed, struct conf **c_r)
{
	struct arena *own = arena_new(CONF_UNPACK_ARENA_BYTES);
	struct conf_raw *raw = arena_new_obj(own, struct conf_raw);
	struct conf_in in = { .a = own, .rest = packed };
	struct err *e = NULL;

	*c_r = NULL;
	conf_in_raw(&in, raw);
	if (in.bad || in.rest.n > 0)
		e = err_new(a, ERR_CORRUPT,
		    "the packed configuration is damaged", NULL);
	if (e == NULL)
		e = conf_build(own, raw, c_r);
	if (e != NULL) {
		e = err_new(a, e->code, e->text, NULL);
		arena_free(&own);
		*c_r = NULL;
		return e;
	}
	(*c_r)->arena = own;
	return NULL;
}
