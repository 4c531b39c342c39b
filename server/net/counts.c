/* counts.c - numbers that all workers of a node share */
#include "server/net/counts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/crypto.h"
#include "base/err.h"

/* A key is looked for in so many places, then it is not there: bounds the cost
 * of a full table. */
#define COUNTS_PROBES 64
#define COUNTS_RATES 8192
#define COUNTS_RATE_PROBES 8
#define COUNTS_TALLIES 65536 /* accounts of the cluster that send in a day */
#define COUNTS_TALLY_PROBES 16
/* A score below this is forgotten. */
#define COUNTS_SCORE_LEAST 0.01

struct counts_slot {
	uint64_t key; /* 0: never used */
	int64_t count;
	uint64_t score; /* bits of a double, as of at_s */
	uint64_t at_s;
};

/* when: minute << 40 | last minute's << 20 | this minute's */
struct counts_rate {
	uint64_t key, when;
};

/* when: last added to << 32 | sum */
struct counts_tally {
	uint64_t key, when;
};

struct counts_part {
	uint64_t stats[STATS];
	struct counts_rate rates[COUNTS_RATES];
	struct counts_tally tallies[COUNTS_TALLIES];
	struct counts_slot slots[COUNTS_KEYS];
};

struct counts_shared {
	uint64_t words[COUNTS_WORDS];
	struct counts_part parts[];
};

/* One in each process; what it points to is everybody's. */
struct counts {
	struct counts_shared *shared;
	struct counts_part *own; /* NULL: the master */
	size_t bytes;
	unsigned workers;
};

/* Relaxed: numbers, not messages. */
#define COUNTS_LOAD(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define COUNTS_STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

struct counts *
counts_new(unsigned workers)
{
	struct counts *c = xcalloc(1, sizeof(*c));

	invariant(workers > 0 && workers <= COUNTS_WORKERS_MAX);
	c->workers = workers;
	c->bytes =
	    sizeof(struct counts_shared) + workers * sizeof(struct counts_part);
	c->shared = mmap(NULL, c->bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->shared == MAP_FAILED)
		panic("no memory for the counts of %u workers", workers);
	return c;
}

void
counts_free(struct counts **c)
{
	if (*c == NULL)
		return;
	munmap((*c)->shared, (*c)->bytes);
	free(*c);
	*c = NULL;
}

void
counts_join(struct counts *c, unsigned worker)
{
	struct counts_part *own = &c->shared->parts[worker];

	invariant(worker < c->workers);
	c->own = own;
	for (unsigned i = 0; i < STATS; i++)
		if (stat_table[i].gauge)
			COUNTS_STORE(&own->stats[i], 0);
	for (unsigned i = 0; i < COUNTS_KEYS; i++)
		if (COUNTS_LOAD(&own->slots[i].count) != 0)
			COUNTS_STORE(&own->slots[i].count, 0);
}

unsigned
counts_workers(const struct counts *c)
{
	return c->workers;
}

void
stat_add(struct counts *c, enum stat_id s, int64_t delta)
{
	uint64_t *p;

	if (c->own == NULL)
		return;
	p = &c->own->stats[s];
	COUNTS_STORE(p, COUNTS_LOAD(p) + (uint64_t)delta);
}

uint64_t
stat_sum(const struct counts *c, enum stat_id s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < c->workers; i++)
		sum += stat_of(c, i, s);
	return sum;
}

uint64_t
stat_of(const struct counts *c, unsigned worker, enum stat_id s)
{
	invariant(worker < c->workers);
	return COUNTS_LOAD(&c->shared->parts[worker].stats[s]);
}

/* SHA-256: whoever chooses names or networks cannot make them collide. */
uint64_t
counts_key(const char *kind, const void *p, uint32_t n)
{
	struct crypto_sha256_ctx *ctx = crypto_sha256_new();
	unsigned char hash[CRYPTO_SHA256_BYTES];
	uint64_t key;

	crypto_sha256_add(ctx, kind, strlen(kind) + 1);
	crypto_sha256_add(ctx, p, n);
	crypto_sha256_end(&ctx, hash);
	memcpy(&key, hash, sizeof(key));
	return key == 0 ? 1 : key;
}

