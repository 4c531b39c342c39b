/* outside_private.h - what the checks of outside*.c share */
#ifndef SERVER_MAILAUTH_OUTSIDE_PRIVATE_H
#define SERVER_MAILAUTH_OUTSIDE_PRIVATE_H

#include "server/mailauth/outside.h"

/* A new row, to be filled by the other two; until the next row is made. */
struct outside_row *outside_row(struct task *t, struct outside *o,
    const char *check, struct str subject);
void outside_say(struct task *t, struct outside_row *r, struct str found,
    enum outside_state state);
/* A record that is wanted; of several only the data differs. */
void outside_want(struct task *t, struct outside_row *r, struct str name,
    const char *type, struct str data);

/* arena_printf, as a str. */
#define outside_text(t, ...) str_c(arena_printf(task_arena(t), __VA_ARGS__))
/* "" or "s" */
#define outside_s(n) ((n) == 1 ? "" : "s")

static inline bool
outside_dns_unknown(enum dns_status st)
{
	return st == DNS_TEMP || st == DNS_BOGUS;
}
/* "the DNS does not answer at the moment" */
void outside_unknown(struct task *t, struct outside_row *r, enum dns_status st);

may_yield void outside_spf_helo(struct task *t, struct outside *o);
may_yield void outside_spf(struct task *t, struct outside *o,
    const struct outside_domain *d);
may_yield void outside_dkim(struct task *t, struct outside *o,
    const struct outside_domain *d);
may_yield void outside_dmarc(struct task *t, struct outside *o,
    const struct outside_domain *d);

#endif
