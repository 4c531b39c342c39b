/* imap_search.h - does a message match: decided with as little as possible */
#ifndef SERVER_IMAP_IMAP_SEARCH_H
#define SERVER_IMAP_IMAP_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "mime/pack.h"
#include "server/imap/imap_search_parse.h"
#include "server/imap/imap_text.h"
#include "storage/message.h"

/*
 * Three-valued: what is not known yet is MAYBE.  The caller asks with the row
 * alone, then shows the pack, then the header, then the bodies, and stops as
 * soon as the answer is yes or no.  Nothing here does I/O.
 *
 *	imap_search_begin(s)			forget the message before
 *	imap_search_eval(s, subject)		from the row
 *	imap_search_pack(s, packed)		and eval again
 *	imap_search_header(s, header)		and eval again
 *	imap_search_part ... imap_search_finish	and eval: never MAYBE
 */
struct imap_search_subject {
	const struct message *m;
	uint32_t seq;
};

/* For the evaluation, in the arena.  max_seq, max_uid: what '*' is; 0: none. */
struct imap_searcher {
	struct imap_search *s;
	struct arena *arena;
	struct imap_word_wanted *words; /* of leaves with a text */
	struct imap_finder *finder;
};
void imap_searcher_init(struct imap_searcher *sr, struct imap_search *s,
    struct arena *a, uint32_t max_seq, uint32_t max_uid);
/* Keywords' bits as they are now: again after every yield. */
void imap_search_keywords(struct imap_search *s, const struct account *acc);

void imap_search_begin(struct imap_searcher *sr);
enum imap_tri imap_search_eval(const struct imap_search *s,
    const struct imap_search_subject *m);

/* Keys that p can tell about. */
void imap_search_pack(struct imap_searcher *sr, const struct mime_packed *p);
/* The message's header (as much as is looked at): decides all keys of headers.
 */
void imap_search_header(struct imap_searcher *sr, struct str header);

/* Do texts of the body matter still? */
bool imap_search_wants_body(const struct imap_searcher *sr);
/* The header of an inner part. */
void imap_search_inner_header(struct imap_searcher *sr, struct str header);
/* Is this part's content looked at?  Text, but for parts within it. */
bool imap_search_reads(const struct mime_part *p);
/* Its content goes through a decoder: begin says how. */
void imap_search_part(struct imap_searcher *sr, struct imap_decoder *d,
    const struct mime_part *p);
/* What the finder found: true, everything is found that was wanted. */
bool imap_search_found(struct imap_searcher *sr);
/* Nothing more comes: what was not found is not there. */
void imap_search_finish(struct imap_searcher *sr);

#endif
