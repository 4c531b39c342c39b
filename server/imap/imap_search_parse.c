/* imap_search_parse.c - what SEARCH asks for, as a tree of keys */
#include "server/imap/imap_search_parse.h"

#include "mime/charset.h"
#include "server/imap/imap_text.h"
#include "storage/account_ops.h"

struct search_reader {
	struct imap_in *in;
	struct imap_search *s;
	struct str charset;
};

static struct imap_key *search_key(struct search_reader *r);

static struct imap_key *
search_new(struct search_reader *r, enum imap_key_kind kind)
{
	struct imap_key *k;

	if (r->s->keys == IMAP_SEARCH_KEYS) {
		imap_fail(r->in, "too many search keys");
		return NULL;
	}
	r->s->keys++;
	k = arena_new_obj(r->in->arena, struct imap_key);
	k->kind = kind;
	return k;
}

/* --- what stands behind a key's name --- */

/* A text to look for, in the form in which it is compared. */
static bool
search_text(struct search_reader *r, struct imap_key *k)
{
	struct arena *a = r->in->arena;
	struct str raw;
	struct buf utf8;

	if (!imap_sp(r->in) || !imap_astring(r->in, &raw))
		return false;
	if (raw.n > IMAP_TEXT_WORD_BYTES)
		return imap_fail(r->in, "a text to search for is too long");
	if (r->s->texts == IMAP_SEARCH_TEXTS)
		return imap_fail(r->in, "too many texts to search for");
	buf_init(&utf8, a, 16 * IMAP_TEXT_WORD_BYTES);
	if (!mime_charset_to_utf8(r->charset, raw, &utf8))
		return imap_fail(r->in, "unknown charset");
	k->text = imap_text_fold(a, buf_str(&utf8));
	k->text_index = r->s->texts++;
	return true;
}

static bool
search_header(struct search_reader *r, struct imap_key *k)
{
	return imap_sp(r->in) && imap_astring(r->in, &k->word) &&
	       search_text(r, k);
}

static bool
search_word(struct search_reader *r, struct imap_key *k)
{
	return imap_sp(r->in) && imap_atom(r->in, &k->word);
}

static bool
search_size(struct search_reader *r, struct imap_key *k)
{
	return imap_sp(r->in) && imap_number(r->in, &k->size);
}

static bool
search_date(struct search_reader *r, struct imap_key *k)
{
	return imap_sp(r->in) && imap_date(r->in, &k->day);
}

static bool
search_set(struct search_reader *r, struct imap_key *k)
{
	return imap_sp(r->in) && imap_set(r->in, &k->given);
}

/*
 * "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer
 *
 * Mod-sequences are kept for a message, not for each of its flags, which
 * RFC 7162, 3.1.5 allows: the entry is read and left at that.
 */
static bool
search_modseq(struct search_reader *r, struct imap_key *k)
{
	struct str entry;

	r->s->modseq = true;
	if (!imap_sp(r->in))
		return false;
	if (imap_is(r->in, '"')) {
		if (!imap_string(r->in, &entry) || !imap_sp(r->in))
			return false;
		if (!imap_word(r->in, "all") && !imap_word(r->in, "priv") &&
		    !imap_word(r->in, "shared"))
			return imap_fail(r->in,
			    "all, priv or shared expected here");
		if (!imap_sp(r->in))
			return false;
	}
	return imap_number64(r->in, &k->modseq);
}

static bool
search_not(struct search_reader *r, struct imap_key *k)
{
	return imap_sp(r->in) && (k->children = search_key(r)) != NULL;
}

static bool
search_or(struct search_reader *r, struct imap_key *k)
{
	return search_not(r, k) && imap_sp(r->in) &&
	       (k->children->next = search_key(r)) != NULL;
}

/* --- keys --- */

