/* pop3_private.h - what the files of pop3.h share */
#ifndef SERVER_POP3_POP3_PRIVATE_H
#define SERVER_POP3_POP3_PRIVATE_H

#include "server/auth/auth.h"
#include "server/net/conn.h"
#include "server/pop3/pop3.h"
#include "server/pop3/pop3_parse.h"
#include "server/worker.h"
#include "storage/account.h"

/* Addresses and what aliases may be called. */
#define POP3_USER_MAX 400

enum pop3_state {
	POP3_AUTHORIZATION = 1, /* RFC 1939's names */
	POP3_TRANSACTION = 2,
	POP3_ENDED = 4 /* update done, or given up */
};

struct pop3_message {
	uint32_t uid, bytes; /* MESSAGE_BYTES_MAX fits */
	bool deleted;
};

struct pop3 {
	struct conn *c;
	struct worker *w;
	enum pop3_state state;
	struct arena *arena; /* of the session: from the login on */
	/* USER's, until PASS; not in the arena, where a stranger could pile
	 * them up */
	char user[POP3_USER_MAX];
	uint16_t user_n;
	unsigned errors, failures;
	bool draining;
	/* POP3_TRANSACTION */
	struct auth_session auth;
	bool counted;	       /* auth is to be ended */
	struct auth_login who; /* account's id and generation, and app_id */
	uint64_t state_seq;    /* at which it was looked whether that holds */
	const char *address;
	struct account *acc;
	uint32_t folder, uidvalidity;
	struct pop3_message *messages;
	unsigned n;
	/* for the log line */
	unsigned retrieved;
	uint64_t bytes_out;
};

typedef void (
    *pop3_run)(struct task *t, struct pop3 *s, const struct pop3_input *in);

/* pop3.c: replies. code: "AUTH", "SYS/TEMP", ...; or NULL. */
may_yield void pop3_ok(struct task *t, struct pop3 *s, const char *text);
may_yield void pop3_bad(struct task *t, struct pop3 *s, const char *code,
    const char *text);
/* A storage error, logged; what: "RETR". */
may_yield void pop3_fail(struct task *t, struct pop3 *s, const char *what,
    struct err *e);
/* Counts against pop3.errors_max. */
may_yield void pop3_refuse(struct task *t, struct pop3 *s, const char *text);

/* pop3_auth.c */
/* Whether who is logged in may go on; else it was answered, and it ends. */
may_yield bool pop3_recheck(struct task *t, struct pop3 *s);
may_yield void pop3_user(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_pass(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_auth(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_capa(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_stls(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_apop(struct task *t, struct pop3 *s,
    const struct pop3_input *in);

/* pop3_mail.c */
may_yield must_check struct err *pop3_snapshot(struct task *t, struct pop3 *s,
    struct str account_id);
may_yield void pop3_stat(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_list(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_uidl(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_retr(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_top(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_dele(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_rset(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_noop(struct task *t, struct pop3 *s,
    const struct pop3_input *in);
may_yield void pop3_quit(struct task *t, struct pop3 *s,
    const struct pop3_input *in);

#endif
