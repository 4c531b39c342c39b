/* http_health.c - protocol "health": /health/live, /health/ready, /metrics */
#include "server/cluster/health.h"
#include "server/http/agent.h"
#include "server/http/http.h"
#include "server/http/metrics.h"
#include "server/worker.h"

/*
 * For balancers and monitoring, which are told by `allow` of the listener who
 * they are.  live: the process runs and its loop turns, whatever the share
 * does: restarting it would help nobody.  ready: whether to send it
 * connections.  Nothing is logged.
 */
may_yield static void
health_live(struct task *t, struct conn *c, struct http_response *rs)
{
	(void)t;
	(void)c;
	http_reply_text(rs, 200, "live");
}

may_yield static void
health_ready(struct task *t, struct conn *c, struct http_response *rs)
{
	const char *why;
	bool ready = health_now(conn_worker(c), &why) == HEALTH_READY;

	(void)t;
	http_reply_text(rs, ready ? 200 : 503, why);
}

may_yield static void
health_metrics(struct task *t, struct conn *c, struct http_response *rs)
{
	struct buf b;

	buf_init(&b, task_arena(t), METRICS_BYTES_MAX);
	metrics_print(&b, conn_worker(c));
	http_reply(rs, 200, "text/plain; version=0.0.4; charset=utf-8",
	    buf_str(&b));
}

static const struct {
	const char *path;
	void (*run)(struct task *t, struct conn *c, struct http_response *rs);
} health_pages[] = {
	{ "/health/live", health_live },
	{ "/health/ready", health_ready },
	{ "/metrics", health_metrics },
};

static void
health_handle(struct task *t, struct conn *c, const struct http_request *rq,
    struct http_response *rs)
{
	http_add(rs, "Cache-Control", "no-store");
	for (unsigned i = 0; i < countof(health_pages); i++) {
		if (!str_eq_c(rq->path, health_pages[i].path))
			continue;
		if (str_eq_c(rq->method, "GET") || str_eq_c(rq->method, "HEAD"))
			health_pages[i].run(t, c, rs);
		else
			http_reply_method(rs, "GET, HEAD");
		return;
	}
}

static const struct http_service health_service = {
	.name = "health",
	.body_max = 0,
	.log = false,
	.handle = health_handle,
};

may_yield static void
health_event(struct task *t, struct conn *c, unsigned events)
{
	http_serve(t, c, &health_service, events);
}

static void
health_close(struct conn *c)
{
	(void)c;
}

const struct protocol http_health_protocol = {
	.name = "health",
	.start_timeout_ms = HTTP_IDLE_MS,
	.open = http_open,
	.event = health_event,
	.close = health_close,
};
