/* invite.c - a code that makes one machine a node */
#include "storage/invite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "storage/journal.h"
#include "storage/localdir.h"

#define INVITE_LABEL "shoal invite"
#define INVITE_PREFIX "invite-"
#define INVITE_MAGIC "shoal1."
#define INVITE_NODES "nodes"
#define INVITE_NODES_MAX 10000
#define INVITE_DIR_MAX 64
#define INVITE_KEEP_S 86400
#define INVITE_PENDING "join.pending"

/* --- the code --- */

static struct str
invite_base64url(struct arena *a, struct str in)
{
	struct str s = base64_encode(a, in);
	char *p = (char *)s.p;
	size_t i;

	while (s.n > 0 && p[s.n - 1] == '=')
		s.n--;
	for (i = 0; i < s.n; i++)
		p[i] = p[i] == '+' ? '-' : p[i] == '/' ? '_' : p[i];
	return s;
}

static bool
invite_unbase64url(struct arena *a, struct str in, struct str *out_r)
{
	struct buf b;
	size_t i;

	buf_init(&b, a, in.n + 4);
	for (i = 0; i < in.n; i++) {
		if (in.p[i] == '+' || in.p[i] == '/' || in.p[i] == '=')
			return false;
		buf_char(&b, in.p[i] == '-'   ? '+'
			     : in.p[i] == '_' ? '/'
					      : in.p[i]);
	}
	while (b.n % 4 != 0)
		buf_char(&b, '=');
	return base64_decode(a, buf_str(&b), out_r);
}

struct str
invite_code(struct arena *a, const struct invite *i)
{
	struct buf clear, code;

	buf_init(&clear, a, INVITE_CODE_MAX);
	buf_fmt(&clear, "%s ", i->id);
	buf_hex(&clear, i->secret, sizeof(i->secret));
	buf_fmt(&clear, " %s", i->url);
	buf_init(&code, a, 2 * INVITE_CODE_MAX);
	buf_c(&code, INVITE_MAGIC);
	buf_str_add(&code, invite_base64url(a, buf_str(&clear)));
	if (buf_ok(&code))
		buf_fmt(&code, ".%08x", (unsigned)crc32c(0, code.p, code.n));
	crypto_wipe(clear.p, clear.n);
	return buf_str(&code);
}

/* People copy codes out of mails: blanks and line ends inside are not theirs.
 */
static struct str
invite_squeeze(struct arena *a, struct str code)
{
	struct buf b;
	size_t i;

	buf_init(&b, a, 2 * INVITE_CODE_MAX);
	for (i = 0; i < code.n; i++)
		if (strchr(" \t\r\n", code.p[i]) == NULL)
			buf_char(&b, code.p[i]);
	return buf_ok(&b) ? buf_str(&b) : STR_NONE;
}

static bool
invite_is_id(struct str id)
{
	unsigned char b[8];
	char again[17];
	unsigned i;

	if (!str_unhex(id, b, sizeof(b)))
		return false;
	for (i = 0; i < 8; i++)
		snprintf(again + 2 * i, 3, "%02x", b[i]);
	return str_eq_c(id, again);
}

struct err *
invite_parse(struct arena *a, struct str code, struct invite *i_r)
{
	struct str all = invite_squeeze(a, code), body, crc, id, secret, clear;
	uint64_t sum;

	*i_r = (struct invite){ .url = NULL };
	if (!str_starts(all, STR(INVITE_MAGIC)))
		return err_new(a, ERR_INVALID,
		    "not an invite: a code begins with " INVITE_MAGIC, NULL);
	if (all.n < 60 || all.p[all.n - 9] != '.')
		return err_new(a, ERR_INVALID, "the invite is not complete",
		    NULL);
	crc = str_sub(all, all.n - 8, 8);
	body = str_sub(all, 0, all.n - 9);
	if (!str_hex_u64(crc, &sum) || sum != crc32c(0, body.p, body.n))
		return err_new(a, ERR_INVALID,
		    "the invite was not copied whole, or was changed", NULL);
	if (!invite_unbase64url(a, str_sub(body, strlen(INVITE_MAGIC), body.n),
		&clear) ||
	    !str_split(&clear, ' ', &id) || !invite_is_id(id) ||
	    !str_split(&clear, ' ', &secret) ||
	    !str_unhex(secret, i_r->secret, sizeof(i_r->secret)) ||
	    clear.n == 0 || memchr(clear.p, 0, clear.n) != NULL)
		return err_new(a, ERR_INVALID, "the invite is malformed", NULL);
	memcpy(i_r->id, id.p, id.n);
	i_r->url = arena_cstr(a, clear);
	return NULL;
}

