/* auth_console.c - signing in to the console */
#include "server/auth/auth_console.h"

#include "base/crypto.h"
#include "base/log.h"
#include "server/admin/admin.h"
#include "server/auth/auth_private.h"
#include "server/auth/totp.h"
#include "server/cluster/hints.h"
#include "server/net/counts.h"
#include "storage/state_address.h"
#include "storage/state_admin.h"

/* --- whose name that is --- */

/* Scored under a name that is no account's id. */
static struct str
auth_admin_who(struct arena *a, struct str login)
{
	struct str word;

	if (login.n > AUTH_NAME_MAX ||
	    state_word_parse(a, login, &word) != NULL)
		word = str_sub(login, 0, AUTH_NAME_MAX);
	return str_c(arena_printf(a, "admin " STR_FMT, STR_ARG(word)));
}

static struct err *
auth_find_admin(struct task *t, struct auth *au, struct str login,
    struct auth_found *f, struct state_admin *ad)
{
	struct arena *a = task_arena(t);
	struct state_credential *c;
	struct err *e = NULL;

	*f = (struct auth_found){ .who = auth_admin_who(a, login),
		.admin = true };
	if (login.n <= AUTH_NAME_MAX)
		e = state_admin_find(a, au->w->state, login, ad);
	if (e != NULL && !err_is(e, ERR_NOTFOUND) && !err_is(e, ERR_INVALID))
		return e;
	f->found = login.n <= AUTH_NAME_MAX && e == NULL;
	if (f->found && ad->password.hash.n > 0) {
		c = arena_new_obj(a, struct state_credential);
		c->password = ad->password;
		f->login.salt = ad->salt;
		f->login.credentials = c;
		f->login.n = 1;
	} else {
		f->found = false;
		auth_find_fake(a, au, f, f->who);
	}
	return NULL;
}

/* Application passwords are for programs. */
static struct err *
auth_find_account(struct task *t, struct auth *au, struct str login,
    struct auth_found *f)
{
	struct err *e = auth_find(t, au, login, f);
	unsigned n = 0;

	if (e != NULL || !f->found)
		return e;
	for (unsigned i = 0; i < f->login.n; i++)
		if (f->login.credentials[i].app_id.n == 0)
			f->login.credentials[n++] = f->login.credentials[i];
	f->login.n = n;
	if (n == 0) {
		f->found = false;
		auth_find_fake(task_arena(t), au, f, f->who);
	}
	return NULL;
}

/* --- the second factor --- */

/* A code that is right. */
struct auth_code {
	struct str who, secret;
	uint64_t step;
};

static uint64_t
auth_totp_key(const struct auth_console *c)
{
	return counts_key("auth.totp", c->who.p, (uint32_t)c->who.n);
}

static bool
auth_totp_is_guessed(const struct auth *a, const struct auth_console *c)
{
	return counts_score(a->w->counts, auth_totp_key(c),
		   sched_now_ms(a->w->sched) / 1000) >=
	       AUTH_TOTP_FAILURES - 0.5;
}

static void
auth_totp_failed(struct auth *a, const struct auth_console *c)
{
	uint64_t key = auth_totp_key(c);

	hints_failure(a->w->hints, key, 1);
	counts_score_add(a->w->counts, key, 1,
	    sched_now_ms(a->w->sched) / 1000);
}

/*
 * Codes that were used are counted on the node, and on nodes that hear of it.
 * Where the state has them, too, that says the same; while the share is away it
 * is all there is.  Of this secret: the next one begins anew.
 */
static uint64_t
auth_totp_step_key(struct arena *a, const struct auth_code *k, uint64_t step)
{
	struct str s = str_c(arena_printf(a, STR_FMT " " STR_FMT " %llu",
	    STR_ARG(k->who), STR_ARG(k->secret), (unsigned long long)step));

	return counts_key("auth.totp.step", s.p, (uint32_t)s.n);
}

/* It, or one of a later step. */
static bool
auth_totp_was_used(struct task *t, const struct auth *a,
    const struct auth_code *k)
{
	for (uint64_t s = k->step; s <= k->step + 2 * TOTP_STEPS_AROUND; s++)
		if (counts_tally(a->w->counts,
			auth_totp_step_key(task_arena(t), k, s)) > 0)
			return true;
	return false;
}

/* false: another sign-in was faster. */
static bool
auth_totp_first(struct task *t, struct auth *a, const struct auth_code *k)
{
	uint64_t key = auth_totp_step_key(task_arena(t), k, k->step);

	hints_tally(a->w->hints, key, 1);
	return counts_tally_add(a->w->counts, key, 1, task_now_ms(t) / 1000) ==
	       1;
}

/* Not: it answers, and refuses. */
static bool
auth_is_away(const struct err *e)
{
	return err_is(e, ERR_UNAVAIL) || err_is(e, ERR_CONN) ||
	       err_is(e, ERR_TIMEOUT) || err_is(e, ERR_UNKNOWN);
}

/* For the whole cluster, for ever. */
static may_yield must_check struct err *
auth_totp_write(struct task *t, struct auth *a, const struct auth_code *k,
    struct admin *ad)
{
	uint64_t was = task_deadline(t), at = task_now_ms(t) + AUTH_TOTP_MS;
	struct err *e;

