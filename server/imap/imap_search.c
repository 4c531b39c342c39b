/* imap_search.c - does a message match: decided with as little as possible */
#include "server/imap/imap_search.h"

#include "mime/date.h"
#include "mime/header.h"
#include "mime/word.h"

#define SEARCH_DAY_S 86400

/* --- before --- */

/* '*' is the last; there may be none. */
static void
search_set_resolve(struct arena *a, struct imap_key *k, uint32_t last)
{
	uidset_init(&k->set, a);
	for (uint32_t i = 0; i < k->given.n; i++) {
		uint32_t lo = k->given.r[i].lo, hi = k->given.r[i].hi;

		if (k->given.r[i].star) {
			if (last == 0)
				continue;
			hi = lo > last ? lo : last;
			lo = lo == 0 || lo > last ? last : lo;
		}
		uidset_add_range(&k->set, lo, hi);
	}
	uidset_sort(&k->set);
}

static void
search_resolve(struct imap_searcher *sr, struct imap_key *k, uint32_t max_seq,
    uint32_t max_uid)
{
	for (; k != NULL; k = k->next) {
		if (k->kind == IMAP_KEY_SEQ)
			search_set_resolve(sr->arena, k, max_seq);
		else if (k->kind == IMAP_KEY_UID)
			search_set_resolve(sr->arena, k, max_uid);
		search_resolve(sr, k->children, max_seq, max_uid);
	}
}

static bool
search_has_text(const struct imap_key *k)
{
	return k->kind == IMAP_KEY_HEADER || k->kind == IMAP_KEY_BODY ||
	       k->kind == IMAP_KEY_TEXT;
}

void
imap_searcher_init(struct imap_searcher *sr, struct imap_search *s,
    struct arena *a, uint32_t max_seq, uint32_t max_uid)
{
	*sr = (struct imap_searcher){ .s = s, .arena = a };
	search_resolve(sr, s->root, max_seq, max_uid);
	if (s->texts == 0)
		return;
	sr->words = arena_array(a, s->texts, sizeof(*sr->words));
	for (unsigned i = 0; i < s->leaves_n; i++)
		if (search_has_text(s->leaves[i]))
			sr->words[s->leaves[i]->text_index].folded =
			    s->leaves[i]->text;
	sr->finder = imap_finder_new(a, sr->words, s->texts);
}

static void
search_keywords(struct imap_key *k, const struct account *acc)
{
	for (; k != NULL; k = k->next) {
		if (k->kind == IMAP_KEY_KEYWORD ||
		    k->kind == IMAP_KEY_UNKEYWORD)
			k->bit = message_keyword_bit(acc, k->word);
		search_keywords(k->children, acc);
	}
}

void
imap_search_keywords(struct imap_search *s, const struct account *acc)
{
	search_keywords(s->root, acc);
}

void
imap_search_begin(struct imap_searcher *sr)
{
	for (unsigned i = 0; i < sr->s->leaves_n; i++) {
		struct imap_key *k = sr->s->leaves[i];

		/* nothing is in everything, also where there is no text */
		k->is = k->text.n == 0 && (k->kind == IMAP_KEY_BODY ||
					      k->kind == IMAP_KEY_TEXT)
			    ? IMAP_YES
			    : IMAP_MAYBE;
	}
}

/* --- evaluation --- */

static int64_t
search_day(int64_t wall_s)
{
	int64_t day = wall_s / SEARCH_DAY_S;

	return wall_s % SEARCH_DAY_S < 0 ? day - 1 : day;
}

static bool
search_keyword(const struct imap_key *k, const struct message *m)
{
	return k->bit >= 0 && (m->keywords >> k->bit & 1) != 0;
}

/* What the row tells. */
static bool
search_row(const struct imap_key *k, const struct imap_search_subject *sub)
{
	const struct message *m = sub->m;

	switch (k->kind) {
	case IMAP_KEY_ALL:
		return true;
	case IMAP_KEY_FLAG:
		return (m->flags & k->flag) != 0;
	case IMAP_KEY_UNFLAG:
		return (m->flags & k->flag) == 0;
	case IMAP_KEY_KEYWORD:
		return search_keyword(k, m);
	case IMAP_KEY_UNKEYWORD:
		return !search_keyword(k, m);
	case IMAP_KEY_SEQ:
		return uidset_has(&k->set, sub->seq);
	case IMAP_KEY_UID:
		return uidset_has(&k->set, m->uid);
	case IMAP_KEY_BEFORE:
		return search_day(m->date) < k->day;
	case IMAP_KEY_ON:
		return search_day(m->date) == k->day;
	case IMAP_KEY_SINCE:
		return search_day(m->date) >= k->day;
	case IMAP_KEY_LARGER:
		return m->bytes > k->size;
	case IMAP_KEY_SMALLER:
		return m->bytes < k->size;
	case IMAP_KEY_MODSEQ:
		return m->modseq >= k->modseq;
	default:
		return false;
	}
}

