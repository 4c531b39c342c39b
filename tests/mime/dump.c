/* dump.c - what our parser makes of message files, one line of JSON for each */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/err.h"
#include "base/json.h"
#include "mime/charset.h"
#include "mime/codec.h"
#include "mime/date.h"
#include "mime/pack.h"
#include "mime/parser.h"
#include "mime/word.h"

/*
 * usage: dump [-c CHUNK] FILE...
 *
 * The file is read in chunks of that many bytes.  Bodies of leaves are read
 * again, by their offsets, decoded and hashed.  What the packed form holds must
 * print the same; else the exit status is 1.  The last line tells the most
 * memory that was used.
 */
#define DUMP_PACK_BYTES (64 << 20)

static struct mime_part *
dump_parse(struct arena *a, int fd, size_t chunk)
{
	struct mime_parser *p = mime_parser_new(a, NULL);
	char *bytes = xcalloc(1, chunk);
	ssize_t n;

	while ((n = read(fd, bytes, chunk)) > 0)
		mime_parser_feed(p, str_of(bytes, (size_t)n));
	free(bytes);
	return mime_parser_finish(p);
}

static void
dump_text(struct json *obj, const char *key, struct str s)
{
	if (s.p == NULL)
		json_set_null(obj, key);
	else
		json_set_str(obj, key, s);
}

/* Keys of JSON are UTF-8; names of parameters need not be. */
static const char *
dump_key(struct arena *a, const char *name)
{
	struct buf out;

	buf_init(&out, a, 3 * strlen(name));
	mime_utf8_clean(str_c(name), &out);
	return buf_cstr(&out);
}

/* raw: as they stand, in order; decoded: by name without suffix. */
static void
dump_params(struct arena *a, struct json *obj, const char *key,
    const struct mime_params *p)
{
	struct json *both = json_set_obj(obj, key);
	struct json *raw = json_set_arr(both, "raw"), *pair;
	struct json *decoded = json_set_obj(both, "decoded");

	for (unsigned i = 0; i < p->n; i++) {
		const char *name = arena_cstr(a, p->v[i].name);
		struct str v, base = p->v[i].name;
		ptrdiff_t star = str_chr(base, '*');

		pair = json_add_arr(raw);
		json_add_str(pair, p->v[i].name);
		json_add_str(pair, p->v[i].value);
		if (star >= 0)
			name = arena_cstr(a, str_sub(base, 0, (size_t)star));
		if (mime_params_get(a, p, name, &v))
			json_set_str(decoded, dump_key(a, name), v);
	}
}

static void
dump_addresses(struct arena *a, struct json *obj, const char *key,
    const struct mime_addr *addr)
{
	static const char *const kinds[] = { "mailbox", "group", "end" };
	struct json *list = json_set_arr(obj, key), *one;

	for (; addr != NULL; addr = addr->next) {
		one = json_add_obj(list);
		json_set_c(one, "kind", kinds[addr->kind]);
		dump_text(one, "name", addr->name);
		dump_text(one, "adl", addr->adl);
		dump_text(one, "mailbox", addr->mailbox);
		dump_text(one, "host", addr->host);
		if (addr->name.p != NULL)
			json_set_str(one, "shown",
			    mime_word_text(a, addr->name));
	}
}

static void
dump_envelope(struct arena *a, struct json *part, const struct mime_envelope *e)
{
	struct json *obj = json_set_obj(part, "envelope");
	struct mime_date date;

	dump_text(obj, "date", e->date);
	dump_text(obj, "subject", e->subject);
	dump_text(obj, "in-reply-to", e->in_reply_to);
	dump_text(obj, "message-id", e->message_id);
	if (e->subject.p != NULL)
		json_set_str(obj, "shown", mime_word_text(a, e->subject));
	if (e->date.p != NULL && mime_date_parse(e->date, &date)) {
		json_set_i64(obj, "epoch", date.epoch_s);
		json_set_i64(obj, "zone", date.zone_minutes);
		json_set_bool(obj, "zone_known", date.zone_known);
	}
	dump_addresses(a, obj, "from", e->from);
	dump_addresses(a, obj, "sender", e->sender);
	dump_addresses(a, obj, "reply-to", e->reply_to);
	dump_addresses(a, obj, "to", e->to);
	dump_addresses(a, obj, "cc", e->cc);
	dump_addresses(a, obj, "bcc", e->bcc);
}

/* The body by its offsets, decoded: its length and SHA-256. */
static void
dump_body(struct json *obj, int fd, const struct mime_part *part, size_t chunk)
{
	struct crypto_sha256_ctx *hash = crypto_sha256_new();
	char *bytes = xcalloc(1, chunk);
	uint64_t at = part->body_start, total = 0;
	struct mime_codec codec;
	unsigned char sum[32];
	struct buf out;
	ssize_t n;

	buf_init(&out, NULL, 2 * chunk + MIME_CODEC_HOLD);
	mime_codec_init(&codec, mime_encoding_of(part->encoding));
	while (at < part->body_end) {
		size_t want = part->body_end - at;

		n = pread(fd, bytes, want < chunk ? want : chunk, (off_t)at);
		if (n <= 0)
			panic("a body ends before its end");
		at += (uint64_t)n;
		buf_clear(&out);
		mime_codec_feed(&codec, str_of(bytes, (size_t)n), &out);
		crypto_sha256_add(hash, out.p, out.n);
		total += out.n;
	}
	buf_clear(&out);
	mime_codec_finish(&codec, &out);
	crypto_sha256_add(hash, out.p, out.n);
	total += out.n;
	crypto_sha256_end(&hash, sum);
	buf_clear(&out);
	buf_hex(&out, sum, sizeof(sum));
	json_set_str(obj, "sha256", buf_str(&out));
	json_set_u64(obj, "decoded_octets", total);
	buf_free(&out);
	free(bytes);
}

