/* imap_fetch.c - the answers of FETCH, message by message */
#include "server/imap/imap_fetch.h"

#include <stdio.h>

#include "mime/fields.h"
#include "server/imap/imap_envelope.h"
#include "server/imap/imap_structure.h"

#define FETCH_TREE                                                             \
	(IMAP_FETCH_ENVELOPE | IMAP_FETCH_BODY | IMAP_FETCH_BODYSTRUCTURE)
/* One answer without its bodies: header data of a message is bounded
 * (mime_limits), and so is what is made of it. */
#define FETCH_OUT_BYTES (32UL << 20)
#define FETCH_FLUSH_BYTES 16384 /* then it goes to the connection */
#define FETCH_SMALL_BYTES 4096	/* is gathered with the rest */

/* A section of one message, found. */
struct fetch_found {
	bool is_nil;
	struct imap_range64 at;
};

struct fetch_message {
	struct imap_fetcher *fr;
	struct imap_one *one;
	struct mime_packed packed;
	bool has_pack;
	const struct mime_part *root; /* as much of it as is needed */
	struct fetch_found *found;
	unsigned items; /* written */
	size_t begun;	/* of out: where this answer starts */
	bool sent;	/* some of it has left out */
};

bool
imap_fetch_is_damage(const struct err *e)
{
	return err_is(e, ERR_CORRUPT) || err_is(e, ERR_NOTFOUND) ||
	       err_is(e, ERR_NOENT);
}

void
imap_fetcher_init(struct imap_fetcher *fr, struct imap_session *s,
    struct account *acc, const struct imap_fetch *f)
{
	*fr = (struct imap_fetcher){ .s = s,
		.acc = acc,
		.f = f,
		.folder = s->view.folder };
	imap_file_init(&fr->file, acc);
	buf_init(&fr->out, NULL, FETCH_OUT_BYTES);
}

void
imap_fetcher_free(struct imap_fetcher *fr)
{
	imap_file_free(&fr->file);
	buf_free(&fr->out);
}

void
imap_fetch_flush(struct task *t, struct imap_fetcher *fr)
{
	if (fr->out.n > 0)
		conn_write(t, fr->s->c, fr->out.p, fr->out.n);
	buf_clear(&fr->out);
}

/* --- what has to be known --- */

static bool
fetch_fields_are_kept(const struct imap_section *s)
{
	for (unsigned i = 0; i < s->fields_n; i++)
		if (mime_field_use(s->fields[i], 0) == MIME_FIELD_OTHER)
			return false;
	return s->what == IMAP_SECTION_FIELDS && s->parts == 0;
}

/* A section of a file that one READ shows whole needs nothing else. */
bool
imap_fetch_wants_packs(const struct imap_fetch *f, unsigned n,
    const struct message *m)
{
	bool file = false, place = false;

	for (unsigned i = 0; i < f->sections_n; i++) {
		const struct imap_section *s = &f->sections[i];

		if (fetch_fields_are_kept(s)) {
			place = true;
			continue;
		}
		file = true;
		place |= s->parts > 0 || s->what != IMAP_SECTION_ALL;
	}
	if (file && n == 1 && m->bytes <= IMAP_FILE_WINDOW)
		return false;
	return place || (f->items & FETCH_TREE) != 0;
}

/* What of a message's structure has to be at hand: 0 nothing, 1 the end of the
 * header, 2 the header's fields, 3 the tree. */
enum fetch_depth { FETCH_NOTHING, FETCH_PLACES, FETCH_FIELDS, FETCH_PARTS };

static enum fetch_depth
fetch_depth(const struct imap_fetch *f)
{
	enum fetch_depth depth = FETCH_NOTHING;

	if (f->items & (IMAP_FETCH_BODY | IMAP_FETCH_BODYSTRUCTURE))
		return FETCH_PARTS;
	if (f->items & IMAP_FETCH_ENVELOPE)
		depth = FETCH_FIELDS;
	for (unsigned i = 0; i < f->sections_n; i++) {
		const struct imap_section *s = &f->sections[i];

		if (imap_section_needs_tree(s))
			return FETCH_PARTS;
		if (s->what != IMAP_SECTION_ALL && depth < FETCH_PLACES)
			depth = FETCH_PLACES;
	}
	return depth;
}

static may_yield must_check struct err *
fetch_open(struct task *t, struct fetch_message *fm)
{
	struct imap_fetcher *fr = fm->fr;

	if (fr->file.open)
		return NULL;
	return imap_file_open(t, &fr->file, fr->folder, fm->one->m.uid);
}

static may_yield must_check struct err *
fetch_root(struct task *t, struct fetch_message *fm)
{
	enum fetch_depth depth = fetch_depth(fm->fr->f);
	struct arena *a = task_arena(t);
	struct err *e;

	if (fm->one->pack.n > 0) {
		e = mime_unpack(a, fm->one->pack, NULL, &fm->packed);
		/* a cache: the file says it, too */
		fm->has_pack = e == NULL;
	}
	if (fm->has_pack)
		fm->root = fm->packed.root;
	if (depth == FETCH_NOTHING ||
	    (fm->has_pack &&
		(depth == FETCH_PLACES ||
		    (fm->packed.has_headers &&
			(depth == FETCH_FIELDS || fm->packed.has_structure)))))
		return NULL;
	e = fetch_open(t, fm);
	if (e != NULL)
		return e;
	return depth == FETCH_PLACES
		   ? imap_file_header_end(t, &fm->fr->file, a, &fm->root)
		   : imap_file_parse(t, &fm->fr->file, a, &fm->root);
}