/* --- its journal --- */

struct invite_state {
	int64_t expires;
	char *sealed, *by; /* heap; NULL: no entry 1 */
	char *node;	   /* heap; who used it */
	bool withdrawn;
	/* what is to be committed */
	const struct invite *make;
	const char *new_by, *new_node;
	struct str new_sealed;
	struct txid used_by;
};

static void
invite_reset(void *arg)
{
	struct invite_state *s = arg;

	free(s->sealed);
	free(s->by);
	free(s->node);
	s->sealed = s->by = s->node = NULL;
	s->withdrawn = false;
}

static struct err *
invite_load(struct task *t, void *arg, const struct journal_ckpt *c)
{
	(void)arg;
	(void)c;
	return err_new(task_arena(t), ERR_FORMAT,
	    "the invite is of a newer version", NULL);
}

static char *
invite_keep(struct task *t, struct str s)
{
	return xstrdup(arena_cstr(task_arena(t), s));
}

static bool
invite_apply_made(struct task *t, struct invite_state *s, struct record_op *op)
{
	struct arena *a = task_arena(t);
	struct str sealed, by;
	uint64_t expires;

	if (s->sealed != NULL)
		return true; /* the first counts */
	if (!record_get_u64(op, &expires) || expires > INT64_MAX ||
	    !record_get_text(op, a, &sealed) || !record_get_text(op, a, &by))
		return false;
	s->expires = (int64_t)expires;
	s->sealed = invite_keep(t, sealed);
	s->by = invite_keep(t, by);
	return true;
}

static struct err *
invite_apply(struct task *t, void *arg, const struct journal_entry *en)
{
	struct invite_state *s = arg;
	struct str ops = en->ops, node;
	struct record_op op;
	bool ok = true, used = s->node != NULL || s->withdrawn;

	while (ok && record_next(&ops, &op)) {
		if (op.letter == 'I') {
			ok = invite_apply_made(t, s, &op);
		} else if (op.letter == 'X' && !used) {
			s->withdrawn = true;
		} else if (op.letter == 'J' && !used) {
			ok = record_get_text(&op, task_arena(t), &node);
			if (ok) {
				s->node = invite_keep(t, node);
				s->used_by = en->txid;
			}
		}
	}
	return ok ? NULL
		  : err_new(task_arena(t), ERR_CORRUPT, "the invite is damaged",
			NULL);
}

static void
invite_totals(void *arg, struct str ops, struct buf *out)
{
	(void)arg;
	(void)ops;
	buf_char(out, '-');
}

static struct err *
invite_save(struct task *t, void *arg, struct ckpt_writer *w)
{
	(void)arg;
	(void)w;
	return err_new(task_arena(t), ERR_INVALID,
	    "invites have no checkpoints", NULL);
}

static const struct journal_client invite_client = {
	.name = "invite",
	.reset = invite_reset,
	.load = invite_load,
	.apply = invite_apply,
	.totals = invite_totals,
	.save = invite_save,
};

struct invite_open {
	struct journal_env env;
	struct share_fh dir;
	struct invite_state s;
	struct journal *j;
};

static may_yield struct err *
invite_open(struct task *t, struct store *st, const char *id, bool make,
    struct invite_open *o)
{
	struct str path = str_c(arena_printf(task_arena(t),
	    INVITE_NODES "/" INVITE_PREFIX "%s", id));
	struct err *e;

	*o = (struct invite_open){ .env = { .store = st,
				       .no_background = true } };
	if (make)
		e = share_mkdir_path(t, st->share, SHARE_LANE_ADMIN, path,
		    &o->dir);
	else
		e = share_walk(t, st->share, SHARE_LANE_ADMIN, path, &o->dir,
		    NULL);
	if (e == NULL && make)
		e = journal_mkdirs(t, st, &o->dir);
	if (e != NULL)
		return e;
	o->j = journal_new(&o->env, &o->dir, "invite", &invite_client, &o->s);
	return NULL;
}

static may_yield void
invite_close(struct task *t, struct invite_open *o)
{
	if (o->j != NULL)
		journal_settle(t, o->j);
	journal_free(&o->j);
	invite_reset(&o->s);
}

/* --- making one --- */

static struct str
invite_ad(struct arena *a, const char *id, int64_t expires)
{
	return str_c(arena_printf(a, "%s %lld", id, (long long)expires));
}

