/* imap_parse.h - reading IMAP commands as RFC 3501's grammar reads */
#ifndef SERVER_IMAP_IMAP_PARSE_H
#define SERVER_IMAP_IMAP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"

/*
 * The input is one whole command without its last CRLF; literals stand in it as
 * they came: "{5}\r\nhello".  Every function reads one element and returns
 * false if it is not there; then in->bad (kept from the first failure) is a
 * sentence for BAD.  Nothing does I/O; what is returned points into the input
 * or the arena.  Depth is bounded by IMAP_DEPTH.
 */
#define IMAP_DEPTH 32
#define IMAP_SET_RANGES 40000 /* of one sequence set, before merging */
#define IMAP_FLAGS_MAX 1000   /* keywords of one list */

struct imap_in {
	struct str all;
	size_t at;
	struct arena *arena;
	unsigned depth;
	const char *bad;
};

void imap_in_init(struct imap_in *in, struct arena *a, struct str all);
bool imap_fail(struct imap_in *in, const char *sentence); /* false */
/* At the end. */
bool imap_end(struct imap_in *in);
bool imap_at_end(const struct imap_in *in);
bool imap_sp(struct imap_in *in);
/* Exactly this byte; imap_is looks without reading or failing. */
bool imap_char(struct imap_in *in, char c);
bool imap_is(const struct imap_in *in, char c);
/* This word in any case, ended by '[' or a non-atom character; no failure if
 * not. */
bool imap_word(struct imap_in *in, const char *word);

bool imap_tag(struct imap_in *in, struct str *s_r);
bool imap_atom(struct imap_in *in, struct str *s_r);
bool imap_astring(struct imap_in *in, struct str *s_r);
bool imap_string(struct imap_in *in, struct str *s_r);	/* quoted or literal */
bool imap_nstring(struct imap_in *in, struct str *s_r); /* NIL: p NULL */
/* UTF-8 from modified UTF-7; INBOX in capitals. Control characters come through
 * (folder_name_check refuses them); 8-bit and superfluous shifts do not. */
bool imap_mailbox(struct imap_in *in, struct str *s_r);
/* list-mailbox: may have % and *; decoded too. */
bool imap_list_mailbox(struct imap_in *in, struct str *s_r);
bool imap_number(struct imap_in *in, uint32_t *n_r);
bool imap_nz_number(struct imap_in *in, uint32_t *n_r);
bool imap_number64(struct imap_in *in, uint64_t *n_r); /* to 2^63-1 */
/* date-month, "Jan" first. */
extern const char imap_months[12][4];
bool imap_date(struct imap_in *in, int64_t *day_r); /* days since 1970 */
bool imap_date_time(struct imap_in *in, int64_t *wall_s_r);

/* sequence-set: ranges as given, ends in order; 0 is refused. */
struct imap_range {
	uint32_t lo, hi; /* lo <= hi */
	bool star;	 /* an end was '*': lo is the other end, 0 if both were
			  * (or it was '*' alone); hi is UINT32_MAX */
};
struct imap_set {
	struct imap_range *r;
	uint32_t n;
};
bool imap_set(struct imap_in *in, struct imap_set *set_r);

/* flag-list or flags without parentheses. \Recent and unknown ones with '\' are
 * refused. Keywords may be given twice. */
struct imap_flags {
	uint8_t flags; /* MESSAGE_SEEN, ... */
	struct str *keywords;
	unsigned n;
};
bool imap_flags(struct imap_in *in, bool parentheses, struct imap_flags *f_r);

/* Literal announced at the end of a line: "{12}", "{12+}" (sync_r false), of
 * 32 bits at most (RFC 3501: number).  1: yes, 0: no, -1: malformed (BAD). */
int imap_literal_at_end(struct str line, uint64_t *n_r, bool *sync_r);

/* Modified UTF-7, both ways; false: malformed. A decoded name
 * that needs no change is returned as it is, not copied. */
struct buf;
bool imap_utf7_decode(struct arena *a, struct str in, struct str *out_r);
struct str imap_utf7_encode(struct arena *a, struct str in);
void imap_utf7_put(struct buf *b, struct str in);

#endif
