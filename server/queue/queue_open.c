/* queue_open.c - a session with one of the destination's hosts */
#include <stdio.h>

#include "base/log.h"
#include "server/queue/answer.h"
#include "server/queue/queue_private.h"
#include "server/queue/route.h"

/* All hosts of a destination, one after another, and whatever each of them
 * takes its time for: then it is tried later. */
#define QUEUE_OPEN_MS 300000

static struct str
queue_open_answer(struct arena *a, struct str host,
    const struct remote_reply *why, const char *status)
{
	struct answer an = { .host = host,
		.status =
		    str_c(why->enhanced[0] != '\0' ? why->enhanced : status),
		.text = why->text };

	/* code 0 says that no host took it up: what it said is text */
	if (why->code != 0 && host.n > 0)
		an.text = str_c(arena_printf(a, "%u " STR_FMT, why->code,
		    STR_ARG(why->text)));
	if (!answer_status_is_valid(an.status))
		an.status = str_c(status);
	return answer_format(a, &an);
}

/* Own address of the host's family, if the file names one. */
static const struct net_addr *
queue_open_source(const struct worker *w, const struct net_addr *to)
{
	for (unsigned i = 0; i < w->conf->send_from_n; i++)
		if (w->conf->send_from[i].addr.family == to->family)
			return &w->conf->send_from[i].addr;
	return NULL;
}

static may_yield bool
queue_open_host(struct task *t, struct queue_sender *s,
    struct remote_target *target, struct queue_failure *why, struct buf *log)
{
	struct arena *a = task_arena(t);
	struct remote_reply said = { .code = 0 };
	struct worker *w = s->q->w;
	struct err *e;

	if (target->source == NULL)
		target->source = queue_open_source(w, &target->addr);
	if (target->hello.n == 0)
		target->hello = str_c(worker_hostname(w));
	e = remote_open(t, w, target, &s->r, &said, log);
	if (e == NULL) {
		(void)snprintf(s->host, sizeof(s->host), STR_FMT,
		    STR_ARG(target->host));
		return true;
	}
	if (said.text.n == 0)
		said.text = str_c(e->text);
	why->host = target->host;
	why->answer = queue_open_answer(a, target->host, &said, "4.4.1");
	log_debug(t, "queue", "host failed", LOG_STR("host", target->host),
	    LOG_STR("answer", why->answer));
	return false;
}

/* There is none to be tried. */
static void
queue_open_nowhere(struct task *t, const struct route *route,
    struct queue_failure *why)
{
	bool final = route->why.code >= 500;

	why->state = final ? QUEUE_FAILED : QUEUE_WAITING;
	why->host_failed = !final;
	why->answer = queue_open_answer(task_arena(t), STR_NONE, &route->why,
	    final ? "5.4.4" : "4.4.3");
}

bool
queue_open(struct task *t, struct queue_sender *s, struct queue_failure *why)
{
	uint64_t until = task_now_ms(t) + QUEUE_OPEN_MS;
	uint64_t deadline = task_deadline(t);
	bool opened = false;
	struct route route;
	struct buf log;

	if (s->r != NULL && remote_is_usable(s->r))
		return true;
	if (s->r != NULL)
		remote_close(t, &s->r);
	*why = (struct queue_failure){ .state = QUEUE_WAITING,
		.host_failed = true,
		.answer = STR("4.4.1 no host was tried in time") };
	buf_init(&log, task_arena(t), REMOTE_TRANSCRIPT_MAX);
	route_find(t, s->q->w, str_c(s->d->name), &route);
	if (route.n == 0)
		queue_open_nowhere(t, &route, why);
	task_set_deadline(t, until);
	for (unsigned i = 0; !opened && i < route.n; i++) {
		if (task_now_ms(t) >= until || !queue_may_run(s->q))
			break;
		opened = queue_open_host(t, s, &route.targets[i], why, &log);
	}
	task_set_deadline(t, deadline);
	why->log = buf_str(&log);
	return opened;
}
