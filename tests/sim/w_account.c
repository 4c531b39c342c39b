/* w_account.c - workload: mail comes, is copied, moved and removed everywhere
 */
#include "wa.h"
#include "simstore.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * A few accounts that all nodes use at once.  What is acknowledged goes into
 * the observer's book (wa_book.c), which is compared with what is there.
 */

static void
w_account_conf(struct sim_world *w, struct sim_conf *c)
{
	c->run_us = 20 * SIM_MINUTE + sim_below(w, 30 * SIM_MINUTE);
	/* Days pass in minutes: tombstones are forgotten, orphans age. */
	if (sim_below(w, 2) == 0)
		c->wall_speed = 2000;
}

static struct mailstore *
wa_mailstore(struct sim_node *n, struct store *st)
{
	struct mailstore_conf c = { .store = st,
		.accounts = 2,
		.keep_days = 2,
		.orphan_hours = 6,
		.ckpt_every = 4 + (uint32_t)(n->w->seed % 4) * 5 };

	return mailstore_new(&c);
}

static may_yield_unchecked void
w_account_setup(struct task *t, struct sim_node *n)
{
	struct wa_proc p = { 0 };
	struct err *e = NULL;

	wa_book_new(n->w);
	sim_store_setup(t, n, "accounts barrier");
	sim_store_init(n, &p.st);
	p.ms = wa_mailstore(n, &p.st);
	for (unsigned i = 0; e == NULL && i < WA_ACCOUNTS; i++) {
		struct account *acc;
		bool made;

		e = account_create(t, p.ms, str_c(wa_ids[i]), &made, &acc);
		if (e == NULL)
			account_close(&acc);
	}
	if (e != NULL)
		sim_fail(n->w, "setup: %s (%s)", e->text,
		    e->detail ? e->detail : "");
	mailstore_close(t, &p.ms);
	barrier_free(&p.st.barrier);
}

static struct wa_proc *
wa_proc(const struct sim_node *n)
{
	return n->app;
}

/* An account, opened for one thing; refreshed unless blind. */
static may_yield struct account *
wa_open(struct task *t, struct sim_node *n, unsigned a, bool blind)
{
	struct wa_proc *p = wa_proc(n);
	struct account *acc = NULL;
	struct err *e;

	e = blind ? account_open_blind(t, p->ms, str_c(wa_ids[a]), &acc)
		  : account_open(t, p->ms, str_c(wa_ids[a]), &acc);
	if (err_is(e, ERR_NOTFOUND) && !wa_book(n->w)->accounts[a].purging)
		sim_fail(n->w, "%s: account %s is not there", n->name,
		    wa_ids[a]);
	if (e != NULL)
		return NULL;
	if (!blind && account_refresh(t, acc) != NULL) {
		account_close(&acc);
		return NULL;
	}
	if (account_is_loaded(acc))
		wa_observe(n, a, acc);
	return acc;
}

/* The text of a message, given by its tag and size; a size too small gives the
 * smallest. */
static unsigned
wa_text(unsigned tag, unsigned bytes, char *text_r, size_t size)
{
	unsigned n = (unsigned)snprintf(text_r, size,
	    "From: a@example.org\r\nSubject: tag %u\r\n\r\n", tag);

	for (unsigned i = 0; n < bytes; i++)
		text_r[n++] = (char)(i % 64 == 62   ? '\r'
				     : i % 64 == 63 ? '\n'
						    : 'a' + i % 26);
	return n;
}

static unsigned
wa_any_size(struct sim_node *n)
{
	unsigned bytes = (unsigned)rnd_below(&n->rnd, 2000);

	return rnd_below(&n->rnd, 40) == 0 ? bytes + 300000 : bytes;
}

