/* trace.c - what happened, in words */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool sim_tracing;
/* A ring in memory that outlives the process; the first word counts. */
static char *trace_lines;
static unsigned trace_count;
static char *trace_verdict;

void
sim_trace_to(char *lines, unsigned count)
{
	trace_lines = lines;
	trace_count = count;
}

void
sim_verdict_to(char *text)
{
	trace_verdict = text;
}

static void
trace_add(const struct sim_world *w, const struct sim_node *who,
    const char *text)
{
	unsigned *n = (unsigned *)trace_lines;
	char *line;

	if (trace_lines == NULL) {
		printf("%12.6f %-3s %s\n", (double)w->now_us / 1e6,
		    who != NULL ? who->name : "", text);
		return;
	}
	line = trace_lines + SIM_LINE * (1 + *n % trace_count);
	snprintf(line, SIM_LINE, "%12.6f %-3s %s", (double)w->now_us / 1e6,
	    who != NULL ? who->name : "", text);
	++*n;
}

void
sim_say_(const struct sim_world *w, const struct sim_node *who, const char *fmt,
    ...)
{
	char text[SIM_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	trace_add(w, who, text);
}

void
sim_fail(struct sim_world *w, const char *fmt, ...)
{
	char text[SIM_LINE], line[SIM_LINE + 16];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "VIOLATION: %s", text);
	if (trace_verdict != NULL)
		snprintf(trace_verdict, SIM_LINE, "%s", text);
	if (sim_tracing)
		trace_add(w, NULL, line);
	fflush(stdout);
	_Exit(3);
}
