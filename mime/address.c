/* address.c - address lists of RFC 5322, as IMAP's ENVELOPE shows them */
#include "mime/address.h"

#include "mime/lex.h"

struct addr_reader {
	struct arena *a;
	struct str in;
	struct mime_addr *first, **tail;
	unsigned *left;
	bool in_group;
	/* Of the address being read. */
	struct buf name, adl, local, domain, comment;
	bool has_name, has_adl;
	/* Where in name the local part began, if words stood before it. */
	size_t local_at;
};

static bool
addr_at(const struct addr_reader *r, char c)
{
	return r->in.n > 0 && r->in.p[0] == c;
}

static void
addr_skip(struct addr_reader *r)
{
	r->in = str_sub(r->in, 1, r->in.n);
}

static bool
addr_take(struct addr_reader *r, char c)
{
	if (!addr_at(r, c))
		return false;
	addr_skip(r);
	return true;
}

static struct mime_addr *
addr_emit(struct addr_reader *r, enum mime_addr_kind kind)
{
	struct mime_addr *addr = arena_new_obj(r->a, struct mime_addr);

	addr->kind = kind;
	*r->tail = addr;
	r->tail = &addr->next;
	if (*r->left > 0)
		(*r->left)--;
	return addr;
}

static struct str
addr_keep(struct addr_reader *r, const struct buf *b)
{
	return arena_str(r->a, buf_str(b));
}

static void
addr_emit_mailbox(struct addr_reader *r)
{
	struct mime_addr *addr = addr_emit(r, MIME_ADDR_MAILBOX);

	if (r->has_name)
		addr->name = addr_keep(r, &r->name);
	else if (r->comment.n > 0)
		addr->name = addr_keep(r, &r->comment);
	if (r->has_adl)
		addr->adl = addr_keep(r, &r->adl);
	addr->mailbox = addr_keep(r, &r->local);
	addr->host = addr_keep(r, &r->domain);
}

/* One word, dot or stray character of a phrase or local part. */
static void
addr_word(struct addr_reader *r, struct buf *out)
{
	if (addr_at(r, '"')) {
		mime_lex_quoted(&r->in, out);
	} else if (mime_lex_is_atext(r->in.p[0])) {
		buf_str_add(out, mime_lex_span(&r->in, mime_lex_is_atext));
	} else {
		buf_char(out, r->in.p[0]);
		addr_skip(r);
	}
}

static bool
addr_ends_words(const struct addr_reader *r)
{
	if (r->in.n == 0)
		return true;
	switch (r->in.p[0]) {
	case '<':
	case '@':
	case ',':
	case ';':
		return true;
	case ':':
		return !r->in_group;
	default:
		return false;
	}
}

/*
 * phrase / local-part: which of them shows only behind it.  In "Joe Doe
 * joe@example.org" (not valid, but seen) the last word is the local part.
 */
static void
addr_words(struct addr_reader *r)
{
	bool gap, dot = true;

	for (;;) {
		size_t before;

		gap = mime_lex_cfws(&r->in, &r->comment);
		if (addr_ends_words(r))
			return;
		if (addr_take(r, '>'))
			continue;
		if (gap && r->has_name) {
			if (!dot && !addr_at(r, '.')) {
				r->local_at = r->name.n;
				buf_clear(&r->local);
			}
			buf_char(&r->name, ' ');
		}
		before = r->name.n;
		dot = addr_at(r, '.');
		r->has_name = true;
		addr_word(r, &r->name);
		buf_str_add(&r->local,
		    str_sub(buf_str(&r->name), before, r->name.n));
	}
}

/* domain = dot-atom / domain-literal / obs-domain */
static void
addr_domain(struct addr_reader *r, struct buf *out)
{
	bool dot = true, gap;

	for (;;) {
		gap = mime_lex_cfws(&r->in, &r->comment);
		if (r->in.n == 0 || (gap && !dot && !addr_at(r, '.')))
			return;
		if (addr_at(r, '[')) {
			do {
				if (!mime_lex_is_blank(r->in.p[0]))
					buf_char(out, r->in.p[0]);
				addr_skip(r);
			} while (r->in.n > 0 && !addr_at(r, ']'));
			if (addr_take(r, ']'))
				buf_char(out, ']');
			dot = false;
		} else if (addr_take(r, '.')) {
			buf_char(out, '.');
			dot = true;
		} else if (mime_lex_is_atext(r->in.p[0])) {
			buf_str_add(out,
			    mime_lex_span(&r->in, mime_lex_is_atext));
			dot = false;
		} else {
			return;
		}
	}
}

/* At '@'.  Of several '@' the last one divides. */
static void
addr_at_domain(struct addr_reader *r)
{
	while (addr_take(r, '@')) {
		if (r->domain.n > 0) {
			buf_char(&r->local, '@');
			buf_str_add(&r->local, buf_str(&r->domain));
			buf_clear(&r->domain);
		}
		addr_domain(r, &r->domain);
	}
}

/*
 * obs-route = "@" domain *("," "@" domain) ":", at '@'.  Without ":" it was
 * "<@host>", and is read again as that.
 */
