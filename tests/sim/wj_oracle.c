/* wj_oracle.c - the journal workload's omniscient observer */
#include "wj.h"

#include <stdio.h>
#include <stdlib.h>

struct wj_world *
wj_world_new(struct sim_world *w)
{
	struct wj_world *ww = xcalloc(1, sizeof(*ww));

	w->app = ww;
	return ww;
}

static struct wj_dec *
wj_dec(struct wj_world *ww, uint64_t seq)
{
	if (seq >= ww->dec_size) {
		uint64_t size = seq * 2 + 64;

		ww->dec = xrealloc(ww->dec, size, sizeof(*ww->dec));
		memset(ww->dec + ww->dec_size, 0,
		    (size - ww->dec_size) * sizeof(*ww->dec));
		ww->dec_size = size;
	}
	return &ww->dec[seq];
}

bool
wj_in_history(const struct wj_world *ww, const struct txid *x)
{
	for (uint64_t i = 1; i <= ww->top; i++)
		if (ww->dec[i].set && txid_eq(&ww->dec[i].txid, x))
			return true;
	return false;
}

uint64_t
wj_older_than(const struct sim_world *w, uint64_t us)
{
	const struct wj_world *ww = w->app;
	uint64_t seq = ww->top;

	while (seq > 0 && ww->dec[seq].at_us + us > w->now_us)
		seq--;
	return seq;
}

/*
 * The history: entry n is what was made first under that name, until a crash
 * of the server undoes it.  What late requests make in holes is nothing.
 */
static void
wj_appeared(void *arg, uint64_t dir, struct str name, uint64_t object,
    bool undone)
{
	struct sim_world *w = arg;
	struct wj_world *ww = w->app;
	struct str text, txid, prev, rest;
	struct wj_dec *d;
	struct txid px;
	uint64_t seq;

	if (dir != ww->log_o || undone || !seq_parse(name, &seq))
		return;
	d = wj_dec(ww, seq);
	if (d->set) {
		sim_say(w, NULL, "(entry %llu was made in a hole)",
		    (unsigned long long)seq);
		return;
	}
	text = rest = tree_content(w->tree, object);
	if (!str_split(&rest, ' ', &txid) || !str_split(&rest, ' ', &prev) ||
	    !str_split(&rest, ' ', &prev) || !txid_parse(txid, &d->txid) ||
	    !txid_parse(prev, &px))
		sim_fail(w, "entry %llu is no record: " STR_FMT,
		    (unsigned long long)seq, STR_ARG(text));
	if (w->forgot == 0 && wj_in_history(ww, &d->txid))
		sim_fail(w, "entry %llu commits a txid for the second time",
		    (unsigned long long)seq);
	d->set = true;
	d->object = object;
	d->at_us = w->now_us;
	if (seq > ww->top)
		ww->top = seq;
	if (w->conf.kept_conn || seq == 1)
		return;
	if (!wj_dec(ww, seq - 1)->set)
		sim_fail(w, "entry %llu is made above a gap",
		    (unsigned long long)seq);
	if (!txid_eq(&wj_dec(ww, seq - 1)->txid, &px))
		sim_fail(w, "entry %llu is made on another predecessor",
		    (unsigned long long)seq);
}

static void
wj_vanished(void *arg, uint64_t dir, struct str name, uint64_t object,
    bool undone)
{
	struct sim_world *w = arg;
	struct wj_world *ww = w->app;
	uint64_t seq;

	if (dir != ww->log_o || !undone || !seq_parse(name, &seq))
		return;
	if (wj_dec(ww, seq)->set && wj_dec(ww, seq)->object == object) {
		sim_say(w, NULL, "entry %llu is forgotten",
		    (unsigned long long)seq);
		wj_dec(ww, seq)->set = false;
		while (ww->top > 0 && !ww->dec[ww->top].set)
			ww->top--;
	}
}

void
wj_world_watch(struct sim_world *w)
{
	struct tree_watch watch = { .appeared = wj_appeared,
		.vanished = wj_vanished,
		.arg = w };

	tree_watch(w->tree, &watch);
}

void
wj_world_catch_up(struct sim_world *w)
{
	struct wj_world *ww = w->app;
	char name[SEQ_DIGITS + 1];
	uint64_t o;

	for (uint64_t seq = 1;; seq++) {
		seq_name(seq, name);
		o = tree_child(w->tree, ww->log_o, str_c(name));
		if (o == 0)
			break;
		wj_appeared(w, ww->log_o, str_c(name), o, false);
	}
}

