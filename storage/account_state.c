/* account_state.c - what an account's entries add up to */
#include "storage/account_state.h"

#include <stdlib.h>

void
account_state_init(struct account_state *s)
{
	*s = (struct account_state){ .state = 'o' };
}

static void
account_state_folder_free(struct folder_state *f)
{
	rows_free(&f->rows);
	free((char *)f->pub.name.p);
	free(f);
}

void
account_state_free(struct account_state *s)
{
	for (unsigned i = 0; i < s->folder_count; i++)
		account_state_folder_free(s->by_id[i]);
	free(s->by_name);
	free(s->by_id);
	for (unsigned i = 0; i < MESSAGE_KEYWORDS; i++)
		free(s->keywords[i]);
	for (unsigned i = 0; i < s->sub_count; i++)
		free(s->subs[i]);
	free(s->subs);
	free(s->tombs);
	free(s->gone);
	free(s->names);
	account_state_init(s);
}

void
account_state_reset(struct account_state *s)
{
	account_state_free(s);
}

/* --- folders --- */

static unsigned
account_state_id_lower(const struct account_state *s, uint32_t id)
{
	unsigned lo = 0, hi = s->folder_count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (s->by_id[mid]->pub.id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static unsigned
account_state_name_lower(const struct account_state *s, struct str name)
{
	unsigned lo = 0, hi = s->folder_count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (str_cmp(s->by_name[mid]->pub.name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct folder_state *
account_state_folder(const struct account_state *s, uint32_t id)
{
	unsigned i = account_state_id_lower(s, id);

	return i < s->folder_count && s->by_id[i]->pub.id == id ? s->by_id[i]
								: NULL;
}

struct folder_state *
account_state_named(const struct account_state *s, struct str name)
{
	unsigned i = account_state_name_lower(s, name);

	return i < s->folder_count && str_eq(s->by_name[i]->pub.name, name)
		   ? s->by_name[i]
		   : NULL;
}

static void
account_state_insert(struct folder_state **list, unsigned n, unsigned at,
    struct folder_state *f)
{
	memmove(list + at + 1, list + at, (n - at) * sizeof(*list));
	list[at] = f;
}

static void
account_state_remove(struct folder_state **list, unsigned n, unsigned at)
{
	memmove(list + at, list + at + 1, (n - at - 1) * sizeof(*list));
}

static char *
account_state_strdup(struct str s)
{
	char *p = xcalloc(s.n + 1, 1);

	memcpy(p, s.p, s.n);
	return p;
}

struct folder_state *
account_state_folder_add(struct account_state *s, const struct folder *pub)
{
	struct folder_state *f;

	if (account_state_folder(s, pub->id) != NULL ||
	    account_state_named(s, pub->name) != NULL)
		return NULL;
	if (s->folder_count == s->folder_size) {
		s->folder_size = s->folder_size == 0 ? 8 : s->folder_size * 2;
		s->by_id =
		    xrealloc(s->by_id, s->folder_size, sizeof(*s->by_id));
		s->by_name =
		    xrealloc(s->by_name, s->folder_size, sizeof(*s->by_name));
	}
	f = xcalloc(1, sizeof(*f));
	f->pub = *pub;
	f->pub.name = str_of(account_state_strdup(pub->name), pub->name.n);
	f->pub.messages = f->pub.unseen = f->pub.deleted = 0;
	f->pub.bytes = 0;
	f->pub.subscribed = account_state_subscribed(s, pub->name);
	account_state_insert(s->by_id, s->folder_count,
	    account_state_id_lower(s, pub->id), f);
	account_state_insert(s->by_name, s->folder_count,
	    account_state_name_lower(s, pub->name), f);
	s->folder_count++;
	if (pub->uidvalidity > s->uidvalidity_top)
		s->uidvalidity_top = pub->uidvalidity;
	return f;
}

static void
account_state_folder_remove(struct account_state *s, struct folder_state *f)
{
	account_state_remove(s->by_id, s->folder_count,
	    account_state_id_lower(s, f->pub.id));
	account_state_remove(s->by_name, s->folder_count,
	    account_state_name_lower(s, f->pub.name));
	s->folder_count--;
	account_state_folder_free(f);
}

uint32_t
account_state_uidvalidity(const struct account_state *s, int64_t now,
    unsigned nth)
{
	uint64_t v = (uint64_t)s->uidvalidity_top + 1;

	if (now > 0 && (uint64_t)now > v)
		v = (uint64_t)now;
	v += nth;
	/* 2106: a clock that is wrong by decades must not end the account */
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* --- subscriptions --- */

static unsigned
account_state_sub_lower(const struct account_state *s, struct str name)
{
	unsigned lo = 0, hi = s->sub_count;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (str_cmp(str_c(s->subs[mid]), name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
account_state_subscribed(const struct account_state *s, struct str name)
{
	unsigned i = account_state_sub_lower(s, name);

	return i < s->sub_count && str_eq(str_c(s->subs[i]), name);
}

void
account_state_subscribe(struct account_state *s, struct str name, bool on)
{
	unsigned i = account_state_sub_lower(s, name);
	struct folder_state *f = account_state_named(s, name);

	if (f != NULL)
		f->pub.subscribed = on;
	if (on == account_state_subscribed(s, name))
		return;
	if (!on) {
		free(s->subs[i]);
		memmove(s->subs + i, s->subs + i + 1,
		    (s->sub_count - i - 1) * sizeof(*s->subs));
		s->sub_count--;
		return;
	}
	if (s->sub_count == s->sub_size) {
		s->sub_size = s->sub_size == 0 ? 8 : s->sub_size * 2;
		s->subs = xrealloc(s->subs, s->sub_size, sizeof(*s->subs));
	}
	memmove(s->subs + i + 1, s->subs + i,
	    (s->sub_count - i) * sizeof(*s->subs));
	s->subs[i] = account_state_strdup(name);
	s->sub_count++;
}

/* --- names --- */

static uint64_t
account_state_print(const struct message_name *m)
{
	uint64_t v = le64_get(m->txid.b) ^ le64_get(m->txid.b + 8);

	/* ordinals of one txid must not sit side by side */
	v += (uint64_t)m->ordinal * 0x9e3779b97f4a7c15ULL;
	return v == 0 ? 1 : v;
}

static void
account_state_name_put(uint64_t *slots, unsigned size, uint64_t v)
{
	unsigned i = (unsigned)(v >> 7) & (size - 1);

	while (slots[i] != 0)
		i = (i + 1) & (size - 1);
	slots[i] = v;
}

static void
account_state_name_add(struct account_state *s, const struct message_name *m)
{
	if (m->month == 0)
		return;
	if (s->name_count + 1 > s->name_size / 2) {
		unsigned size = s->name_size == 0 ? 64 : s->name_size * 2;
		uint64_t *slots = xcalloc(size, sizeof(*slots));

		for (unsigned i = 0; i < s->name_size; i++)
			if (s->names[i] != 0)
				account_state_name_put(slots, size,
				    s->names[i]);
		free(s->names);
		s->names = slots;
		s->name_size = size;
	}
	account_state_name_put(s->names, s->name_size, account_state_print(m));
	s->name_count++;
}

static bool
account_state_name_maybe(const struct account_state *s,
    const struct message_name *m)
{
	uint64_t v = account_state_print(m);
	unsigned i;

	if (s->name_size == 0)
		return false;
	i = (unsigned)(v >> 7) & (s->name_size - 1);
	while (s->names[i] != 0) {
		if (s->names[i] == v)
			return true;
		i = (i + 1) & (s->name_size - 1);
	}
	return false;
}

const struct message *
account_state_row_named(const struct account_state *s,
    const struct message_name *name, struct folder_state **f_r)
{
	if (!account_state_name_maybe(s, name))
		return NULL;
	for (unsigned i = 0; i < s->folder_count; i++) {
		struct folder_state *f = s->by_id[i];

		/* newest first: what is looked for was just added, mostly */
		for (uint32_t j = f->rows.n; j-- > 0;) {
			if (!message_name_eq(&f->rows.r[j].name, name))
				continue;
			if (f_r != NULL)
				*f_r = f;
			return &f->rows.r[j];
		}
	}
	return NULL;
}

const struct tombstone *
account_state_tomb_named(const struct account_state *s,
    const struct message_name *name)
{
	if (!account_state_name_maybe(s, name))
		return NULL;
	for (unsigned i = s->tomb_count; i-- > 0;)
		if (s->tombs[i].name.month != 0 &&
		    message_name_eq(&s->tombs[i].name, name))
			return &s->tombs[i];
	return NULL;
}

bool
account_state_knows(const struct account_state *s,
    const struct message_name *name)
{
	if (!account_state_name_maybe(s, name))
		return false;
	return account_state_row_named(s, name, NULL) != NULL ||
	       (SAFEGUARD(SAFE_TOMBSTONES) &&
		   account_state_tomb_named(s, name) != NULL);
}

/* --- keywords --- */

int
account_state_keyword_bit(const struct account_state *s, struct str name)
{
	for (int i = 0; i < MESSAGE_KEYWORDS; i++)
		if (s->keywords[i] != NULL &&
		    str_case_eq_c(name, s->keywords[i]))
			return i;
	return -1;
}

static uint64_t
account_state_keywords_used(const struct account_state *s)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < s->folder_count; i++)
		for (uint32_t j = 0; j < s->by_id[i]->rows.n; j++)
			used |= s->by_id[i]->rows.r[j].keywords;
	return used;
}

static int
account_state_keyword_new(struct account_state *s, struct str name,
    uint64_t keep)
{
	int bit = -1;

	for (int i = MESSAGE_KEYWORDS; i-- > 0;)
		if (s->keywords[i] == NULL)
			bit = i;
	if (bit < 0) {
		uint64_t used = account_state_keywords_used(s) | keep;

		for (int i = MESSAGE_KEYWORDS; i-- > 0;)
			if ((used >> i & 1) == 0)
				bit = i;
	}
	if (bit < 0)
		return -1;
	free(s->keywords[bit]);
	s->keywords[bit] = account_state_strdup(name);
	return bit;
}

uint64_t
account_state_words(struct account_state *s, struct str words, bool create)
{
	uint64_t bits = account_state_words_known(s, words);
	struct str word;
	int bit;

	if (!create)
		return bits;
	while (str_split(&words, ' ', &word)) {
		if (word.n == 0 || word.n > MESSAGE_KEYWORD_MAX)
			continue;
		bit = account_state_keyword_bit(s, word);
		if (bit < 0)
			bit = account_state_keyword_new(s, word, bits);
		if (bit >= 0)
			bits |= 1ULL << bit;
	}
	return bits;
}

uint64_t
account_state_words_known(const struct account_state *s, struct str words)
{
	struct str word;
	uint64_t bits = 0;
	int bit;

	while (str_split(&words, ' ', &word)) {
		bit = account_state_keyword_bit(s, word);
		if (bit >= 0)
			bits |= 1ULL << bit;
	}
	return bits;
}

bool
account_state_words_fit(const struct account_state *s, struct str words)
{
	unsigned need = 0, have = 0;
	uint64_t used;
	struct str word, all = words;

	while (str_split(&words, ' ', &word))
		if (account_state_keyword_bit(s, word) < 0)
			need++;
	for (unsigned i = 0; i < MESSAGE_KEYWORDS; i++)
		have += s->keywords[i] == NULL;
	if (need <= have)
		return true;
	used =
	    account_state_keywords_used(s) | account_state_words_known(s, all);
	have = MESSAGE_KEYWORDS - (unsigned)__builtin_popcountll(used);
	return need <= have;
}

struct str
account_state_words_of(const struct account_state *s, struct arena *a,
    uint64_t bits)
{
	struct buf b;

	buf_init(&b, a, 0x4000);
	for (unsigned i = 0; i < MESSAGE_KEYWORDS; i++) {
		if ((bits >> i & 1) == 0 || s->keywords[i] == NULL)
			continue;
		if (b.n > 0)
			buf_char(&b, ' ');
		buf_c(&b, s->keywords[i]);
	}
	return buf_str(&b);
}

/* --- rows and tombstones --- */

static void
account_state_count(struct account_state *s, struct folder_state *f,
    const struct message *m, int sign)
{
	uint64_t one = (uint64_t)(int64_t)sign;

	f->pub.messages = f->pub.messages + (uint32_t)sign;
	if ((m->flags & MESSAGE_SEEN) == 0)
		f->pub.unseen += (uint32_t)sign;
	if ((m->flags & MESSAGE_DELETED) != 0)
		f->pub.deleted += (uint32_t)sign;
	f->pub.bytes += one * m->bytes;
	s->bytes += one * m->bytes;
	s->messages += one;
}

void
account_state_row_add(struct account_state *s, struct folder_state *f,
    const struct message *m)
{
	rows_push(&f->rows, m);
	account_state_count(s, f, m, 1);
	account_state_name_add(s, &m->name);
	if (m->uid >= f->pub.uidnext)
		f->pub.uidnext = m->uid == UINT32_MAX ? m->uid : m->uid + 1;
}

void
account_state_tomb_add(struct account_state *s, const struct tombstone *t)
{
	if (s->tomb_count == s->tomb_size) {
		s->tomb_size = s->tomb_size < 8 ? 8 : s->tomb_size * 2;
		s->tombs = xrealloc(s->tombs, s->tomb_size, sizeof(*s->tombs));
	}
	s->tombs[s->tomb_count++] = *t;
	account_state_name_add(s, &t->name);
}

static void
account_state_gone_add(struct account_state *s, uint32_t folder,
    const struct message *m)
{
	if (s->base_seq == 0 && !s->gone_new)
		return;
	if (s->gone_count == s->gone_size) {
		s->gone_size = s->gone_size < 8 ? 8 : s->gone_size * 2;
		s->gone = xrealloc(s->gone, s->gone_size, sizeof(*s->gone));
	}
	s->gone[s->gone_count++] = (struct account_gone){ folder, m->uid };
}

/*
 * Of too many marks one must go: not one of the last days, by which FORGET
 * goes; among the older ones that which, for its age, leaves the smallest gap.
 * Then a date years ago is known to a sixth of its age or so.
 */
static unsigned
account_mark_dispensable(const struct account_state *s, uint32_t now)
{
	unsigned best = 1;
	uint64_t best_gap = UINT64_MAX;

	for (unsigned i = 1; i + 1 < s->mark_count; i++) {
		uint64_t age = now - s->marks[i].time;
		uint64_t gap = s->marks[i + 1].time - s->marks[i - 1].time;

		if (age < ACCOUNT_MARKS_EXACT_S)
			break;
		gap = gap * 1024 / age;
		if (gap < best_gap) {
			best_gap = gap;
			best = i;
		}
	}
	return best;
}

void
account_state_mark_add(struct account_state *s, uint64_t seq, uint32_t time)
{
	if (s->mark_count > 0 && time <= s->marks[s->mark_count - 1].time)
		return;
	if (s->mark_count == ACCOUNT_MARKS) {
		unsigned out = account_mark_dispensable(s, time);
		memmove(&s->marks[out], &s->marks[out + 1],
		    (ACCOUNT_MARKS - 1 - out) * sizeof(s->marks[0]));
		s->mark_count--;
	}
	s->marks[s->mark_count++] = (struct account_mark){ seq, time };
}

/* --- applying --- */

struct account_apply {
	struct account_state *s;
	const struct account_op *op;
	uint64_t seq;
	struct folder_state *f, *to;
	uint64_t set, clear; /* keywords */
};

static void
account_apply_add(struct account_apply *ap)
{
	const struct account_op *op = ap->op;
	struct message m = {
		.flags = op->flags,
		.bytes = op->bytes,
		.date = (int64_t)op->time,
		.modseq = ap->seq,
		.name = op->name,
	};

	if (ap->f == NULL || account_state_knows(ap->s, &op->name) ||
	    ap->f->pub.uidnext == UINT32_MAX)
		return;
	m.uid = ap->f->pub.uidnext;
	m.keywords = account_state_words(ap->s, op->words, true);
	account_state_row_add(ap->s, ap->f, &m);
	ap->f->pub.highestmodseq = ap->seq;
}

static void
account_apply_change(struct account_apply *ap, struct message *m, uint8_t flags,
    uint64_t keywords)
{
	account_state_count(ap->s, ap->f, m, -1);
	m->flags = flags;
	m->keywords = keywords;
	m->modseq = ap->seq;
	account_state_count(ap->s, ap->f, m, 1);
	ap->f->pub.highestmodseq = ap->seq;
}

static bool
account_apply_delta_row(struct message *m, void *arg)
{
	struct account_apply *ap = arg;

	account_apply_change(ap, m,
	    (uint8_t)((m->flags | ap->op->flags) & ~ap->op->flags2),
	    (m->keywords | ap->set) & ~ap->clear);
	return false;
}

static void
account_apply_delta(struct account_apply *ap)
{
	if (ap->f == NULL)
		return;
	ap->set = account_state_words(ap->s, ap->op->words, true);
	ap->clear = account_state_words(ap->s, ap->op->words2, false);
	rows_each(&ap->f->rows, &ap->op->uids, account_apply_delta_row, ap);
}

static bool
account_apply_set_row(struct message *m, void *arg)
{
	struct account_apply *ap = arg;

	account_apply_change(ap, m, ap->op->flags, ap->set);
	return false;
}

static void
account_apply_set(struct account_apply *ap)
{
	if (ap->f == NULL)
		return;
	ap->set = account_state_words(ap->s, ap->op->words, true);
	rows_each(&ap->f->rows, &ap->op->uids, account_apply_set_row, ap);
}

static bool
account_apply_expunge_row(struct message *m, void *arg)
{
	struct account_apply *ap = arg;
	struct tombstone tomb = {
		.folder = ap->f->pub.id,
		.uid = m->uid,
		.modseq = ap->seq,
		.bytes = m->bytes,
		.date = m->date,
		.flags = m->flags,
		.name = m->name,
	};

	account_state_count(ap->s, ap->f, m, -1);
	account_state_gone_add(ap->s, ap->f->pub.id, m);
	account_state_tomb_add(ap->s, &tomb);
	ap->f->pub.highestmodseq = ap->seq;
	return true;
}

static void
account_apply_expunge(struct account_apply *ap)
{
	if (ap->f != NULL)
		rows_each(&ap->f->rows, &ap->op->uids,
		    account_apply_expunge_row, ap);
}

static bool
account_apply_move_row(struct message *m, void *arg)
{
	struct account_apply *ap = arg;
	struct tombstone tomb = {
		.folder = ap->f->pub.id,
		.uid = m->uid,
		.modseq = ap->seq,
	};
	struct message moved = *m;

	if (ap->to->pub.uidnext == UINT32_MAX)
		return false;
	account_state_count(ap->s, ap->f, m, -1);
	account_state_gone_add(ap->s, ap->f->pub.id, m);
	account_state_tomb_add(ap->s, &tomb);
	moved.uid = ap->to->pub.uidnext;
	moved.modseq = ap->seq;
	account_state_row_add(ap->s, ap->to, &moved);
	ap->f->pub.highestmodseq = ap->to->pub.highestmodseq = ap->seq;
	return true;
}

static void
account_apply_move(struct account_apply *ap)
{
	ap->to = account_state_folder(ap->s, ap->op->folder2);
	if (ap->f != NULL && ap->to != NULL)
		rows_each(&ap->f->rows, &ap->op->uids, account_apply_move_row,
		    ap);
}

static void
account_apply_create(struct account_apply *ap)
{
	struct folder pub = {
		.id = ap->op->folder,
		.name = ap->op->text,
		.uidvalidity = ap->op->uidvalidity,
		.uidnext = 1,
		.highestmodseq = ap->seq,
		.created = ap->seq,
		.use = (enum folder_use)ap->op->use,
	};

	if (account_state_folder_add(ap->s, &pub) != NULL && ap->op->subscribed)
		account_state_subscribe(ap->s, ap->op->text, true);
}

static void
account_apply_delete(struct account_apply *ap)
{
	struct uid_range every = { 1, UINT32_MAX };
	struct uidset all = { .r = &every, .n = 1 };

	if (ap->f == NULL)
		return;
	rows_each(&ap->f->rows, &all, account_apply_expunge_row, ap);
	account_state_folder_remove(ap->s, ap->f);
}

static void
account_apply_rename(struct account_apply *ap)
{
	struct account_state *s = ap->s;
	struct folder_state *f = ap->f;

	if (f == NULL || account_state_named(s, ap->op->text) != NULL)
		return;
	account_state_remove(s->by_name, s->folder_count,
	    account_state_name_lower(s, f->pub.name));
	free((char *)f->pub.name.p);
	f->pub.name =
	    str_of(account_state_strdup(ap->op->text), ap->op->text.n);
	s->folder_count--;
	account_state_insert(s->by_name, s->folder_count,
	    account_state_name_lower(s, f->pub.name), f);
	s->folder_count++;
	f->pub.subscribed = account_state_subscribed(s, f->pub.name);
	f->pub.highestmodseq = ap->seq;
}

static void
account_apply_subscribe(struct account_apply *ap)
{
	account_state_subscribe(ap->s, ap->op->text, ap->op->letter == 'u');
}

static void
account_apply_wipe(struct account_apply *ap)
{
	if (ap->f == NULL)
		return;
	ap->f->pub.uidvalidity = ap->op->uidvalidity;
	ap->f->pub.highestmodseq = ap->seq;
	if (ap->op->uidvalidity > ap->s->uidvalidity_top)
		ap->s->uidvalidity_top = ap->op->uidvalidity;
}

static void
account_apply_mark(struct account_apply *ap)
{
	account_state_mark_add(ap->s, ap->seq, (uint32_t)ap->op->time);
}

static void
account_apply_state(struct account_apply *ap)
{
	if (ap->s->state == 'p')
		return;
	ap->s->state = ap->op->letter == 'K'   ? 'k'
		       : ap->op->letter == 'P' ? 'p'
					       : 'o';
}

static void
account_apply_forget(struct account_apply *ap)
{
	struct account_state *s = ap->s;
	unsigned cut = 0;

	if (ap->op->seq <= s->forgotten)
		return;
	s->forgotten = ap->op->seq;
	while (cut < s->tomb_count && s->tombs[cut].modseq <= s->forgotten)
		cut++;
	if (cut > 0) /* tombs may be NULL */
		memmove(s->tombs, s->tombs + cut,
		    (s->tomb_count - cut) * sizeof(*s->tombs));
	s->tomb_count -= cut;
	/* Marks stay: retention asks for older times. */
}

static const struct account_applier {
	char letter;
	bool when_closed;
	void (*apply)(struct account_apply *ap);
} account_appliers[] = {
	{ 'a', false, account_apply_add },
	{ 'h', false, account_apply_add },
	{ 'f', false, account_apply_delta },
	{ 's', false, account_apply_set },
	{ 'x', false, account_apply_expunge },
	{ 'm', false, account_apply_move },
	{ 'c', false, account_apply_create },
	{ 'd', false, account_apply_delete },
	{ 'r', false, account_apply_rename },
	{ 'u', false, account_apply_subscribe },
	{ 'v', false, account_apply_subscribe },
	{ 'w', true, account_apply_wipe },
	{ 'i', true, account_apply_mark },
	{ 'K', true, account_apply_state },
	{ 'O', true, account_apply_state },
	{ 'P', true, account_apply_state },
	{ 'F', true, account_apply_forget },
};

static const struct account_applier *
account_applier_find(char letter)
{
	for (size_t i = 0; i < countof(account_appliers); i++)
		if (account_appliers[i].letter == letter)
			return &account_appliers[i];
	panic("operation %c without a meaning", letter);
}

void
account_state_apply(struct account_state *s, const struct account_op *ops,
    unsigned n, uint64_t seq)
{
	for (unsigned i = 0; i < n; i++) {
		const struct account_applier *a =
		    account_applier_find(ops[i].letter);
		struct account_apply ap = {
			.s = s,
			.op = &ops[i],
			.seq = seq,
		};

		if (s->state != 'o' && !a->when_closed)
			continue;
		if (ops[i].folder != 0)
			ap.f = account_state_folder(s, ops[i].folder);
		a->apply(&ap);
	}
}
