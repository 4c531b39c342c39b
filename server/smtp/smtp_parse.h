/* smtp_parse.h - the grammar of SMTP and LMTP commands */
#ifndef SERVER_SMTP_SMTP_PARSE_H
#define SERVER_SMTP_SMTP_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * Pure: no I/O, no memory; what is returned points into the line, which comes
 * without its line end.  RFC 5321 with 1870 (SIZE), 3030 (BDAT), 3461 (DSN),
 * 4954 (AUTH=), 6152 (BODY), 6531 (SMTPUTF8) and 2033 (LHLO).
 *
 * Laxer than the grammar where honest clients are: blanks behind "FROM:" and
 * "TO:", blanks at the end of a line, "_" in domains.  Not laxer: paths stand
 * in <>.
 */
#define SMTP_LOCAL_MAX 64 /* RFC 5321, 4.5.3.1.1 */
/* A sender that a forwarder rewrote has its whole address in there, and
 * everybody takes it; so do we, from others and as ours (server/queue/srs.h).
 */
#define SMTP_LOCAL_SRS_MAX 250
#define SMTP_DOMAIN_MAX 255 /* 4.5.3.1.2 */
#define SMTP_PATH_MAX 1024  /* source route and all; RFC says 256 without */
#define SMTP_PARAMS_MAX 16  /* of one command */

enum smtp_syntax {
	SMTP_OK,
	SMTP_BAD_COMMAND, /* not as the command is written */
	SMTP_BAD_PATH,	  /* no mailbox in <> */
	SMTP_LONG_PATH,	  /* local part, domain or path over the limit */
	SMTP_BAD_PARAM,	  /* a parameter nobody offered (555) */
	SMTP_BAD_VALUE,	  /* a parameter's value, or given twice */
	SMTP_SYNTAXES
};

/* The word and what follows it, without blanks around; any case.  false: there
 * is no word. */
bool smtp_parse_command(struct str line, struct str *verb_r,
    struct str *args_r);

/*
 * The name a client gives itself: letters, digits, dots, "-" and "_" in any
 * order, since nothing is decided by it, or an address literal, which must be
 * one.  It may be written into a header as it is.
 */
bool smtp_parse_hello(struct str args, struct str *name_r);

struct smtp_path {
	struct str mailbox; /* as written, without <> and source route; empty:
			     * the null reverse-path */
	struct str local;   /* quoted strings with their quotes */
	struct str domain;  /* or literal; empty: there was no @ */
	bool utf8;	    /* has bytes from 0x80 up */
	bool valid;	    /* ... and they are UTF-8 */
};

enum smtp_ret { SMTP_RET_NONE, SMTP_RET_FULL, SMTP_RET_HDRS };

struct smtp_mail {
	struct smtp_path from;
	bool has_size, body8, smtputf8;
	bool has_auth; /* AUTH=: who it was elsewhere, which we need not know */
	bool dsn;      /* RET or ENVID was given: if DSN is not offered they
			* are parameters that nobody offered */
	uint64_t size; /* UINT64_MAX: more than can be counted */
	enum smtp_ret ret;
	struct str envid; /* as written: smtp_xtext() decodes it */
};
enum smtp_syntax smtp_parse_mail(struct str args, struct smtp_mail *m_r);

/* The path may lack its domain: the caller knows which may. */
enum smtp_notify { /* RFC 3461, 4.1; 0: not said */
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8
};

struct smtp_rcpt {
	struct smtp_path to;
	bool dsn; /* NOTIFY or ORCPT was given */
	unsigned notify;
	struct str orcpt; /* as written: smtp_orcpt() decodes it */
};
enum smtp_syntax smtp_parse_rcpt(struct str args, struct smtp_rcpt *r_r);

struct smtp_bdat {
	uint64_t size;
	bool last;
};
enum smtp_syntax smtp_parse_bdat(struct str args, struct smtp_bdat *b_r);

/*
 * What xtext (ENVID) stands for, into out_r, which has room for s.n bytes
 * (NULL: it is only looked at): printable ASCII.  How long it is; SIZE_MAX:
 * that is not xtext, or stands for something else.
 */
#define SMTP_ENVID_MAX 100 /* RFC 3461, 4.4: of the source */
#define SMTP_ORCPT_MAX 500 /* 4.2 */
size_t smtp_xtext(struct str s, char *out_r);
/* The same of an ORCPT: "rfc822;alice@example.org"; of the type utf-8 (RFC
 * 6533, 3) also UTF-8. */
size_t smtp_orcpt(struct str s, char *out_r);

/* Exactly one mailbox, as inside <>: for those who have an address and no
 * command. */
bool smtp_parse_mailbox(struct str s, struct smtp_path *p_r);

#endif
