/* imap.h - what every IMAP command sees */
#ifndef SERVER_IMAP_IMAP_H
#define SERVER_IMAP_IMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/task.h"
#include "server/auth/auth.h"
#include "server/imap/imap_parse.h"
#include "server/net/conn.h"
#include "server/worker.h"
#include "storage/account.h"
#include "storage/folder.h"
#include "storage/message.h"
#include "storage/uidset.h"

/*
 * RFC 3501 with the extensions of the capability table (imap_capability.c).
 * One command is one descriptor in its own file (cmd_NAME.c); imap_commands.c
 * only lists them.  imap_session.c assembles a whole command with its literals,
 * finds the descriptor, runs it in the connection's task and turns its outcome
 * into the tagged line: NULL is OK, cmd->bad is BAD, other errors are NO with
 * the response code of worker_outcome().  Handlers never write that line.
 */
enum imap_state {
	IMAP_STRANGER = 1, /* not authenticated */
	IMAP_USER = 2,	   /* authenticated */
	IMAP_SELECTED = 4,
	IMAP_GONE = 8 /* after LOGOUT or BYE */
};

/*
 * The selected mailbox as the client has been told it is: sequence number - 1
 * to UID.  It changes only in imap_view_sync(), which tells.  The account moves
 * on meanwhile; a message that is gone there can still be read here through its
 * tombstone.
 */
struct imap_view {
	uint32_t folder, uidvalidity;
	bool readonly; /* EXAMINE */
	uint32_t *uids, n, size;
	uint64_t modseq;   /* of the account when last synchronised: what is
			    * newer is to be told */
	uint64_t expunged; /* the same for EXPUNGE, which may lag behind */
	uint32_t uidnext;
	uint64_t words; /* which keywords there are, as the client knows it */
};

struct imap_session {
	struct conn *c;
	struct worker *w;
	enum imap_state state;
	struct state_account account; /* as the state had it at state_seq */
	char *account_text;	      /* what the strings of account point to */
	char *app;		      /* application password's id, or "" */
	uint64_t state_seq;
	struct auth_session counted;
	struct account *acc; /* from the first command that needs it:
			      * imap_account() */
	struct imap_view view;
	struct follow *follow;
	bool condstore;		/* enabled (RFC 7162, 3.1): imap_condstore() */
	struct imap_idle *idle; /* between IDLE and DONE */
	unsigned errors;
	struct imap_told *told; /* imap_view_told(), of this command */
};

enum {
	IMAP_UID_TOO = 1,      /* UID NAME exists */
	IMAP_KEEP_NUMBERS = 2, /* no EXPUNGE responses: FETCH, STORE, SEARCH
				* without UID (RFC 3501, 7.4.1) */
	IMAP_STREAMS = 4       /* reads its last literal itself: APPEND */
};

struct imap_cmd {
	struct imap_session *s;
	struct imap_in in; /* behind the command's name */
	struct str tag;
	bool uid; /* UID was in front */
	/* IMAP_STREAMS: imap_streamed() */
	uint64_t literal;   /* bytes that are still to be read */
	bool literal_given; /* the command ends with a literal */
	bool literal_sync;  /* and the client waits to be asked for it */
	/* for the tagged line */
	bool bad;	  /* the error is BAD */
	bool later;	  /* there is none yet: IDLE */
	struct buf code;  /* "APPENDUID 1 2"; empty: none or by outcome */
	const char *text; /* of OK; NULL: "NAME completed" */
};

struct imap_command {
	const char *name; /* "UNSELECT" */
	unsigned states, flags;
	struct err *(*run)(struct task *t, struct imap_cmd *cmd);
};
extern const struct imap_command *const imap_commands[]; /* ends with NULL */
/* In any case; NULL: there is none. */
const struct imap_command *imap_command_find(struct str name);

