/* admin_share.h - whether somebody should look at something, in words */
#ifndef SERVER_ADMIN_ADMIN_SHARE_H
#define SERVER_ADMIN_ADMIN_SHARE_H

#include "locking/nodes.h"
#include "server/admin/admin.h"

/* A write to the share that takes so long is worth a word. */
#define ADMIN_SHARE_SLOW_US 250000
#define ADMIN_SHARE_LOW_PERCENT 5
/* Certificates that expire within so long. */
#define ADMIN_SOON_S (14 * 86400)
/* Clocks that differ so much: more than the way of a lease to us takes. */
#define ADMIN_CLOCK_S 120
#define ADMIN_WORDS_MAX 100

/* What is known of the share itself. */
struct admin_share {
	bool away; /* it does not answer */
	bool full; /* no new mail is taken */
	uint64_t free_bytes, total_bytes;
	uint64_t free_files, total_files; /* total 0: the server does not say */
	uint64_t latency_us;		  /* of a write */
};
/* Asked now. */
may_yield must_check struct err *admin_share_look(struct task *t,
    const struct admin *ad, struct admin_share *s_r);
/* As worker 0 saw it last: no call. */
void admin_share_of_worker(const struct worker *w, struct admin_share *s_r);

enum admin_level { ADMIN_OK, ADMIN_WARN, ADMIN_BAD };
const char *admin_level_name(enum admin_level l); /* "ok", "warn", "bad" */

/*
 * Codes: share_away, share_full, share_low, files_low, share_slow,
 * state_readonly, schema_behind, node_unreadable, node_ended, node_silent,
 * node_unready, node_draining, node_slow, node_clock, nodes_many,
 * versions_differ, cert_self, cert_expires, cert_expired.  Objects: the name of
 * a node, the id of a certificate.
 */
struct admin_word {
	enum admin_level level;
	const char *code;
	struct str text;   /* a sentence without full stop */
	struct str object; /* or empty */
};
struct admin_words {
	struct admin_word *list; /* in the arena */
	unsigned n;
	enum admin_level level; /* the worst of them */
};
/* v: the nodes to speak of; left_out: how many more there are. */
must_check struct err *admin_words(struct arena *a, const struct admin *ad,
    const struct admin_share *s, const struct node_view *v, unsigned n,
    unsigned left_out, int64_t now_s, struct admin_words *w_r);

/* NULL, or why the state can only be read on this node. */
struct err *admin_state_readonly(struct arena *a, const struct admin *ad);
/* How many there are. */
must_check struct err *admin_count_all(struct arena *a, const struct admin *ad,
    uint64_t *domains_r, uint64_t *accounts_r);
/* 8-4-4-4-12 */
struct str admin_share_uuid(struct arena *a, const struct store *st);

#endif
