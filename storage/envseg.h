/* envseg.h - envelope data of an account's messages, in few large files */
#ifndef STORAGE_ENVSEG_H
#define STORAGE_ENVSEG_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/journal.h"
#include "storage/message.h"

/*
 * What mime/pack.h packs of each message, so that listing a folder reads one
 * file and not a thousand.  It is a cache: a missing or damaged record costs
 * reading the message.
 *
 * Places are counted in units of 16 bytes in one endless virtual file, of which
 * every env segment holds a piece; a row says place and length in units.
 * Merging neighbours leaves all places as they are, so no row changes.  Place 0
 * is "none".  Pieces no row points into are dropped.
 *
 * A segment (the manifest's arg is its first place, decimal):
 *
 *	 8	"SHOALEN1"
 *	u32	first place
 *	u32	CRC-32C of the 12 bytes before
 *	records, from byte 16 on, each padded with zeros to whole units:
 *		u32	CRC-32C of the rest without padding
 *		u32	bytes of the pack
 *		16	txid, u16 ordinal of the message's name
 *		u16	zero, u32 zero
 *		pack
 */
#define ENV_UNIT 16
#define ENV_HEADER_BYTES 16
#define ENV_RECORD_BYTES 32
#define ENV_PACK_MAX (64 << 10)
#define ENV_PENDING_MAX 1024 /* packs not in a segment yet */
#define ENV_PENDING_BYTES (4 << 20)
#define ENV_PLACE_MAX 0xf0000000U     /* 60 GB ever; then no more are kept */
#define ENV_MERGE_BYTES (16U << 20)   /* merged segments grow up to this */
#define ENV_ALWAYS_BYTES (512U << 10) /* up to here at every checkpoint */
#define ENV_READ_GAP 4096	      /* bytes: nearer records share a READ */

struct env_seg {
	uint32_t start, units;
	struct journal_seg seg; /* strings on the heap */
};

struct env_pack {
	struct message_name name;
	uint32_t bytes;
	unsigned char data[];
};

struct envs {
	struct env_seg *segs; /* rising, by start */
	unsigned n, size;
	struct env_pack **pending; /* sorted by name */
	unsigned pending_count;
	size_t pending_bytes;
};

void envs_free(struct envs *es);
/* Forget the segments (a reload), keep what is pending. */
void envs_clear(struct envs *es);
/* From a manifest; ERR_CORRUPT if it does not fit behind the others. */
must_check struct err *envs_add(struct arena *a, struct envs *es,
    const struct journal_seg *seg);
const struct env_seg *envs_find(const struct envs *es, uint32_t place,
    uint32_t units);
/* First place behind all segments. */
uint32_t envs_end(const struct envs *es);

/* Keep a pack until the next checkpoint; false: no room (it is not kept). */
bool envs_pend(struct envs *es, const struct message_name *name,
    struct str pack);
const struct env_pack *envs_pending(const struct envs *es,
    const struct message_name *name);
void envs_unpend(struct envs *es, const struct message_name *name);

void env_header_write(struct buf *b, uint32_t start);
/* Appends one record; its units. */
uint32_t env_record_write(struct buf *b, const struct message_name *name,
    struct str pack);
/* False: not the record of this message, or damaged. */
bool env_record_read(struct str units, const struct message_name *name,
    struct str *pack_r);

/*
 * How many of the last segments should be merged with `units` more of new
 * records, so that there are few segments and each byte is written a few times
 * only: what is small is always merged, then four of a size become one.
 */
unsigned envs_merge_count(const struct envs *es, uint32_t units);

#endif
