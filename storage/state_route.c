/* state_route.c - where mail for a domain leaves to */
#include "storage/state_route.h"

#include <arpa/inet.h>

#include "base/unicode.h"
#include "storage/state_address.h"
#include "storage/state_domain.h"
#include "storage/state_private.h"

#define STATE_ROUTE_COLUMN "routes.secret_password"

static const char *const state_route_modes[] = {
	[STATE_ROUTE_MAY] = "may",
	[STATE_ROUTE_MUST] = "must",
	[STATE_ROUTE_VERIFY] = "verify",
	[STATE_ROUTE_NEVER] = "never",
	[STATE_ROUTE_IMPLICIT] = "implicit",
};

const char *
state_route_tls_name(enum state_route_tls m)
{
	return (unsigned)m < countof(state_route_modes) ? state_route_modes[m]
							: "?";
}

bool
state_route_tls_parse(struct str name, enum state_route_tls *m_r)
{
	unsigned i;

	for (i = 0; i < countof(state_route_modes); i++)
		if (str_eq_c(name, state_route_modes[i])) {
			*m_r = (enum state_route_tls)i;
			return true;
		}
	return false;
}

/* --- hosts --- */

/* Of either family: nobody resolves what stands in brackets. */
static bool
state_route_is_literal(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char ip[16];

	if (s.n == 0 || s.n >= sizeof(text) || str_chr(s, '\0') >= 0)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET6, text, ip) == 1 ||
	       inet_pton(AF_INET, text, ip) == 1;
}

static bool
state_route_port(struct str s, uint16_t *port_r)
{
	uint64_t n;

	if (!str_u64(s, &n) || n == 0 || n > UINT16_MAX)
		return false;
	*port_r = (uint16_t)n;
	return true;
}

/* "[" address "]" [":" port] / ["mx:"] name [":" port] */
static struct err *
state_route_host(struct arena *a, struct str s, struct state_route_host *h)
{
	struct str name = s, port = STR_NONE;
	uint64_t number;
	ptrdiff_t at;

	*h = (struct state_route_host){ .mx = str_case_eq_c(str_sub(s, 0, 3),
					    "mx:") };
	if (h->mx)
		name = s = str_sub(s, 3, s.n);
	/* a host that is called mx, with a port: too much like the other */
	if (h->mx && str_u64(name, &number))
		goto bad;
	if (name.n > 0 && name.p[0] == '[') {
		at = str_chr(name, ']');
		if (at < 0 || h->mx)
			goto bad;
		port = str_sub(s, (size_t)at + 1, s.n);
		name = str_sub(s, 1, (size_t)at - 1);
		if (!state_route_is_literal(name))
			goto bad;
		h->name = name;
	} else {
		at = str_chr(name, ':');
		if (at >= 0) {
			port = str_sub(s, (size_t)at, s.n);
			name = str_sub(s, 0, (size_t)at);
		}
		if (state_domain_parse(a, name, &h->name) != NULL)
			goto bad;
	}
	if (port.n == 0 ||
	    (port.p[0] == ':' &&
		state_route_port(str_sub(port, 1, port.n), &h->port)))
		return NULL;
bad:
	return err_newf(a, ERR_INVALID,
	    STR_FMT " is no host, host:port, [address]:port or mx:domain",
	    STR_ARG(s));
}

struct err *
state_route_hosts(struct arena *a, struct str hosts,
    struct state_route_host **list_r, unsigned *n_r)
{
	struct state_route_host *list = NULL;
	struct err *e = NULL;
	struct str word;

	*n_r = 0;
	*list_r = NULL;
	while (e == NULL && str_split(&hosts, ' ', &word)) {
		if (word.n == 0)
			continue;
		if (*n_r == STATE_ROUTE_HOSTS_MAX)
			return err_newf(a, ERR_LIMIT,
			    "a route has at most %d hosts",
			    STATE_ROUTE_HOSTS_MAX);
		list = state_list_add(a, list, n_r, sizeof(*list));
		e = state_route_host(a, word, &list[*n_r - 1]);
	}
	*list_r = list;
	if (e == NULL && *n_r == 0)
		e = err_new(a, ERR_INVALID, "a route has at least one host",
		    NULL);
	return e;
}