unsigned
wj_tx_new(struct sim_world *w, const struct txid *x, const char *what,
    const char *name)
{
	struct wj_world *ww = w->app;
	struct wj_tx *tx;

	if (ww->txs_n == ww->txs_size) {
		ww->txs_size = ww->txs_size == 0 ? 128 : ww->txs_size * 2;
		ww->txs = xrealloc(ww->txs, ww->txs_size, sizeof(*ww->txs));
	}
	tx = &ww->txs[ww->txs_n];
	*tx = (struct wj_tx){ .txid = *x, .what = what };
	if (name != NULL)
		snprintf(tx->name, sizeof(tx->name), "%s", name);
	return ww->txs_n++;
}

static void
wj_short(const struct txid *x, char out_r[9])
{
	char hex[TXID_HEX + 1];

	txid_hex(x, hex);
	memcpy(out_r, hex, 8);
	out_r[8] = '\0';
}

void
wj_acked(struct sim_node *n, unsigned i)
{
	struct sim_world *w = n->w;
	struct wj_world *ww = w->app;
	struct wj_tx *tx = &ww->txs[i];
	uint64_t seq = 0;
	char hex[9], name[SEQ_DIGITS + 1];

	wj_short(&tx->txid, hex);
	sim_say(w, n, "%s %s (%s) is ACKNOWLEDGED", tx->what, hex, tx->name);
	tx->status = WJ_ACKED;
	for (uint64_t k = 1; k <= ww->top; k++)
		if (ww->dec[k].set && txid_eq(&ww->dec[k].txid, &tx->txid))
			seq = k;
	if (seq == 0 && !w->conf.kept_conn && !w->conf.lying)
		sim_fail(w, "%s %s is acknowledged, but not in the history",
		    tx->what, hex);
	/* A crash of the server now must not take it back. */
	seq_name(seq, name);
	if (!w->conf.lying && seq != 0 &&
	    tree_child(w->tree, ww->log_o, str_c(name)) != 0 &&
	    !tree_name_is_durable(w->tree, ww->log_o, str_c(name)))
		sim_fail(w, "%s %s is acknowledged, but not durable", tx->what,
		    hex);
}

void
wj_refused(struct sim_node *n, unsigned i, const struct err *e)
{
	struct sim_world *w = n->w;
	struct wj_world *ww = w->app;
	struct wj_tx *tx = &ww->txs[i];
	char hex[9];

	wj_short(&tx->txid, hex);
	sim_say(w, n, "%s %s is refused: %s", tx->what, hex,
	    err_name(err_code(e)));
	if (tx->status == WJ_ACKED)
		sim_fail(w, "%s %s is refused after it was acknowledged",
		    tx->what, hex);
	tx->status = WJ_REFUSED;
	tx->held = err_is(e, ERR_HELD);
	/* Voided, it may well stand in the log as nothing; under an old token
	 * too. */
	if (!err_is(e, ERR_VOIDED) && !err_is(e, ERR_LOST) &&
	    !err_is(e, ERR_HELD) && wj_in_history(ww, &tx->txid))
		sim_fail(w, "%s %s is refused (%s), but in the history",
		    tx->what, hex, err_name(err_code(e)));
}

void
wj_applied(struct wj_state *s, const struct journal_entry *e)
{
	struct sim_world *w = s->n->w;
	struct wj_world *ww = w->app;
	char hex[9];

	wj_short(&e->txid, hex);
	sim_say(w, s->n, "applies %llu %s: " STR_FMT,
	    (unsigned long long)e->seq, hex, STR_ARG(str_sub(e->ops, 0, 80)));
	for (unsigned i = 0; i < s->entries_n; i++) {
		if (!txid_eq(&s->entries[i].txid, &e->txid))
			continue;
		sim_fail(w, "%s: %s takes effect twice, in %llu and %llu",
		    s->n->name, hex, (unsigned long long)s->entries[i].seq,
		    (unsigned long long)e->seq);
	}
	if (w->forgot > 0)
		return;
	if (!wj_dec(ww, e->seq)->set ||
	    !txid_eq(&wj_dec(ww, e->seq)->txid, &e->txid))
		sim_fail(w, "%s applies %s as entry %llu: not in the history",
		    s->n->name, hex, (unsigned long long)e->seq);
}

