/* test_account_random.c - random changes from two nodes against a model */
#include "account_rig.h"

#include "storage/account_private.h"

/*
 * One change after another, by either node, with checkpoints, crashes of nodes
 * and (in every other run) lost replies in between.  A plain model says what
 * must be there afterwards; both nodes are compared with it, and the check of
 * the store must find nothing.
 */
#define RUNS 8
#define STEPS 250
#define FOLDERS 8
#define MESSAGES 400
#define WORDS 4

struct mmsg {
	uint32_t uid;
	uint8_t flags;
	unsigned words; /* bits */
	unsigned content;
};

struct mfolder {
	char name[40]; /* empty: none */
	uint32_t uidnext;
	struct mmsg m[MESSAGES];
	unsigned n;
};

struct model {
	struct mfolder f[FOLDERS];
	unsigned content; /* next */
	struct mmsg tombs[MESSAGES * 2];
	unsigned tomb_n;
};

struct run {
	struct task *t;
	struct arig *r;
	struct rnd_seeded seed;
	struct rnd rnd;
	struct model *m;
	struct account *acc[ARIG_NODES];
	bool faults;
	uint64_t seed_number;
	unsigned step;
	const char *did;
};

static unsigned
pick(struct run *u, unsigned n)
{
	return (unsigned)rnd_below(&u->rnd, n);
}

static struct mfolder *
pick_folder(struct run *u)
{
	struct mfolder *f;

	do
		f = &u->m->f[pick(u, FOLDERS)];
	while (f->name[0] == '\0');
	return f;
}

static struct mfolder *
find_folder(struct run *u, const char *name)
{
	for (unsigned i = 0; i < FOLDERS; i++)
		if (strcmp(u->m->f[i].name, name) == 0)
			return &u->m->f[i];
	return NULL;
}

static struct mfolder *
free_folder(struct run *u)
{
	return find_folder(u, "");
}

/* --- what node i has, against the model --- */

static void
differ(struct run *u, unsigned node, const char *what)
{
	print_error("seed %llu step %u (%s) node %u: %s\n",
	    (unsigned long long)u->seed_number, u->step, u->did, node, what);
	fail();
}

static void
compare_row(struct run *u, unsigned node, const struct mmsg *want,
    const struct message *m)
{
	unsigned words = 0;

	for (unsigned i = 0; i < WORDS; i++) {
		char word[8];
		int bit;

		snprintf(word, sizeof(word), "w%u", i);
		bit = message_keyword_bit(u->acc[node], str_c(word));
		if (bit >= 0 && (m->keywords >> bit & 1) != 0)
			words |= 1U << i;
	}
	if (m->uid != want->uid)
		differ(u, node, "UIDs");
	if (m->flags != want->flags || words != want->words)
		differ(u, node, "flags");
	if (m->bytes !=
	    arig_message(u->t, want->content, want->content % 5 * 64).n)
		differ(u, node, "another message");
}

static may_yield_unchecked void
compare(struct run *u, unsigned node)
{
	unsigned folders = 0;

	assert_ok(account_refresh(u->t, u->acc[node]));
	for (unsigned i = 0; i < FOLDERS; i++) {
		const struct mfolder *want = &u->m->f[i];
		const struct folder *f;

		if (want->name[0] == '\0')
			continue;
		folders++;
		f = folder_by_name(u->acc[node], str_c(want->name));
		if (f == NULL)
			differ(u, node, want->name);
		if (f->uidnext != want->uidnext)
			differ(u, node, "UIDNEXT");
		if (f->messages != want->n)
			differ(u, node, "number of messages");
		for (unsigned j = 0; j < want->n; j++)
			compare_row(u, node, &want->m[j],
			    message_nth(u->acc[node], f->id, j));
	}
	/* the five that nobody touches are there besides */
	if (folder_count(u->acc[node]) != folders + 5)
		differ(u, node, "number of folders");
}

/* --- changes --- */

static void
model_add(struct mfolder *f, const struct mmsg *m)
{
	f->m[f->n] = *m;
	f->m[f->n++].uid = f->uidnext++;
}

static void
model_remove(struct run *u, struct mfolder *f, unsigned i, bool tomb)
{
	if (tomb && u->m->tomb_n < countof(u->m->tombs))
		u->m->tombs[u->m->tomb_n++] = f->m[i];
	memmove(&f->m[i], &f->m[i + 1], (f->n - i - 1) * sizeof(f->m[0]));
	f->n--;
}

