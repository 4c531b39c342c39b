/* fuzz_trace.c - lines of events, as whoever wrote to the share left them */
#include "server/trace/trace_read.h"

#include "base/json.h"
#include "server/trace/trace.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

struct fuzz_lines {
	struct trace_seek *seek;
	uint64_t sum;
	unsigned n;
};

static void
fuzz_line(void *arg, struct str line)
{
	struct fuzz_lines *f = arg;

	invariant(line.n > 0 && line.n <= TRACE_EVENT_MAX);
	invariant(str_chr(line, '\n') < 0);
	f->sum = f->sum * 31 + str_hash(line);
	f->n++;
	if (f->seek != NULL)
		trace_seek_line(f->seek, line);
}

/* The same lines, however the file was cut. */
static void
fuzz_split(struct str in, size_t piece, struct fuzz_lines *f)
{
	struct trace_split s;

	trace_split_init(&s);
	for (size_t at = 0; at < in.n; at += piece)
		trace_split_feed(&s, str_sub(in, at, piece), fuzz_line, f);
	trace_split_free(&s);
}

static void
fuzz_search(struct arena *a, struct str query, struct str in)
{
	struct trace_query q = { .text = query,
		.since_ms = INT64_MIN / 2,
		.until_ms = INT64_MAX / 2 };
	struct fuzz_lines f = { .seek = trace_seek_new(&q) };
	struct trace_found found;

	while (trace_seek_again(f.seek))
		fuzz_split(in, in.n + 1, &f);
	trace_seek_end(a, f.seek, &found);
	for (unsigned i = 0; i < found.n; i++) {
		struct json *j;

		invariant(json_parse(a, found.list[i].line, TRACE_EVENT_MAX,
			      &j) == NULL);
		json_free(&j);
		if (i > 0)
			invariant(
			    found.list[i].group > found.list[i - 1].group ||
			    (found.list[i].group == found.list[i - 1].group &&
				found.list[i].t >= found.list[i - 1].t));
	}
	trace_seek_free(&f.seek);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct fuzz_lines whole = { .n = 0 }, cut = { .n = 0 };
	struct str in = str_of(data, n), query;

	if (n > 0 && str_split(&in, '\n', &query)) {
		fuzz_split(in, in.n + 1, &whole);
		fuzz_split(in, (unsigned)query.n % 7 + 1, &cut);
		invariant(whole.n == cut.n && whole.sum == cut.sum);
		fuzz_search(a, query, in);
	}
	arena_free(&a);
	return 0;
}
