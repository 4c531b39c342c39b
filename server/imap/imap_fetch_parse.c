/* imap_fetch_parse.c - what FETCH asks for */
#include "server/imap/imap_fetch_parse.h"

#include <string.h>

#include "server/imap/imap.h"

#define FETCH_FAST                                                             \
	(IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE)

static const struct fetch_word {
	const char *name;
	unsigned items;
} fetch_words[] = {
	{ "FLAGS", IMAP_FETCH_FLAGS },
	{ "UID", IMAP_FETCH_UID },
	{ "INTERNALDATE", IMAP_FETCH_INTERNALDATE },
	{ "RFC822.SIZE", IMAP_FETCH_SIZE },
	{ "ENVELOPE", IMAP_FETCH_ENVELOPE },
	{ "BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE },
	{ "MODSEQ", IMAP_FETCH_MODSEQ },
	{ "FAST", FETCH_FAST },
	{ "ALL", FETCH_FAST | IMAP_FETCH_ENVELOPE },
	{ "FULL", FETCH_FAST | IMAP_FETCH_ENVELOPE | IMAP_FETCH_BODY },
};

/* Whole bodies under their old names. */
static const struct fetch_old {
	const char *name;
	enum imap_section_what what;
	bool peek;
} fetch_old[] = {
	{ "RFC822", IMAP_SECTION_ALL, false },
	{ "RFC822.HEADER", IMAP_SECTION_HEADER, true },
	{ "RFC822.TEXT", IMAP_SECTION_TEXT, false },
};

static const struct fetch_text {
	const char *name;
	enum imap_section_what what;
} fetch_texts[] = {
	{ "HEADER.FIELDS.NOT", IMAP_SECTION_FIELDS_NOT },
	{ "HEADER.FIELDS", IMAP_SECTION_FIELDS },
	{ "HEADER", IMAP_SECTION_HEADER },
	{ "TEXT", IMAP_SECTION_TEXT },
	{ "MIME", IMAP_SECTION_MIME },
};

static struct imap_section *
fetch_section_add(struct imap_in *in, struct imap_fetch *f)
{
	if (f->sections_n == IMAP_FETCH_SECTIONS) {
		imap_fail(in, "too many sections in one FETCH");
		return NULL;
	}
	/* 1, 2, 4, ...: full, so twice as many */
	if ((f->sections_n & (f->sections_n - 1)) == 0) {
		struct imap_section *more = arena_array(in->arena,
		    f->sections_n * 2 + 1, sizeof(*more));

		if (f->sections_n > 0)
			memcpy(more, f->sections,
			    f->sections_n * sizeof(*more));
		f->sections = more;
	}
	return &f->sections[f->sections_n++];
}

/* header-list = "(" header-fld-name *(SP header-fld-name) ")" */
static bool
fetch_fields(struct imap_in *in, struct imap_section *s)
{
	unsigned room = 0;

	if (!imap_sp(in) || !imap_char(in, '('))
		return false;
	do {
		if (s->fields_n == IMAP_FETCH_FIELDS)
			return imap_fail(in, "too many header fields");
		if (s->fields_n == room) {
			struct str *more;

			room = room == 0 ? 8 : room * 2;
			more = arena_array(in->arena, room, sizeof(*more));
			if (s->fields_n > 0)
				memcpy(more, s->fields,
				    s->fields_n * sizeof(*more));
			s->fields = more;
		}
		if (!imap_astring(in, &s->fields[s->fields_n]))
			return false;
		s->fields_n++;
		if (imap_is(in, ')'))
			return imap_char(in, ')');
	} while (imap_sp(in));
	return false;
}

static bool
fetch_is_digit(const struct imap_in *in)
{
	return in->at < in->all.n && in->all.p[in->at] >= '0' &&
	       in->all.p[in->at] <= '9';
}

/* section-part, and the '.' behind it if something follows */
static bool
fetch_part(struct imap_in *in, struct imap_section *s, bool *text_r)
{
	struct str rest = str_sub(in->all, in->at, in->all.n);
	unsigned numbers = 1;

	*text_r = !imap_is(in, ']');
	if (!fetch_is_digit(in))
		return true;
	for (size_t i = 0; i < rest.n && rest.p[i] != ']'; i++)
		numbers += rest.p[i] == '.';
	if (numbers > IMAP_FETCH_PARTS)
		return imap_fail(in, "a section has too many numbers");
	s->part = arena_array(in->arena, numbers, sizeof(*s->part));
	while (fetch_is_digit(in)) {
		if (!imap_nz_number(in, &s->part[s->parts++]))
			return false;
		*text_r = imap_is(in, '.');
		if (!*text_r)
			return true;
		if (!imap_char(in, '.'))
			return false;
	}
	return true;
}

static bool
fetch_text(struct imap_in *in, struct imap_section *s)
{
	for (unsigned i = 0; i < countof(fetch_texts); i++) {
		/* ']' ends a word as well as a blank does */
		if (!imap_word(in, fetch_texts[i].name))
			continue;
		s->what = fetch_texts[i].what;
		if (s->what == IMAP_SECTION_MIME && s->parts == 0)
			return imap_fail(in, "MIME needs a part's number");
		return !imap_section_is_fields(s) || fetch_fields(in, s);
	}
	return imap_fail(in, "no section has that name");
}

static bool
fetch_is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr("(){%*\"\\[]", s.p[i]) != NULL)
			return false;
	return s.n > 0;
}

