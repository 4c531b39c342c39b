/* state_account.h - mailbox owners: who may log in, where mail goes */
#ifndef STORAGE_STATE_ACCOUNT_H
#define STORAGE_STATE_ACCOUNT_H

#include "storage/password.h"
#include "storage/state.h"

/*
 * An account's id is random and names accounts/<first two>/<id>; it never
 * changes and is never used again.  Its address is local@domain: the local part
 * NFC and case-folded, the domain in lower case A-labels (state_address.h);
 * that is also the login name.
 *
 * Removing an account frees its address at once and keeps the row, as REMOVED,
 * for the grace (setting account.remove_grace_days), in which undelete brings
 * it back if the address is still free.  state_account_purge takes the row
 * away. What happens to the account's journal (CLOSED, REOPENED, PURGED) is the
 * caller's: state says who may be served, the account's journal what may be
 * delivered.
 */
#define STATE_ID_CHARS 20   /* base32 (a-z, 2-7): 100 random bits */
#define STATE_BATCH_MAX 100 /* accounts of one entry */

enum state_account_status {
	STATE_ACCOUNT_ACTIVE,
	STATE_ACCOUNT_SUSPENDED, /* no login; mail is accepted */
	STATE_ACCOUNT_REMOVED
};

struct state_account {
	struct str id;
	struct str address; /* normalised */
	struct str domain;  /* part of address */
	struct str name;    /* of the person; free text */
	enum state_account_status status;
	int64_t created, changed;     /* wall seconds */
	int64_t removed, purge_after; /* if REMOVED */
	uint64_t quota_bytes;	      /* 0: unlimited */
	uint64_t quota_messages;      /* 0: unlimited */
	uint64_t generation;	      /* web sessions of lower ones are void */
	int64_t password_changed;     /* 0: has none */
	struct str volume;	      /* "" for the share itself */
};

/* One account to add. */
struct state_account_new {
	struct str address; /* any form */
	struct str name;
	uint64_t quota_bytes;
	bool quota_set; /* else the domain's, or the setting's */
	uint64_t quota_messages;
	bool messages_set;		 /* else the domain's */
	const struct password *password; /* NULL: cannot log in */
	struct str id_r;		 /* out */
	struct str address_r;		 /* out, normalised */
};
/*
 * n <= STATE_BATCH_MAX accounts as one entry: all or none.  ERR_INVALID,
 * ERR_DUPLICATE (the address is an account, alias or group), ERR_NOTFOUND (no
 * such domain), ERR_LIMIT: the text names the address.  Ids are drawn before
 * (state_account_id) so that the caller can make the account's directory
 * first; empty: drawn here.  Results in the task's arena.
 */
may_yield must_check struct err *state_account_add(struct task *t,
    struct state *st, const char *by, struct state_account_new *list,
    unsigned n);
void state_account_id(const struct rnd *r, char id_r[STATE_ID_CHARS + 1]);
/* What a password of this account must be hashed with: its salt and iteration
 * count if it exists, a new one else.  For password_make. */
must_check struct err *state_account_salt(struct arena *a, struct state *st,
    struct str address, const struct rnd *r, struct password_salt *salt_r);

/* If it is an administrator (state_admin.h) it is none any more. ERR_CONFLICT:
 * it is the last one of role system. */
may_yield must_check struct err *state_account_remove(struct task *t,
    struct state *st, const char *by, struct str address,
    struct state_account *removed_r);
/* By id, or by address if just one removed account had it (ERR_CONFLICT with
 * the ids else).  ERR_DUPLICATE: the address is in use again. */
may_yield must_check struct err *state_account_undelete(struct task *t,
    struct state *st, const char *by, struct str id_or_address,
    struct state_account *account_r);
/* Its grace is over (or, force: at once) and its directory gone: the row, its
 * application passwords and its places in groups and aliases go. */
may_yield must_check struct err *state_account_purge(struct task *t,
    struct state *st, const char *by, struct str id, bool force);