static struct counts_slot *
counts_find(struct counts_part *part, uint64_t key)
{
	for (unsigned i = 0; i < COUNTS_PROBES; i++) {
		struct counts_slot *s = &part->slots[(key + i) % COUNTS_KEYS];
		uint64_t there = COUNTS_LOAD(&s->key);

		if (there == key)
			return s;
		if (there == 0)
			return NULL;
	}
	return NULL;
}

/* In a straight line between the half-lives: at most 6 % too much. */
static double
counts_slot_score(const struct counts_slot *s, uint64_t now_s)
{
	uint64_t bits = COUNTS_LOAD(&s->score), at_s = COUNTS_LOAD(&s->at_s);
	uint64_t age_s = now_s > at_s ? now_s - at_s : 0;
	double v;

	memcpy(&v, &bits, sizeof(v));
	for (; age_s >= COUNTS_HALF_LIFE_S && v >= COUNTS_SCORE_LEAST;
	     age_s -= COUNTS_HALF_LIFE_S)
		v /= 2;
	if (v < COUNTS_SCORE_LEAST)
		return 0;
	return v - v / 2 * (double)age_s / COUNTS_HALF_LIFE_S;
}

static void
counts_slot_set_score(struct counts_slot *s, double v, uint64_t now_s)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	/* between the two stores a reader sees at most what was there */
	COUNTS_STORE(&s->score, 0);
	COUNTS_STORE(&s->at_s, now_s);
	COUNTS_STORE(&s->score, bits);
}

/*
 * The key's slot, made if need be: in an empty one, else in place of the least
 * score that nobody is counted under.  NULL: all are counted under.
 */
static struct counts_slot *
counts_make(struct counts *c, uint64_t key)
{
	struct counts_slot *s = counts_find(c->own, key), *best = NULL;
	double least = 0;

	if (s != NULL)
		return s;
	for (unsigned i = 0; i < COUNTS_PROBES; i++) {
		double score;

		s = &c->own->slots[(key + i) % COUNTS_KEYS];
		if (COUNTS_LOAD(&s->count) != 0)
			continue;
		/* Ages compare well enough as of the newest of both. */
		score = counts_slot_score(s, COUNTS_LOAD(&s->at_s));
		if (best == NULL || score < least) {
			best = s;
			least = score;
		}
		if (COUNTS_LOAD(&s->key) == 0 || least == 0)
			break;
	}
	if (best == NULL) {
		stat_add(c, STAT_COUNTS_FULL, 1);
		return NULL;
	}
	COUNTS_STORE(&best->score, 0);
	COUNTS_STORE(&best->key, key);
	return best;
}

int64_t
counts_get(const struct counts *c, uint64_t key)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < c->workers; i++) {
		struct counts_slot *s = counts_find(&c->shared->parts[i], key);

		if (s != NULL)
			sum += COUNTS_LOAD(&s->count);
	}
	return sum;
}

int64_t
counts_add(struct counts *c, uint64_t key, int64_t delta)
{
	struct counts_slot *s =
	    delta > 0 ? counts_make(c, key) : counts_find(c->own, key);
	int64_t v;

	if (s != NULL) {
		/* what was not counted for want of room is not subtracted */
		v = COUNTS_LOAD(&s->count) + delta;
		COUNTS_STORE(&s->count, v > 0 ? v : 0);
	}
	return counts_get(c, key);
}

double
counts_score(const struct counts *c, uint64_t key, uint64_t now_s)
{
	double sum = 0;

	for (unsigned i = 0; i < c->workers; i++) {
		struct counts_slot *s = counts_find(&c->shared->parts[i], key);

		if (s != NULL)
			sum += counts_slot_score(s, now_s);
	}
	return sum;
}

double
counts_score_add(struct counts *c, uint64_t key, double points, uint64_t now_s)
{
	struct counts_slot *s = counts_make(c, key);

	if (s != NULL)
		counts_slot_set_score(s, counts_slot_score(s, now_s) + points,
		    now_s);
	return counts_score(c, key, now_s);
}

void
counts_score_clear(struct counts *c, uint64_t key)
{
	for (unsigned i = 0; i < c->workers; i++) {
		struct counts_slot *s = counts_find(&c->shared->parts[i], key);

		if (s != NULL)
			COUNTS_STORE(&s->score, 0);
	}
}

#define COUNTS_RATE_MOST ((1U << 20) - 1)

static uint64_t
counts_rate_pack(uint64_t minute, uint64_t last, uint64_t this)
{
	return minute << 40 | last << 20 | this;
}