static void
addr_route(struct addr_reader *r)
{
	struct str from = r->in;

	buf_char(&r->adl, '@');
	addr_skip(r);
	addr_domain(r, &r->adl);
	while (addr_take(r, ',')) {
		mime_lex_cfws(&r->in, &r->comment);
		if (!addr_take(r, '@'))
			continue;
		buf_c(&r->adl, ",@");
		addr_domain(r, &r->adl);
	}
	r->has_adl = addr_take(r, ':');
	if (!r->has_adl)
		r->in = from;
}

/* angle-addr, at '<'.  Blanks inside the local part are dropped. */
static void
addr_angle(struct addr_reader *r)
{
	buf_clear(&r->local);
	buf_clear(&r->domain);
	addr_skip(r);
	mime_lex_cfws(&r->in, &r->comment);
	if (addr_at(r, '@'))
		addr_route(r);
	for (;;) {
		mime_lex_cfws(&r->in, &r->comment);
		if (r->in.n == 0 || addr_at(r, '@') || addr_at(r, '>') ||
		    addr_at(r, ',') || addr_at(r, ';'))
			break;
		addr_word(r, &r->local);
	}
	addr_at_domain(r);
	addr_take(r, '>');
}

/* Up to the next separator. */
static void
addr_junk(struct addr_reader *r)
{
	for (;;) {
		mime_lex_cfws(&r->in, &r->comment);
		if (r->in.n == 0 || addr_at(r, ',') || addr_at(r, ';'))
			return;
		if (addr_at(r, '"'))
			mime_lex_quoted(&r->in, NULL);
		else
			addr_skip(r);
	}
}

static void
addr_clear(struct addr_reader *r)
{
	buf_clear(&r->name);
	buf_clear(&r->adl);
	buf_clear(&r->local);
	buf_clear(&r->domain);
	buf_clear(&r->comment);
	r->has_name = r->has_adl = false;
	r->local_at = 0;
}

/* addr-spec without angle brackets, at '@'. */
static void
addr_bare(struct addr_reader *r)
{
	addr_at_domain(r);
	if (addr_at(r, '<')) {
		/* a@b <a@b>: the first one is a name. */
		buf_clear(&r->name);
		buf_str_add(&r->name, buf_str(&r->local));
		buf_char(&r->name, '@');
		buf_str_add(&r->name, buf_str(&r->domain));
		r->has_name = true;
		addr_angle(r);
		return;
	}
	r->has_name = r->local_at > 0;
	r->name.n = r->local_at;
}

/* mailbox / group, at its first character */
static void
addr_one(struct addr_reader *r)
{
	addr_words(r);
	if (addr_at(r, '<')) {
		addr_angle(r);
	} else if (addr_at(r, '@')) {
		addr_bare(r);
	} else if (addr_take(r, ':')) {
		addr_emit(r, MIME_ADDR_GROUP)->mailbox = addr_keep(r, &r->name);
		r->in_group = true;
		return;
	} else if (r->has_name) {
		buf_clear(&r->local);
		buf_str_add(&r->local, buf_str(&r->name));
		r->has_name = false;
	} else {
		return;
	}
	addr_junk(r);
	addr_emit_mailbox(r);
}

struct mime_addr *
mime_addr_parse(struct arena *a, struct str value, unsigned *left)
{
	struct addr_reader r = { .a = a, .in = value, .left = left };
	/* Not more than its input comes out of any of them, but for a blank,
	 * '@' or ':' between two pieces. */
	size_t limit = 2 * value.n + 16;

	r.tail = &r.first;
	buf_init(&r.name, a, limit);
	buf_init(&r.adl, a, limit);
	buf_init(&r.local, a, limit);
	buf_init(&r.domain, a, limit);
	buf_init(&r.comment, a, limit);
	while (*left > 0) {
		addr_clear(&r);
		mime_lex_cfws(&r.in, &r.comment);
		if (r.in.n == 0)
			break;
		if (addr_take(&r, ';')) {
			if (r.in_group)
				addr_emit(&r, MIME_ADDR_GROUP_END);
			r.in_group = false;
		} else if (!addr_take(&r, ',')) {
			addr_one(&r);
		}
	}
	if (r.in_group)
		addr_emit(&r, MIME_ADDR_GROUP_END);
	return r.first;
}

static bool
addr_is_dot_atom(struct str s)
{
	char before = '.';

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.' ? before == '.' : !mime_lex_is_atext(c))
			return false;
		before = c;
	}
	return before != '.';
}

void
mime_addr_spec(struct buf *out, const struct mime_addr *addr)
{
	struct str s = addr->mailbox;

	if (addr_is_dot_atom(s)) {
		buf_str_add(out, s);
	} else {
		buf_char(out, '"');
		for (size_t i = 0; i < s.n; i++) {
			if (s.p[i] == '"' || s.p[i] == '\\')
				buf_char(out, '\\');
			buf_char(out, s.p[i]);
		}
		buf_char(out, '"');
	}
	buf_char(out, '@');
	buf_str_add(out, addr->host);
}