static const struct search_name {
	const char *name;
	enum imap_key_kind kind;
	uint8_t flag;
	bool (*rest)(struct search_reader *r, struct imap_key *k);
	const char *field;
} search_names[] = {
	{ "ALL", IMAP_KEY_ALL, 0, NULL, NULL },
	{ "ANSWERED", IMAP_KEY_FLAG, MESSAGE_ANSWERED, NULL, NULL },
	{ "BCC", IMAP_KEY_HEADER, 0, search_text, "Bcc" },
	{ "BEFORE", IMAP_KEY_BEFORE, 0, search_date, NULL },
	{ "BODY", IMAP_KEY_BODY, 0, search_text, NULL },
	{ "CC", IMAP_KEY_HEADER, 0, search_text, "Cc" },
	{ "DELETED", IMAP_KEY_FLAG, MESSAGE_DELETED, NULL, NULL },
	{ "DRAFT", IMAP_KEY_FLAG, MESSAGE_DRAFT, NULL, NULL },
	{ "FLAGGED", IMAP_KEY_FLAG, MESSAGE_FLAGGED, NULL, NULL },
	{ "FROM", IMAP_KEY_HEADER, 0, search_text, "From" },
	{ "HEADER", IMAP_KEY_HEADER, 0, search_header, NULL },
	{ "KEYWORD", IMAP_KEY_KEYWORD, 0, search_word, NULL },
	{ "LARGER", IMAP_KEY_LARGER, 0, search_size, NULL },
	{ "MODSEQ", IMAP_KEY_MODSEQ, 0, search_modseq, NULL },
	{ "NEW", IMAP_KEY_NONE, 0, NULL, NULL },
	{ "NOT", IMAP_KEY_NOT, 0, search_not, NULL },
	{ "OLD", IMAP_KEY_ALL, 0, NULL, NULL },
	{ "ON", IMAP_KEY_ON, 0, search_date, NULL },
	{ "OR", IMAP_KEY_OR, 0, search_or, NULL },
	{ "RECENT", IMAP_KEY_NONE, 0, NULL, NULL },
	{ "SEEN", IMAP_KEY_FLAG, MESSAGE_SEEN, NULL, NULL },
	{ "SENTBEFORE", IMAP_KEY_SENTBEFORE, 0, search_date, NULL },
	{ "SENTON", IMAP_KEY_SENTON, 0, search_date, NULL },
	{ "SENTSINCE", IMAP_KEY_SENTSINCE, 0, search_date, NULL },
	{ "SINCE", IMAP_KEY_SINCE, 0, search_date, NULL },
	{ "SMALLER", IMAP_KEY_SMALLER, 0, search_size, NULL },
	{ "SUBJECT", IMAP_KEY_HEADER, 0, search_text, "Subject" },
	{ "TEXT", IMAP_KEY_TEXT, 0, search_text, NULL },
	{ "TO", IMAP_KEY_HEADER, 0, search_text, "To" },
	{ "UID", IMAP_KEY_UID, 0, search_set, NULL },
	{ "UNANSWERED", IMAP_KEY_UNFLAG, MESSAGE_ANSWERED, NULL, NULL },
	{ "UNDELETED", IMAP_KEY_UNFLAG, MESSAGE_DELETED, NULL, NULL },
	{ "UNDRAFT", IMAP_KEY_UNFLAG, MESSAGE_DRAFT, NULL, NULL },
	{ "UNFLAGGED", IMAP_KEY_UNFLAG, MESSAGE_FLAGGED, NULL, NULL },
	{ "UNKEYWORD", IMAP_KEY_UNKEYWORD, 0, search_word, NULL },
	{ "UNSEEN", IMAP_KEY_UNFLAG, MESSAGE_SEEN, NULL, NULL },
};

/* search-key *(SP search-key), to the end or to ')' */
static struct imap_key *
search_list(struct search_reader *r)
{
	struct imap_key *and = search_new(r, IMAP_KEY_AND), **last;

	if (and == NULL)
		return NULL;
	for (last = &and->children;; last = &(*last)->next) {
		*last = search_key(r);
		if (*last == NULL)
			return NULL;
		if (imap_at_end(r->in) || imap_is(r->in, ')'))
			return and;
		if (!imap_sp(r->in))
			return NULL;
	}
}

static struct imap_key *
search_named(struct search_reader *r)
{
	for (unsigned i = 0; i < countof(search_names); i++) {
		const struct search_name *n = &search_names[i];
		struct imap_key *k;

		if (!imap_word(r->in, n->name))
			continue;
		k = search_new(r, n->kind);
		if (k == NULL)
			return NULL;
		k->flag = n->flag;
		if (n->field != NULL)
			k->word = str_c(n->field);
		return n->rest == NULL || n->rest(r, k) ? k : NULL;
	}
	imap_fail(r->in, "SEARCH knows no such key");
	return NULL;
}

/* search-key = NAME ... / sequence-set / "(" search-key *(SP search-key) ")" */
static struct imap_key *
search_key(struct search_reader *r)
{
	struct imap_in *in = r->in;
	struct imap_key *k;
	char c = imap_at_end(in) ? '\0' : in->all.p[in->at];

	if (in->depth == IMAP_DEPTH) {
		imap_fail(in, "search keys are nested too deeply");
		return NULL;
	}
	in->depth++;
	if (c == '(') {
		k = imap_char(in, '(') ? search_list(r) : NULL;
		if (k != NULL && !imap_char(in, ')'))
			k = NULL;
	} else if (c == '*' || (c >= '0' && c <= '9')) {
		k = search_new(r, IMAP_KEY_SEQ);
		if (k != NULL && !imap_set(in, &k->given))
			k = NULL;
	} else
		k = search_named(r);
	in->depth--;
	return k;
}

/* The keys that need the message, in a list. */
static void
search_gather(struct imap_search *s, struct imap_key *k)
{
	for (; k != NULL; k = k->next) {
		if (k->kind >= IMAP_KEY_SENTBEFORE)
			s->leaves[s->leaves_n++] = k;
		search_gather(s, k->children);
	}
}

bool
imap_search_parse(struct imap_in *in, struct imap_search *s_r)
{
	struct search_reader r = { .in = in,
		.s = s_r,
		.charset = STR("utf-8") };

	*s_r = (struct imap_search){ .keys = 0 };
	if (imap_word(in, "CHARSET")) {
		if (!imap_sp(in) || !imap_astring(in, &r.charset) ||
		    !imap_sp(in))
			return false;
		if (!mime_charset_is_known(r.charset)) {
			s_r->bad_charset = true;
			return imap_fail(in, "unknown charset");
		}
	}
	s_r->root = search_list(&r);
	if (s_r->root == NULL || !imap_end(in))
		return false;
	s_r->leaves =
	    arena_array(in->arena, s_r->keys, sizeof(struct imap_key *));
	search_gather(s_r, s_r->root);
	return true;
}