static void
invite_key(const struct invite *i, unsigned char key_r[32])
{
	crypto_derive(i->secret, STR(INVITE_LABEL), key_r);
}

static struct err *
invite_compose_make(struct task *t, void *arg, struct buf *ops)
{
	struct invite_state *s = arg;

	if (s->sealed != NULL)
		return err_new(task_arena(t), ERR_DUPLICATE,
		    "there is such an invite already", NULL);
	record_op(ops, 'I');
	record_u64(ops, (uint64_t)s->make->expires);
	record_text(ops, s->new_sealed);
	record_text(ops, str_c(s->new_by));
	return NULL;
}

static may_yield struct err *
invite_commit(struct task *t, struct invite_open *o, const struct txid *txid,
    struct err *(*compose)(struct task *t, void *arg, struct buf *ops))
{
	struct journal_tx tx;
	struct err *e;

	e = journal_refresh(t, o->j);
	if (e != NULL)
		return e;
	journal_tx_init(t, o->j, &tx);
	tx.compose = compose;
	tx.arg = &o->s;
	if (txid != NULL)
		tx.txid = *txid;
	return journal_commit(t, o->j, &tx);
}

struct err *
invite_make(struct task *t, struct store *st, const struct clusterkey *k,
    const char *url, const char *by, uint64_t valid_s, struct str *code_r,
    struct invite *i_r)
{
	struct arena *a = task_arena(t);
	const struct rnd *r = sched_rnd(task_sched(t));
	unsigned char key[32];
	struct invite_open o;
	struct err *e;

	if (strlen(url) == 0 || strlen(url) > INVITE_CODE_MAX / 2)
		return err_new(a, ERR_INVALID, "the share's URL is too long",
		    NULL);
	*i_r = (struct invite){ .url = arena_strdup(a, url),
		.expires = task_wall_s(t) + (int64_t)valid_s };
	snprintf(i_r->id, sizeof(i_r->id), "%016llx",
	    (unsigned long long)rnd_u64(r));
	task_random(t, i_r->secret, sizeof(i_r->secret));
	e = invite_open(t, st, i_r->id, true, &o);
	if (e != NULL)
		return e;
	invite_key(i_r, key);
	o.s.make = i_r;
	o.s.new_by = by;
	o.s.new_sealed = base64_encode(a,
	    crypto_seal(a, key, invite_ad(a, i_r->id, i_r->expires),
		str_of(k->key, sizeof(k->key)), r));
	crypto_wipe(key, sizeof(key));
	e = invite_commit(t, &o, NULL, invite_compose_make);
	invite_close(t, &o);
	*code_r = e == NULL ? invite_code(a, i_r) : STR_NONE;
	return e;
}

/* --- using one --- */

static struct err *
invite_unknown(struct arena *a)
{
	return err_new(a, ERR_NOTFOUND,
	    "there is no such invite on this share: it was withdrawn, or the "
	    "code is for another cluster",
	    NULL);
}

static struct err *
invite_usable(struct task *t, const struct invite_state *s)
{
	struct arena *a = task_arena(t);

	if (s->sealed == NULL)
		return invite_unknown(a);
	if (s->withdrawn)
		return err_new(a, ERR_CLOSED,
		    "the invite has expired or was withdrawn", NULL);
	if (s->node != NULL)
		return err_newf(a, ERR_CLOSED,
		    "the invite was used already, by %s", s->node);
	/* Another clock set it: this one only helps, the sweep decides. */
	if (s->expires < task_wall_s(t))
		return err_new(a, ERR_TIMEOUT, "the invite has expired", NULL);
	return NULL;
}

static struct err *
invite_unseal(struct arena *a, const struct invite *i,
    const struct invite_state *s, struct clusterkey *k_r)
{
	struct str sealed, clear = STR_NONE;
	unsigned char key[32];
	struct err *e = NULL;
	bool ok;

	invite_key(i, key);
	ok = base64_decode(a, str_c(s->sealed), &sealed);
	if (ok)
		e = crypto_open(a, key, invite_ad(a, i->id, s->expires), sealed,
		    &clear);
	crypto_wipe(key, sizeof(key));
	if (!ok || e != NULL || clear.n != sizeof(k_r->key))
		return err_new(a, ERR_CORRUPT,
		    "the invite does not open: the code's secret is wrong, or "
		    "the share's part of it was changed",
		    NULL);
	memcpy(k_r->key, clear.p, clear.n);
	crypto_wipe((char *)clear.p, clear.n);
	return NULL;
}

