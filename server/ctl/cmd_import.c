/* account import, account export */
#include "base/buf.h"
#include "server/ctl/account_util.h"
#include "server/ctl/localfile.h"
#include "storage/folder.h"
#include "storage/message.h"
#include "storage/quota.h"
#include "storage/state_setting.h"

/* Between two tries while the share does not answer. */
#define IMPORT_RETRY_MS 500

static const struct ctl_option account_import_options[] = {
	{ "folder", CTL_STRING, "NAME", "made if missing (default: INBOX)" },
	{ "seen", CTL_FLAG, NULL, "mark as read" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

struct import {
	struct ctl *c;
	struct account *acc;
	struct str folder;
	uint8_t flags;
	struct quota_limit limit;
	uint64_t message_max;
	struct ctl_out *out;
};

/* Messages are stored with CRLF (RFC 5322, 2.1). */
static struct str
import_crlf(struct arena *a, struct str in)
{
	struct buf b;
	size_t bare = 0;

	for (size_t i = 0; i < in.n; i++)
		bare += in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r');
	if (bare == 0)
		return in;
	buf_init(&b, a, in.n + bare + 1);
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r'))
			buf_char(&b, '\r');
		buf_char(&b, in.p[i]);
	}
	return buf_str(&b);
}

/* One try. Whatever comes of it, the same txid settles it later. */
may_yield static struct err *
import_try(struct task *t, struct import *im, const struct txid *txid,
    struct str bytes, int64_t date, struct message_place *place_r)
{
	struct message_writer *w;
	struct message_target target = { .acc = im->acc,
		.folder = im->folder,
		.flags = im->flags,
		.date = date,
		.limit = &im->limit };
	struct err *e = message_writer_begin(t, im->acc, txid, &w);

	if (e != NULL)
		return e;
	e = message_writer_add(t, w, bytes.p, bytes.n);
	if (e != NULL) {
		message_writer_abort(t, &w);
		return e;
	}
	e = message_writer_commit(t, &w, &target, 1);
	*place_r = target.place_r;
	return e != NULL ? e : target.err_r;
}

/* Until it is decided or the time is up. */
may_yield static struct err *
import_message(struct task *t, struct import *im, struct str bytes,
    int64_t date, struct message_place *place_r)
{
	struct txid txid;
	struct err *e;

	task_set_deadline(t, task_now_ms(t) + im->c->timeout_ms);
	task_random(t, &txid, sizeof txid);
	for (;;) {
		e = import_try(t, im, &txid, bytes, date, place_r);
		if (e == NULL || task_check(t) != NULL)
			return e;
		if (e->code == ERR_VOIDED || e->code == ERR_HELD)
			task_random(t, &txid, sizeof txid);
		else if (e->code == ERR_NOSPC || e->code == ERR_DQUOT ||
			 !share_err_is_temporary(e))
			return e;
		task_sleep_ms(t, IMPORT_RETRY_MS);
	}
}

may_yield static struct err *
import_file(struct task *t, struct import *im, const char *file)
{
	struct message_place place = { 0 };
	struct str bytes;
	int64_t date;
	struct err *e =
	    ctl_read_file(t, im->c, file, im->message_max, &bytes, &date);

	if (e == NULL && bytes.n == 0)
		e = err_new(task_arena(t), ERR_INVALID, "the file is empty",
		    NULL);
	if (e == NULL)
		e = import_message(t, im, import_crlf(task_arena(t), bytes),
		    date, &place);
	if (e != NULL)
		return err_wrap(task_arena(t), e, "%s", file);
	ctl_out_str(im->out, im->folder);
	ctl_out_u64(im->out, place.uidvalidity);
	ctl_out_u64(im->out, place.uid);
	ctl_out_str(im->out, str_c(file));
	return ctl_out_flush_lines(im->out);
}

may_yield static struct err *
import_folder(struct task *t, struct import *im)
{
	const struct ctl_value *folder = ctl_opt(im->c, "folder");
	uint32_t id;
	struct err *e;

	im->folder = STR("INBOX");
	if (!folder->given)
		return NULL;
	e = folder_name_check(task_arena(t), str_c(folder->s), &im->folder);
	if (e == NULL && folder_by_name(im->acc, im->folder) == NULL)
		e = folder_create(t, im->acc, im->folder, FOLDER_USE_NONE, &id);
	return err_is(e, ERR_DUPLICATE) ? NULL : e;
}

may_yield static struct err *
account_import_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "folder", "uidvalidity", "uid",
		"file" };
	struct import im = { .c = c,
		.flags = ctl_given(c, "seen") ? MESSAGE_SEEN : 0,
		.message_max = state_setting_u64(c->state, STATE_MESSAGE_MAX),
		.out = ctl_out_list(t, c, columns, countof(columns)) };
	struct state_account sa;
	struct err *e = ctl_account(t, c, c->argv[0], &sa, &im.acc);

	if (e != NULL)
		return e;
	ctl_account_limit(&sa, &im.limit);
	e = import_folder(t, &im);
	for (unsigned i = 1; e == NULL && i < c->argc; i++) {
		struct arena *keep = task_arena(t);
		struct arena_mark m = arena_mark(keep);
		e = import_file(t, &im, c->argv[i]);
		if (e == NULL)
			arena_rewind(keep, m);
	}
	account_close(&im.acc);
	return e;
}

