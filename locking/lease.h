/* lease.h - this node's life sign: the right to act, for a while */
#ifndef LOCKING_LEASE_H
#define LOCKING_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"
#include "locking/node.h"
#include "locking/slot.h"
#include "storage/record.h"

/*
 * nodes/<id> is a little log (slot.h).  Its entries say that a *session* of the
 * node (128 random bits, drawn at every acquisition) lives.  Acquiring,
 * renewing, releasing and taking over compete for the same next number, so
 * exactly one wins.  Clocks are never compared between nodes:
 *
 *  - The holder trusts its session for LEASE_TERM_MS of its own boot clock from
 *    the first sending of the last entry that was confirmed, however often that
 *    entry was sent.
 *  - Others conclude that a session has ended when the newest entry names
 *    another one or is a release, or when the head has stood still for more
 *than LEASE_EXPIRE_MS of their time, from the reply that showed it to the
 *sending of a later READDIR that still shows it, on one connection.
 *  - A session whose term passed without a confirmed renewal is over for good,
 *    here too: the holder draws a new one.  (Locks hang on sessions.  Others
 *    take them without writing to nodes/<id>, so a session that came back to
 *    life after they concluded its end would be a second holder.)
 *
 * An acquisition is made durable (barrier) before it counts, so that a server
 * that forgets cannot bring an older session back.
 *
 * The entry's operation (record.h), one line:
 *
 *	L,kind,node,session,boot,dev,ino,format,version,ready,name,hint,
 *	    sessions,load,latency,wall[,certificate,expires[,sends[,counters]]]
 *
 *	kind	a acquire (the session's first), n renew, r release
 *	node	id; session: 32 hex digits
 *	boot, dev, ino	proof of death, see node.h
 *	format	newest schema of the state the node knows (STATE_SCHEMA: it is
 *		raised once all do); version: for people
 *	ready	s starting, r ready, u unready, d draining
 *	name	the node's name; hint: UDP address for hints, may be empty
 *	sessions number of client sessions; load: 1/100 of load average;
 *	latency	of the renewals, microseconds
 *	wall	seconds since 1970, for people; nothing is decided by it
 *	certificate	f of the node's file, s of the state, - self-signed, n
 *		none; expires: wall seconds of the first that does, 0: unknown
 *	sends	y: takes part in delivering the queue, n: does not, or not now
 *	counters what the node has done since it started, numbers with a '.'
 *		between them, in the order of enum lease_counter
 *
 * Fields behind these are to be ignored: they are a newer version's.
 */
#define LEASE_RENEW_MS 5000
#define LEASE_TERM_MS 15000
#define LEASE_EXPIRE_MS 30000
#define LEASE_POLL_MS 5000 /* while waiting for another's session to end */

struct lease;

enum lease_kind { LEASE_ACQUIRE, LEASE_RENEW, LEASE_RELEASE };
enum lease_ready { LEASE_STARTING, LEASE_READY, LEASE_UNREADY, LEASE_DRAINING };

/* Since the node started; after a restart they begin anew. */
enum lease_counter {
	LEASE_MESSAGES_IN,
	LEASE_DELIVERED, /* recipients of those */
	LEASE_RELAYED,	 /* recipients that another host took */
	LEASE_REJECTED,	 /* answered 5xx */
	LEASE_DEFERRED,	 /* 4xx */
	LEASE_LOGINS,
	LEASE_LOGINS_FAILED,
	LEASE_COUNTERS
};

/* What the node says of itself; texts are copied or consumed at once. */
struct lease_info {
	struct str name, version, hint;
	uint32_t format;
	enum lease_ready ready;
	uint32_t sessions, load, latency_us;
	enum lease_certificate {
		LEASE_CERT_NONE, /* or not said */
		LEASE_CERT_FILE,
		LEASE_CERT_STATE,
		LEASE_CERT_SELF
	} certificate;
	int64_t cert_expires; /* 0: not said */
	bool sends;	      /* takes buckets of the queue */
	bool counted;	      /* it says its counters */
	uint64_t counters[LEASE_COUNTERS];
};

struct lease_entry {
	enum lease_kind kind;
	struct str node;
	struct txid session;
	struct str boot;
	uint64_t dev, ino;
	struct lease_info info;
	int64_t wall_s;
};
void lease_entry_format(struct buf *b, const struct lease_entry *e);
/* ERR_CORRUPT; texts in the arena or in ops. */
must_check struct err *lease_entry_parse(struct arena *a, struct str ops,
    struct lease_entry *e_r);

struct lease_client {
	/* Fill in what the next entry shall say. Never yields. */
	void (*info)(void *arg, struct lease_info *info_r);
	/* A session began, or ended (its locks are lost). May be NULL. */
	void (*changed)(void *arg, bool held);
	/*
	 * Another process acts as this node: stop and exit with the sentence.
	 * Called once; the lease does nothing any more.
	 */
	void (*refused)(void *arg, const char *sentence);
};

/* Starts nothing. All arguments must outlive the lease. */
struct lease *lease_new(struct store *st, const struct node *n,
    const struct lease_client *client, void *arg);
/* Without release, as if the process died; the renewing task must have ended
 * (lease_release), or sched_abandon() follows. */
void lease_free(struct lease **l);

/*
 * Start the renewing task if it does not run yet, and wait for a session.
 * Immediate when the log is new, the last session was released, or is provably
 * that of a dead process of this very directory; else when it has ended (about
 * LEASE_EXPIRE_MS).  ERR_DUPLICATE with a sentence: another process lives under
 * this identity (client->refused was called).  ERR_TIMEOUT: the deadline (the
 * renewing task goes on).
 */
may_yield must_check struct err *lease_acquire(struct task *t, struct lease *l);
/* End the session (best effort until the task's deadline, 5 s if none) and the
 * renewing task. */
may_yield void lease_release(struct task *t, struct lease *l);

/* Now, by the clock; nothing is sent. */
bool lease_is_valid(const struct lease *l);
uint64_t lease_valid_for_ms(const struct lease *l);
/* Whether session is ours and valid now. */
bool lease_is_session(const struct lease *l, const struct txid *session);
/* The session; zero if there is none. */
const struct txid *lease_session(const struct lease *l);
const struct node *lease_node(const struct lease *l);
/* Renew now: what info() says has changed (readiness, drain). */
void lease_renew_soon(struct lease *l);
/* Since the last confirmed renewal; UINT64_MAX: none. */
uint64_t lease_age_ms(const struct lease *l);
/* What the last confirmed entry took, write and reading back; 0: none yet. */
uint32_t lease_latency_us(const struct lease *l);

#endif
