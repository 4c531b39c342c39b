/* message.h - messages: delivery, flags, copies, removal, reading */
#ifndef STORAGE_MESSAGE_H
#define STORAGE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/account.h"
#include "storage/folder.h"
#include "storage/quota.h"
#include "storage/uidset.h"

/*
 * A message is an immutable file of plain RFC 5322 bytes with CRLF, and a row
 * in one folder.  Rows are sorted by UID.  MODSEQ is the number of the entry
 * that last changed the row.  Keywords are bits of the account's keyword table
 * (MESSAGE_KEYWORDS at most; one that no row uses gives its bit up).
 */
#define MESSAGE_KEYWORDS 64
#define MESSAGE_KEYWORD_MAX 64 /* bytes of one, an IMAP atom */
#define MESSAGE_BYTES_MAX 0xffffffffU
#define MESSAGE_BATCH 40000 /* messages of one COPY or undelete */

struct message {
	uint32_t uid;
	uint8_t flags; /* MESSAGE_SEEN, ... */
	uint64_t keywords;
	uint64_t modseq;
	uint64_t bytes;
	int64_t date; /* internal date, unix time */
	struct message_name name;
	uint32_t env;	    /* envseg.h: place, 0: none yet */
	uint16_t env_units; /* of 16 bytes */
	bool unsaved;	    /* account_ckpt.c: not as in the base */
};

/* A removed message. name.month is 0 if the file went elsewhere (MOVE). */
struct tombstone {
	uint32_t folder, uid;
	uint64_t modseq; /* entry that removed it */
	uint64_t bytes;
	int64_t date;
	uint8_t flags;
	struct message_name name;
};

/* --- looking (never yields; see account.h) --- */

/* idx 0..folder->messages-1, in order of UIDs: sequence number - 1. */
const struct message *message_nth(const struct account *acc, uint32_t folder,
    uint32_t idx);
/* *idx_r (may be NULL): its place, or the place of the next greater UID. NULL:
 * no such message. */
const struct message *message_by_uid(const struct account *acc, uint32_t folder,
    uint32_t uid, uint32_t *idx_r);
/* UIDs of all messages, in the arena: a session's view, which stays as it is
 * while the account moves on. */
uint32_t *message_uids(const struct account *acc, uint32_t folder,
    struct arena *a, uint32_t *n_r);
/*
 * What changed since: UIDs of rows with MODSEQ > since (changed or new), and
 * UIDs expunged by entries > since.  *complete_r false: since is older than
 * what is forgotten, removed UIDs are not all known: compare with one's own.
 */
void message_changes_since(const struct account *acc, uint32_t folder,
    uint64_t since, struct uidset *changed_r, struct uidset *expunged_r,
    bool *complete_r);
/* Name of a keyword's bit, or an empty string; bit of a name, or -1. */
struct str message_keyword(const struct account *acc, unsigned bit);
int message_keyword_bit(const struct account *acc, struct str name);
/* Tombstones with a file, oldest first; folder 0: of all. */
unsigned message_tombstones(const struct account *acc, uint32_t folder,
    struct arena *a, const struct tombstone ***list_r);

/* --- bringing in --- */

/* Where a message went: what is acknowledged. */
struct message_place {
	uint32_t folder, uidvalidity, uid;
	struct message_name name;
};

/*
 * A message being written.  Bytes go to a file below the first account while
 * they come (at most three writes of 256 KiB are held in memory); the parser of
 * mime/ runs along, so that envelope data exists at once.  CRLF is the caller's
 * duty.
 */
struct message_writer;

/* txid NULL: drawn here (else that of a spooled record: what is known already
 * is not added again). */
may_yield must_check struct err *message_writer_begin(struct task *t,
    struct account *first, const struct txid *txid,
    struct message_writer **w_r);
/* Whether an entry with this txid is known (since the newest FORGET; of a blind
 * account nothing is): it need not be written again. */
bool message_is_known(const struct account *acc, const struct txid *txid);
/* Whether it was voided: no message can come in under it any more, or has. */
bool message_is_voided(const struct account *acc, const struct txid *txid);
may_yield must_check struct err *message_writer_add(struct task *t,
    struct message_writer *w, const void *p, size_t n);
uint64_t message_writer_bytes(const struct message_writer *w);
/*
 * Keep n bytes of room (4 at least) here, filled with blanks; and fill them
 * before the commit, with n bytes again.  For whole header fields whose last
 * word is known at the end of the message: where a field may begin.  Only among
 * the first SHARE_ONE_WRITE_MAX bytes can be filled (ERR_LIMIT).
 */
may_yield must_check struct err *message_writer_reserve(struct task *t,
    struct message_writer *w, size_t n, uint64_t *place_r);
may_yield must_check struct err *message_writer_fill(struct task *t,
    struct message_writer *w, uint64_t place, struct str text);