const struct ctl_command cmd_account_import = {
	.name = "account import",
	.args = "ADDRESS FILE...",
	.help = "Put messages into a mailbox, one a file",
	.more = "For each file one line is printed after its commit: folder, "
		"UIDVALIDITY, UID, file, with TABs between them. That line is "
		"the acknowledgement: "
		"the message is on the share. The first file that cannot be "
		"imported ends the command.",
	.min_args = 2,
	.max_args = 1000000,
	.files = true,
	.need = CTL_NEED_MAIL,
	.options = account_import_options,
	.run = account_import_run,
};

/* --- export --- */

static const struct ctl_option account_export_options[] = {
	{ "folder", CTL_STRING, "NAME", "only this one" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

static struct str
export_flags(struct arena *a, const struct account *acc,
    const struct message *m)
{
	static const char *const names[] = { "\\Seen", "\\Answered",
		"\\Flagged", "\\Deleted", "\\Draft" };
	struct buf b;

	buf_init(&b, a, 16 * 1024);
	for (unsigned i = 0; i < countof(names); i++)
		if (m->flags >> i & 1)
			buf_fmt(&b, "%s%s", b.n ? " " : "", names[i]);
	for (unsigned i = 0; i < MESSAGE_KEYWORDS; i++)
		if (m->keywords >> i & 1) {
			buf_c(&b, b.n ? " " : "");
			buf_str_add(&b, message_keyword(acc, i));
		}
	return buf_str(&b);
}

may_yield static struct err *
export_message(struct task *t, struct ctl *c, struct account *acc,
    const struct folder *f, const char *dir, uint32_t uid, struct ctl_out *out)
{
	const struct message *m = message_by_uid(acc, f->id, uid, NULL);
	struct str bytes, flags = export_flags(task_arena(t), acc, m);
	uint32_t uidvalidity = f->uidvalidity;
	struct str name = arena_str(task_arena(t), f->name);
	struct err *e;

	task_set_deadline(t, task_now_ms(t) + c->timeout_ms);
	e = message_read_all(t, acc, f->id, uid, MESSAGE_BYTES_MAX,
	    task_arena(t), &bytes);
	if (e != NULL)
		return e;
	const char *path = arena_printf(task_arena(t), "%s/%u.eml", dir, uid);
	e = localfile_write(t, path, bytes);
	if (e != NULL)
		return e;
	ctl_out_str(out, name);
	ctl_out_u64(out, uidvalidity);
	ctl_out_u64(out, uid);
	ctl_out_str(out, str_c(path));
	ctl_out_str(out, flags);
	return ctl_out_flush_lines(out);
}

may_yield static struct err *
export_folder(struct task *t, struct ctl *c, struct account *acc,
    const struct folder *f, struct ctl_out *out)
{
	uint32_t n, *uids = message_uids(acc, f->id, task_arena(t), &n);
	/* Names have no "." or ".." levels and no control characters. */
	const char *dir = arena_printf(task_arena(t), "%s/" STR_FMT, c->argv[1],
	    STR_ARG(f->name));
	struct err *e = localfile_mkdirs(t, dir);

	for (uint32_t i = 0; e == NULL && i < n; i++) {
		struct arena_mark m = arena_mark(task_arena(t));
		e = export_message(t, c, acc, f, dir, uids[i], out);
		if (e == NULL)
			arena_rewind(task_arena(t), m);
	}
	return e;
}

may_yield static struct err *
account_export_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "folder", "uidvalidity", "uid",
		"file", "flags" };
	struct ctl_out *out = ctl_out_list(t, c, columns, countof(columns));
	const struct ctl_value *only = ctl_opt(c, "folder");
	struct state_account sa;
	struct account *acc;
	struct err *e = ctl_account(t, c, c->argv[0], &sa, &acc);

	if (e != NULL)
		return e;
	if (only->given) {
		const struct folder *f = folder_by_name(acc, str_c(only->s));
		e = f ? export_folder(t, c, acc, f, out)
		      : err_newf(task_arena(t), ERR_NOTFOUND,
			    "there is no folder %s", only->s);
	}
	for (unsigned i = 0; e == NULL && !only->given && i < folder_count(acc);
	     i++)
		e = export_folder(t, c, acc, folder_nth(acc, i), out);
	account_close(&acc);
	return e;
}

const struct ctl_command cmd_account_export = {
	.name = "account export",
	.args = "ADDRESS DIR",
	.help = "Write all messages to DIR/<folder>/<UID>.eml",
	.more = "One line a message: folder, UIDVALIDITY, UID, file, flags. "
		"Files that exist are not overwritten: the command ends. "
		"The node's user writes them: DIR is made in a place, or is "
		"one, where it may.",
	.min_args = 2,
	.max_args = 2,
	.need = CTL_NEED_MAIL,
	.options = account_export_options,
	.run = account_export_run,
};
