/* invite.h - a code that makes one machine a node */
#ifndef STORAGE_INVITE_H
#define STORAGE_INVITE_H

#include "base/task.h"
#include "storage/clusterkey.h"
#include "storage/record.h"
#include "storage/share/store.h"

/*
 * The code carries where the share is and a secret; nodes/invite-<id>/ is a
 * journal (record.h) whose
 *
 *	entry 1		I,<expires>,<sealed>,<by>
 *			expires: wall seconds; sealed: base64 of the cluster
 *			key, sealed (AES-256-GCM) under the secret derived with
 *			label "shoal invite", additional data "<id> <expires>"
 *	entry 2		J,<node name>	used, or
 *			X		withdrawn or expired
 *
 * Entry 2 can be made once: exactly one join succeeds.  The code is
 *
 *	shoal1.<base64url of "id secret url", unpadded>.<CRC-32C of the part
 *	before the second dot, 8 hex digits>
 *
 * (id 16, secret 64 hex digits).  url names uid and gid, so that all nodes use
 * the same.  Whoever has the code and reaches the share can read the cluster
 * key once: it is as secret as a root password.
 */
struct invite {
	char id[17];
	unsigned char secret[32];
	const char *url;
	int64_t expires; /* out of make, take */
};
#define INVITE_CODE_MAX 2048

must_check struct err *invite_parse(struct arena *a, struct str code,
    struct invite *i_r);
struct str invite_code(struct arena *a, const struct invite *i);

/* Make one; *code_r in the task's arena. */
may_yield must_check struct err *invite_make(struct task *t, struct store *st,
    const struct clusterkey *k, const char *url, const char *by,
    uint64_t valid_s, struct str *code_r, struct invite *i_r);
/*
 * Use it up: *k_r is the cluster key.  node: name for the record.  txid:
 * random, the caller's, and the same when it tries again after an unknown
 * outcome: an invite that this txid used up counts as ours.  ERR_NOTFOUND: no
 * such invite; ERR_CLOSED: used up or withdrawn (text says by whom);
 * ERR_TIMEOUT: expired; ERR_CORRUPT: wrong secret.
 */
may_yield must_check struct err *invite_take(struct task *t, struct store *st,
    const struct invite *i, const char *node, const struct txid *txid,
    struct clusterkey *k_r);
/*
 * The whole of `join`: take the code's key and put it into local, as
 * clusterkey_store does.  A local that has this share's key already is left
 * alone, the invite unused (*had_r).  <local>/join.pending keeps id and txid
 * until the key is stored: join can be repeated after a crash or an unknown
 * outcome, and only who used the invite up gets the key.
 */
may_yield must_check struct err *invite_join(struct task *t, struct store *st,
    const struct invite *i, const char *local, const char *node, bool *had_r);
/* Withdraw expired ones, remove those used up longer than a day ago. */
may_yield must_check struct err *invite_sweep(struct task *t, struct store *st);

#endif
