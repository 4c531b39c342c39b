/* remote.c - one session with one host: its beginning and its end */
#include "server/queue/remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "server/queue/remote_private.h"

/* --- failures, before there is a message --- */

static struct err *
remote_fail(struct task *t, const struct remote *r, enum err_code code,
    const struct remote_reply *why)
{
	return err_newf(task_arena(t), code, STR_FMT ": %u " STR_FMT,
	    STR_ARG(r->target.host), why->code, STR_ARG(why->text));
}

/* Nobody answered, or we do not go on. */
static struct err *
remote_cannot(struct task *t, const struct remote *r,
    struct remote_reply *why_r, const char *text)
{
	remote_reply_set(task_arena(t), why_r, 0, "", "%s", text);
	return err_newf(task_arena(t), ERR_UNAVAIL, STR_FMT ": %s",
	    STR_ARG(r->target.host), text);
}

static struct err *
remote_refused(struct task *t, const struct remote *r,
    const struct remote_reply *why)
{
	return remote_fail(t, r,
	    why->code / 100 == 5 ? ERR_DENIED : ERR_UNAVAIL, why);
}

/* --- EHLO, TLS --- */

/* RFC 5321, 3.2: a host that does not know EHLO is asked HELO. */
static may_yield struct err *
remote_hello(struct task *t, struct remote *r, struct remote_reply *why_r)
{
	memset(&r->ext, 0, sizeof(r->ext));
	buf_fmt(remote_line(r), "EHLO " STR_FMT, STR_ARG(r->target.hello));
	remote_say(t, r, NULL);
	remote_hear(t, r, REMOTE_GREETING_MS, &r->ext, why_r);
	if (why_r->code / 100 == 5) {
		memset(&r->ext, 0, sizeof(r->ext));
		buf_fmt(remote_line(r), "HELO " STR_FMT,
		    STR_ARG(r->target.hello));
		remote_ask(t, r, NULL, REMOTE_GREETING_MS, why_r);
	}
	return why_r->code / 100 == 2 ? NULL : remote_refused(t, r, why_r);
}

static enum tls_demand
remote_demand(const struct remote *r)
{
	switch (r->target.tls) {
	case REMOTE_TLS_MUST:
		return TLS_DEMAND_PRIVATE;
	case REMOTE_TLS_VERIFY:
	case REMOTE_TLS_IMPLICIT:
		return TLS_DEMAND_VERIFIED;
	case REMOTE_TLS_MAY:
	case REMOTE_TLS_NEVER:
		break;
	}
	return TLS_DEMAND_LITTLE;
}

static may_yield struct err *
remote_handshake(struct task *t, struct remote *r)
{
	const struct tls_conn *tls;
	const char *not_verified;
	struct err *e = dial_start_tls(t, r->dial, r->name, remote_demand(r),
	    task_now_ms(t) + REMOTE_TLS_MS);

	if (e != NULL) {
		r->broken = true;
		remote_note(r, "TLS failed: %s", e->text);
		return e;
	}
	tls = dial_tls(r->dial);
	not_verified = tls_conn_unverified(tls);
	r->tls_text = arena_printf(r->arena, "%s %s %s%s%s",
	    tls_conn_version(tls), tls_conn_cipher(tls),
	    not_verified == NULL ? "verified" : "not verified (",
	    not_verified == NULL ? "" : not_verified,
	    not_verified == NULL ? "" : ")");
	remote_note(r, "%s", r->tls_text);
	return NULL;
}

static bool
remote_must_encrypt(const struct remote *r)
{
	return r->target.tls == REMOTE_TLS_MUST ||
	       r->target.tls == REMOTE_TLS_VERIFY;
}

/* *failed_r: the handshake did; without TLS it may go. */
static may_yield struct err *
remote_starttls(struct task *t, struct remote *r, bool *failed_r,
    struct remote_reply *why_r)
{
	struct err *e;

	if (!r->ext.starttls)
		return remote_must_encrypt(r)
			   ? remote_cannot(t, r, why_r,
				 "the host offers no TLS, which it must use")
			   : NULL;
	buf_c(remote_line(r), "STARTTLS");
	remote_ask(t, r, NULL, REMOTE_GREETING_MS, why_r);
	if (why_r->code != 220)
		return remote_must_encrypt(r) || r->broken
			   ? remote_fail(t, r, ERR_UNAVAIL, why_r)
			   : NULL;
	e = remote_handshake(t, r);
	if (e == NULL)
		return remote_hello(t, r, why_r);
	*failed_r = !remote_must_encrypt(r);
	return remote_cannot(t, r, why_r,
	    arena_printf(task_arena(t), "TLS failed: %s", e->text));
}

