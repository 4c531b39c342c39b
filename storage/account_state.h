/* account_state.h - what an account's entries add up to */
#ifndef STORAGE_ACCOUNT_STATE_H
#define STORAGE_ACCOUNT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/account_ops.h"
#include "storage/folder.h"
#include "storage/message.h"
#include "base/safeguard.h"
#include "storage/rows.h"

/*
 * Private to storage/: account.c and its siblings.  A pure data structure: does
 * no I/O, never yields, knows no clock.  The same operations in the same order
 * give the same state on every node.
 */
#define ACCOUNT_MARKS 64
#define ACCOUNT_MARK_S 86400
#define ACCOUNT_MARKS_EXACT_S (33 * 86400) /* longer than tombstones live */

struct folder_state {
	struct folder pub; /* pub.messages == rows.n */
	struct rows rows;
};

struct account_mark {
	uint64_t seq;
	uint32_t time;
};

/* A row of the base segment that is not there any more. */
struct account_gone {
	uint32_t folder, uid;
};

struct account_state {
	/* two orders of the same folders */
	struct folder_state **by_name, **by_id;
	unsigned folder_count, folder_size;

	char *keywords[MESSAGE_KEYWORDS]; /* NULL: free bit */
	char **subs;			  /* sorted */
	unsigned sub_count, sub_size;

	struct tombstone *tombs; /* MODSEQ rises */
	unsigned tomb_count, tomb_size;
	/* since base_seq; also while a base is being published (gone_new) */
	struct account_gone *gone;
	bool gone_new;
	unsigned gone_count, gone_size;
	uint64_t base_seq; /* 0: no base segment */

	struct account_mark marks[ACCOUNT_MARKS];
	unsigned mark_count;

	uint64_t bytes, messages, forgotten;
	uint32_t uidvalidity_top; /* highest ever given */
	char state;		  /* 'o', 'k', 'p' */

	/* 64-bit fingerprints of the names of rows and tombstones; a hit is
	 * settled by looking. Open addressing, 0 is free. */
	uint64_t *names;
	unsigned name_count, name_size;
};

void account_state_init(struct account_state *s);
void account_state_free(struct account_state *s);
/* As before entry 1. */
void account_state_reset(struct account_state *s);

void account_state_apply(struct account_state *s, const struct account_op *ops,
    unsigned n, uint64_t seq);
/* Usage and UIDNEXTs as they would be after these. */
void account_state_totals(const struct account_state *s,
    const struct account_op *ops, unsigned n, struct account_totals *tt_r);

struct folder_state *account_state_folder(const struct account_state *s,
    uint32_t id);
struct folder_state *account_state_named(const struct account_state *s,
    struct str name);
/* For loading: NULL if id or name is there. Row counts start at 0. */
struct folder_state *account_state_folder_add(struct account_state *s,
    const struct folder *f);
/* For loading: rows in order of UIDs; counts and names follow. */
void account_state_row_add(struct account_state *s, struct folder_state *f,
    const struct message *m);
void account_state_tomb_add(struct account_state *s, const struct tombstone *t);
void account_state_subscribe(struct account_state *s, struct str name, bool on);
bool account_state_subscribed(const struct account_state *s, struct str name);
void account_state_mark_add(struct account_state *s, uint64_t seq,
    uint32_t time);

/* Is this the name of a row or tombstone? Rows: *row_r (may be NULL) and its
 * folder. */
bool account_state_knows(const struct account_state *s,
    const struct message_name *name);
const struct message *account_state_row_named(const struct account_state *s,
    const struct message_name *name, struct folder_state **f_r);
const struct tombstone *account_state_tomb_named(const struct account_state *s,
    const struct message_name *name);

/* Bits of blank-separated keywords. create: new ones get bits (a keyword that
 * does not fit is left out); else unknown ones are left out. */
uint64_t account_state_words(struct account_state *s, struct str words,
    bool create);
uint64_t account_state_words_known(const struct account_state *s,
    struct str words);
int account_state_keyword_bit(const struct account_state *s, struct str name);
/* Whether all these fit into the table. */
bool account_state_words_fit(const struct account_state *s, struct str words);
/* The keywords of these bits with blanks between. */
struct str account_state_words_of(const struct account_state *s,
    struct arena *a, uint64_t bits);

/* Highest UIDVALIDITY + 1, or now, what is greater. */
uint32_t account_state_uidvalidity(const struct account_state *s, int64_t now,
    unsigned nth);

#endif
