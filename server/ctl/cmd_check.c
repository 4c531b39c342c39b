/* check mail */
#include <unistd.h>

#include "base/buf.h"
#include "mime/date.h"
#include "server/conf.h"
#include "server/ctl/check_client.h"
#include "server/ctl/ctl.h"
#include "storage/account.h"
#include "storage/folder.h"
#include "storage/message.h"
#include "storage/state_account.h"
#include "storage/state_alias.h"

/* How long a message that was accepted may take to be seen. */
#define CHECK_LOOK_MS 10000
#define CHECK_LOOK_STEP_MS 200
#define CHECK_MESSAGE_MAX (1U << 20)

struct check_mail {
	struct ctl *c;
	struct ctl_out *out;
	const char *address;
	struct state_recipient to;
	struct account *acc;
	uint32_t uidnext; /* before */
	uint32_t uid;	  /* found */
	const char *id, *text;
	char host[256], port[16], helo[256];
	struct check client;
};

static void
check_row(struct check_mail *m, const char *stage, bool ok, uint64_t ms)
{
	ctl_out_str(m->out, str_c(stage));
	ctl_out_str(m->out, ok ? STR("ok") : STR("failed"));
	ctl_out_u64(m->out, ms);
}

/* The rows so far, then the sentence. */
static struct err *
check_failed(struct task *t, struct check_mail *m, const char *stage,
    const char *why)
{
	err_ignore(ctl_out_end(m->out)); /* the sentence matters more */
	return err_newf(task_arena(t), ERR_SYSTEM, "%s failed: %s", stage, why);
}

static struct err *
check_client_rows(struct task *t, struct check_mail *m)
{
	const struct check *k = &m->client;

	for (unsigned i = 0; i < k->n; i++)
		check_row(m, k->steps[i].name, k->steps[i].ok, k->steps[i].ms);
	return k->failed ? check_failed(t, m, k->steps[k->n - 1].name, k->said)
			 : NULL;
}

/* Where the mx listener of this node is, if nobody says. */
static bool
check_own_listener(struct check_mail *m)
{
	const struct conf *conf = m->c->conf;

	for (unsigned i = 0; conf != NULL && i < conf->listeners_n; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		if (strcmp(l->protocol, "smtp") != 0 || l->addresses_n == 0 ||
		    !check_address(l->addresses[0].text, m->host, m->port))
			continue;
		if (strcmp(m->host, "0.0.0.0") == 0 ||
		    strcmp(m->host, "*") == 0)
			strcpy(m->host, "127.0.0.1");
		if (strcmp(m->host, "::") == 0)
			strcpy(m->host, "::1");
		return true;
	}
	return false;
}

static struct err *
check_where(struct task *t, struct check_mail *m)
{
	const struct ctl_value *smtp = ctl_opt(m->c, "smtp");

	if (!smtp->given && !check_own_listener(m))
		return err_new(task_arena(t), ERR_INVALID,
		    "no smtp listener is configured here: give --smtp "
		    "HOST:PORT",
		    NULL);
	if (smtp->given && !check_address(smtp->s, m->host, m->port))
		return err_newf(task_arena(t), ERR_INVALID,
		    "%s is not HOST:PORT", smtp->s);
	if (gethostname(m->helo, sizeof(m->helo) - 1) < 0 || m->helo[0] == 0)
		strcpy(m->helo, "localhost");
	return NULL;
}

static struct err *
check_recipient(struct task *t, struct check_mail *m)
{
	struct state_recipient *list;
	struct err *e;
	bool foreign;
	unsigned n;

	e = state_resolve(task_arena(t), m->c->state, str_c(m->address), &list,
	    &n, &foreign);
	for (unsigned i = 0; e == NULL && i < n; i++)
		if (list[i].account_id.n > 0) {
			m->to = list[i];
			return NULL;
		}
	return e != NULL ? e
			 : err_newf(task_arena(t), ERR_NOTFOUND,
			       "%s leads to no account here", m->address);
}

