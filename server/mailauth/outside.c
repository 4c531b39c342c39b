/* outside.c - what the world sees of who sends mail from here */
#include "server/mailauth/outside.h"

#include "server/dns/dns_rdata.h"
#include "server/mailauth/dkim_parse.h"
#include "server/mailauth/outside_private.h"

#define OUTSIDE_WANT_MAX 64
#define OUTSIDE_NAMES 3 /* shown of a list */

const char *
outside_state_name(enum outside_state s)
{
	static const char *const names[] = {
		[OUTSIDE_OK] = "ok",
		[OUTSIDE_WARNING] = "warning",
		[OUTSIDE_WRONG] = "wrong",
		[OUTSIDE_UNKNOWN] = "unknown",
	};

	return names[s];
}

/* ---- rows */

struct outside_row *
outside_row(struct task *t, struct outside *o, const char *check,
    struct str subject)
{
	struct outside_row *rows;

	if (o->n == o->size) {
		o->size = o->size == 0 ? 32 : 2 * o->size;
		rows = arena_array(task_arena(t), o->size, sizeof(*rows));
		if (o->n > 0)
			memcpy(rows, o->rows, o->n * sizeof(*rows));
		o->rows = rows;
	}
	o->rows[o->n] =
	    (struct outside_row){ .check = check, .subject = subject };
	return &o->rows[o->n++];
}

void
outside_say(struct task *t, struct outside_row *r, struct str found,
    enum outside_state state)
{
	char *p = arena_cstr(task_arena(t), found);

	/* Strangers' records are quoted: nothing that moves a cursor. */
	for (size_t i = 0; i < found.n; i++)
		if ((unsigned char)p[i] < ' ' || (unsigned char)p[i] >= 0x7f)
			p[i] = '?';
	r->found = str_of(p, found.n);
	r->state = state;
}

void
outside_unknown(struct task *t, struct outside_row *r, enum dns_status st)
{
	outside_say(t, r,
	    st == DNS_BOGUS ? STR("the answer does not pass DNSSEC validation")
			    : STR("the DNS does not answer at the moment"),
	    OUTSIDE_UNKNOWN);
}

void
outside_want(struct task *t, struct outside_row *r, struct str name,
    const char *type, struct str data)
{
	if (r->data == NULL)
		r->data = arena_array(task_arena(t), OUTSIDE_WANT_MAX,
		    sizeof(*r->data));
	if (r->n == OUTSIDE_WANT_MAX)
		return;
	r->name = name;
	r->type = type;
	r->data[r->n++] = data;
}

static struct str
outside_ip(struct task *t, const struct net_addr *ad)
{
	char text[NET_TEXT_MAX];

	return str_c(arena_strdup(task_arena(t), net_addr_text(ad, text)));
}

/* "a, b, c and others" */
static struct str
outside_list(struct task *t, const struct str *list, unsigned n)
{
	struct buf b;

	buf_init(&b, task_arena(t), OUTSIDE_NAMES * (DNS_NAME_MAX + 2) + 20);
	for (unsigned i = 0; i < n && i < OUTSIDE_NAMES; i++) {
		buf_c(&b, i > 0 ? ", " : "");
		buf_str_add(&b, list[i]);
	}
	if (n > OUTSIDE_NAMES)
		buf_c(&b, " and others");
	return buf_str(&b);
}

/* ---- addresses */

bool
outside_is_private(const struct net_addr *ad)
{
	static const struct net_network nets[] = {
		{ { .family = NET_IP4, .ip = { 0 } }, 8 },
		{ { .family = NET_IP4, .ip = { 10 } }, 8 },
		{ { .family = NET_IP4, .ip = { 100, 64 } }, 10 },
		{ { .family = NET_IP4, .ip = { 127 } }, 8 },
		{ { .family = NET_IP4, .ip = { 169, 254 } }, 16 },
		{ { .family = NET_IP4, .ip = { 172, 16 } }, 12 },
		{ { .family = NET_IP4, .ip = { 192, 168 } }, 16 },
		{ { .family = NET_IP6, .ip = { [15] = 1 } }, 128 },
		{ { .family = NET_IP6, .ip = { 0xfc } }, 7 },
		{ { .family = NET_IP6, .ip = { 0xfe, 0x80 } }, 10 },
	};

	return net_network_has(nets, countof(nets), ad);
}

static void
outside_private(struct task *t, struct outside *o, const struct net_addr *ad)
{
	struct str ip = outside_ip(t, ad);

	if (outside_is_private(ad))
		outside_say(t, outside_row(t, o, "address", ip),
		    outside_text(t,
			STR_FMT " is a private address: others see another "
				"one, give that with --address",
			STR_ARG(ip)),
		    OUTSIDE_WARNING);
}

