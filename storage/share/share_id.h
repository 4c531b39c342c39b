/* share_id.h - the file SHOAL: which share this is */
#ifndef STORAGE_SHARE_SHARE_ID_H
#define STORAGE_SHARE_SHARE_ID_H

#include "storage/share/barrier.h"

/*
 *	shoal-share 1
 *	uuid 01234567-89ab-cdef-0123-456789abcdef
 *	durability barrier|reply
 *	created 2026-01-31T12:00:00Z
 *
 * Unknown lines are skipped: a later version 1 may have more of them.
 */
#define SHARE_ID_NAME "SHOAL"
#define SHARE_ID_BYTES_MAX 4096
#define SHARE_ID_UUID_TEXT 37 /* with the NUL */

struct share_id {
	uint32_t format;
	unsigned char uuid[16];
	enum barrier_profile profile;
	int64_t created_s;	/* 0: not given */
};

struct str share_id_format(struct arena *a, const struct share_id *id);
/*
 * ERR_FOREIGN: not such a file.  ERR_CORRUPT: one, but damaged.  ERR_FORMAT:
 * written by a newer version; format and, if it could be found, uuid are set.
 */
must_check struct err *share_id_parse(struct arena *a, struct str text,
    struct share_id *id_r);

void share_id_uuid_text(const unsigned char uuid[16],
    char text_r[SHARE_ID_UUID_TEXT]);
bool share_id_uuid_parse(struct str text, unsigned char uuid_r[16]);

#endif
