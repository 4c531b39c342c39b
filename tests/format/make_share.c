/* make_share.c - a share with an account that has seen everything */

/*
 * usage: make_share DIR ROUNDS
 *
 * Makes a share in the empty directory DIR and an account "aa-format", changes
 * it in every way the entry language knows, in ROUNDS rounds of which each ends
 * with a checkpoint but the last, and prints what its folders hold, one line a
 * message, as tests/format/reader.py does: folder, UIDVALIDITY, UID, flags,
 * keywords, SHA-256 of the file.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/loop.h"
#include "storage/message.h"
#include "storage/share/share_posix.h"

#define FORMAT_ID STR("aa-format")

struct format {
	const char *dir;
	unsigned rounds;
	struct offload *offload;
	struct account *acc;
	unsigned n; /* messages so far: makes them differ */
};

static void
must(struct err *e)
{
	if (e == NULL)
		return;
	fprintf(stderr, "make_share: %s: %s (%s)\n", err_name(e->code), e->text,
	    e->detail ? e->detail : "");
	exit(1);
}

may_yield static void
format_deliver(struct task *t, struct format *f, struct str folder,
    unsigned count)
{
	static const struct str words[] = { { "$Label1", 7 }, { "Lunch", 5 } };

	for (unsigned i = 0; i < count; i++, f->n++) {
		const char *text = arena_printf(task_arena(t),
		    "Subject: message %u\r\n\r\nbody\r\n", f->n);
		struct message_target target = { .acc = f->acc,
			.folder = folder,
			.flags = f->n % 3 ? 0 : MESSAGE_SEEN,
			.keywords = words,
			.keyword_count = f->n % 3 };
		must(message_deliver(t, str_c(text), &target, 1));
		must(target.err_r);
	}
}

static struct uidset *
format_uids(struct task *t, uint32_t lo, uint32_t hi)
{
	struct uidset *s = arena_new_obj(task_arena(t), struct uidset);

	uidset_init(s, task_arena(t));
	uidset_add_range(s, lo, hi);
	return s;
}

/* One of every kind of change, on what the round before left. */
may_yield static void
format_round(struct task *t, struct format *f, unsigned round)
{
	static const struct str word = { "$Forwarded", 10 };
	struct message_store st = { .mode = MESSAGE_STORE_ADD,
		.flags = MESSAGE_FLAGGED,
		.keywords = &word,
		.keyword_count = 1,
		.unchanged_since = UINT64_MAX };
	struct message_moved moved;
	struct uidset gone;
	struct str name =
	    str_c(arena_printf(task_arena(t), "Pläne/%u & mehr", round));
	uint32_t id, base = round * 10;

	format_deliver(t, f, STR("INBOX"), 12);
	must(folder_create(t, f->acc, name, FOLDER_USE_NONE, &id));
	must(folder_subscribe(t, f->acc, STR("not/there"), round % 2));
	must(message_store_flags(t, f->acc, ACCOUNT_INBOX,
	    format_uids(t, base + 1, base + 6), &st));
	st.mode = MESSAGE_STORE_REMOVE;
	must(message_store_flags(t, f->acc, ACCOUNT_INBOX,
	    format_uids(t, base + 2, base + 3), &st));
	st.mode = MESSAGE_STORE_REPLACE;
	st.flags = MESSAGE_ANSWERED | MESSAGE_DRAFT;
	must(message_store_flags(t, f->acc, ACCOUNT_INBOX,
	    format_uids(t, base + 4, base + 4), &st));
	must(message_copy(t, f->acc, ACCOUNT_INBOX,
	    format_uids(t, base + 1, base + 8), id, NULL, &moved));
	must(message_move(t, f->acc, ACCOUNT_INBOX,
	    format_uids(t, base + 2, base + 4), id, &moved));
	must(
	    message_expunge(t, f->acc, id, format_uids(t, 3, 4), false, &gone));
	must(message_expunge(t, f->acc, ACCOUNT_INBOX,
	    format_uids(t, base + 5, base + 5), false, &gone));
	must(folder_rename(t, f->acc, name,
	    str_c(arena_printf(task_arena(t), "Alt/%u", round))));
	if (round >= 2)
		must(folder_delete(t, f->acc,
		    str_c(arena_printf(task_arena(t), "Alt/%u", round - 2))));
}

