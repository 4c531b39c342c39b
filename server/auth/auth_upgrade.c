/* auth_upgrade.c - imported hashes become ours at the first login */
#include <stdlib.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "server/auth/auth_private.h"
#include "server/cluster/hints.h"

#define AUTH_UPGRADES_MAX 8
#define AUTH_UPGRADE_BY "login"
#define AUTH_UPGRADE_MS 60000

/*
 * Only worker 0 changes the state.  The others make the hash, for which the
 * clear text is needed, and tell worker 0 the rest, over a socket pair:
 *
 *	address NUL old NUL new NUL salt NUL iterations
 *
 * old, new: password_encode; salt in hex.
 */
struct auth_upgrade {
	struct auth_upgrade *next;
	struct auth *a;
	struct arena *arena;
	struct str address;
	struct password_salt salt;
	struct password old, new;
	char clear[PASSWORD_MAX];
	uint32_t clear_n; /* 0: new is made already */
};

static void
auth_upgrade_free(struct auth_upgrade *u)
{
	struct auth_upgrade **at = &u->a->upgrades;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	u->a->upgrades_n--;
	arena_free(&u->arena);
	crypto_wipe(u, sizeof(*u));
	free(u);
}

/* NULL: one of this account is under way, or too many are. */
static struct auth_upgrade *
auth_upgrade_new(struct auth *a, struct str address)
{
	struct auth_upgrade *u;

	if (a->upgrades_n >= AUTH_UPGRADES_MAX)
		return NULL;
	for (u = a->upgrades; u != NULL; u = u->next)
		if (str_eq(u->address, address))
			return NULL;
	u = xcalloc(1, sizeof(*u));
	u->a = a;
	u->arena = arena_new(0);
	u->address = arena_str(u->arena, address);
	u->next = a->upgrades;
	a->upgrades = u;
	a->upgrades_n++;
	return u;
}

static may_yield must_check struct err *
auth_upgrade_make(struct task *t, struct auth_upgrade *u)
{
	struct auth *a = u->a;
	uint64_t began;
	struct err *e;

	if (!auth_turn_wait(t, &a->hashes, 0))
		return err_new(task_arena(t), ERR_LIMIT,
		    "too many logins at once", NULL);
	began = task_now_ms(t);
	e = password_make(t, a->w->offload, str_of(u->clear, u->clear_n),
	    (unsigned)worker_setting(a->w, STATE_PASSWORD_COST), &u->salt,
	    &u->new);
	auth_turn_end(&a->hashes, task_now_ms(t) - began);
	crypto_wipe(u->clear, sizeof(u->clear));
	return e;
}

static void
auth_upgrade_tell(struct task *t, const struct auth_upgrade *u)
{
	struct arena *a = task_arena(t);
	struct buf b;

	buf_init(&b, a, HINTS_ORDER_BYTES);
	buf_str_add(&b, u->address);
	buf_char(&b, '\0');
	buf_str_add(&b, password_encode(a, &u->old));
	buf_char(&b, '\0');
	buf_str_add(&b, password_encode(a, &u->new));
	buf_char(&b, '\0');
	buf_hex(&b, u->salt.salt, sizeof(u->salt.salt));
	buf_char(&b, '\0');
	buf_u64(&b, u->salt.iterations);
	if (buf_ok(&b))
		hints_tell_first(u->a->w->hints, buf_str(&b));
}

static may_yield void
auth_upgrade_run(struct task *t, void *arg)
{
	struct auth_upgrade *u = arg;
	struct err *e = NULL;

	task_set_deadline(t, task_now_ms(t) + AUTH_UPGRADE_MS);
	if (u->clear_n > 0)
		e = auth_upgrade_make(t, u);
	if (e == NULL && u->a->w->index != 0)
		auth_upgrade_tell(t, u);
	else if (e == NULL)
		e = state_account_password(t, u->a->w->state, AUTH_UPGRADE_BY,
		    u->address, &u->new, &u->old);
	/* the next login that is not cached tries again */
	if (e != NULL)
		log_warn(t, "password hash not upgraded",
		    LOG_STR("address", u->address), LOG_ERR(e));
	else if (u->a->w->index == 0)
		log_info(t, "password hash upgraded",
		    LOG_STR("address", u->address));
	auth_upgrade_free(u);
}

static void
auth_password_copy(struct arena *a, const struct password *from,
    struct password *to)
{
	*to = *from;
	to->hash = arena_str(a, from->hash);
}

void
auth_upgrade_start(struct auth *a, const struct state_login *l,
    const struct password *old, struct str clear)
{
	struct auth_upgrade *u;

	if (clear.n == 0 || clear.n > sizeof(u->clear))
		return;
	u = auth_upgrade_new(a, l->account.address);
	if (u == NULL)
		return;
	u->salt = l->salt;
	auth_password_copy(u->arena, old, &u->old);
	memcpy(u->clear, clear.p, clear.n);
	u->clear_n = (uint32_t)clear.n;
	task_start(a->w->sched, "auth-upgrade", auth_upgrade_run, u);
}

static bool
auth_upgrade_parse(struct auth_upgrade *u, struct str text)
{
	struct str part[5], rest = text;
	unsigned n = 0;

	while (n < countof(part) && str_split(&rest, '\0', &part[n]))
		n++;
	if (n < countof(part) || rest.p != NULL ||
	    password_decode(u->arena, part[1], &u->old) != NULL ||
	    password_decode(u->arena, part[2], &u->new) != NULL ||
	    !str_unhex(part[3], u->salt.salt, sizeof(u->salt.salt)) ||
	    !str_u32(part[4], &u->salt.iterations))
		return false;
	u->new.salt = u->old.salt = u->salt;
	return u->new.hash.n > 0;
}

void
auth_upgrade_told(struct auth *a, struct str text)
{
	struct str rest = text, address;
	struct auth_upgrade *u;

	if (!str_split(&rest, '\0', &address))
		return;
	u = auth_upgrade_new(a, address);
	if (u == NULL)
		return;
	if (auth_upgrade_parse(u, text))
		task_start(a->w->sched, "auth-upgrade", auth_upgrade_run, u);
	else
		auth_upgrade_free(u);
}
