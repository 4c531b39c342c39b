/* message_file.c - message files: finding, reading, linking, removing */
#include <stdlib.h>

#include "storage/account_private.h"

#define MESSAGE_READ_TRIES 4
#define MESSAGE_LINK_TRIES 5
#define MESSAGE_COPY_CHUNK (256 * 1024)

struct err *
message_lookup(struct task *t, struct account *acc,
    const struct message_name *name, struct share_fh *fh_r,
    struct share_attr *attr_r)
{
	char text[MESSAGE_NAME_MAX + 1];
	struct share_fh dir;
	struct err *e;

	message_name_format(name, text);
	for (unsigned tries = 0;; tries++) {
		e = account_month_dir(t, acc, name->month, false, &dir);
		if (e == NULL)
			e = mailstore_lookup(t, acc->ms, SHARE_LANE_BULK, &dir,
			    str_c(text), fh_r, attr_r);
		if (!err_is(e, ERR_STALE) || tries > 0)
			break;
		account_month_forget(acc);
	}
	if (e == NULL && attr_r != NULL && attr_r->type != SHARE_REG)
		e = err_new(task_arena(t), ERR_CORRUPT,
		    "the message is not a plain file", "%s", text);
	return e;
}

static struct err *
message_gone(struct task *t, const struct message_name *name)
{
	char text[MESSAGE_NAME_MAX + 1];

	message_name_format(name, text);
	return err_new(task_arena(t), ERR_CORRUPT,
	    "the message's file is missing", "%s", text);
}

static const struct message_name *
message_name_of(const struct account *acc, uint32_t folder, uint32_t uid,
    uint64_t *bytes_r)
{
	const struct message *m = message_by_uid(acc, folder, uid, NULL);
	const struct account_state *s = &acc->state;

	if (m != NULL) {
		*bytes_r = m->bytes;
		return &m->name;
	}
	for (unsigned i = s->tomb_count; i-- > 0;)
		if (s->tombs[i].folder == folder && s->tombs[i].uid == uid &&
		    s->tombs[i].name.month != 0) {
			*bytes_r = s->tombs[i].bytes;
			return &s->tombs[i].name;
		}
	return NULL;
}

struct err *
message_file_open(struct task *t, struct account *acc, uint32_t folder,
    uint32_t uid, struct message_file *f_r)
{
	const struct message_name *name;
	struct share_attr attr;
	struct err *e;

	name = message_name_of(acc, folder, uid, &f_r->bytes);
	if (name == NULL)
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "there is no such message", NULL);
	f_r->name = *name;
	e = message_lookup(t, acc, &f_r->name, &f_r->fh, &attr);
	if (err_is(e, ERR_NOENT))
		return message_gone(t, &f_r->name);
	if (e == NULL && attr.size != f_r->bytes)
		e = err_new(task_arena(t), ERR_CORRUPT,
		    "the message's file has another size", NULL);
	return e;
}

struct err *
message_file_read(struct task *t, struct account *acc,
    const struct message_file *f, uint64_t offset, void *into, uint32_t n,
    uint32_t *count_r)
{
	struct share *s = mailstore_share(acc->ms);
	struct err *e = NULL;
	bool eof;

	*count_r = 0;
	if (offset >= f->bytes)
		return NULL;
	if (n > f->bytes - offset)
		n = (uint32_t)(f->bytes - offset);
	if (n > SHARE_READ_MAX)
		n = SHARE_READ_MAX;
	for (unsigned tries = 0; tries < MESSAGE_READ_TRIES; tries++) {
		e = share_read(t, s, SHARE_LANE_BULK, &f->fh, offset, into, n,
		    count_r, &eof);
		if (!share_err_is_unknown(e) || task_check(t) != NULL)
			break;
	}
	return e;
}

struct err *
message_read_all(struct task *t, struct account *acc, uint32_t folder,
    uint32_t uid, uint64_t max_bytes, struct arena *a, struct str *bytes_r)
{
	struct share *s = mailstore_share(acc->ms);
	struct message_file f;
	struct err *e;

	e = message_file_open(t, acc, folder, uid, &f);
	if (e == NULL)
		e = share_get_fh(t, s, SHARE_LANE_BULK, &f.fh, f.bytes,
		    max_bytes, a, bytes_r);
	if (e == NULL && bytes_r->n != f.bytes)
		e = err_new(task_arena(t), ERR_CORRUPT,
		    "the message's file has another size", NULL);
	return e;
}

