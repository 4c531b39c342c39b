/* wa_book.c - the account workload's observer: what was acknowledged */
#include "wa.h"

#include <stdio.h>
#include <stdlib.h>

const char *const wa_ids[WA_ACCOUNTS] = { "aa-anna", "bo-bodo" };

void
wa_book_new(struct sim_world *w)
{
	w->app = xcalloc(1, sizeof(struct wa_book));
}

void
wa_restarted(struct sim_node *n)
{
	struct wa_book *b = wa_book(n->w);

	for (unsigned a = 0; a < WA_ACCOUNTS; a++)
		if (b->accounts[a].shutting && b->accounts[a].shutter == n->id)
			b->accounts[a].shutting = false;
}

/* UIDs. */

static size_t
wa_seen_place(const struct wa_book *b, unsigned a, uint32_t folder,
    uint32_t uidvalidity, uint32_t uid)
{
	uint64_t h = ((uint64_t)folder * 0x9e3779b97f4a7c15ULL) ^
		     ((uint64_t)uidvalidity << 20) ^
		     ((uint64_t)uid * 0x85ebca6b) ^ a;
	size_t i = (h ^ h >> 31) % b->seen_size;

	for (;; i = (i + 1) % b->seen_size) {
		const struct wa_seen *s = &b->seen[i];

		if (!s->used ||
		    (s->account == a && s->folder == folder &&
			s->uidvalidity == uidvalidity && s->uid == uid))
			return i;
	}
}

static void
wa_seen_grow(struct wa_book *b)
{
	struct wa_seen *old = b->seen;
	unsigned size = b->seen_size;

	b->seen_size = size == 0 ? 1024 : size * 2;
	b->seen = xcalloc(b->seen_size, sizeof(*b->seen));
	for (unsigned i = 0; i < size; i++)
		if (old[i].used)
			b->seen[wa_seen_place(b, old[i].account, old[i].folder,
			    old[i].uidvalidity, old[i].uid)] = old[i];
	free(old);
}

/* What this UID means; made if it was never seen. */
static struct wa_seen *
wa_seen(struct wa_book *b, unsigned a, uint32_t folder, uint32_t uidvalidity,
    uint32_t uid)
{
	struct wa_seen *s;

	if (b->seen_n * 2 >= b->seen_size)
		wa_seen_grow(b);
	s = &b->seen[wa_seen_place(b, a, folder, uidvalidity, uid)];
	if (s->used)
		return s;
	*s = (struct wa_seen){ .used = true,
		.account = a,
		.folder = folder,
		.uidvalidity = uidvalidity,
		.uid = uid };
	b->seen_n++;
	return s;
}

static bool
wa_name_is_set(const struct message_name *m)
{
	return !txid_is_zero(&m->txid);
}

static void
wa_means(struct sim_node *n, struct wa_seen *s, const struct message_name *m,
    bool acked)
{
	char old[MESSAGE_NAME_MAX + 1], new[MESSAGE_NAME_MAX + 1];

	if (wa_name_is_set(&s->name) && !message_name_eq(&s->name, m) &&
	    (n->w->forgot == 0 || (s->acked && acked))) {
		message_name_format(&s->name, old);
		message_name_format(m, new);
		sim_fail(n->w,
		    "%s, folder %u (%u): UID %u was %s, and is %s for %s",
		    wa_ids[s->account], s->folder, s->uidvalidity, s->uid, old,
		    new, n->name);
	}
	if (s->acked && !acked)
		return;
	s->name = *m;
	s->acked = s->acked || acked;
}

void
wa_observe(struct sim_node *n, unsigned a, const struct account *acc)
{
	struct wa_book *b = wa_book(n->w);

	for (unsigned i = 0; i < folder_count(acc); i++) {
		const struct folder *f = folder_nth(acc, i);
		uint32_t last = 0;

		for (uint32_t k = 0; k < f->messages; k++) {
			const struct message *m = message_nth(acc, f->id, k);

			if (m->uid <= last || m->uid >= f->uidnext)
				sim_fail(n->w,
				    "%s: UIDs of folder %u do not rise",
				    n->name, f->id);
			last = m->uid;
			wa_means(n,
			    wa_seen(b, a, f->id, f->uidvalidity, m->uid),
			    &m->name, false);
		}
	}
}

/* Mails. */

