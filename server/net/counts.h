/* counts.h - numbers that all workers of a node share */
#ifndef SERVER_NET_COUNTS_H
#define SERVER_NET_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One mapping, made by the master before it starts workers.  Every worker
 * writes only its own part (atomic stores, no locks: a worker that dies in the
 * middle of anything harms nobody) and reads all.
 *
 * Five kinds: statistics (a fixed list, ever growing or gauges; /metrics);
 * client counts, keyed by a 64-bit hash (connections and sessions per address,
 * per account), which are exact as long as the table of COUNTS_KEYS entries a
 * worker is not full (then new keys count as 0 and a statistic says so);
 * failure scores, which decay by half every COUNTS_HALF_LIFE_S (failed logins
 * per account and per network), where those told by other nodes' hints land
 * too (in a full table the lowest give way); rates a minute, in a small table
 * of their own that forgets who came longest ago; and tallies, which only grow,
 * under keys that name the hour or day they are for, in a table like that one:
 * what other nodes tell is added there, too.
 */
struct counts;

#define COUNTS_WORKERS_MAX 256
#define COUNTS_KEYS 16384

enum stat_id {
	/* gauges */
	STAT_CONN_SMTP,
	STAT_CONN_LMTP,
	STAT_CONN_IMAP,
	STAT_CONN_POP3,
	STAT_CONN_OTHER,
	STAT_SESSIONS, /* logged in */
	STAT_TASKS,
	STAT_ACCOUNTS_OPEN,
	/* counters */
	STAT_ACCEPTED,	    /* connections */
	STAT_REFUSED_LIMIT, /* connections, for a limit */
	STAT_TLS_HANDSHAKES,
	STAT_TLS_FAILED,
	STAT_LOGINS,
	STAT_LOGINS_FAILED,
	STAT_LOGINS_CACHED, /* password not hashed: verified shortly before */
	STAT_MESSAGES_IN,   /* answered 250 */
	STAT_DELIVERIES,    /* recipients of those */
	STAT_BYTES_IN,	    /* and _OUT: all bytes of all clients, by conn.c */
	STAT_REJECTED,	    /* recipients or messages answered 5xx */
	STAT_DEFERRED,	    /* 4xx */
	STAT_APPENDS,
	STAT_FETCHED, /* messages' bodies read: IMAP and POP3 */
	STAT_BYTES_OUT,
	STAT_SHARE_CALLS,
	STAT_SHARE_FAILED,
	STAT_HINTS_SENT,
	STAT_HINTS_RECEIVED,
	STAT_HINTS_BAD, /* wrong MAC, too old */
	STAT_COUNTS_FULL,
	STAT_QUEUE_MESSAGES, /* gauge: in the buckets this node holds */
	STAT_RELAYED,	     /* recipients: taken by another host */
	STAT_RELAY_DEFERRED, /* to be tried again */
	STAT_RELAY_FAILED,   /* for good */
	STAT_BOUNCES,	     /* DSNs that were made */
	STATS
};
struct stat_desc {
	const char *name, *help; /* "shoal_logins_total" */
	bool gauge;
};
extern const struct stat_desc stat_table[STATS];

/* Before fork: the mapping.  Then in each worker: which part is its own. */
struct counts *counts_new(unsigned workers);
void counts_free(struct counts **c);
/* Clears its gauges and client counts; counters and scores go on. */
void counts_join(struct counts *c, unsigned worker);
unsigned counts_workers(const struct counts *c);

void stat_add(struct counts *c, enum stat_id s, int64_t delta);
uint64_t stat_sum(const struct counts *c, enum stat_id s); /* all workers */
uint64_t stat_of(const struct counts *c, unsigned worker, enum stat_id s);

/* Key: a hash of what is counted with a word for what kind it is, e.g.
 * counts_key("conn", client_key). */
uint64_t counts_key(const char *kind, const void *p, uint32_t n);
/* Add to one's own part; returns the sum over all workers afterwards. */
int64_t counts_add(struct counts *c, uint64_t key, int64_t delta);
int64_t counts_get(const struct counts *c, uint64_t key);

#define COUNTS_HALF_LIFE_S 600
/* now_s: the boot clock's seconds, the same for all workers of a node. */
double counts_score_add(struct counts *c, uint64_t key, double points,
    uint64_t now_s);
double counts_score(const struct counts *c, uint64_t key, uint64_t now_s);
void counts_score_clear(struct counts *c, uint64_t key); /* all parts: best
							  * effort */

/* One more event; how many there were in the last 60 s (the minute before this
 * one counts by the part of it that those 60 s reach back into). */
uint64_t counts_rate_add(struct counts *c, uint64_t key, uint64_t now_s);

/* n more under that key (of this node, or told by another); the sum.  Of two
 * workers that add at once one at least has the other's in it. */
uint64_t counts_tally_add(struct counts *c, uint64_t key, uint32_t n,
    uint64_t now_s);
uint64_t counts_tally(const struct counts *c, uint64_t key);

/* Node-wide words, written by worker 0 or the master unless it says so, read by
 * all. */
enum counts_word {
	COUNTS_READY,	   /* enum health_state */
	COUNTS_READY_WHY,  /* health.c: place of the word */
	COUNTS_READY_AT,   /* boot ms when those were written; 0: never */
	COUNTS_READY_LOAD, /* percent for the agent check */
	COUNTS_DRAIN,	   /* the node is being drained */
	COUNTS_STATE_SEQ,  /* entry the replica is at: others reopen reads */
	COUNTS_STATE_READONLY, /* enum err_code: why worker 0's is */
	COUNTS_LATENCY_US,     /* of the share, last probe */
	COUNTS_LEASE_AGE_MS,
	COUNTS_CERT_EXPIRES,   /* wall seconds, the earliest; 0: none known */
	COUNTS_CERT_SELF,      /* 1: self-signed in use */
	COUNTS_SHARE_FULL,     /* 1: no new mail, see worker_room.c */
	COUNTS_SHARE_FREE,     /* bytes */
	COUNTS_SHARE_TOTAL,    /* bytes; 0: not known */
	COUNTS_SHARE_FILES,    /* free ones */
	COUNTS_SHARE_FILES_OF, /* all; 0: not known */
	COUNTS_HINTS_UNTIL_MS, /* boot ms until which hints are trusted */
	COUNTS_QUEUE_OWN,      /* bit n: bucket n is this node's */
	COUNTS_QUEUE_ORDERS,   /* another with every order, by any worker */
	COUNTS_WORDS
};
void counts_word_set(struct counts *c, enum counts_word w, uint64_t v);
uint64_t counts_word(const struct counts *c, enum counts_word w);

#endif
