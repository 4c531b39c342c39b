/* rows.h - the messages of one folder, in memory and as they are on disk */
#ifndef STORAGE_ROWS_H
#define STORAGE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/message.h"

/*
 * Sorted by UID.  On disk a row has ROW_BYTES, little-endian (100,000 of them
 * are five READs of 1 MiB):
 *
 *	 0	16	txid of the name
 *	16	 4	UID
 *	20	 8	keywords, bits of the head segment's table
 *	28	 4	bytes
 *	32	 4	internal date, unix time
 *	36	 4	env: place (envseg.h), 0: none
 *	40	 5	MODSEQ
 *	45	 1	flags: 1 \Seen, 2 \Answered, 4 \Flagged, 8 \Deleted,
 *			16 \Draft
 *	46	 2	ordinal of the name
 *	48	 2	month: (year - 1970) * 12 + month - 1
 *	50	 2	env: length in units of 16 bytes
 */
#define ROW_BYTES 52
#define ROW_MODSEQ_MAX ((1ULL << 40) - 1)

struct rows {
	struct message *r;
	uint32_t n, size;
};

void rows_free(struct rows *rs);
/* uid must be greater than the last. */
struct message *rows_push(struct rows *rs, const struct message *m);
/* Index of the first row with this UID or a greater one. */
uint32_t rows_lower(const struct rows *rs, uint32_t uid);
struct message *rows_find(const struct rows *rs, uint32_t uid);

/*
 * Call fn for each row whose UID is in the set, in order; rows for which it
 * returns true are taken out.
 */
typedef bool (*rows_fn)(struct message *m, void *arg);
void rows_each(struct rows *rs, const struct uidset *uids, rows_fn fn,
    void *arg);

void row_encode(unsigned char out_r[ROW_BYTES], const struct message *m);
/* False: no row (UID 0, month 0, flags unknown). */
bool row_decode(const unsigned char in[ROW_BYTES], struct message *m_r);

#endif
