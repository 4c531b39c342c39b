/* quota.h - how much an account holds, and how much it may */
#ifndef STORAGE_QUOTA_H
#define STORAGE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/account.h"

/*
 * Usage is part of the replayed state, therefore exact: the sizes of all rows
 * (a copied message counts twice), nothing for tombstones.  Limits come from
 * the caller (the cluster's state).  The file `quota` beside the journal is the
 * published form, three lines
 *
 *	bytes N
 *	messages N
 *	head N
 *
 * for tools and lists that must not open accounts; replaced by rename at
 * checkpoints and when usage passed a sixteenth of the limit; never decisive.
 */
struct quota_limit {
	uint64_t bytes, messages; /* 0: none */
};

/*
 * Whether `bytes` in `messages` messages more fit.  RCPT asks with 0, 0 (and
 * the declared SIZE): *what RCPT accepted is delivered*, so the commit of a
 * delivery is not asked again; APPEND and COPY are checked in the commit
 * itself. ERR_OVERQUOTA with a sentence.
 */
must_check struct err *quota_check(struct arena *a, const struct account *acc,
    const struct quota_limit *l, uint64_t bytes, uint64_t messages);
must_check struct err *quota_check_usage(struct arena *a, uint64_t used_bytes,
    uint64_t used_messages, const struct quota_limit *l, uint64_t bytes,
    uint64_t messages);

struct quota_usage {
	uint64_t bytes, messages, head;
};
/* Read or replace the published form. ERR_NOTFOUND: never published. */
may_yield must_check struct err *quota_read(struct task *t,
    struct mailstore *ms, struct str id, struct quota_usage *u_r);
may_yield must_check struct err *quota_publish(struct task *t,
    struct account *acc);

#endif
