/* state_admin.h - who may administrate: people, invitations, tokens */
#ifndef STORAGE_STATE_ADMIN_H
#define STORAGE_STATE_ADMIN_H

#include "storage/password.h"
#include "storage/state.h"

/*
 * An administrator is a name of its own (no '@') with a password, or an
 * account's address, which signs in with the account's password and second
 * factor and is signed out with it; when the account is removed, so is he.
 * Roles:
 *
 *	system		everything
 *	domain		accounts, aliases and groups of one domain
 *	readonly	looks at everything, or (domain set) at one domain
 *
 * What came with schema 4 (STATE_CONSOLE_SCHEMA) is ERR_CONFLICT below it, and
 * read as empty.
 */
#define STATE_ADMIN_NAME_MAX 200
struct state_admin {
	struct str login;  /* normalised name, or an account's address */
	struct str role;   /* "system", "domain", "readonly" */
	struct str domain; /* of role "domain"; of "readonly" or empty */
	struct str name;   /* of the person; free text */
	int64_t created;
	uint64_t generation;	  /* of an account's: of both, added up */
	struct password password; /* opened; hash empty: none of its own */
	struct password_salt salt;
	struct str totp; /* out: the secret, opened; empty: not used */
	uint64_t totp_step;
};

/* ERR_NOTFOUND: no such domain or account; ERR_INVALID: an account's address
 * with a password. */
may_yield must_check struct err *state_admin_add(struct task *t,
    struct state *st, const char *by, const struct state_admin *ad);
/* With its tokens and invitations.  ERR_CONFLICT: it is the last one of role
 * system. */
may_yield must_check struct err *state_admin_remove(struct task *t,
    struct state *st, const char *by, struct str login);
/* Bumps the generation, so that sessions end. */
may_yield must_check struct err *state_admin_password(struct task *t,
    struct state *st, const char *by, struct str login,
    const struct password *p, const struct password_salt *salt);
/* NULL: as it was (but role system has no domain).  A change of role or domain
 * bumps the generation and withdraws his invitations.  ERR_CONFLICT: it is the
 * last one of role system. */
may_yield must_check struct err *state_admin_set(struct task *t,
    struct state *st, const char *by, struct str login, const struct str *name,
    const struct str *role, const struct str *domain);
/* Sign out everywhere. */
may_yield must_check struct err *state_admin_signout(struct task *t,
    struct state *st, const char *by, struct str login);
must_check struct err *state_admin_find(struct arena *a, struct state *st,
    struct str login, struct state_admin *ad_r);
must_check struct err *state_admin_list(struct arena *a, struct state *st,
    struct state_admin **list_r, unsigned *n_r);

/*
 * TOTP (RFC 6238), of an administrator with a name of his own, or of an account
 * (its address), whether it administrates or not.  secret empty: no more.
 * Another secret, or none, bumps the generation, so that sessions end.
 * state_totp_use: the code of that time step was shown; one step, and none
 * before it, is good once in the whole cluster (ERR_DENIED else).
 */
#define STATE_TOTP_SECRET_MAX 64 /* bytes */
may_yield must_check struct err *state_totp_set(struct task *t,
    struct state *st, const char *by, struct str login, struct str secret);
may_yield must_check struct err *state_totp_use(struct task *t,
    struct state *st, struct str login, uint64_t step);
/* Empty: none. ERR_NOTFOUND: nobody is called so. */
must_check struct err *state_totp_find(struct arena *a, struct state *st,
    struct str login, struct str *secret_r, uint64_t *step_r);

/*
 * Invitations: one-time links with which somebody becomes an administrator with
 * a name of his own: whoever has the link chooses the password, which he must
 * not for an account.  Of the code "<id>-<secret>" the state keeps SHA-256 of
 * the secret.  Adding one sweeps those that are over.
 *
 * One does not outlive that its maker could make it: it is withdrawn with him,
 * his role, his account's or its domain's suspension, and his token.
 */
#define STATE_ADMIN_INVITES_MAX 1000
#define STATE_ADMIN_INVITE_MAX_S (30 * 86400)
#define STATE_ADMIN_CODE_CHARS 47 /* 20 + 1 + 26 */
struct state_admin_invite {
	struct str id;	  /* out */
	struct str login; /* or empty: who follows it chooses */
	struct str role, domain;
	/* The administrator who made it, and his token if that was his way;
	 * empty: shoalctl did, for who may do everything. */
	struct str inviter, token;
	int64_t created, expires; /* wall seconds */
};
/* ERR_DENIED: the inviter is none of role system, or has no such token, now. */
may_yield must_check struct err *state_admin_invite(struct task *t,
    struct state *st, const char *by, struct state_admin_invite *inv,
    struct str *code_r);
/* ERR_NOTFOUND: no such, used, or over. */
must_check struct err *state_admin_invite_find(struct arena *a,
    struct state *st, struct str code, int64_t now_s,
    struct state_admin_invite *inv_r);
/* Uses it up and adds ad (login, name, password, salt), as one entry.
 * ERR_NOTFOUND as above; ERR_DUPLICATE: choose another login. */
may_yield must_check struct err *state_admin_accept(struct task *t,
    struct state *st, struct str code, const struct state_admin *ad);
must_check struct err *state_admin_invite_list(struct arena *a,
    struct state *st, struct state_admin_invite **list_r, unsigned *n_r);
may_yield must_check struct err *state_admin_invite_remove(struct task *t,
    struct state *st, const char *by, struct str id);

/*
 * Tokens for programs: "shoal_<id>_<secret>".  A token can do what its owner
 * can, and no more than its scopes ("accounts:write queue:read", server/api),
 * whose words nobody looks at here.  Adding one sweeps those that have been
 * over for STATE_TOKEN_KEEP_S: until then one sees why a program stopped.
 */
#define STATE_TOKEN_KEEP_S (30 * 86400)
#define STATE_TOKEN_LABEL_MAX 200
#define STATE_TOKEN_SCOPES_MAX 500
#define STATE_TOKEN_MAX 100  /* bytes of the text */
#define STATE_TOKENS_MAX 100 /* of one owner */
struct state_token {
	struct str id;	  /* out */
	struct str owner; /* login of an administrator */
	struct str label, scopes;
	int64_t created, expires; /* 0: never */
};
may_yield must_check struct err *state_token_add(struct task *t,
    struct state *st, const char *by, struct state_token *tok,
    struct str *text_r);
may_yield must_check struct err *state_token_remove(struct task *t,
    struct state *st, const char *by, struct str id);
/* ERR_NOTFOUND: none such, or over; compares in constant time. */
must_check struct err *state_token_find(struct arena *a, struct state *st,
    struct str text, int64_t now_s, struct state_token *tok_r);
/* owner empty: all. */
must_check struct err *state_token_list(struct arena *a, struct state *st,
    struct str owner, struct state_token **list_r, unsigned *n_r);

/* Console sessions that were signed out: known until they would have expired,
 * by any node's clock.  id: 32 hex digits.  Adding sweeps those that are over.
 */
may_yield must_check struct err *state_session_end(struct task *t,
    struct state *st, struct str id, int64_t expires);
must_check struct err *state_session_is_ended(struct arena *a, struct state *st,
    struct str id, bool *ended_r);

#endif
