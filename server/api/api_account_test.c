/* api_account_test.c - a message into a mailbox, to see that it gets there */
#include "server/api/api_account.h"

#include "mime/date.h"
#include "server/smtp/deliver.h"

/* In a minute, of one administrator on a node: to look at a few mailboxes one
 * after another, not to fill them. */
#define API_TEST_MESSAGES_MAX 20

static const struct api_field api_test_message_fields[] = {
	{ "id", API_STR, API_REQUIRED, "Of the transaction, for the trace.",
	    NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_test_message_schema = { "TestMessage",
	api_test_message_fields };

static const struct {
	enum deliver_verdict v;
	enum err_code code;
	const char *text;
} api_test_verdicts[] = {
	{ DELIVER_OVERQUOTA, ERR_OVERQUOTA, "the mailbox is full" },
	{ DELIVER_FULL, ERR_NOSPC, "the share is full" },
	{ DELIVER_TEMP, ERR_UNAVAIL, "the share does not answer" },
	{ DELIVER_SUSPENDED, ERR_CONFLICT, "the domain is suspended" },
	{ DELIVER_CIRCLE, ERR_CONFLICT, "the address leads in a circle" },
	{ DELIVER_UNKNOWN, ERR_CONFLICT, "nobody gets what is sent there" },
};

static must_check struct err *
api_test_error(struct api *x, enum deliver_verdict v)
{
	if (v == DELIVER_OK)
		return NULL;
	for (unsigned i = 0; i < countof(api_test_verdicts); i++)
		if (api_test_verdicts[i].v == v)
			return err_new(x->a, api_test_verdicts[i].code,
			    api_test_verdicts[i].text, NULL);
	return err_new(x->a, ERR_CONFLICT, "the message was not taken", NULL);
}

static struct str
api_test_text(struct task *t, struct api *x, const struct state_account *sa,
    const char *from, struct str id)
{
	struct buf b;

	buf_init(&b, x->a, 8192);
	buf_fmt(&b, "From: <%s>\r\nTo: <" STR_FMT ">\r\nDate: ", from,
	    STR_ARG(sa->address));
	mime_date_write(&b, task_wall_s(t));
	buf_fmt(&b,
	    "\r\nSubject: Test message\r\nMessage-ID: <" STR_FMT ".test@%s>\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\n\r\n"
	    "This is a test message: an administrator wanted to see whether "
	    "mail for\r\n" STR_FMT " arrives.  It does.\r\n",
	    STR_ARG(id), worker_hostname(x->w), STR_ARG(sa->address));
	return buf_str(&b);
}

/* As it would come by LMTP. */
static may_yield enum deliver_verdict
api_test_deliver(struct task *t, struct api *x, const struct state_account *sa,
    struct str id)
{
	const char *from =
	    arena_printf(x->a, "postmaster@" STR_FMT, STR_ARG(sa->domain));
	struct smtp_mail mail = { .has_size = false };
	struct smtp_rcpt rcpt = { .notify = SMTP_NOTIFY_NEVER };
	struct smtp_trace tr = { .lmtp = true,
		.extended = true,
		.hello = str_c(worker_hostname(x->w)),
		.id = id };
	struct str text = api_test_text(t, x, sa, from, id);
	enum deliver_verdict v;
	struct deliver *d;

	if (!smtp_parse_mailbox(str_c(from), &mail.from) ||
	    !smtp_parse_mailbox(sa->address, &rcpt.to))
		return DELIVER_UNKNOWN;
	mail.smtputf8 = mail.from.utf8 || rcpt.to.utf8;
	d = deliver_new(x->w, &mail, NULL);
	v = deliver_rcpt(t, d, &rcpt);
	if (v == DELIVER_OK) {
		deliver_begin(t, d, &tr);
		deliver_add(t, d, text.p, text.n);
		v = deliver_commit(t, d, true);
		if (v == DELIVER_OK)
			v = deliver_rcpt_verdict(d, 0);
	}
	deliver_free(&d);
	return v;
}

static may_yield must_check struct err *
api_account_test(struct task *t, struct api *x)
{
	uint64_t deadline = task_deadline(t);
	struct state_account sa;
	unsigned char random[4];
	struct buf id;
	struct err *e = api_account_get(x, true, &sa);

	if (e == NULL)
		e = api_who_rate(x, "api.test", API_TEST_MESSAGES_MAX,
		    "too many test messages at once");
	if (e != NULL)
		return e;
	task_random(t, random, sizeof(random));
	buf_init(&id, x->a, 200);
	buf_fmt(&id, "%s-", conn_id(x->c));
	buf_hex(&id, random, sizeof(random));
	e = api_test_error(x, api_test_deliver(t, x, &sa, buf_str(&id)));
	task_set_deadline(t, deadline);
	if (e == NULL)
		json_set_str(x->out, "id", buf_str(&id));
	return e;
}

const struct api_route api_account_test_routes[] = {
	{ .method = "POST",
	    .path = "/accounts/{address}/test-message",
	    .id = "sendTestMessage",
	    .help = "A message from postmaster of its domain goes into it. "
		    "Whoever asks has 20 a minute.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .scope = API_OF_ADDRESS,
	    .flags = API_ACCEPTED,
	    .answer = &api_test_message_schema,
	    .run = api_account_test },
	{ .method = NULL },
};