may_yield must_check struct err *state_account_suspend(struct task *t,
    struct state *st, const char *by, struct str address, bool suspended);
may_yield must_check struct err *state_account_quota(struct task *t,
    struct state *st, const char *by, struct str address, uint64_t bytes,
    uint64_t messages);
may_yield must_check struct err *state_account_rename(struct task *t,
    struct state *st, const char *by, struct str address, struct str name);
/*
 * p NULL: no more logins by password.  Bumps the generation, so that web
 * sessions end.  ERR_CONFLICT: the salt of p's keys is not the account's, whose
 * application passwords need it (state_account_salt was asked too early).
 * upgrade_of: p is the same password as this one, better kept: nobody is signed
 * out, no audit row; does nothing if it is not the stored one any more.
 */
may_yield must_check struct err *state_account_password(struct task *t,
    struct state *st, const char *by, struct str address,
    const struct password *p, const struct password *upgrade_of);
/* Sign out everywhere. */
may_yield must_check struct err *state_account_signout(struct task *t,
    struct state *st, const char *by, struct str address);

/* ERR_NOTFOUND. By address in any form; removed ones are not found. */
must_check struct err *state_account_find(struct arena *a, struct state *st,
    struct str address, struct state_account *account_r);
/* By id; removed ones too. */
must_check struct err *state_account_get(struct arena *a, struct state *st,
    struct str id, struct state_account *account_r);
/*
 * In order of address, at most max, after `after` (an address; with removed
 * ones, after_id decides among equals).  domain, search: empty for all; search
 * is a part of address or name, case-folded.
 */
struct state_account_query {
	struct str domain, search, after, after_id;
	bool removed;	/* removed ones instead */
	bool active;	/* only active ones */
	bool suspended; /* only suspended ones */
	bool due;	/* removed ones whose grace ended before now_s */
	int64_t now_s;
	unsigned max;
};
must_check struct err *state_account_list(struct arena *a, struct state *st,
    const struct state_account_query *q, struct state_account **list_r,
    unsigned *n_r);

/*
 * For walks over everything: at most max accounts (not removed ones) with from
 * <= id < below, in order of id.  Ids are random, so equal parts of what they
 * can be hold about equally many.
 */
must_check struct err *state_account_walk(struct arena *a, struct state *st,
    struct str from, struct str below, unsigned max,
    struct state_account **list_r, unsigned *n_r);
/* How many there are, but no more than max: cheap. */
must_check struct err *state_account_count(struct arena *a, struct state *st,
    unsigned max, unsigned *n_r);

/* What authentication needs, opened.  *list_r: the password (if any) and the
 * application passwords that have not expired.  ERR_NOTFOUND: use
 * password_fake.  ERR_DENIED: suspended (account or domain), with account_r. */
struct state_login {
	struct state_account account;
	struct password_salt salt;
	struct state_credential {
		struct str app_id; /* empty: the account's own */
		struct password password;
	} * credentials;
	unsigned n;
};
must_check struct err *state_login_find(struct arena *a, struct state *st,
    struct str login, int64_t now_s, struct state_login *login_r);

/*
 * The address of an active account that has a password and no SCRAM keys for
 * it, as imported hashes have none until their first login; p NULL: there is no
 * such.  Costs one pass over the accounts, which opens no secret but perhaps
 * one.
 */
must_check struct err *state_login_without_keys(struct arena *a,
    struct state *st, struct str *address_r);

/* Application passwords: extra ones, each with a label, revoked singly. */
struct state_app_password {
	struct str id, account_id, label;
	int64_t created, expires; /* 0: never */
};
may_yield must_check struct err *state_app_password_add(struct task *t,
    struct state *st, const char *by, struct str address, struct str label,
    int64_t expires, const struct password *p, struct str *id_r);
may_yield must_check struct err *state_app_password_remove(struct task *t,
    struct state *st, const char *by, struct str address, struct str id);
must_check struct err *state_app_password_list(struct arena *a,
    struct state *st, struct str address, struct state_app_password **list_r,
    unsigned *n_r);

#endif
