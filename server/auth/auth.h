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
 * Login names are addresses, in any form and case; an alias of exactly one
 * account here is a login name of it, too.  The state is local: logins work
 * while the share is away.
 *
 * A password that was right is remembered for AUTH_CACHE_S as HMAC-SHA-256 of
 * name and password under a random key of this process, bound to the stored
 * hash: a client that logs in every minute costs no yescrypt, and a changed
 * password ends it at once.  Nothing else of it is kept.
 *
 * Nothing tells whether a user exists: same answer, same time (password_fake),
 * the same delay.  Failures score per account and per network (IPv4 /32 and
 * /24, IPv6 /64 and /48), on all nodes (hints): a failure is answered after
 * auth.failure_delay, growing with the score up to 15 s; over
 * auth.failures_max logins of that network or account from
 * networks without a recent success are refused without looking
 * (ERR_LIMIT, the same text).  Listed networks (net.exempt) are not counted as
 * networks.
 *
 * An imported hash is upgraded at the first login (password_needs_upgrade), in
 * the background.
 */
struct auth;
struct worker;
struct conn;

#define AUTH_CACHE_S 300
#define AUTH_CACHE_MAX 4096

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
 * SASL (RFC 4422), server side, for every protocol: PLAIN (RFC 4616) and LOGIN.
 * Tokens are base64 on the wire; the protocol frames them.
 */
struct sasl;
/* "PLAIN LOGIN": those that may be offered now (tls: on this connection). */
const char *sasl_mechanisms(struct worker *w, bool tls);
/* NULL: no such mechanism. In the arena of the caller's choice. */
struct sasl *sasl_new(struct arena *a, struct auth *auth, struct str mechanism,
    const char *protocol, const struct net_addr *peer);
enum sasl_step { SASL_MORE, SASL_DONE, SASL_FAILED };
/*
 * in: the client's decoded message; p NULL when there was no initial response.
 * SASL_MORE: send *out_r and wait.  SASL_DONE: *l_r has the account.
 * SASL_FAILED: *e_r says (ERR_INVALID malformed, else as auth_login).
 */
may_yield enum sasl_step sasl_step(struct task *t, struct sasl *s,
    struct str in, struct str *out_r, struct auth_login *l_r, struct err **e_r);

/*
 * A logged-in session: counted per account and client (limit
 * imap.sessions_per_account), for /metrics and the lease.  ERR_LIMIT.  The key
 * is ended by auth_session_end with what begin stored in *s_r.
 */
struct auth_session {
	uint64_t key;
};
must_check struct err *auth_session_begin(struct arena *a, struct auth *au,
    struct str account_id, const struct net_addr *peer,
    struct auth_session *s_r);
void auth_session_end(struct auth *au, struct auth_session *s);

#endif
