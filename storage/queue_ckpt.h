/* queue_ckpt.h - the one segment of a bucket's checkpoint */
#ifndef STORAGE_QUEUE_CKPT_H
#define STORAGE_QUEUE_CKPT_H

#include "storage/queue_state.h"

/*
 * A checkpoint of a bucket is one segment, kind "rows", with all messages that
 * wait: a bucket holds what is on its way, not what was ever sent.  With
 *100,000 messages waiting in the whole cluster it has 300 KB, written once in
 *128 entries; base and delta as accounts have them would save a tenth of the
 *bytes that the messages themselves cost.
 *
 * All integers are little-endian.  text: u16 length and so many bytes.
 *
 *	 8	"SHOALQB1"
 *	u64	entry number this checkpoint covers
 *	u64	forgotten
 *	u8	n marks, each: u64 entry, u32 unix time
 *	u32	n messages in their order, each:
 *		16	txid
 *		u16	ordinal
 *		u64	bytes, u64 arrived, u64 entry that changed it last
 *		u32	flags (enum queue_flags)
 *		u8	held
 *		texts	from, envid, account, trace
 *		u32	n recipients, each:
 *			texts	address, original, via, answer, node
 *			u8	notify, u8 state, u8 told that it is late
 *			u16	code, u32 tries
 *			u64	tried, u64 next
 *	u32	CRC-32C of all before it
 */
#define QUEUE_SEG_MAX (120U << 20)

void queue_ckpt_write(struct buf *b, const struct queue_bucket_state *s,
    uint64_t seq);
/* Fills an empty state. ERR_CORRUPT, ERR_FORMAT; nothing in it is taken for
 * granted. */
must_check struct err *queue_ckpt_load(struct arena *a,
    struct queue_bucket_state *s, struct str data, uint64_t *seq_r);

#endif
