/* filter.h - who is asked about a message before it is accepted */
#ifndef SERVER_SMTP_FILTER_H
#define SERVER_SMTP_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/task.h"
#include "server/net/addr.h"
#include "server/smtp/headers.h"

/*
 * Each filter of the table in filter.c sees a message while it comes in: its
 * header when that is complete and before anything is written, its body in
 * pieces, its end.  Then it has a verdict; the worst of all holds, and a 4xx or
 * 5xx is the sender's answer, so that nobody ever gets a bounce for it.
 *
 * A filter waits for others (DNS) within FILTER_MS in all; what it does not
 * know by then is not known, and no reason to refuse.  Body pieces come at the
 * speed of the client: there it must not wait.
 *
 * Fields it adds go on top, below our Received.  One whose last word is known
 * only at the end gets room (filter_room) and is written then (filter_fill).
 */
#define FILTER_MS 30000
#define FILTER_ROOMS 4
#define FILTER_ROOM_MAX 16384

enum filter_verdict { /* the greater the worse */
	FILTER_ACCEPT,
	FILTER_JUNK,	   /* into each account's folder for it (\Junk) */
	FILTER_QUARANTINE, /* there is none yet: as JUNK */
	FILTER_DEFER,	   /* 4xx */
	FILTER_REJECT	   /* 5xx */
};

/* Whom it is from: what the session knows. */
struct filter_client {
	struct net_addr peer;
	struct str hello;
	struct str account, login; /* who authenticated; or empty */
	bool known; /* false: nobody told; nothing is asked about it */
	/* One of us: authenticated, LMTP, loopback, net.exempt. What such
	 * bring has been judged elsewhere, or is ours. */
	bool trusted;
};

struct filter_room {
	struct str text; /* as it stands in the header: its name for us */
	uint64_t place;	 /* in the file */
	struct str last; /* what it becomes; empty: as it is */
};

/* What the trace has to say about it (trace.h: "spf", "dkim", "dmarc"). */
#define FILTER_NOTES 8
struct filter_note {
	const char *key; /* lives for ever */
	struct str value;
};

struct worker;
struct filter_msg {
	struct worker *w;
	struct arena *arena; /* of the transaction */
	const struct filter_client *client;
	struct str from; /* empty: null */
	const struct str *rcpts;
	unsigned rcpt_n;
	bool utf8;
	/* out */
	enum filter_verdict verdict;
	unsigned code; /* of DEFER and REJECT */
	const char *enhanced, *text;
	struct filter_room rooms[FILTER_ROOMS];
	unsigned room_n;
	struct filter_note notes[FILTER_NOTES];
	unsigned note_n;
	/* private: what each filter keeps; NULL: it is not interested */
	void **state;
};

struct filter {
	const char *name;
	/* What it keeps of the message, NULL: nothing to do here. In m->arena.
	 */
	void *(*begin)(struct filter_msg *m);
	/* may wait */
	void (*header)(struct task *t, struct filter_msg *m, void *state,
	    struct headers *h);
	void (*body)(void *state, struct str piece);
	void (*end)(struct task *t, struct filter_msg *m, void *state);
};
extern const struct filter *const filters[]; /* ends with NULL */

/* --- for filters --- */

/* Remembers it, if it is worse. text: in m->arena, or constant. */
void filter_say(struct filter_msg *m, enum filter_verdict v, unsigned code,
    const char *enhanced, const char *text);
/* value: in m->arena, or constant. */
void filter_note(struct filter_msg *m, const char *key, struct str value);
/* Put this field on top, and keep its place: *room_r for filter_fill. false:
 * there are too many already. */
bool filter_room(struct filter_msg *m, struct headers *h, struct str field,
    unsigned *room_r);
/* The same field, no longer than it was: blanks go in front of its CRLF. */
void filter_fill(struct filter_msg *m, unsigned room, struct str field);

/* --- for deliver*.c --- */

/* m: all above "out" is set. */
void filter_begin(struct filter_msg *m);
may_yield void filter_header(struct task *t, struct filter_msg *m,
    struct headers *h);
void filter_body(struct filter_msg *m, struct str piece);
may_yield void filter_end(struct task *t, struct filter_msg *m);

#endif
