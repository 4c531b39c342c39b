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
/* The same for what belongs to no account: of the networks alone. */
bool auth_scores_network_refuse(const struct auth *a,
    const struct auth_scores *s);
uint64_t auth_scores_network_failed(struct auth *a, const struct auth_scores *s,
    bool score);

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
	bool admin; /* of the console: no account; login has no more than the
		     * password */
};
must_check struct err *auth_find(struct task *t, struct auth *a,
    struct str login, struct auth_found *f_r);
void auth_find_fake(struct arena *a, struct auth *au, struct auth_found *f,
    struct str name);

/* --- auth.c: one attempt, and its end --- */

/* For the log; what the client may know is in auth.c's table. */
enum auth_verdict {
	AUTH_RIGHT,
	AUTH_CACHED,
	AUTH_PROVED,
	AUTH_WRONG,
	AUTH_UNKNOWN,
	AUTH_SUSPENDED,
	AUTH_UNBOUND,
	AUTH_DOWNGRADED,
	AUTH_TOTP_RIGHT, /* and the password */
	AUTH_TOTP_WANTED,
	AUTH_TOTP_WRONG,
	AUTH_REFUSED,
	AUTH_CROWDED,
	AUTH_BROKEN
};

/* One attempt. */
struct auth_try {
	struct auth *a;
	struct auth_login *l;
	uint64_t began_ms;
	struct auth_found found;
	struct auth_scores scores;
	unsigned char mac[AUTH_MAC_BYTES]; /* that it is the same again */
	unsigned which;			   /* credential that fits */
	struct err *broken;
};

/* With y->found: the password. */
may_yield enum auth_verdict auth_try_found(struct task *t, struct auth_try *y);
/* Scores, log line, delay; the error for the client, or l's account. */
may_yield must_check struct err *auth_try_end(struct task *t,
    struct auth_try *y, enum auth_verdict v);

/* --- auth_scram.c --- */

/*
 * The salt and count of the account's keys, or, for nobody, those that nobody
 * without the cluster key could tell from real ones.  As long after the
 * beginning either way.
 */
may_yield must_check struct err *auth_scram_begin(struct task *t,
    struct auth *a, struct auth_login *l, struct password_salt *salt_r);
/* Like auth_login, by a proof. bound: the channel is the client's, too. */
may_yield must_check struct err *auth_scram_end(struct task *t, struct auth *a,
    struct auth_login *l, struct str auth_message,
    const unsigned char proof[32], bool bound, unsigned char signature_r[32]);
/* Somebody between us and the client took -PLUS away. */
may_yield must_check struct err *auth_scram_downgraded(struct task *t,
    struct auth *a, struct auth_login *l);
/* Whether all active accounts have keys. */
bool auth_scram_is_ready(struct auth *a);

/* --- auth_upgrade.c --- */

struct auth_upgrade;
/* Start it, unless one runs for this account or too many do. */
void auth_upgrade_start(struct auth *a, const struct state_login *l,
    const struct password *old, struct str clear);

/* --- auth_noted.c --- */

/* In the background, once an hour (storage/lastlogin.h): never waits, never
 * fails. */
void auth_note(struct auth *a, struct str id, const char *protocol,
    const struct net_addr *peer);
void auth_noted_free(struct auth *a);

struct auth {
	struct worker *w;
	unsigned char key[32];
	struct auth_cache *right, *wrong;
	struct auth_hashes hashes;
	unsigned busy;
	/* state_login_without_keys, of the entry it was asked at */
	uint64_t keys_seq, keyless; /* who had none */
	bool keys_known, keys;
	struct auth_upgrade *upgrades;
	unsigned upgrades_n;
	struct auth_noted *noted; /* made by the first login */
};

#endif
