/* auth.c - who is it: one login from the beginning to the log line */
#include "server/auth/auth.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "server/auth/auth_private.h"
#include "server/net/counts.h"

#define AUTH_NO "the login name or the password is wrong"
#define AUTH_LATER "logins cannot be checked now, try again later"

static const struct {
	const char *reason;
	enum err_code code;
	const char *text;
} auth_verdicts[] = {
	[AUTH_RIGHT] = { "password", ERR_NONE, NULL },
	[AUTH_CACHED] = { "cached", ERR_NONE, NULL },
	[AUTH_PROVED] = { "scram", ERR_NONE, NULL },
	[AUTH_WRONG] = { "wrong password", ERR_DENIED, AUTH_NO },
	[AUTH_UNKNOWN] = { "no such user", ERR_DENIED, AUTH_NO },
	[AUTH_SUSPENDED] = { "suspended", ERR_DENIED, AUTH_NO },
	[AUTH_UNBOUND] = { "channel binding differs", ERR_DENIED, AUTH_NO },
	[AUTH_DOWNGRADED] = { "channel binding was taken out", ERR_DENIED,
	    AUTH_NO },
	[AUTH_TOTP_RIGHT] = { "second factor", ERR_NONE, NULL },
	[AUTH_TOTP_WANTED] = { "second factor wanted", ERR_DENIED,
	    "the code of the second factor is wanted, too" },
	[AUTH_TOTP_WRONG] = { "second factor wrong", ERR_DENIED,
	    "the code is wrong, or was used already" },
	[AUTH_REFUSED] = { "too many failures", ERR_LIMIT, AUTH_NO },
	[AUTH_CROWDED] = { "too many at once", ERR_UNAVAIL, AUTH_LATER },
	[AUTH_BROKEN] = { "broken", ERR_UNAVAIL, AUTH_LATER },
};

struct auth *
auth_new(struct worker *w)
{
	struct auth *a = xcalloc(1, sizeof(*a));

	a->w = w;
	rnd_system.fill(rnd_system.arg, a->key, sizeof(a->key));
	a->right = auth_cache_new(AUTH_CACHE_MAX, AUTH_CACHE_S);
	a->wrong = auth_cache_new(AUTH_REPEAT_MAX, AUTH_REPEAT_S);
	auth_hashes_init(&a->hashes);
	return a;
}

void
auth_free(struct auth **ap)
{
	struct auth *a = *ap;

	if (a == NULL)
		return;
	auth_cache_free(&a->right);
	auth_cache_free(&a->wrong);
	auth_noted_free(a);
	crypto_wipe(a->key, sizeof(a->key));
	free(a);
	*ap = NULL;
}

/* --- MACs --- */

static void
auth_mac_add(struct buf *b, struct str s)
{
	buf_le32(b, (uint32_t)s.n);
	buf_str_add(b, s);
}

/* Of the password with credentials from..to of the account. */
static void
auth_mac(const struct auth_try *y, unsigned from, unsigned to,
    unsigned char mac_r[AUTH_MAC_BYTES])
{
	const struct state_login *login = &y->found.login;
	struct buf b;

	buf_init(&b, NULL, 1UL << 20);
	auth_mac_add(&b, y->found.who);
	auth_mac_add(&b, y->l->password);
	for (unsigned i = from; i < to; i++)
		auth_mac_add(&b, login->credentials[i].password.hash);
	crypto_hmac_sha256(y->a->key, sizeof(y->a->key), b.p, b.n, mac_r);
	crypto_wipe(b.p, b.n);
	buf_free(&b);
}

static bool
auth_try_cache(struct auth_try *y)
{
	const struct state_login *login = &y->found.login;
	uint64_t now = sched_now_ms(y->a->w->sched);
	unsigned char mac[AUTH_MAC_BYTES];

	for (unsigned i = 0; i < login->n; i++) {
		auth_mac(y, i, i + 1, mac);
		if (!auth_cache_has(y->a->right, mac, now))
			continue;
		y->which = i;
		return true;
	}
	return false;
}

/* --- the password --- */

struct auth_pick {
	struct str prepared;
	const struct password_salt *salt;
	unsigned char stored_key[32], server_key[32];
};

static void
blocking_auth_pick(void *arg)
{
	struct auth_pick *p = arg;

	blocking_password_scram(p->prepared, p->salt, p->stored_key,
	    p->server_key);
}

/*
 * Which of several credentials to try: all have SCRAM keys of one salt, so one
 * derivation tells, and one hash is enough however many there are.  None fits:
 * the first, which is the account's own if it has one.
 */
