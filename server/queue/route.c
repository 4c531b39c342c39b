/* route.c - which hosts take mail for a domain, in the order to try them */
#include "server/queue/route.h"

#include <string.h>

#include "base/log.h"
#include "base/unicode.h"
#include "server/dns/dns.h"
#include "server/net/addr.h"
#include "server/queue/remote_private.h"
#include "storage/state_route.h"

#define ROUTE_SMTPS_PORT 465 /* RFC 8314, 7.3 */

/* What all hosts of one search have in common. */
struct route_search {
	struct worker *w;
	struct route *r;
	struct remote_target model;
	uint64_t began_at;
	bool temp;    /* something is not known now */
	bool is_ours; /* one of them was ourselves */
};

static void
route_fail(struct task *t, struct route *r, unsigned code, const char *enhanced,
    const char *text, struct str domain)
{
	remote_reply_set(task_arena(t), &r->why, code, enhanced, STR_FMT " %s",
	    STR_ARG(domain), text);
}

/* --- ourselves --- */

static bool
route_is_any(const struct net_addr *a)
{
	static const unsigned char none[16];

	return memcmp(a->ip, none, sizeof(none)) == 0;
}

/* Whether a listener of this node for other servers is there. */
static bool
route_is_here(const struct worker *w, const struct net_addr *a)
{
	const struct conf *conf = w->conf;
	struct net_addr at;

	for (unsigned i = 0; i < conf->listeners_n; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		if (strcmp(l->protocol, "smtp") != 0)
			continue;
		for (unsigned k = 0; k < l->addresses_n; k++) {
			net_addr_of_sockaddr((const struct sockaddr *)&l
						 ->addresses[k]
						 .sa,
			    &at);
			if (l->addresses[k].unix_path != NULL ||
			    at.port != a->port)
				continue;
			if (route_is_any(&at) ? net_addr_is_local(a)
					      : net_addr_eq(&at, a))
				return true;
		}
	}
	return false;
}

/* --- addresses --- */

/* Names may be many, and each may keep us waiting. */
static bool
route_is_late(const struct task *t, struct route_search *s)
{
	if (task_now_ms(t) - s->began_at <= ROUTE_LOOK_MS)
		return false;
	s->temp = true;
	return true;
}

static void
route_add(struct route_search *s, struct str name, const struct net_addr *a)
{
	struct route *r = s->r;
	struct remote_target *to;

	for (unsigned i = 0; i < r->n; i++)
		if (net_addr_eq(&r->targets[i].addr, a) &&
		    r->targets[i].addr.port == a->port)
			return;
	if (r->n == ROUTE_HOSTS_MAX)
		return;
	to = &r->targets[r->n++];
	*to = s->model;
	to->host = name;
	to->addr = *a;
}

/* IPv6 first, then IPv4, and so on in turns; the list has all IPv6 in front. */
static void
route_turns(const struct net_addr *list, unsigned n, struct net_addr *out)
{
	unsigned six = 0, four, sixes = 0, done = 0;

	while (sixes < n && list[sixes].family == NET_IP6)
		sixes++;
	four = sixes;
	while (done < n) {
		if (six < sixes)
			out[done++] = list[six++];
		if (four < n)
			out[done++] = list[four++];
	}
}

/* *ours_r: one of its addresses is ours. */
static may_yield enum dns_status
route_look(struct task *t, struct route_search *s, struct str host,
    uint16_t port, struct net_addr **list_r, unsigned *n_r, bool *ours_r)
{
	struct net_addr *list, *turns;
	enum dns_status status;
	unsigned n;

	*ours_r = false;
	status = dns_addresses(t, s->w->dns, host, &list, &n);
	if (status != DNS_FOUND) {
		s->temp |= status == DNS_TEMP || status == DNS_BOGUS;
		*n_r = 0;
		return status;
	}
	turns = arena_array(task_arena(t), n, sizeof(*turns));
	route_turns(list, n, turns);
	for (unsigned i = 0; i < n; i++) {
		turns[i].port = port;
		*ours_r |= route_is_here(s->w, &turns[i]);
	}
	*list_r = turns;
	*n_r = n < ROUTE_PER_HOST_MAX ? n : ROUTE_PER_HOST_MAX;
	return status;
}

/* --- MX: RFC 5321, 5.1 --- */