	if (was == 0 || at < was)
		task_set_deadline(t, at);
	e = admin_of_worker(t, a->w, "session", ad);
	if (e == NULL)
		e = state_totp_use(t, ad->state, k->who, k->step);
	task_set_deadline(t, was);
	return e;
}

/* That no other sign-in has this code. */
static may_yield enum auth_verdict
auth_totp_use(struct task *t, struct auth_try *y, const struct auth_code *k)
{
	struct admin ad;
	struct err *e;
	bool first;

	if (auth_totp_was_used(t, y->a, k))
		return AUTH_TOTP_WRONG;
	e = auth_totp_write(t, y->a, k, &ad);
	if (err_is(e, ERR_DENIED))
		return AUTH_TOTP_WRONG;
	if (e != NULL && !auth_is_away(e)) {
		y->broken = e;
		return AUTH_BROKEN;
	}
	first = auth_totp_first(t, y->a, k);
	if (e == NULL)
		admin_changed(t, &ad);
	else if (first)
		log_warn(t,
		    "code not written down, the share is away: only "
		    "this node knows that it was used",
		    LOG_STR("login", k->who), LOG_ERR(e));
	return first ? AUTH_TOTP_RIGHT : AUTH_TOTP_WRONG;
}

/* The password was right. */
static may_yield enum auth_verdict
auth_totp(struct task *t, struct auth_try *y, const struct auth_console *c,
    enum auth_verdict v)
{
	struct auth_code k = { .who = c->who };
	uint64_t last;
	struct err *e = state_totp_find(task_arena(t), y->a->w->state, c->who,
	    &k.secret, &last);

	if (e != NULL && !err_is(e, ERR_NOTFOUND)) {
		y->broken = e;
		return AUTH_BROKEN;
	}
	if (e != NULL || k.secret.n == 0)
		return v;
	if (c->totp.p == NULL)
		return AUTH_TOTP_WANTED;
	if (auth_totp_is_guessed(y->a, c))
		return AUTH_REFUSED;
	if (!totp_is(k.secret, c->totp, task_wall_s(t), last, &k.step))
		return AUTH_TOTP_WRONG;
	return auth_totp_use(t, y, &k);
}

/* --- signing in --- */

static may_yield enum auth_verdict
auth_console_run(struct task *t, struct auth_try *y, struct auth_console *c)
{
	enum auth_verdict v;
	struct state_admin ad;

	c->admin = str_chr(c->login, '@') < 0;
	y->broken = c->admin
			? auth_find_admin(t, y->a, c->login, &y->found, &ad)
			: auth_find_account(t, y->a, c->login, &y->found);
	if (y->broken != NULL)
		return AUTH_BROKEN;
	v = auth_try_found(t, y);
	if (v != AUTH_RIGHT && v != AUTH_CACHED)
		return v;
	c->who = c->admin ? ad.login : y->found.login.account.address;
	if (!c->again)
		v = auth_totp(t, y, c, v);
	if (v == AUTH_TOTP_WRONG)
		auth_totp_failed(y->a, c);
	return v;
}

struct err *
auth_console(struct task *t, struct auth *a, struct auth_console *c)
{
	struct auth_login l = { .login = c->login,
		.password = c->password,
		.protocol = "console",
		.peer = c->peer };
	struct auth_try y = { .a = a, .l = &l, .began_ms = task_now_ms(t) };
	enum auth_verdict v = auth_console_run(t, &y, c);

	c->step = v == AUTH_TOTP_WANTED	 ? AUTH_CONSOLE_TOTP_WANTED
		  : v == AUTH_TOTP_WRONG ? AUTH_CONSOLE_TOTP_WRONG
		  : v == AUTH_RIGHT || v == AUTH_CACHED || v == AUTH_TOTP_RIGHT
		      ? AUTH_CONSOLE_DONE
		      : AUTH_CONSOLE_PASSWORD;
	return auth_try_end(t, &y, v);
}

/* --- tokens --- */

struct err *
auth_token_failed(struct task *t, struct auth *a, struct str text,
    const struct net_addr *peer)
{
	uint64_t began = task_now_ms(t), at;
	unsigned char mac[AUTH_MAC_BYTES];
	struct auth_scores s;
	bool again, refused;

	auth_scores_of(a, STR("token"), peer, &s);
	stat_add(a->w->counts, STAT_LOGINS_FAILED, 1);
	crypto_hmac_sha256(a->key, sizeof(a->key), text.p, text.n, mac);
	again = auth_cache_has(a->wrong, mac, began);
	auth_cache_put(a->wrong, mac, began);
	refused = auth_scores_network_refuse(a, &s);
	at = began + auth_scores_network_failed(a, &s, !again);
	if (a->busy < AUTH_BUSY_MAX && at > began) {
		a->busy++;
		task_sleep_ms(t, at - began);
		a->busy--;
	}
	return refused ? err_new(task_arena(t), ERR_LIMIT,
			     "too many wrong tokens", NULL)
		       : err_new(task_arena(t), ERR_DENIED,
			     "the token is none of ours, or over", NULL);
}