static void
outside_want_ptr(struct task *t, struct outside *o, struct outside_row *r,
    const struct net_addr *ad)
{
	struct str name;

	if (dns_name_reverse(task_arena(t), ad, &name))
		outside_want(t, r, name, "PTR",
		    outside_text(t, STR_FMT ".", STR_ARG(o->helo)));
}

static may_yield void
outside_ptr(struct task *t, struct outside *o, const struct net_addr *ad)
{
	struct str ip = outside_ip(t, ad), verified, *names;
	struct outside_row *r = outside_row(t, o, "ptr", ip);
	enum dns_status st;
	unsigned n;

	st = dns_ptr(t, o->dns, ad, &names, &n);
	if (outside_dns_unknown(st)) {
		outside_unknown(t, r, st);
		return;
	}
	if (st != DNS_FOUND) {
		outside_say(t, r,
		    outside_text(t, STR_FMT " has no PTR record", STR_ARG(ip)),
		    OUTSIDE_WRONG);
		outside_want_ptr(t, o, r, ad);
		return;
	}
	st = dns_iprev(t, o->dns, ad, &verified);
	if (verified.n > 0) {
		outside_say(t, r,
		    outside_text(t, STR_FMT " is " STR_FMT ", and back",
			STR_ARG(ip), STR_ARG(verified)),
		    OUTSIDE_OK);
	} else if (outside_dns_unknown(st)) {
		outside_unknown(t, r, st);
	} else {
		outside_say(t, r,
		    outside_text(t,
			STR_FMT " is " STR_FMT
				", which does not lead back to it",
			STR_ARG(ip), STR_ARG(outside_list(t, names, n))),
		    OUTSIDE_WRONG);
		outside_want_ptr(t, o, r, ad);
	}
}

/* ---- the HELO name */

static bool
outside_is_host_name(struct str s)
{
	return dkim_is_domain(s) && str_chr(s, '.') > 0 &&
	       str_chr(s, '_') < 0 &&
	       !str_case_eq_c(s, "localhost.localdomain");
}

static void
outside_helo_address(struct task *t, struct outside *o,
    const struct net_addr *ad, const struct net_addr *list, unsigned n)
{
	struct outside_row *r = outside_row(t, o, "helo", o->helo);
	struct str ip = outside_ip(t, ad);

	for (unsigned i = 0; i < n; i++)
		if (net_addr_eq(&list[i], ad)) {
			outside_say(t, r,
			    outside_text(t, STR_FMT " has the address " STR_FMT,
				STR_ARG(o->helo), STR_ARG(ip)),
			    OUTSIDE_OK);
			return;
		}
	outside_say(t, r,
	    outside_text(t,
		STR_FMT " does not have the address " STR_FMT
			" that mail comes from",
		STR_ARG(o->helo), STR_ARG(ip)),
	    OUTSIDE_WRONG);
	outside_want(t, r, o->helo, ad->family == NET_IP6 ? "AAAA" : "A", ip);
}

/* No address is known that it ought to have. */
static void
outside_helo_any(struct task *t, struct outside *o, unsigned n)
{
	struct outside_row *r = outside_row(t, o, "helo", o->helo);

	outside_say(t, r,
	    n > 0
		? outside_text(t, STR_FMT " exists", STR_ARG(o->helo))
		: outside_text(t, STR_FMT " has no address", STR_ARG(o->helo)),
	    n > 0 ? OUTSIDE_OK : OUTSIDE_WRONG);
}

static may_yield void
outside_helo(struct task *t, struct outside *o)
{
	struct net_addr *list;
	enum dns_status st;
	unsigned n;

	if (!outside_is_host_name(o->helo)) {
		outside_say(t, outside_row(t, o, "helo", o->helo),
		    outside_text(t,
			"\"" STR_FMT "\" is no full host name: set hostname "
			"in the configuration",
			STR_ARG(o->helo)),
		    OUTSIDE_WRONG);
		return;
	}
	st = dns_addresses(t, o->dns, o->helo, &list, &n);
	if (outside_dns_unknown(st)) {
		outside_unknown(t, outside_row(t, o, "helo", o->helo), st);
		return;
	}
	for (unsigned i = 0; i < o->addresses_n; i++)
		outside_helo_address(t, o, &o->addresses[i], list, n);
	if (o->addresses_n == 0)
		outside_helo_any(t, o, n);
	outside_spf_helo(t, o);
}

