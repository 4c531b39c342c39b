/* auth_console.h - signing in to the console; who a session or a token is */
#ifndef SERVER_AUTH_AUTH_CONSOLE_H
#define SERVER_AUTH_AUTH_CONSOLE_H

#include "server/auth/auth.h"
#include "server/auth/principal.h"
#include "server/auth/session.h"

/*
 * A login without '@' is an administrator's, one with it an account's, which
 * has an administrator's role too if there is a row of its address.  Passwords
 * go by all the rules of auth.h (one hash an attempt whoever it is, delays,
 * scores of account and networks on all nodes); application passwords do not
 * count here.
 *
 * A second factor (totp.h) is asked for when the password was right.  A wrong
 * code scores like a wrong password and, apart from that, by itself:
 * AUTH_TOTP_FAILURES within a few minutes and no code counts, from wherever,
 * because who guesses has the password already.
 *
 * A code is used once: the state has its step.  When that cannot be written
 * within AUTH_TOTP_MS because the share is away, it is enough that this node
 * has not seen the code used; then it might be used once more on each other
 * node, in the 90 s that it is good for.  A node tells the others while its
 * lease lasts, which is over as soon as the share is known to be away.
 */
#define AUTH_TOTP_FAILURES 10
#define AUTH_TOTP_MS 5000

enum auth_console_step {
	AUTH_CONSOLE_PASSWORD, /* wrong, or not looked at */
	AUTH_CONSOLE_TOTP_WANTED,
	AUTH_CONSOLE_TOTP_WRONG,
	AUTH_CONSOLE_DONE
};
struct auth_console {
	struct str login, password;
	struct str totp; /* p NULL: none was given */
	const struct net_addr *peer;
	bool again; /* it is himself already: no second factor is asked for */
	/* out, in the task's arena */
	enum auth_console_step step;
	bool admin;	/* of a row of admins, else of an account */
	struct str who; /* its login, or address */
};
/* ERR_DENIED (step says why), ERR_LIMIT: too many failures; ERR_UNAVAIL: cannot
 * be decided now.  Logs one line. */
may_yield must_check struct err *auth_console(struct task *t, struct auth *a,
    struct auth_console *c);

/*
 * Who that is now, from the local state.  ERR_DENIED: nobody any more (removed,
 * suspended, or his domain is).  by is his, in the arena.
 */
must_check struct err *auth_who(struct arena *a, struct state *st, bool admin,
    struct str login, struct principal *p_r);
/* Of a session that session_parse() has read.  ERR_DENIED: it was ended;
 * *behind_r: it is of a newer generation than this replica knows. */
must_check struct err *auth_who_session(struct arena *a, struct state *st,
    const struct session *s, struct principal *p_r, bool *behind_r);
/* Of a token.  ERR_DENIED: none such, or over, or its owner is nobody. */
must_check struct err *auth_who_token(struct arena *a, struct state *st,
    struct str text, int64_t now_s, struct principal *p_r);
/*
 * A wrong token was shown: scores for its network, and answers late.  The same
 * one again scores once.  ERR_DENIED, or ERR_LIMIT: too many.
 */
may_yield must_check struct err *auth_token_failed(struct task *t,
    struct auth *a, struct str text, const struct net_addr *peer);

/* Whether its network is one of net.exempt. */
bool auth_is_exempt(const struct auth *a, const struct net_addr *peer);

#endif
