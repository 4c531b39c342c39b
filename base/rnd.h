/* rnd.h - random bytes, seedable by the simulation */
#ifndef BASE_RND_H
#define BASE_RND_H

#include <stddef.h>
#include <stdint.h>

struct rnd {
	void (*fill)(void *arg, void *p, size_t n);
	void *arg;
};

/* getrandom(2). */
extern const struct rnd rnd_system;

/* splitmix64/xoshiro256** from a seed: the same numbers for the same seed on
 * every machine.  Not for keys. */
struct rnd_seeded {
	uint64_t s[4];
};
void rnd_seed(struct rnd_seeded *r, uint64_t seed);
struct rnd rnd_of_seeded(struct rnd_seeded *r);

uint64_t rnd_u64(const struct rnd *r);
/* 0 <= result < n, without bias; n > 0. */
uint64_t rnd_below(const struct rnd *r, uint64_t n);

#endif