struct message_target {
	struct account *acc; /* the same one never twice */
	struct str folder;   /* name; empty: INBOX */
	uint8_t flags;
	const struct str *keywords;
	unsigned keyword_count;
	int64_t date;			 /* internal date; 0: now */
	const struct quota_limit *limit; /* APPEND: refuse; NULL: delivery */
	/* out */
	struct err *err_r;
	struct message_place place_r;
};
/*
 * Make the file durable, LINK it into the other accounts (written again where a
 * link is impossible), commit one entry in each, side by side.  Returns the
 * error that concerns all (the file could not be written), else NULL and each
 * target's err_r says.  A blind account needs folder INBOX; any other loads it.
 * Frees the writer in every case.
 */
may_yield must_check struct err *message_writer_commit(struct task *t,
    struct message_writer **w, struct message_target *targets, unsigned n);
/* Removes what was written. NULL is nothing. */
may_yield void message_writer_abort(struct task *t, struct message_writer **w);

/* All at once: begin, add, commit. */
may_yield must_check struct err *message_deliver(struct task *t,
    struct str bytes, struct message_target *targets, unsigned n);

/* --- changing (each one entry; UIDs that are not there are left out) --- */

enum message_store_mode {
	MESSAGE_STORE_ADD,    /* +FLAGS */
	MESSAGE_STORE_REMOVE, /* -FLAGS */
	MESSAGE_STORE_REPLACE /* FLAGS */
};
struct message_store {
	enum message_store_mode mode;
	uint8_t flags;
	const struct str *keywords;
	unsigned keyword_count;
	uint64_t unchanged_since; /* UINT64_MAX: whatever their MODSEQ */
	/* out, in the task's arena */
	struct uidset stored_r;	  /* matched (changed or already so) */
	struct uidset modified_r; /* refused by unchanged_since */
	uint64_t modseq_r;	  /* the entry's number; 0: nothing to change */
};
may_yield must_check struct err *message_store_flags(struct task *t,
    struct account *acc, uint32_t folder, const struct uidset *uids,
    struct message_store *s);

/* only_deleted: those with \Deleted. */
may_yield must_check struct err *message_expunge(struct task *t,
    struct account *acc, uint32_t folder, const struct uidset *uids,
    bool only_deleted, struct uidset *expunged_r);

/*
 * Expunge, with one entry, what has been in the folder for age_s or longer;
 * *n_r messages.  When a message came into a folder is not kept (its internal
 * date is that of its delivery, and goes along with MOVE).  But UIDs rise in
 * the order of arrival, so a message is there at least as long as the entry
 * that last touched it, or any message with a higher UID, is old
 * (account_entry_older): never too early; late by the grain of the marks, and
 * where it was touched again and nothing came after it.  Nothing happens while
 * this machine's clock is ahead of the share's.  *left_r: messages remain.
 */
may_yield must_check struct err *message_expire(struct task *t,
    struct account *acc, uint32_t folder, uint64_t age_s, uint32_t *n_r,
    bool *left_r);

/* Pairs in order: from_r[i] became to_r[i]. All or none. */
struct message_moved {
	uint32_t n, uidvalidity;
	uint32_t *from_r, *to_r;
};
/* LINKs, then one entry. limit may be NULL. Moving into the same folder is
 * ERR_INVALID. */
may_yield must_check struct err *message_copy(struct task *t,
    struct account *acc, uint32_t from, const struct uidset *uids, uint32_t to,
    const struct quota_limit *limit, struct message_moved *m_r);
may_yield must_check struct err *message_move(struct task *t,
    struct account *acc, uint32_t from, const struct uidset *uids, uint32_t to,
    struct message_moved *m_r);

/* Tombstones (as message_tombstones gave them, by name) become messages again:
 * in the folder they were in, or in `to` (0: where they were, INBOX if that
 * folder is gone). Those whose file is gone are left out; *n_r came back. */
may_yield must_check struct err *message_undelete(struct task *t,
    struct account *acc, const struct message_name *names, unsigned n,
    uint32_t to, const struct quota_limit *limit, unsigned *n_r);

/* --- reading --- */

/* ERR_NOTFOUND: neither row nor tombstone with a file; ERR_CORRUPT: the file is
 * missing or has another size. Tombstones serve sessions whose view is older.
 */
struct message_file {
	struct share_fh fh;
	uint64_t bytes;
	struct message_name name;
};
may_yield must_check struct err *message_file_open(struct task *t,
    struct account *acc, uint32_t folder, uint32_t uid,
    struct message_file *f_r);
/* Short only at the end. */
may_yield must_check struct err *message_file_read(struct task *t,
    struct account *acc, const struct message_file *f, uint64_t offset,
    void *into, uint32_t n, uint32_t *count_r);
/* The whole message (max_bytes: ERR_LIMIT). */
may_yield must_check struct err *message_read_all(struct task *t,
    struct account *acc, uint32_t folder, uint32_t uid, uint64_t max_bytes,
    struct arena *a, struct str *bytes_r);

/*
 * Envelope data of many messages, as mime/pack.h packs it: mostly one READ for
 * a thousand.  packs_r[i] belongs to uids[i]; empty: no such message or its
 * file is damaged.
 */
may_yield must_check struct err *message_envelopes(struct task *t,
    struct account *acc, uint32_t folder, const uint32_t *uids, uint32_t n,
    struct arena *a, struct str *packs_r);

#endif
