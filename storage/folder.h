/* folder.h - an account's mailboxes */
#ifndef STORAGE_FOLDER_H
#define STORAGE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/account.h"

/*
 * A flat table of full names: valid UTF-8, '/' between levels.  A superior need
 * not exist (LIST shows it as \NonExistent); folder_create makes missing ones.
 * The first level INBOX is compared without case and stored in capitals.
 *
 * A name is refused (ERR_INVALID) if it is empty, begins or ends with '/', has
 * an empty, "." or ".." level, a control character, '%', '*', invalid UTF-8 or
 * a level of FOLDER_LEVEL_MAX bytes or more; ERR_LIMIT: FOLDER_DEPTH_MAX levels
 * or more, more than FOLDER_NAME_MAX bytes, or FOLDERS_MAX folders exist.
 */
#define FOLDER_LEVEL_MAX 255
#define FOLDER_NAME_MAX 1000
#define FOLDER_DEPTH_MAX 100
#define FOLDERS_MAX 10000
#define FOLDER_SUBSCRIPTIONS_MAX 20000

/* Special use (RFC 6154), by the letter of operation c. */
enum folder_use {
	FOLDER_USE_NONE = '-',
	FOLDER_USE_DRAFTS = 'D',
	FOLDER_USE_SENT = 'S',
	FOLDER_USE_JUNK = 'J',
	FOLDER_USE_TRASH = 'T',
	FOLDER_USE_ARCHIVE = 'A'
};
/* "\\Drafts"; "" for none. */
const char *folder_use_name(enum folder_use use);

struct folder {
	uint32_t id;
	struct str name;
	uint32_t uidvalidity, uidnext;
	uint64_t highestmodseq; /* number of the last entry that touched it */
	uint64_t created;	/* number of the entry that made it */
	enum folder_use use;
	bool subscribed; /* folder_subscribed() of its name */
	uint32_t messages, unseen, deleted;
	uint64_t bytes;
};

/* NULL or ERR_INVALID, ERR_LIMIT; *canon_r in the arena (INBOX in capitals). */
must_check struct err *folder_name_check(struct arena *a, struct str name,
    struct str *canon_r);

/* NULL if there is none. By name: any spelling of INBOX. */
const struct folder *folder_by_id(const struct account *acc, uint32_t id);
const struct folder *folder_by_name(const struct account *acc, struct str name);
const struct folder *folder_by_use(const struct account *acc,
    enum folder_use use);
/* In the order of names (bytes; INBOX not first). */
unsigned folder_count(const struct account *acc);
const struct folder *folder_nth(const struct account *acc, unsigned i);
/* Whether a folder lives below name. */
bool folder_has_children(const struct account *acc, struct str name);

/* Subscribed names, whether they exist or not, sorted. */
unsigned folder_subscription_count(const struct account *acc);
struct str folder_subscription_nth(const struct account *acc, unsigned i);
bool folder_subscribed(const struct account *acc, struct str name);

/* ERR_DUPLICATE: exists. Missing superiors are created too, in the same
 * entry. */
may_yield must_check struct err *folder_create(struct task *t,
    struct account *acc, struct str name, enum folder_use use, uint32_t *id_r);
/* ERR_NOTFOUND; ERR_INVALID: INBOX. Children stay. Its messages become
 * tombstones: they can be undeleted. */
may_yield must_check struct err *folder_delete(struct task *t,
    struct account *acc, struct str name);
/*
 * With everything below it; missing superiors of `to` are created.  INBOX: its
 * messages move to the new folder `to`, INBOX and what is below it stay (RFC
 * 9051, 6.3.6).  ERR_INVALID: into itself; ERR_DUPLICATE: a target exists.
 */
may_yield must_check struct err *folder_rename(struct task *t,
    struct account *acc, struct str from, struct str to);
may_yield must_check struct err *folder_subscribe(struct task *t,
    struct account *acc, struct str name, bool on);

#endif
