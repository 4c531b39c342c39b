/* underway.c - the queue's jobs that worker 0 is at, for the one after it */
#include "server/queue/underway.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"

/* Words, so that each is stored at once. */
struct underway_slot {
	uint64_t
	    mark; /* enum underway_mark; the rest holds unless it is free */
	uint64_t bucket, ordinal, dest;
	uint64_t txid[2];
};

_Static_assert(sizeof(struct txid) == 2 * sizeof(uint64_t), "two words");

/* One in each process; what slots points to is everybody's.  The numbers are
 * worker 0's own, made by underway_join(). */
struct underway {
	struct underway_slot *slots;
	unsigned marked; /* left by an earlier life, whatever they are now */
	unsigned tried;
	unsigned next; /* where a free one is looked for */
};

#define UNDERWAY_BYTES (UNDERWAY_JOBS * sizeof(struct underway_slot))
#define UNDERWAY_LOAD(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define UNDERWAY_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

struct underway *
underway_new(void)
{
	struct underway *u = xcalloc(1, sizeof(*u));

	u->slots = mmap(NULL, UNDERWAY_BYTES, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (u->slots == MAP_FAILED)
		panic("no memory for the jobs under way");
	return u;
}

void
underway_free(struct underway **u)
{
	if (*u == NULL)
		return;
	munmap((*u)->slots, UNDERWAY_BYTES);
	free(*u);
	*u = NULL;
}

/* --- one slot --- */

static enum underway_mark
underway_mark(const struct underway_slot *s)
{
	return (enum underway_mark)__atomic_load_n(&s->mark, __ATOMIC_ACQUIRE);
}

/* What was done before is seen by who sees the mark, and nothing that is done
 * after it is done before: it may be what worker 0 dies of. */
static void
underway_set(struct underway_slot *s, enum underway_mark mark)
{
	__atomic_store_n(&s->mark, mark, __ATOMIC_SEQ_CST);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static bool
underway_is_marked(const struct underway_slot *s)
{
	return underway_mark(s) >= UNDERWAY_LEFT;
}

/* Nobody is at it, and it is not free. */
static bool
underway_waits(enum underway_mark mark)
{
	return mark == UNDERWAY_LEFT || mark == UNDERWAY_SUSPECT ||
	       mark == UNDERWAY_GUILTY;
}

static void
underway_put(struct underway_slot *s, const struct dest_job *j, uint64_t dest)
{
	uint64_t txid[2];

	memcpy(txid, &j->txid, sizeof(txid));
	UNDERWAY_STORE(&s->bucket, j->bucket);
	UNDERWAY_STORE(&s->ordinal, j->ordinal);
	UNDERWAY_STORE(&s->dest, dest);
	UNDERWAY_STORE(&s->txid[0], txid[0]);
	UNDERWAY_STORE(&s->txid[1], txid[1]);
}

static void
underway_get(const struct underway_slot *s, struct dest_job *j_r)
{
	uint64_t txid[2] = { UNDERWAY_LOAD(&s->txid[0]),
		UNDERWAY_LOAD(&s->txid[1]) };

	*j_r = (struct dest_job){ .bucket = (unsigned)UNDERWAY_LOAD(&s->bucket),
		.ordinal = (unsigned)UNDERWAY_LOAD(&s->ordinal) };
	memcpy(&j_r->txid, txid, sizeof(txid));
}

static bool
underway_is_of(const struct underway_slot *s, const struct dest_job *j)
{
	struct dest_job there;

	underway_get(s, &there);
	return there.bucket == j->bucket && there.ordinal == j->ordinal &&
	       txid_eq(&there.txid, &j->txid);
}

/* --- all of them --- */

void
underway_join(struct underway *u)
{
	static const enum underway_mark after[] = {
		[UNDERWAY_FREE] = UNDERWAY_FREE,
		[UNDERWAY_RUNS] = UNDERWAY_LEFT,
		[UNDERWAY_LEFT] = UNDERWAY_LEFT,
		[UNDERWAY_AGAIN] = UNDERWAY_SUSPECT,
		[UNDERWAY_SUSPECT] = UNDERWAY_SUSPECT,
		[UNDERWAY_TRIED] = UNDERWAY_GUILTY,
		[UNDERWAY_GUILTY] = UNDERWAY_GUILTY,
	};

	if (u == NULL)
		return;
	u->marked = u->tried = 0;
	for (unsigned i = 0; i < UNDERWAY_JOBS; i++) {
		struct underway_slot *s = &u->slots[i];

		if (after[underway_mark(s)] != underway_mark(s))
			underway_set(s, after[underway_mark(s)]);
		u->marked += underway_is_marked(s);
	}
}

/* The job's own place, if it was left there; and the worst that is known of its
 * message, UNDERWAY_FREE if nothing is. */
static unsigned
underway_find(const struct underway *u, const struct dest_job *j, uint64_t dest,
    enum underway_mark *worst_r)
{
	unsigned place = UNDERWAY_NONE;

	*worst_r = UNDERWAY_FREE;
	for (unsigned i = 0; i < UNDERWAY_JOBS && u->marked > 0; i++) {
		const struct underway_slot *s = &u->slots[i];
		enum underway_mark mark = underway_mark(s);

		if (!underway_is_marked(s) || !underway_is_of(s, j))
			continue;
		if (mark > *worst_r)
			*worst_r = mark;
		if ((mark == UNDERWAY_LEFT || mark == UNDERWAY_SUSPECT) &&
		    UNDERWAY_LOAD(&s->dest) == dest)
			place = i;
	}
	return place;
}

bool
underway_may_begin(const struct underway *u, const struct dest_job *j)
{
	enum underway_mark worst;

	if (u == NULL)
		return true;
	underway_find(u, j, 0, &worst);
	return worst < UNDERWAY_SUSPECT ||
	       (worst < UNDERWAY_GUILTY && u->tried == 0);
}

static unsigned
underway_room(struct underway *u)
{
	for (unsigned i = 0; i < UNDERWAY_JOBS; i++) {
		unsigned place = (u->next + i) % UNDERWAY_JOBS;

		if (underway_mark(&u->slots[place]) != UNDERWAY_FREE)
			continue;
		u->next = place + 1;
		return place;
	}
	return UNDERWAY_NONE;
}

unsigned
underway_begin(struct underway *u, const struct dest_job *j, uint64_t dest)
{
	enum underway_mark worst, mark = UNDERWAY_RUNS;
	unsigned place;

	if (u == NULL)
		return UNDERWAY_NONE;
	place = underway_find(u, j, dest, &worst);
	if (worst != UNDERWAY_FREE)
		mark =
		    worst < UNDERWAY_SUSPECT ? UNDERWAY_AGAIN : UNDERWAY_TRIED;
	if (place == UNDERWAY_NONE) {
		place = underway_room(u);
		if (place == UNDERWAY_NONE)
			return UNDERWAY_NONE;
		underway_put(&u->slots[place], j, dest);
		u->marked += mark != UNDERWAY_RUNS;
	}
	underway_set(&u->slots[place], mark);
	u->tried += mark == UNDERWAY_TRIED;
	return place;
}

bool
underway_end(struct underway *u, unsigned place)
{
	bool tried;

	if (u == NULL || place == UNDERWAY_NONE)
		return false;
	u->marked -= underway_is_marked(&u->slots[place]);
	tried = underway_mark(&u->slots[place]) == UNDERWAY_TRIED;
	underway_set(&u->slots[place], UNDERWAY_FREE);
	u->tried -= tried;
	return tried;
}

bool
underway_next(const struct underway *u, unsigned *at, struct dest_job *j_r,
    enum underway_mark *mark_r)
{
	if (u == NULL || u->marked == 0)
		return false;
	while (*at < UNDERWAY_JOBS) {
		const struct underway_slot *s = &u->slots[(*at)++];

		*mark_r = underway_mark(s);
		if (!underway_waits(*mark_r))
			continue;
		underway_get(s, j_r);
		return true;
	}
	return false;
}

void
underway_forget(struct underway *u, const struct dest_job *j)
{
	for (unsigned i = 0; u != NULL && i < UNDERWAY_JOBS; i++) {
		struct underway_slot *s = &u->slots[i];

		if (!underway_waits(underway_mark(s)) || !underway_is_of(s, j))
			continue;
		underway_set(s, UNDERWAY_FREE);
		u->marked--;
	}
}