void
wj_finish(struct task *t, struct sim_node *n, struct wj_state *s)
{
	struct wj_world *ww = wj_world(n);
	struct journal_problem *problem;
	struct err *e;
	struct buf b;

	e = journal_refresh(t, s->j);
	if (e == NULL)
		e = journal_readonly(t, s->j);
	if (e == NULL)
		e = journal_check(t, s->j, &problem);
	if (e != NULL)
		sim_fail(n->w, "%s: at the end: %s (%s)", n->name, e->text,
		    e->detail ? e->detail : "");
	for (; problem != NULL; problem = problem->next)
		if (problem->fatal)
			sim_fail(n->w, "%s: check: %s", n->name, problem->text);
	buf_init(&b, NULL, 16 << 20);
	wj_state_dump(s, &b);
	ww->dump[n->id] = xstrdup(buf_cstr(&b));
	ww->heads[n->id] = journal_head(s->j);
	buf_free(&b);
}

/* What the replicas, equal by now, must say of each transaction. */
static void
wj_check_tx(struct sim_world *w, const struct wj_tx *tx)
{
	const char *dump = ((struct wj_world *)w->app)->dump[0];
	char entry[TXID_HEX + 2], row[WJ_NAME + 4], hex[9];
	const char *there, *again = NULL;

	txid_hex(&tx->txid, entry);
	wj_short(&tx->txid, hex);
	there = strstr(dump, strcat(entry, "\n"));
	if (there != NULL)
		again = strstr(there + 1, entry);
	if (again != NULL)
		sim_fail(w, "%s %s is there twice", tx->what, hex);
	/* What came back after a fork may be below a new CLAIM. */
	if (tx->status == WJ_ACKED && there == NULL &&
	    !(w->conf.lying && tx->name[0] == '\0'))
		sim_fail(w, "%s %s was acknowledged and is LOST", tx->what,
		    hex);
	if (tx->status == WJ_REFUSED && !tx->held && there != NULL)
		sim_fail(w, "%s %s was refused and is there", tx->what, hex);
	if (tx->spooled && tx->status != WJ_ACKED && tx->status != WJ_REFUSED)
		sim_fail(w, "%s %s was spooled and never settled", tx->what,
		    hex);
	if (strcmp(tx->what, "removal") != 0 || tx->status != WJ_ACKED)
		return;
	snprintf(row, sizeof(row), "r %s ", tx->name);
	there = strstr(dump, row);
	if (there != NULL && (there = strchr(there, '\n')) != NULL &&
	    there[-1] == '0' && there[-2] == ' ')
		sim_fail(w, "the removal of %s was acknowledged and undone",
		    tx->name);
}

static void
wj_check_file(struct sim_world *w, const char *name, const char *source)
{
	struct wj_world *ww = w->app;
	uint64_t o = tree_child(w->tree, ww->msg_o, str_c(name));
	struct str text = tree_content(w->tree, o);

	if (o == 0)
		sim_fail(w, "row %s has no file", name);
	/* A copy holds its first source's name. */
	if (strcmp(source, "-") == 0 && !str_eq_c(text, name))
		sim_fail(w, "row %s has another content", name);
}

void
wj_check(struct sim_world *w)
{
	struct wj_world *ww = w->app;
	char *line, *save = NULL;

	for (unsigned i = 0; i < w->conf.nodes; i++) {
		if (ww->dump[i] == NULL)
			sim_fail(w, "n%u has no replica", i + 1);
		if (ww->heads[i] != ww->heads[0])
			sim_fail(w, "n1 is at entry %llu, n%u at %llu",
			    (unsigned long long)ww->heads[0], i + 1,
			    (unsigned long long)ww->heads[i]);
		if (strcmp(ww->dump[i], ww->dump[0]) != 0)
			sim_fail(w, "replicas of n1 and n%u differ", i + 1);
	}
	for (unsigned i = 0; i < ww->txs_n; i++)
		wj_check_tx(w, &ww->txs[i]);
	for (line = strtok_r(ww->dump[0], "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[WJ_NAME], source[WJ_NAME];
		unsigned long long seq, gone;

		if (sscanf(line, "r %34s %34s %llu %llu", name, source, &seq,
			&gone) == 4 &&
		    gone == 0)
			wj_check_file(w, name, source);
	}
}
