/* auth_hash.c - how many password hashes are made at once */
#include "server/auth/auth_private.h"

#define AUTH_TOOK_MS 30 /* before one was measured */

struct auth_wait {
	struct auth_wait *next;
	struct task *task;
	uint64_t net;
	bool done;
};

void
auth_hashes_init(struct auth_hashes *h)
{
	*h = (struct auth_hashes){ .took_ms = AUTH_TOOK_MS };
	h->wait_last = &h->wait_first;
}

static bool
auth_turn_is_free(const struct auth_hashes *h, uint64_t net)
{
	unsigned same = 0;

	if (h->waiting >= AUTH_WAITING_MAX ||
	    h->waiting * h->took_ms / AUTH_HASHES > AUTH_WAIT_MS)
		return false;
	if (net == 0)
		return true;
	for (const struct auth_wait *w = h->wait_first; w != NULL; w = w->next)
		same += w->net == net;
	return same < AUTH_WAITING_PER_NET;
}

bool
auth_turn_wait(struct task *t, struct auth_hashes *h, uint64_t net)
{
	struct auth_wait w = { .task = t, .net = net };

	if (h->running < AUTH_HASHES) {
		h->running++;
		return true;
	}
	if (!auth_turn_is_free(h, net))
		return false;
	*h->wait_last = &w;
	h->wait_last = &w.next;
	h->waiting++;
	/* whoever ends hands the turn over: running stays as it is */
	task_wait(t, &w.done);
	return true;
}

void
auth_turn_end(struct auth_hashes *h, uint64_t took_ms)
{
	struct auth_wait *w = h->wait_first;

	h->took_ms = (7 * h->took_ms + took_ms + 7) / 8;
	if (w == NULL) {
		h->running--;
		return;
	}
	h->wait_first = w->next;
	if (h->wait_first == NULL)
		h->wait_last = &h->wait_first;
	h->waiting--;
	w->done = true;
	task_wake(w->task);
}