void
outside_check_node(struct task *t, struct outside *o)
{
	for (unsigned i = 0; i < o->addresses_n; i++) {
		outside_private(t, o, &o->addresses[i]);
		outside_ptr(t, o, &o->addresses[i]);
	}
	if (o->addresses_n == 0)
		outside_say(t, outside_row(t, o, "address", STR_NONE),
		    STR("it is not known from where mail is sent: give "
			"--address"),
		    OUTSIDE_WARNING);
	outside_helo(t, o);
}

/* ---- MX */

static void
outside_want_mx(struct task *t, struct outside_row *r,
    const struct outside_domain *d)
{
	for (unsigned i = 0; i < d->hosts_n; i++)
		outside_want(t, r, d->name, "MX",
		    outside_text(t, "10 " STR_FMT ".", STR_ARG(d->hosts[i])));
}

static bool
outside_is_ours(const struct outside_domain *d, struct str host)
{
	for (unsigned i = 0; i < d->hosts_n; i++)
		if (str_eq(d->hosts[i], host))
			return true;
	return false;
}

/* What there is instead of MX records. */
static may_yield void
outside_no_mx(struct task *t, struct outside *o, const struct outside_domain *d,
    struct outside_row *r, bool exists)
{
	struct net_addr *list;
	unsigned n = 0;
	enum dns_status st = DNS_NO_DOMAIN;

	if (exists)
		st = dns_addresses(t, o->dns, d->name, &list, &n);
	if (outside_dns_unknown(st))
		outside_unknown(t, r, st);
	else if (n > 0)
		outside_say(t, r,
		    outside_text(t,
			STR_FMT " has no MX record: its mail goes to its own "
				"address",
			STR_ARG(d->name)),
		    OUTSIDE_WARNING);
	else
		outside_say(t, r,
		    exists
			? outside_text(t, STR_FMT " has no MX record",
			      STR_ARG(d->name))
			: outside_text(t, STR_FMT " does not exist in the DNS",
			      STR_ARG(d->name)),
		    OUTSIDE_WRONG);
	outside_want_mx(t, r, d);
}

/* Each host has an address, and some host is of ours. */
static may_yield void
outside_mx_hosts(struct task *t, struct outside *o,
    const struct outside_domain *d, struct outside_row *r,
    const struct dns_mx *mx, unsigned n)
{
	struct str *names = arena_array(task_arena(t), n, sizeof(*names));
	bool ours = d->hosts_n == 0;
	struct net_addr *list;
	enum dns_status st;
	unsigned found;

	for (unsigned i = 0; i < n; i++) {
		names[i] = mx[i].host;
		ours = ours || outside_is_ours(d, mx[i].host);
		st = dns_addresses(t, o->dns, mx[i].host, &list, &found);
		if (outside_dns_unknown(st)) {
			outside_unknown(t, r, st);
			return;
		}
		if (found > 0)
			continue;
		outside_say(t, r,
		    outside_text(t,
			"the MX of " STR_FMT " is " STR_FMT
			", which has no address",
			STR_ARG(d->name), STR_ARG(mx[i].host)),
		    OUTSIDE_WRONG);
		outside_want_mx(t, r, d);
		return;
	}
	outside_say(t, r,
	    outside_text(t, "mail for " STR_FMT " goes to " STR_FMT "%s",
		STR_ARG(d->name), STR_ARG(outside_list(t, names, n)),
		ours ? ""
		     : ", none of which is known as a host of this "
		       "cluster"),
	    ours ? OUTSIDE_OK : OUTSIDE_WARNING);
	if (!ours)
		outside_want_mx(t, r, d);
}

static may_yield void
outside_mx(struct task *t, struct outside *o, const struct outside_domain *d)
{
	struct outside_row *r = outside_row(t, o, "mx", d->name);
	struct dns_mx *mx;
	enum dns_status st;
	unsigned n;
	bool null;

	st = dns_mx(t, o->dns, d->name, &mx, &n, &null);
	if (outside_dns_unknown(st)) {
		outside_unknown(t, r, st);
	} else if (st != DNS_FOUND) {
		outside_no_mx(t, o, d, r, st == DNS_NO_DATA);
	} else if (n == 0) {
		outside_say(t, r,
		    outside_text(t, "the MX of " STR_FMT " %s",
			STR_ARG(d->name),
			null ? "says that it takes no mail"
			     : "leads to no host"),
		    OUTSIDE_WRONG);
		outside_want_mx(t, r, d);
	} else {
		outside_mx_hosts(t, o, d, r, mx, n);
	}
}

void
outside_check_domain(struct task *t, struct outside *o,
    const struct outside_domain *d)
{
	outside_mx(t, o, d);
	outside_spf(t, o, d);
	outside_dkim(t, o, d);
	outside_dmarc(t, o, d);
}