unsigned
wa_mail_new(struct sim_world *w, unsigned a, unsigned tag, unsigned size)
{
	struct wa_book *b = wa_book(w);
	struct wa_account *ac = &b->accounts[a];

	if (b->mails_n == b->mails_size) {
		b->mails_size = b->mails_size == 0 ? 64 : b->mails_size * 2;
		b->mails = xrealloc(b->mails, b->mails_size, sizeof(*b->mails));
	}
	b->mails[b->mails_n] = (struct wa_mail){ .account = a,
		.tag = tag,
		.size = size,
		.closed = ac->closed == WA_YES,
		.closed_life = ac->closed_life };
	return b->mails_n++;
}

static struct wa_mail *
wa_mail_by_name(struct wa_book *b, unsigned a, const struct message_name *m)
{
	for (unsigned i = 0; i < b->mails_n; i++)
		if (b->mails[i].account == a &&
		    b->mails[i].status == WA_ACKED &&
		    message_name_eq(&b->mails[i].name, m))
			return &b->mails[i];
	return NULL;
}

static void
wa_accepted(struct sim_node *n, struct wa_mail *m)
{
	struct wa_book *b = wa_book(n->w);
	struct wa_seen *s;

	m->status = WA_ACKED;
	if (m->uid == 0)
		return;
	s = wa_seen(b, m->account, m->folder, m->uidvalidity, m->uid);
	wa_means(n, s, &m->name, true);
}

void
wa_delivered(struct sim_node *n, unsigned i, const struct err *e,
    const struct message_place *place)
{
	struct wa_mail *m = &wa_book(n->w)->mails[i];
	const struct wa_account *ac = &wa_book(n->w)->accounts[m->account];

	if (e != NULL) {
		m->status = journal_err_is_verdict(e) ? WA_REFUSED : WA_UNKNOWN;
		sim_say(n->w, n, "delivery of %u to %s: %s (%s)", m->tag,
		    wa_ids[m->account], err_name(err_code(e)), e->text);
		return;
	}
	sim_say(n->w, n, "delivery of %u to %s is ACKNOWLEDGED, UID %u", m->tag,
	    wa_ids[m->account], place->uid);
	if (m->closed && ac->closed == WA_YES &&
	    ac->closed_life == m->closed_life)
		sim_fail(n->w, "%s delivers %u into the closed %s", n->name,
		    m->tag, wa_ids[m->account]);
	m->folder = place->folder;
	m->uidvalidity = place->uidvalidity;
	m->uid = place->uid;
	m->name = place->name;
	wa_accepted(n, m);
}

void
wa_tried(struct sim_node *n, unsigned a, const struct account *acc,
    uint32_t folder, const struct uidset *uids)
{
	struct wa_book *b = wa_book(n->w);
	const struct folder *f = folder_by_id(acc, folder);

	for (uint32_t k = 0; f != NULL && k < f->messages; k++) {
		const struct message *m = message_nth(acc, folder, k);
		struct wa_mail *mail;

		if (!uidset_has(uids, m->uid))
			continue;
		wa_seen(b, a, folder, f->uidvalidity, m->uid)->tried = true;
		mail = wa_mail_by_name(b, a, &m->name);
		if (mail != NULL)
			mail->tries++;
	}
}

/* For good: undelete brings a copy, of another name. */
static void
wa_removed(struct sim_node *n, struct wa_seen *s)
{
	struct wa_book *b = wa_book(n->w);
	const struct wa_mail *mail;

	s->gone = true;
	if (!wa_name_is_set(&s->name))
		return;
	if (b->removed_n == b->removed_size) {
		b->removed_size =
		    b->removed_size == 0 ? 64 : b->removed_size * 2;
		b->removed =
		    xrealloc(b->removed, b->removed_size, sizeof(*b->removed));
	}
	b->removed[b->removed_n++] = (struct wa_removed){
		.account = s->account,
		.name = s->name,
		.at_us = n->w->now_us,
	};
	mail = wa_mail_by_name(b, s->account, &s->name);
	if (mail == NULL)
		return;
	b->removed[b->removed_n - 1].tag = mail->tag;
	b->removed[b->removed_n - 1].size = mail->size;
}

const struct wa_removed *
wa_any_removed(struct sim_node *n, unsigned a, uint64_t us)
{
	const struct wa_book *b = wa_book(n->w);

	for (unsigned i = b->removed_n; i > 0; i--) {
		const struct wa_removed *r = &b->removed[i - 1];

		if (r->at_us + us < n->w->now_us)
			return NULL;
		if (r->account == a && r->tag != 0 && r->name.ordinal == 0 &&
		    rnd_below(&n->rnd, 3) == 0)
			return r;
	}
	return NULL;
}

