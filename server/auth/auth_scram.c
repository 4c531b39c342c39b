/* auth_scram.c - logins by SCRAM: the password never comes here */
#include "base/crypto.h"
#include "base/log.h"
#include "server/auth/auth_private.h"
#include "server/net/counts.h"

/* Looking up takes less, whoever it is. */
#define AUTH_SCRAM_FIRST_MS 5

static bool
auth_scram_has_keys(const struct auth_found *f)
{
	bool has = false;

	for (unsigned i = 0; i < f->login.n; i++)
		has |= f->login.credentials[i].password.has_scram;
	return has;
}

static void
auth_scram_salt(struct arena *a, struct auth *au, const struct auth_found *f,
    struct password_salt *salt_r)
{
	struct password none;

	if (f->found && auth_scram_has_keys(f))
		*salt_r = f->login.salt;
	else
		password_fake(a, state_key(au->w->state), f->who,
		    (uint32_t)worker_setting(au->w, STATE_PASSWORD_ITERATIONS),
		    PASSWORD_COST_MIN, salt_r, &none);
}

struct err *
auth_scram_begin(struct task *t, struct auth *a, struct auth_login *l,
    struct password_salt *salt_r)
{
	struct auth_try y = { .a = a, .l = l, .began_ms = task_now_ms(t) };

	y.broken = auth_find(t, a, l->login, &y.found);
	if (y.broken != NULL)
		return auth_try_end(t, &y, AUTH_BROKEN);
	if (a->busy >= AUTH_BUSY_MAX)
		return auth_try_end(t, &y, AUTH_CROWDED);
	auth_scram_salt(task_arena(t), a, &y.found, salt_r);
	a->busy++;
	if (y.began_ms + AUTH_SCRAM_FIRST_MS > task_now_ms(t))
		task_sleep_ms(t,
		    y.began_ms + AUTH_SCRAM_FIRST_MS - task_now_ms(t));
	a->busy--;
	return NULL;
}

/* All are tried, whichever fits. */
static bool
auth_scram_proved(struct auth_try *y, struct str auth_message,
    const unsigned char proof[32], unsigned char signature_r[32])
{
	unsigned char signature[CRYPTO_SHA256_BYTES];
	bool proved = false;

	for (unsigned i = 0; i < y->found.login.n; i++) {
		const struct password *p =
		    &y->found.login.credentials[i].password;

		if (!password_scram_check(p, auth_message, proof, signature) ||
		    !p->has_scram)
			continue;
		memcpy(signature_r, signature, sizeof(signature));
		y->which = i;
		proved = true;
	}
	return proved && y->found.found;
}

static enum auth_verdict
auth_scram_run(struct task *t, struct auth_try *y, struct str auth_message,
    const unsigned char proof[32], bool bound, unsigned char signature_r[32])
{
	/* what was found in the beginning may have changed since */
	y->broken = auth_find(t, y->a, y->l->login, &y->found);
	if (y->broken != NULL)
		return AUTH_BROKEN;
	if (y->a->busy >= AUTH_BUSY_MAX)
		return AUTH_CROWDED;
	auth_scores_of(y->a, y->found.who, y->l->peer, &y->scores);
	if (auth_scores_refuse(y->a, &y->scores))
		return AUTH_REFUSED;
	/* no two proofs are alike: each failure scores */
	crypto_hmac_sha256(y->a->key, sizeof(y->a->key), auth_message.p,
	    auth_message.n, y->mac);
	if (!auth_scram_proved(y, auth_message, proof, signature_r))
		return y->found.found ? AUTH_WRONG : AUTH_UNKNOWN;
	if (y->found.suspended)
		return AUTH_SUSPENDED;
	return bound ? AUTH_PROVED : AUTH_UNBOUND;
}

struct err *
auth_scram_end(struct task *t, struct auth *a, struct auth_login *l,
    struct str auth_message, const unsigned char proof[32], bool bound,
    unsigned char signature_r[32])
{
	struct auth_try y = { .a = a, .l = l, .began_ms = task_now_ms(t) };

	return auth_try_end(t, &y,
	    auth_scram_run(t, &y, auth_message, proof, bound, signature_r));
}

struct err *
auth_scram_downgraded(struct task *t, struct auth *a, struct auth_login *l)
{
	struct auth_try y = { .a = a, .l = l, .began_ms = task_now_ms(t) };

	return auth_try_end(t, &y, AUTH_DOWNGRADED);
}

/* Once for each account that is in the way. */
static void
auth_scram_say(struct auth *a, struct str address)
{
	uint64_t key = counts_key("auth.keys", address.p, (uint32_t)address.n);

	if (a->w->index == 0 && key != a->keyless)
		log_info(NULL, "SCRAM is not offered",
		    LOG_STR("account", address),
		    LOG_C("why", "its imported password has no SCRAM keys: "
				 "set it, or wait for its login by PLAIN"));
	a->keyless = key;
}

bool
auth_scram_is_ready(struct auth *a)
{
	uint64_t seq = state_seq(a->w->state);
	struct arena *arena;
	struct str without;
	struct err *e;

	if (a->keys_known && a->keys_seq == seq)
		return a->keys;
	arena = arena_new(0);
	e = state_login_without_keys(arena, a->w->state, &without);
	if (e != NULL)
		log_warn(NULL, "passwords' keys not counted", LOG_ERR(e));
	else if (without.p != NULL)
		auth_scram_say(a, without);
	a->keys = e == NULL && without.p == NULL;
	a->keys_known = true;
	a->keys_seq = seq;
	arena_free(&arena);
	return a->keys;
}
