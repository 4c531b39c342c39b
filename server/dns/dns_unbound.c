/* dns_unbound.c - who answers: libunbound (the only door to it) */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <unbound.h>

#include "base/log.h"
#include "server/dns/dns_private.h"
#include "server/worker.h"

/*
 * A context resolves in a thread of its own, so that neither signatures nor a
 * server that does not answer holds up the loop; answers come through its file
 * descriptor.  It is made at the first question: by then the worker has given
 * up its rights, and one that never asks has no thread.
 *
 * A context cannot be changed once it is used.  When the configuration or
 * resolv.conf has changed, another one is made; the old one answers what it was
 * asked and goes.
 */
#define DNS_LOOK_MS 10000
#define DNS_RESOLV_CONF "/etc/resolv.conf"

struct dns_ctx {
	struct dns_ctx *next; /* older */
	struct dns_unbound *u;
	struct ub_ctx *ub;
	struct watch *watch;
	unsigned open;
	const char *broken; /* why it cannot be used; or NULL */
	bool started, warned;
};

struct dns_unbound {
	struct dns d; /* first */
	struct loop *loop;
	const struct conf *const *conf;
	struct dns_ctx *first; /* the newest is used */
	uint64_t made_of;      /* dns_sources() */
	uint64_t looked_ms;
	const struct conf *looked_at;
};

static struct dns_unbound *
dns_unbound_of(struct dns *d)
{
	return (struct dns_unbound *)(uintptr_t)d;
}

/* --- contexts --- */

/*
 * What differs from libunbound's own: resolvers on this machine and the
 * networks of the house are asked like others; a resolver that was away is
 * tried again soon (measured: with a smaller infra-cache-max-rtt not before
 * infra-host-ttl is over); caches of a mail server's size.
 */
static const char *const dns_options[][2] = {
	{ "do-not-query-localhost:", "no" },
	{ "unblock-lan-zones:", "yes" },
	{ "insecure-lan-zones:", "yes" },
	{ "infra-host-ttl:", "60" },
	{ "infra-keep-probing:", "yes" },
	{ "msg-cache-size:", "4m" },
	{ "rrset-cache-size:", "8m" },
	{ "key-cache-size:", "1m" },
	{ "neg-cache-size:", "512k" },
	{ "cache-max-ttl:", "86400" },
	{ "cache-max-negative-ttl:", "900" },
	{ "minimal-responses:", "yes" },
};

static int
dns_ctx_servers(struct dns_ctx *c, const struct conf *conf)
{
	char text[NET_TEXT_MAX], at[NET_TEXT_MAX + 8];
	int rc = 0;

	if (conf->dns.servers_n == 0)
		return ub_ctx_resolvconf(c->ub, DNS_RESOLV_CONF);
	for (unsigned i = 0; i < conf->dns.servers_n && rc == 0; i++) {
		const struct net_addr *ad = &conf->dns.servers[i];

		snprintf(at, sizeof(at), "%s@%u", net_addr_text(ad, text),
		    (unsigned)ad->port);
		rc = ub_ctx_set_fwd(c->ub, at);
	}
	return rc;
}

/*
 * An anchor is stronger than the wish not to validate the same name (measured,
 * 1.17.1), which matters for the root: without an anchor nothing is validated.
 */
static void
dns_ctx_anchor(struct dns_ctx *c, const struct conf *conf)
{
	for (unsigned i = 0; i < conf->dns.insecure_n; i++)
		if (strcmp(conf->dns.insecure[i], ".") == 0)
			return;
	for (unsigned i = 0; i < conf->dns.insecure_n; i++)
		if (ub_ctx_set_option(c->ub,
			"domain-insecure:", conf->dns.insecure[i]) != 0)
			c->broken = "insecure cannot be set";
	if (access(conf->dns.trust_anchor, R_OK) != 0 ||
	    ub_ctx_add_ta_file(c->ub, conf->dns.trust_anchor) != 0)
		c->broken = "the trust anchor cannot be read";
}

