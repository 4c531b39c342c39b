/* state_srs.c - the secrets that rewritten senders are signed with */
#include "storage/state_srs.h"

#include "base/crypto.h"
#include "storage/state_key.h"
#include "storage/state_private.h"

struct state_srs_work {
	bool rotate; /* whatever there is */
	bool changed;
};

static struct err *
state_srs_add(struct state_tx *x)
{
	unsigned char secret[STATE_SRS_SECRET];
	struct state_cluster_key k = { .kind = STR("srs"),
		.algorithm = STR("hmac-sha256"),
		.secret = str_of(secret, sizeof(secret)),
		.active = true };
	struct err *e;

	x->rnd->fill(x->rnd->arg, secret, sizeof(secret));
	e = state_run(x->db, x->a,
	    "UPDATE keys SET active = 0, retired = ?"
	    " WHERE kind = 'srs' AND active != 0",
	    "i", x->now_s);
	if (e == NULL)
		e = state_key_insert(x, &k);
	crypto_wipe(secret, sizeof(secret));
	return e != NULL ? e : state_audit(x, "srs.rotate", k.id, STR_NONE);
}

static struct err *
state_srs_sweep(struct state_tx *x, bool *removed_r)
{
	int64_t before = x->now_s - STATE_SRS_RETIRED_S;
	struct err *e;

	e = state_exists(x->db, x->a, removed_r,
	    "SELECT 1 FROM keys WHERE kind = 'srs' AND active = 0"
	    " AND retired <= ?",
	    "i", before);
	if (e == NULL && *removed_r)
		e = state_run(x->db, x->a,
		    "DELETE FROM keys WHERE kind = 'srs' AND active = 0"
		    " AND retired <= ?",
		    "i", before);
	return e;
}

static struct err *
state_srs_run(struct state_tx *x, void *arg)
{
	struct state_srs_work *w = arg;
	bool fresh = false, removed = false;
	struct err *e;
	int64_t n = 0;

	w->changed = false;
	e = state_sending_check(x);
	if (e == NULL)
		e = state_srs_sweep(x, &removed);
	if (e == NULL && !w->rotate)
		e = state_exists(x->db, x->a, &fresh,
		    "SELECT 1 FROM keys WHERE kind = 'srs' AND active != 0"
		    " AND created > ?",
		    "i", x->now_s - STATE_SRS_ROTATE_S);
	if (e == NULL && !fresh)
		e = state_number(x->db, x->a, &n,
		    "SELECT COUNT(*) FROM keys WHERE kind = 'srs'", "");
	if (e == NULL && n >= STATE_SRS_KEYS_MAX)
		e = err_new(x->a, ERR_LIMIT,
		    "there were too many secrets in the last 30 days", NULL);
	if (e == NULL && !fresh)
		e = state_srs_add(x);
	w->changed = removed || !fresh;
	return e;
}

struct err *
state_srs_ensure(struct task *t, struct state *st, const char *by,
    bool *changed_r)
{
	struct state_srs_work w = { .rotate = false };
	struct err *e = state_change(t, st, by, state_srs_run, &w);

	*changed_r = e == NULL && w.changed;
	return e;
}

struct err *
state_srs_rotate(struct task *t, struct state *st, const char *by)
{
	struct state_srs_work w = { .rotate = true };

	return state_change(t, st, by, state_srs_run, &w);
}

struct err *
state_srs_secrets(struct arena *a, struct state *st, int64_t now_s,
    struct str **list_r, unsigned *n_r, bool *active_r)
{
	struct state_cluster_key *keys;
	struct str *list = NULL;
	struct err *e;
	unsigned n, i;

	*n_r = 0;
	*list_r = NULL;
	*active_r = false;
	e = state_key_list(a, st, STR("srs"), STR_NONE, &keys, &n);
	if (e != NULL)
		return e;
	/* Newest first, but that which signs before all. */
	for (i = 0; i < n; i++)
		if (keys[i].active && !*active_r) {
			list = state_list_add(a, list, n_r, sizeof(*list));
			list[*n_r - 1] = keys[i].secret;
			*active_r = true;
		}
	for (i = 0; i < n; i++)
		if (!keys[i].active && *n_r < STATE_SRS_KEYS_MAX &&
		    keys[i].retired + STATE_SRS_RETIRED_S > now_s) {
			list = state_list_add(a, list, n_r, sizeof(*list));
			list[*n_r - 1] = keys[i].secret;
		}
	*list_r = list;
	return NULL;
}
