/* auth_noted.c - when an account was used last */
#include <stdlib.h>

#include "base/log.h"
#include "server/auth/auth_private.h"
#include "server/net/addr.h"
#include "storage/lastlogin.h"

/*
 * Noted in the background by the worker that let somebody in, at most once an
 * hour for each account: clients log in all day.  A slot belongs to whoever was
 * noted there last, so two accounts in one slot cost a note more, and nothing
 * grows.
 */
#define AUTH_NOTED_SLOTS 8192
#define AUTH_NOTED_MS 3600000
#define AUTH_NOTED_AGAIN_MS 60000 /* after one that failed */
#define AUTH_NOTING_MAX 32	  /* at once; more are not noted this time */
#define AUTH_NOTING_MS 10000

struct auth_noted {
	struct auth_noted_slot {
		uint64_t account;  /* hash; 0: nobody */
		uint64_t until_ms; /* not again before */
	} slots[AUTH_NOTED_SLOTS];
	unsigned noting;
};

struct auth_note {
	struct auth *a;
	struct auth_noted_slot *slot;
	uint64_t account;
	int64_t at;
	char id[STATE_ID_CHARS + 1];
	char protocol[LASTLOGIN_WORD_MAX + 1];
	char ip[NET_TEXT_MAX];
};

static may_yield void
auth_note_run(struct task *t, void *arg)
{
	struct auth_note *n = arg;
	struct lastlogin l = { n->at, str_c(n->protocol), str_c(n->ip) };
	struct err *e;

	task_set_deadline(t, task_now_ms(t) + AUTH_NOTING_MS);
	e = lastlogin_write(t, n->a->w->mail, str_c(n->id), &l);
	/* nobody waits for it; when the share is away others say so */
	if (e != NULL)
		log_debug(t, "auth", "login not noted", LOG_C("account", n->id),
		    LOG_ERR(e));
	if (e != NULL && n->slot->account == n->account)
		n->slot->until_ms = task_now_ms(t) + AUTH_NOTED_AGAIN_MS;
	n->a->noted->noting--;
	free(n);
}

static struct auth_noted_slot *
auth_noted_slot(struct auth *a, uint64_t account)
{
	if (a->noted == NULL)
		a->noted = xcalloc(1, sizeof(*a->noted));
	return &a->noted->slots[account % AUTH_NOTED_SLOTS];
}

void
auth_note(struct auth *a, struct str id, const char *protocol,
    const struct net_addr *peer)
{
	uint64_t now = sched_now_ms(a->w->sched), account = str_hash(id) | 1;
	struct auth_noted_slot *slot = auth_noted_slot(a, account);
	struct auth_note *n;

	if (slot->account == account && now < slot->until_ms)
		return;
	if (a->w->mail == NULL || id.n > STATE_ID_CHARS ||
	    a->noted->noting >= AUTH_NOTING_MAX)
		return;
	*slot = (struct auth_noted_slot){ account, now + AUTH_NOTED_MS };
	n = xcalloc(1, sizeof(*n));
	n->a = a;
	n->slot = slot;
	n->account = account;
	n->at = sched_wall_s(a->w->sched);
	memcpy(n->id, id.p, id.n);
	snprintf(n->protocol, sizeof(n->protocol), "%s", protocol);
	if (peer != NULL)
		(void)net_addr_text(peer, n->ip);
	a->noted->noting++;
	task_start(a->w->sched, "note login", auth_note_run, n);
}

void
auth_noted_free(struct auth *a)
{
	free(a->noted);
	a->noted = NULL;
}
