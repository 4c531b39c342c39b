/* journal_fetch.c - reading entries, many at once */
#include <stdlib.h>

#include "base/crypto.h"
#include "storage/journal_private.h"

/* Calls are on the heap: thousands of entries may be read in one task. */
static struct journal_call *
fetch_call(const struct journal *j, enum share_proc proc,
    const struct share_fh *fh)
{
	struct journal_call *c = xcalloc(1, sizeof(*c));

	journal_call_init(j, c, proc, fh);
	return c;
}

/* The first error that concerns all of them: the connection, the directory. */
static void
fetch_first(struct err **first, struct err *e)
{
	if (*first == NULL)
		*first = e;
}

void
journal_fetch_lookup_send(struct task *t, struct journal *j,
    struct journal_in *v, unsigned n)
{
	char name[SEQ_DIGITS + 1];
	unsigned i;

	for (i = 0; i < n; i++) {
		v[i].c = fetch_call(j, SHARE_LOOKUP, &j->log);
		seq_name(v[i].seq, name);
		v[i].c->op.name = arena_str(task_arena(t), str_c(name));
		journal_send(t, j, v[i].c);
	}
}

struct err *
journal_fetch_lookup_wait(struct task *t, struct journal *j,
    struct journal_in *v, unsigned n)
{
	struct err *first = NULL;
	unsigned i;

	for (i = 0; i < n; i++) {
		struct err *e = journal_wait(t, j, v[i].c);

		v[i].dir_attr = v[i].c->op.dir_attr_r;
		v[i].dir_attr_ok = v[i].c->op.dir_attr_ok;
		v[i].fh = v[i].c->op.fh_r;
		v[i].err = e;
		if (e != NULL && !err_is(e, ERR_NOENT))
			fetch_first(&first, e);
		free(v[i].c);
		v[i].c = NULL;
	}
	return first;
}

void
journal_fetch_read_send(struct task *t, struct journal *j, struct journal_in *v,
    unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (v[i].err != NULL)
			continue;
		v[i].c = fetch_call(j, SHARE_READLINK, &v[i].fh);
		journal_send(t, j, v[i].c);
	}
}

static void
fetch_parse(struct task *t, struct journal_in *in)
{
	struct arena *a = task_arena(t);

	in->err = record_parse(a, in->text, &in->rec);
	if (in->rec.seq != 0 && in->rec.seq != in->seq &&
	    !err_is(in->err, ERR_CORRUPT))
		in->err = err_new(a, ERR_CORRUPT, "journal entry is damaged",
		    "it says that it is entry %llu",
		    (unsigned long long)in->rec.seq);
	in->ops = in->rec.ops;
}

struct err *
journal_fetch_read_wait(struct task *t, struct journal *j, struct journal_in *v,
    unsigned n)
{
	struct err *first = NULL;
	unsigned i;

	for (i = 0; i < n; i++) {
		struct err *e;

		if (v[i].c == NULL)
			continue;
		e = journal_wait(t, j, v[i].c);
		v[i].text = v[i].c->op.text_r;
		free(v[i].c);
		v[i].c = NULL;
		if (e == NULL) {
			fetch_parse(t, &v[i]);
			continue;
		}
		/* STALE may be gone, or not: the next LOOKUP tells.  INVAL:
		 * not a link. */
		if (err_is(e, ERR_NOENT))
			v[i].err = err_new(task_arena(t), ERR_NOENT,
			    "journal entry is gone", NULL);
		else if (err_is(e, ERR_INVALID))
			v[i].err = err_new(task_arena(t), ERR_CORRUPT,
			    "journal entry is damaged", "not a symbolic link");
		else
			fetch_first(&first, e);
	}
	return first;
}

static struct err *
fetch_rec_bad(struct task *t, const char *what)
{
	return err_new(task_arena(t), ERR_CORRUPT,
	    "operations of a journal entry are damaged", "%s", what);
}

/* The content of seg/<txid>.rec: the first bytes of it, as many as the entry
 * says (an earlier attempt of the same txid may have been longer). */
static may_yield must_check struct err *
fetch_rec(struct task *t, struct journal *j, struct journal_in *in)
{
	char name[TXID_HEX + 5], *p;
	uint32_t n = (uint32_t)in->rec.ops_bytes, have = 0, part;
	unsigned char sha[CRYPTO_SHA256_BYTES];
	struct share_fh fh;
	struct err *e;
	bool eof = false;

	txid_hex(&in->rec.txid, name);
	memcpy(name + TXID_HEX, ".rec", 5);
	e = share_lookup(t, j->share, SHARE_LANE_BULK, &j->seg, str_c(name),
	    &fh, NULL);
	if (e != NULL)
		return e;
	p = arena_alloc(task_arena(t), n);
	while (have < n && !eof) {
		e = share_read(t, j->share, SHARE_LANE_BULK, &fh, have,
		    p + have,
		    n - have < SHARE_READ_MAX ? n - have : SHARE_READ_MAX,
		    &part, &eof);
		if (e != NULL)
			return e;
		have += part;
	}
	if (have < n)
		return fetch_rec_bad(t, "the file is too short");
	crypto_sha256(p, n, sha);
	if (memcmp(sha, in->rec.ops_sha256, sizeof(sha)) != 0)
		return fetch_rec_bad(t, "the file's hash is wrong");
	in->ops = str_of(p, n);
	return NULL;
}

struct err *
journal_fetch_recs(struct task *t, struct journal *j, struct journal_in *v,
    unsigned n)
{
	struct err *e;
	unsigned i;

	for (i = 0; i < n; i++) {
		if (v[i].err != NULL || !v[i].rec.external || v[i].ops.n != 0 ||
		    v[i].rec_gone)
			continue;
		e = fetch_rec(t, j, &v[i]);
		if (err_is(e, ERR_NOENT))
			v[i].rec_gone = true;
		else if (err_is(e, ERR_CORRUPT))
			v[i].err = e;
		else if (e != NULL)
			return e;
	}
	return NULL;
}

struct err *
journal_fetch_links(struct task *t, struct journal *j, struct journal_in *v,
    unsigned n)
{
	unsigned at, part;
	struct err *e;

	for (at = 0; at < n; at += part) {
		part = n - at < JOURNAL_WINDOW ? n - at : JOURNAL_WINDOW;
		journal_fetch_lookup_send(t, j, v + at, part);
		e = journal_fetch_lookup_wait(t, j, v + at, part);
		if (e != NULL)
			return e;
		journal_fetch_read_send(t, j, v + at, part);
		e = journal_fetch_read_wait(t, j, v + at, part);
		if (e != NULL)
			return e;
	}
	return NULL;
}

struct err *
journal_fetch(struct task *t, struct journal *j, struct journal_in *v,
    unsigned n)
{
	struct err *e = journal_fetch_links(t, j, v, n);

	return e != NULL ? e : journal_fetch_recs(t, j, v, n);
}