static may_yield unsigned
auth_pick(struct task *t, struct auth_try *y)
{
	const struct state_login *login = &y->found.login;
	struct auth_pick *p;
	unsigned which = 0;
	struct str prepared;

	if (login->n == 1 ||
	    password_prepare(task_arena(t), y->l->password, &prepared) != NULL)
		return 0;
	p = xcalloc(1, sizeof(*p));
	p->prepared = prepared;
	p->salt = &login->salt;
	if (y->a->w->offload == NULL)
		blocking_auth_pick(p);
	else
		offload_run(t, y->a->w->offload, blocking_auth_pick, p);
	for (unsigned i = 0; i < login->n; i++)
		if (login->credentials[i].password.has_scram &&
		    crypto_equal(p->stored_key,
			login->credentials[i].password.stored_key, 32))
			which = i;
	crypto_wipe(p, sizeof(*p));
	free(p);
	return which;
}

static may_yield void
auth_hash_make(struct task *t, struct auth_try *y, struct auth_hash *h)
{
	const struct state_credential *c;
	uint64_t began;
	struct err *e;

	if (!auth_turn_wait(t, &y->a->hashes,
		y->scores.network ? y->scores.narrow : 0)) {
		h->error = ERR_LIMIT;
		return;
	}
	/* others may have failed while this one waited */
	if (auth_scores_refuse(y->a, &y->scores)) {
		h->error = ERR_DENIED;
		auth_turn_end(&y->a->hashes, y->a->hashes.took_ms);
		return;
	}
	began = task_now_ms(t);
	h->which = auth_pick(t, y);
	c = &y->found.login.credentials[h->which];
	e = password_verify(t, y->a->w->offload, y->l->password, &c->password,
	    &h->ok);
	auth_turn_end(&y->a->hashes, task_now_ms(t) - began);
	y->broken = e;
	h->error = err_code(e);
}

static struct auth_hash *
auth_hash_find(struct auth *a, const unsigned char mac[AUTH_MAC_BYTES])
{
	for (struct auth_hash *h = a->hashes.first; h != NULL; h = h->next)
		if (crypto_equal(h->mac, mac, sizeof(h->mac)))
			return h;
	return NULL;
}

static void
auth_hash_unlink(struct auth *a, struct auth_hash *h)
{
	struct auth_hash **at = &a->hashes.first;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
}

static void
auth_hash_put(struct auth_hash *h)
{
	if (--h->refs > 0)
		return;
	crypto_wipe(h, sizeof(*h));
	free(h);
}

/* The result, made here or by an equal login that was there before. */
static may_yield struct auth_hash *
auth_hash_get(struct task *t, struct auth_try *y)
{
	struct auth_hash *h = auth_hash_find(y->a, y->mac);

	if (h != NULL) {
		h->refs++;
		while (!h->done)
			task_cond_wait(t, &h->cond, UINT64_MAX);
		return h;
	}
	h = xcalloc(1, sizeof(*h));
	h->refs = 1;
	memcpy(h->mac, y->mac, sizeof(h->mac));
	task_cond_init(&h->cond);
	h->next = y->a->hashes.first;
	y->a->hashes.first = h;
	auth_hash_make(t, y, h);
	auth_hash_unlink(y->a, h);
	h->done = true;
	task_cond_broadcast(&h->cond);
	return h;
}

/* --- one attempt --- */

static enum auth_verdict
auth_hash_verdict(struct auth_try *y, const struct auth_hash *h)
{
	if (h->error == ERR_LIMIT)
		return AUTH_CROWDED;
	if (h->error == ERR_DENIED)
		return AUTH_REFUSED;
	if (h->error != ERR_NONE)
		return AUTH_BROKEN;
	if (!y->found.found)
		return AUTH_UNKNOWN;
	y->which = h->which;
	return h->ok ? AUTH_RIGHT : AUTH_WRONG;
}

static may_yield enum auth_verdict
auth_try_password(struct task *t, struct auth_try *y)
{
	unsigned char mac[AUTH_MAC_BYTES];
	enum auth_verdict v;
	struct auth_hash *h;

	if (y->a->busy >= AUTH_BUSY_MAX)
		return AUTH_CROWDED;
	y->a->busy++;
	auth_mac(y, 0, y->found.login.n, y->mac);
	h = auth_hash_get(t, y);
	v = auth_hash_verdict(y, h);
	auth_hash_put(h);
	y->a->busy--;
	if (v == AUTH_RIGHT) {
		auth_mac(y, y->which, y->which + 1, mac);
		auth_cache_put(y->a->right, mac, task_now_ms(t));
	}
	return v;
}