/* One message into one or both accounts. */
static may_yield void
wa_deliver(struct task *t, struct sim_node *n)
{
	struct message_target targets[WA_ACCOUNTS];
	unsigned index[WA_ACCOUNTS], count = 0;
	struct wa_book *b = wa_book(n->w);
	char *text = xcalloc(1, 310000);
	bool blind = rnd_below(&n->rnd, 3) == 0;
	unsigned tag = ++b->tags,
		 size = wa_text(tag, wa_any_size(n), text, 310000);
	struct err *e;

	memset(targets, 0, sizeof(targets));
	for (unsigned a = 0; a < WA_ACCOUNTS; a++) {
		struct account *acc;

		if (rnd_below(&n->rnd, 3) == 0)
			continue;
		acc = wa_open(t, n, a, blind);
		if (acc == NULL)
			continue;
		targets[count].acc = acc;
		if (!blind && rnd_below(&n->rnd, 3) == 0)
			targets[count].folder = STR("Archive");
		index[count++] = wa_mail_new(n->w, a, tag, size);
	}
	if (count > 0) {
		e = message_deliver(t, str_of(text, size), targets, count);
		for (unsigned i = 0; i < count; i++) {
			wa_delivered(n, index[i],
			    e != NULL ? e : targets[i].err_r,
			    &targets[i].place_r);
			account_close(&targets[i].acc);
		}
	}
	free(text);
}

static const char *const wa_folders[] = { "INBOX", "Archive", "Trash", "Work",
	"Work/2027", "Work/Old" };

static const char *
wa_any_folder_name(struct sim_node *n)
{
	return wa_folders[rnd_below(&n->rnd, countof(wa_folders))];
}

/* Some UIDs of a folder that has messages; 0: none has. */
static uint32_t
wa_any_uids(struct task *t, struct sim_node *n, const struct account *acc,
    struct uidset *set_r)
{
	unsigned count = folder_count(acc);
	unsigned from = (unsigned)rnd_below(&n->rnd, count);

	uidset_init(set_r, task_arena(t));
	for (unsigned i = 0; i < count; i++) {
		const struct folder *f = folder_nth(acc, (from + i) % count);
		uint32_t k;

		if (f->messages == 0)
			continue;
		k = (uint32_t)rnd_below(&n->rnd, f->messages);
		for (unsigned m = 0; m < 3 && k < f->messages; m++, k++)
			uidset_add(set_r, message_nth(acc, f->id, k)->uid);
		return f->id;
	}
	return 0;
}

static may_yield void
wa_flags(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	static const struct str words[] = { { "$Done", 5 }, { "blue", 4 } };
	struct message_store s = { .mode = MESSAGE_STORE_ADD,
		.unchanged_since = UINT64_MAX };
	struct uidset uids;
	uint32_t folder = wa_any_uids(t, n, acc, &uids), uidvalidity;
	struct err *e;

	if (folder == 0)
		return;
	if (rnd_below(&n->rnd, 4) == 0) {
		s.mode = MESSAGE_STORE_REMOVE;
		s.flags = MESSAGE_ANSWERED;
	} else if (rnd_below(&n->rnd, 2) == 0) {
		s.flags = MESSAGE_SEEN | MESSAGE_ANSWERED;
	} else {
		s.keywords = &words[rnd_below(&n->rnd, 2)];
		s.keyword_count = 1;
	}
	uidvalidity = folder_by_id(acc, folder)->uidvalidity;
	e = message_store_flags(t, acc, folder, &uids, &s);
	if (e == NULL && s.mode == MESSAGE_STORE_ADD &&
	    (s.flags & MESSAGE_SEEN))
		wa_stored(n, a, folder, uidvalidity, &s.stored_r);
}

static may_yield void
wa_expunge(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	struct uidset uids, gone;
	uint32_t folder = wa_any_uids(t, n, acc, &uids), uidvalidity;

	if (folder == 0)
		return;
	uidvalidity = folder_by_id(acc, folder)->uidvalidity;
	wa_tried(n, a, acc, folder, &uids);
	if (message_expunge(t, acc, folder, &uids, false, &gone) == NULL)
		wa_expunged(n, a, acc, folder, uidvalidity, &gone);
}

