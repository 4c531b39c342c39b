/* account_ckpt.h - the segments of an account's checkpoint */
#ifndef STORAGE_ACCOUNT_CKPT_H
#define STORAGE_ACCOUNT_CKPT_H

#include "storage/account_state.h"

/*
 * A checkpoint of an account consists of (kinds in the manifest)
 *
 *	head	everything small, and what changed since the other two: always
 *		written anew
 *	rows	all rows as they were when it was written: the base; absent in a
 *		small account
 *	tomb	tombstones likewise
 *	env	envelope data (envseg.h), any number
 *
 * so that a cold reader needs two or three files.  A base is written anew when
 * what changed exceeds ACCOUNT_CKPT_LEAST and a quarter of it.  All integers
 * are little-endian; every segment ends with the CRC-32C of all before it
 * (besides the SHA-256 in the manifest), so that it can be judged alone.
 *
 * head:
 *	 8	"SHOALHD1"
 *	u64	entry number this checkpoint covers
 *	u64	number of the rows base, 0: none
 *	u64	number of the tomb base, 0: none
 *	u64	forgotten: tombstones up to this entry are gone
 *	u64	bytes, u64 messages: usage
 *	u32	highest UIDVALIDITY ever
 *	u8	state: 'o', 'k', 'p'
 *	u8	n marks, each: u64 entry, u32 unix time
 *	u8	n keywords, each: u8 bit, u8 length, text
 *	u32	n subscriptions, each: u16 length, text
 *	u32	n folders, each: u32 id, u32 UIDVALIDITY, u32 UIDNEXT, u64
 *number of the last entry that touched it, u64 of the one that made it, u8 use,
 *u16 length, name; in rising order of ids u32	n tombstones (newer than the
 *tomb base), each 48 bytes u32	n removed rows of the base, each: u32 folder,
 *u32 UID groups	rows changed since the base: see rows u32	CRC-32C
 *
 * rows:
 *	 8	"SHOALRW1"
 *	u64	entry number it was written at
 *	groups
 *	u32	CRC-32C
 *
 * groups:
 *	u32	n groups, in rising order of folders, each: u32 folder, u32 rows
 *	rows	of all groups one after another, ROW_BYTES each (rows.h), in
 *		rising order of UIDs within a group
 *
 * A row of the head replaces the base's of the same folder and UID.  Rows of
 * the base in folders that are gone, or made after the base, are nothing.
 *
 * tomb:
 *	 8	"SHOALTB1"
 *	u64	entry number it was written at
 *	u32	n tombstones, each 48 bytes, in rising order of MODSEQ
 *	u32	CRC-32C
 *
 * A tombstone (48 bytes): 16 txid, u32 folder, u32 UID, u64 MODSEQ, u32 bytes,
 * u32 date, u16 ordinal, u16 month (0: no file), u32 flags.
 */
#define ACCOUNT_CKPT_LEAST 256 /* rows or tombstones without a base */
#define ACCOUNT_TOMB_BYTES 48
#define ACCOUNT_SEG_MAX (1U << 30)

/* Numbers of the bases that head refers to. */
struct account_ckpt_bases {
	uint64_t rows, tomb;
};

void account_ckpt_head(struct buf *b, const struct account_state *s,
    uint64_t seq, const struct account_ckpt_bases *bases);
void account_ckpt_rows(struct buf *b, const struct account_state *s,
    uint64_t seq);
void account_ckpt_tomb(struct buf *b, const struct account_state *s,
    uint64_t seq);
/* How much head would have to carry with these bases. */
uint32_t account_ckpt_rows_changed(const struct account_state *s,
    uint64_t base);
uint32_t account_ckpt_tombs_changed(const struct account_state *s,
    uint64_t base);

/*
 * Fills an empty state. rows and tomb are empty strings where head says there
 * is no base. ERR_CORRUPT, ERR_FORMAT; nothing in them is taken for granted.
 */
must_check struct err *account_ckpt_load(struct arena *a,
    struct account_state *s, struct str head, struct str rows, struct str tomb,
    uint64_t *seq_r, struct account_ckpt_bases *bases_r);

#endif
