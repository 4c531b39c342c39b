/* lex.c - the lexical tokens that all structured header fields share */
#include "mime/lex.h"

enum { LEX_ATEXT = 1, LEX_TSPECIAL = 2 };

/* Letters and digits are atext, the rest of ASCII is listed here. */
static const unsigned char lex_class[128] = {
	['!'] = LEX_ATEXT,
	['#'] = LEX_ATEXT,
	['$'] = LEX_ATEXT,
	['%'] = LEX_ATEXT,
	['&'] = LEX_ATEXT,
	['\''] = LEX_ATEXT,
	['*'] = LEX_ATEXT,
	['+'] = LEX_ATEXT,
	['-'] = LEX_ATEXT,
	['^'] = LEX_ATEXT,
	['_'] = LEX_ATEXT,
	['`'] = LEX_ATEXT,
	['{'] = LEX_ATEXT,
	['|'] = LEX_ATEXT,
	['}'] = LEX_ATEXT,
	['~'] = LEX_ATEXT,
	['('] = LEX_TSPECIAL,
	[')'] = LEX_TSPECIAL,
	['<'] = LEX_TSPECIAL,
	['>'] = LEX_TSPECIAL,
	['@'] = LEX_TSPECIAL,
	[','] = LEX_TSPECIAL,
	[';'] = LEX_TSPECIAL,
	[':'] = LEX_TSPECIAL,
	['\\'] = LEX_TSPECIAL,
	['"'] = LEX_TSPECIAL,
	['['] = LEX_TSPECIAL,
	[']'] = LEX_TSPECIAL,
	['/'] = LEX_ATEXT | LEX_TSPECIAL,
	['?'] = LEX_ATEXT | LEX_TSPECIAL,
	['='] = LEX_ATEXT | LEX_TSPECIAL,
};

static bool
lex_is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool
mime_lex_is_atext(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 128 || lex_is_alnum(c) || (lex_class[u] & LEX_ATEXT);
}

bool
mime_lex_is_token(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 128 ||
	       (!mime_lex_is_blank(c) && !(lex_class[u] & LEX_TSPECIAL));
}

/* A character of a comment or quoted string. */
static void
lex_text_char(struct buf *out, char c)
{
	if (out == NULL || c == '\r' || c == '\n')
		return;
	buf_char(out, mime_lex_is_blank(c) && c != '\t' ? ' ' : c);
}

void
mime_lex_comment(struct str *in, struct buf *out)
{
	unsigned depth = 0;
	size_t i;

	for (i = 0; i < in->n; i++) {
		char c = in->p[i];

		if (c == '\\' && i + 1 < in->n) {
			lex_text_char(out, in->p[++i]);
			continue;
		}
		if (c == '(' && depth++ == 0)
			continue;
		if (c == ')' && --depth == 0) {
			i++;
			break;
		}
		lex_text_char(out, c);
	}
	*in = str_sub(*in, i, in->n);
}

void
mime_lex_quoted(struct str *in, struct buf *out)
{
	size_t i;

	for (i = 1; i < in->n; i++) {
		char c = in->p[i];

		if (c == '\\' && i + 1 < in->n) {
			lex_text_char(out, in->p[++i]);
			continue;
		}
		if (c == '"') {
			i++;
			break;
		}
		lex_text_char(out, c);
	}
	*in = str_sub(*in, i, in->n);
}

bool
mime_lex_cfws(struct str *in, struct buf *comment)
{
	size_t before = in->n;

	for (;;) {
		size_t i = 0;

		while (i < in->n && mime_lex_is_blank(in->p[i]))
			i++;
		*in = str_sub(*in, i, in->n);
		if (in->n == 0 || in->p[0] != '(')
			return in->n != before;
		if (comment != NULL)
			buf_clear(comment);
		mime_lex_comment(in, comment);
	}
}

struct str
mime_lex_span(struct str *in, bool (*is)(char c))
{
	struct str s = *in;
	size_t i = 0;

	while (i < in->n && is(in->p[i]))
		i++;
	s.n = i;
	*in = str_sub(*in, i, in->n);
	return s;
}

struct str
mime_lex_lower(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		p[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	return str_of(p, s.n);
}
