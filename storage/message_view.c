/* message_view.c - looking at an account's messages; never yields */
#include "storage/account_private.h"

const struct message *
message_nth(const struct account *acc, uint32_t folder, uint32_t idx)
{
	const struct folder_state *f =
	    account_state_folder(&acc->state, folder);

	return f == NULL || idx >= f->rows.n ? NULL : &f->rows.r[idx];
}

const struct message *
message_by_uid(const struct account *acc, uint32_t folder, uint32_t uid,
    uint32_t *idx_r)
{
	const struct folder_state *f =
	    account_state_folder(&acc->state, folder);
	uint32_t at = f == NULL ? 0 : rows_lower(&f->rows, uid);

	if (idx_r != NULL)
		*idx_r = at;
	if (f == NULL || at == f->rows.n || f->rows.r[at].uid != uid)
		return NULL;
	return &f->rows.r[at];
}

uint32_t *
message_uids(const struct account *acc, uint32_t folder, struct arena *a,
    uint32_t *n_r)
{
	const struct folder_state *f =
	    account_state_folder(&acc->state, folder);
	uint32_t *uids;

	*n_r = f == NULL ? 0 : f->rows.n;
	uids = arena_array(a, *n_r + 1UL, sizeof(*uids));
	for (uint32_t i = 0; i < *n_r; i++)
		uids[i] = f->rows.r[i].uid;
	return uids;
}

void
message_changes_since(const struct account *acc, uint32_t folder,
    uint64_t since, struct uidset *changed_r, struct uidset *expunged_r,
    bool *complete_r)
{
	const struct account_state *s = &acc->state;
	const struct folder_state *f = account_state_folder(s, folder);

	*complete_r = since >= s->forgotten;
	if (f == NULL || f->pub.highestmodseq <= since)
		return;
	for (uint32_t i = 0; i < f->rows.n; i++)
		if (f->rows.r[i].modseq > since)
			uidset_add(changed_r, f->rows.r[i].uid);
	for (unsigned i = s->tomb_count; i-- > 0 && s->tombs[i].modseq > since;)
		if (s->tombs[i].folder == folder)
			uidset_add(expunged_r, s->tombs[i].uid);
	uidset_sort(expunged_r);
}

struct str
message_keyword(const struct account *acc, unsigned bit)
{
	return bit < MESSAGE_KEYWORDS ? str_c(acc->state.keywords[bit])
				      : STR_NONE;
}

int
message_keyword_bit(const struct account *acc, struct str name)
{
	return account_state_keyword_bit(&acc->state, name);
}

unsigned
message_tombstones(const struct account *acc, uint32_t folder, struct arena *a,
    const struct tombstone ***list_r)
{
	const struct account_state *s = &acc->state;
	unsigned n = 0;

	*list_r = arena_array(a, s->tomb_count + 1UL, sizeof(**list_r));
	for (unsigned i = 0; i < s->tomb_count; i++)
		if (s->tombs[i].name.month != 0 &&
		    (folder == 0 || s->tombs[i].folder == folder))
			(*list_r)[n++] = &s->tombs[i];
	return n;
}
