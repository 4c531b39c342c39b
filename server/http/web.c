/* web.c - HTTPS: what browsers and mail programs ask of a node */
#include "server/http/web.h"

#include "server/api/api.h"
#include "server/http/clientconf.h"
#include "server/http/http.h"
#include "server/http/static.h"
#include "server/worker.h"
#include "storage/state_address.h"
#include "storage/state_domain.h"

#define WEB_XML "text/xml; charset=utf-8"

struct web {
	struct conn *c;
	struct worker *w;
	const struct http_request *rq;
	struct http_response *rs;
	struct arena *a;
	struct str host; /* of the request: without port, lower case */
};

struct web_page {
	const char *path;
	bool post;     /* else GET and HEAD */
	bool any_host; /* whoever they take us for */
	void (*run)(struct task *t, struct web *x);
};

/* --- whom they ask --- */

/* "Mail.Example.org:8443", "[2001:db8::1]:8443" */
static struct str
web_host(struct arena *a, struct str authority)
{
	struct str host = authority;
	ptrdiff_t end;
	struct buf b;

	if (host.n > 0 && host.p[0] == '[') {
		end = str_chr(host, ']');
		host = end < 0 ? STR_NONE : str_sub(host, 1, (size_t)end - 1);
	} else {
		end = str_chr(host, ':');
		if (end >= 0)
			host = str_sub(host, 0, (size_t)end);
	}
	buf_init(&b, a, HTTP_TARGET_MAX);
	for (size_t i = 0; i < host.n; i++)
		buf_char(&b, host.p[i] >= 'A' && host.p[i] <= 'Z'
				 ? (char)(host.p[i] + 'a' - 'A')
				 : host.p[i]);
	return buf_ok(&b) ? buf_str(&b) : STR_NONE;
}

static bool
web_is_domain(const struct web *x, struct str name)
{
	struct str domain;
	struct state_domain d;

	return state_domain_parse(x->a, name, &domain) == NULL &&
	       state_domain_find(x->a, x->w->state, domain, &d) == NULL;
}

/* The domain of ours that this name belongs to, or p NULL. */
static struct str
web_domain_of(const struct web *x, struct str name)
{
	static const char *const labels[] = { "", "autoconfig.",
		"autodiscover." };

	for (unsigned i = 0; i < countof(labels); i++) {
		struct str label = str_c(labels[i]);
		struct str rest = str_sub(name, label.n, name.n);

		if (str_starts(name, label) && rest.n > 0 &&
		    web_is_domain(x, rest))
			return rest;
	}
	return STR_NONE;
}

static struct str
web_service_host(const struct web *x)
{
	struct str host = worker_setting_text(x->w, STATE_CLIENT_HOST);

	return host.n > 0 ? arena_str(x->a, host)
			  : str_c(worker_hostname(x->w));
}

/* A browser on this machine: nobody else's page can have that origin. */
static bool
web_is_loopback(struct str host)
{
	struct net_addr at;

	return str_eq_c(host, "localhost") ||
	       (net_addr_parse(host, &at) && net_addr_is_loopback(&at));
}

static bool
web_is_named(const struct web *x)
{
	struct str rest = worker_setting_text(x->w, STATE_CONSOLE_HOSTS), name;

	while (str_split(&rest, ' ', &name))
		if (name.n > 0 && str_case_eq(x->host, name))
			return true;
	return false;
}

static bool
web_is_ours(const struct web *x)
{
	char text[NET_TEXT_MAX];

	return web_is_loopback(x->host) || web_is_named(x) ||
	       str_case_eq_c(x->host, worker_hostname(x->w)) ||
	       str_case_eq(x->host, web_service_host(x)) ||
	       str_eq_c(x->host, net_addr_text(conn_local(x->c), text)) ||
	       web_domain_of(x, x->host).p != NULL;
}

/* --- how mail programs set themselves up --- */

static unsigned
web_services(const struct worker *w)
{
	unsigned services = 0;

	for (unsigned i = 0; i < w->conf->listeners_n; i++)
		services |=
		    clientconf_service_of(w->conf->listeners[i].protocol);
	return services;
}

/* Of an address, or, without one, of the host that was asked. */
static bool
web_clientconf(const struct web *x, struct str address, struct clientconf *c_r)
{
	struct state_address ad;

	*c_r = (struct clientconf){ .host = web_service_host(x),
		.services = web_services(x->w) };
	if (address.n == 0) {
		c_r->domain = web_domain_of(x, x->host);
		return c_r->domain.p != NULL;
	}
	if (state_address_parse(x->a, address, &ad) != NULL ||
	    !web_is_domain(x, ad.domain))
		return false;
	c_r->domain = ad.domain;
	c_r->address = ad.full;
	return true;
}