static may_yield void
wa_copy(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	struct message_moved m;
	struct uidset uids;
	uint32_t from = wa_any_uids(t, n, acc, &uids);
	const struct folder *to =
	    folder_by_name(acc, str_c(wa_any_folder_name(n)));
	struct quota_limit limit = { .messages = 60 };
	uint32_t to_id, uidvalidity;
	struct err *e;

	if (from == 0 || to == NULL)
		return;
	to_id = to->id;
	uidvalidity = folder_by_id(acc, from)->uidvalidity;
	if (rnd_below(&n->rnd, 2) == 0) {
		e = message_copy(t, acc, from, &uids, to_id, &limit, &m);
		if (e == NULL)
			wa_copied(n, a, to_id, &m);
		return;
	}
	if (from == to_id)
		return;
	wa_tried(n, a, acc, from, &uids);
	e = message_move(t, acc, from, &uids, to_id, &m);
	if (e == NULL)
		wa_moved(n, a, from, uidvalidity, to_id, &m);
}

static may_yield void
wa_undelete(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	const struct tombstone **list;
	unsigned count = message_tombstones(acc, 0, task_arena(t), &list);
	struct message_name name;
	unsigned back;
	struct err *e;

	if (count == 0)
		return;
	name = list[rnd_below(&n->rnd, count)]->name;
	e = message_undelete(t, acc, &name, 1, 0, NULL, &back);
	(void)a;
	if (e == NULL)
		sim_say(n->w, n, "%u message is undeleted", back);
}

static may_yield void
wa_folder(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	const char *name = wa_any_folder_name(n), *to = wa_any_folder_name(n);
	uint32_t id;
	struct err *e;

	switch (rnd_below(&n->rnd, 5)) {
	case 0:
	case 1:
		e = folder_create(t, acc, str_c(name), FOLDER_USE_NONE, &id);
		if (e == NULL)
			sim_say(n->w, n, "%s: folder %s is made", wa_ids[a],
			    name);
		break;
	case 2:
		/* Its messages go with it. */
		if (strncmp(name, "Work", 4) != 0)
			return;
		err_ignore(folder_delete(t, acc, str_c(name)));
		break;
	case 3:
		if (strncmp(name, "Work", 4) != 0 ||
		    strncmp(to, "Work", 4) != 0)
			return;
		err_ignore(folder_rename(t, acc, str_c(name), str_c(to)));
		break;
	default:
		err_ignore(folder_subscribe(t, acc, str_c(name),
		    rnd_below(&n->rnd, 2) == 0));
	}
}

/* What a row names can be read, and says what it always said. */
static may_yield void
wa_read(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	struct uidset uids;
	uint32_t folder = wa_any_uids(t, n, acc, &uids);
	struct message_name name;
	struct str bytes;
	struct err *e;

	if (folder == 0)
		return;
	name = message_by_uid(acc, folder, uids.r[0].lo, NULL)->name;
	e = message_read_all(t, acc, folder, uids.r[0].lo, 1 << 20,
	    task_arena(t), &bytes);
	if (e == NULL)
		wa_was_read(n, a, &name, bytes);
}

static may_yield void
wa_envelopes(struct task *t, struct sim_node *n, unsigned a,
    struct account *acc)
{
	const struct folder *f = folder_by_id(acc, ACCOUNT_INBOX);
	uint32_t uids[5], count = 0;
	struct str packs[5];

	(void)n;
	(void)a;
	if (f == NULL)
		return;
	for (; count < 5 && count < f->messages; count++)
		uids[count] = message_nth(acc, ACCOUNT_INBOX, count)->uid;
	if (count > 0)
		err_ignore(message_envelopes(t, acc, ACCOUNT_INBOX, uids, count,
		    task_arena(t), packs));
}

static may_yield void
wa_maintain(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	struct account_maintain m = {
		.force = rnd_below(&n->rnd, 3) == 0,
		.sweep = rnd_below(&n->rnd, 2) == 0,
	};
	struct err *e = account_maintain(t, acc, &m);

	sim_say(n->w, n, "maintains %s: %s, %u files removed, %u voided",
	    wa_ids[a], err_name(err_code(e)), m.files_removed,
	    m.orphans_voided);
}