/* --- AUTH: RFC 4954, 4616; LOGIN as everybody does it --- */

/* "\0user\0password" in base64. */
static struct str
remote_plain(struct arena *a, struct str user, struct str password)
{
	size_t n = user.n + password.n + 2;
	char *clear = arena_alloc(a, n);
	struct str text;

	memcpy(clear + 1, user.p, user.n);
	memcpy(clear + user.n + 2, password.p, password.n);
	text = base64_encode(a, str_of(clear, n));
	crypto_wipe(clear, n);
	return text;
}

static may_yield void
remote_auth_plain(struct task *t, struct remote *r, struct remote_reply *why_r)
{
	buf_fmt(remote_line(r), "AUTH PLAIN " STR_FMT,
	    STR_ARG(r->secrets[REMOTE_SECRET_PLAIN]));
	remote_ask(t, r, "AUTH PLAIN ***", REMOTE_GREETING_MS, why_r);
}

static may_yield void
remote_auth_login(struct task *t, struct remote *r, struct remote_reply *why_r)
{
	const struct str words[] = {
		base64_encode(task_arena(t), r->target.user),
		r->secrets[REMOTE_SECRET_LOGIN],
	};

	buf_c(remote_line(r), "AUTH LOGIN");
	remote_ask(t, r, NULL, REMOTE_GREETING_MS, why_r);
	for (unsigned i = 0; i < countof(words) && why_r->code == 334; i++) {
		buf_str_add(remote_line(r), words[i]);
		remote_ask(t, r, "***", REMOTE_GREETING_MS, why_r);
	}
}

static may_yield struct err *
remote_auth(struct task *t, struct remote *r, struct remote_reply *why_r)
{
	if (r->target.user.n == 0)
		return NULL;
	if (dial_tls(r->dial) == NULL)
		return remote_cannot(t, r, why_r,
		    "a password is only sent over TLS");
	if (r->ext.auth_plain)
		remote_auth_plain(t, r, why_r);
	else if (r->ext.auth_login)
		remote_auth_login(t, r, why_r);
	else
		return remote_cannot(t, r, why_r,
		    "the host offers neither AUTH PLAIN nor LOGIN");
	crypto_wipe(r->line.p, r->line.size);
	buf_clear(&r->line);
	/* Also 535: an administrator mends that, no mail is lost for it. */
	return why_r->code == 235 ? NULL
				  : remote_fail(t, r, ERR_UNAVAIL, why_r);
}

/* --- life --- */

static may_yield struct err *
remote_begin(struct task *t, struct remote *r, bool plain, bool *failed_r,
    struct remote_reply *why_r)
{
	char text[NET_TEXT_MAX];
	struct err *e;

	r->broken = false;
	r->tls_text = "";
	remote_note(r, STR_FMT " %s port %u%s", STR_ARG(r->target.host),
	    net_addr_text(&r->target.addr, text), r->target.addr.port,
	    plain ? " without TLS" : "");
	e = dial_open(t, r->w, &r->target.addr, r->target.source,
	    task_now_ms(t) + REMOTE_CONNECT_MS, &r->dial);
	if (e != NULL)
		return remote_cannot(t, r, why_r, e->text);
	if (r->target.tls == REMOTE_TLS_IMPLICIT) {
		e = remote_handshake(t, r);
		if (e != NULL)
			return remote_cannot(t, r, why_r,
			    arena_printf(task_arena(t), "TLS failed: %s",
				e->text));
	}
	remote_hear(t, r, REMOTE_GREETING_MS, NULL, why_r);
	if (why_r->code != 220)
		return remote_refused(t, r, why_r);
	if ((e = remote_hello(t, r, why_r)) != NULL)
		return e;
	if (!plain && r->target.tls != REMOTE_TLS_IMPLICIT &&
	    r->target.tls != REMOTE_TLS_NEVER &&
	    (e = remote_starttls(t, r, failed_r, why_r)) != NULL)
		return e;
	return remote_auth(t, r, why_r);
}