static may_yield void
web_autoconfig(struct task *t, struct web *x)
{
	struct clientconf c;
	struct buf b;

	(void)t;
	if (!web_clientconf(x, http_query(x->a, x->rq, "emailaddress"), &c)) {
		http_reply_text(x->rs, 404, "no domain of ours");
		return;
	}
	buf_init(&b, x->a, CLIENTCONF_BYTES_MAX);
	clientconf_mozilla(&b, &c);
	invariant(buf_ok(&b));
	http_reply(x->rs, 200, WEB_XML, buf_str(&b));
}

static may_yield void
web_autodiscover(struct task *t, struct web *x)
{
	struct clientconf c;
	struct str address;
	struct buf b;

	(void)t;
	buf_init(&b, x->a, CLIENTCONF_BYTES_MAX);
	if (!clientconf_autodiscover_address(x->a, x->rq->body, &address))
		clientconf_autodiscover_error(&b, 600, "Invalid request");
	else if (!web_clientconf(x, address, &c))
		clientconf_autodiscover_error(&b, 500,
		    "The email address cannot be found");
	else
		clientconf_autodiscover(&b, &c);
	invariant(buf_ok(&b));
	http_reply(x->rs, 200, WEB_XML, buf_str(&b));
}

/* --- all --- */

/* What a balancer asks of this port; whether the node is ready it hears from
 * the protocols health and agent. */
static may_yield void
web_live(struct task *t, struct web *x)
{
	(void)t;
	x->rs->quiet = true;
	http_reply_text(x->rs, 200, "live");
}

static may_yield void
web_no_console(struct task *t, struct web *x)
{
	(void)t;
	http_reply_text(x->rs, 200,
	    "This node was built without the web console; the API is below "
	    "/api/v1/.");
}

static may_yield void
web_console(struct task *t, struct web *x)
{
	(void)t;
	static_reply(static_find(&console_site, x->rq->path), x->rq, x->rs);
}

/* Whatever static.h has. */
static const struct web_page web_file = { NULL, false, false, web_console };
static const struct web_page web_pages[] = {
	{ "/", false, false, web_no_console },
	{ "/health/live", false, true, web_live },
	{ "/mail/config-v1.1.xml", false, false, web_autoconfig },
	{ "/.well-known/autoconfig/mail/config-v1.1.xml", false, false,
	    web_autoconfig },
	{ "/autodiscover/autodiscover.xml", true, false, web_autodiscover },
};

/* Any case: programs write /Autodiscover/Autodiscover.xml. */
static const struct web_page *
web_page_find(struct str path)
{
	if (static_find(&console_site, path) != NULL)
		return &web_file;
	for (unsigned i = 0; i < countof(web_pages); i++)
		if (str_case_eq_c(path, web_pages[i].path))
			return &web_pages[i];
	return NULL;
}

static bool
web_allows(const struct web_page *p, struct str method)
{
	if (p->post)
		return str_eq_c(method, "POST");
	return str_eq_c(method, "GET") || str_eq_c(method, "HEAD");
}

/* How long a file of the console is kept static.h says itself. */
static void
web_headers(struct http_response *rs, bool keep)
{
	if (!keep)
		http_add(rs, "Cache-Control", "no-store");
	http_add(rs, "Strict-Transport-Security", "max-age=31536000");
}

static may_yield void
web_handle(struct task *t, struct conn *c, const struct http_request *rq,
    struct http_response *rs)
{
	struct web x = { .c = c,
		.w = conn_worker(c),
		.rq = rq,
		.rs = rs,
		.a = task_arena(t),
		.host = web_host(task_arena(t), rq->authority) };
	const struct web_page *page = web_page_find(rq->path);

	web_headers(rs, page == &web_file);
	if (!(page != NULL && page->any_host) && !web_is_ours(&x))
		http_reply_text(rs, 421, "this host is not served here");
	else if (api_is_path(rq->path))
		api_handle(t, c, rq, rs);
	else if (page == NULL)
		http_reply_text(rs, 404, "there is no such page");
	else if (!web_allows(page, rq->method))
		http_reply_method(rs, page->post ? "POST" : "GET, HEAD");
	else
		page->run(t, &x);
}

static uint64_t
web_body_max(const struct http_request *rq)
{
	return api_is_path(rq->path) ? API_BODY_MAX : WEB_BODY_MAX;
}

static void
web_refuse(const struct http_request *rq, struct http_response *rs,
    unsigned status)
{
	web_headers(rs, false);
	if (api_is_path(rq->path))
		api_refused(rs, status);
	else
		http_reply_text(rs, status, http_status_text(status));
}

static const struct http_service web_service = {
	.name = "https",
	.body_max = WEB_BODY_MAX,
	.body_max_of = web_body_max,
	.log = true,
	.handle = web_handle,
	.refuse = web_refuse,
};

static may_yield void
web_event(struct task *t, struct conn *c, unsigned events)
{
	http_serve(t, c, &web_service, events);
}

static void
web_close(struct conn *c)
{
	(void)c;
}

const struct protocol https_protocol = {
	.name = "https",
	.tls = true,
	.start_timeout_ms = HTTP_IDLE_MS,
	.open = http_open,
	.event = web_event,
	.close = web_close,
};
