/* admin_domain.c - mail domains: added with keys, and the records they need */
#include "server/admin/admin_domain.h"

#include "server/admin/admin_dkim.h"
#include "server/conf.h"
#include "storage/state_address.h"
#include "storage/state_node.h"
#include "storage/state_setting.h"

#define ADMIN_DOMAIN_HOSTS 64

/* --- hosts --- */

/* A name of the machine that a certificate, a PTR record can have. */
static void
admin_domain_host(struct arena *a, struct admin_zone_conf *z, struct str *hosts,
    struct str name)
{
	struct str ascii;

	if (z->hosts_n == ADMIN_DOMAIN_HOSTS || str_chr(name, '.') < 0 ||
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
admin_domain_hosts(struct arena *a, const struct admin *ad,
    struct admin_zone_conf *z)
{
	struct str *hosts = arena_array(a, ADMIN_DOMAIN_HOSTS, sizeof(*hosts));
	struct str text, word;
	struct state_node *nodes;
	struct err *e;
	unsigned n;
	bool is_default;

	z->hosts = hosts;
	text = state_setting_text(a, ad->state, STATE_MX_HOSTS, &is_default);
	while (str_split(&text, ' ', &word))
		admin_domain_host(a, z, hosts, word);
	if (z->hosts_n > 0)
		return NULL;
	if (ad->conf != NULL && ad->conf->hostname != NULL)
		admin_domain_host(a, z, hosts, str_c(ad->conf->hostname));
	e = state_node_list(a, ad->state, &nodes, &n);
	for (unsigned i = 0; e == NULL && i < n; i++)
		admin_domain_host(a, z, hosts, nodes[i].name);
	return e;
}

struct err *
admin_domain_policy(struct arena *a, const struct admin *ad,
    struct admin_zone_conf *z)
{
	bool is_default;

	z->spf =
	    state_setting_text(a, ad->state, STATE_SPF_RECORD, &is_default);
	z->dmarc =
	    state_setting_text(a, ad->state, STATE_DMARC_RECORD, &is_default);
	if (state_domain_parse(a,
		state_setting_text(a, ad->state, STATE_CLIENT_HOST,
		    &is_default),
		&z->client) != NULL)
		z->client = STR_NONE;
	return admin_domain_hosts(a, ad, z);
}

/* --- records --- */

static struct err *
admin_domain_zone_keys(struct task *t, const struct admin *ad,
    struct admin_zone_conf *z)
{
	struct arena *a = task_arena(t);
	struct state_dkim_key *list;
	struct admin_zone_key *keys;
	struct err *e;
	unsigned n;

	e = state_dkim_list(a, ad->state, z->domain, &list, &n);
	if (e != NULL)
		return e;
	z->keys = keys = arena_array(a, n + 1UL, sizeof(*keys));
	for (unsigned i = 0; i < n; i++) {
		if (!admin_dkim_is_needed(&list[i], task_wall_s(t)))
			continue;
		keys[z->keys_n++] =
		    (struct admin_zone_key){ .selector = list[i].selector,
			    .record = admin_dkim_record(a, &list[i]) };
	}
	return NULL;
}

static bool
admin_domain_listens(const struct admin *ad, const char *protocol)
{
	if (ad->conf == NULL || ad->conf->listeners_n == 0)
		return true; /* not known here */
	for (unsigned i = 0; i < ad->conf->listeners_n; i++)
		if (strcmp(ad->conf->listeners[i].protocol, protocol) == 0)
			return true;
	return false;
}

struct err *
admin_domain_zone(struct task *t, const struct admin *ad, struct str name,
    struct admin_zone_conf *z)
{
	struct arena *a = task_arena(t);
	struct state_domain_rules rules;
	struct err *e;

	*z = (struct admin_zone_conf){
		.submissions = admin_domain_listens(ad, "submissions"),
		.submission = admin_domain_listens(ad, "submission"),
		.imaps = admin_domain_listens(ad, "imaps"),
		.imap = admin_domain_listens(ad, "imap"),
		.pop3s = admin_domain_listens(ad, "pop3s"),
		.pop3 = admin_domain_listens(ad, "pop3"),
		.autoconfig =
		    ad->conf != NULL && admin_domain_listens(ad, "https"),
	};
	e = state_domain_parse(a, name, &z->domain);
	if (e == NULL)
		e = state_domain_rules(a, ad->state, z->domain, &rules);
	if (e == NULL)
		e = admin_domain_policy(a, ad, z);
	if (e == NULL)
		e = admin_domain_zone_keys(t, ad, z);
	return e;
}

/* --- keys --- */

struct err *
admin_domain_keys(struct task *t, struct admin *ad, struct str name,
    struct state_dkim_key keys[ADMIN_DOMAIN_KEYS], unsigned *n_r)
{
	static const char *const algorithms[ADMIN_DOMAIN_KEYS] = { "rsa",
		"ed25519" };

	*n_r = 0;
	if (state_schema(ad->state) < STATE_SENDING_SCHEMA)
		return NULL;
	for (unsigned i = 0; i < ADMIN_DOMAIN_KEYS; i++) {
		struct err *e;

		keys[i] = (struct state_dkim_key){ .domain = name,
			.algorithm = str_c(algorithms[i]),
			.stage = STATE_DKIM_ACTIVE };
		e = admin_dkim_make(t, ad, &keys[i]);
		if (e != NULL)
			return e;
		++*n_r;
	}
	return NULL;
}
