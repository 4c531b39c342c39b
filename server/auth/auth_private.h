/* auth_private.h - the parts of auth.c */
#ifndef SERVER_AUTH_AUTH_PRIVATE_H
#define SERVER_AUTH_AUTH_PRIVATE_H

#include "server/auth/auth.h"
#include "server/auth/auth_cache.h"
#include "server/worker.h"

#define AUTH_MAC_BYTES 32
#define AUTH_REPEAT_S 3600 /* the same wrong password scores once in */
#define AUTH_REPEAT_MAX 1024
#define AUTH_NAME_MAX 512 /* of a login name that is kept or logged */

/* --- auth_score.c: failures, and what follows from them --- */

/* Keys in counts.h of one attempt. */
struct auth_scores {
	uint64_t account, narrow, wide;
	uint64_t known; /* this account from this network */
	bool network;	/* it is counted */
};
void auth_scores_of(const struct auth *a, struct str who,
    const struct net_addr *peer, struct auth_scores *s_r);
bool auth_scores_refuse(const struct auth *a, const struct auth_scores *s);
/* score: it counts. How long after its beginning it shall be answered. */
uint64_t auth_scores_failed(struct auth *a, const struct auth_scores *s,
    bool score);
void auth_scores_succeeded(struct auth *a, const struct auth_scores *s);

/* --- auth_hash.c: how many hashes at once --- */

/* One being made, that equal logins wait for. */
struct auth_hash {
	struct auth_hash *next;
	unsigned char mac[AUTH_MAC_BYTES];
	unsigned refs;
	bool done;
	struct task_cond cond;
	/* out */
	bool ok;
	unsigned which; /* credential */
	enum err_code error;
};
/* Waiting for a turn. */
struct auth_wait;

struct auth_hashes {
	struct auth_hash *first; /* being made */
	unsigned running, waiting;
	struct auth_wait *wait_first, **wait_last;
	uint64_t took_ms; /* one hash: moving average */
};
void auth_hashes_init(struct auth_hashes *h);
/* false: too many, or too many of that network (net 0: any). */
may_yield bool auth_turn_wait(struct task *t, struct auth_hashes *h,
    uint64_t net);
void auth_turn_end(struct auth_hashes *h, uint64_t took_ms);

/* --- auth_find.c: whose name that is --- */

/*
 * The account's, an alias's, or (found false) a faked one, whose only
 * credential costs the same and never fits.  who: what is scored, the id or the
 * name.  NULL, or the state cannot be read.
 */
struct auth_found {
	struct state_login login;
	struct str who;
	bool found, suspended, alias;
};
must_check struct err *auth_find(struct task *t, struct auth *a,
    struct str login, struct auth_found *f_r);

/* --- auth_upgrade.c --- */

struct auth_upgrade;
/* Start it, unless one runs for this account or too many do. */
void auth_upgrade_start(struct auth *a, const struct state_login *l,
    const struct password *old, struct str clear);

struct auth {
	struct worker *w;
	unsigned char key[32];
	struct auth_cache *right, *wrong;
	struct auth_hashes hashes;
	unsigned busy;
	struct auth_upgrade *upgrades;
	unsigned upgrades_n;
};

#endif
