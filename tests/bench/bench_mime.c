/* bench_mime.c - megabytes a second and memory of the message parser */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "mime/codec.h"
#include "mime/pack.h"
#include "mime/parser.h"

/*
 * Prints figures and judges nothing: they depend on the machine.  Messages are
 * fed in chunks, as they come from the network, and never are in memory whole.
 */
#define BENCH_CHUNK_BYTES (64 << 10)
#define BENCH_MESSAGE_BYTES (50 << 20)
#define BENCH_PACKS 1000

static double
bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static const char bench_head[] =
    "Received: from mx.example.org by mail.example.org; Sat, 1 Jan 2000 "
    "00:00:00 +0000\r\n"
    "From: Joe Doe <joe@example.org>\r\n"
    "To: Jane Doe <jane@example.org>, team@example.org\r\n"
    "Subject: =?utf-8?Q?a_report_with_an_attachment?=\r\n"
    "Date: Sat, 1 Jan 2000 00:00:00 +0000\r\n"
    "Message-ID: <20000101000000.GA12345@mail.example.org>\r\n"
    "References: <1@mail.example.org> <2@mail.example.org>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=\"=_1f0a\"\r\n"
    "\r\n"
    "--=_1f0a\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "\r\n"
    "See below.\r\n"
    "--=_1f0a\r\n"
    "Content-Type: application/pdf; name=\"report.pdf\"\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "Content-Disposition: attachment; filename=\"report.pdf\"\r\n"
    "\r\n";

/* A chunk of these lines again and again is the body. */
static const struct bench_body {
	const char *name, *line;
} bench_bodies[] = {
	{ "base64, 76 a line",
	    "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV"
	    "2d3h5ejAxMjM0\r\n" },
	{ "no line ends", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlq" },
	{ "empty lines", "\r\n" },
	{ "nearly delimiters", "--=_1f0b\r\n" },
	{ "parts", "--=_1f0a\r\nContent-Type: text/html\r\n\r\nx\r\n" },
};

static void
bench_parse(const struct bench_body *b)
{
	struct arena *a = arena_new(0);
	struct mime_parser *p;
	struct buf chunk;
	size_t total = 0;
	double start, took;

	buf_init(&chunk, NULL, BENCH_CHUNK_BYTES);
	while (chunk.n + strlen(b->line) <= BENCH_CHUNK_BYTES)
		buf_c(&chunk, b->line);
	start = bench_now();
	p = mime_parser_new(a, NULL);
	mime_parser_feed(p, str_c(bench_head));
	for (; total < BENCH_MESSAGE_BYTES; total += chunk.n)
		mime_parser_feed(p, buf_str(&chunk));
	mime_parser_feed(p, STR("\r\n--=_1f0a--\r\n"));
	mime_parser_finish(p);
	took = bench_now() - start;
	printf("parse 50 MB, %-18s %8.0f MB/s %8zu KiB\n", b->name,
	    (double)total / 1e6 / took, arena_used(a) >> 10);
	buf_free(&chunk);
	arena_free(&a);
}

/* What a listing of 1,000 messages costs beyond reading them. */
static void
bench_pack(void)
{
	struct arena *a = arena_new(0);
	struct mime_part *root = mime_parse(a, str_c(bench_head), NULL);
	struct str packed = mime_pack(a, root, 0);
	struct mime_packed p;
	double start = bench_now(), took;

	for (int i = 0; i < BENCH_PACKS; i++) {
		struct arena_mark m = arena_mark(a);

		if (mime_unpack(a, packed, NULL, &p) != NULL)
			abort();
		arena_rewind(a, m);
	}
	took = bench_now() - start;
	printf("unpack %d of %zu bytes %14.2f ms\n", BENCH_PACKS, packed.n,
	    took * 1e3);
	arena_free(&a);
}

static void
bench_decode(enum mime_encoding encoding, const char *name, const char *line)
{
	struct mime_codec c;
	struct buf in, out;
	size_t total = 0;
	double start, took;

	buf_init(&in, NULL, BENCH_CHUNK_BYTES);
	buf_init(&out, NULL, 2 * BENCH_CHUNK_BYTES);
	while (in.n + strlen(line) <= BENCH_CHUNK_BYTES)
		buf_c(&in, line);
	start = bench_now();
	mime_codec_init(&c, encoding);
	for (; total < BENCH_MESSAGE_BYTES; total += in.n) {
		buf_clear(&out);
		mime_codec_feed(&c, buf_str(&in), &out);
	}
	took = bench_now() - start;
	printf("decode 50 MB, %-17s %8.0f MB/s\n", name,
	    (double)total / 1e6 / took);
	buf_free(&in);
	buf_free(&out);
}

int
main(void)
{
	for (size_t i = 0; i < countof(bench_bodies); i++)
		bench_parse(&bench_bodies[i]);
	bench_pack();
	bench_decode(MIME_BASE64, "base64", bench_bodies[0].line);
	bench_decode(MIME_QUOTED_PRINTABLE, "quoted-printable",
	    "a line of text with some =C3=BCml=C3=A4uts and a soft end of it "
	    "=\r\n");
	return 0;
}
