/* board.c - what a node knows of all nodes: the mapping */
#include "server/cluster/board.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Some more than are shown: the oldest may be overwritten while it is read. */
#define BOARD_RING (BOARD_SAMPLES + 8)
/* As long as lease_entry.c makes them; longer ones are cut. */
#define BOARD_NAME 64
#define BOARD_VERSION 24
#define BOARD_TEXT 120
/* How often a list is begun anew because it was replaced meanwhile. */
#define BOARD_TRIES 100

/* All of it in words of 64 bits, which are copied one by one. */
struct board_row {
	uint64_t id, seq, age_ms;
	int64_t wall_s, cert_expires;
	struct txid session;
	uint32_t life, certificate;
	uint32_t format, ready, sessions, load, latency_us;
	uint32_t read : 1, moved : 1, self : 1, bad : 1, sends : 1, counted : 1,
	    rated : 1;
	uint64_t counters[LEASE_COUNTERS];
	double rates[LEASE_COUNTERS];
	char name[BOARD_NAME], hint[BOARD_NAME], version[BOARD_VERSION];
	char why[BOARD_TEXT]; /* bad */
};

struct board_page {
	uint64_t at_ms, n, left_out;
	struct board_row rows[BOARD_NODES];
};

struct board_ring {
	uint64_t id;	/* 0: free */
	uint64_t count; /* of samples ever */
	struct board_sample samples[BOARD_RING];
};

struct board_shared {
	uint64_t number; /* pages[number & 1] holds */
	uint64_t wanted_until_ms;
	struct board_page pages[2];
	struct board_ring rings[BOARD_NODES];
};

struct board {
	struct board_shared *shared;
};

_Static_assert(sizeof(struct board_row) % 8 == 0, "words");
_Static_assert(sizeof(struct board_sample) % 8 == 0, "words");

#define BOARD_LOAD(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define BOARD_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