/* What the answer is called: the section again, without its count. */
static void
fetch_label(struct imap_in *in, struct imap_section *s)
{
	struct buf b;

	buf_init(&b, in->arena, 1 << 20);
	buf_c(&b, "BODY[");
	for (unsigned i = 0; i < s->parts; i++) {
		if (i > 0)
			buf_char(&b, '.');
		buf_u64(&b, s->part[i]);
	}
	if (s->parts > 0 && s->what != IMAP_SECTION_ALL)
		buf_char(&b, '.');
	for (unsigned i = 0; i < countof(fetch_texts); i++)
		if (fetch_texts[i].what == s->what)
			buf_c(&b, fetch_texts[i].name);
	for (unsigned i = 0; i < s->fields_n; i++) {
		buf_c(&b, i == 0 ? " (" : " ");
		if (fetch_is_plain(s->fields[i]))
			buf_str_add(&b, s->fields[i]);
		else
			imap_put_string(&b, s->fields[i]);
	}
	buf_c(&b, s->fields_n > 0 ? ")]" : "]");
	if (s->partial)
		buf_fmt(&b, "<%u>", s->from);
	s->label = buf_str(&b);
}

/* section ["<" number "." nz-number ">"] */
static bool
fetch_section(struct imap_in *in, struct imap_fetch *f, bool peek)
{
	struct imap_section *s = fetch_section_add(in, f);
	bool text;

	if (s == NULL || !imap_char(in, '[') || !fetch_part(in, s, &text))
		return false;
	s->peek = peek;
	if ((text && !fetch_text(in, s)) || !imap_char(in, ']'))
		return false;
	if (imap_is(in, '<')) {
		s->partial = true;
		if (!imap_char(in, '<') || !imap_number(in, &s->from) ||
		    !imap_char(in, '.') || !imap_nz_number(in, &s->count) ||
		    !imap_char(in, '>'))
			return false;
	}
	fetch_label(in, s);
	return true;
}

static bool
fetch_att(struct imap_in *in, struct imap_fetch *f)
{
	for (unsigned i = 0; i < countof(fetch_words); i++)
		if (imap_word(in, fetch_words[i].name)) {
			f->items |= fetch_words[i].items;
			return true;
		}
	for (unsigned i = 0; i < countof(fetch_old); i++) {
		struct imap_section *s;

		if (!imap_word(in, fetch_old[i].name))
			continue;
		s = fetch_section_add(in, f);
		if (s == NULL)
			return false;
		s->label = str_c(fetch_old[i].name);
		s->what = fetch_old[i].what;
		s->peek = fetch_old[i].peek;
		return true;
	}
	if (imap_word(in, "BODY.PEEK"))
		return fetch_section(in, f, true);
	if (!imap_word(in, "BODY"))
		return imap_fail(in, "FETCH knows no such item");
	if (imap_is(in, '['))
		return fetch_section(in, f, false);
	f->items |= IMAP_FETCH_BODY;
	return true;
}

static bool
fetch_atts(struct imap_in *in, struct imap_fetch *f)
{
	if (!imap_is(in, '('))
		return fetch_att(in, f);
	if (!imap_char(in, '('))
		return false;
	do {
		if (!fetch_att(in, f))
			return false;
		if (imap_is(in, ')'))
			return imap_char(in, ')');
	} while (imap_sp(in));
	return false;
}

static bool
fetch_modifiers(struct imap_in *in, struct imap_fetch *f)
{
	if (!imap_sp(in) || !imap_char(in, '('))
		return false;
	if (!imap_word(in, "CHANGEDSINCE"))
		return imap_fail(in, "FETCH knows no such modifier");
	f->has_since = true;
	f->items |= IMAP_FETCH_MODSEQ;
	return imap_sp(in) && imap_number64(in, &f->changed_since) &&
	       imap_char(in, ')');
}

bool
imap_fetch_parse(struct imap_in *in, struct imap_fetch *f_r)
{
	*f_r = (struct imap_fetch){ .items = 0 };
	if (!fetch_atts(in, f_r))
		return false;
	if (!imap_at_end(in) && !fetch_modifiers(in, f_r))
		return false;
	return imap_end(in);
}