static uint32_t
folder_id(struct run *u, unsigned node, const char *name)
{
	const struct folder *f = folder_by_name(u->acc[node], str_c(name));

	return f == NULL ? 0 : f->id;
}

static may_yield_unchecked void
do_deliver(struct run *u, unsigned node)
{
	struct mfolder *f = pick_folder(u);
	struct mmsg m = { .content = u->m->content++,
		.flags = (uint8_t)pick(u, 32) };
	struct message_target tg = { .acc = u->acc[node],
		.folder = str_c(f->name),
		.flags = m.flags };

	if (f->n + 10 > MESSAGES / 2)
		return;
	u->did = "deliver";
	assert_ok(message_deliver(u->t,
	    arig_message(u->t, m.content, m.content % 5 * 64), &tg, 1));
	assert_ok(tg.err_r);
	if (tg.place_r.uid != f->uidnext)
		differ(u, node, "UID acknowledged");
	model_add(f, &m);
}

static may_yield_unchecked void
do_blind(struct run *u, unsigned node)
{
	struct mfolder *f = find_folder(u, "INBOX");
	struct mmsg m = { .content = u->m->content++ };
	struct message_target tg = { 0 };

	if (f->n + 10 > MESSAGES / 2)
		return;
	u->did = "deliver blind";
	account_close(&u->acc[node]);
	arig_crash(u->t, u->r, node);
	assert_ok(account_open_blind(u->t, u->r->node[node].ms, STR("abcdef"),
	    &u->acc[node]));
	tg.acc = u->acc[node];
	assert_ok(message_deliver(u->t,
	    arig_message(u->t, m.content, m.content % 5 * 64), &tg, 1));
	assert_ok(tg.err_r);
	if (tg.place_r.uid != f->uidnext)
		differ(u, node, "UID acknowledged");
	model_add(f, &m);
}

static void
pick_uids(struct run *u, const struct mfolder *f, struct uidset *s)
{
	uidset_init(s, task_arena(u->t));
	for (unsigned i = 0; i < 3; i++) {
		uint32_t lo = 1 + pick(u, f->uidnext);

		uidset_add_range(s, lo, lo + pick(u, 3));
	}
	uidset_sort(s);
}

static may_yield_unchecked void
do_store(struct run *u, unsigned node)
{
	struct mfolder *f = pick_folder(u);
	unsigned word = pick(u, WORDS), with = pick(u, 2);
	struct str keyword = str_c(arena_printf(task_arena(u->t), "w%u", word));
	struct message_store s = { .mode = pick(u, 3),
		.flags = (uint8_t)pick(u, 32),
		.keywords = &keyword,
		.keyword_count = with,
		.unchanged_since = UINT64_MAX };
	unsigned bits = with ? 1U << word : 0;
	struct uidset set;

	u->did = "store";
	assert_ok(account_refresh(u->t, u->acc[node]));
	pick_uids(u, f, &set);
	assert_ok(message_store_flags(u->t, u->acc[node],
	    folder_id(u, node, f->name), &set, &s));
	for (unsigned i = 0; i < f->n; i++) {
		struct mmsg *m = &f->m[i];

		if (!uidset_has(&set, m->uid))
			continue;
		if (s.mode == MESSAGE_STORE_ADD) {
			m->flags |= s.flags;
			m->words |= bits;
		} else if (s.mode == MESSAGE_STORE_REMOVE) {
			m->flags &= (uint8_t)~s.flags;
			m->words &= ~bits;
		} else {
			m->flags = s.flags;
			m->words = bits;
		}
	}
}

static may_yield_unchecked void
do_expunge(struct run *u, unsigned node)
{
	struct mfolder *f = pick_folder(u);
	bool only = pick(u, 2);
	struct uidset set, gone;

	u->did = "expunge";
	assert_ok(account_refresh(u->t, u->acc[node]));
	pick_uids(u, f, &set);
	assert_ok(message_expunge(u->t, u->acc[node],
	    folder_id(u, node, f->name), &set, only, &gone));
	for (unsigned i = f->n; i-- > 0;)
		if (uidset_has(&set, f->m[i].uid) &&
		    (!only || f->m[i].flags & MESSAGE_DELETED)) {
			if (!uidset_has(&gone, f->m[i].uid))
				differ(u, node, "expunged");
			model_remove(u, f, i, true);
		}
}

