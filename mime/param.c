/* param.c - parameters of Content-Type and its kin; RFC 2045 and 2231 */
#include "mime/param.h"

#include <stdio.h>

#include "base/buf.h"
#include "mime/charset.h"
#include "mime/codec.h"
#include "mime/lex.h"
#include "mime/word.h"

/* Names that are asked for are short and come from the code. */
#define PARAM_NAME_BYTES 64

struct param_reader {
	struct arena *a;
	struct str in;
	struct buf text;
};

static bool
param_at(const struct param_reader *r, char c)
{
	return r->in.n > 0 && r->in.p[0] == c;
}

static void
param_skip(struct param_reader *r, size_t n)
{
	r->in = str_sub(r->in, n, r->in.n);
}

static bool
param_is_not_semicolon(char c)
{
	return c != ';';
}

/* Text as it stands, line ends removed. */
static struct str
param_clean(struct param_reader *r, struct str s)
{
	buf_clear(&r->text);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c != '\r' && c != '\n')
			buf_char(&r->text,
			    mime_lex_is_blank(c) && c != '\t' ? ' ' : c);
	}
	return arena_str(r->a, str_trim(buf_str(&r->text)));
}

/*
 * value = token / quoted-string
 *
 * Not quoted, but with more than a comment behind the token, as in
 * "name=a b (1).pdf": all up to the semicolon.
 */
static struct str
param_value(struct param_reader *r)
{
	struct str from, token;

	mime_lex_cfws(&r->in, NULL);
	if (param_at(r, '"')) {
		buf_clear(&r->text);
		mime_lex_quoted(&r->in, &r->text);
		return arena_str(r->a, buf_str(&r->text));
	}
	from = r->in;
	token = mime_lex_span(&r->in, mime_lex_is_token);
	mime_lex_cfws(&r->in, NULL);
	if (r->in.n == 0 || param_at(r, ';'))
		return param_clean(r, token);
	r->in = from;
	return param_clean(r, mime_lex_span(&r->in, param_is_not_semicolon));
}

/* attribute "=" value; false if there is none before the semicolon */
static bool
param_one(struct param_reader *r, struct mime_param *p_r)
{
	struct str name = mime_lex_span(&r->in, mime_lex_is_token);

	mime_lex_cfws(&r->in, NULL);
	if (name.n == 0 || !param_at(r, '=')) {
		mime_lex_span(&r->in, param_is_not_semicolon);
		return false;
	}
	param_skip(r, 1);
	p_r->name = mime_lex_lower(r->a, name);
	p_r->value = param_value(r);
	return true;
}

struct mime_params
mime_params_parse(struct arena *a, struct str in, unsigned limit)
{
	struct param_reader r = { .a = a, .in = in };
	struct mime_params params = { NULL, 0 };
	unsigned size = 0;

	buf_init(&r.text, a, in.n);
	while (params.n < limit) {
		struct mime_param p;

		mime_lex_cfws(&r.in, NULL);
		if (r.in.n == 0)
			break;
		if (param_at(&r, ';')) {
			param_skip(&r, 1);
			continue;
		}
		if (!param_one(&r, &p))
			continue;
		if (params.n == size) {
			struct mime_param *v = params.v;

			size = size == 0 ? 4 : size * 2;
			params.v = arena_array(a, size, sizeof(*v));
			if (params.n > 0)
				memcpy(params.v, v, params.n * sizeof(*v));
		}
		params.v[params.n++] = p;
	}
	return params;
}

bool
mime_params_raw(const struct mime_params *p, const char *name,
    struct str *value_r)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (str_eq_c(p->v[i].name, name)) {
			*value_r = p->v[i].value;
			return true;
		}
	}
	return false;
}

/* name, with what printf makes of suffix and i behind it */
static bool
param_numbered(const struct mime_params *p, const char *name,
    const char *suffix, unsigned i, struct str *value_r)
{
	char full[PARAM_NAME_BYTES + 16];

	snprintf(full, sizeof(full), "%.*s*%u%s", PARAM_NAME_BYTES, name, i,
	    suffix);
	return mime_params_raw(p, full, value_r);
}