static may_yield void
wa_shut(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	struct wa_account *ac = &wa_book(n->w)->accounts[a];
	struct err *e;

	task_set_deadline(t, 0);
	/* One at a time: whether it is closed is then known. */
	if (ac->shutting || rnd_below(&n->rnd, 4) != 0)
		return;
	ac->shutting = true;
	ac->shutter = n->id;
	ac->closed = WA_MAYBE;
	do {
		e = account_shut(t, acc);
		if (e != NULL)
			task_sleep_ms(t, 500);
	} while (e != NULL && !n->w->stopping);
	if (e == NULL) {
		sim_say(n->w, n, "%s is CLOSED", wa_ids[a]);
		ac->closed = WA_YES;
		ac->closed_life++;
	}
	task_sleep_ms(t, rnd_below(&n->rnd, 20000));
	ac->closed = WA_MAYBE;
	for (unsigned tries = 0;; tries++) {
		e = account_reopen(t, acc);
		if (e == NULL)
			break;
		if (tries > 1000)
			sim_fail(n->w, "%s cannot be reopened: %s", wa_ids[a],
			    e->text);
		task_sleep_ms(t, 500);
	}
	sim_say(n->w, n, "%s is REOPENED", wa_ids[a]);
	ac->closed = WA_NO;
	ac->shutting = false;
}

/*
 * A spooled record, drained late: its message was delivered long ago, and has
 * been removed since.  The journal may have forgotten the txid, but there is
 * still the tombstone.
 */
static may_yield void
wa_redeliver(struct task *t, struct sim_node *n, unsigned a,
    struct account *acc)
{
	const struct wa_removed *r = wa_any_removed(n, a, 40 * SIM_SECOND);
	struct message_target target = { .acc = acc };
	struct message_writer *w;
	struct txid txid;
	char *text;
	unsigned size;
	struct err *e;

	if (r == NULL || n->w->conf.wall_speed == 1)
		return;
	txid = r->name.txid;
	text = xcalloc(1, 310000);
	size = wa_text(r->tag, r->size, text, 310000);
	e = message_writer_begin(t, acc, &txid, &w);
	if (e == NULL)
		e = message_writer_add(t, w, text, size);
	if (e == NULL)
		e = message_writer_commit(t, &w, &target, 1);
	else
		message_writer_abort(t, &w);
	sim_say(n->w, n, "a spooled record of a removed message: %s",
	    err_name(err_code(e != NULL ? e : target.err_r)));
	free(text);
}

/* An administrator's repair of what is not damaged: it must change nothing but
 * bring back what was never a message. */
static may_yield void
wa_rebuild(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	struct account_rebuild r = { 0 };
	struct err *e;

	(void)acc;
	/* Where days pass in minutes, a delivery stalls for days between two
	 * writes: the file it left would be recovered under its hands. */
	if (n->w->conf.wall_speed != 1)
		return;
	wa_book(n->w)->accounts[a].rebuilt = true;
	e = account_rebuild(t, wa_proc(n)->ms, str_c(wa_ids[a]), &r);
	sim_say(n->w, n, "rebuilds %s: %s, %u kept, %u recovered, %u lost",
	    wa_ids[a], err_name(err_code(e)), r.kept_r, r.recovered_r,
	    r.lost_r);
}

static const struct {
	void (*run)(struct task *t, struct sim_node *n, unsigned a,
	    struct account *acc);
	unsigned weight;
} wa_does[] = {
	{ NULL, 10 }, /* deliver */
	{ wa_flags, 4 },
	{ wa_expunge, 3 },
	{ wa_copy, 5 },
	{ wa_undelete, 2 },
	{ wa_folder, 3 },
	{ wa_read, 3 },
	{ wa_envelopes, 1 },
	{ wa_maintain, 2 },
	{ wa_shut, 1 },
	{ wa_rebuild, 1 },
	{ wa_redeliver, 4 },
};

