/* rnd.c - random bytes, seedable by the simulation */
#include "base/rnd.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"

static void
rnd_system_fill(void *arg, void *p, size_t n)
{
	(void)arg;
	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			panic("getrandom: %s", strerror(errno));
		p = (char *)p + got;
		n -= (size_t)got;
	}
}

const struct rnd rnd_system = { .fill = rnd_system_fill };

/* splitmix64: https://prng.di.unimi.it/splitmix64.c */
static uint64_t
rnd_split(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t
rnd_rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* xoshiro256**: https://prng.di.unimi.it/xoshiro256starstar.c */
static uint64_t
rnd_next(struct rnd_seeded *r)
{
	uint64_t *s = r->s;
	uint64_t result = rnd_rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rnd_rotl(s[3], 45);
	return result;
}

/* Little-endian whatever the machine: the same seed, the same bytes. */
static void
rnd_seeded_fill(void *arg, void *p, size_t n)
{
	unsigned char *out = p;

	while (n > 0) {
		uint64_t v = rnd_next(arg);

		for (size_t i = 0; i < 8 && n > 0; i++, n--)
			*out++ = (unsigned char)(v >> 8 * i);
	}
}

void
rnd_seed(struct rnd_seeded *r, uint64_t seed)
{
	for (size_t i = 0; i < 4; i++)
		r->s[i] = rnd_split(&seed);
}

struct rnd
rnd_of_seeded(struct rnd_seeded *r)
{
	return (struct rnd){ .fill = rnd_seeded_fill, .arg = r };
}

uint64_t
rnd_u64(const struct rnd *r)
{
	unsigned char b[8];
	uint64_t v = 0;

	r->fill(r->arg, b, sizeof(b));
	for (size_t i = 0; i < 8; i++)
		v |= (uint64_t)b[i] << 8 * i;
	return v;
}

uint64_t
rnd_below(const struct rnd *r, uint64_t n)
{
	uint64_t v, unbiased;

	invariant(n > 0);
	/* 2^64 mod n values at the bottom would come once too often. */
	unbiased = -n % n;
	do {
		v = rnd_u64(r);
	} while (v < unbiased);
	return v % n;
}