static enum imap_tri search_eval(const struct imap_key *k,
    const struct imap_search_subject *sub);

static enum imap_tri
search_all(const struct imap_key *k, const struct imap_search_subject *sub)
{
	enum imap_tri all = IMAP_YES, one;

	for (k = k->children; k != NULL; k = k->next) {
		one = search_eval(k, sub);
		if (one == IMAP_NO)
			return IMAP_NO;
		if (one == IMAP_MAYBE)
			all = IMAP_MAYBE;
	}
	return all;
}

static enum imap_tri
search_any(const struct imap_key *k, const struct imap_search_subject *sub)
{
	enum imap_tri any = IMAP_NO, one;

	for (k = k->children; k != NULL; k = k->next) {
		one = search_eval(k, sub);
		if (one == IMAP_YES)
			return IMAP_YES;
		if (one == IMAP_MAYBE)
			any = IMAP_MAYBE;
	}
	return any;
}

static enum imap_tri
search_eval(const struct imap_key *k, const struct imap_search_subject *sub)
{
	enum imap_tri is;

	if (k->kind == IMAP_KEY_AND)
		return search_all(k, sub);
	if (k->kind == IMAP_KEY_OR)
		return search_any(k, sub);
	if (k->kind == IMAP_KEY_NOT) {
		is = search_eval(k->children, sub);
		return is == IMAP_MAYBE ? is
		       : is == IMAP_NO	? IMAP_YES
					: IMAP_NO;
	}
	if (k->kind >= IMAP_KEY_SENTBEFORE)
		return k->is;
	return search_row(k, sub) ? IMAP_YES : IMAP_NO;
}

enum imap_tri
imap_search_eval(const struct imap_search *s,
    const struct imap_search_subject *sub)
{
	return search_eval(s->root, sub);
}

/* --- headers --- */

static bool
search_is_sent(const struct imap_key *k)
{
	return k->kind == IMAP_KEY_SENTBEFORE || k->kind == IMAP_KEY_SENTON ||
	       k->kind == IMAP_KEY_SENTSINCE;
}

/* The date as the sender saw it on his wall: its zone is left away (RFC 3501,
 * 6.4.4). */
static void
search_sent(struct imap_key *k, struct str value)
{
	struct mime_date date;
	int64_t day;
	bool is;

	if (k->is != IMAP_MAYBE || !mime_date_parse(value, &date))
		return;
	day = search_day(date.epoch_s + date.zone_minutes * 60);
	is = k->kind == IMAP_KEY_SENTBEFORE ? day < k->day
	     : k->kind == IMAP_KEY_SENTON   ? day == k->day
					    : day >= k->day;
	k->is = is ? IMAP_YES : IMAP_NO;
}

/* Does the key look into this field of the message's own header? */
static bool
search_looks_at(const struct imap_key *k, struct str field)
{
	return k->is == IMAP_MAYBE &&
	       (k->kind == IMAP_KEY_TEXT ||
		   (k->kind == IMAP_KEY_HEADER && str_case_eq(k->word, field)));
}

/* The texts of keys that look at this; false: there are none. */
static bool
search_want(struct imap_searcher *sr, struct str field, bool inner)
{
	struct imap_search *s = sr->s;
	bool any = false;

	for (unsigned i = 0; i < s->leaves_n; i++) {
		const struct imap_key *k = s->leaves[i];
		struct imap_word_wanted *w;

		if (!search_has_text(k))
			continue;
		w = &sr->words[k->text_index];
		w->found = false;
		w->want =
		    inner ? k->is == IMAP_MAYBE && k->kind != IMAP_KEY_HEADER
			  : search_looks_at(k, field);
		any |= w->want;
	}
	return any;
}

