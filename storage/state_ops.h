/* state_ops.h - what the entries of state/ say */
#ifndef STORAGE_STATE_OPS_H
#define STORAGE_STATE_OPS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "storage/clusterkey.h"
#include "storage/record.h"

/*
 * An entry has one operation (besides those that every journal knows,
 * record.h):
 *
 *	S,<schema>,<key>,<changeset>,<mac>
 *		Apply the changeset.  schema: the version (decimal) of the
 *		database that it was made on and may only be applied to.  key:
 *		which cluster key made mac (clusterkey_id, 16 hex digits), to
 *		tell a wrong key from a forgery.  changeset: base64 (RFC 4648,
 *		padded) of a SQLite changeset (sqlite.org/session/c_changeset
 *		.html), of tables in STATE_TABLES only.  A conflict of any
 *		kind, or a table or column the database lacks (which SQLite
 *		would drop silently), makes the entry fail as a whole.
 *	V,<schema>,<key>,<mac>
 *		Raise the schema from <schema>-1: run the statements that
 *		docs/on-disk-format.md lists for it (state_schema.c).
 *
 *	mac: 64 hex digits, HMAC-SHA256 under the key derived from the cluster
 *	key with label "shoal state entry", of the entry's txid (32 hex
 *	digits), a blank, and the operation up to, not including, the comma
 *	in front of mac.
 *
 * A checkpoint of state/ has one segment, kind "db", a SQLite database file;
 * its table meta says what it holds:
 *
 *	seq	last entry applied (those up to the checkpoint's number said
 *		nothing)
 *	txid	that entry's, 32 hex digits
 *	schema	version
 *	share	UUID of the share, 32 hex digits
 *	key	clusterkey_id
 *	sum	over all values (state_sum.c), 16 hex digits
 *
 * and applied(seq, txid) the last 1000 entries.  Neither table is part of
 * changesets.  The checkpoint's arg is <schema>:<key>:<mac>, mac as above with
 * label "shoal state snapshot", of the segment's SHA-256 (64 hex digits).
 *
 * Secret columns hold nonce (12), AES-256-GCM ciphertext, tag (16) under the
 * key with label "shoal state secret", additional data "table.column.id".
 */
#define STATE_APPLIED_KEEP 1000

struct state_op {
	enum { STATE_OP_NONE, STATE_OP_CHANGESET, STATE_OP_SCHEMA } kind;
	uint32_t schema;
	struct str changeset; /* decoded */
};

void state_ops_write(struct buf *ops, struct arena *a,
    const struct clusterkey *k, const struct txid *txid,
    const struct state_op *op);
/* ERR_CORRUPT: malformed or forged; ERR_DENIED: made with another cluster's
 * key; ERR_FORMAT: an operation we do not know. */
must_check struct err *state_ops_read(struct arena *a,
    const struct clusterkey *k, const struct txid *txid, struct str ops,
    struct state_op *op_r);

/* The checkpoint's arg. */
void state_snapshot_arg(struct buf *b, const struct clusterkey *k,
    uint32_t schema, const unsigned char sha256[32]);
must_check struct err *state_snapshot_check(struct arena *a,
    const struct clusterkey *k, struct str arg, const unsigned char sha256[32],
    uint32_t *schema_r);

#endif
