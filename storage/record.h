/* record.h - the text of one journal entry */
#ifndef STORAGE_RECORD_H
#define STORAGE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * An entry is the text of the symbolic link log/<seq>, printable ASCII, seven
 * tokens with one space between them, at most SHARE_SYMLINK_MAX bytes:
 *
 *	txid seq prev format ops totals crc
 *
 *	txid	32 lower case hex digits: 128 random bits, the entry's identity
 *	seq	16 decimal digits, the same as the name
 *	prev	txid of entry seq-1 (32 zeros for entry 1)
 *	format	decimal: version of the language of ops; 1
 *	ops	operations, separated by ';'.  An operation is one letter and
 *		fields, each behind a ','.  Text fields are percent-encoded:
 *		all but letters, digits and "-._/@+=:" becomes %XX.
 *		Or "@<bytes>:<sha256 hex>": the operations are the content of
 *		seg/<txid>.rec
 *	totals	the client's state after this entry, in its own words without
 *		blanks, or "-": a cold reader decides from the head alone
 *	crc	CRC-32C (8 hex digits) of all before the blank in front of it
 *
 * Operations that every journal knows (the letters C, D, F, N and T are the
 * journal's, all others its client's, who skips these):
 *
 *	N		nothing: occupies a number
 *	C,<token>	CLAIM: a new lock holder's first entry; raises the
 *			highest token
 *	T,<token>	first in an outcome under a lock: with a token below the
 *			highest, the whole entry is nothing
 *	F,<seq>		FORGET: txids (and the client's tombstones) of entries up
 *			to seq are forgotten; commits begun before this entry
 *			are held
 *	D,<txid>	VOID: an entry of this txid, if it comes later, is
 *			nothing
 */
#define RECORD_FORMAT 1
#define RECORD_OPS_MAX (4U << 20)	/* of a seg/<txid>.rec */
#define RECORD_INLINE_MAX 1000
#define RECORD_SEQ_MAX 9999999999999999ULL /* ckpt of a purged account */

struct txid {
	unsigned char b[16];
};
#define TXID_HEX 32

bool txid_is_zero(const struct txid *x);
bool txid_eq(const struct txid *a, const struct txid *b);
/* 32 digits and a NUL. */
void txid_hex(const struct txid *x, char out_r[TXID_HEX + 1]);
bool txid_parse(struct str s, struct txid *x_r);

/* The 16 digits of a name and back; parse refuses 0 and anything else. */
#define SEQ_DIGITS 16
void seq_name(uint64_t seq, char out_r[SEQ_DIGITS + 1]);
bool seq_parse(struct str s, uint64_t *seq_r);

struct record {
	struct txid txid, prev;
	uint64_t seq;
	uint32_t format;
	struct str ops;		/* empty when external */
	struct str totals;
	bool external;
	uint64_t ops_bytes;	/* external */
	unsigned char ops_sha256[32];
};

/* Empty ops become "N", empty totals "-".  Whether the text fits a link is seen
 * from its length (SHARE_SYMLINK_MAX). */
void record_format(struct buf *b, const struct record *r);
/* ERR_CORRUPT: not a record, wrong checksum; ERR_FORMAT: newer (*r_r is filled
 * all the same: identity and chain are the same in every format). Results point
 * into text. */
must_check struct err *record_parse(struct arena *a, struct str text,
    struct record *r_r);

/* Writing and reading operations. */
void record_op(struct buf *b, char letter);	/* adds ';' if not the first */
void record_u64(struct buf *b, uint64_t v);	/* ",123" */
void record_text(struct buf *b, struct str s);	/* ",percent%20encoded" */
void record_txid(struct buf *b, const struct txid *x);

struct record_op {
	char letter;
	struct str fields;	/* rest, without the first ',' */
	bool any;		/* there are (more) fields */
};
/* Cut the next operation off *ops; false at the end.  What is no operation has
 * the letter 0. */
bool record_next(struct str *ops, struct record_op *op_r);
/* Cut the next field off; false: missing or malformed. */
bool record_get_str(struct record_op *op, struct str *raw_r);
bool record_get_u64(struct record_op *op, uint64_t *v_r);
bool record_get_u32(struct record_op *op, uint32_t *v_r);
bool record_get_text(struct record_op *op, struct arena *a, struct str *s_r);
bool record_get_txid(struct record_op *op, struct txid *x_r);

#endif