/* As if it had just been touched in that minute. */
static uint64_t
counts_rate_at(uint64_t when, uint64_t minute)
{
	uint64_t then = when >> 40, this = when & COUNTS_RATE_MOST;

	if (then == minute)
		return when;
	return counts_rate_pack(minute, then + 1 == minute ? this : 0, 0);
}

static struct counts_rate *
counts_rate_find(struct counts_part *part, uint64_t key)
{
	for (unsigned i = 0; i < COUNTS_RATE_PROBES; i++) {
		struct counts_rate *r = &part->rates[(key + i) % COUNTS_RATES];

		if (COUNTS_LOAD(&r->key) == key)
			return r;
	}
	return NULL;
}

/* In place of who was there longest ago. */
static struct counts_rate *
counts_rate_make(struct counts_part *part, uint64_t key)
{
	struct counts_rate *r = counts_rate_find(part, key);

	if (r != NULL)
		return r;
	r = &part->rates[key % COUNTS_RATES];
	for (unsigned i = 1; i < COUNTS_RATE_PROBES; i++) {
		struct counts_rate *other =
		    &part->rates[(key + i) % COUNTS_RATES];

		if (COUNTS_LOAD(&other->when) < COUNTS_LOAD(&r->when))
			r = other;
	}
	COUNTS_STORE(&r->when, 0);
	COUNTS_STORE(&r->key, key);
	return r;
}

uint64_t
counts_rate_add(struct counts *c, uint64_t key, uint64_t now_s)
{
	struct counts_rate *r = counts_rate_make(c->own, key);
	uint64_t minute = now_s / 60, sum = 0,
		 when = counts_rate_at(COUNTS_LOAD(&r->when), minute);

	if ((when & COUNTS_RATE_MOST) < COUNTS_RATE_MOST)
		when++;
	COUNTS_STORE(&r->when, when);
	for (unsigned i = 0; i < c->workers; i++) {
		r = counts_rate_find(&c->shared->parts[i], key);
		if (r == NULL)
			continue;
		when = counts_rate_at(COUNTS_LOAD(&r->when), minute);
		sum += (when & COUNTS_RATE_MOST) +
		       (when >> 20 & COUNTS_RATE_MOST) * (60 - now_s % 60) / 60;
	}
	return sum;
}

static struct counts_tally *
counts_tally_find(struct counts_part *part, uint64_t key)
{
	for (unsigned i = 0; i < COUNTS_TALLY_PROBES; i++) {
		struct counts_tally *y =
		    &part->tallies[(key + i) % COUNTS_TALLIES];

		if (COUNTS_LOAD(&y->key) == key)
			return y;
	}
	return NULL;
}

/* In place of what was added to longest ago: of an hour that is over. */
static struct counts_tally *
counts_tally_make(struct counts_part *part, uint64_t key)
{
	struct counts_tally *y = counts_tally_find(part, key);

	if (y != NULL)
		return y;
	y = &part->tallies[key % COUNTS_TALLIES];
	for (unsigned i = 1; i < COUNTS_TALLY_PROBES; i++) {
		struct counts_tally *other =
		    &part->tallies[(key + i) % COUNTS_TALLIES];

		if (COUNTS_LOAD(&other->when) < COUNTS_LOAD(&y->when))
			y = other;
	}
	COUNTS_STORE(&y->when, 0);
	COUNTS_STORE(&y->key, key);
	return y;
}

uint64_t
counts_tally(const struct counts *c, uint64_t key)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < c->workers; i++) {
		struct counts_tally *y =
		    counts_tally_find(&c->shared->parts[i], key);

		if (y != NULL)
			sum += COUNTS_LOAD(&y->when) & UINT32_MAX;
	}
	return sum;
}

uint64_t
counts_tally_add(struct counts *c, uint64_t key, uint32_t n, uint64_t now_s)
{
	struct counts_tally *y = counts_tally_make(c->own, key);
	uint64_t sum = (COUNTS_LOAD(&y->when) & UINT32_MAX) + n;

	if (sum > UINT32_MAX)
		sum = UINT32_MAX;
	COUNTS_STORE(&y->when, now_s << 32 | sum);
	/* here it is a message, too */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return counts_tally(c, key);
}

void
counts_word_set(struct counts *c, enum counts_word w, uint64_t v)
{
	COUNTS_STORE(&c->shared->words[w], v);
}

uint64_t
counts_word(const struct counts *c, enum counts_word w)
{
	return COUNTS_LOAD(&c->shared->words[w]);
}