static may_yield_unchecked void
do_copy(struct run *u, unsigned node, bool move)
{
	struct mfolder *f = pick_folder(u), *to = pick_folder(u);
	struct message_moved m;
	struct uidset set;
	unsigned n = f->n, came = 0;

	if ((f == to && move) || to->n + 20 > MESSAGES / 2)
		return;
	u->did = move ? "move" : "copy";
	assert_ok(account_refresh(u->t, u->acc[node]));
	pick_uids(u, f, &set);
	assert_ok((
	    move ? message_move(u->t, u->acc[node], folder_id(u, node, f->name),
		       &set, folder_id(u, node, to->name), &m)
		 : message_copy(u->t, u->acc[node], folder_id(u, node, f->name),
		       &set, folder_id(u, node, to->name), NULL, &m)));
	for (unsigned i = 0; i < n; i++) {
		if (!uidset_has(&set, f->m[i].uid))
			continue;
		if (came >= m.n || m.from_r[came] != f->m[i].uid ||
		    m.to_r[came] != to->uidnext)
			differ(u, node, "pairs of copy or move");
		model_add(to, &f->m[i]);
		came++;
	}
	if (came != m.n)
		differ(u, node, "count of copy or move");
	for (unsigned i = n; move && i-- > 0;)
		if (uidset_has(&set, f->m[i].uid))
			model_remove(u, f, i, false);
}

static may_yield_unchecked void
do_folders(struct run *u, unsigned node)
{
	struct mfolder *f = pick_folder(u), *new = free_folder(u);
	char name[40];
	struct err *e;

	assert_ok(account_refresh(u->t, u->acc[node]));
	snprintf(name, sizeof(name), "f%u", pick(u, 12));
	switch (pick(u, 3)) {
	case 0:
		u->did = "create";
		if (new == NULL)
			return;
		e = folder_create(u->t, u->acc[node], str_c(name),
		    FOLDER_USE_NONE, NULL);
		if (find_folder(u, name) != NULL) {
			assert_err(e, ERR_DUPLICATE);
			return;
		}
		assert_ok(e);
		*new = (struct mfolder){ .uidnext = 1 };
		strcpy(new->name, name);
		return;
	case 1:
		u->did = "delete";
		e = folder_delete(u->t, u->acc[node], str_c(f->name));
		if (strcmp(f->name, "INBOX") == 0) {
			assert_err(e, ERR_INVALID);
			return;
		}
		assert_ok(e);
		while (f->n > 0)
			model_remove(u, f, 0, true);
		f->name[0] = '\0';
		return;
	default:
		u->did = "rename";
		if (strcmp(f->name, "INBOX") == 0 && new == NULL)
			return;
		e = folder_rename(u->t, u->acc[node], str_c(f->name),
		    str_c(name));
		if (find_folder(u, name) != NULL) {
			assert_err(e, ERR_DUPLICATE);
			return;
		}
		assert_ok(e);
		if (strcmp(f->name, "INBOX") != 0) {
			strcpy(f->name, name);
			return;
		}
		*new = (struct mfolder){ .uidnext = 1 };
		strcpy(new->name, name);
		for (unsigned i = 0; i < f->n; i++)
			model_add(new, &f->m[i]);
		f->n = 0;
	}
}

static may_yield_unchecked void
do_undelete(struct run *u, unsigned node)
{
	const struct tombstone **list;
	struct mfolder *inbox = find_folder(u, "INBOX");
	struct message_name name;
	unsigned n, which;
	struct mmsg m;

	u->did = "undelete";
	assert_ok(account_refresh(u->t, u->acc[node]));
	n = message_tombstones(u->acc[node], 0, task_arena(u->t), &list);
	if (n != u->m->tomb_n)
		differ(u, node, "number of tombstones");
	if (n == 0 || n >= MESSAGES || inbox->n + 10 > MESSAGES / 2)
		return;
	/* those of one entry are in no particular order in the model: by size
	 * and flags */
	which = pick(u, n);
	name = list[which]->name;
	m = (struct mmsg){ .flags =
			       list[which]->flags & (uint8_t)~MESSAGE_DELETED };
	for (unsigned i = 0; i < u->m->tomb_n; i++)
		if (arig_message(u->t, u->m->tombs[i].content,
			u->m->tombs[i].content % 5 * 64)
			.n == list[which]->bytes)
			m.content = u->m->tombs[i].content;
	assert_ok(message_undelete(u->t, u->acc[node], &name, 1, ACCOUNT_INBOX,
	    NULL, &n));
	assert_int_equal(n, 1);
	model_add(inbox, &m);
}

