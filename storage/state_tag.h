/* state_tag.h - which version of an object somebody has seen */
#ifndef STORAGE_STATE_TAG_H
#define STORAGE_STATE_TAG_H

#include "storage/state.h"

/*
 * A tag is a digest of what an object's rows say, but for what changes by
 * itself (secrets, generations): equal as long as nobody changed it, on every
 * node.  HTTP shows it as ETag; whoever changes an object says which one he has
 * seen (RFC 9110, 13.1.1), and two who collide are told apart inside the
 * transaction.
 */
#define STATE_TAG_CHARS 16

enum state_tag_kind {
	STATE_TAG_NONE,
	STATE_TAG_DOMAIN,  /* its name */
	STATE_TAG_ACCOUNT, /* its address, or id if removed; with forwards and
			    * identities */
	STATE_TAG_ALIAS,   /* address; targets */
	STATE_TAG_GROUP,   /* address; members */
	STATE_TAG_ADMIN,   /* login */
	STATE_TAG_SETTING, /* name: there is always one */
	STATE_TAG_NODE,	   /* id or name */
	STATE_TAG_ROUTE,   /* pattern */
	STATE_TAG_DKIM,	   /* domain: all its keys */
	STATE_TAG_KINDS
};

/* key in any form that the kind's own functions take.  ERR_NOTFOUND. */
must_check struct err *state_tag(struct arena *a, struct state *st,
    enum state_tag_kind kind, struct str key, char tag_r[STATE_TAG_CHARS + 1]);

/*
 * While it is in force, changes of this state by this task are made only if the
 * object still has that tag: else ERR_CONFLICT, nothing happened, and unmet is
 * true.  An object that is not there any more has no tag; tag "*": it is there
 * (STATE_TAG_SETTING always).  The first change that was made ends it (an
 * operation of several changes would conflict with itself).  x belongs to the
 * caller, whose task must end it.
 */
struct state_expect {
	enum state_tag_kind kind;
	struct str key, tag;
	bool unmet; /* out */
	bool met;   /* a change was made: not looked at again */
	struct task *task;
	struct state_expect *next;
};
void state_expect_begin(struct task *t, struct state *st,
    struct state_expect *x);
void state_expect_end(struct state *st, struct state_expect *x);

#endif