/* false: it is ourselves. */
static may_yield bool
route_mx_host(struct task *t, struct route_search *s, struct str host,
    uint16_t port)
{
	struct net_addr *list = NULL;
	unsigned n = 0;
	bool ours;

	if (str_case_eq_c(host, worker_hostname(s->w)))
		return false;
	(void)route_look(t, s, host, port, &list, &n, &ours);
	if (ours)
		return false;
	for (unsigned i = 0; i < n; i++)
		route_add(s, host, &list[i]);
	return true;
}

/* Only who is better than we are: the others would bring it to us. */
static may_yield void
route_mx_list(struct task *t, struct route_search *s, const struct dns_mx *mx,
    unsigned n, uint16_t port)
{
	unsigned better = s->r->n; /* targets with a better preference */

	/* By name it costs nothing. */
	for (unsigned i = 0; i < n; i++)
		if (str_case_eq_c(mx[i].host, worker_hostname(s->w))) {
			s->is_ours = true;
			while (
			    i > 0 && mx[i - 1].preference == mx[i].preference)
				i--;
			n = i;
		}
	for (unsigned i = 0; i < n && s->r->n < ROUTE_HOSTS_MAX; i++) {
		if (i > 0 && mx[i].preference != mx[i - 1].preference)
			better = s->r->n;
		if (route_is_late(t, s))
			return;
		if (route_mx_host(t, s, mx[i].host, port))
			continue;
		s->r->n = better;
		s->is_ours = true;
		return;
	}
}

/* What mail for the domain goes to by DNS; *status_r: of the MX, or of what
 * stands for it. */
static may_yield void
route_mx(struct task *t, struct route_search *s, struct str domain,
    uint16_t port, enum dns_status *status_r, bool *null_r)
{
	struct dns_mx *mx, self = { .host = domain };
	unsigned n;

	*null_r = false;
	*status_r = dns_mx(t, s->w->dns, domain, &mx, &n, null_r);
	if (*status_r == DNS_NO_DATA) {
		/* "as if it was associated with an implicit MX RR" */
		route_mx_list(t, s, &self, 1, port);
		return;
	}
	s->temp |= *status_r == DNS_TEMP || *status_r == DNS_BOGUS;
	if (*status_r == DNS_FOUND && !*null_r)
		route_mx_list(t, s, mx, n, port);
}

/* Nothing was found: why. */
static void
route_mx_why(struct task *t, const struct route_search *s, struct str domain,
    enum dns_status status, bool null)
{
	struct route *r = s->r;

	if (null)
		route_fail(t, r, 556, "5.1.10", "says that it takes no mail",
		    domain);
	else if (s->temp)
		route_fail(t, r, 451, "4.4.3",
		    "cannot be looked up at the moment", domain);
	else if (s->is_ours)
		route_fail(t, r, 554, "5.4.6", "leads back to us", domain);
	else if (status == DNS_NO_DOMAIN)
		route_fail(t, r, 550, "5.1.2", "does not exist", domain);
	else if (status == DNS_NO_DATA)
		route_fail(t, r, 550, "5.1.2",
		    "takes no mail: it has neither MX nor address", domain);
	else
		route_fail(t, r, 550, "5.4.4",
		    "takes no mail: none of its hosts has an address", domain);
}

/* --- address literals: RFC 5321, 4.1.3 --- */

static bool
route_literal(struct str domain, struct net_addr *a_r)
{
	struct str in = str_sub(domain, 1, domain.n < 2 ? 0 : domain.n - 2);

	if (!str_ends(domain, STR("]")))
		return false;
	if (str_case_eq(str_sub(in, 0, 5), STR("IPv6:")))
		in = str_sub(in, 5, in.n);
	return net_addr_parse(in, a_r) && a_r->family != NET_UNIX;
}

static void
route_to_literal(struct task *t, struct route_search *s, struct str domain,
    uint16_t port)
{
	struct net_addr a;

	if (!route_literal(domain, &a)) {
		route_fail(t, s->r, 550, "5.1.2", "is no address", domain);
		return;
	}
	a.port = port;
	if (route_is_here(s->w, &a))
		route_fail(t, s->r, 554, "5.4.6", "leads back to us", domain);
	else
		route_add(s, arena_str(task_arena(t), domain), &a);
}

/* --- routes of the state --- */

