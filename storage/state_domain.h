/* state_domain.h - mail domains this cluster is responsible for */
#ifndef STORAGE_STATE_DOMAIN_H
#define STORAGE_STATE_DOMAIN_H

#include "storage/state.h"

#define STATE_DOMAIN_MAX 253 /* octets of the A-label form, RFC 1035 */
#define STATE_KEEP_DEFAULT (-1)
#define STATE_KEEP_MAX (36500LL * 86400)

/* What holds for sending and receiving. */
#define STATE_SEPARATORS_MAX 8
#define STATE_RECIPIENTS_DEFAULT (-1)
enum state_domain_dmarc { /* the most that a sender's policy does */
	STATE_DMARC_PUBLISHED = -1,
	STATE_DMARC_IGNORE = 0,
	STATE_DMARC_QUARANTINE = 1
};
struct state_domain_rules {
	/* Characters that may stand between a local part and its detail:
	 * punctuation of an atom, "" for none, "+" at first. */
	struct str separators;
	uint64_t messages_default; /* quota in messages of new accounts */
	uint64_t message_max;	   /* from and to it; bytes; 0: the setting */
	/* That each account may send to; 0: no limit;
	 * STATE_RECIPIENTS_DEFAULT: as the setting says. */
	int64_t recipients_per_day;
	enum state_domain_dmarc dmarc;
	bool outgoing; /* its accounts may send at all */
};

struct state_domain {
	struct str name;    /* lower case A-labels: the key */
	struct str display; /* U-labels, NFC */
	struct str note;
	int64_t created;	/* wall seconds */
	bool suspended;		/* refuses mail and logins */
	uint64_t quota_default; /* bytes for new accounts; 0: the setting */
	uint64_t accounts_max;	/* 0: no limit */
	/* Out: how long messages stay in Junk and Trash, seconds; 0: for ever;
	 * STATE_KEEP_DEFAULT: as the settings retention.* say. */
	int64_t junk_keep, trash_keep;
	struct state_domain_rules rules; /* out */
	uint64_t accounts;		 /* out: how many there are */
};

/* ERR_INVALID: not a domain name; ERR_DUPLICATE. In: name (any form), note,
 * quota_default, accounts_max. */
may_yield must_check struct err *state_domain_add(struct task *t,
    struct state *st, const char *by, const struct state_domain *d);
/* ERR_NOTFOUND; ERR_CONFLICT while it has accounts (removed ones within their
 * grace too), aliases or groups.  Its keys go with it, its route (not that of
 * what is below it), identities in it, and administrators and invitations that
 * are for it alone. */
may_yield must_check struct err *state_domain_remove(struct task *t,
    struct state *st, const char *by, struct str name);
may_yield must_check struct err *state_domain_suspend(struct task *t,
    struct state *st, const char *by, struct str name, bool suspended);
/* NULL: leave it.  ERR_INVALID; ERR_CONFLICT: the state's schema is older than
 * STATE_DOMAIN_KEEP_SCHEMA: some node does not know retention yet. */
#define STATE_DOMAIN_KEEP_SCHEMA 2
may_yield must_check struct err *state_domain_keep(struct task *t,
    struct state *st, const char *by, struct str name, const int64_t *junk,
    const int64_t *trash);
/* Change what `what` names (its bits) to what d has.  ERR_INVALID;
 * ERR_CONFLICT: something of rules, and the schema is older than
 * STATE_SENDING_SCHEMA. */
enum state_domain_what {
	STATE_DOMAIN_QUOTA = 1,
	STATE_DOMAIN_ACCOUNTS = 2,
	STATE_DOMAIN_NOTE = 4,
	STATE_DOMAIN_SEPARATORS = 8,
	STATE_DOMAIN_MESSAGES = 16,
	STATE_DOMAIN_MESSAGE_MAX = 32,
	STATE_DOMAIN_RECIPIENTS = 64,
	STATE_DOMAIN_DMARC = 128,
	STATE_DOMAIN_OUTGOING = 256
};
may_yield must_check struct err *state_domain_set(struct task *t,
    struct state *st, const char *by, struct str name,
    const struct state_domain *d, unsigned what);
/* ERR_NOTFOUND: not a domain of ours. (Cheap, unlike state_domain_find, which
 * counts accounts.) */
must_check struct err *state_domain_rules(struct arena *a, struct state *st,
    struct str name, struct state_domain_rules *r_r);
/* What holds for a domain's accounts: its own, else the settings.  Seconds, 0:
 * for ever. (state_domain_find counts accounts: not for walks.) */
struct state_retention {
	uint64_t junk_s, trash_s;
};
must_check struct err *state_domain_retention(struct arena *a, struct state *st,
    struct str name, struct state_retention *r_r);
/* Whether anything is ever removed so. */
must_check struct err *state_retention_is_used(struct arena *a,
    struct state *st, bool *used_r);

must_check struct err *state_domain_find(struct arena *a, struct state *st,
    struct str name, struct state_domain *d_r);
/* All after `after` (empty: from the start) in order of name, at most max. */
must_check struct err *state_domain_list(struct arena *a, struct state *st,
    struct str after, unsigned max, struct state_domain **list_r,
    unsigned *n_r);

#endif