/* "example.org", ".example.org", "*" */
struct err *
state_route_pattern(struct arena *a, struct str in, struct str *pattern_r)
{
	struct str name;
	struct err *e;
	bool below = in.n > 0 && in.p[0] == '.';

	*pattern_r = in;
	if (str_eq_c(in, "*"))
		return NULL;
	e = state_domain_parse(a, below ? str_sub(in, 1, in.n) : in, &name);
	if (e != NULL)
		return err_newf(a, ERR_INVALID,
		    STR_FMT " is no domain, .domain or *", STR_ARG(in));
	*pattern_r =
	    below ? str_c(arena_printf(a, "." STR_FMT, STR_ARG(name))) : name;
	return NULL;
}

/* --- changing --- */

static struct err *
state_route_set_run(struct state_tx *x, void *arg)
{
	const struct state_route *r = arg;
	struct str sealed;
	struct err *e;
	bool have;

	e = state_sending_check(x);
	if (e == NULL)
		e = state_exists(x->db, x->a, &have,
		    "SELECT 1 FROM routes WHERE pattern = ?", "t", r->pattern);
	if (e != NULL)
		return e;
	sealed = state_seal(x, STATE_ROUTE_COLUMN, r->pattern, r->password);
	if (have)
		e = state_run(x->db, x->a,
		    "UPDATE routes SET hosts = ?, tls = ?, user = ?,"
		    " secret_password = ?, note = ? WHERE pattern = ?",
		    "tttbtt", r->hosts, str_c(state_route_tls_name(r->tls)),
		    r->user, sealed, r->note, r->pattern);
	else
		e = state_run(x->db, x->a,
		    "INSERT INTO routes (pattern, hosts, tls, user,"
		    " secret_password, note, created)"
		    " VALUES (?, ?, ?, ?, ?, ?, ?)",
		    "ttttbti", r->pattern, r->hosts,
		    str_c(state_route_tls_name(r->tls)), r->user, sealed,
		    r->note, x->now_s);
	return e != NULL ? e
			 : state_audit(x, "route.set", r->pattern, r->hosts);
}

static const char *
state_route_fault(const struct state_route *r)
{
	if ((unsigned)r->tls >= countof(state_route_modes))
		return "tls is may, must, verify, never or implicit";
	if ((r->user.n > 0) != (r->password.n > 0))
		return "a user needs a password, and a password a user";
	if (r->user.n > 0 &&
	    (r->tls == STATE_ROUTE_MAY || r->tls == STATE_ROUTE_NEVER))
		return "a password is only sent with tls must, verify or "
		       "implicit";
	if (r->hosts.n > STATE_ROUTE_TEXT_MAX ||
	    r->user.n > STATE_ROUTE_TEXT_MAX ||
	    r->password.n > STATE_ROUTE_TEXT_MAX ||
	    r->note.n > STATE_ROUTE_TEXT_MAX)
		return "a route's texts are at most 1000 bytes long";
	if (!unicode_is_utf8(r->hosts) || !unicode_is_utf8(r->user) ||
	    !unicode_is_utf8(r->note))
		return "a route's texts are UTF-8";
	return NULL;
}

struct err *
state_route_set(struct task *t, struct state *st, const char *by,
    const struct state_route *r)
{
	const char *fault = state_route_fault(r);
	struct arena *a = task_arena(t);
	struct state_route_host *list;
	struct state_route w = *r;
	struct err *e;
	unsigned n;

	if (fault != NULL)
		return err_new(a, ERR_INVALID, fault, NULL);
	e = state_route_pattern(a, r->pattern, &w.pattern);
	if (e == NULL)
		e = state_route_hosts(a, r->hosts, &list, &n);
	return e != NULL ? e : state_change(t, st, by, state_route_set_run, &w);
}

static struct err *
state_route_missing(struct arena *a, struct str pattern)
{
	return err_newf(a, ERR_NOTFOUND, "there is no route for " STR_FMT,
	    STR_ARG(pattern));
}

