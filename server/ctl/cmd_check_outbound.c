/* check outbound */
#include <unistd.h>

#include "server/admin/admin_dkim.h"
#include "server/admin/admin_domain.h"
#include "server/conf.h"
#include "server/ctl/ctl.h"
#include "server/dns/dns.h"
#include "server/mailauth/outside.h"
#include "storage/state_address.h"
#include "storage/state_domain.h"

#define CHECK_ADDRESSES_MAX (CTL_LIST_MAX + 2)
#define CHECK_DOMAINS_STEP 100

struct check_out {
	struct ctl *c;
	/* the node's, or one that asks the system's resolver */
	const struct conf *conf;
	struct outside o;
	struct net_addr addresses[CHECK_ADDRESSES_MAX];
	struct admin_zone_conf policy;
};

/* ---- from where mail comes */

static bool
check_out_has(const struct check_out *k, enum net_family family)
{
	for (unsigned i = 0; i < k->o.addresses_n; i++)
		if (k->addresses[i].family == family)
			return true;
	return false;
}

static void
check_out_add(struct check_out *k, const struct net_addr *ad)
{
	if (k->o.addresses_n < CHECK_ADDRESSES_MAX)
		k->addresses[k->o.addresses_n++] = *ad;
}

/*
 * The address that the kernel would choose for a host far away: a root server
 * of the DNS (as good as any).  Connecting a datagram socket sends nothing.
 */
static void
check_out_kernel(struct check_out *k, const char *far)
{
	struct net_addr to, from;
	struct sockaddr_storage ss;
	socklen_t n;
	int fd;

	if (!net_addr_parse(str_c(far), &to) || check_out_has(k, to.family))
		return;
	to.port = 53;
	n = net_addr_to_sockaddr(&to, &ss);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&ss, n) == 0) {
		n = sizeof(ss);
		if (getsockname(fd, (struct sockaddr *)&ss, &n) == 0) {
			net_addr_of_sockaddr((struct sockaddr *)&ss, &from);
			check_out_add(k, &from);
		}
	}
	close(fd);
}

/* As the queue does: the first of each family, else what the kernel takes. */
static void
check_out_own(struct check_out *k)
{
	for (unsigned i = 0; i < k->conf->send_from_n; i++)
		if (!check_out_has(k, k->conf->send_from[i].addr.family))
			check_out_add(k, &k->conf->send_from[i].addr);
	check_out_kernel(k, "198.41.0.4");
	check_out_kernel(k, "2001:503:ba3e::2:30");
}

static struct err *
check_out_addresses(struct task *t, struct check_out *k)
{
	const struct ctl_value *given = ctl_opt(k->c, "address");
	struct net_addr ad;

	for (unsigned i = 0; i < given->n; i++) {
		if (!net_addr_parse(str_c(given->list[i]), &ad) ||
		    ad.family == NET_UNIX)
			return err_newf(task_arena(t), ERR_INVALID,
			    "%s is no IP address", given->list[i]);
		check_out_add(k, &ad);
	}
	if (!given->given)
		check_out_own(k);
	k->o.addresses = k->addresses;
	return NULL;
}

static void
check_out_helo(struct task *t, struct check_out *k)
{
	const struct ctl_value *helo = ctl_opt(k->c, "helo");
	char host[256] = "";
	struct str name = STR_NONE, ascii;

	if (helo->given)
		name = str_c(helo->s);
	else if (k->conf->hostname != NULL)
		name = str_c(k->conf->hostname);
	else if (gethostname(host, sizeof(host) - 1) == 0)
		name = str_c(arena_strdup(task_arena(t), host));
	if (state_domain_parse(task_arena(t), name, &ascii) == NULL)
		name = ascii;
	k->o.helo = name;
}

/* ---- what ought to be there */

static struct err *
check_out_keys(struct task *t, struct check_out *k, struct outside_domain *d)
{
	static const enum outside_key_stage stages[STATE_DKIM_STAGES] = {
		[STATE_DKIM_NEW] = OUTSIDE_KEY_NEW,
		[STATE_DKIM_ACTIVE] = OUTSIDE_KEY_ACTIVE,
		[STATE_DKIM_RETIRED] = OUTSIDE_KEY_RETIRED,
	};
	struct state_dkim_key *list;
	struct outside_key *keys;
	struct err *e;
	unsigned n;

	e = state_dkim_list(task_arena(t), k->c->state, d->name, &list, &n);
	if (e != NULL)
		return e;
	d->keys = keys = arena_array(task_arena(t), n + 1, sizeof(*keys));
	for (unsigned i = 0; i < n; i++)
		if (admin_dkim_is_needed(&list[i], task_wall_s(t)))
			keys[d->keys_n++] = (struct outside_key){
				.stage = stages[list[i].stage],
				.selector = list[i].selector,
				.algorithm = list[i].algorithm,
				.public_part = list[i].public_part,
			};
	return NULL;
}

may_yield static struct err *
check_out_domain(struct task *t, struct check_out *k, struct str name)
{
	struct outside_domain d = { .name = name,
		.hosts = k->policy.hosts,
		.hosts_n = k->policy.hosts_n,
		.spf = k->policy.spf,
		.dmarc = k->policy.dmarc };
	struct err *e = check_out_keys(t, k, &d);

	if (e == NULL)
		outside_check_domain(t, &k->o, &d);
	return e;
}

may_yield static struct err *
check_out_all(struct task *t, struct check_out *k)
{
	struct state_domain *list;
	struct str after = STR_NONE;
	struct err *e;
	unsigned n;

	do {
		e = state_domain_list(task_arena(t), k->c->state, after,
		    CHECK_DOMAINS_STEP, &list, &n);
		for (unsigned i = 0; e == NULL && i < n; i++) {
			e = check_out_domain(t, k, list[i].name);
			after = list[i].name;
		}
	} while (e == NULL && n == CHECK_DOMAINS_STEP);
	return e;
}

