/* message_expire.c - what has been in a folder long enough */
#include "storage/account_private.h"

/* The highest UID of a row that no entry above upto touched; 0: none. Whatever
 * has a lower one came before it. */
static uint32_t
message_expire_uid(const struct account *acc, uint32_t folder, uint64_t upto)
{
	const struct folder *f = folder_by_id(acc, folder);

	for (uint32_t i = f != NULL ? f->messages : 0; i-- > 0;) {
		const struct message *m = message_nth(acc, folder, i);
		if (m->modseq <= upto)
			return m->uid;
	}
	return 0;
}

struct err *
message_expire(struct task *t, struct account *acc, uint32_t folder,
    uint64_t age_s, uint32_t *n_r, bool *left_r)
{
	const struct folder *f = folder_by_id(acc, folder);
	struct uidset uids, gone;
	uint64_t upto;
	uint32_t uid;
	struct err *e = NULL;
	bool sane = false;

	*n_r = 0;
	*left_r = f != NULL && f->messages > 0;
	if (!*left_r)
		return NULL;
	/* So that the days of what comes now are known later. */
	e = account_mark(t, acc);
	upto = account_entry_older(acc, age_s, task_wall_s(t));
	uid = e == NULL ? message_expire_uid(acc, folder, upto) : 0;
	if (uid == 0)
		return e;
	e = account_clock_is_sane(t, acc, &sane);
	if (e != NULL || !sane)
		return e;
	uidset_init(&uids, task_arena(t));
	uidset_add_range(&uids, 1, uid);
	e = message_expunge(t, acc, folder, &uids, false, &gone);
	if (e != NULL)
		return e;
	*n_r = (uint32_t)uidset_count(&gone);
	f = folder_by_id(acc, folder);
	*left_r = f != NULL && f->messages > 0;
	return NULL;
}
