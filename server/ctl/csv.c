#include "server/ctl/csv.h"

void
csv_init(struct csv *c, struct str text)
{
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_sub(text, 3, text.n);
	c->rest = text;
	c->line = 0;
	c->next_line = 1;
}

static char
csv_take(struct csv *c)
{
	char ch = *c->rest.p;

	c->rest = str_sub(c->rest, 1, c->rest.n);
	c->next_line += ch == '\n';
	return ch;
}

static void
csv_skip(struct csv *c)
{
	while (c->rest.n > 0) {
		char ch = *c->rest.p;
		if (ch == '#')
			while (c->rest.n > 0 && *c->rest.p != '\n')
				csv_take(c);
		else if (ch != '\r' && ch != '\n')
			return;
		if (c->rest.n > 0)
			csv_take(c);
	}
}

/* escaped = DQUOTE *(TEXTDATA / COMMA / CR / LF / 2DQUOTE) DQUOTE
 *	RFC 4180, 2; the opening quote is taken. */
static bool
csv_quoted(struct csv *c, char *out, size_t *n)
{
	while (c->rest.n > 0) {
		char ch = csv_take(c);
		if (ch == '"') {
			if (c->rest.n == 0 || *c->rest.p != '"')
				return true;
			csv_take(c);
		}
		out[(*n)++] = ch;
	}
	return false;
}

/* At least the length of the field that rest begins with. */
static size_t
csv_room(struct str rest)
{
	bool in = false;
	size_t i;

	for (i = 0; i < rest.n; i++) {
		in ^= rest.p[i] == '"';
		if (!in && (rest.p[i] == ',' || rest.p[i] == '\n'))
			break;
	}
	return i + 1;
}

/* One field with what ends it; *more_r: a comma did. */
static bool
csv_field(struct csv *c, struct arena *a, struct str *field_r, bool *more_r)
{
	char *out = arena_alloc(a, csv_room(c->rest));
	size_t n = 0;
	bool quoted = c->rest.n > 0 && *c->rest.p == '"';

	*more_r = false;
	if (quoted) {
		csv_take(c);
		if (!csv_quoted(c, out, &n))
			return false;
	}
	while (c->rest.n > 0) {
		char ch = csv_take(c);
		if (ch == ',')
			*more_r = true;
		if (ch == ',' || ch == '\n')
			break;
		if (ch == '\r' && (c->rest.n == 0 || *c->rest.p == '\n'))
			continue;
		if (quoted || ch == '"')
			return false;
		out[n++] = ch;
	}
	*field_r = str_of(out, n);
	return true;
}

enum csv_result
csv_next(struct csv *c, struct arena *a, struct str fields_r[CSV_FIELDS_MAX],
    unsigned *count_r)
{
	bool more = true;

	*count_r = 0;
	csv_skip(c);
	if (c->rest.n == 0)
		return CSV_END;
	c->line = c->next_line;
	while (more) {
		struct str f;
		if (*count_r == CSV_FIELDS_MAX)
			return CSV_TOO_MANY_FIELDS;
		if (!csv_field(c, a, &f, &more))
			return CSV_BAD_QUOTE;
		fields_r[(*count_r)++] = f;
	}
	return CSV_RECORD;
}