static struct err *
invite_compose_use(struct task *t, void *arg, struct buf *ops)
{
	struct invite_state *s = arg;
	struct err *e = invite_usable(t, s);

	if (e != NULL)
		return e;
	record_op(ops, 'J');
	record_text(ops, str_c(s->new_node));
	return NULL;
}

static may_yield struct err *
invite_use(struct task *t, struct store *st, const struct invite *i,
    const char *node, const struct txid *txid, struct invite_open *o,
    struct clusterkey *k_r)
{
	struct err *e;

	e = invite_open(t, st, i->id, false, o);
	if (e == NULL)
		e = journal_refresh(t, o->j);
	if (err_is(e, ERR_NOENT))
		return invite_unknown(task_arena(t));
	if (e == NULL && o->s.sealed == NULL)
		e = invite_unknown(task_arena(t));
	if (e == NULL) /* a wrong code uses nothing up */
		e = invite_unseal(task_arena(t), i, &o->s, k_r);
	if (e != NULL)
		return e;
	if (o->s.node != NULL && txid_eq(&o->s.used_by, txid))
		return NULL; /* it was us, we only did not hear of it */
	o->s.new_node = node;
	return invite_commit(t, o, txid, invite_compose_use);
}

struct err *
invite_take(struct task *t, struct store *st, const struct invite *i,
    const char *node, const struct txid *txid, struct clusterkey *k_r)
{
	struct invite_open o = { .j = NULL };
	struct err *e;

	e = invite_use(t, st, i, node, txid, &o, k_r);
	invite_close(t, &o);
	if (e != NULL)
		clusterkey_wipe(k_r);
	return e;
}

/* --- joining --- */

/* "<id> <txid>": that of an earlier try with the same code, or a new one. */
static struct err *
invite_pending(struct task *t, const struct invite *i, const char *local,
    struct txid *txid_r)
{
	struct arena *a = task_arena(t);
	char hex[TXID_HEX + 1];
	struct str text, id;
	const char *line;

	if (localdir_get(a, local, INVITE_PENDING, 100, &text) == NULL &&
	    str_split(&text, ' ', &id) && str_eq_c(id, i->id) &&
	    txid_parse(text, txid_r))
		return NULL;
	task_random(t, txid_r->b, sizeof(txid_r->b));
	txid_hex(txid_r, hex);
	line = arena_printf(a, "%s %s", i->id, hex);
	return localdir_put(a, local, INVITE_PENDING, line, strlen(line),
	    false);
}

static may_yield struct err *
invite_join_run(struct task *t, struct store *st, const struct invite *i,
    const char *local, const char *node)
{
	struct arena *a = task_arena(t);
	struct clusterkey k;
	struct txid txid;
	struct err *e;

	e = invite_pending(t, i, local, &txid);
	if (e == NULL)
		e = invite_take(t, st, i, node, &txid, &k);
	if (e != NULL)
		return e;
	e = clusterkey_store(a, local, st->uuid, &k);
	clusterkey_wipe(&k);
	if (e == NULL)
		unlink(arena_printf(a, "%s/" INVITE_PENDING, local));
	return e;
}

struct err *
invite_join(struct task *t, struct store *st, const struct invite *i,
    const char *local, const char *node, bool *had_r)
{
	struct arena *a = task_arena(t);
	struct clusterkey k;
	struct err *e;

	*had_r = false;
	e = localdir_check(a, local, true);
	if (e != NULL)
		return e;
	e = clusterkey_load(a, local, st->uuid, &k, NULL);
	if (e == NULL) {
		clusterkey_wipe(&k);
		*had_r = true;
	} else if (err_is(e, ERR_NOENT)) {
		e = invite_join_run(t, st, i, local, node);
	}
	return e;
}

/* --- sweeping --- */

static struct err *
invite_compose_expire(struct task *t, void *arg, struct buf *ops)
{
	struct invite_state *s = arg;

	if (s->withdrawn || s->node != NULL)
		return err_new(task_arena(t), ERR_CLOSED, "used", NULL);
	record_op(ops, 'X');
	return NULL;
}

static may_yield struct err *
invite_remove_dir(struct task *t, struct share *sh, const struct share_fh *up,
    struct str name)
{
	struct share_dirent *d;
	struct share_fh fh;
	struct err *e;

