/* tags.c - "a=b; c=d": the tag lists of DKIM and DMARC (RFC 6376, 3.2) */
#include "server/mailauth/tags.h"

#include "base/crypto.h"

static bool
tags_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str
tags_trim(struct str s)
{
	while (s.n > 0 && tags_is_blank(s.p[0]))
		s = str_sub(s, 1, s.n);
	while (s.n > 0 && tags_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* tag-name = ALPHA *ALNUMPUNC */
static bool
tags_is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!alpha && (i == 0 || !((c >= '0' && c <= '9') || c == '_')))
			return false;
	}
	return s.n > 0;
}

/* tval = 1*VALCHAR, %x21-3A / %x3C-7E; with RFC 8616 also UTF-8's bytes. */
static bool
tags_is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!tags_is_blank(s.p[i]) && (c < 33 || c == 127))
			return false;
	}
	return true;
}

static bool
tags_add(struct tags *t, struct str spec)
{
	ptrdiff_t eq = str_chr(spec, '=');
	struct tag tag;

	if (eq < 0 || t->n == TAGS_MAX)
		return false;
	tag.name = tags_trim(str_sub(spec, 0, (size_t)eq));
	tag.room = str_sub(spec, (size_t)eq + 1, spec.n);
	tag.value = tags_trim(tag.room);
	if (!tags_is_name(tag.name) || !tags_is_value(tag.value))
		return false;
	for (unsigned i = 0; i < t->n; i++)
		if (str_eq(t->list[i].name, tag.name))
			return false;
	t->list[t->n++] = tag;
	return true;
}

/* tag-list = tag-spec *( ";" tag-spec ) [ ";" ] */
bool
tags_parse(struct str text, struct tags *t_r)
{
	struct str spec;

	t_r->n = 0;
	while (str_split(&text, ';', &spec)) {
		if (tags_trim(spec).n == 0 && tags_trim(text).n == 0)
			break;
		if (!tags_add(t_r, spec))
			return false;
	}
	return t_r->n > 0;
}

void
tags_parse_loosely(struct str text, struct tags *t_r)
{
	struct str spec;

	t_r->n = 0;
	while (t_r->n < TAGS_MAX && str_split(&text, ';', &spec))
		(void)tags_add(t_r, spec);
}

const struct tag *
tags_find(const struct tags *t, const char *name)
{
	for (unsigned i = 0; i < t->n; i++)
		if (str_eq_c(t->list[i].name, name))
			return &t->list[i];
	return NULL;
}

struct str
tags_value(const struct tags *t, const char *name)
{
	const struct tag *tag = tags_find(t, name);

	return tag != NULL ? tag->value : STR_NONE;
}

bool
tags_has(const struct tags *t, const char *name)
{
	return tags_find(t, name) != NULL;
}

struct str
tags_squeeze(struct arena *a, struct str value)
{
	char *out = arena_alloc(a, value.n + 4);
	size_t n = 0;

	for (size_t i = 0; i < value.n; i++)
		if (!tags_is_blank(value.p[i]))
			out[n++] = value.p[i];
	return str_of(out, n);
}

bool
tags_list_has(struct str list, const char *word)
{
	struct str piece;

	while (str_split(&list, ':', &piece))
		if (str_case_eq_c(tags_trim(piece), word))
			return true;
	return false;
}

bool
tags_base64(struct arena *a, struct str value, struct str *bytes_r)
{
	/* tags_squeeze() left room for the padding */
	struct str text = tags_squeeze(a, value);
	char *p = (char *)(uintptr_t)text.p;

	while (text.n % 4 != 0 && text.n % 4 != 1)
		p[text.n++] = '=';
	return base64_decode(a, text, bytes_r);
}