/* charset "'" [ language ] "'": cut off the front of value */
static struct str
param_charset(struct str *value)
{
	struct str charset = STR_NONE, rest = *value;
	ptrdiff_t one = str_chr(rest, '\''), two;

	if (one < 0)
		return charset;
	two = str_chr(str_sub(rest, (size_t)one + 1, rest.n), '\'');
	if (two < 0)
		return charset;
	charset = str_sub(rest, 0, (size_t)one);
	*value = str_sub(rest, (size_t)(one + two) + 2, rest.n);
	return charset;
}

static void
param_percent(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int high, low;

		if (s.p[i] == '%' && i + 2 < s.n &&
		    (high = mime_codec_hex(s.p[i + 1])) >= 0 &&
		    (low = mime_codec_hex(s.p[i + 2])) >= 0) {
			buf_char(out, (char)(high << 4 | low));
			i += 2;
		} else {
			buf_char(out, s.p[i]);
		}
	}
}

static struct str
param_to_utf8(struct arena *a, struct str charset, struct str bytes)
{
	struct buf out;

	buf_init(&out, a, bytes.n * 4 + 64);
	if (!mime_charset_to_utf8(charset, bytes, &out))
		mime_utf8_clean(bytes, &out);
	for (size_t i = 0; i < out.n; i++) {
		if (out.p[i] == '\0' || out.p[i] == '\r' || out.p[i] == '\n')
			out.p[i] = ' ';
	}
	return buf_str(&out);
}

/* name*0, name*1* ... */
static bool
param_joined(struct arena *a, const struct mime_params *p, const char *name,
    struct str *value_r)
{
	struct str piece, charset = STR_NONE;
	bool extended = false;
	struct buf bytes;
	unsigned i;

	buf_init(&bytes, a, SIZE_MAX / 2);
	for (i = 0; i < p->n; i++) {
		if (param_numbered(p, name, "*", i, &piece)) {
			if (i == 0)
				charset = param_charset(&piece);
			extended = true;
			param_percent(&bytes, piece);
		} else if (param_numbered(p, name, "", i, &piece)) {
			buf_str_add(&bytes, piece);
		} else {
			break;
		}
	}
	if (i == 0)
		return false;
	*value_r = extended ? param_to_utf8(a, charset, buf_str(&bytes))
			    : mime_word_text(a, buf_str(&bytes));
	return true;
}

bool
mime_params_get(struct arena *a, const struct mime_params *p, const char *name,
    struct str *value_r)
{
	char star[PARAM_NAME_BYTES + 2];
	struct str value, charset;
	struct buf bytes;

	if (param_joined(a, p, name, value_r))
		return true;
	snprintf(star, sizeof(star), "%.*s*", PARAM_NAME_BYTES, name);
	if (mime_params_raw(p, star, &value)) {
		charset = param_charset(&value);
		buf_init(&bytes, a, value.n);
		param_percent(&bytes, value);
		*value_r = param_to_utf8(a, charset, buf_str(&bytes));
		return true;
	}
	if (!mime_params_raw(p, name, &value))
		return false;
	*value_r = mime_word_text(a, value);
	return true;
}

/* type "/" subtype *( ";" parameter ) */
bool
mime_type_parse(struct arena *a, struct str value, unsigned limit,
    struct str *type_r, struct str *subtype_r, struct mime_params *params_r)
{
	struct str type, subtype;

	mime_lex_cfws(&value, NULL);
	type = mime_lex_span(&value, mime_lex_is_token);
	mime_lex_cfws(&value, NULL);
	if (type.n == 0 || value.n == 0 || value.p[0] != '/')
		return false;
	value = str_sub(value, 1, value.n);
	mime_lex_cfws(&value, NULL);
	subtype = mime_lex_span(&value, mime_lex_is_token);
	if (subtype.n == 0)
		return false;
	*type_r = mime_lex_lower(a, type);
	*subtype_r = mime_lex_lower(a, subtype);
	*params_r = mime_params_parse(a, value, limit);
	return true;
}

bool
mime_token_parse(struct arena *a, struct str value, unsigned limit,
    struct str *token_r, struct mime_params *params_r)
{
	struct str token;

	mime_lex_cfws(&value, NULL);
	token = mime_lex_span(&value, mime_lex_is_token);
	if (token.n == 0)
		return false;
	*token_r = mime_lex_lower(a, token);
	*params_r = mime_params_parse(a, value, limit);
	return true;
}
