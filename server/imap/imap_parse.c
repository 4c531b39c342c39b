/* imap_parse.c - the elements of RFC 3501's grammar (section 9) */
#include "server/imap/imap_parse.h"

#include "base/buf.h"

/* What a byte may be part of. */
enum {
	IMAP_ATOM = 1,	  /* ATOM-CHAR */
	IMAP_ASTRING = 2, /* ATOM-CHAR or resp-specials */
	IMAP_LIST = 4,	  /* list-char */
	IMAP_TAG = 8	  /* ASTRING-CHAR but "+" */
};

/*
 * ATOM-CHAR      = <any CHAR except atom-specials>
 * atom-specials  = "(" / ")" / "{" / SP / CTL / list-wildcards /
 *                  quoted-specials / resp-specials
 */
static unsigned
imap_class(unsigned char c)
{
	if (c <= ' ' || c >= 0x7f)
		return 0;
	switch (c) {
	case '(':
	case ')':
	case '{':
	case '"':
	case '\\':
		return 0;
	case '%':
	case '*':
		return IMAP_LIST;
	case ']':
		return IMAP_ASTRING | IMAP_LIST | IMAP_TAG;
	case '+':
		return IMAP_ATOM | IMAP_ASTRING | IMAP_LIST;
	default:
		return IMAP_ATOM | IMAP_ASTRING | IMAP_LIST | IMAP_TAG;
	}
}

void
imap_in_init(struct imap_in *in, struct arena *a, struct str all)
{
	*in = (struct imap_in){ .all = all, .arena = a };
}

bool
imap_fail(struct imap_in *in, const char *sentence)
{
	if (in->bad == NULL)
		in->bad = sentence;
	return false;
}

bool
imap_at_end(const struct imap_in *in)
{
	return in->at >= in->all.n;
}

bool
imap_end(struct imap_in *in)
{
	return imap_at_end(in) ||
	       imap_fail(in, "there is more than the command takes");
}

bool
imap_is(const struct imap_in *in, char c)
{
	return in->at < in->all.n && in->all.p[in->at] == c;
}

bool
imap_char(struct imap_in *in, char c)
{
	if (!imap_is(in, c)) {
		if (in->bad == NULL)
			in->bad =
			    arena_printf(in->arena, "'%c' expected here", c);
		return false;
	}
	in->at++;
	return true;
}

bool
imap_sp(struct imap_in *in)
{
	if (!imap_is(in, ' '))
		return imap_fail(in, imap_at_end(in)
					 ? "the command takes more arguments"
					 : "a blank expected here");
	in->at++;
	return true;
}

bool
imap_word(struct imap_in *in, const char *word)
{
	size_t n = strlen(word);
	struct str next = str_sub(in->all, in->at, n);

	if (!str_case_eq_c(next, word))
		return false;
	/* '[' is an atom's character, but it follows the words of FETCH. */
	if (in->at + n < in->all.n && in->all.p[in->at + n] != '[' &&
	    (imap_class((unsigned char)in->all.p[in->at + n]) & IMAP_ATOM))
		return false;
	in->at += n;
	return true;
}

static bool
imap_run(struct imap_in *in, unsigned class, const char *sentence,
    struct str *s_r)
{
	size_t from = in->at;

	while (in->at < in->all.n &&
	       (imap_class((unsigned char)in->all.p[in->at]) & class))
		in->at++;
	*s_r = str_sub(in->all, from, in->at - from);
	return s_r->n > 0 || imap_fail(in, sentence);
}

bool
imap_tag(struct imap_in *in, struct str *s_r)
{
	return imap_run(in, IMAP_TAG, "a tag expected here", s_r);
}

bool
imap_atom(struct imap_in *in, struct str *s_r)
{
	return imap_run(in, IMAP_ATOM, "a word expected here", s_r);
}

/*
 * quoted = DQUOTE *QUOTED-CHAR DQUOTE
 * Bytes above 127 are taken: search words and passwords come so from clients
 * that never heard of literals.
 */
static bool
imap_quoted(struct imap_in *in, struct str *s_r)
{
	size_t from = ++in->at, i = from;
	bool escaped = false;
	char *copy, *o;

	for (; i < in->all.n && in->all.p[i] != '"'; i++) {
		char c = in->all.p[i];

		if (c == '\r' || c == '\n' || c == '\0')
			return imap_fail(in,
			    "a quoted string has no line breaks or NUL");
		if (c != '\\')
			continue;
		escaped = true;
		i++;
		if (i >= in->all.n ||
		    (in->all.p[i] != '"' && in->all.p[i] != '\\'))
			return imap_fail(in,
			    "'\\' quotes only '\"' and itself");
	}
	if (i >= in->all.n)
		return imap_fail(in, "a quoted string has no end");
	in->at = i + 1;
	*s_r = str_sub(in->all, from, i - from);
	if (!escaped)
		return true;
	copy = o = arena_alloc(in->arena, s_r->n);
	for (size_t k = 0; k < s_r->n; k++) {
		if (s_r->p[k] == '\\')
			k++;
		*o++ = s_r->p[k];
	}
	*s_r = str_of(copy, (size_t)(o - copy));
	return true;
}