/* clang-format off */
const struct stat_desc stat_table[STATS] = {
	[STAT_CONN_SMTP] = { "shoal_connections_smtp",
	    "Open SMTP connections.", true },
	[STAT_CONN_LMTP] = { "shoal_connections_lmtp",
	    "Open LMTP connections.", true },
	[STAT_CONN_IMAP] = { "shoal_connections_imap",
	    "Open IMAP connections.", true },
	[STAT_CONN_POP3] = { "shoal_connections_pop3",
	    "Open POP3 connections.", true },
	[STAT_CONN_OTHER] = { "shoal_connections_other",
	    "Open connections of all other protocols.", true },
	[STAT_SESSIONS] = { "shoal_sessions",
	    "Sessions that are logged in.", true },
	[STAT_TASKS] = { "shoal_tasks",
	    "Commands, deliveries and background steps under way.", true },
	[STAT_ACCOUNTS_OPEN] = { "shoal_accounts_open",
	    "Accounts held in memory.", true },
	[STAT_ACCEPTED] = { "shoal_connections_accepted_total",
	    "Connections accepted.", false },
	[STAT_REFUSED_LIMIT] = { "shoal_connections_refused_total",
	    "Connections refused for a limit.", false },
	[STAT_TLS_HANDSHAKES] = { "shoal_tls_handshakes_total",
	    "TLS handshakes done.", false },
	[STAT_TLS_FAILED] = { "shoal_tls_failed_total",
	    "TLS handshakes that failed.", false },
	[STAT_LOGINS] = { "shoal_logins_total",
	    "Logins.", false },
	[STAT_LOGINS_FAILED] = { "shoal_logins_failed_total",
	    "Logins refused.", false },
	[STAT_LOGINS_CACHED] = { "shoal_logins_cached_total",
	    "Logins whose password had been verified shortly before.", false },
	[STAT_MESSAGES_IN] = { "shoal_messages_received_total",
	    "Messages accepted by SMTP and LMTP.", false },
	[STAT_DELIVERIES] = { "shoal_deliveries_total",
	    "Deliveries into mailboxes.", false },
	[STAT_BYTES_IN] = { "shoal_bytes_received_total",
	    "Bytes received from clients, without those of TLS.", false },
	[STAT_REJECTED] = { "shoal_rejected_total",
	    "Recipients and messages refused for good (5xx).", false },
	[STAT_DEFERRED] = { "shoal_deferred_total",
	    "Recipients and messages refused for now (4xx).", false },
	[STAT_APPENDS] = { "shoal_appends_total",
	    "Messages stored by IMAP APPEND.", false },
	[STAT_FETCHED] = { "shoal_messages_fetched_total",
	    "Messages whose body was read by IMAP or POP3.", false },
	[STAT_BYTES_OUT] = { "shoal_bytes_sent_total",
	    "Bytes sent to clients, without those of TLS.", false },
	[STAT_SHARE_CALLS] = { "shoal_share_calls_total",
	    "Calls to the share.", false },
	[STAT_SHARE_FAILED] = { "shoal_share_failed_total",
	    "Calls to the share that failed or were not answered.", false },
	[STAT_HINTS_SENT] = { "shoal_hints_sent_total",
	    "Hints sent to other nodes.", false },
	[STAT_HINTS_RECEIVED] = { "shoal_hints_received_total",
	    "Hints received from other nodes.", false },
	[STAT_HINTS_BAD] = { "shoal_hints_bad_total",
	    "Hints discarded: wrong MAC or too old.", false },
	[STAT_COUNTS_FULL] = { "shoal_counts_full_total",
	    "Clients that could not be counted: the table is full.", false },
	[STAT_QUEUE_MESSAGES] = { "shoal_queue_messages",
	    "Messages in the buckets of the queue that this node delivers.",
	    true },
	[STAT_RELAYED] = { "shoal_relayed_total",
	    "Recipients of the queue that were delivered.", false },
	[STAT_RELAY_DEFERRED] = { "shoal_relay_deferred_total",
	    "Recipients of the queue that are to be tried again.", false },
	[STAT_RELAY_FAILED] = { "shoal_relay_failed_total",
	    "Recipients of the queue that failed for good.", false },
	[STAT_BOUNCES] = { "shoal_bounces_total",
	    "Delivery status notifications made.", false },
};
/* clang-format on */