/*
 * The literal that a command with IMAP_STREAMS reads itself (a literal that is
 * its first argument, APPEND's mailbox name, is not meant).  imap_streamed()
 * reads "{12}" at the end of cmd->in; *n_r is the size, nothing is sent yet: an
 * error returned now refuses it.  imap_streamed_read() asks the client for it
 * if it waits and gives 1 to n bytes, 0 at the end; its error means the
 * connection is gone.  imap_streamed_end() reads what follows up to the end of
 * the line, which must be empty (BAD).  What a handler leaves unread is
 * discarded by the session.
 */
bool imap_streamed(struct imap_cmd *cmd, uint64_t *n_r);
may_yield must_check struct err *imap_streamed_read(struct task *t,
    struct imap_cmd *cmd, void *p, size_t n, size_t *got_r);
may_yield must_check struct err *imap_streamed_end(struct task *t,
    struct imap_cmd *cmd);

/* Syntax error: return imap_bad(cmd, NULL) (what the parser said, or text). */
must_check struct err *imap_bad(struct imap_cmd *cmd, const char *text);
/* The account, opened if it was not, and refreshed to the head if refresh. */
may_yield must_check struct err *imap_account(struct task *t,
    struct imap_cmd *cmd, bool refresh, struct account **acc_r);
/* A CONDSTORE-enabling command (RFC 7162, 3.1); the first one tells the
 * selected mailbox's HIGHESTMODSEQ. */
may_yield void imap_condstore(struct task *t, struct imap_session *s);
/* Quota of the account as it is now in the state. */
void imap_limit(struct imap_session *s, struct quota_limit *limit_r);

/* --- the view (imap_view.c) --- */
/* Tell everything that is new: EXPUNGE (unless keep_numbers), EXISTS, RECENT,
 * FETCH (FLAGS, UID and MODSEQ if condstore).  Refreshes nothing. */
may_yield void imap_view_sync(struct task *t, struct imap_session *s,
    bool keep_numbers);
/*
 * The set's messages that the view has, as UIDs.  Sequence numbers unless uid;
 * '*' is the last.  A sequence number beyond the end is BAD (imap_bad), '*' in
 * an empty mailbox too; a UID that is not there is left out.  A range's ends
 * are messages of the view; what it spans are, in this folder, messages of the
 * view or nothing.  In O(ranges log n).
 */
must_check struct err *imap_view_uids(struct imap_cmd *cmd,
    const struct imap_set *set, bool uid, struct uidset *uids_r);
/* Sequence number of a UID; 0: the view has it not. */
uint32_t imap_view_seq(const struct imap_view *v, uint32_t uid);
/* Index in uids of the first UID that is not less; n: there is none. */
uint32_t imap_view_lower(const struct imap_view *v, uint32_t uid);
/* "\\Seen $Label": FLAGS of a message; \\Recent never (RFC 9051). */
void imap_flags_put(struct buf *b, const struct account *acc, uint8_t flags,
    uint64_t keywords);
/* FLAGS and PERMANENTFLAGS, if a keyword has come or gone since they were told:
 * before the flags of messages that may have it (RFC 3501, 7.2.6). */
may_yield void imap_view_tell_words(struct task *t, struct imap_session *s);
/* Flags of these that entry `modseq`, ours, left behind need not be told at the
 * end of this command: they were (STORE), or shall not be (.SILENT). uids'
 * ranges live in the task's arena. */
void imap_view_told(struct imap_cmd *cmd, const struct uidset *uids,
    uint64_t modseq);

/* --- writing (imap_put.c) --- */
/* quoted if it can be (7-bit, no line break, at most IMAP_QUOTED_MAX), else a
 * literal, in which 0x80 stands for NUL; NIL for p == NULL (nstring). */
#define IMAP_QUOTED_MAX 1000
void imap_put_string(struct buf *b, struct str s);
void imap_put_nstring(struct buf *b, struct str s);
/* A mailbox name in modified UTF-7 (RFC 3501, 5.1.3), as astring. */
void imap_put_mailbox(struct buf *b, struct str name);
/* "1:3,7" from a uidset. */
void imap_put_uidset(struct buf *b, const struct uidset *s);
void imap_put_date(struct buf *b, int64_t wall_s); /* date-time, quoted, UTC */

#endif
