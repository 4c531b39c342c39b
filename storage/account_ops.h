/* account_ops.h - the language of an account journal's entries */
#ifndef STORAGE_ACCOUNT_OPS_H
#define STORAGE_ACCOUNT_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "storage/record.h"
#include "storage/uidset.h"

/*
 * The operations of format 1 (record.h has the frame and the operations C, D,
 * F, N, T that all journals share).  They are independent of the state they
 * meet: flags are deltas, UIDs are given out by position when an entry is
 * replayed, folders have ids drawn by their creator.  An operation that does
 * not fit (no such folder or UID, name taken) is nothing; one that cannot be
 * read makes the journal read-only at the entry before it.
 *
 *	folder	decimal id, 1 is INBOX (ids 2..15 are the other folders of a new
 *		account; else 32 random bits >= 16)
 *	uids	uidset.h: "1:3.7"
 *	flags	letters without order: S \Seen, R \Answered, F \Flagged,
 *		T \Deleted, D \Draft; may be empty
 *	words	keywords with one blank between them, percent-encoded
 *		("$Label1%20NonJunk"); may be empty
 *	month	yyyymm of the directory under msg/
 *	name	<txid>-<ordinal>, ordinal decimal 0..65535
 *	source	month/name: in this account; account:month/name: in another
 *	time	unix time, decimal
 *	text	percent-encoded UTF-8
 *
 * Messages (folder UIDNEXT rises by one for each that becomes a row):
 *	a,folder,ordinal,month,bytes,time,flags,words[,source]
 *		ADD the file msg/<month>/<this entry's txid>-<ordinal>; time is
 *		the internal date; source: the file was made by LINK from there.
 *		Nothing if that name is a row or a tombstone.
 *	h,folder,name,month,bytes,time,flags,words
 *		HAVE: ADD of a file with a name of its own (not written by this
 *		version: every row owns a name under its entry's txid)
 *	f,folder,uids,flags,flags,words,words
 *		FLAGS: set the first, then clear the second; keywords likewise.
 *		Rows named get this entry's number as MODSEQ.
 *	s,folder,uids,flags,words
 *		SET: exactly these flags and keywords
 *	x,folder,uids
 *		EXPUNGE: rows become tombstones, which keep the name
 *	m,folder,uids,folder
 *		MOVE from the first to the second folder in the order of UIDs;
 *		rows keep name, flags, date; tombstones without name stay behind
 * Folders:
 *	c,folder,uidvalidity,use,subscribed,text
 *		CREATE; use: one letter, - none, D \Drafts, S \Sent, J \Junk,
 *		T \Trash, A \Archive; subscribed 0 or 1.  Nothing if the id or
 *		the name exists.
 *	d,folder
 *		DELETE; its rows become tombstones
 *	r,folder,text
 *		RENAME this folder (children have operations of their own)
 *	u,text	v,text
 *		SUBSCRIBE, UNSUBSCRIBE a name, whether it exists or not
 *	w,folder,uidvalidity
 *		WIPE: new UIDVALIDITY; rows keep their UIDs (after a fork)
 * The account:
 *	i,time	mark: this entry was made about then.  In the first entry of a
 *		day; FORGET goes by these.
 *	K	CLOSED: from here on only O and P (and journal operations) count
 *	O	REOPENED; nothing after P
 *	P	PURGED: being removed, for ever
 *
 * Tombstones whose MODSEQ is at or below an F,<seq> go.
 *
 * Totals: bytes,messages,state,uidvalidity,uidnext[,folder:uidnext]...
 *	state: o open, k closed, p purged; uidvalidity and uidnext are those of
 *	INBOX; then up to ACCOUNT_TOTALS_FOLDERS folders this entry touched.
 *	HIGHESTMODSEQ of a folder touched is the entry's number.
 */
#define ACCOUNT_INBOX 1
#define ACCOUNT_FOLDER_RANDOM 16 /* smallest drawn id */
#define ACCOUNT_ORDINAL_MAX 65535
#define ACCOUNT_TOTALS_FOLDERS 4

/* Flags of a row, and their letters. */
enum {
	MESSAGE_SEEN = 1,
	MESSAGE_ANSWERED = 2,
	MESSAGE_FLAGGED = 4,
	MESSAGE_DELETED = 8,
	MESSAGE_DRAFT = 16,
	MESSAGE_FLAGS = 31
};

/* name of a file: 32 digits, '-', up to 5 digits */
struct message_name {
	struct txid txid;
	uint16_t ordinal;
	uint16_t month; /* (year - 1970) * 12 + month - 1; 0: no file */
};
#define MESSAGE_NAME_MAX (TXID_HEX + 1 + 5)

bool message_name_eq(const struct message_name *a,
    const struct message_name *b);
/* "<txid>-<ordinal>" and a NUL. */
void message_name_format(const struct message_name *m,
    char out_r[MESSAGE_NAME_MAX + 1]);
bool message_name_parse(struct str s, struct message_name *m_r);
/* "yyyymm" and a NUL, and back. */
void message_month_format(uint16_t month, char out_r[7]);
bool message_month_parse(struct str s, uint16_t *month_r);
uint16_t message_month_of(int64_t unix_s);

/* One operation, read. */
struct account_op {
	char letter;
	uint32_t folder, folder2;
	uint32_t uidvalidity;
	uint64_t time, seq; /* seq: of F */
	uint64_t bytes;
	struct message_name name; /* a, h */
	struct str source;	  /* a: as written; empty: none */
	struct uidset uids;
	uint8_t flags, flags2;
	struct str words, words2; /* decoded */
	struct str text;	  /* decoded name of a folder */
	char use;
	bool subscribed;
};

/*
 * All operations of an entry with this txid; the journal's own are left out but
 * F.  Nothing yields.  ERR_CORRUPT: malformed; ERR_FORMAT: unknown letter.
 */
must_check struct err *account_ops_parse(struct arena *a, struct str ops,
    const struct txid *txid, struct account_op **ops_r, unsigned *n_r);
/* One operation in its canonical form. */
void account_op_write(struct buf *b, const struct account_op *op);

/* "month/name" or "account:month/name". */
must_check bool account_source_parse(struct str s, struct str *account_r,
    struct message_name *name_r);
void account_source_format(struct buf *b, struct str account,
    const struct message_name *name);

/* The totals token. */
struct account_totals {
	uint64_t bytes, messages;
	char state;
	uint32_t inbox_uidvalidity, inbox_uidnext;
	unsigned folder_count;
	struct {
		uint32_t folder, uidnext;
	} folders[ACCOUNT_TOTALS_FOLDERS];
};
void account_totals_format(struct buf *b, const struct account_totals *tt);
bool account_totals_parse(struct str s, struct account_totals *tt_r);

#endif
