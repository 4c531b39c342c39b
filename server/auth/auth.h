/* auth.h - who is it: logins of every protocol */
#ifndef SERVER_AUTH_AUTH_H
#define SERVER_AUTH_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"
#include "server/net/addr.h"
#include "storage/state_account.h"

/*
 * Login names are addresses, in any form and case; an alias (not a group, not a
 * catch-all) of exactly one account here is a login name of it, too.  The state
 * is local: logins work while the share is away.
 *
 * A password that was right is remembered, until AUTH_CACHE_S after its last
 * use, as HMAC-SHA-256 of account and password under a random key of this
 * process, bound to the stored hash: a client that logs in every minute costs
 * no yescrypt, and a changed password ends it at once.  Nothing else of it is
 * kept.
 *
 * Nothing tells whether a user exists: same answer, the same number of hashes
 * (one, of password_fake if need be; among application passwords the SCRAM keys
 * choose which), and the same time, because the delay of a failure counts from
 * the beginning of the attempt.  Suspended accounts look like wrong passwords.
 *
 * Failures score per account and per network (IPv4 /32 and /24, IPv6 /64 and
 * /48), on all nodes (hints): the first is answered after auth.failure_delay,
 * the next after twice that, and so on to 15 s.  Over auth.failures_max (four
 * times that for the wider network) logins of that account or network are
 * refused without looking (ERR_LIMIT, the same text), unless they come from a
 * network whence somebody logged in to this account lately: so nobody can
 * lock a user out.  The same wrong password again scores once: an old client
 * locks nobody out either.  Listed networks (net.exempt) and Unix sockets are
 * not counted as networks.
 *
 * Hashes are made AUTH_HASHES at a time a worker; beyond what can be done in
 * AUTH_WAIT_MS, or for one network beyond AUTH_WAITING_PER_NET, logins are
 * turned away (ERR_UNAVAIL).  Concurrent equal logins share one.
 *
 * SCRAM (auth_scram.c) goes by the same rules; nothing is hashed for it, and
 * any of an account's passwords may have been used.
 *
 * That somebody logged in is noted in the account's directory, at most once an
 * hour a worker, in the background (storage/lastlogin.h).
 *
 * An imported hash is upgraded at the first login (password_needs_upgrade), in
 * the background; worker 0 writes it.
 */
struct auth;
struct worker;
struct conn;

#define AUTH_CACHE_S 300
#define AUTH_CACHE_MAX 4096
#define AUTH_DELAY_MAX_MS 15000
#define AUTH_HASHES 2 /* at once; 16 MiB each at the default cost */
#define AUTH_WAIT_MS 10000
#define AUTH_WAITING_MAX 256
#define AUTH_WAITING_PER_NET 16
#define AUTH_BUSY_MAX 1024 /* logins hashed, waiting or being delayed */

struct auth *auth_new(struct worker *w);
void auth_free(struct auth **a);

struct auth_login {
	struct str login, password;
	const char *protocol; /* "imap" */
	const struct net_addr *peer;
	/* out, in the task's arena */
	struct state_account account;
	struct str app_id; /* application password used, or empty */
};
/*
 * ERR_DENIED: no (text: the one sentence for every reason).  ERR_LIMIT: too
 * many failures.  ERR_UNAVAIL: cannot be decided now.  Logs one line.
 */
may_yield must_check struct err *auth_login(struct task *t, struct auth *a,
    struct auth_login *l);

/*
 * Whether a login of before counts still (its account's id, address and
 * generation, and app_id): not if the account (or its domain) was suspended or
 * it was removed, signed out or given a new password since, or the application
 * password is gone. If the state cannot be read now, it does.
 */
bool auth_still_holds(struct arena *a, struct auth *au,
    const struct auth_login *was, int64_t now_s);
/*
 * The same for a session that lasts, before each of its commands: looks only
 * if the state has changed since *seq (0: never looked), and costs nothing
 * else.  *now_r is the account as it is now, its id empty if nobody looked.
 */
enum auth_holds {
	AUTH_HOLDS,
	AUTH_HOLDS_CLOSED, /* the account is removed or suspended */
	AUTH_HOLDS_NOT	   /* whoever it is has to log in again */
};
enum auth_holds auth_recheck(struct arena *a, struct auth *au,
    const struct auth_login *was, uint64_t *seq, int64_t now_s,
    struct state_account *now_r);

/* Worker 0: another worker has an upgraded hash to be written (what it sent
 * with hints_tell_first). */
void auth_upgrade_told(struct auth *a, struct str text);

/*
 * Whether a password may be sent on this connection now: with TLS; on a Unix
 * socket; from this machine itself, unless the listener is one for balancers
 * (proxy), who say what they like about where a client is; or where the setting
 * auth.allow_plaintext is yes.  Else: LOGINDISABLED (RFC 9051, 6.2.3), 538
 * (RFC 4954, 6), -ERR.
 */
bool auth_plaintext_allowed(const struct worker *w, const struct conn *c);

/*
 * SASL (RFC 4422), server side, for every protocol: PLAIN (RFC 4616), LOGIN,
 * SCRAM-SHA-256 (RFC 5802, 7677) and, bound to our own TLS, SCRAM-SHA-256-PLUS
 * with tls-exporter (RFC 9266) or tls-server-end-point (RFC 5929).  Tokens are
 * base64 on the wire; the protocol frames them.
 *
 * SCRAM is offered while every active account has keys for it: a client takes
 * the best it is offered, and whose account has none could not log in.  PLAIN
 * and LOGIN are offered where a password may be sent.
 */
struct sasl;
struct sasl_channel {
	bool plain;		/* auth_plaintext_allowed() */
	const struct conn *tls; /* with TLS of ours; NULL: without */
};
struct sasl_channel sasl_channel_of(const struct worker *w,
    const struct conn *c);
/* Names, separated by a blank: those that may be used now. "" for none. */
const char *sasl_mechanisms(struct worker *w, const struct sasl_channel *ch);
/* Whether it is the name of any, allowed here or not: what is not may be a
 * password. */
bool sasl_is_known(struct str mechanism);
/* Whether it is PLAIN or LOGIN, allowed here or not. */
bool sasl_shows_password(struct str mechanism);
/* NULL: no such mechanism now.  In an arena that lasts as long as the
 * command, like the task's. */
struct sasl *sasl_new(struct arena *a, struct auth *auth, struct str mechanism,
    const char *protocol, const struct net_addr *peer,
    const struct sasl_channel *ch);
enum sasl_step { SASL_MORE, SASL_DONE, SASL_FAILED };
/*
 * in: the client's decoded message; p NULL when there was no initial response.
 * SASL_MORE: send *out_r and wait.  SASL_DONE: *l_r has the account.
 * SASL_FAILED: *e_r says (ERR_INVALID malformed, else as auth_login).  A PLAIN
 * authorisation identity must name the same account (ERR_DENIED).
 */
may_yield enum sasl_step sasl_step(struct task *t, struct sasl *s,
    struct str in, struct str *out_r, struct auth_login *l_r, struct err **e_r);

/*
 * A logged-in session: counted per account and client (limit
 * imap.sessions_per_account), for /metrics and the lease.  ERR_LIMIT.  The key
 * is ended by auth_session_end with what begin stored in *s_r; zero: nothing to
 * end.
 */
struct auth_session {
	uint64_t key;
};
must_check struct err *auth_session_begin(struct arena *a, struct auth *au,
    struct str account_id, const struct net_addr *peer,
    struct auth_session *s_r);
void auth_session_end(struct auth *au, struct auth_session *s);

#endif
