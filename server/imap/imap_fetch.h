/* imap_fetch.h - the answers of FETCH, message by message */
#ifndef SERVER_IMAP_IMAP_FETCH_H
#define SERVER_IMAP_IMAP_FETCH_H

#include "mime/pack.h"
#include "server/imap/imap_batch.h"
#include "server/imap/imap_fetch_parse.h"
#include "server/imap/imap_file.h"

/*
 * A message's answer begins only when everything it needs is at hand (file
 * found, structure known, first piece read), so that one that cannot be
 * answered is left out whole and the others are not harmed.  A file that breaks
 * off in the middle of a literal ends the connection: a literal is never short.
 */
struct imap_fetcher {
	struct imap_session *s;
	struct account *acc;
	const struct imap_fetch *f;
	uint32_t folder;
	const struct uidset *seen; /* \Seen was set now: tell FLAGS, too */
	struct imap_file file;
	struct buf out; /* heap */
	bool broken;	/* a literal broke off */
};

/* Does a listing of n messages, the first of which is m, gain from packs? */
bool imap_fetch_wants_packs(const struct imap_fetch *f, unsigned n,
    const struct message *m);

void imap_fetcher_init(struct imap_fetcher *fr, struct imap_session *s,
    struct account *acc, const struct imap_fetch *f);
void imap_fetcher_free(struct imap_fetcher *fr);
/*
 * Answer one message.  ERR_CORRUPT and its like concern this message alone
 * (imap_fetch_is_damage) unless fr->broken; others end the command.
 */
may_yield must_check struct err *imap_fetch_one(struct task *t,
    struct imap_fetcher *fr, struct imap_one *one);
bool imap_fetch_is_damage(const struct err *e);
/* Send what is gathered. */
may_yield void imap_fetch_flush(struct task *t, struct imap_fetcher *fr);

#endif