static void
check_compose(struct task *t, struct check_mail *m)
{
	struct arena *a = task_arena(t);
	unsigned char random[12];
	struct buf hex;
	struct buf date;

	task_random(t, random, sizeof(random));
	buf_init(&hex, a, 64);
	buf_hex(&hex, random, sizeof(random));
	m->id = arena_printf(a, "<shoal-check-" STR_FMT "@%s>",
	    STR_ARG(buf_str(&hex)), m->helo);
	buf_init(&date, a, 64);
	mime_date_write(&date, task_wall_s(t));
	m->text = arena_printf(a,
	    "From: Shoal check <postmaster@%s>\r\nTo: <%s>\r\n"
	    "Subject: check mail\r\nDate: " STR_FMT "\r\nMessage-ID: %s\r\n"
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
	    "This message was made by shoalctl check mail, which removes it "
	    "again.\r\n.\r\nA line that begins with a dot is above.\r\n",
	    m->helo, m->address, STR_ARG(buf_str(&date)), m->id);
}

may_yield static struct err *
check_open(struct task *t, struct check_mail *m)
{
	uint64_t began = task_now_ms(t);
	const struct folder *f;
	struct err *e;

	e = account_open(t, m->c->mail, m->to.account_id, &m->acc);
	if (e == NULL)
		e = account_refresh(t, m->acc);
	check_row(m, "account", e == NULL, task_now_ms(t) - began);
	if (e != NULL)
		return check_failed(t, m, "account", e->text);
	f = folder_by_name(m->acc, STR("INBOX"));
	m->uidnext = f != NULL ? f->uidnext : 1;
	return NULL;
}

/* --- looking into the store --- */

/* Whether it is ours, and whole. */
may_yield static struct err *
check_is_ours(struct task *t, struct check_mail *m, const struct message *msg,
    bool *ours_r)
{
	const char *body = strstr(m->text, "\r\n\r\n");
	uint32_t uid = msg->uid;
	struct str bytes;
	struct err *e;

	*ours_r = false;
	if (msg->bytes > CHECK_MESSAGE_MAX)
		return NULL;
	e = message_read_all(t, m->acc, ACCOUNT_INBOX, uid, CHECK_MESSAGE_MAX,
	    task_arena(t), &bytes);
	if (err_is(e, ERR_NOTFOUND)) /* somebody was quicker */
		return NULL;
	if (e != NULL || memmem(bytes.p, bytes.n, m->id, strlen(m->id)) == NULL)
		return e;
	*ours_r = true;
	m->uid = uid;
	return str_ends(bytes, str_c(body))
		   ? NULL
		   : err_new(task_arena(t), ERR_CORRUPT,
			 "the message came, but not as it was sent", NULL);
}

may_yield static struct err *
check_look_once(struct task *t, struct check_mail *m, bool *found_r)
{
	struct err *e = account_refresh(t, m->acc);
	uint32_t at;

	*found_r = false;
	if (e != NULL)
		return e;
	(void)message_by_uid(m->acc, ACCOUNT_INBOX, m->uidnext, &at);
	while (e == NULL && !*found_r) {
		const struct folder *f = folder_by_id(m->acc, ACCOUNT_INBOX);
		const struct message *msg;

		if (f == NULL || at >= f->messages)
			break;
		msg = message_nth(m->acc, ACCOUNT_INBOX, at++);
		e = check_is_ours(t, m, msg, found_r);
	}
	return e;
}

may_yield static struct err *
check_look(struct task *t, struct check_mail *m)
{
	uint64_t began = task_now_ms(t);
	bool found = false;
	struct err *e;

	for (;;) {
		e = check_look_once(t, m, &found);
		if (e != NULL || found ||
		    task_now_ms(t) > began + CHECK_LOOK_MS)
			break;
		task_sleep_ms(t, CHECK_LOOK_STEP_MS);
	}
	check_row(m, "delivery", e == NULL && found, task_now_ms(t) - began);
	if (e != NULL)
		return check_failed(t, m, "delivery", e->text);
	return found ? NULL
		     : check_failed(t, m, "delivery",
			   "the server took the message, but it is not in "
			   "INBOX");
}