void
wa_expunged(struct sim_node *n, unsigned a, const struct account *acc,
    uint32_t folder, uint32_t uidvalidity, const struct uidset *gone)
{
	struct wa_book *b = wa_book(n->w);

	(void)acc;
	for (uint32_t i = 0; i < gone->n; i++)
		for (uint64_t u = gone->r[i].lo; u <= gone->r[i].hi; u++) {
			sim_say(n->w, n,
			    "%s: removal of UID %u (folder %u) ACKNOWLEDGED",
			    wa_ids[a], (unsigned)u, folder);
			wa_removed(n,
			    wa_seen(b, a, folder, uidvalidity, (uint32_t)u));
		}
}

void
wa_stored(struct sim_node *n, unsigned a, uint32_t folder, uint32_t uidvalidity,
    const struct uidset *uids)
{
	struct wa_book *b = wa_book(n->w);

	for (uint32_t i = 0; i < uids->n; i++)
		for (uint64_t u = uids->r[i].lo; u <= uids->r[i].hi; u++)
			wa_seen(b, a, folder, uidvalidity, (uint32_t)u)
			    ->flagged = true;
}

void
wa_copied(struct sim_node *n, unsigned a, uint32_t to,
    const struct message_moved *m)
{
	struct wa_book *b = wa_book(n->w);

	for (uint32_t i = 0; i < m->n; i++) {
		unsigned k = wa_mail_new(n->w, a, 0, 0);
		struct wa_mail *mail = &b->mails[k];

		/* Its name is seen when it is looked at. */
		sim_say(n->w, n, "%s: copy to folder %u ACKNOWLEDGED, UID %u",
		    wa_ids[a], to, m->to_r[i]);
		mail->folder = to;
		mail->uidvalidity = m->uidvalidity;
		mail->uid = m->to_r[i];
		mail->status = WA_ACKED;
	}
}

void
wa_moved(struct sim_node *n, unsigned a, uint32_t from, uint32_t uidvalidity,
    uint32_t to, const struct message_moved *m)
{
	struct wa_book *b = wa_book(n->w);

	for (uint32_t i = 0; i < m->n; i++) {
		struct wa_seen *s =
		    wa_seen(b, a, from, uidvalidity, m->from_r[i]);
		struct message_name name = s->name;
		struct wa_mail *mail = wa_mail_by_name(b, a, &name);

		sim_say(n->w, n,
		    "%s: move of UID %u to folder %u "
		    "ACKNOWLEDGED, UID %u",
		    wa_ids[a], m->from_r[i], to, m->to_r[i]);
		s->gone = true;
		if (mail == NULL || --mail->tries > 0)
			continue;
		mail->folder = to;
		mail->uidvalidity = m->uidvalidity;
		mail->uid = m->to_r[i];
		wa_accepted(n, mail);
	}
}

/* "Subject: tag N" */
static unsigned
wa_tag_of(struct str bytes)
{
	unsigned tag = 0;
	char head[80];

	snprintf(head, sizeof(head), STR_FMT, STR_ARG(str_sub(bytes, 0, 60)));
	if (sscanf(head, "From: a@example.org\r\nSubject: tag %u\r\n", &tag) !=
	    1)
		return 0;
	return tag;
}

void
wa_was_read(struct sim_node *n, unsigned a, const struct message_name *name,
    struct str bytes)
{
	struct wa_mail *m = wa_mail_by_name(wa_book(n->w), a, name);

	if (m != NULL && m->tag != 0 && wa_tag_of(bytes) != m->tag)
		sim_fail(n->w,
		    "%s reads %zu bytes of %u, message %u with %u should be "
		    "there: " STR_FMT,
		    n->name, bytes.n, wa_tag_of(bytes), m->tag, m->size,
		    STR_ARG(str_sub(bytes, 0, 60)));
	if (m != NULL && m->size != 0 && bytes.n != m->size)
		sim_fail(n->w, "%s reads %zu bytes of message %u with %u",
		    n->name, bytes.n, m->tag, m->size);
}

/* At the end. */

