/* account_totals.c - what operations would add up to, without doing them */
#include "storage/account_state.h"

/*
 * A dry run.  It knows of the entry's own operations only what one entry
 * combines: folders that it creates itself; rows it adds are not changed again
 * by it.  A folder's overlay begins as a copy of its present counts.
 */
struct totals_folder {
	uint32_t id, uidnext;
	bool there;
	struct totals_folder *next;
};

struct totals_run {
	const struct account_state *s;
	struct account_totals *tt;
	struct totals_folder first[8]; /* enough for all we compose */
	unsigned n;
	uint64_t count, bytes; /* of the rows an operation names */
};

static struct totals_folder *
totals_folder(struct totals_run *run, uint32_t id)
{
	const struct folder_state *f;
	struct totals_folder *tf;

	for (unsigned i = 0; i < run->n; i++)
		if (run->first[i].id == id)
			return &run->first[i];
	f = account_state_folder(run->s, id);
	if (run->n == countof(run->first))
		run->n--; /* only what is shown matters: the last is given up */
	tf = &run->first[run->n++];
	*tf = (struct totals_folder){ .id = id };
	if (f != NULL) {
		tf->uidnext = f->pub.uidnext;
		tf->there = true;
	}
	return tf;
}

static void
totals_rows(struct totals_run *run, const struct account_op *op)
{
	const struct folder_state *f = account_state_folder(run->s, op->folder);

	run->count = run->bytes = 0;
	if (f == NULL)
		return;
	for (uint32_t i = 0; i < op->uids.n; i++) {
		const struct uid_range *r = &op->uids.r[i];
		uint32_t at = rows_lower(&f->rows, r->lo);

		for (; at < f->rows.n && f->rows.r[at].uid <= r->hi; at++) {
			run->count++;
			run->bytes += f->rows.r[at].bytes;
		}
	}
}

static void
totals_add(struct totals_run *run, const struct account_op *op)
{
	struct totals_folder *tf = totals_folder(run, op->folder);

	if (!tf->there || tf->uidnext == UINT32_MAX ||
	    account_state_knows(run->s, &op->name))
		return;
	tf->uidnext++;
	run->tt->bytes += op->bytes;
	run->tt->messages++;
}

static void
totals_remove(struct totals_run *run, const struct account_op *op)
{
	const struct folder_state *f = account_state_folder(run->s, op->folder);

	if (op->letter == 'x')
		totals_rows(run, op);
	else if (f != NULL) {
		run->count = f->pub.messages;
		run->bytes = f->pub.bytes;
		totals_folder(run, op->folder)->there = false;
	} else
		return;
	run->tt->bytes -= run->bytes;
	run->tt->messages -= run->count;
	totals_folder(run, op->folder);
}

static void
totals_move(struct totals_run *run, const struct account_op *op)
{
	struct totals_folder *to = totals_folder(run, op->folder2);

	totals_rows(run, op);
	if (to->there && run->count <= UINT32_MAX - to->uidnext)
		to->uidnext += (uint32_t)run->count;
	totals_folder(run, op->folder);
}

static void
totals_create(struct totals_run *run, const struct account_op *op)
{
	struct totals_folder *tf = totals_folder(run, op->folder);

	if (tf->there || account_state_named(run->s, op->text) != NULL)
		return;
	tf->there = true;
	tf->uidnext = 1;
	if (op->folder == ACCOUNT_INBOX)
		run->tt->inbox_uidvalidity = op->uidvalidity;
}

static void
totals_op(struct totals_run *run, const struct account_op *op)
{
	switch (op->letter) {
	case 'K':
	case 'O':
	case 'P':
		if (run->tt->state != 'p')
			run->tt->state = op->letter == 'K'   ? 'k'
					 : op->letter == 'P' ? 'p'
							     : 'o';
		return;
	case 'w':
		if (op->folder == ACCOUNT_INBOX)
			run->tt->inbox_uidvalidity = op->uidvalidity;
		return;
	default:
		break;
	}
	if (run->tt->state != 'o')
		return;
	switch (op->letter) {
	case 'a':
	case 'h':
		totals_add(run, op);
		break;
	case 'x':
	case 'd':
		totals_remove(run, op);
		break;
	case 'm':
		totals_move(run, op);
		break;
	case 'c':
		totals_create(run, op);
		break;
	case 'f':
	case 's':
	case 'r':
		totals_folder(run, op->folder);
		break;
	default:
		break;
	}
}

void
account_state_totals(const struct account_state *s,
    const struct account_op *ops, unsigned n, struct account_totals *tt_r)
{
	struct totals_run run = { .s = s, .tt = tt_r };
	const struct folder_state *inbox =
	    account_state_folder(s, ACCOUNT_INBOX);

	*tt_r = (struct account_totals){
		.bytes = s->bytes,
		.messages = s->messages,
		.state = s->state,
	};
	if (inbox != NULL)
		tt_r->inbox_uidvalidity = inbox->pub.uidvalidity;
	totals_folder(&run, ACCOUNT_INBOX);
	for (unsigned i = 0; i < n; i++)
		totals_op(&run, &ops[i]);
	tt_r->inbox_uidnext = run.first[0].uidnext;
	for (unsigned i = 1; i < run.n; i++) {
		if (!run.first[i].there ||
		    tt_r->folder_count == ACCOUNT_TOTALS_FOLDERS)
			continue;
		tt_r->folders[tt_r->folder_count].folder = run.first[i].id;
		tt_r->folders[tt_r->folder_count++].uidnext =
		    run.first[i].uidnext;
	}
}
