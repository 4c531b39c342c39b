/* wa.h - the account workload among its parts */
#ifndef SIM_WA_H
#define SIM_WA_H

#include "sim.h"
#include "storage/account.h"
#include "storage/folder.h"
#include "storage/mailstore.h"
#include "storage/message.h"
#include "storage/quota.h"

#define WA_ACCOUNTS 2
extern const char *const wa_ids[WA_ACCOUNTS];

struct wa_proc {
	struct store st;
	struct mailstore *ms;
};

enum wa_status { WA_OPEN, WA_ACKED, WA_REFUSED, WA_UNKNOWN };

/* A message that was accepted, or tried. */
struct wa_mail {
	unsigned account, tag, size;
	enum wa_status status;
	uint32_t folder, uidvalidity, uid; /* where it was acknowledged */
	struct message_name name;
	unsigned tries; /* removals and moves begun */
	bool closed;	/* the account was closed when it was begun */
	unsigned closed_life;
};

/* What a UID was seen to mean. */
struct wa_seen {
	bool used, acked, tried, gone, flagged;
	unsigned account;
	uint32_t folder, uidvalidity, uid;
	struct message_name name;
};

struct wa_removed {
	unsigned account, tag, size;
	struct message_name name;
	uint64_t at_us;
};

enum wa_maybe { WA_NO, WA_MAYBE, WA_YES };

struct wa_account {
	bool shutting, purging, rebuilt;
	unsigned shutter;
	enum wa_maybe closed;
	unsigned closed_life;
	char *dump[SIM_NODES_MAX];
};

struct wa_book {
	unsigned tags;
	struct wa_mail *mails;
	unsigned mails_n, mails_size;
	struct wa_seen *seen;
	unsigned seen_n, seen_size;
	struct wa_removed *removed;
	unsigned removed_n, removed_size;
	struct wa_account accounts[WA_ACCOUNTS];
};

static inline struct wa_book *
wa_book(const struct sim_world *w)
{
	return w->app;
}

void wa_book_new(struct sim_world *w);
/* This process begins: what it was doing before its crash, nobody does. */
void wa_restarted(struct sim_node *n);
/* Index of a message that is going to be delivered. */
unsigned wa_mail_new(struct sim_world *w, unsigned a, unsigned tag,
    unsigned size);
void wa_delivered(struct sim_node *n, unsigned mail, const struct err *e,
    const struct message_place *place);
/* A replica, as it is now: no UID may mean something new. */
void wa_observe(struct sim_node *n, unsigned a, const struct account *acc);
/* A removal or a move of these is begun; its outcome. */
void wa_tried(struct sim_node *n, unsigned a, const struct account *acc,
    uint32_t folder, const struct uidset *uids);
void wa_expunged(struct sim_node *n, unsigned a, const struct account *acc,
    uint32_t folder, uint32_t uidvalidity, const struct uidset *gone);
/* A message whose removal was acknowledged within the last us, NULL: none. */
const struct wa_removed *wa_any_removed(struct sim_node *n, unsigned a,
    uint64_t us);
void wa_stored(struct sim_node *n, unsigned a, uint32_t folder,
    uint32_t uidvalidity, const struct uidset *uids);
void wa_copied(struct sim_node *n, unsigned a, uint32_t to,
    const struct message_moved *m);
void wa_moved(struct sim_node *n, unsigned a, uint32_t from,
    uint32_t uidvalidity, uint32_t to, const struct message_moved *m);
void wa_was_read(struct sim_node *n, unsigned a,
    const struct message_name *name, struct str bytes);
/* At the end: check, and compare with the book. */
may_yield void wa_finish(struct task *t, struct sim_node *n, unsigned a,
    struct account *acc);
void wa_check(struct sim_world *w);

#endif