static may_yield_unchecked void
wa_do(struct task *t, struct sim_node *n)
{
	struct arena_mark m = arena_mark(task_arena(t));
	unsigned total = 0, at, i = 0;

	for (unsigned k = 0; k < countof(wa_does); k++)
		total += wa_does[k].weight;
	at = (unsigned)rnd_below(&n->rnd, total);
	while (at >= wa_does[i].weight)
		at -= wa_does[i++].weight;
	if (wa_does[i].run == NULL) {
		wa_deliver(t, n);
	} else {
		unsigned a = (unsigned)rnd_below(&n->rnd, WA_ACCOUNTS);
		struct account *acc = wa_open(t, n, a, false);

		if (acc != NULL) {
			wa_does[i].run(t, n, a, acc);
			if (account_is_loaded(acc))
				wa_observe(n, a, acc);
			account_close(&acc);
		}
	}
	arena_rewind(task_arena(t), m);
}

static may_yield_unchecked void
wa_client(struct task *t, void *arg)
{
	struct sim_node *n = arg;
	unsigned most = 10 + (unsigned)rnd_below(&n->rnd, 25);

	for (unsigned i = 0; i < most && !n->w->stopping; i++) {
		if (rnd_below(&n->rnd, 5) == 0)
			task_set_deadline(t,
			    task_now_ms(t) + 500 + rnd_below(&n->rnd, 30000));
		wa_do(t, n);
		task_set_deadline(t, 0);
		if (rnd_below(&n->rnd, 8) == 0)
			task_sleep_ms(t, sim_interval(n->w) / 1000);
		else
			task_sleep_ms(t, rnd_below(&n->rnd, 3000));
	}
}

static void
w_account_boot(struct sim_node *n)
{
	struct wa_proc *p = xcalloc(1, sizeof(*p));

	n->app = p;
	sim_store_init(n, &p->st);
	p->ms = wa_mailstore(n, &p->st);
	/* Who was closing an account died: somebody must go on. */
	wa_restarted(n);
	if (n->life > 8)
		return;
	sim_client(n, "client", wa_client, n);
	sim_client(n, "client", wa_client, n);
}

static void
w_account_crash(struct sim_node *n)
{
	(void)n;
}

static may_yield must_check struct err *
wa_open_final(struct task *t, struct mailstore *ms, struct str id,
    unsigned pass, struct account **acc_r)
{
	struct err *e = NULL;

	for (int i = 0; i < 20; i++) {
		e = account_open(t, ms, id, acc_r);
		if (e == NULL) {
			e = account_refresh(t, *acc_r);
			if (e == NULL && pass == 0 && account_is_closed(*acc_r))
				e = account_reopen(t, *acc_r);
			if (e == NULL)
				return NULL;
			account_close(acc_r);
		}
		task_sleep_ms(t, 3000);
	}
	return e;
}

static may_yield_unchecked void
w_account_final(struct task *t, struct sim_node *n, unsigned pass)
{
	for (unsigned a = 0; a < WA_ACCOUNTS; a++) {
		struct wa_proc *p = wa_proc(n);
		struct account *acc;
		struct err *e;

		e = wa_open_final(t, p->ms, str_c(wa_ids[a]), pass, &acc);
		wa_book(n->w)->accounts[a].closed = WA_NO;
		if (e != NULL)
			sim_fail(n->w, "%s: %s at the end: %s (%s)", n->name,
			    wa_ids[a], e->text, e->detail ? e->detail : "");
		if (pass == 1)
			wa_finish(t, n, a, acc);
		else
			account_settle(t, acc);
		account_close(&acc);
	}
	if (pass == 0)
		for (int i = 0; i < 3; i++)
			wa_deliver(t, n);
}

const struct sim_workload workload_account = {
	.name = "account",
	.about = "mail in accounts that all nodes change",
	.weight = 6,
	.conf = w_account_conf,
	.setup = w_account_setup,
	.boot = w_account_boot,
	.crash = w_account_crash,
	.final = w_account_final,
	.check = wa_check,
};