/* What TLS looks for: an address literal without its brackets. */
static const char *
remote_tls_name(struct arena *a, struct str host)
{
	if (host.n > 2 && host.p[0] == '[') {
		host = str_sub(host, 1, host.n - 2);
		if (str_case_eq(str_sub(host, 0, 5), STR("IPv6:")))
			host = str_sub(host, 5, host.n);
	}
	return arena_cstr(a, host);
}

static void
remote_set_secrets(struct remote *r)
{
	struct str user = r->target.user, password = r->target.password;

	if (user.n == 0)
		return;
	r->secrets[REMOTE_SECRET_PLAIN] =
	    remote_plain(r->arena, user, password);
	r->secrets[REMOTE_SECRET_LOGIN] = base64_encode(r->arena, password);
	r->secrets[REMOTE_SECRET_CLEAR] = password;
}

static struct remote *
remote_new(struct worker *w, const struct remote_target *target)
{
	struct remote *r = xcalloc(1, sizeof(*r));
	struct net_addr *source;

	r->w = w;
	r->arena = arena_new(0);
	r->target = *target;
	r->target.host = arena_str(r->arena, target->host);
	r->target.user = arena_str(r->arena, target->user);
	r->target.password = arena_str(r->arena, target->password);
	r->target.hello = arena_str(r->arena, target->hello);
	if (target->source != NULL) {
		source = arena_new_obj(r->arena, struct net_addr);
		*source = *target->source;
		r->target.source = source;
	}
	remote_set_secrets(r);
	r->name = remote_tls_name(r->arena, r->target.host);
	r->tls_text = "";
	buf_init(&r->line, NULL, REMOTE_COMMAND_MAX);
	buf_init(&r->opening, NULL, REMOTE_OPENING_MAX);
	r->transcript = &r->opening;
	return r;
}

static void
remote_free(struct remote **r)
{
	dial_close(&(*r)->dial);
	crypto_wipe((char *)(uintptr_t)(*r)->target.password.p,
	    (*r)->target.password.n);
	for (unsigned i = 0; i < REMOTE_SECRETS; i++)
		crypto_wipe((char *)(uintptr_t)(*r)->secrets[i].p,
		    (*r)->secrets[i].n);
	buf_free(&(*r)->line);
	buf_free(&(*r)->opening);
	arena_free(&(*r)->arena);
	free(*r);
	*r = NULL;
}

may_yield struct err *
remote_open(struct task *t, struct worker *w,
    const struct remote_target *target, struct remote **r_r,
    struct remote_reply *why_r, struct buf *transcript)
{
	struct remote *r = remote_new(w, target);
	bool failed = false;
	struct err *e;

	memset(why_r, 0, sizeof(*why_r));
	e = remote_begin(t, r, false, &failed, why_r);
	if (e != NULL && failed) {
		/* RFC 7435: who takes mail without TLS is not refused it
		 * because his TLS is broken. */
		log_info(t, "TLS failed", LOG_STR("host", r->target.host),
		    LOG_STR("why", why_r->text));
		dial_close(&r->dial);
		e = remote_begin(t, r, true, &failed, why_r);
	}
	r->transcript = NULL;
	r->cut = false;
	r->used_at = task_now_ms(t);
	if (e == NULL) {
		*r_r = r;
		return NULL;
	}
	if (transcript != NULL)
		buf_str_add(transcript, buf_str(&r->opening));
	remote_free(&r);
	return e;
}

may_yield void
remote_close(struct task *t, struct remote **r)
{
	struct remote_reply bye;

	if (*r == NULL)
		return;
	if (!(*r)->broken) {
		(*r)->transcript = NULL;
		buf_c(remote_line(*r), "QUIT");
		remote_ask(t, *r, NULL, REMOTE_QUIT_MS, &bye);
	}
	remote_free(r);
}

bool
remote_is_usable(const struct remote *r)
{
	uint64_t now_ms = sched_now_ms(loop_sched(r->w->loop));

	return !r->broken && r->messages < REMOTE_MESSAGES_MAX &&
	       (r->ext.mail_max == 0 || r->messages < r->ext.mail_max) &&
	       now_ms - r->used_at <= REMOTE_IDLE_MS && dial_is_quiet(r->dial);
}

const char *
remote_tls_text(const struct remote *r)
{
	return r->tls_text;
}
