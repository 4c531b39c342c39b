/* clusterkey.h - the 256 bits that make a machine a node of this cluster */
#ifndef STORAGE_CLUSTERKEY_H
#define STORAGE_CLUSTERKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/rnd.h"
#include "base/str.h"

/*
 * Made by share init, never on the share but sealed in an invite (invite.h).
 * Every use has a key of its own, derived by a label, so nothing learnt from
 * one use helps with another.
 *
 * <local>/cluster.key, mode 0600, text with LF lines:
 *
 *	shoal-cluster-key 1
 *	share <UUID of the share, 32 hex digits>
 *	key <64 hex digits>
 *	crc <CRC-32C of all before this line, 8 hex digits>
 *
 * The calls here do a little blocking local I/O, at start-up only.
 */
struct clusterkey {
	unsigned char key[32];
};
#define CLUSTERKEY_ID_CHARS 16

void clusterkey_make(const struct rnd *r, struct clusterkey *k_r);
void clusterkey_wipe(struct clusterkey *k);
/* The key for one purpose. label: "shoal state entry". */
void clusterkey_derive(const struct clusterkey *k, const char *label,
    unsigned char out_r[32]);
/* Tells keys apart without telling anything about them. */
void clusterkey_id(const struct clusterkey *k,
    char id_r[CLUSTERKEY_ID_CHARS + 1]);

/*
 * share_uuid: of the share that is to be used (NULL: any; then uuid_r, may be
 * NULL, says which).  ERR_NOENT: there is none ("this machine is not a node
 * of the cluster: ..."); ERR_FOREIGN: it is of another share; ERR_DENIED: the
 * file is readable for others, or not ours; ERR_CORRUPT.
 */
must_check struct err *clusterkey_load(struct arena *a, const char *local,
    const unsigned char *share_uuid, struct clusterkey *k_r,
    unsigned char *uuid_r);
/* Durable when it returns NULL. ERR_EXIST: there is one already, whatever it
 * is (but the very same key and UUID are fine). */
must_check struct err *clusterkey_store(struct arena *a, const char *local,
    const unsigned char share_uuid[16], const struct clusterkey *k);

#endif
