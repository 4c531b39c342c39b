/* fuzz_queue.c - answers of other hosts: kept, read again, told in a DSN */
#include "base/arena.h"
#include "base/err.h"
#include "server/queue/answer.h"
#include "server/queue/dsn.h"
#include "server/queue/schedule.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* Line by line: host's text, addresses, envid, the message. */
static struct str
piece(struct str *in)
{
	struct str s = STR_NONE;

	(void)str_split(in, '\x1f', &s);
	return s;
}

/*
 * Nobody but we writes a field of it: what stands in front of the returned
 * message has no line that begins with the mark.  The message begins behind the
 * first of these; it may have the words of the others.
 */
static void
no_forgery(struct str dsn)
{
	static const char mark[] = "\nX-Forged";
	static const char *const backs[] = {
		"\nContent-Type: text/rfc822-headers",
		"\nContent-Type: message/rfc822",
		"\nContent-Type: message/global-headers",
		"\nContent-Type: message/global\r",
	};
	size_t before = dsn.n;

	for (unsigned i = 0; i < countof(backs); i++) {
		const char *at =
		    memmem(dsn.p, before, backs[i], strlen(backs[i]));

		if (at != NULL)
			before = (size_t)(at - dsn.p);
	}
	if (before < dsn.n)
		invariant(
		    memmem(dsn.p, before, mark, sizeof(mark) - 1) == NULL);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct str in = str_of(data, n), line;
	struct answer an, again;
	struct queue_rcpt r = { .notify = 0 };
	struct queue_message m = { .arrived_s = 1 };
	struct dsn_rcpt told = { .rcpt = &r, .tried_s = 2, .until_s = 3 };
	struct dsn d = { .host = STR("mail.example.org"),
		.unique = STR("00112233445566778899aabbccddeeff"),
		.m = &m,
		.rcpts = &told,
		.n = 1 };
	char name[SCHEDULE_DEST_MAX];
	unsigned flags;
	struct buf b;

	answer_parse(piece(&in), &an);
	line = answer_format(a, &an);
	invariant(line.n <= QUEUE_ANSWER_MAX);
	/* once it is one line it stays what it is */
	answer_parse(line, &again);
	invariant(str_eq(answer_format(a, &again), line));
	told.answer = n % 2 ? line : str_of(data, n % 600 < n ? n % 600 : n);
	told.action = (enum dsn_action)(n % 4);
	r.address = str_sub(piece(&in), 0, QUEUE_ADDRESS_MAX);
	r.original = str_sub(piece(&in), 0, QUEUE_ADDRESS_MAX);
	m.from = str_sub(piece(&in), 0, QUEUE_ADDRESS_MAX);
	m.envid = piece(&in);
	m.flags = n % 3 ? QUEUE_UTF8 : 0;
	d.original = in;
	m.bytes = in.n;
	if (schedule_dest(r.address, name))
		invariant(strlen(name) < SCHEDULE_DEST_MAX);
	buf_init(&b, a, DSN_BYTES_MAX);
	dsn_write(&b, &d, &flags);
	invariant(!buf_ok(&b) || (flags & QUEUE_BOUNCE) != 0);
	no_forgery(buf_str(&b));
	arena_free(&a);
	return 0;
}
