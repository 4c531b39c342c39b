/* segcache.h - immutable segments, kept on the node's own disk */
#ifndef STORAGE_SEGCACHE_H
#define STORAGE_SEGCACHE_H

#include "base/offload.h"
#include "base/str.h"

/*
 * Files under local/segcache/<first two digits of the hash>/<sha256>, verified
 * by that hash when read; the oldest used go first when the size limit is
 * passed.  Any failure is a miss: a cache is never an error.
 */
struct segcache;

struct segcache *segcache_new(struct offload *o, const char *dir,
    uint64_t max_bytes);
void segcache_free(struct segcache **c);
may_yield bool segcache_get(struct task *t, struct segcache *c,
    const unsigned char sha256[32], uint64_t bytes, struct arena *a,
    struct str *data_r);
/* Copies data; does not wait. */
void segcache_put(struct task *t, struct segcache *c,
    const unsigned char sha256[32], struct str data);

#endif