static void
dns_ctx_configure(struct dns_ctx *c, const struct conf *conf)
{
	/* What goes wrong is told by its answers. */
	ub_ctx_debugout(c->ub, NULL);
	/* One that a later libunbound lacks is no reason to resolve nothing. */
	for (unsigned i = 0; i < countof(dns_options); i++)
		(void)ub_ctx_set_option(c->ub, dns_options[i][0],
		    dns_options[i][1]);
	dns_ctx_anchor(c, conf);
	if (dns_ctx_servers(c, conf) != 0)
		c->broken =
		    "the resolvers of " DNS_RESOLV_CONF " cannot be used";
	if (ub_ctx_async(c->ub, 1) != 0)
		c->broken = "libunbound has no threads";
}

static void
dns_ctx_free(struct dns_ctx **cp)
{
	struct dns_ctx *c = *cp;

	*cp = c->next;
	watch_free(&c->watch);
	ub_ctx_delete(c->ub); /* joins its thread */
	free(c);
}

/* Those that were replaced and have no question left. */
static void
dns_ctx_sweep(struct dns_unbound *u)
{
	struct dns_ctx **cp = &u->first;

	while (*cp != NULL)
		if (*cp != u->first && (*cp)->open == 0)
			dns_ctx_free(cp);
		else
			cp = &(*cp)->next;
}

static void
dns_ctx_readable(struct watch *watch, int fd, int events, void *arg)
{
	struct dns_ctx *c = arg;
	struct dns_unbound *u = c->u;

	(void)watch;
	(void)fd;
	(void)events;
	(void)ub_process(c->ub);
	dns_ctx_sweep(u); /* perhaps of this one: out of its callbacks */
}

/* false: no file descriptors are left, say; the old one does what it can. */
static bool
dns_ctx_make(struct dns_unbound *u)
{
	struct ub_ctx *ub = ub_ctx_create();
	struct dns_ctx *c;

	if (ub == NULL) {
		log_error(NULL, "names cannot be resolved",
		    LOG_C("error", "libunbound makes no context"));
		return false;
	}
	c = xcalloc(1, sizeof(*c));
	c->u = u;
	c->ub = ub;
	dns_ctx_configure(c, *u->conf);
	c->watch = watch_new(u->loop, ub_fd(c->ub), dns_ctx_readable, c);
	watch_set(c->watch, WATCH_READ);
	if (c->broken != NULL)
		log_error(NULL, "names cannot be resolved",
		    LOG_C("error", c->broken));
	c->next = u->first;
	u->first = c;
	dns_ctx_sweep(u);
	return true;
}

/* --- what they are made of --- */

static uint64_t
dns_mix(uint64_t h, const void *p, size_t n)
{
	return (h ^ str_hash(str_of(p, n))) * 0x9e3779b97f4a7c15ULL;
}

static uint64_t
dns_sources(const struct conf *conf)
{
	uint64_t h = conf->dns.servers_n;
	struct stat sb;

	for (unsigned i = 0; i < conf->dns.servers_n; i++) {
		const struct net_addr *ad = &conf->dns.servers[i];

		h = dns_mix(h, ad->ip, sizeof(ad->ip));
		h = dns_mix(h, &ad->port, sizeof(ad->port));
	}
	for (unsigned i = 0; i < conf->dns.insecure_n; i++)
		h = dns_mix(h, conf->dns.insecure[i],
		    strlen(conf->dns.insecure[i]));
	h = dns_mix(h, conf->dns.trust_anchor, strlen(conf->dns.trust_anchor));
	if (stat(conf->dns.trust_anchor, &sb) == 0)
		h = dns_mix(h, &sb.st_mtim, sizeof(sb.st_mtim));
	if (conf->dns.servers_n == 0 && stat(DNS_RESOLV_CONF, &sb) == 0) {
		h = dns_mix(h, &sb.st_ino, sizeof(sb.st_ino));
		h = dns_mix(h, &sb.st_mtim, sizeof(sb.st_mtim));
		h = dns_mix(h, &sb.st_size, sizeof(sb.st_size));
	}
	return h;
}

static void
dns_ctx_look(struct dns_unbound *u)
{
	uint64_t now = sched_now_ms(u->d.sched), sources;

	if (u->looked_at == *u->conf && now - u->looked_ms < DNS_LOOK_MS)
		return;
	u->looked_ms = now;
	u->looked_at = *u->conf;
	dns_ctx_sweep(u);
	sources = dns_sources(*u->conf);
	if ((u->first == NULL || sources != u->made_of) && dns_ctx_make(u))
		u->made_of = sources;
}

/* --- asking --- */

/* Once for each context: every name fails when the resolvers do not pass on
 * what validating needs. */