may_yield static struct err *
check_out_domains(struct task *t, struct check_out *k)
{
	const struct ctl_value *given = ctl_opt(k->c, "domain");
	struct state_domain_rules rules;
	struct admin ad = ctl_admin(t, k->c);
	struct err *e = admin_domain_policy(task_arena(t), &ad, &k->policy);
	struct str name;

	if (e == NULL && !given->given)
		return check_out_all(t, k);
	for (unsigned i = 0; e == NULL && i < given->n; i++) {
		e = state_domain_parse(task_arena(t), str_c(given->list[i]),
		    &name);
		if (e == NULL)
			e = state_domain_rules(task_arena(t), k->c->state, name,
			    &rules);
		if (e == NULL)
			e = check_out_domain(t, k, name);
	}
	return e;
}

/* ---- telling it */

static unsigned
check_out_lines(struct task *t, const struct outside_row *r,
    struct str **list_r)
{
	struct admin_zone_record z = { .name = r->name, .type = r->type };

	*list_r = arena_array(task_arena(t), r->n + 1, sizeof(**list_r));
	for (unsigned i = 0; i < r->n; i++) {
		z.data = r->data[i];
		(*list_r)[i] = admin_zone_line(task_arena(t), &z);
	}
	return r->n;
}

static bool
check_out_told(const struct outside *o, unsigned row)
{
	const struct outside_row *r = &o->rows[row];

	for (unsigned i = 0; i < row; i++)
		if (o->rows[i].n > 0 && str_eq(o->rows[i].name, r->name) &&
		    strcmp(o->rows[i].type, r->type) == 0 &&
		    str_eq(o->rows[i].data[0], r->data[0]))
			return true;
	return false;
}

/* The records, each once, below the table. */
static void
check_out_wanted(struct task *t, const struct check_out *k)
{
	const struct outside *o = &k->o;
	bool first = true;
	struct str *lines;

	for (unsigned i = 0; i < o->n; i++) {
		if (o->rows[i].n == 0 || check_out_told(o, i))
			continue;
		if (first)
			ctl_note(k->c, "\nRecords as they ought to be:");
		ctl_note(k->c, "; %s: " STR_FMT, o->rows[i].check,
		    STR_ARG(o->rows[i].found));
		first = false;
		(void)check_out_lines(t, &o->rows[i], &lines);
		for (unsigned j = 0; j < o->rows[i].n; j++)
			ctl_note(k->c, STR_FMT, STR_ARG(lines[j]));
	}
}

static struct err *
check_out_print(struct task *t, struct check_out *k)
{
	static const char *const columns[] = { "check", "subject", "state",
		"found", "wanted" };
	const struct outside *o = &k->o;
	unsigned n = k->c->json ? countof(columns) : countof(columns) - 1;
	struct ctl_out *out = ctl_out_list(t, k->c, columns, n);
	struct str *lines;
	unsigned count;
	struct err *e;

	for (unsigned i = 0; i < o->n; i++) {
		const struct outside_row *r = &o->rows[i];

		ctl_out_str(out, str_c(r->check));
		ctl_out_str(out, r->subject);
		ctl_out_str(out, str_c(outside_state_name(r->state)));
		ctl_out_str(out, r->found);
		count = check_out_lines(t, r, &lines);
		if (k->c->json)
			ctl_out_strs(out, lines, count);
		if (r->state == OUTSIDE_WRONG)
			k->c->exit_code = 1;
	}
	e = ctl_out_end(out);
	if (e == NULL)
		check_out_wanted(t, k);
	return e;
}

may_yield static struct err *
check_outbound_run(struct task *t, struct ctl *c)
{
	struct check_out *k = arena_new_obj(task_arena(t), struct check_out);
	struct err *e;

	k->c = c;
	k->conf = ctl_dns_conf(t, c);
	e = check_out_addresses(t, k);
	if (e != NULL)
		return e;
	check_out_helo(t, k);
	k->o.dns = dns_new_for(c->loop, &k->conf);
	outside_check_node(t, &k->o);
	e = check_out_domains(t, k);
	dns_free(&k->o.dns);
	return e != NULL ? e : check_out_print(t, k);
}

static const struct ctl_option check_outbound_options[] = {
	{ "address", CTL_LIST, "ADDRESS",
	    "from where others see mail come, if that is no address of this "
	    "machine (NAT, a smart host); may be repeated" },
	{ "helo", CTL_STRING, "NAME",
	    "the HELO name (default: hostname of the configuration)" },
	{ "domain", CTL_LIST, "DOMAIN",
	    "only this domain, not all of the cluster; may be repeated" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

const struct ctl_command cmd_check_outbound = {
	.name = "check outbound",
	.args = "",
	.help = "Check what the DNS says about mail from this node",
	.more = "For each address that mail leaves from: PTR and back, and "
		"whether the HELO name has it. For each domain of the "
		"cluster: MX, SPF for each address, the DKIM keys, DMARC. "
		"Each row is ok, warning (some receivers mind), wrong, or "
		"unknown (the DNS does not answer now); below are the records "
		"that would be right, as a zone file has them. Exits with 1 "
		"if something is wrong. The addresses are those of send_from, "
		"else what the kernel chooses; names are resolved as dns {} "
		"of the configuration says, without a configuration by "
		"resolv.conf. Nothing is sent but DNS queries; many domains "
		"may need a longer --timeout, after which the rest is "
		"unknown.",
	.min_args = 0,
	.max_args = 0,
	.need = CTL_NEED_STATE,
	.options = check_outbound_options,
	.run = check_outbound_run,
};
