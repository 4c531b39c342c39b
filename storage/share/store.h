/* store.h - an opened share: identity, format, durability, well-known places */
#ifndef STORAGE_SHARE_STORE_H
#define STORAGE_SHARE_STORE_H

#include "base/offload.h"
#include "storage/share/barrier.h"
#include "storage/share/share.h"

/*
 * SHOAL at the root (text, LF lines, `key value`):
 *
 *	shoal-share 1		format version: the share's, not one journal's
 *	uuid 8-4-4-4-12
 *	durability barrier|reply
 *	created <RFC 3339>
 *
 * An empty or foreign directory is refused: a wrong export must never look like
 * an empty mail store.  A newer format is opened read-only or refused
 * (ERR_FORMAT) with a sentence.
 */
#define STORE_FORMAT 1

struct store {
	struct share *share;
	struct barrier *barrier;
	struct sched *sched;
	unsigned char uuid[16];
	enum barrier_profile profile;
};

/*
 * url is nfs://server[:port]/export[/sub]?uid=N&gid=N&nfsport=N&mountport=N, or
 * a local directory; a path that lies on an NFS mount becomes the former, taken
 * from the mount table (uid and gid from the path's query, else the owner of that
 * directory).  Numeric or named server (resolved
 * once per connect, outside the loop).  Fails with one clear sentence for: an
 * empty directory, a foreign one, a wrong uuid (expect_uuid may be NULL), an
 * unreachable server, an export that denies us (says insecure, uid, address),
 * a read-only export, a newer format.
 */
may_yield must_check struct err *store_open(struct task *t, struct loop *l,
    struct offload *o, const char *url, const unsigned char *expect_uuid,
    struct store **st_r);
/* Only the backend that the URL names, without looking for SHOAL: for share init
 * and share check.  Refusals as above, as far as they concern the server. */
may_yield must_check struct err *store_open_backend(struct task *t,
    struct loop *l, struct offload *o, const char *url, struct share **s_r);
/* The same over a share that exists already (simulation, tests). Takes the
 * share over. */
may_yield must_check struct err *store_open_share(struct task *t,
    struct share *s, const unsigned char *expect_uuid, struct store **st_r);
/* Nobody may be in a call of the share or wait for a barrier. Afterwards run the
 * loop until no task is left: connecting tasks end. */
void store_close(struct store **st);

/* Make SHOAL and the directories of DESIGN 6 in an empty directory (a
 * lost+found, .snapshot or .zfs is not an occupant). */
may_yield must_check struct err *store_init(struct task *t, struct share *s,
    enum barrier_profile profile, unsigned char uuid_r[16]);

/* share check: one line each, in plain words. */
struct store_finding {
	const char *name;	/* "exclusive symlink", "hard link", ... */
	bool ok;
	const char *text;	/* what was seen; when not ok, what to do */
	struct store_finding *next;
};
may_yield must_check struct err *store_check(struct task *t, struct share *s,
    struct store_finding **first_r, bool *all_ok_r);

#endif