	e = share_lookup(t, sh, SHARE_LANE_ADMIN, up, name, &fh, NULL);
	if (err_is(e, ERR_NOENT))
		return NULL;
	if (e == NULL)
		e = share_readdir(t, sh, SHARE_LANE_ADMIN, &fh, INVITE_DIR_MAX,
		    &d, NULL);
	for (; e == NULL && d != NULL; d = d->next)
		e = share_remove_quiet(t, sh, SHARE_LANE_ADMIN, &fh, d->name);
	if (e == NULL)
		e = share_rmdir(t, sh, SHARE_LANE_ADMIN, up, name);
	return err_is(e, ERR_NOENT) ? NULL : e;
}

/* log/ goes last: an invite without entries is nobody's, one whose second entry
 * is gone could be used again. */
static may_yield struct err *
invite_remove(struct task *t, struct store *st, const struct share_fh *nodes,
    struct str name, const struct share_fh *dir)
{
	static const char *const parts[] = { "seg", "ckpt" };
	struct share *sh = st->share;
	struct share_fh log;
	struct err *e = NULL;
	unsigned i;

	for (i = 0; e == NULL && i < countof(parts); i++)
		e = invite_remove_dir(t, sh, dir, str_c(parts[i]));
	if (e == NULL)
		e = share_lookup(t, sh, SHARE_LANE_ADMIN, dir, STR("log"), &log,
		    NULL);
	if (e == NULL) /* what carries the key first */
		e = share_remove_quiet(t, sh, SHARE_LANE_ADMIN, &log,
		    STR("0000000000000001"));
	if (e == NULL || err_is(e, ERR_NOENT))
		e = invite_remove_dir(t, sh, dir, STR("log"));
	if (e == NULL)
		e = share_rmdir(t, sh, SHARE_LANE_ADMIN, nodes, name);
	return err_is(e, ERR_NOENT) ? NULL : e;
}

/* The first entry goes first, and its place is never filled again before the
 * second is gone, too. */
static may_yield bool
invite_is_half_removed(struct task *t, struct share *sh,
    const struct share_fh *dir)
{
	struct share_fh log, fh;

	return share_lookup(t, sh, SHARE_LANE_ADMIN, dir, STR("log"), &log,
		   NULL) == NULL &&
	       share_lookup(t, sh, SHARE_LANE_ADMIN, &log,
		   STR("0000000000000002"), &fh, NULL) == NULL;
}

static may_yield struct err *
invite_sweep_one(struct task *t, struct store *st, const struct share_fh *nodes,
    struct str name)
{
	struct invite_open o = { .j = NULL };
	struct invite_state *s = &o.s;
	struct err *e;
	bool old;

	e = invite_open(t, st,
	    arena_cstr(task_arena(t),
		str_sub(name, strlen(INVITE_PREFIX), name.n)),
	    false, &o);
	if (e == NULL)
		e = journal_refresh(t, o.j);
	if (e == NULL && s->sealed != NULL && s->node == NULL &&
	    !s->withdrawn && s->expires < task_wall_s(t))
		e = invite_commit(t, &o, NULL, invite_compose_expire);
	old = s->sealed != NULL &&
	      s->expires + INVITE_KEEP_S < task_wall_s(t) &&
	      (s->node != NULL || s->withdrawn);
	if (e == NULL && s->sealed == NULL)
		old = invite_is_half_removed(t, st->share, &o.dir);
	invite_close(t, &o);
	if (e == NULL && old)
		e = invite_remove(t, st, nodes, name, &o.dir);
	return e;
}

struct err *
invite_sweep(struct task *t, struct store *st)
{
	struct share_dirent *d;
	struct share_fh nodes;
	struct err *e, *one;

	e = share_walk(t, st->share, SHARE_LANE_ADMIN, STR(INVITE_NODES),
	    &nodes, NULL);
	if (e == NULL)
		e = share_readdir(t, st->share, SHARE_LANE_ADMIN, &nodes,
		    INVITE_NODES_MAX, &d, NULL);
	if (e != NULL)
		return e;
	for (; d != NULL; d = d->next) {
		if (!str_starts(d->name, STR(INVITE_PREFIX)))
			continue;
		one = invite_sweep_one(t, st, &nodes, d->name);
		/* One that is being removed by another node is no failure. */
		if (one != NULL && !err_is(one, ERR_NOENT) &&
		    !err_is(one, ERR_CLOSED))
			log_warn(t, "invite not swept",
			    LOG_STR("invite", d->name), LOG_ERR(one));
	}
	return NULL;
}