static may_yield void
route_smart_host(struct task *t, struct route_search *s,
    const struct state_route_host *h, uint16_t port)
{
	struct net_addr one, *list = &one;
	enum dns_status status;
	unsigned n = 1;
	bool no;

	if (h->mx) {
		route_mx(t, s, h->name, port, &status, &no);
		return;
	}
	if (net_addr_parse(h->name, &one))
		one.port = port;
	else
		(void)route_look(t, s, h->name, port, &list, &n, &no);
	for (unsigned i = 0; i < n; i++)
		route_add(s, h->name, &list[i]);
}

static may_yield void
route_smart(struct task *t, struct route_search *s,
    const struct state_route *route, struct str domain, uint16_t port)
{
	static const enum remote_tls tls[] = {
		[STATE_ROUTE_MAY] = REMOTE_TLS_MAY,
		[STATE_ROUTE_MUST] = REMOTE_TLS_MUST,
		[STATE_ROUTE_VERIFY] = REMOTE_TLS_VERIFY,
		[STATE_ROUTE_NEVER] = REMOTE_TLS_NEVER,
		[STATE_ROUTE_IMPLICIT] = REMOTE_TLS_IMPLICIT,
	};
	struct state_route_host *list;
	unsigned n;

	s->r->is_smart = true;
	s->model.tls = tls[route->tls];
	s->model.user = route->user;
	s->model.password = route->password;
	if (s->model.tls == REMOTE_TLS_IMPLICIT)
		port = ROUTE_SMTPS_PORT;
	if (state_route_hosts(task_arena(t), route->hosts, &list, &n) != NULL)
		n = 0; /* what a newer version wrote */
	for (unsigned i = 0;
	     i < n && s->r->n < ROUTE_HOSTS_MAX && !route_is_late(t, s); i++)
		route_smart_host(t, s, &list[i],
		    list[i].port != 0 ? list[i].port : port);
	if (s->r->n > 0)
		return;
	if (s->temp)
		route_fail(t, s->r, 451, "4.4.3",
		    "has a route whose hosts cannot be looked up at the moment",
		    domain);
	else
		route_fail(t, s->r, 451, "4.3.5",
		    "has a route that leads nowhere", domain);
}

/* --- all of it --- */

/* *e_r: the state could not be asked. */
static bool
route_in_state(struct task *t, const struct worker *w, struct str domain,
    struct state_route *route_r, struct err **e_r)
{
	*e_r = NULL;
	if (w->state == NULL)
		return false;
	/* What has no name can only have the route of all. */
	*e_r = domain.p[0] == '['
		   ? state_route_get(task_arena(t), w->state, STR("*"), route_r)
		   : state_route_find(task_arena(t), w->state, domain, route_r);
	if (*e_r == NULL)
		return true;
	if (err_is(*e_r, ERR_NOTFOUND))
		*e_r = NULL;
	return false;
}

may_yield void
route_find(struct task *t, struct worker *w, struct str domain,
    struct route *r_r)
{
	struct arena *a = task_arena(t);
	uint16_t port = (uint16_t)worker_setting(w, STATE_QUEUE_PORT);
	struct route_search s = { .w = w,
		.r = r_r,
		.model = { .hello =
			       str_c(arena_strdup(a, worker_hostname(w))) },
		.began_at = task_now_ms(t) };
	enum dns_status status;
	struct state_route route;
	struct err *e;
	bool null, literal = domain.n > 0 && domain.p[0] == '[';

	memset(r_r, 0, sizeof(*r_r));
	r_r->targets = arena_array(a, ROUTE_HOSTS_MAX, sizeof(*r_r->targets));
	if (!literal && unicode_domain_ascii(a, domain, &domain) != NULL) {
		route_fail(t, r_r, 550, "5.1.2", "is no domain", domain);
		return;
	}
	if (route_in_state(t, w, domain, &route, &e))
		route_smart(t, &s, &route, domain, port);
	else if (e != NULL) {
		log_error(t, "route", LOG_STR("domain", domain), LOG_ERR(e));
		route_fail(t, r_r, 451, "4.3.0", "has a route we cannot read",
		    domain);
	} else if (literal)
		route_to_literal(t, &s, domain, port);
	else {
		route_mx(t, &s, domain, port, &status, &null);
		if (r_r->n == 0)
			route_mx_why(t, &s, domain, status, null);
	}
}
