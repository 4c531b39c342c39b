/* route.h - which hosts take mail for a domain, in the order to try them */
#ifndef SERVER_QUEUE_ROUTE_H
#define SERVER_QUEUE_ROUTE_H

#include <stdbool.h>

#include "base/str.h"
#include "base/task.h"
#include "server/queue/remote.h"

/*
 * A route of the state (storage/state_route.h), else an address literal, else
 * the domain's MX (RFC 5321, 5.1), else its own addresses.  Of an MX list that
 * we are in ourselves only what is better than us is left (5.1): the rest would
 * lead in a circle.  Between the addresses of a host IPv6 and IPv4 take turns,
 * so that a network without one of them costs one time-out.
 *
 * Mail with a route is never undeliverable because of what names its hosts do
 * not have: that is for an administrator to mend.
 */
struct worker;

#define ROUTE_HOSTS_MAX 20   /* addresses in all */
#define ROUTE_PER_HOST_MAX 6 /* addresses of one name */
#define ROUTE_LOOK_MS 60000  /* then what was found must do */

struct route {
	struct remote_target *targets; /* for remote_open(), in this order */
	unsigned n;
	bool is_smart; /* by a route of the state */
	/*
	 * n 0: why, in our own words.  Permanent: 550 5.1.2 no such domain, or
	 * it takes no mail; 556 5.1.10 it says that it takes none (RFC 7505);
	 * 550 5.4.4 its hosts have no addresses; 554 5.4.6 they are us.  451
	 * 4.4.3: DNS does not know now; 4.3.5: our route leads nowhere.
	 */
	struct remote_reply why;
};

/* domain: as in an address, any script, or "[192.0.2.1]", "[IPv6:...]".
 * Everything in the task's arena, passwords too. */
may_yield void route_find(struct task *t, struct worker *w, struct str domain,
    struct route *r_r);

#endif
