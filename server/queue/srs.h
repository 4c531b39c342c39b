/* srs.h - senders of forwarded mail, rewritten so that bounces come back */
#ifndef SERVER_QUEUE_SRS_H
#define SERVER_QUEUE_SRS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The Sender Rewriting Scheme, laid out as libsrs2 and postsrsd do:
 *
 *	alice@example.net		is forwarded by us as
 *	SRS0=HHHH=TT=example.net=alice@us
 *	SRS0=HHHH=TT=example.net=alice@them	(rewritten by others) as
 *	SRS1=HHHH=them==HHHH=TT=example.net=alice@us
 *
 * HHHH is the beginning of an HMAC-SHA-256 with a secret of the state
 * (state_srs.h), base32, which survives hosts that change case; TT is the day,
 * modulo 1024, base32.  A bounce to such an address goes on to whom it was made
 * from, for SRS_DAYS.  Others may have "+" or "-" for the first "=".
 *
 * A local part may get longer than the 64 octets of RFC 5321; everybody who
 * does this accepts that.
 */
#define SRS_DAYS 21
#define SRS_ADDRESS_MAX 254 /* RFC 5321, 4.5.3.1.3, without <> */

struct state;

/* Whether it looks like one: "SRS0=...", "SRS1=..." in any case. */
bool srs_is_local(struct str local);

/*
 * What `from` becomes when mail to an address in our_domain (A-labels) goes on
 * to elsewhere.  The null reverse-path, and addresses in domains of ours, stay
 * what they are.  ERR_UNAVAIL: there is no secret yet (the cluster's jobs make
 * it); ERR_INVALID: no address; ERR_LIMIT: it would be too long.
 */
must_check struct err *srs_forward(struct arena *a, struct state *st,
    int64_t wall_s, struct str from, struct str our_domain, struct str *out_r);
/* Where mail to a rewritten address of ours goes.  ERR_NOTFOUND: it is none;
 * ERR_DENIED: not signed by us, or older than SRS_DAYS. */
must_check struct err *srs_reverse(struct arena *a, struct state *st,
    int64_t wall_s, struct str address, struct str *out_r);

/* The same without a state. */
must_check struct err *srs_rewrite(struct arena *a, struct str secret,
    int64_t wall_s, struct str from, struct str our_domain, struct str *out_r);
must_check struct err *srs_restore(struct arena *a, const struct str *secrets,
    unsigned n, int64_t wall_s, struct str address, struct str *out_r);

#endif
