/* state_ops.c - the envelope of changes: versioned, authenticated */
#include "storage/state_ops.h"

#include "base/crypto.h"

#define STATE_OPS_ENTRY "shoal state entry"
#define STATE_OPS_SNAPSHOT "shoal state snapshot"
#define STATE_OPS_MAC_DIGITS 64

static void
state_ops_mac(const struct clusterkey *k, const char *label,
    const struct txid *txid, struct str text, struct arena *a,
    unsigned char mac_r[32])
{
	char hex[TXID_HEX + 1];
	unsigned char key[32];
	struct buf b;

	buf_init(&b, a, text.n + sizeof(hex) + 1);
	if (txid != NULL) {
		txid_hex(txid, hex);
		buf_c(&b, hex);
		buf_char(&b, ' ');
	}
	buf_str_add(&b, text);
	clusterkey_derive(k, label, key);
	crypto_hmac_sha256(key, sizeof(key), b.p, b.n, mac_r);
	crypto_wipe(key, sizeof(key));
}

void
state_ops_write(struct buf *ops, struct arena *a, const struct clusterkey *k,
    const struct txid *txid, const struct state_op *op)
{
	char id[CLUSTERKEY_ID_CHARS + 1];
	unsigned char mac[32];
	size_t from = ops->n;

	clusterkey_id(k, id);
	if (op->kind == STATE_OP_SCHEMA) {
		buf_fmt(ops, "V,%u,%s", op->schema, id);
	} else {
		buf_fmt(ops, "S,%u,%s,", op->schema, id);
		buf_str_add(ops, base64_encode(a, op->changeset));
	}
	if (!buf_ok(ops))
		return;
	state_ops_mac(k, STATE_OPS_ENTRY, txid,
	    str_of(ops->p + from, ops->n - from), a, mac);
	buf_char(ops, ',');
	buf_hex(ops, mac, sizeof(mac));
}

static struct err *
state_ops_bad(struct arena *a, const char *what)
{
	return err_new(a, ERR_CORRUPT,
	    "an entry of the state is damaged or forged", "%s", what);
}

/* The key's id, then the MAC over everything in front of its comma. */
static struct err *
state_ops_verify(struct arena *a, const struct clusterkey *k,
    const struct txid *txid, struct str ops, struct str key)
{
	char id[CLUSTERKEY_ID_CHARS + 1];
	unsigned char ours[32], theirs[32];

	clusterkey_id(k, id);
	if (!str_eq_c(key, id))
		return err_new(a, ERR_DENIED,
		    "the state was written with another cluster key than this "
		    "machine's: join again with a new invite",
		    "key " STR_FMT ", ours %s", STR_ARG(key), id);
	if (ops.n < STATE_OPS_MAC_DIGITS + 1 ||
	    !str_unhex(str_sub(ops, ops.n - STATE_OPS_MAC_DIGITS,
			   STATE_OPS_MAC_DIGITS),
		theirs, sizeof(theirs)))
		return state_ops_bad(a, "no MAC");
	state_ops_mac(k, STATE_OPS_ENTRY, txid,
	    str_sub(ops, 0, ops.n - STATE_OPS_MAC_DIGITS - 1), a, ours);
	if (!crypto_equal(ours, theirs, sizeof(ours)))
		return state_ops_bad(a, "wrong MAC");
	return NULL;
}

struct err *
state_ops_read(struct arena *a, const struct clusterkey *k,
    const struct txid *txid, struct str ops, struct state_op *op_r)
{
	struct str rest = ops, key, data, mac;
	struct record_op op;
	struct err *e;

	*op_r = (struct state_op){ .kind = STATE_OP_NONE };
	if (!record_next(&rest, &op))
		return NULL;
	if (op.letter <= 'G' && op.letter >= 'A')
		return NULL;
	if (op.letter == 'N')
		return NULL;
	if (op.letter != 'S' && op.letter != 'V')
		return err_new(a, ERR_FORMAT,
		    "the state was changed by a newer version", "operation %c",
		    op.letter);
	if (!record_get_u32(&op, &op_r->schema) || op_r->schema == 0 ||
	    !record_get_str(&op, &key))
		return state_ops_bad(a, "missing fields");
	if (op.letter == 'S' && (!record_get_str(&op, &data) ||
				    !base64_decode(a, data, &op_r->changeset)))
		return state_ops_bad(a, "no changeset");
	if (!record_get_str(&op, &mac) || op.any || rest.n != 0)
		return state_ops_bad(a, "wrong number of fields");
	if (mac.n != STATE_OPS_MAC_DIGITS)
		return state_ops_bad(a, "no MAC");
	e = state_ops_verify(a, k, txid, ops, key);
	if (e == NULL)
		op_r->kind =
		    op.letter == 'S' ? STATE_OP_CHANGESET : STATE_OP_SCHEMA;
	return e;
}

static void
state_snapshot_mac(const struct clusterkey *k, struct arena *a,
    const unsigned char sha256[32], unsigned char mac_r[32])
{
	struct buf hex;

	buf_init(&hex, a, 64);
	buf_hex(&hex, sha256, 32);
	state_ops_mac(k, STATE_OPS_SNAPSHOT, NULL, buf_str(&hex), a, mac_r);
}

void
state_snapshot_arg(struct buf *b, const struct clusterkey *k, uint32_t schema,
    const unsigned char sha256[32])
{
	char id[CLUSTERKEY_ID_CHARS + 1];
	unsigned char mac[32];

	clusterkey_id(k, id);
	state_snapshot_mac(k, b->arena, sha256, mac);
	buf_fmt(b, "%u:%s:", schema, id);
	buf_hex(b, mac, sizeof(mac));
}

struct err *
state_snapshot_check(struct arena *a, const struct clusterkey *k,
    struct str arg, const unsigned char sha256[32], uint32_t *schema_r)
{
	char id[CLUSTERKEY_ID_CHARS + 1];
	unsigned char ours[32], theirs[32];
	struct str schema, key, mac;

	clusterkey_id(k, id);
	if (!str_split(&arg, ':', &schema) || !str_u32(schema, schema_r) ||
	    !str_split(&arg, ':', &key) || !str_split(&arg, ':', &mac) ||
	    arg.n != 0 || !str_unhex(mac, theirs, sizeof(theirs)))
		return err_new(a, ERR_CORRUPT,
		    "the snapshot of the state is damaged", "arg");
	if (!str_eq_c(key, id))
		return err_new(a, ERR_DENIED,
		    "the state was written with another cluster key than this "
		    "machine's: join again with a new invite",
		    "snapshot, key " STR_FMT ", ours %s", STR_ARG(key), id);
	state_snapshot_mac(k, a, sha256, ours);
	if (!crypto_equal(ours, theirs, sizeof(ours)))
		return err_new(a, ERR_CORRUPT,
		    "the snapshot of the state is damaged or forged",
		    "wrong MAC");
	return NULL;
}
