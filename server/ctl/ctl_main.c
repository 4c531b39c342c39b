#include "server/ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"

/* Logs of the layers below belong to people here: warnings and worse. */
#define CTL_LOG_LEVEL LOG_WARN_

may_yield static void
ctl_task(struct task *t, void *arg)
{
	struct ctl *c = arg;

	task_set_deadline(t, task_now_ms(t) + c->timeout_ms);
	struct err *e = ctl_open(t, c, c->cmd->need);
	if (e == NULL)
		e = c->cmd->run(t, c);
	if (e != NULL) {
		fflush(stdout);
		fprintf(stderr, "shoalctl: %s%s%s%s\n", e->text,
		    e->detail ? " (" : "", e->detail ? e->detail : "",
		    e->detail ? ")" : "");
		c->exit_code = 1;
	}
	ctl_close(t, c);
}

static int
ctl_run(struct ctl *c)
{
	if (ctl_take_conf(c) != 0)
		return 1;
	log_set_level(CTL_LOG_LEVEL);
	c->loop = loop_new(&clock_system, &rnd_system);
	c->offload = offload_new(c->loop, 4);
	sched_set_log_name(loop_sched(c->loop), "shoalctl", 0);
	loop_run_task(c->loop, c->cmd->name, ctl_task, c);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "shoalctl: cannot write the answer\n");
		c->exit_code = 1;
	}
	/* The process ends: background tasks of caches end with it, and the
	 * kernel closes the connections. */
	return c->exit_code;
}

int
main(int argc, char **argv)
{
	struct ctl c = { .timeout_ms = CTL_TIMEOUT_MS };
	int rc = ctl_parse(&c, argc, argv);

	if (rc == 0 && c.cmd != NULL)
		rc = ctl_run(&c);
	free(c.words);
	free(c.files);
	return rc;
}

void
ctl_say(const struct ctl *c, const char *fmt, ...)
{
	struct arena *a = arena_new(0);
	va_list ap;
	char line[1024];

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (c->json) {
		struct json *j = json_obj_new();
		json_set_c(j, "message", line);
		struct str s = json_print(a, j, JSON_LINE);
		printf(STR_FMT "\n", STR_ARG(s));
		json_free(&j);
	} else {
		puts(line);
	}
	arena_free(&a);
}

void
ctl_note(const struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	if (c->json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

struct err *
ctl_read_secret(struct task *t, struct str *secret_r)
{
	char line[1026];
	size_t n = 0;

	/* read(2), not stdio: no copy of the secret stays in a buffer */
	while (n < sizeof line) {
		ssize_t r = read(0, line + n, 1);
		if (r <= 0 || line[n] == '\n')
			break;
		n++;
	}
	if (n == sizeof line)
		return err_new(task_arena(t), ERR_INVALID,
		    "the secret on standard input is too long", NULL);
	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n == 0)
		return err_new(task_arena(t), ERR_INVALID,
		    "no secret on standard input", NULL);
	*secret_r = arena_str(task_arena(t), str_of(line, n));
	explicit_bzero(line, sizeof line);
	return NULL;
}
