/* quota.c - how much an account holds, and how much it may */
#include "storage/quota.h"

#include "storage/account_private.h"

#define QUOTA_FILE "quota"
#define QUOTA_FILE_MAX 256

struct err *
quota_check_usage(struct arena *a, uint64_t used_bytes, uint64_t used_messages,
    const struct quota_limit *l, uint64_t bytes, uint64_t messages)
{
	if (l == NULL)
		return NULL;
	if (l->bytes != 0 &&
	    (used_bytes > l->bytes || bytes > l->bytes - used_bytes ||
		(bytes == 0 && used_bytes == l->bytes)))
		return err_new(a, ERR_OVERQUOTA, "the mailbox is full",
		    "%llu of %llu bytes used, %llu more asked for",
		    (unsigned long long)used_bytes,
		    (unsigned long long)l->bytes, (unsigned long long)bytes);
	if (l->messages != 0 &&
	    (used_messages > l->messages ||
		messages > l->messages - used_messages ||
		(messages == 0 && used_messages == l->messages)))
		return err_new(a, ERR_OVERQUOTA,
		    "the mailbox holds as many messages as it may", NULL);
	return NULL;
}

struct err *
quota_check(struct arena *a, const struct account *acc,
    const struct quota_limit *l, uint64_t bytes, uint64_t messages)
{
	return quota_check_usage(a, account_bytes(acc), account_messages(acc),
	    l, bytes, messages);
}

static bool
quota_line(struct str *rest, const char *key, uint64_t *v_r)
{
	struct str line, word;

	return str_split(rest, '\n', &line) && str_split(&line, ' ', &word) &&
	       str_eq_c(word, key) && str_u64(line, v_r);
}

struct err *
quota_read(struct task *t, struct mailstore *ms, struct str id,
    struct quota_usage *u_r)
{
	struct share *s = mailstore_share(ms);
	struct share_fh dir;
	struct str text;
	struct err *e = mailstore_account_dir(t, ms, id, &dir);

	if (e == NULL)
		e = share_get(t, s, SHARE_LANE_ADMIN, &dir, STR(QUOTA_FILE),
		    QUOTA_FILE_MAX, task_arena(t), &text);
	if (err_is(e, ERR_NOENT))
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "the account's usage was not published yet", NULL);
	if (e != NULL)
		return e;
	if (!quota_line(&text, "bytes", &u_r->bytes) ||
	    !quota_line(&text, "messages", &u_r->messages) ||
	    !quota_line(&text, "head", &u_r->head))
		return err_new(task_arena(t), ERR_CORRUPT,
		    "the account's quota file is damaged", NULL);
	return NULL;
}

struct err *
quota_publish(struct task *t, struct account *acc)
{
	struct share *s = mailstore_share(acc->ms);
	unsigned char random[8];
	struct buf text, name;
	uint64_t head;
	struct err *e;

	e = account_loaded(t, acc);
	if (e != NULL || acc->quota_head == account_head(acc))
		return e;
	head = account_head(acc);
	buf_init(&text, task_arena(t), QUOTA_FILE_MAX);
	buf_fmt(&text, "bytes %llu\nmessages %llu\nhead %llu\n",
	    (unsigned long long)acc->state.bytes,
	    (unsigned long long)acc->state.messages, (unsigned long long)head);
	task_random(t, random, sizeof(random));
	buf_init(&name, task_arena(t), 64);
	buf_c(&name, QUOTA_FILE ".");
	buf_hex(&name, random, sizeof(random));
	e = share_put(t, s, SHARE_LANE_ADMIN, &acc->dir, buf_str(&name), text.p,
	    text.n, NULL);
	if (e == NULL)
		e = share_rename(t, s, SHARE_LANE_ADMIN, &acc->dir,
		    buf_str(&name), &acc->dir, STR(QUOTA_FILE));
	if (e == NULL) {
		acc->quota_head = head;
		return NULL;
	}
	/* an untidy name is all that can remain */
	err_ignore(share_remove_quiet(t, s, SHARE_LANE_ADMIN, &acc->dir,
	    buf_str(&name)));
	return e;
}
