/* zone_util.c - what the cluster says about a domain's records */
#include "server/ctl/zone_util.h"

#include "server/conf.h"
#include "storage/state_address.h"
#include "storage/state_node.h"
#include "storage/state_setting.h"

#define ZONE_HOSTS 64

/* A name of the machine that a certificate, a PTR record can have. */
static void
ctl_zone_host(struct arena *a, struct zone_conf *z, struct str *hosts,
    struct str name)
{
	struct str ascii;

	if (z->hosts_n == ZONE_HOSTS || str_chr(name, '.') < 0 ||
	    state_domain_parse(a, name, &ascii) != NULL)
		return;
	for (unsigned i = 0; i < z->hosts_n; i++)
		if (str_eq(hosts[i], ascii))
			return;
	hosts[z->hosts_n++] = ascii;
}

/* As the setting says; else this node's hostname, and the nodes' names where
 * they are host names. */
static struct err *
ctl_zone_hosts(struct task *t, struct ctl *c, struct zone_conf *z)
{
	struct arena *a = task_arena(t);
	struct str *hosts = arena_alloc(a, ZONE_HOSTS * sizeof(*hosts));
	struct str text, word;
	struct state_node *nodes;
	struct err *e;
	unsigned n;
	bool is_default;

	z->hosts = hosts;
	text = state_setting_text(a, c->state, STATE_MX_HOSTS, &is_default);
	while (str_split(&text, ' ', &word))
		ctl_zone_host(a, z, hosts, word);
	if (z->hosts_n > 0)
		return NULL;
	if (c->conf != NULL && c->conf->hostname != NULL)
		ctl_zone_host(a, z, hosts, str_c(c->conf->hostname));
	e = state_node_list(a, c->state, &nodes, &n);
	for (unsigned i = 0; e == NULL && i < n; i++)
		ctl_zone_host(a, z, hosts, nodes[i].name);
	return e;
}

struct err *
ctl_zone_policy(struct task *t, struct ctl *c, struct zone_conf *z)
{
	struct arena *a = task_arena(t);
	bool is_default;

	z->spf = state_setting_text(a, c->state, STATE_SPF_RECORD, &is_default);
	z->dmarc =
	    state_setting_text(a, c->state, STATE_DMARC_RECORD, &is_default);
	if (state_domain_parse(a,
		state_setting_text(a, c->state, STATE_CLIENT_HOST, &is_default),
		&z->client) != NULL)
		z->client = STR_NONE;
	return ctl_zone_hosts(t, c, z);
}
