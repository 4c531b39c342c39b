/* queue_file.c - message files of the queue */
#include "storage/queue_private.h"

#define QUEUE_READ_TRIES 4

struct err *
queue_file_lookup(struct task *t, struct queue_bucket *b,
    const struct queue_name *name, struct share_fh *fh_r,
    struct share_attr *attr_r)
{
	struct share *s = queue_share(b);
	char text[QUEUE_NAME_MAX + 1];
	struct share_fh dir;
	struct err *e = NULL;

	queue_name_format(name, text);
	for (unsigned tries = 0; tries < QUEUE_READ_TRIES; tries++) {
		e = queue_bucket_msg(t, b, false, &dir);
		if (e == NULL)
			e = share_lookup(t, s, SHARE_LANE_BULK, &dir,
			    str_c(text), fh_r, attr_r);
		if (err_is(e, ERR_STALE)) {
			b->have_msg = false;
			if (tries > 0 && queue_bucket_relocate(t, b) != NULL)
				break;
		} else if (!share_err_is_unknown(e) && !err_is(e, ERR_CONN))
			break;
		if (task_check(t) != NULL)
			break;
	}
	return e;
}

void
queue_file_remove(struct task *t, struct queue_bucket *b,
    const struct queue_name *name)
{
	char text[QUEUE_NAME_MAX + 1];
	struct share_fh dir;
	struct err *e;

	queue_name_format(name, text);
	e = queue_bucket_msg(t, b, false, &dir);
	if (e == NULL)
		e = share_remove_quiet(t, queue_share(b), SHARE_LANE_BULK, &dir,
		    str_c(text));
	if (err_is(e, ERR_STALE))
		b->have_msg = false; /* the next finds its way */
	err_ignore(e);		     /* an orphan: the sweep finds it */
}

static struct queue_handle *
queue_handle_find(struct queue_bucket *b, const struct queue_name *name)
{
	for (unsigned i = 0; i < QUEUE_HANDLES; i++)
		if (b->handles[i].fh.n > 0 &&
		    queue_name_eq(&b->handles[i].name, name))
			return &b->handles[i];
	return NULL;
}

/* The file's handle; with a look-up, its size is what the row says. */
static may_yield must_check struct err *
queue_file_open(struct task *t, struct queue_bucket *b,
    const struct queue_name *name, uint64_t bytes, struct share_fh *fh_r)
{
	struct queue_handle *h = queue_handle_find(b, name);
	struct share_attr attr = { .type = SHARE_REG };
	struct err *e;

	if (h != NULL) {
		*fh_r = h->fh;
		return NULL;
	}
	e = queue_file_lookup(t, b, name, fh_r, &attr);
	if (e != NULL)
		return e;
	if (attr.type != SHARE_REG || attr.size != bytes)
		return err_new(task_arena(t), ERR_CORRUPT,
		    "the message's file has another size", "%llu bytes of %llu",
		    (unsigned long long)attr.size, (unsigned long long)bytes);
	h = &b->handles[b->handle_next];
	b->handle_next = (b->handle_next + 1) % QUEUE_HANDLES;
	*h = (struct queue_handle){ *name, *fh_r };
	return NULL;
}

/* There is no such file: is there such a message? */
static may_yield must_check struct err *
queue_file_missing(struct task *t, struct queue_bucket *b,
    const struct queue_name *name)
{
	char text[QUEUE_NAME_MAX + 1];
	struct err *e = queue_bucket_refresh(t, b);

	if (e != NULL)
		return e;
	if (queue_state_find(&b->state, name) == NULL)
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "the message is not in the queue any more", NULL);
	queue_name_format(name, text);
	return err_new(task_arena(t), ERR_CORRUPT,
	    "the message's file is missing", "%s: %s", b->label, text);
}

static may_yield must_check struct err *
queue_file_read(struct task *t, struct queue_bucket *b,
    const struct share_fh *fh, uint64_t offset, void *into, uint32_t n,
    uint32_t *count_r)
{
	struct err *e = NULL;
	bool eof;

	for (unsigned tries = 0; tries < QUEUE_READ_TRIES; tries++) {
		e = share_read(t, queue_share(b), SHARE_LANE_BULK, fh, offset,
		    into, n, count_r, &eof);
		if (!share_err_is_unknown(e) || task_check(t) != NULL)
			break;
	}
	return e;
}

struct err *
queue_read(struct task *t, struct queue_bucket *b,
    const struct queue_message *m, uint64_t offset, void *into, uint32_t n,
    uint32_t *count_r)
{
	struct queue_name name = { m->txid, m->ordinal };
	uint64_t bytes = m->bytes; /* m is not valid when we waited */
	struct queue_handle *h;
	struct share_fh fh;
	struct err *e;

	*count_r = 0;
	if (offset >= bytes)
		return NULL;
	if (n > bytes - offset)
		n = (uint32_t)(bytes - offset);
	if (n > SHARE_READ_MAX)
		n = SHARE_READ_MAX;
	for (unsigned tries = 0;; tries++) {
		e = queue_file_open(t, b, &name, bytes, &fh);
		if (e == NULL)
			e = queue_file_read(t, b, &fh, offset, into, n,
			    count_r);
		if (!err_is(e, ERR_STALE) || tries == QUEUE_READ_TRIES)
			break;
		/* removed, or another server's handles: look again */
		h = queue_handle_find(b, &name);
		if (h != NULL)
			h->fh.n = 0;
	}
	if (err_is(e, ERR_NOENT))
		return queue_file_missing(t, b, &name);
	if (e == NULL && *count_r == 0)
		e = err_new(task_arena(t), ERR_CORRUPT,
		    "the message's file is too short", NULL);
	return e;
}
