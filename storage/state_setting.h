/* state_setting.h - limits and policies of the whole cluster */
#ifndef STORAGE_STATE_SETTING_H
#define STORAGE_STATE_SETTING_H

#include "storage/state.h"

/*
 * One table describes every setting: name, type, default, bounds, help.  The
 * state holds those that differ from the default.  Sizes are written as 10M,
 * durations as 30d, 12h, 5m, 20s.
 */
enum state_setting_type {
	STATE_SETTING_U64,
	STATE_SETTING_BYTES,   /* K, M, G, T: powers of 1024 */
	STATE_SETTING_SECONDS, /* s, m, h, d */
	STATE_SETTING_BOOL,    /* yes, no */
	STATE_SETTING_TEXT
};

enum state_setting {
	STATE_ACCOUNT_QUOTA,	    /* account.quota */
	STATE_ACCOUNT_REMOVE_GRACE, /* account.remove_grace */
	STATE_TOMBSTONE_KEEP,	    /* expunge.tombstones */
	STATE_AUDIT_KEEP,	    /* audit.keep */
	STATE_INVITE_EXPIRES,	    /* node.invite_expires */
	STATE_PASSWORD_LENGTH,	    /* password.min_length */
	STATE_PASSWORD_COST,	    /* password.yescrypt_cost */
	STATE_PASSWORD_ITERATIONS,  /* password.scram_iterations */
	STATE_POSTMASTER,	    /* domain.postmaster */
	STATE_MX_HOSTS,		    /* domain.mx_hosts */
	STATE_SPF_RECORD,	    /* domain.spf */
	STATE_DMARC_RECORD,	    /* domain.dmarc */
	STATE_DKIM_PUBLISH,	    /* dkim.publish_time */
	STATE_MESSAGE_MAX,	    /* message.max_size */
	STATE_NET_CONNECTIONS,	    /* net.connections */
	STATE_NET_PER_CLIENT,	    /* net.connections_per_client */
	STATE_NET_PER_CLIENT_IMAP,  /* net.connections_per_client_imap */
	STATE_NET_RATE_PER_CLIENT,  /* net.rate_per_client */
	STATE_NET_EXEMPT,	    /* net.exempt */
	STATE_NET_TLS_HANDSHAKE,    /* net.tls_handshake */
	STATE_NET_PROXY_HEADER,	    /* net.proxy_header */
	STATE_SMTP_TIMEOUT,	    /* smtp.command_timeout */
	STATE_SMTP_FLOOR,	    /* smtp.min_rate */
	STATE_SMTP_LINE,	    /* smtp.line_max */
	STATE_SMTP_RECIPIENTS,	    /* smtp.recipients_max */
	STATE_SMTP_MESSAGES,	    /* smtp.messages_per_session */
	STATE_SMTP_ERRORS,	    /* smtp.errors_max */
	STATE_SMTP_BARE,	    /* smtp.bare_newline */
	STATE_SMTP_HOPS,	    /* smtp.hops_max */
	STATE_SUBMISSION_FROM,	    /* submission.check_from */
	STATE_SUBMISSION_HIDE,	    /* submission.hide_client */
	STATE_SUBMISSION_MESSAGES,  /* submission.messages_per_hour */
	STATE_SUBMISSION_RCPTS,	    /* submission.recipients_per_day */
	STATE_IMAP_LOGIN_TIMEOUT,   /* imap.login_timeout */
	STATE_IMAP_IDLE_TIMEOUT,    /* imap.idle_timeout */
	STATE_IMAP_LINE,	    /* imap.line_max */
	STATE_IMAP_LINE_STRANGER,   /* imap.line_max_stranger */
	STATE_IMAP_LITERAL,	    /* imap.literal_max */
	STATE_IMAP_LITERALS_TOTAL,  /* imap.literals_total_max */
	STATE_IMAP_LITERALS,	    /* imap.literals_max */
	STATE_IMAP_ERRORS,	    /* imap.errors_max */
	STATE_IMAP_SESSIONS,	    /* imap.sessions_per_account */
	STATE_POP3_IDLE_TIMEOUT,    /* pop3.idle_timeout */
	STATE_POP3_ERRORS,	    /* pop3.errors_max */
	STATE_AUTH_FAILURES,	    /* auth.failures_max */
	STATE_AUTH_DELAY,	    /* auth.failure_delay */
	STATE_AUTH_PLAINTEXT,	    /* auth.allow_plaintext */
	STATE_JUNK_KEEP,	    /* retention.junk */
	STATE_TRASH_KEEP,	    /* retention.trash */
	STATE_TRACE_KEEP,	    /* trace.keep */
	STATE_CLIENT_HOST,	    /* client.host */
	STATE_QUEUE_PORT,	    /* queue.port */
	STATE_DMARC_ENFORCE,	    /* dmarc.enforce */
	STATE_SMTP_REVERSE,	    /* smtp.require_reverse_dns */
	STATE_SMTP_RATE,	    /* smtp.rate_per_client */
	STATE_QUEUE_LIFETIME,	    /* queue.lifetime */
	STATE_QUEUE_FIRST,	    /* queue.retry_first */
	STATE_QUEUE_MAX,	    /* queue.retry_max */
	STATE_QUEUE_NOTICE,	    /* queue.delay_notice */
	STATE_QUEUE_PER_DEST,	    /* queue.per_destination */
	STATE_QUEUE_AT_ONCE,	    /* queue.at_once */
	STATE_CONSOLE_IDLE,	    /* console.session_idle */
	STATE_CONSOLE_TIME,	    /* console.session_time */
	STATE_CONSOLE_HOSTS,	    /* console.hosts */
	STATE_SETTINGS
};

struct state_setting_desc {
	enum state_setting id;
	const char *name;
	enum state_setting_type type;
	const char *def;   /* as it would be written */
	uint64_t min, max; /* numbers; TEXT: longest, in max */
	const char *help;
};
/* STATE_SETTINGS of them, in order. */
extern const struct state_setting_desc state_setting_table[];

/* NULL: no such name. */
const struct state_setting_desc *state_setting_desc_find(struct str name);
/* Parse by the description, without a state: *number_r for all but TEXT.
 * ERR_INVALID says what would be right. */
must_check struct err *state_setting_parse(struct arena *a,
    const struct state_setting_desc *d, struct str value, uint64_t *number_r);

/* ERR_NOTFOUND: no such setting; ERR_INVALID. value empty: the default. */
may_yield must_check struct err *state_setting_set(struct task *t,
    struct state *st, const char *by, struct str name, struct str value);
/* Present values; a value that a newer version wrote and we cannot read counts
 * as the default. */
uint64_t state_setting_u64(struct state *st, enum state_setting id);
struct str state_setting_text(struct arena *a, struct state *st,
    enum state_setting id, bool *is_default_r);

#endif
