/* lock_entry.c - names of locks, and the text of their entries */
#include "locking/lock_private.h"

bool
lock_name_is_valid(struct str s)
{
	if (s.n == 0 || s.n > LOCK_NAME_MAX || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '.' || c == '_' ||
			c == '-'))
			return false;
	}
	return true;
}

void
lock_entry_format(struct buf *b, const struct lock_entry *e)
{
	record_op(b, 'K');
	record_text(b, e->release ? STR("r") : STR("a"));
	record_text(b, e->node);
	record_txid(b, &e->session);
	record_u64(b, e->wall_s < 0 ? 0 : (uint64_t)e->wall_s);
}

struct err *
lock_entry_read(struct arena *a, const struct slot_head *h,
    struct lock_entry *e_r)
{
	struct str ops = h->ops, kind;
	struct record_op op;
	uint64_t wall;

	if (h->bad != NULL)
		return err_new(a, h->bad->code, h->bad->text, NULL);
	if (!record_next(&ops, &op) || op.letter != 'K' ||
	    !record_get_str(&op, &kind) ||
	    !record_get_text(&op, a, &e_r->node) ||
	    !record_get_txid(&op, &e_r->session) ||
	    !record_get_u64(&op, &wall) ||
	    (!str_eq_c(kind, "a") && !str_eq_c(kind, "r")))
		return err_new(a, ERR_CORRUPT,
		    "the newest entry of a lock cannot be read", NULL);
	e_r->release = str_eq_c(kind, "r");
	e_r->wall_s = (int64_t)wall;
	return NULL;
}