static void
wa_dump(const struct account *acc, struct arena *a, struct buf *b)
{
	const struct tombstone **tombs;
	unsigned n;

	buf_fmt(b, "head %llu bytes %llu messages %llu forgotten %llu\n",
	    (unsigned long long)account_head(acc),
	    (unsigned long long)account_bytes(acc),
	    (unsigned long long)account_messages(acc),
	    (unsigned long long)account_forgotten(acc));
	for (unsigned i = 0; i < folder_count(acc); i++) {
		const struct folder *f = folder_nth(acc, i);

		buf_fmt(b, "folder %u " STR_FMT " %u %u %llu %c %d\n", f->id,
		    STR_ARG(f->name), f->uidvalidity, f->uidnext,
		    (unsigned long long)f->highestmodseq, f->use,
		    f->subscribed);
		for (uint32_t k = 0; k < f->messages; k++) {
			const struct message *m = message_nth(acc, f->id, k);
			char name[MESSAGE_NAME_MAX + 1];

			message_name_format(&m->name, name);
			buf_fmt(b, "%u %x %llu %llu %lld %s", m->uid, m->flags,
			    (unsigned long long)m->modseq,
			    (unsigned long long)m->bytes, (long long)m->date,
			    name);
			for (unsigned w = 0; w < MESSAGE_KEYWORDS; w++)
				if (m->keywords >> w & 1)
					buf_fmt(b, " " STR_FMT,
					    STR_ARG(message_keyword(acc, w)));
			buf_c(b, "\n");
		}
	}
	n = message_tombstones(acc, 0, a, &tombs);
	for (unsigned i = 0; i < n; i++) {
		char name[MESSAGE_NAME_MAX + 1];

		message_name_format(&tombs[i]->name, name);
		buf_fmt(b, "tomb %u %u %llu %s\n", tombs[i]->folder,
		    tombs[i]->uid, (unsigned long long)tombs[i]->modseq, name);
	}
}

static void
wa_judge_mail(struct sim_node *n, const struct account *acc,
    const struct wa_mail *m)
{
	const struct folder *f = folder_by_id(acc, m->folder);
	const struct message *row;
	const struct wa_seen *s;

	/* Folder 0: it was gone again when it was acknowledged. */
	if (m->status != WA_ACKED || m->tries > 0 || m->folder == 0)
		return;
	if (f == NULL) {
		/* A folder of the nodes' own making may have been deleted. */
		if (m->folder >= ACCOUNT_FOLDER_RANDOM)
			return;
		sim_fail(n->w, "%s: folder %u is gone", wa_ids[m->account],
		    m->folder);
	}
	if (f->uidvalidity != m->uidvalidity && n->w->forgot == 0)
		sim_fail(n->w, "%s: folder %u has another UIDVALIDITY",
		    wa_ids[m->account], m->folder);
	/* After a fork UIDs may be others; the message must be there. */
	if (f->uidvalidity != m->uidvalidity || m->uid == 0)
		return;
	row = message_by_uid(acc, m->folder, m->uid, NULL);
	s = wa_seen(wa_book(n->w), m->account, m->folder, m->uidvalidity,
	    m->uid);
	/* Others may have taken it away before its delivery was answered. */
	if (s->tried || s->gone)
		return;
	if (row == NULL)
		sim_fail(n->w,
		    "message %u, acknowledged in %s as UID %u of folder %u, "
		    "is LOST",
		    m->tag, wa_ids[m->account], m->uid, m->folder);
	if (wa_name_is_set(&m->name) && !message_name_eq(&row->name, &m->name))
		sim_fail(n->w, "%s: UID %u is another message than %u",
		    wa_ids[m->account], m->uid, m->tag);
	if (s->flagged && !(row->flags & MESSAGE_SEEN))
		sim_fail(n->w, "%s: message %u has lost its \\Seen",
		    wa_ids[m->account], m->tag);
}

/* Every row: its file, its content; and no removed one. */
static void
wa_judge_rows(struct sim_node *n, unsigned a, const struct account *acc)
{
	struct wa_book *b = wa_book(n->w);

	for (unsigned i = 0; i < folder_count(acc); i++) {
		const struct folder *f = folder_nth(acc, i);

		for (uint32_t k = 0; k < f->messages; k++) {
			const struct message *m = message_nth(acc, f->id, k);
			char name[MESSAGE_NAME_MAX + 1], month[7], path[200];
			uint64_t o;

			message_name_format(&m->name, name);
			message_month_format(m->name.month, month);
			snprintf(path, sizeof(path),
			    "accounts/%.2s/%s/msg/%s/%s", wa_ids[a], wa_ids[a],
			    month, name);
			o = tree_find(n->w->tree, path);
			if (o == 0)
				sim_fail(n->w,
				    "%s: UID %u of folder %u has no file",
				    wa_ids[a], m->uid, f->id);
			if (tree_content(n->w->tree, o).n != m->bytes)
				sim_fail(n->w,
				    "%s: UID %u of folder %u: wrong size",
				    wa_ids[a], m->uid, f->id);
			wa_was_read(n, a, &m->name,
			    tree_content(n->w->tree, o));
			if (wa_seen(b, a, f->id, f->uidvalidity, m->uid)->gone)
				sim_fail(n->w,
				    "%s: the acknowledged removal of UID %u "
				    "of folder %u is undone",
				    wa_ids[a], m->uid, f->id);
		}
	}
}

