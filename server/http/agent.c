/* agent.c - protocol "agent": HAProxy's agent-check, a word at connect */
#include "server/cluster/health.h"
#include "server/http/agent.h"
#include "server/worker.h"

/*
 * HAProxy connects, may send a line (agent-send) and reads one up to a newline
 * or the end.  What it sends does not matter.
 */
#define AGENT_TIMEOUT_MS 5000
#define AGENT_TEXT_MAX 64

may_yield static void
agent_open(struct task *t, struct conn *c)
{
	char text[AGENT_TEXT_MAX];

	health_agent_text(conn_worker(c), text, sizeof(text));
	conn_puts(t, c, text);
	conn_end(c);
}

static void
agent_event(struct task *t, struct conn *c, unsigned events)
{
	(void)t;
	(void)events;
	conn_end(c);
}

static void
agent_close(struct conn *c)
{
	(void)c;
}

const struct protocol agent_protocol = {
	.name = "agent",
	.start_timeout_ms = AGENT_TIMEOUT_MS,
	.open = agent_open,
	.event = agent_event,
	.close = agent_close,
};
