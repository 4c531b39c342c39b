/* auth_cache.c - MACs of passwords seen lately */
#include "server/auth/auth_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"

#define AUTH_CACHE_WAYS 4

struct auth_cache_entry {
	unsigned char mac[32];
	uint64_t until_ms; /* 0: empty */
};

struct auth_cache {
	unsigned sets;
	uint32_t keep_s;
	struct auth_cache_entry e[];
};

struct auth_cache *
auth_cache_new(unsigned entries, uint32_t keep_s)
{
	unsigned sets =
	    entries < AUTH_CACHE_WAYS ? 1 : entries / AUTH_CACHE_WAYS;
	struct auth_cache *c;

	c = xcalloc(1, sizeof(*c) + sets * AUTH_CACHE_WAYS * sizeof(c->e[0]));
	c->sets = sets;
	c->keep_s = keep_s;
	return c;
}

void
auth_cache_free(struct auth_cache **c)
{
	if (*c == NULL)
		return;
	crypto_wipe((*c)->e, (*c)->sets * AUTH_CACHE_WAYS * sizeof((*c)->e[0]));
	free(*c);
	*c = NULL;
}

static struct auth_cache_entry *
auth_cache_set(struct auth_cache *c, const unsigned char mac[32])
{
	return &c->e[le32_get(mac) % c->sets * AUTH_CACHE_WAYS];
}

bool
auth_cache_has(struct auth_cache *c, const unsigned char mac[32],
    uint64_t now_ms)
{
	struct auth_cache_entry *e = auth_cache_set(c, mac);

	for (unsigned i = 0; i < AUTH_CACHE_WAYS; i++)
		if (e[i].until_ms > now_ms &&
		    crypto_equal(e[i].mac, mac, sizeof(e[i].mac))) {
			e[i].until_ms = now_ms + c->keep_s * 1000ULL;
			return true;
		}
	return false;
}

void
auth_cache_put(struct auth_cache *c, const unsigned char mac[32],
    uint64_t now_ms)
{
	struct auth_cache_entry *e = auth_cache_set(c, mac), *worst = e;

	if (auth_cache_has(c, mac, now_ms))
		return;
	for (unsigned i = 1; i < AUTH_CACHE_WAYS; i++)
		if (e[i].until_ms < worst->until_ms)
			worst = &e[i];
	memcpy(worst->mac, mac, sizeof(worst->mac));
	worst->until_ms = now_ms + c->keep_s * 1000ULL;
}