/* --- sections --- */

static may_yield must_check struct err *
fetch_find(struct task *t, struct fetch_message *fm,
    const struct imap_section *s, struct fetch_found *found)
{
	if (s->parts == 0 && s->what == IMAP_SECTION_ALL)
		found->at = (struct imap_range64){ 0, fm->one->m.bytes };
	else if (!imap_section_find(fm->root, s, &found->at)) {
		found->is_nil = true;
		return NULL;
	}
	if (fm->has_pack && imap_section_in_pack(s, &fm->packed))
		return NULL;
	/* what the pack says is not measured against another file */
	if (found->at.to > fm->one->m.bytes)
		return err_new(task_arena(t), ERR_CORRUPT,
		    "the message is shorter than its structure", NULL);
	return fetch_open(t, fm);
}

/* --- writing --- */

/* The next item, behind a blank unless it is the first. */
static void
fetch_name(struct fetch_message *fm, const char *name)
{
	if (fm->items++ > 0)
		buf_char(&fm->fr->out, ' ');
	buf_c(&fm->fr->out, name);
}

/* The literal's bytes; *sent once there is no way back. */
static may_yield must_check struct err *
fetch_stream(struct task *t, struct fetch_message *fm, uint64_t from,
    uint64_t to)
{
	struct imap_fetcher *fr = fm->fr;
	struct str piece;
	struct err *e;

	while (from < to) {
		e = imap_file_get(t, &fr->file, from, to - from, &piece);
		if (e != NULL)
			return e;
		if (piece.n <= FETCH_SMALL_BYTES) {
			buf_str_add(&fr->out, piece);
		} else {
			imap_fetch_flush(t, fr);
			fm->sent = true;
			conn_write(t, fr->s->c, piece.p, piece.n);
			if (conn_is_ending(fr->s->c))
				return err_new(task_arena(t), ERR_UNAVAIL,
				    "the client is gone", NULL);
		}
		from += piece.n;
	}
	return NULL;
}

/* Picked from as much of the header as is looked at. */
static may_yield must_check struct err *
fetch_fields(struct task *t, struct fetch_message *fm,
    const struct imap_section *s, const struct fetch_found *found,
    struct buf *text)
{
	uint64_t to = found->at.to;
	struct buf header;
	struct err *e;

	if (fm->has_pack && imap_section_in_pack(s, &fm->packed)) {
		imap_section_fields(text, s, fm->packed.root->headers);
		return NULL;
	}
	if (to - found->at.from > IMAP_HEADER_BYTES)
		to = found->at.from + IMAP_HEADER_BYTES;
	buf_init(&header, NULL, IMAP_HEADER_BYTES);
	e = imap_file_copy(t, &fm->fr->file, found->at.from, to, &header);
	if (e == NULL)
		imap_section_fields(text, s, buf_str(&header));
	/* a long header, many names, hundreds of sections: others wait */
	if (header.n >= FETCH_FLUSH_BYTES)
		task_yield(t);
	buf_free(&header);
	return e;
}

/* The announcement of a literal, or all there is. */
static void
fetch_literal(struct buf *b, uint64_t n)
{
	if (n == 0)
		buf_c(b, " \"\"");
	else
		buf_fmt(b, " {%llu}\r\n", (unsigned long long)n);
}

static may_yield must_check struct err *
fetch_section_fields(struct task *t, struct fetch_message *fm,
    const struct imap_section *s, const struct fetch_found *found)
{
	struct buf *b = &fm->fr->out, text;
	uint64_t from, n;
	struct err *e;

	buf_init(&text, NULL, IMAP_HEADER_BYTES + 4);
	e = fetch_fields(t, fm, s, found, &text);
	if (e == NULL) {
		n = imap_section_clip(s, text.n, &from);
		fetch_literal(b, n);
		buf_str_add(b, str_sub(buf_str(&text), from, n));
	}
	buf_free(&text);
	return e;
}

static may_yield must_check struct err *
fetch_section(struct task *t, struct fetch_message *fm,
    const struct imap_section *s, const struct fetch_found *found)
{
	struct imap_fetcher *fr = fm->fr;
	uint64_t from, n;
	struct err *e;

	fetch_name(fm, "");
	buf_str_add(&fr->out, s->label);
	if (found->is_nil) {
		buf_c(&fr->out, " NIL");
		return NULL;
	}
	if (imap_section_is_fields(s)) {
		e = fetch_section_fields(t, fm, s, found);
	} else {
		n = imap_section_clip(s, found->at.to - found->at.from, &from);
		fetch_literal(&fr->out, n);
		from += found->at.from;
		e = fetch_stream(t, fm, from, from + n);
	}
	/* hundreds of sections are not gathered */
	if (e == NULL && fr->out.n >= FETCH_FLUSH_BYTES && buf_ok(&fr->out)) {
		imap_fetch_flush(t, fr);
		fm->sent = true;
	}
	return e;
}