bool
imap_search_found(struct imap_searcher *sr)
{
	bool all = true;

	for (unsigned i = 0; i < sr->s->leaves_n; i++) {
		struct imap_key *k = sr->s->leaves[i];
		const struct imap_word_wanted *w;

		if (!search_has_text(k))
			continue;
		w = &sr->words[k->text_index];
		if (w->want && w->found)
			k->is = IMAP_YES;
		else if (w->want)
			all = false;
	}
	return all;
}

/* A field as people read it; HEADER looks at its value, TEXT at all of it. */
static void
search_field(struct imap_searcher *sr, const struct mime_field *f, bool inner)
{
	struct arena_mark mark = arena_mark(sr->arena);
	struct str value;

	if (!search_want(sr, f->name, inner)) {
		arena_rewind(sr->arena, mark);
		return;
	}
	value = mime_word_text(sr->arena, f->value);
	imap_finder_begin(sr->finder);
	imap_finder_feed(sr->finder, value);
	imap_finder_end(sr->finder);
	if (!imap_search_found(sr)) {
		struct buf name;

		/* "Subject: x" is text of the header as well; a HEADER key
		 * must not match the name */
		for (unsigned i = 0; i < sr->s->leaves_n; i++) {
			const struct imap_key *k = sr->s->leaves[i];

			if (k->kind == IMAP_KEY_HEADER)
				sr->words[k->text_index].want = false;
		}
		buf_init(&name, sr->arena, f->name.n * 3 + 16);
		mime_utf8_clean(f->name, &name);
		buf_c(&name, ": ");
		imap_finder_begin(sr->finder);
		imap_finder_feed(sr->finder, buf_str(&name));
		imap_finder_feed(sr->finder, value);
		imap_finder_end(sr->finder);
		imap_search_found(sr);
	}
	arena_rewind(sr->arena, mark);
}

static void
search_block(struct imap_searcher *sr, struct str block, bool inner)
{
	struct mime_header h = mime_header_of(block);
	struct mime_field f;

	while (mime_header_next(&h, &f)) {
		if (!inner && str_case_eq_c(f.name, "date"))
			for (unsigned i = 0; i < sr->s->leaves_n; i++)
				if (search_is_sent(sr->s->leaves[i]))
					search_sent(sr->s->leaves[i], f.value);
		search_field(sr, &f, inner);
	}
}

/* Not in the header, and only there. */
static void
search_settle(struct imap_searcher *sr, const struct mime_packed *p)
{
	for (unsigned i = 0; i < sr->s->leaves_n; i++) {
		struct imap_key *k = sr->s->leaves[i];

		if (k->is != IMAP_MAYBE ||
		    (k->kind != IMAP_KEY_HEADER && !search_is_sent(k)))
			continue;
		if (p == NULL || mime_packed_knows(p,
				     search_is_sent(k) ? STR("date") : k->word))
			k->is = IMAP_NO;
	}
}

void
imap_search_pack(struct imap_searcher *sr, const struct mime_packed *p)
{
	if (!p->has_headers)
		return;
	search_block(sr, p->root->headers, false);
	search_settle(sr, p);
}

void
imap_search_header(struct imap_searcher *sr, struct str header)
{
	search_block(sr, header, false);
	search_settle(sr, NULL);
}

/* --- bodies --- */

bool
imap_search_wants_body(const struct imap_searcher *sr)
{
	for (unsigned i = 0; i < sr->s->leaves_n; i++) {
		const struct imap_key *k = sr->s->leaves[i];

		if (k->is == IMAP_MAYBE &&
		    (k->kind == IMAP_KEY_BODY || k->kind == IMAP_KEY_TEXT))
			return true;
	}
	return false;
}

void
imap_search_inner_header(struct imap_searcher *sr, struct str header)
{
	search_block(sr, header, true);
}

bool
imap_search_reads(const struct mime_part *p)
{
	return p->kind == MIME_LEAF &&
	       (str_eq_c(p->type, "text") || str_eq_c(p->type, "message"));
}

void
imap_search_part(struct imap_searcher *sr, struct imap_decoder *d,
    const struct mime_part *p)
{
	struct str charset = STR("utf-8");

	search_want(sr, STR_NONE, true);
	mime_params_raw(&p->params, "charset", &charset);
	imap_decoder_begin(d, sr->finder, mime_encoding_of(p->encoding),
	    charset);
}

void
imap_search_finish(struct imap_searcher *sr)
{
	for (unsigned i = 0; i < sr->s->leaves_n; i++)
		if (sr->s->leaves[i]->is == IMAP_MAYBE)
			sr->s->leaves[i]->is = IMAP_NO;
}