static void
dns_unbound_warn(struct dns_ctx *c, const struct dns_ask *q, const char *why)
{
	log_debug(NULL, "dns", "bogus", LOG_STR("name", q->name),
	    LOG_C("error", why));
	if (c->warned || strstr(why, "trust anchor") == NULL)
		return;
	c->warned = true;
	log_warn(NULL,
	    "answers of the resolvers cannot be validated: see dns {}",
	    LOG_STR("name", q->name), LOG_C("error", why));
}

static void
dns_unbound_answer(struct dns_ctx *c, struct dns_ask *q,
    const struct ub_result *res)
{
	struct dns *d = &c->u->d;
	const char *why = res->why_bogus != NULL ? res->why_bogus : "bogus";

	q->answer.secure = res->secure;
	q->answer.ttl_s = res->ttl > 0 ? (uint32_t)res->ttl : 0;
	if (res->bogus) {
		dns_unbound_warn(c, q, why);
		dns_ask_done(d, q, DNS_BOGUS, why);
	} else if (res->nxdomain) {
		dns_ask_done(d, q, DNS_NO_DOMAIN, NULL);
	} else if (res->rcode != 0) {
		dns_ask_done(d, q, DNS_TEMP,
		    res->rcode == 2 ? "SERVFAIL, or no resolver answers"
				    : "the resolvers refuse to answer");
	} else {
		for (unsigned i = 0; res->havedata && res->data[i] != NULL; i++)
			if (res->len[i] >= 0)
				dns_ask_rdata(q, res->data[i],
				    (size_t)res->len[i]);
		dns_ask_done(d, q, q->answer.n > 0 ? DNS_FOUND : DNS_NO_DATA,
		    NULL);
	}
}

static void
dns_unbound_done(void *arg, int err, struct ub_result *res)
{
	struct dns_ask *q = arg;
	struct dns_ctx *c = q->backend;

	c->open--;
	if (err != 0)
		dns_ask_done(&c->u->d, q, DNS_TEMP, ub_strerror(err));
	else
		dns_unbound_answer(c, q, res);
	ub_resolve_free(res);
}

/* The first question starts the thread, which is to take no signal. */
static int
dns_unbound_submit(struct dns_ctx *c, struct dns_ask *q)
{
	sigset_t all, before;
	int rc;

	if (!c->started) {
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, &before);
	}
	rc = ub_resolve_async(c->ub, q->text, (int)q->type, 1, q,
	    dns_unbound_done, &q->id);
	if (!c->started)
		sigprocmask(SIG_SETMASK, &before, NULL);
	c->started = true;
	return rc;
}

static void
dns_unbound_ask(struct dns *d, struct dns_ask *q)
{
	struct dns_unbound *u = dns_unbound_of(d);
	int rc;

	dns_ctx_look(u);
	if (u->first == NULL || u->first->broken != NULL) {
		dns_ask_done(d, q, DNS_TEMP,
		    u->first == NULL ? "libunbound makes no context"
				     : u->first->broken);
		return;
	}
	q->backend = u->first;
	u->first->open++;
	rc = dns_unbound_submit(u->first, q);
	if (rc == 0)
		return;
	u->first->open--;
	dns_ask_done(d, q, DNS_TEMP, ub_strerror(rc));
}

static void
dns_unbound_cancel(struct dns *d, struct dns_ask *q)
{
	struct dns_ctx *c = q->backend;

	(void)d;
	c->open--;
	/* Its thread may go on; the answer is thrown away. */
	(void)ub_cancel(c->ub, q->id);
}

static void
dns_unbound_free(struct dns *d)
{
	struct dns_unbound *u = dns_unbound_of(d);

	while (u->first != NULL)
		dns_ctx_free(&u->first);
	free(u);
}

struct dns *
dns_new_for(struct loop *loop, const struct conf *const *conf)
{
	static const struct dns_backend backend = { dns_unbound_ask,
		dns_unbound_cancel, dns_unbound_free };
	struct dns_unbound *u = xcalloc(1, sizeof(*u));

	u->d.backend = &backend;
	u->d.sched = loop_sched(loop);
	u->loop = loop;
	u->conf = conf;
	return &u->d;
}

struct dns *
dns_new(struct worker *w)
{
	return dns_new_for(w->loop, &w->conf);
}