enum auth_verdict
auth_try_found(struct task *t, struct auth_try *y)
{
	enum auth_verdict v;

	auth_scores_of(y->a, y->found.who, y->l->peer, &y->scores);
	if (auth_scores_refuse(y->a, &y->scores))
		return AUTH_REFUSED;
	/* a suspended account costs what a wrong password does */
	if (!y->found.suspended && auth_try_cache(y))
		return AUTH_CACHED;
	v = auth_try_password(t, y);
	return y->found.suspended && v == AUTH_RIGHT ? AUTH_SUSPENDED : v;
}

static may_yield enum auth_verdict
auth_try_run(struct task *t, struct auth_try *y)
{
	y->broken = auth_find(t, y->a, y->l->login, &y->found);
	return y->broken != NULL ? AUTH_BROKEN : auth_try_found(t, y);
}

/* --- what follows --- */

/* The answer comes as long after the beginning as the score says, whatever was
 * done meanwhile.  Beyond AUTH_BUSY_MAX nobody is kept waiting. */
static may_yield void
auth_try_delay(struct task *t, struct auth_try *y, bool score)
{
	uint64_t at;

	at = y->began_ms + auth_scores_failed(y->a, &y->scores, score);
	if (y->a->busy >= AUTH_BUSY_MAX || at <= task_now_ms(t))
		return;
	y->a->busy++;
	task_sleep_ms(t, at - task_now_ms(t));
	y->a->busy--;
}

static may_yield void
auth_try_failed(struct task *t, struct auth_try *y, enum auth_verdict v)
{
	uint64_t now = task_now_ms(t);
	bool again;

	if (v == AUTH_TOTP_WANTED)
		return;
	stat_add(y->a->w->counts, STAT_LOGINS_FAILED, 1);
	if (v == AUTH_CROWDED || v == AUTH_BROKEN || v == AUTH_DOWNGRADED)
		return;
	if (v == AUTH_REFUSED || v == AUTH_TOTP_WRONG) {
		auth_try_delay(t, y, v == AUTH_TOTP_WRONG);
		return;
	}
	again = auth_cache_has(y->a->wrong, y->mac, now);
	auth_cache_put(y->a->wrong, y->mac, now);
	auth_try_delay(t, y, !again);
}

static void
auth_try_succeeded(struct auth_try *y, enum auth_verdict v)
{
	const struct state_credential *c =
	    &y->found.login.credentials[y->which];

	stat_add(y->a->w->counts, STAT_LOGINS, 1);
	if (v == AUTH_CACHED)
		stat_add(y->a->w->counts, STAT_LOGINS_CACHED, 1);
	auth_scores_succeeded(y->a, &y->scores);
	y->l->account = y->found.login.account;
	y->l->app_id = c->app_id;
	if (!y->found.admin)
		auth_note(y->a, y->l->account.id, y->l->protocol, y->l->peer);
	if (v != AUTH_PROVED && c->app_id.n == 0 && !y->found.admin &&
	    password_needs_upgrade(&c->password))
		auth_upgrade_start(y->a, &y->found.login, &c->password,
		    y->l->password);
}

static void
auth_try_log(struct task *t, const struct auth_try *y, enum auth_verdict v)
{
	char peer[NET_TEXT_MAX];
	struct str login = str_sub(y->l->login, 0, AUTH_NAME_MAX);
	const char *from = net_addr_text(y->l->peer, peer);

	if (auth_verdicts[v].code == ERR_NONE)
		log_info(t, "login", LOG_C("protocol", y->l->protocol),
		    LOG_C("peer", from), LOG_STR("login", login),
		    LOG_STR("address", y->l->account.address),
		    LOG_STR("app", y->l->app_id),
		    LOG_C("by", auth_verdicts[v].reason));
	else if (v == AUTH_BROKEN)
		log_error(t, "login failed", LOG_C("protocol", y->l->protocol),
		    LOG_C("peer", from), LOG_STR("login", login),
		    LOG_ERR(y->broken));
	else
		log_info(t, "login refused", LOG_C("protocol", y->l->protocol),
		    LOG_C("peer", from), LOG_STR("login", login),
		    LOG_C("reason", auth_verdicts[v].reason));
}

struct err *
auth_login(struct task *t, struct auth *a, struct auth_login *l)
{
	struct auth_try y = { .a = a, .l = l, .began_ms = task_now_ms(t) };

	return auth_try_end(t, &y, auth_try_run(t, &y));
}

struct err *
auth_try_end(struct task *t, struct auth_try *y, enum auth_verdict v)
{
	y->l->app_id = STR_NONE;
	if (auth_verdicts[v].code == ERR_NONE)
		auth_try_succeeded(y, v);
	auth_try_log(t, y, v);
	if (auth_verdicts[v].code == ERR_NONE)
		return NULL;
	auth_try_failed(t, y, v);
	return err_new(task_arena(t), auth_verdicts[v].code,
	    auth_verdicts[v].text, "%s", auth_verdicts[v].reason);
}