static struct err *
state_route_remove_run(struct state_tx *x, void *arg)
{
	const struct str *pattern = arg;
	struct err *e;

	e = state_sending_check(x);
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "DELETE FROM routes WHERE pattern = ?", "t", *pattern);
	if (e == NULL && !state_did(x->db))
		e = state_route_missing(x->a, *pattern);
	return e != NULL ? e
			 : state_audit(x, "route.remove", *pattern, STR_NONE);
}

struct err *
state_route_remove(struct task *t, struct state *st, const char *by,
    struct str pattern)
{
	struct str p;
	struct err *e = state_route_pattern(task_arena(t), pattern, &p);

	return e != NULL ? e
			 : state_change(t, st, by, state_route_remove_run, &p);
}

/* --- reading --- */

static void
state_route_row(struct state_q *q, void *row)
{
	struct state_route *r = row;

	*r = (struct state_route){ .pattern = state_q_str(q, 0),
		.hosts = state_q_str(q, 1),
		.user = state_q_str(q, 3),
		.note = state_q_str(q, 5),
		.created = state_q_i64(q, 6) };
	/* What a newer version wrote and we cannot read: the safest. */
	if (!state_route_tls_parse(state_q_str(q, 2), &r->tls))
		r->tls = STATE_ROUTE_VERIFY;
	q->err = state_unseal(q->a, q->st, STATE_ROUTE_COLUMN, r->pattern,
	    state_q_str(q, 4), &r->password);
}

static const struct state_rows state_route_rows = { sizeof(struct state_route),
	state_route_row, STATE_SENDING_SCHEMA };

#define STATE_ROUTE_COLUMNS                                                    \
	"SELECT pattern, hosts, tls, user, secret_password, note, created"     \
	" FROM routes"

static struct err *
state_route_get_in(struct state_db *db, struct arena *a, struct state *st,
    struct str pattern, struct state_route *r_r, bool *found_r)
{
	struct state_route *list;
	struct state_q q;
	struct err *e;
	unsigned n;

	state_q_begin(&q, db, a, STATE_ROUTE_COLUMNS " WHERE pattern = ?", "t",
	    pattern);
	e = state_q_list(&q, st, &state_route_rows, &list, &n);
	*found_r = n > 0;
	if (*found_r)
		*r_r = list[0];
	return e;
}

/* a.b.c: "a.b.c", ".b.c", ".c", "*" */
static struct err *
state_route_search(struct state_db *db, struct arena *a, struct state *st,
    struct str name, struct state_route *r_r, bool *found_r)
{
	struct err *e;
	size_t i;

	e = state_route_get_in(db, a, st, name, r_r, found_r);
	for (i = 1; e == NULL && !*found_r && i < name.n; i++)
		if (name.p[i] == '.')
			e = state_route_get_in(db, a, st,
			    str_sub(name, i, name.n), r_r, found_r);
	if (e == NULL && !*found_r)
		e = state_route_get_in(db, a, st, STR("*"), r_r, found_r);
	return e;
}

static struct err *
state_route_read(struct arena *a, struct state *st, struct str name, bool exact,
    struct state_route *r_r)
{
	struct state_db *db;
	struct err *e;
	bool found = false;

	*r_r = (struct state_route){ .created = 0 };
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	if (state_schema(st) >= STATE_SENDING_SCHEMA)
		e = exact ? state_route_get_in(db, a, st, name, r_r, &found)
			  : state_route_search(db, a, st, name, r_r, &found);
	state_read_end(st);
	return e != NULL || found ? e : state_route_missing(a, name);
}

struct err *
state_route_find(struct arena *a, struct state *st, struct str domain,
    struct state_route *r_r)
{
	struct str name;
	struct err *e = state_domain_parse(a, domain, &name);

	return e != NULL ? e : state_route_read(a, st, name, false, r_r);
}

struct err *
state_route_get(struct arena *a, struct state *st, struct str pattern,
    struct state_route *r_r)
{
	struct str p;
	struct err *e = state_route_pattern(a, pattern, &p);

	return e != NULL ? e : state_route_read(a, st, p, true, r_r);
}

struct err *
state_route_list(struct arena *a, struct state *st, struct state_route **list_r,
    unsigned *n_r)
{
	return state_list(a, st, &state_route_rows, list_r, n_r,
	    STATE_ROUTE_COLUMNS " ORDER BY pattern", "");
}