may_yield static struct err *
check_expunge(struct task *t, struct check_mail *m)
{
	struct uidset uids;

	uidset_init(&uids, task_arena(t));
	uidset_add(&uids, m->uid);
	return message_expunge(t, m->acc, ACCOUNT_INBOX, &uids, false, NULL);
}

may_yield static struct err *
check_remove(struct task *t, struct check_mail *m)
{
	uint64_t began = task_now_ms(t);
	struct err *e = check_expunge(t, m);

	check_row(m, "removal", e == NULL, task_now_ms(t) - began);
	return e == NULL ? NULL : check_failed(t, m, "removal", e->text);
}

/* --- the stages --- */

may_yield static struct err *
check_send(struct task *t, struct check_mail *m)
{
	m->client = (struct check){ .host = m->host,
		.port = m->port,
		.helo = m->helo,
		.from = "",
		.to = m->address,
		.message = str_c(m->text) };
	offload_run(t, m->c->offload, blocking_check_smtp, &m->client);
	return check_client_rows(t, m);
}

may_yield static struct err *
check_imap(struct task *t, struct check_mail *m, const char *password)
{
	const struct ctl_value *imap = ctl_opt(m->c, "imap");

	if (!imap->given)
		return NULL;
	m->client = (struct check){ .host = m->host,
		.port = m->port,
		.login = arena_cstr(task_arena(t), m->to.address),
		.password = password,
		.message_id = m->id };
	if (!check_address(imap->s, m->host, m->port))
		return err_newf(task_arena(t), ERR_INVALID,
		    "%s is not HOST:PORT", imap->s);
	offload_run(t, m->c->offload, blocking_check_imap, &m->client);
	return check_client_rows(t, m);
}

may_yield static struct err *
check_stages(struct task *t, struct check_mail *m, const char *password)
{
	struct err *e;

	e = check_open(t, m);
	if (e == NULL)
		e = check_send(t, m);
	if (e == NULL)
		e = check_look(t, m);
	if (e == NULL)
		e = check_imap(t, m, password);
	if (e != NULL) {
		/* It goes in any case; what failed before is what is said. */
		if (m->uid != 0)
			err_ignore(check_expunge(t, m));
		return e;
	}
	e = check_remove(t, m);
	return e != NULL ? e : ctl_out_end(m->out);
}

static const struct ctl_option check_mail_options[] = {
	{ "smtp", CTL_STRING, "HOST:PORT",
	    "where to hand the message in (default: this node's listener)" },
	{ "imap", CTL_STRING, "HOST:PORT",
	    "read it there, too; needs --password-stdin" },
	{ "password-stdin", CTL_FLAG, NULL, "the account's password" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
check_mail_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "stage", "result", "ms" };
	struct check_mail *m = arena_new_obj(task_arena(t), struct check_mail);
	struct str password = STR_NONE;
	struct err *e = NULL;

	m->c = c;
	m->address = c->argv[0];
	m->out = ctl_out_list(t, c, columns, countof(columns));
	if (ctl_given(c, "imap") != ctl_given(c, "password-stdin"))
		return err_new(task_arena(t), ERR_INVALID,
		    "--imap and --password-stdin go together", NULL);
	if (ctl_given(c, "imap"))
		e = ctl_read_secret(t, &password);
	if (e == NULL)
		e = check_where(t, m);
	if (e == NULL)
		e = check_recipient(t, m);
	if (e != NULL)
		return e;
	check_compose(t, m);
	e = check_stages(t, m, arena_cstr(task_arena(t), password));
	account_close(&m->acc);
	return e;
}

const struct ctl_command cmd_check_mail = {
	.name = "check mail",
	.args = "ADDRESS",
	.help = "Send a message to an address here and look whether it arrives",
	.more = "Hands a message in by SMTP, as a stranger would, looks for it "
		"in the account through the store, compares it with what was "
		"sent, and removes it again; no password is needed. Each stage "
		"is listed with its time; the first that fails is named with "
		"what the server said. With --imap the message is also "
		"searched and fetched there, over TLS on port 993 or where "
		"STARTTLS is offered; the certificate is not verified.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_MAIL,
	.options = check_mail_options,
	.run = check_mail_run,
};