/* How often a tag is there, whole or removed, besides copies. */
static void
wa_judge_removed(struct sim_node *n, unsigned a, const struct account *acc)
{
	struct wa_book *b = wa_book(n->w);

	for (unsigned i = 0; i < folder_count(acc); i++) {
		const struct folder *f = folder_nth(acc, i);

		for (uint32_t k = 0; k < f->messages; k++)
			for (unsigned q = 0; q < b->removed_n; q++)
				if (b->removed[q].account == a &&
				    message_name_eq(&b->removed[q].name,
					&message_nth(acc, f->id, k)->name))
					sim_fail(n->w,
					    "%s: a removed message is back "
					    "in " STR_FMT,
					    wa_ids[a], STR_ARG(f->name));
	}
}

static void
wa_judge_refused(struct sim_node *n, unsigned a, const struct account *acc)
{
	struct wa_book *b = wa_book(n->w);

	for (unsigned i = 0; i < folder_count(acc); i++) {
		const struct folder *f = folder_nth(acc, i);

		for (uint32_t k = 0; k < f->messages; k++) {
			const struct message *m = message_nth(acc, f->id, k);
			char name[MESSAGE_NAME_MAX + 1], month[7], path[200];
			unsigned tag;

			message_name_format(&m->name, name);
			message_month_format(m->name.month, month);
			snprintf(path, sizeof(path),
			    "accounts/%.2s/%s/msg/%s/%s", wa_ids[a], wa_ids[a],
			    month, name);
			tag = wa_tag_of(tree_content(n->w->tree,
			    tree_find(n->w->tree, path)));
			for (unsigned q = 0; q < b->mails_n; q++)
				if (b->mails[q].account == a &&
				    b->mails[q].tag == tag && tag != 0 &&
				    b->mails[q].status == WA_REFUSED)
					sim_fail(n->w,
					    "%s: message %u was refused, and "
					    "is there",
					    wa_ids[a], tag);
		}
	}
}

void
wa_finish(struct task *t, struct sim_node *n, unsigned a, struct account *acc)
{
	struct wa_book *b = wa_book(n->w);
	struct account_check c;
	struct err *e = NULL;
	struct buf dump;

	/* Collection may be going on; connections may still end. */
	for (int i = 0; i < 20; i++) {
		c = (struct account_check){ .deep = true };
		e = account_check(t, acc, &c);
		if (e == NULL || !share_err_is_temporary(e))
			break;
		task_sleep_ms(t, 3000);
	}
	if (e != NULL)
		sim_fail(n->w, "%s: check of %s: %s", n->name, wa_ids[a],
		    e->text);
	for (; c.first_r != NULL; c.first_r = c.first_r->next)
		if (c.first_r->fatal)
			sim_fail(n->w, "%s: check of %s: %s", n->name,
			    wa_ids[a], c.first_r->text);
	wa_observe(n, a, acc);
	buf_init(&dump, NULL, 64 << 20);
	wa_dump(acc, task_arena(t), &dump);
	b->accounts[a].dump[n->id] = xstrdup(buf_cstr(&dump));
	buf_free(&dump);
	if (n->id != 0)
		return;
	for (unsigned i = 0; i < b->mails_n; i++)
		if (b->mails[i].account == a)
			wa_judge_mail(n, acc, &b->mails[i]);
	wa_judge_rows(n, a, acc);
	/* A rebuild brings back what nobody answered for, and what is neither
	 * a row nor a tombstone any more, if its file should turn up. */
	if (n->w->forgot == 0 &&
	    (!b->accounts[a].rebuilt || account_forgotten(acc) == 0))
		wa_judge_removed(n, a, acc);
	if (!b->accounts[a].rebuilt)
		wa_judge_refused(n, a, acc);
}

void
wa_check(struct sim_world *w)
{
	struct wa_book *b = wa_book(w);

	for (unsigned a = 0; a < WA_ACCOUNTS; a++)
		for (unsigned i = 1; i < w->conf.nodes; i++)
			if (strcmp(b->accounts[a].dump[i],
				b->accounts[a].dump[0]) != 0)
				sim_fail(w, "%s: n1 and n%u differ", wa_ids[a],
				    i + 1);
}
