/* auth_cache.h - MACs of passwords seen lately */
#ifndef SERVER_AUTH_AUTH_CACHE_H
#define SERVER_AUTH_AUTH_CACHE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A table of fixed size, in sets of four; a full set loses the one that ends
 * first.  The MACs are their own hash: their key is random.
 */
struct auth_cache;

struct auth_cache *auth_cache_new(unsigned entries, uint32_t keep_s);
void auth_cache_free(struct auth_cache **c);
/* Whether it is there; then it stays for keep_s from now on. */
bool auth_cache_has(struct auth_cache *c, const unsigned char mac[32],
    uint64_t now_ms);
void auth_cache_put(struct auth_cache *c, const unsigned char mac[32],
    uint64_t now_ms);

#endif
