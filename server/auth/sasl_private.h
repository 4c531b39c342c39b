/* sasl_private.h - mechanisms, for sasl*.c */
#ifndef SERVER_AUTH_SASL_PRIVATE_H
#define SERVER_AUTH_SASL_PRIVATE_H

#include "server/auth/auth_private.h"

struct sasl_mechanism {
	const char *name;
	bool clear; /* shows the password */
	bool bound; /* binds the channel */
	enum sasl_step (*step)(struct task *t, struct sasl *s, struct str in,
	    struct str *out_r, struct auth_login *l_r, struct err **e_r);
};

struct sasl_scram; /* sasl_scram.c */

struct sasl {
	const struct sasl_mechanism *m;
	struct arena *arena;
	struct auth *auth;
	const char *protocol;
	const struct net_addr *peer;
	struct sasl_channel channel;
	unsigned step;
	struct str name; /* LOGIN's, kept between steps */
	struct sasl_scram *scram;
};

enum sasl_step sasl_malformed(struct task *t, struct err **e_r);
/* Nobody may act for another: SASL_FAILED, unless the authorisation identity is
 * empty or the account's. */
enum sasl_step sasl_for_himself(struct task *t, struct str authzid,
    const struct auth_login *l, enum sasl_step step, struct err **e_r);

may_yield enum sasl_step sasl_scram_step(struct task *t, struct sasl *s,
    struct str in, struct str *out_r, struct auth_login *l_r, struct err **e_r);

#endif