/* What a row tells. */
static void
fetch_row(struct fetch_message *fm, const struct message *m)
{
	const struct imap_fetcher *fr = fm->fr;
	unsigned items = fr->f->items;
	struct buf *b = &fm->fr->out;

	if (fr->seen != NULL && uidset_has(fr->seen, m->uid))
		items |= IMAP_FETCH_FLAGS |
			 (fr->s->condstore ? IMAP_FETCH_MODSEQ : 0);
	if (items & IMAP_FETCH_UID) {
		fetch_name(fm, "UID ");
		buf_u64(b, m->uid);
	}
	if (items & IMAP_FETCH_FLAGS) {
		fetch_name(fm, "FLAGS (");
		imap_flags_put(b, fr->acc, m->flags, m->keywords);
		buf_char(b, ')');
	}
	if (items & IMAP_FETCH_INTERNALDATE) {
		fetch_name(fm, "INTERNALDATE ");
		imap_put_date(b, m->date);
	}
	if (items & IMAP_FETCH_SIZE) {
		fetch_name(fm, "RFC822.SIZE ");
		buf_u64(b, m->bytes);
	}
	if (items & IMAP_FETCH_MODSEQ) {
		fetch_name(fm, "MODSEQ (");
		buf_u64(b, m->modseq);
		buf_char(b, ')');
	}
}

static void
fetch_structure(struct fetch_message *fm)
{
	struct buf *b = &fm->fr->out;
	unsigned items = fm->fr->f->items;

	if (items & IMAP_FETCH_ENVELOPE) {
		fetch_name(fm, "ENVELOPE ");
		imap_envelope_put(b, fm->root->envelope);
	}
	if (items & IMAP_FETCH_BODY) {
		fetch_name(fm, "BODY ");
		imap_structure_put(b, fm->root, false);
	}
	if (items & IMAP_FETCH_BODYSTRUCTURE) {
		fetch_name(fm, "BODYSTRUCTURE ");
		imap_structure_put(b, fm->root, true);
	}
}

static may_yield must_check struct err *
fetch_write(struct task *t, struct fetch_message *fm)
{
	struct imap_fetcher *fr = fm->fr;
	const struct message *m = &fm->one->m, *now;
	struct err *e = NULL;

	/* flags as they are now, keywords by the names they have now */
	now = fm->one->removed
		  ? NULL
		  : message_by_uid(fr->acc, fr->folder, m->uid, NULL);
	fm->begun = fr->out.n;
	buf_fmt(&fr->out, "* %u FETCH (", fm->one->seq);
	fetch_row(fm, now != NULL ? now : m);
	fetch_structure(fm);
	for (unsigned i = 0; e == NULL && i < fr->f->sections_n; i++)
		e = fetch_section(t, fm, &fr->f->sections[i], &fm->found[i]);
	buf_c(&fr->out, ")\r\n");
	if (e == NULL && !buf_ok(&fr->out))
		e = err_new(task_arena(t), ERR_CORRUPT,
		    "the message's header is too large to be told", NULL);
	if (e == NULL)
		return NULL;
	if (fm->sent)
		fr->broken = true;
	else
		fr->out.n = fm->begun;
	fr->out.failed = false;
	return e;
}

/* --- one message --- */

static may_yield must_check struct err *
fetch_message(struct task *t, struct fetch_message *fm)
{
	const struct imap_fetch *f = fm->fr->f;
	struct err *e = fetch_root(t, fm);

	for (unsigned i = 0; e == NULL && i < f->sections_n; i++)
		e = fetch_find(t, fm, &f->sections[i], &fm->found[i]);
	return e == NULL ? fetch_write(t, fm) : e;
}

/* A thousand damaged messages must not pile up what was read of them. */
static struct err *
fetch_rewind(struct task *t, struct arena_mark mark, const struct err *e)
{
	enum err_code code = err_code(e);
	char text[200], detail[200];

	if (e != NULL) {
		snprintf(text, sizeof(text), "%s", e->text);
		snprintf(detail, sizeof(detail), "%s",
		    e->detail != NULL ? e->detail : "");
	}
	arena_rewind(task_arena(t), mark);
	return code == ERR_NONE
		   ? NULL
		   : err_new(task_arena(t), code, text, "%s", detail);
}

struct err *
imap_fetch_one(struct task *t, struct imap_fetcher *fr, struct imap_one *one)
{
	struct arena_mark mark = arena_mark(task_arena(t));
	struct fetch_message fm = { .fr = fr, .one = one };
	struct err *e;

	fr->file.open = false;
	fm.found =
	    arena_array(task_arena(t), fr->f->sections_n, sizeof(*fm.found));
	e = fetch_message(t, &fm);
	e = fetch_rewind(t, mark, e);
	if (fr->out.n >= FETCH_FLUSH_BYTES)
		imap_fetch_flush(t, fr);
	return e;
}
