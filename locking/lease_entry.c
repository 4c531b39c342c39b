/* lease_entry.c - the text of a lease's entry */
#include "locking/lease.h"

/* Of each text, before percent-encoding: all fits a link of 1000 bytes. */
#define LEASE_TEXT_MAX 64
#define LEASE_VERSION_MAX 24

static const char lease_kinds[] = {
	[LEASE_ACQUIRE] = 'a',
	[LEASE_RENEW] = 'n',
	[LEASE_RELEASE] = 'r',
};

static const char lease_readies[] = {
	[LEASE_STARTING] = 's',
	[LEASE_READY] = 'r',
	[LEASE_UNREADY] = 'u',
	[LEASE_DRAINING] = 'd',
};

static const char lease_certificates[] = {
	[LEASE_CERT_NONE] = 'n',
	[LEASE_CERT_FILE] = 'f',
	[LEASE_CERT_STATE] = 's',
	[LEASE_CERT_SELF] = '-',
};

static void
lease_entry_text(struct buf *b, struct str s, size_t max)
{
	record_text(b, str_sub(s, 0, max));
}

static void
lease_entry_counters_put(struct buf *b, const struct lease_info *i)
{
	if (!i->counted)
		return;
	for (unsigned n = 0; n < LEASE_COUNTERS; n++) {
		buf_char(b, n == 0 ? ',' : '.');
		buf_u64(b, i->counters[n]);
	}
}

void
lease_entry_format(struct buf *b, const struct lease_entry *e)
{
	const struct lease_info *i = &e->info;

	record_op(b, 'L');
	record_text(b, str_of(&lease_kinds[e->kind], 1));
	record_text(b, e->node);
	record_txid(b, &e->session);
	record_text(b, e->boot);
	record_u64(b, e->dev);
	record_u64(b, e->ino);
	record_u64(b, i->format);
	lease_entry_text(b, i->version, LEASE_VERSION_MAX);
	record_text(b, str_of(&lease_readies[i->ready], 1));
	lease_entry_text(b, i->name, LEASE_TEXT_MAX);
	lease_entry_text(b, i->hint, LEASE_TEXT_MAX);
	record_u64(b, i->sessions);
	record_u64(b, i->load);
	record_u64(b, i->latency_us);
	record_u64(b, e->wall_s < 0 ? 0 : (uint64_t)e->wall_s);
	record_text(b, str_of(&lease_certificates[i->certificate], 1));
	record_u64(b, i->cert_expires < 0 ? 0 : (uint64_t)i->cert_expires);
	record_text(b, i->sends ? STR("y") : STR("n"));
	lease_entry_counters_put(b, i);
}

/* One letter out of a table; what a newer version may have put there is read
 * as `unknown`, if that is in the table. */
static bool
lease_entry_letter(struct record_op *op, const char *letters, unsigned n,
    unsigned unknown, unsigned *i_r)
{
	struct str s;

	if (!record_get_str(op, &s) || s.n != 1)
		return false;
	for (*i_r = 0; *i_r < n; (*i_r)++)
		if (letters[*i_r] == s.p[0])
			return true;
	*i_r = unknown;
	return unknown < n;
}

static bool
lease_entry_info(struct arena *a, struct record_op *op, struct lease_info *i)
{
	unsigned ready;

	if (!record_get_u32(op, &i->format) ||
	    !record_get_text(op, a, &i->version) ||
	    !lease_entry_letter(op, lease_readies, countof(lease_readies),
		LEASE_UNREADY, &ready) ||
	    !record_get_text(op, a, &i->name) ||
	    !record_get_text(op, a, &i->hint) ||
	    !record_get_u32(op, &i->sessions) ||
	    !record_get_u32(op, &i->load) ||
	    !record_get_u32(op, &i->latency_us))
		return false;
	i->ready = (enum lease_ready)ready;
	return true;
}

/* Older nodes do not say. */
static void
lease_entry_certificate(struct record_op *op, struct lease_info *i)
{
	uint64_t expires;
	unsigned kind;

	i->certificate = LEASE_CERT_NONE;
	i->cert_expires = 0;
	if (!lease_entry_letter(op, lease_certificates,
		countof(lease_certificates), LEASE_CERT_NONE, &kind) ||
	    !record_get_u64(op, &expires) || expires > INT64_MAX)
		return;
	i->certificate = (enum lease_certificate)kind;
	i->cert_expires = (int64_t)expires;
}

/* Older nodes do not, and do not say. */
static void
lease_entry_sends(struct record_op *op, struct lease_info *i)
{
	struct str s;

	i->sends = record_get_str(op, &s) && str_eq_c(s, "y");
}

/* Neither; and a newer version may have more of them. */
static void
lease_entry_counters(struct record_op *op, struct lease_info *i)
{
	struct str all, one;
	unsigned n = 0;

	memset(i->counters, 0, sizeof(i->counters));
	if (record_get_str(op, &all))
		while (n < LEASE_COUNTERS && str_split(&all, '.', &one) &&
		       str_u64(one, &i->counters[n]))
			n++;
	i->counted = n == LEASE_COUNTERS;
	if (!i->counted)
		memset(i->counters, 0, sizeof(i->counters));
}

struct err *
lease_entry_parse(struct arena *a, struct str ops, struct lease_entry *e_r)
{
	struct record_op op;
	unsigned kind;
	uint64_t wall;

	if (!record_next(&ops, &op) || op.letter != 'L' ||
	    !lease_entry_letter(&op, lease_kinds, countof(lease_kinds),
		countof(lease_kinds), &kind) ||
	    !record_get_text(&op, a, &e_r->node) ||
	    !record_get_txid(&op, &e_r->session) ||
	    !record_get_text(&op, a, &e_r->boot) ||
	    !record_get_u64(&op, &e_r->dev) ||
	    !record_get_u64(&op, &e_r->ino) ||
	    !lease_entry_info(a, &op, &e_r->info) ||
	    !record_get_u64(&op, &wall))
		return err_new(a, ERR_CORRUPT,
		    "an entry of a node's lease cannot be read", NULL);
	lease_entry_certificate(&op, &e_r->info);
	lease_entry_sends(&op, &e_r->info);
	lease_entry_counters(&op, &e_r->info);
	e_r->kind = (enum lease_kind)kind;
	e_r->wall_s = (int64_t)wall;
	return NULL;
}
