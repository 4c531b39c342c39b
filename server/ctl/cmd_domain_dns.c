/* domain dns */
#include "server/conf.h"
#include "server/ctl/ctl.h"
#include "server/ctl/dkim_util.h"
#include "server/ctl/zone_util.h"
#include "storage/state_address.h"
#include "storage/state_domain.h"

static struct err *
domain_dns_keys(struct task *t, struct ctl *c, struct zone_conf *z)
{
	struct arena *a = task_arena(t);
	struct state_dkim_key *list;
	struct zone_key *keys;
	struct err *e;
	unsigned n;

	e = state_dkim_list(a, c->state, z->domain, &list, &n);
	if (e != NULL)
		return e;
	z->keys = keys = arena_alloc(a, (n + 1) * sizeof(*keys));
	for (unsigned i = 0; i < n; i++) {
		if (!ctl_dkim_is_needed(&list[i], task_wall_s(t)))
			continue;
		keys[z->keys_n++] =
		    (struct zone_key){ .selector = list[i].selector,
			    .record = ctl_dkim_record(a, &list[i]) };
	}
	return NULL;
}

static bool
domain_dns_listens(const struct ctl *c, const char *protocol)
{
	if (c->conf == NULL || c->conf->listeners_n == 0)
		return true; /* not known here */
	for (unsigned i = 0; i < c->conf->listeners_n; i++)
		if (strcmp(c->conf->listeners[i].protocol, protocol) == 0)
			return true;
	return false;
}

static struct err *
domain_dns_print(struct task *t, struct ctl *c, const struct zone_conf *z)
{
	static const char *const columns[] = { "name", "type", "data", "line" };
	struct zone_record *list;
	struct ctl_out *o;
	unsigned n;

	zone_build(task_arena(t), z, &list, &n);
	if (c->json) {
		o = ctl_out_list(t, c, columns, countof(columns));
		for (unsigned i = 0; i < n; i++) {
			ctl_out_str(o, list[i].name);
			ctl_out_str(o, str_c(list[i].type));
			ctl_out_str(o, list[i].data);
			ctl_out_str(o, zone_line(task_arena(t), &list[i]));
		}
		return ctl_out_end(o);
	}
	if (z->hosts_n == 0)
		printf("; no host names are known: shoalctl settings set "
		       "domain.mx_hosts \"NAME...\"\n");
	if (z->keys_n == 0)
		printf("; no keys to sign with: shoalctl dkim add " STR_FMT
		       "\n",
		    STR_ARG(z->domain));
	for (unsigned i = 0; i < n; i++)
		printf(STR_FMT "\n",
		    STR_ARG(zone_line(task_arena(t), &list[i])));
	return NULL;
}

may_yield static struct err *
domain_dns_run(struct task *t, struct ctl *c)
{
	struct zone_conf z = {
		.submissions = domain_dns_listens(c, "submissions"),
		.submission = domain_dns_listens(c, "submission"),
		.imaps = domain_dns_listens(c, "imaps"),
		.imap = domain_dns_listens(c, "imap"),
		.pop3s = domain_dns_listens(c, "pop3s"),
		.pop3 = domain_dns_listens(c, "pop3"),
		.autoconfig = c->conf != NULL && domain_dns_listens(c, "https"),
	};
	struct arena *a = task_arena(t);
	struct state_domain_rules rules;
	struct err *e;

	e = state_domain_parse(a, str_c(c->argv[0]), &z.domain);
	if (e == NULL)
		e = state_domain_rules(a, c->state, z.domain, &rules);
	if (e == NULL)
		e = ctl_zone_policy(t, c, &z);
	if (e == NULL)
		e = domain_dns_keys(t, c, &z);
	if (e != NULL)
		return e;
	return domain_dns_print(t, c, &z);
}

const struct ctl_command cmd_domain_dns = {
	.name = "domain dns",
	.args = "DOMAIN",
	.help = "Print the DNS records that the domain needs, for its zone",
	.more = "MX names the hosts of the setting domain.mx_hosts, or, "
		"without it, this node's hostname and those nodes whose names "
		"are host names; SRV names client.host, or the same hosts. SPF "
		"and DMARC are what domain.spf and "
		"domain.dmarc say. DKIM keys are shown from the moment they "
		"are made until seven days after they were retired. SRV "
		"records (RFC 6186, RFC 8314) are for what this node listens "
		"for; autoconfig and autodiscover are there with a listener "
		"for https. With --json data of a TXT record is its whole "
		"text, line "
		"is what a zone file has.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = domain_dns_run,
};