struct board *
board_new(void)
{
	struct board *b = xcalloc(1, sizeof(*b));

	b->shared = mmap(NULL, sizeof(*b->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (b->shared == MAP_FAILED)
		panic("no memory for the board of nodes");
	return b;
}

void
board_free(struct board **b)
{
	if (*b == NULL)
		return;
	munmap((*b)->shared, sizeof(*(*b)->shared));
	free(*b);
	*b = NULL;
}

/* --- words --- */

static void
board_words_load(void *to, const void *from, size_t bytes)
{
	const uint64_t *src = from;
	uint64_t *dst = to;

	for (size_t i = 0; i < bytes / sizeof(*src); i++)
		dst[i] = BOARD_LOAD(&src[i]);
}

static void
board_words_store(void *to, const void *from, size_t bytes)
{
	const uint64_t *src = from;
	uint64_t *dst = to;

	for (size_t i = 0; i < bytes / sizeof(*src); i++)
		BOARD_STORE(&dst[i], src[i]);
}

static void
board_text_put(char *to, size_t size, struct str s)
{
	memset(to, 0, size);
	if (s.n > 0)
		memcpy(to, s.p, s.n < size ? s.n : size);
}

static struct str
board_text(struct arena *a, const char *from, size_t size)
{
	return arena_str(a, str_of(from, strnlen(from, size)));
}

static uint64_t
board_id(struct str id)
{
	uint64_t n;

	return id.n == NODE_ID_HEX && str_hex_u64(id, &n) ? n : 0;
}

/* --- the list --- */

static void
board_row_put(struct board_row *r, const struct board_view *v)
{
	const struct lease_info *i = &v->node.info;

	*r = (struct board_row){ .id = board_id(str_c(v->node.id)),
		.seq = v->node.seq,
		.age_ms = v->node.age_ms,
		.wall_s = v->node.wall_s,
		.cert_expires = i->cert_expires,
		.session = v->node.session,
		.life = v->node.life,
		.certificate = i->certificate,
		.format = i->format,
		.ready = i->ready,
		.sessions = i->sessions,
		.load = i->load,
		.latency_us = i->latency_us,
		.read = v->node.read,
		.moved = v->node.moved,
		.self = v->node.self,
		.bad = v->node.bad != NULL,
		.sends = i->sends,
		.counted = i->counted,
		.rated = v->rated };
	memcpy(r->counters, i->counters, sizeof(r->counters));
	memcpy(r->rates, v->rates, sizeof(r->rates));
	board_text_put(r->name, sizeof(r->name), i->name);
	board_text_put(r->hint, sizeof(r->hint), i->hint);
	board_text_put(r->version, sizeof(r->version), i->version);
	if (v->node.bad != NULL)
		board_text_put(r->why, sizeof(r->why),
		    str_c(v->node.bad->text));
}

/* What was written `past_ms` ago, as it is now. */
static void
board_row_get(struct arena *a, const struct board_row *r, uint64_t past_ms,
    struct board_view *v)
{
	struct lease_info *i = &v->node.info;

	*v = (struct board_view){ .rated = r->rated,
		.node = {
		    .id = arena_printf(a, "%016llx", (unsigned long long)r->id),
		    .life = (enum node_life)r->life,
		    .read = r->read,
		    .session = r->session,
		    .wall_s = r->wall_s,
		    .seq = r->seq,
		    .age_ms = r->age_ms + past_ms,
		    .moved = r->moved,
		    .self = r->self } };
	*i = (struct lease_info){ .format = r->format,
		.name = board_text(a, r->name, sizeof(r->name)),
		.version = board_text(a, r->version, sizeof(r->version)),
		.hint = board_text(a, r->hint, sizeof(r->hint)),
		.ready = (enum lease_ready)r->ready,
		.sessions = r->sessions,
		.load = r->load,
		.latency_us = r->latency_us,
		.certificate = (enum lease_certificate)r->certificate,
		.cert_expires = r->cert_expires,
		.sends = r->sends,
		.counted = r->counted };
	memcpy(i->counters, r->counters, sizeof(i->counters));
	memcpy(v->rates, r->rates, sizeof(v->rates));
	if (v->node.age_ms > BOARD_SILENT_MS)
		v->node.moved = false;
	if (v->node.life != NODE_ALIVE || !v->node.moved)
		v->rated = false;
	if (r->bad)
		v->node.bad = err_new(a, ERR_CORRUPT,
		    arena_cstr(a, board_text(a, r->why, sizeof(r->why))), NULL);
}

void
board_put(struct board *b, uint64_t now_ms, const struct board_view *list,
    unsigned n, unsigned left_out)
{
	uint64_t number = BOARD_LOAD(&b->shared->number);
	struct board_page *p = &b->shared->pages[(number + 1) & 1];
	struct board_row row;

	invariant(n <= BOARD_NODES);
	/* What readers of the list before this one still copy from: not before
	 * they could see that it does not hold. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (unsigned i = 0; i < n; i++) {
		board_row_put(&row, &list[i]);
		board_words_store(&p->rows[i], &row, sizeof(row));
	}
	BOARD_STORE(&p->at_ms, now_ms);
	BOARD_STORE(&p->n, n);
	BOARD_STORE(&p->left_out, left_out);
	__atomic_store_n(&b->shared->number, number + 1, __ATOMIC_RELEASE);
}

/* false: it was replaced meanwhile. */
static bool
board_copy(const struct board_shared *s, struct board_page *to)
{
	uint64_t number = __atomic_load_n(&s->number, __ATOMIC_ACQUIRE);
	const struct board_page *p = &s->pages[number & 1];

	to->at_ms = BOARD_LOAD(&p->at_ms);
	to->n = BOARD_LOAD(&p->n);
	to->left_out = BOARD_LOAD(&p->left_out);
	if (to->n > BOARD_NODES)
		return false;
	board_words_load(to->rows, p->rows, to->n * sizeof(to->rows[0]));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return BOARD_LOAD(&s->number) == number;
}

unsigned
board_list(const struct board *b, struct arena *a, uint64_t now_ms,
    struct board_view **list_r, unsigned *left_out_r)
{
	struct board_page *p;
	unsigned tries;

	*list_r = NULL;
	*left_out_r = 0;
	if (b == NULL)
		return 0;
	p = xcalloc(1, sizeof(*p));
	for (tries = 0; tries < BOARD_TRIES && !board_copy(b->shared, p);)
		tries++;
	if (tries == BOARD_TRIES)
		p->n = p->left_out = 0;
	*list_r = arena_array(a, p->n + 1, sizeof(**list_r));
	for (unsigned i = 0; i < p->n; i++)
		board_row_get(a, &p->rows[i],
		    now_ms > p->at_ms ? now_ms - p->at_ms : 0, &(*list_r)[i]);
	*left_out_r = (unsigned)p->left_out;
	tries = (unsigned)p->n;
	free(p);
	return tries;
}

bool
board_find(const struct board *b, struct arena *a, uint64_t now_ms,
    struct str id, struct board_view *v_r)
{
	struct board_view *list;
	unsigned left_out, n = board_list(b, a, now_ms, &list, &left_out);

	for (unsigned i = 0; i < n; i++) {
		if (!str_eq_c(id, list[i].node.id))
			continue;
		*v_r = list[i];
		return true;
	}
	return false;
}

/* --- who looks --- */

void
board_want(struct board *b, uint64_t now_ms)
{
	if (b != NULL)
		BOARD_STORE(&b->shared->wanted_until_ms,
		    now_ms + BOARD_WANTED_MS);
}

bool
board_is_wanted(const struct board *b, uint64_t now_ms)
{
	return BOARD_LOAD(&b->shared->wanted_until_ms) > now_ms;
}

/* --- history --- */

static int64_t
board_ring_newest(const struct board_ring *r)
{
	uint64_t count = BOARD_LOAD(&r->count);

	return count == 0
		   ? 0
		   : BOARD_LOAD(&r->samples[(count - 1) % BOARD_RING].at_s);
}

/* Its own, a free one, or that of who was noted longest ago. */
static struct board_ring *
board_ring_get(struct board_shared *s, uint64_t id)
{
	struct board_ring *best = NULL;

	for (unsigned i = 0; i < BOARD_NODES; i++) {
		struct board_ring *r = &s->rings[i];
		uint64_t there = BOARD_LOAD(&r->id);

		if (there == id)
			return r;
		if (best == NULL ||
		    (BOARD_LOAD(&best->id) != 0 &&
			(there == 0 ||
			    board_ring_newest(r) < board_ring_newest(best))))
			best = r;
		if (there == 0)
			break; /* behind it there are none */
	}
	BOARD_STORE(&best->id, 0);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	BOARD_STORE(&best->count, 0);
	__atomic_store_n(&best->id, id, __ATOMIC_RELEASE);
	return best;
}

void
board_note(struct board *b, struct str id, const struct board_sample *s)
{
	uint64_t number = board_id(id), count;
	struct board_ring *r;

	if (number == 0)
		return;
	r = board_ring_get(b->shared, number);
	count = BOARD_LOAD(&r->count);
	board_words_store(&r->samples[count % BOARD_RING], s, sizeof(*s));
	__atomic_store_n(&r->count, count + 1, __ATOMIC_RELEASE);
}

/* Samples that nobody overwrote while they were copied. */
static unsigned
board_ring_copy(const struct board_ring *r, uint64_t id,
    struct board_sample *to)
{
	uint64_t count = __atomic_load_n(&r->count, __ATOMIC_ACQUIRE), first;
	uint64_t after;
	unsigned n = 0;

	first = count > BOARD_SAMPLES ? count - BOARD_SAMPLES : 0;
	for (uint64_t i = first; i < count; i++)
		board_words_load(&to[n++], &r->samples[i % BOARD_RING],
		    sizeof(*to));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	after = BOARD_LOAD(&r->count);
	if (BOARD_LOAD(&r->id) != id || after < count ||
	    after + 1 > first + BOARD_RING)
		return 0;
	return n;
}

unsigned
board_history(const struct board *b, struct arena *a, int64_t now_s,
    struct str id, struct board_sample **list_r)
{
	struct board_sample *list =
	    arena_array(a, BOARD_SAMPLES, sizeof(*list));
	uint64_t number = board_id(id);
	unsigned n = 0, old = 0;

	*list_r = list;
	if (b == NULL || number == 0)
		return 0;
	for (unsigned i = 0; i < BOARD_NODES && n == 0; i++)
		if (BOARD_LOAD(&b->shared->rings[i].id) == number)
			n = board_ring_copy(&b->shared->rings[i], number, list);
	while (old < n && list[old].at_s < now_s - BOARD_KEEP_S)
		old++;
	*list_r = list + old;
	return n - old;
}
