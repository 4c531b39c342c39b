/* state_key.h - DKIM, TLS ticket and SRS keys; certificates */
#ifndef STORAGE_STATE_KEY_H
#define STORAGE_STATE_KEY_H

#include "storage/state.h"

#define STATE_SECRET_MAX (64 * 1024)

struct state_cluster_key {
	struct str id;	     /* out: random */
	struct str kind;     /* "dkim", "ticket", "srs" */
	struct str domain;   /* dkim; else empty */
	struct str selector; /* dkim */
	struct str algorithm;
	struct str public_part;
	struct str secret; /* sealed in the table */
	struct str node; /* only this node uses it; or empty */
	bool active;	 /* else: not yet, or, retired, no more */
	int64_t created;
	int64_t activated, retired; /* out; 0: not yet */
};
/* DKIM keys are better handled by state_dkim.h, SRS secrets by state_srs.h. */
may_yield must_check struct err *state_key_add(struct task *t, struct state *st,
    const char *by, struct state_cluster_key *k);
may_yield must_check struct err *state_key_activate(struct task *t,
    struct state *st, const char *by, struct str id, bool active);
may_yield must_check struct err *state_key_remove(struct task *t,
    struct state *st, const char *by, struct str id);
/* Newest first; domain empty: any. Secrets are opened. */
must_check struct err *state_key_list(struct arena *a, struct state *st,
    struct str kind, struct str domain, struct state_cluster_key **list_r,
    unsigned *n_r);

struct state_certificate {
	struct str id;	   /* out: random */
	struct str *names; /* lower case A-labels; "*.example.org" */
	unsigned n;
	struct str chain;  /* PEM */
	struct str secret; /* PEM of the private key; sealed in the table */
	int64_t created, expires;
};
/* Names that another certificate has move to this one; a certificate left
 * without names is removed. */
may_yield must_check struct err *state_certificate_add(struct task *t,
    struct state *st, const char *by, struct state_certificate *c);
may_yield must_check struct err *state_certificate_remove(struct task *t,
    struct state *st, const char *by, struct str id);
/* By SNI: exact, then the wildcard of the parent. ERR_NOTFOUND. */
must_check struct err *state_certificate_find(struct arena *a, struct state *st,
    struct str name, struct state_certificate *c_r);
must_check struct err *state_certificate_list(struct arena *a, struct state *st,
    struct state_certificate **list_r, unsigned *n_r);

#endif
