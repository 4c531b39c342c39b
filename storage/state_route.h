/* state_route.h - where mail for a domain leaves to, instead of to its MX */
#ifndef STORAGE_STATE_ROUTE_H
#define STORAGE_STATE_ROUTE_H

#include "storage/state.h"

/*
 * A route is for a domain ("example.org"), for everything below one
 * (".example.org", not example.org itself) or for all ("*"); the most precise
 * one holds.  Its hosts are tried in their order.  They are written with blanks
 * between them: "relay.example.net", "relay.example.net:587", "192.0.2.1",
 * "[2001:db8::1]:25", and "mx:example.net": whoever takes mail for that domain.
 *
 * user and password are for AUTH and need a tls mode that never speaks in
 * clear.
 */
#define STATE_ROUTE_HOSTS_MAX 16
#define STATE_ROUTE_TEXT_MAX 1000

enum state_route_tls { /* as enum remote_tls, in this order */
	STATE_ROUTE_MAY,
	STATE_ROUTE_MUST,
	STATE_ROUTE_VERIFY,
	STATE_ROUTE_NEVER,
	STATE_ROUTE_IMPLICIT
};
const char *state_route_tls_name(enum state_route_tls m);
bool state_route_tls_parse(struct str name, enum state_route_tls *m_r);

struct state_route {
	struct str pattern; /* lower case A-labels */
	struct str hosts;
	enum state_route_tls tls;
	struct str user, password; /* password: sealed in the table */
	struct str note;
	int64_t created; /* out */
};

struct state_route_host {
	struct str name; /* domain name, or address without brackets */
	uint16_t port;	 /* 0: as the tls mode has it */
	bool mx;	 /* its MX hosts, not it */
};
/* 1 to STATE_ROUTE_HOSTS_MAX of them, or ERR_INVALID. */
must_check struct err *state_route_hosts(struct arena *a, struct str hosts,
    struct state_route_host **list_r, unsigned *n_r);

/* Add, or put in place of the one with this pattern.  ERR_INVALID;
 * ERR_CONFLICT: the schema is older than STATE_SENDING_SCHEMA. */
may_yield must_check struct err *state_route_set(struct task *t,
    struct state *st, const char *by, const struct state_route *r);
/* ERR_NOTFOUND. */
may_yield must_check struct err *state_route_remove(struct task *t,
    struct state *st, const char *by, struct str pattern);
/* For mail to this domain (a name, not a literal). ERR_NOTFOUND: by its MX. */
must_check struct err *state_route_find(struct arena *a, struct state *st,
    struct str domain, struct state_route *r_r);
/* The one with exactly this pattern. */
must_check struct err *state_route_get(struct arena *a, struct state *st,
    struct str pattern, struct state_route *r_r);
/* In order of pattern; passwords are opened. */
must_check struct err *state_route_list(struct arena *a, struct state *st,
    struct state_route **list_r, unsigned *n_r);

#endif
