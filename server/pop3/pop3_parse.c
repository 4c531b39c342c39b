/* pop3_parse.c - one command line of POP3 */
#include "server/pop3/pop3_parse.h"

#include "base/attr.h"

enum pop3_form {
	POP3_FORM_NONE,
	POP3_FORM_TEXT,	    /* SP text, to the end of the line */
	POP3_FORM_NUMBER,   /* SP msg */
	POP3_FORM_OPTIONAL, /* [SP msg] */
	POP3_FORM_TOP,	    /* SP msg SP n */
	POP3_FORM_AUTH	    /* [SP mechanism [SP initial-response]] */
};

static const struct {
	const char *name;
	enum pop3_form form;
} pop3_verbs[POP3_VERBS] = {
	[POP3_APOP] = { "APOP", POP3_FORM_TEXT },
	[POP3_AUTH] = { "AUTH", POP3_FORM_AUTH },
	[POP3_CAPA] = { "CAPA", POP3_FORM_NONE },
	[POP3_DELE] = { "DELE", POP3_FORM_NUMBER },
	[POP3_LIST] = { "LIST", POP3_FORM_OPTIONAL },
	[POP3_NOOP] = { "NOOP", POP3_FORM_NONE },
	[POP3_PASS] = { "PASS", POP3_FORM_TEXT },
	[POP3_QUIT] = { "QUIT", POP3_FORM_NONE },
	[POP3_RETR] = { "RETR", POP3_FORM_NUMBER },
	[POP3_RSET] = { "RSET", POP3_FORM_NONE },
	[POP3_STAT] = { "STAT", POP3_FORM_NONE },
	[POP3_STLS] = { "STLS", POP3_FORM_NONE },
	[POP3_TOP] = { "TOP", POP3_FORM_TOP },
	[POP3_UIDL] = { "UIDL", POP3_FORM_OPTIONAL },
	[POP3_USER] = { "USER", POP3_FORM_TEXT },
};

const char *
pop3_verb_name(enum pop3_verb verb)
{
	return pop3_verbs[verb].name;
}

/* 1*DIGIT, as great as may be. */
static bool
pop3_number(struct str s, uint64_t *n_r)
{
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	if (!str_u64(s, n_r))
		*n_r = UINT64_MAX;
	return true;
}

static bool
pop3_message(struct str s, struct pop3_input *in)
{
	uint64_t n;

	if (!pop3_number(s, &n))
		return false;
	in->has_number = true;
	in->number = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	return true;
}

static struct str
pop3_trim_end(struct str s)
{
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

/* rest: behind the keyword, with its blank. Words are parted by one blank;
 * blanks at the end are forgiven. */
static const char *
pop3_arguments(enum pop3_form form, struct str rest, struct pop3_input *in)
{
	struct str words = pop3_trim_end(rest), first = STR_NONE;

	if (words.n > 0) {
		words = str_sub(words, 1, words.n);
		(void)str_split(&words, ' ', &first);
	}
	switch (form) {
	case POP3_FORM_NONE:
		return first.p == NULL ? NULL : "no argument is expected";
	case POP3_FORM_TEXT:
		/* Blanks may belong to a password. */
		in->text = str_sub(rest, rest.n > 0, rest.n);
		return in->text.n > 0 ? NULL : "an argument is missing";
	case POP3_FORM_OPTIONAL:
		if (first.p == NULL)
			return NULL;
		/* fall through */
	case POP3_FORM_NUMBER:
		return pop3_message(first, in) && words.n == 0
			   ? NULL
			   : "the number of a message is expected";
	case POP3_FORM_TOP:
		return pop3_message(first, in) && pop3_number(words, &in->lines)
			   ? NULL
			   : "the number of a message and of lines are "
			     "expected";
	case POP3_FORM_AUTH:
		in->text = first;
		if (words.n > 0)
			in->token = words;
		return str_chr(words, ' ') < 0 ? NULL : "too many arguments";
	}
	return "unknown command";
}

const char *
pop3_parse(struct str line, struct pop3_input *in_r)
{
	ptrdiff_t blank = str_chr(line, ' ');
	struct str word = blank < 0 ? line : str_sub(line, 0, (size_t)blank);

	*in_r = (struct pop3_input){ .verb = POP3_VERBS };
	if (memchr(line.p, '\0', line.n) != NULL)
		return "a NUL has no place here";
	for (unsigned i = 0; i < POP3_VERBS; i++) {
		if (!str_case_eq_c(word, pop3_verbs[i].name))
			continue;
		in_r->verb = (enum pop3_verb)i;
		return pop3_arguments(pop3_verbs[i].form,
		    str_sub(line, word.n, line.n), in_r);
	}
	return "unknown command";
}
