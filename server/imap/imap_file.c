/* imap_file.c - a message's file, read through a window */
#include "server/imap/imap_file.h"

#include <stdlib.h>

#include "mime/header.h"
#include "mime/parser.h"

void
imap_file_init(struct imap_file *f, struct account *acc)
{
	*f = (struct imap_file){ .acc = acc };
}

void
imap_file_free(struct imap_file *f)
{
	free(f->window);
	f->window = NULL;
}

struct err *
imap_file_open(struct task *t, struct imap_file *f, uint32_t folder,
    uint32_t uid)
{
	struct err *e;

	f->n = 0;
	f->open = false;
	e = message_file_open(t, f->acc, folder, uid, &f->file);
	f->open = e == NULL;
	return e;
}

static may_yield must_check struct err *
imap_file_fill(struct task *t, struct imap_file *f, uint64_t from)
{
	struct err *e;
	char *p, *end;

	if (f->window == NULL)
		f->window = xcalloc(1, IMAP_FILE_WINDOW);
	f->n = 0;
	f->at = from;
	e = message_file_read(t, f->acc, &f->file, from, f->window,
	    IMAP_FILE_WINDOW, &f->n);
	if (e == NULL && f->n == 0)
		e = err_new(task_arena(t), ERR_CORRUPT,
		    "the message's file is shorter than it was", NULL);
	if (e != NULL) {
		f->n = 0;
		return e;
	}
	end = f->window + f->n;
	for (p = f->window; (p = memchr(p, '\0', (size_t)(end - p))) != NULL;)
		*p++ = (char)0x80;
	return NULL;
}

struct err *
imap_file_get(struct task *t, struct imap_file *f, uint64_t from, uint64_t max,
    struct str *piece_r)
{
	struct err *e;

	*piece_r = STR("");
	if (max == 0)
		return NULL;
	if (from < f->at || from - f->at >= f->n) {
		e = imap_file_fill(t, f, from);
		if (e != NULL)
			return e;
	}
	*piece_r = str_sub(str_of(f->window, f->n), (size_t)(from - f->at),
	    max < f->n ? (size_t)max : f->n);
	return NULL;
}

struct err *
imap_file_copy(struct task *t, struct imap_file *f, uint64_t from, uint64_t to,
    struct buf *b)
{
	struct str piece;
	struct err *e;

	while (from < to && buf_ok(b)) {
		e = imap_file_get(t, f, from, to - from, &piece);
		if (e != NULL)
			return e;
		buf_str_add(b, piece);
		from += piece.n;
	}
	return NULL;
}

struct err *
imap_file_parse(struct task *t, struct imap_file *f, struct arena *a,
    const struct mime_part **root_r)
{
	struct mime_parser *p = mime_parser_new(a, NULL);
	uint64_t at = 0;
	struct str piece;
	struct err *e;

	while (at < f->file.bytes) {
		e = imap_file_get(t, f, at, IMAP_FILE_WINDOW, &piece);
		if (e != NULL)
			return e;
		mime_parser_feed(p, piece);
		at += piece.n;
		/* reading may not have waited: others want to run, too */
		if (at < f->file.bytes)
			task_yield(t);
	}
	*root_r = mime_parser_finish(p);
	return NULL;
}

struct err *
imap_file_header_end(struct task *t, struct imap_file *f, struct arena *a,
    const struct mime_part **root_r)
{
	struct mime_part *root;
	struct str piece;
	struct err *e;
	size_t n;

	e = imap_file_get(t, f, 0, f->file.bytes, &piece);
	if (e != NULL)
		return e;
	n = mime_header_bytes(piece);
	/* what the line is at which it ends is seen from the whole line */
	if (piece.n < f->file.bytes &&
	    str_chr(str_sub(piece, n, piece.n), '\n') < 0)
		return imap_file_parse(t, f, a, root_r);
	root = arena_new_obj(a, struct mime_part);
	root->body_start = n;
	root->body_end = f->file.bytes;
	*root_r = root;
	return NULL;
}