static may_yield_unchecked void
do_other(struct run *u, unsigned node)
{
	struct account_maintain m = { .force = true,
		.sweep = pick(u, 4) == 0,
		.young = true };
	struct err *e;

	if (pick(u, 3) > 0) {
		u->did = "maintain";
		e = account_maintain(u->t, u->acc[node], &m);
		if (!u->faults)
			assert_ok(e);
		return;
	}
	u->did = "crash";
	account_close(&u->acc[node]);
	arig_crash(u->t, u->r, node);
	assert_ok(account_open(u->t, u->r->node[node].ms, STR("abcdef"),
	    &u->acc[node]));
}

/* Replies get lost, calls fail: what is done is done all the same. */
static void
faults(struct run *u, unsigned node)
{
	static const enum share_proc procs[] = { SHARE_SYMLINK, SHARE_WRITE,
		SHARE_CREATE, SHARE_LINK, SHARE_READDIR, SHARE_GETATTR,
		SHARE_LOOKUP, SHARE_READLINK };
	struct share_fault_rule rule = {
		.proc = procs[pick(u, countof(procs))],
		.lane = SHARE_FAULT_ANY_LANE,
		.nth = 1 + pick(u, 3),
		.kind = pick(u, 2) ? SHARE_FAULT_LOST : SHARE_FAULT_BEFORE,
		.code = ERR_UNKNOWN,
		.reconnect = pick(u, 2),
	};

	if (rule.proc != SHARE_SYMLINK)
		rule.lane = SHARE_LANE_COMMIT;
	share_fault_set(u->r->node[node].fault, &rule, pick(u, 2));
}

static may_yield_unchecked void
step(struct run *u)
{
	unsigned node = pick(u, ARIG_NODES);

	if (u->faults)
		faults(u, node);
	switch (pick(u, 16)) {
	default:
		do_deliver(u, node);
		break;
	case 0:
	case 1:
	case 2:
		do_store(u, node);
		break;
	case 3:
	case 4:
		do_expunge(u, node);
		break;
	case 5:
		do_copy(u, node, false);
		break;
	case 6:
	case 7:
		do_copy(u, node, true);
		break;
	case 8:
	case 9:
		do_folders(u, node);
		break;
	case 10:
		do_undelete(u, node);
		break;
	case 11:
		do_other(u, node);
		break;
	case 12:
		do_blind(u, node);
		break;
	}
	share_fault_set(u->r->node[node].fault, NULL, 0);
}

static may_yield_unchecked void
run_all(struct task *t, struct arig *r)
{
	struct run u = { .t = t, .r = r, .seed_number = *(uint64_t *)r->arg };
	bool made;

	u.faults = u.seed_number % 2 == 1;
	rnd_seed(&u.seed, u.seed_number);
	u.rnd = rnd_of_seeded(&u.seed);
	u.m = xcalloc(1, sizeof(*u.m));
	strcpy(u.m->f[0].name, "INBOX");
	u.m->f[0].uidnext = 1;
	assert_ok(
	    account_create(t, r->node[0].ms, STR("abcdef"), &made, &u.acc[0]));
	assert_ok(account_open(t, r->node[1].ms, STR("abcdef"), &u.acc[1]));
	for (u.step = 0; u.step < STEPS; u.step++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		step(&u);
		compare(&u, u.step % 2);
		if (u.step % 25 == 24) {
			arig_check(t, u.acc[0]);
			compare(&u, 0);
			compare(&u, 1);
		}
		arena_rewind(task_arena(t), mark);
	}
	arig_check(t, u.acc[1]);
	account_close(&u.acc[0]);
	account_close(&u.acc[1]);
	free(u.m);
}

static void
test_random(void **state)
{
	uint64_t from =
	    getenv("FROM") != NULL ? strtoull(getenv("FROM"), NULL, 10) : 1;
	uint64_t runs =
	    getenv("RUNS") != NULL ? strtoull(getenv("RUNS"), NULL, 10) : RUNS;

	(void)state;
	for (uint64_t seed = from; seed < from + runs; seed++) {
		struct arig *r = xcalloc(1, sizeof(*r));

		if (getenv("FROM") != NULL)
			print_message("seed %llu\n", (unsigned long long)seed);

		r->conf.no_background = seed % 3 != 0;
		r->conf.ckpt_every = 1 + seed % 30;
		arig_open(r);
		r->arg = &seed;
		arig_run(r, run_all);
		arig_close(r);
		free(r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