/* literal = "{" number ["+"] "}" CRLF *CHAR8 */
static bool
imap_literal(struct imap_in *in, struct str *s_r)
{
	struct str rest = str_sub(in->all, in->at, in->all.n);
	ptrdiff_t close = str_chr(rest, '}');
	uint64_t n;
	bool sync;

	if (close < 0 ||
	    imap_literal_at_end(str_sub(rest, 0, (size_t)close + 1), &n,
		&sync) != 1)
		return imap_fail(in, "a literal is announced as {number}");
	rest = str_sub(rest, (size_t)close + 1, rest.n);
	if (!str_starts(rest, STR("\r\n")) || rest.n - 2 < n)
		return imap_fail(in, "a literal is not all there");
	*s_r = str_sub(rest, 2, (size_t)n);
	in->at = (size_t)(s_r->p - in->all.p) + (size_t)n;
	return true;
}

bool
imap_string(struct imap_in *in, struct str *s_r)
{
	if (imap_is(in, '"'))
		return imap_quoted(in, s_r);
	if (imap_is(in, '{'))
		return imap_literal(in, s_r);
	return imap_fail(in, "a string expected here");
}

bool
imap_nstring(struct imap_in *in, struct str *s_r)
{
	if (imap_word(in, "NIL")) {
		*s_r = STR_NONE;
		return true;
	}
	return imap_string(in, s_r);
}

bool
imap_astring(struct imap_in *in, struct str *s_r)
{
	if (imap_is(in, '"') || imap_is(in, '{'))
		return imap_string(in, s_r);
	return imap_run(in, IMAP_ASTRING, "a string expected here", s_r);
}

static bool
imap_name(struct imap_in *in, struct str raw, struct str *s_r)
{
	if (!imap_utf7_decode(in->arena, raw, s_r))
		return imap_fail(in, "a mailbox name is not in modified UTF-7");
	return true;
}

bool
imap_mailbox(struct imap_in *in, struct str *s_r)
{
	struct str raw;

	if (!imap_astring(in, &raw) || !imap_name(in, raw, s_r))
		return false;
	if (str_case_eq_c(*s_r, "INBOX"))
		*s_r = STR("INBOX");
	return true;
}

bool
imap_list_mailbox(struct imap_in *in, struct str *s_r)
{
	struct str raw;

	if (imap_is(in, '"') || imap_is(in, '{')) {
		if (!imap_string(in, &raw))
			return false;
	} else if (!imap_run(in, IMAP_LIST, "a mailbox pattern expected here",
		       &raw)) {
		return false;
	}
	return imap_name(in, raw, s_r);
}

/* number = 1*DIGIT, up to max */
static bool
imap_digits(struct imap_in *in, uint64_t max, uint64_t *n_r)
{
	size_t from = in->at;
	uint64_t v = 0;

	for (; in->at < in->all.n; in->at++) {
		unsigned d = (unsigned char)in->all.p[in->at] - '0';

		if (d > 9)
			break;
		if (v > (max - d) / 10)
			return imap_fail(in, "a number is too great");
		v = v * 10 + d;
	}
	*n_r = v;
	return in->at > from || imap_fail(in, "a number expected here");
}

bool
imap_number(struct imap_in *in, uint32_t *n_r)
{
	uint64_t v;

	if (!imap_digits(in, UINT32_MAX, &v))
		return false;
	*n_r = (uint32_t)v;
	return true;
}

bool
imap_nz_number(struct imap_in *in, uint32_t *n_r)
{
	return imap_number(in, n_r) &&
	       (*n_r > 0 || imap_fail(in, "a number here is never 0"));
}

bool
imap_number64(struct imap_in *in, uint64_t *n_r)
{
	return imap_digits(in, INT64_MAX, n_r);
}

int
imap_literal_at_end(struct str line, uint64_t *n_r, bool *sync_r)
{
	size_t at = line.n;
	struct str digits;
	uint32_t n;

	if (!str_ends(line, STR("}")))
		return 0;
	while (at > 0 && line.p[at - 1] != '{')
		at--;
	digits = str_sub(line, at, line.n - 1 - at);
	/* '}' alone is an atom's character; a blank or quote after the last '{'
	 * is text in a quoted string. */
	if (at == 0 || str_chr(digits, ' ') >= 0 || str_chr(digits, '"') >= 0)
		return 0;
	*sync_r = !str_ends(digits, STR("+"));
	if (!*sync_r)
		digits.n--;
	if (!str_u32(digits, &n))
		return -1;
	*n_r = n;
	return 1;
}
