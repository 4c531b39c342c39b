/* account_words.h - what the tests of accounts say in few words */
#ifndef TESTS_UNIT_ACCOUNT_WORDS_H
#define TESTS_UNIT_ACCOUNT_WORDS_H

#include "account_rig.h"

#define HEX32 "0123456789abcdef0123456789abcdef"

/* not every program needs them all */
#define unused_fn __attribute__((unused))

/* "shows" what a folder holds as text: uid+flags ... */
static unused_fn const char *
show(struct task *t, const struct account *acc, const char *folder)
{
	const struct folder *f = folder_by_name(acc, str_c(folder));
	static const char letters[] = "SRFTD";
	struct buf b;

	buf_init(&b, task_arena(t), 1 << 20);
	if (f == NULL)
		return "none";
	for (uint32_t i = 0; i < f->messages; i++) {
		const struct message *m = message_nth(acc, f->id, i);

		if (i > 0)
			buf_char(&b, ' ');
		buf_u64(&b, m->uid);
		for (unsigned j = 0; j < 5; j++)
			if (m->flags >> j & 1)
				buf_char(&b, letters[j]);
		for (unsigned j = 0; j < MESSAGE_KEYWORDS; j++)
			if (m->keywords >> j & 1)
				buf_fmt(&b, "[" STR_FMT "]",
				    STR_ARG(message_keyword(acc, j)));
	}
	return buf_cstr(&b);
}

static unused_fn struct uidset
uids(struct task *t, const char *text)
{
	struct uidset s;

	uidset_init(&s, task_arena(t));
	assert_true(uidset_parse(&s, str_c(text)));
	return s;
}

static unused_fn may_yield_unchecked struct account *
create(struct task *t, struct arig *r, unsigned node, const char *id)
{
	struct account *acc;
	bool made;

	assert_ok(account_create(t, r->node[node].ms, str_c(id), &made, &acc));
	assert_true(made);
	return acc;
}

static unused_fn may_yield_unchecked struct account *
other(struct task *t, struct arig *r, unsigned node, const char *id)
{
	struct account *acc;

	assert_ok(account_open(t, r->node[node].ms, str_c(id), &acc));
	return acc;
}

static unused_fn may_yield_unchecked void
store(struct task *t, struct account *acc, const char *set,
    enum message_store_mode mode, uint8_t flags, const char *word)
{
	struct str keyword = str_c(word);
	struct message_store s = { .mode = mode,
		.flags = flags,
		.keywords = &keyword,
		.keyword_count = word != NULL,
		.unchanged_since = UINT64_MAX };
	struct uidset u = uids(t, set);

	assert_ok(message_store_flags(t, acc, ACCOUNT_INBOX, &u, &s));
}

#endif
