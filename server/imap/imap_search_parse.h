/* imap_search_parse.h - what SEARCH asks for, as a tree of keys */
#ifndef SERVER_IMAP_IMAP_SEARCH_PARSE_H
#define SERVER_IMAP_IMAP_SEARCH_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/imap/imap_parse.h"
#include "storage/uidset.h"

#define IMAP_SEARCH_KEYS 2000 /* of one SEARCH */
#define IMAP_SEARCH_TEXTS 100 /* of them with a text to look for */

enum imap_key_kind {
	IMAP_KEY_AND, /* of its children: the whole, and parentheses */
	IMAP_KEY_OR,
	IMAP_KEY_NOT,
	IMAP_KEY_ALL,
	IMAP_KEY_NONE, /* RECENT: there is no such message */
	IMAP_KEY_FLAG,
	IMAP_KEY_UNFLAG,
	IMAP_KEY_KEYWORD,
	IMAP_KEY_UNKEYWORD,
	IMAP_KEY_SEQ, /* set: sequence numbers */
	IMAP_KEY_UID, /* set: UIDs */
	IMAP_KEY_BEFORE,
	IMAP_KEY_ON,
	IMAP_KEY_SINCE,
	IMAP_KEY_LARGER,
	IMAP_KEY_SMALLER,
	IMAP_KEY_MODSEQ,
	/* these need the message: see imap_search.h */
	IMAP_KEY_SENTBEFORE,
	IMAP_KEY_SENTON,
	IMAP_KEY_SENTSINCE,
	IMAP_KEY_HEADER, /* of field word, with text; FROM and its like, too */
	IMAP_KEY_BODY,
	IMAP_KEY_TEXT
};

enum imap_tri { IMAP_NO, IMAP_YES, IMAP_MAYBE };

struct imap_key {
	enum imap_key_kind kind;
	struct imap_key *next, *children;
	uint8_t flag;	 /* MESSAGE_SEEN, ... */
	uint32_t size;	 /* LARGER, SMALLER */
	uint64_t modseq; /* at least */
	int64_t day;	 /* since 1970 */
	struct str word; /* keyword, or name of a field */
	struct str text; /* folded (imap_text.h) */
	struct imap_set given;
	/* evaluation: imap_search.c */
	struct uidset set;
	int bit;
	unsigned text_index;
	enum imap_tri is; /* for this message */
};

struct imap_search {
	struct imap_key *root;
	unsigned keys;
	struct imap_key **leaves; /* those that need the message */
	unsigned leaves_n, texts;
	bool modseq;	  /* there is a MODSEQ key (RFC 7162, 3.1.5) */
	bool bad_charset; /* parsing failed for that */
};

/*
 * search = ["CHARSET" SP astring SP] search-key *(SP search-key)
 *
 * and the end.  Texts are converted to UTF-8 and folded.  Without CHARSET they
 * are taken for UTF-8, which US-ASCII is a part of.
 */
bool imap_search_parse(struct imap_in *in, struct imap_search *s_r);

#endif