static void
dump_languages(struct json *obj, const struct mime_part *part)
{
	struct json *list = json_set_arr(obj, "language");

	for (unsigned i = 0; i < part->languages; i++)
		json_add_str(list, part->language[i]);
}

static void
dump_part(struct arena *a, struct json *list, int fd,
    const struct mime_part *part, const char *path, size_t chunk)
{
	static const char *const kinds[] = { "leaf", "multipart", "message" };
	struct json *obj = json_add_obj(list);

	json_set_c(obj, "path", path);
	json_set_c(obj, "kind", kinds[part->kind]);
	json_set_bool(obj, "opaque", part->flags & MIME_PART_OPAQUE);
	json_set_bool(obj, "capped", part->flags & MIME_PART_HEADER_CAPPED);
	json_set_u64(obj, "header_start", part->header_start);
	json_set_u64(obj, "body_start", part->body_start);
	json_set_u64(obj, "body_end", part->body_end);
	json_set_u64(obj, "lines", part->lines);
	json_set_c(obj, "type",
	    arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(part->type),
		STR_ARG(part->subtype)));
	dump_params(a, obj, "params", &part->params);
	dump_text(obj, "id", part->id);
	dump_text(obj, "description", part->description);
	dump_text(obj, "encoding", part->encoding);
	dump_text(obj, "md5", part->md5);
	dump_text(obj, "disposition", part->disposition);
	dump_params(a, obj, "disposition_params", &part->disposition_params);
	dump_languages(obj, part);
	dump_text(obj, "location", part->location);
	if (part->envelope != NULL)
		dump_envelope(a, obj, part->envelope);
	if (part->kind == MIME_LEAF)
		dump_body(obj, fd, part, chunk);
}

/* Paths: "1.2" the second child of the first one, "1.m" the message in it. */
static void
dump_tree(struct arena *a, struct json *list, int fd,
    const struct mime_part *part, const char *path, size_t chunk)
{
	unsigned i = 0;

	dump_part(a, list, fd, part, path, chunk);
	for (const struct mime_part *c = part->children; c != NULL;
	     c = c->next) {
		const char *dot = *path != '\0' ? "." : "";

		dump_tree(a, list, fd, c,
		    part->kind == MIME_MESSAGE
			? arena_printf(a, "%s%sm", path, dot)
			: arena_printf(a, "%s%s%u", path, dot, ++i),
		    chunk);
	}
}

static struct str
dump_json(struct arena *a, int fd, const struct mime_part *root, size_t chunk)
{
	struct json *j = json_obj_new();
	struct str text;

	dump_tree(a, json_set_arr(j, "parts"), fd, root, "", chunk);
	text = json_print(a, j, JSON_LINE);
	json_free(&j);
	return text;
}

/* True if the packed form says the same as the parser. */
static bool
dump_file(const char *path, size_t chunk)
{
	struct arena *a = arena_new(1 << 30);
	int fd = open(path, O_RDONLY);
	struct mime_packed packed;
	struct mime_part *root;
	struct str one, two;
	struct err *e;
	bool same;

	if (fd < 0) {
		perror(path);
		exit(1);
	}
	root = dump_parse(a, fd, chunk);
	e = mime_unpack(a, mime_pack(a, root, DUMP_PACK_BYTES), NULL, &packed);
	if (e != NULL) {
		fprintf(stderr, "%s: %s\n", path, e->text);
		exit(1);
	}
	one = dump_json(a, fd, root, chunk);
	two = dump_json(a, fd, packed.root, chunk);
	same = str_eq(one, two);
	if (!same)
		fprintf(stderr, "%s: the packed form differs\n", path);
	printf(STR_FMT "\n", STR_ARG(one));
	close(fd);
	arena_free(&a);
	return same;
}

/* VmHWM: getrusage() would count what the parent used before exec. */
static long
dump_peak_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	long kib = 0;
	char line[256];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	}
	if (f != NULL)
		fclose(f);
	return kib;
}

int
main(int argc, char **argv)
{
	size_t chunk = 65536;
	bool same = true;
	int i = 1;

	if (argc > 2 && strcmp(argv[1], "-c") == 0) {
		chunk = strtoul(argv[2], NULL, 10);
		i = 3;
	}
	if (chunk == 0 || i == argc) {
		fprintf(stderr, "usage: dump [-c CHUNK] FILE...\n");
		return 2;
	}
	for (; i < argc; i++)
		same &= dump_file(argv[i], chunk);
	printf("{\"peak_kib\":%ld}\n", dump_peak_kib());
	return same ? 0 : 1;
}