may_yield static void
format_undelete(struct task *t, struct format *f)
{
	const struct tombstone **list;
	unsigned n = message_tombstones(f->acc, 0, task_arena(t), &list), back;
	struct message_name names[2];

	invariant(n >= 2);
	for (unsigned i = 0; i < 2; i++)
		names[i] = list[i]->name;
	must(message_undelete(t, f->acc, names, 2, 0, NULL, &back));
}

may_yield static void
format_print_message(struct task *t, struct format *f, const struct folder *fo,
    const struct message *m)
{
	unsigned char sha[32];
	struct str bytes;
	struct buf b;
	bool first = true;

	buf_init(&b, task_arena(t), 4096);
	buf_str_add(&b, fo->name);
	buf_fmt(&b, " %u %u %u [", fo->uidvalidity, m->uid, m->flags);
	/* the table's order is the alphabet's here */
	static const char *const all[] = { "$Forwarded", "$Label1", "Lunch" };
	for (unsigned i = 0; i < countof(all); i++) {
		int bit = message_keyword_bit(f->acc, str_c(all[i]));
		if (bit < 0 || !(m->keywords >> bit & 1))
			continue;
		buf_fmt(&b, "%s'%s'", first ? "" : ", ", all[i]);
		first = false;
	}
	buf_c(&b, "] ");
	must(message_read_all(t, f->acc, fo->id, m->uid, 1 << 20, task_arena(t),
	    &bytes));
	crypto_sha256(bytes.p, bytes.n, sha);
	buf_hex(&b, sha, sizeof sha);
	puts(buf_cstr(&b));
}

may_yield static void
format_print(struct task *t, struct format *f)
{
	for (unsigned i = 0; i < folder_count(f->acc); i++)
		for (uint32_t k = 0; k < folder_nth(f->acc, i)->messages; k++) {
			const struct folder *fo = folder_nth(f->acc, i);
			format_print_message(t, f, fo,
			    message_nth(f->acc, fo->id, k));
		}
}

may_yield static void
format_task(struct task *t, void *arg)
{
	struct format *f = arg;
	struct account_maintain m = { .force = true };
	struct mailstore_conf mc = { .no_background = true };
	struct store *st;
	struct mailstore *ms;
	struct share *s;
	unsigned char uuid[16];
	bool made;

	must(share_posix_open(task_arena(t), task_sched(t), f->offload, f->dir,
	    &s));
	must(store_init(t, s, BARRIER_REPLY, uuid));
	must(store_open_share(t, s, NULL, &st));
	mc.store = st;
	ms = mailstore_new(&mc);
	must(account_create(t, ms, FORMAT_ID, &made, &f->acc));
	/* enough for a rows segment of its own */
	format_deliver(t, f, STR("Archive"), 300);
	for (unsigned i = 0; i < f->rounds; i++) {
		format_round(t, f, i);
		if (i + 1 < f->rounds)
			must(account_maintain(t, f->acc, &m));
	}
	format_undelete(t, f);
	format_print(t, f);
	account_close(&f->acc);
	mailstore_close(t, &ms);
	store_close(&st);
}

int
main(int argc, char **argv)
{
	struct loop *l = loop_new(&clock_system, &rnd_system);
	struct format f = { .offload = offload_new(l, 2) };
	uint64_t rounds = 0;

	if (argc != 3 || !str_u64(str_c(argv[2]), &rounds) || rounds == 0)
		return 2;
	f.dir = argv[1];
	f.rounds = (unsigned)rounds;
	loop_run_task(l, "make_share", format_task, &f);
	return 0;
}