/* --- linking --- */

static may_yield must_check struct err *
message_rewrite_bytes(struct task *t, struct share *s,
    const struct share_fh *file, struct share_stream *st, char *chunk)
{
	uint64_t at = 0;
	uint32_t got;
	bool eof = false;
	struct err *e;

	while (!eof) {
		e = share_read(t, s, SHARE_LANE_BULK, file, at, chunk,
		    MESSAGE_COPY_CHUNK, &got, &eof);
		if (e == NULL)
			e = share_stream_add(t, st, chunk, got);
		if (e != NULL)
			return e;
		at += got;
		if (got == 0)
			break;
	}
	return NULL;
}

/* Where no link can be made: too many of them, or another file system. */
static may_yield must_check struct err *
message_rewrite(struct task *t, struct account *acc,
    const struct share_fh *file, const struct share_fh *dir, struct str name)
{
	struct share *s = mailstore_share(acc->ms);
	struct share_stream *st;
	struct err *e;
	char *chunk;

	e = share_stream_open(t, s, SHARE_LANE_BULK, dir, name, &st);
	if (e != NULL)
		return e;
	chunk = xcalloc(1, MESSAGE_COPY_CHUNK);
	e = message_rewrite_bytes(t, s, file, st, chunk);
	free(chunk);
	if (e != NULL) {
		share_stream_abort(&st);
		return e;
	}
	return share_stream_close(t, &st, NULL, NULL);
}

struct err *
message_link(struct task *t, struct account *acc, const struct share_fh *file,
    const struct message_name *name)
{
	struct share *s = mailstore_share(acc->ms);
	char text[MESSAGE_NAME_MAX + 1];
	struct share_fh dir;
	struct err *e;

	message_name_format(name, text);
	for (unsigned tries = 0; tries < MESSAGE_LINK_TRIES; tries++) {
		e = account_month_dir(t, acc, name->month, true, &dir);
		if (e != NULL)
			return e;
		/* the name is ours alone: if it exists, a try made it */
		e = barrier_link(t, s, mailstore_store(acc->ms)->barrier, file,
		    &dir, str_c(text));
		if (e == NULL)
			return NULL;
		if (err_is(e, ERR_MLINK) || err_is(e, ERR_XDEV))
			return message_rewrite(t, acc, file, &dir, str_c(text));
		if (err_is(e, ERR_STALE)) {
			/* file or directory? a fresh directory tells */
			account_month_forget(acc);
			continue;
		}
		if (!share_err_is_unknown(e) || task_check(t) != NULL)
			return e;
	}
	return e;
}

struct err *
message_unlink(struct task *t, struct account *acc,
    const struct message_name *name)
{
	struct share *s = mailstore_share(acc->ms);
	char text[MESSAGE_NAME_MAX + 1];
	struct share_fh dir;
	struct err *e;

	e = account_month_dir(t, acc, name->month, false, &dir);
	if (err_is(e, ERR_NOENT))
		return NULL;
	if (e != NULL)
		return e;
	message_name_format(name, text);
	return share_remove_quiet(t, s, SHARE_LANE_BULK, &dir, str_c(text));
}

struct err *
message_source_lookup(struct task *t, struct account *acc, struct str source,
    struct share_fh *fh_r)
{
	struct share *s = mailstore_share(acc->ms);
	struct message_name name;
	struct str account;
	char month[7], text[MESSAGE_NAME_MAX + 1], *path;

	if (!account_source_parse(source, &account, &name) ||
	    (account.n > 0 && !account_id_is_valid(account)))
		return err_new(task_arena(t), ERR_NOENT,
		    "an entry names no proper source", NULL);
	if (account.n == 0)
		return message_lookup(t, acc, &name, fh_r, NULL);
	message_month_format(name.month, month);
	message_name_format(&name, text);
	path =
	    arena_printf(task_arena(t), "accounts/%.2s/" STR_FMT "/msg/%s/%s",
		account.p, STR_ARG(account), month, text);
	return share_walk(t, s, SHARE_LANE_BULK, str_c(path), fh_r, NULL);
}
