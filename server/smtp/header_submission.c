/* header_submission.c - what a message of our own users lacks, or has too much
 */
#include "base/log.h"
#include "mime/address.h"
#include "mime/date.h"
#include "server/smtp/deliver_private.h"
#include "server/smtp/header_step.h"
#include "server/worker.h"
#include "storage/state_identity.h"

/*
 * RFC 6409, 8: Date and Message-ID are added where they are missing, and From,
 * which a message has to have.  Bcc is for the sender's own copy, and
 * Return-Path is not his to write.  What stays stays as it was.
 *
 * In From stands what people see: every address there has to be the account's.
 * It is read as receivers read it, all fields of that name and all addresses,
 * HEADER_FROM_MAX together.
 */
#define HEADER_FROM_BYTES 16384
#define HEADER_FROM_MAX 100 /* addresses: each is a question to the state */
#define HEADER_ID_BYTES 12
#define HEADER_FIELD_BYTES 2048

static const char *const header_unwanted[] = { "Bcc", "Resent-Bcc",
	"Return-Path" };

static void
header_remove_all(struct headers *h, const char *name)
{
	for (unsigned i = headers_find(h, name, 0); i < h->n;
	     i = headers_find(h, name, i + 1))
		headers_remove(h, i);
}

/* --- From --- */

static must_check struct err *
header_may_be_from(struct arena *a, struct deliver *d,
    const struct mime_addr *list, bool *yes_r)
{
	struct err *e = NULL;
	unsigned n = 0;

	*yes_r = true;
	for (; e == NULL && *yes_r && list != NULL; list = list->next) {
		struct arena_mark mark = arena_mark(a);
		struct buf spec;

		if (list->kind != MIME_ADDR_MAILBOX)
			continue;
		n++;
		buf_init(&spec, a, HEADER_FIELD_BYTES);
		mime_addr_spec(&spec, list);
		*yes_r = false;
		if (buf_ok(&spec))
			e = state_may_send_as(a, d->w->state, d->client.account,
			    buf_str(&spec), yes_r);
		if (e == NULL)
			arena_rewind(a, mark);
	}
	*yes_r = *yes_r && n > 0;
	return e;
}

static must_check struct err *
header_check_from(struct arena *a, struct deliver *d, const struct headers *h,
    unsigned i, unsigned *left, bool *yes_r)
{
	struct str value = headers_value(a, &h->fields[i], HEADER_FROM_BYTES);
	struct mime_addr *list;

	*yes_r = false;
	/* what is cut off could name anybody */
	if (h->fields[i].text.n > HEADER_FROM_BYTES)
		return NULL;
	list = mime_addr_parse(a, value, left);
	return *left == 0 ? NULL : header_may_be_from(a, d, list, yes_r);
}

static enum deliver_verdict
header_from(struct arena *a, struct deliver *d, const struct headers *h)
{
	unsigned i = headers_find(h, "From", 0), left = HEADER_FROM_MAX + 1;
	struct err *e = NULL;
	bool yes = true;

	/* of what is not all here it cannot be said that it is no other's */
	if (h->cut)
		return DELIVER_NOT_YOURS;
	for (; e == NULL && yes && i < h->n; i = headers_find(h, "From", i + 1))
		e = header_check_from(a, d, h, i, &left, &yes);
	if (e != NULL)
		return DELIVER_TEMP;
	return yes ? DELIVER_OK : DELIVER_NOT_YOURS;
}

/* --- what is missing --- */

static void
header_add_date(struct deliver *d, struct headers *h, struct buf *b,
    int64_t now)
{
	(void)d;
	buf_c(b, "Date: ");
	mime_date_write(b, now);
	buf_c(b, "\r\n");
	headers_append(h, buf_str(b));
}

/* Random, under a name that is the sender's own: nobody else makes the same. */
static void
header_add_id(struct deliver *d, struct headers *h, struct buf *b, int64_t now)
{
	unsigned char id[HEADER_ID_BYTES];
	struct str domain = d->client.login;

	(void)now;
	domain = str_sub(domain, (size_t)(str_chr(domain, '@') + 1), domain.n);
	rnd_system.fill(rnd_system.arg, id, sizeof(id));
	buf_c(b, "Message-ID: <");
	buf_hex(b, id, sizeof(id));
	buf_char(b, '@');
	buf_str_add(b, domain);
	buf_c(b, ">\r\n");
	headers_append(h, buf_str(b));
}

static void
header_add_from(struct deliver *d, struct headers *h, struct buf *b,
    int64_t now)
{
	(void)now;
	buf_c(b, "From: ");
	buf_str_add(b,
	    d->from.mailbox.n > 0 ? d->from.mailbox : d->client.login);
	buf_c(b, "\r\n");
	headers_append(h, buf_str(b));
}

static const struct {
	const char *name;
	void (*add)(struct deliver *d, struct headers *h, struct buf *b,
	    int64_t now);
} header_needed[] = {
	{ "From", header_add_from },
	{ "Date", header_add_date },
	{ "Message-ID", header_add_id },
};

static void
header_submission_run(struct task *t, struct deliver *d, struct headers *h)
{
	enum deliver_verdict v = DELIVER_OK;
	struct buf b;

	if (d->client.account.n == 0)
		return;
	if (worker_setting(d->w, STATE_SUBMISSION_FROM) != 0)
		v = header_from(task_arena(t), d, h);
	else if (h->cut) /* there may be a Bcc that nobody may see */
		v = DELIVER_TOO_BIG;
	if (v != DELIVER_OK) {
		deliver_refuse(d, v);
		return;
	}
	for (unsigned i = 0; i < countof(header_unwanted); i++)
		header_remove_all(h, header_unwanted[i]);
	for (unsigned i = 0; i < countof(header_needed); i++) {
		if (headers_find(h, header_needed[i].name, 0) < h->n)
			continue;
		buf_init(&b, task_arena(t), HEADER_FIELD_BYTES);
		header_needed[i].add(d, h, &b, task_wall_s(t));
		invariant(buf_ok(&b));
	}
}

const struct header_step header_step_submission = {
	.name = "submission",
	.run = header_submission_run,
};
