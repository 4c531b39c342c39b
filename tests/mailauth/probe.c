/* probe.c - our signing and verifying, for a script to talk to */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mime/header.h"
#include "server/mailauth/authres.h"

#include "tests/unit/mailauth_rig.h"

/*
 * usage: probe key rsa|ed25519		the private key, the record
 *	  probe sign KEYFILE DOMAIN SELECTOR <MESSAGE >FIELD
 *	  probe verify ZONE <MESSAGE		a line for each signature
 *	  probe spf ZONE <CASES			a line for each case
 *	  probe header ZONE IP HELO FROM <MESSAGE	Authentication-Results
 *
 * ZONE is a file of lines "name type text", text "TIMEOUT" for no answer; CASES
 * are lines "ip helo from receiver", answered "result explanation".  Words hold
 * no blanks: these, and other bytes that matter, are %XX; nothing is "-".
 * Bodies are fed in pieces of many sizes, as they come from the network.
 */
#define ROWS_MAX 4096

static struct str
read_all(struct arena *a, FILE *f)
{
	struct buf b;
	char part[65536];
	size_t n;

	buf_init(&b, a, 64 << 20);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&b, part, n);
	invariant(buf_ok(&b));
	return buf_str(&b);
}

static int
fail(const struct err *e)
{
	fprintf(stderr, "%s\n", e->text);
	return 1;
}

static void
split(struct str message, struct str *header_r, struct str *body_r)
{
	size_t n = mime_header_bytes(message);

	*body_r = str_sub(message, n, message.n);
	*header_r = str_sub(message, 0, n);
	if (str_ends(*header_r, STR("\r\n\r\n")))
		header_r->n -= 2;
}

static size_t
step(size_t at)
{
	return at * 7919 % 8191 + 1;
}

static size_t
piece(struct str body, size_t at)
{
	return body.n - at < step(at) ? body.n - at : step(at);
}

static int
make_key(struct arena *a, const char *algorithm)
{
	struct str pem, pub, record;
	struct err *e = blocking_dkim_key_new(a, algorithm, &pem, &pub);

	if (e != NULL)
		return fail(e);
	record = dkim_record(a, algorithm, pub);
	printf(STR_FMT STR_FMT "\n", STR_ARG(pem), STR_ARG(record));
	return 0;
}

static int
sign(struct arena *a, char **argv)
{
	struct dkim_key key = { str_c(argv[3]), str_c(argv[4]), STR_NONE };
	struct dkim_sign *s = dkim_sign_new(a);
	FILE *f = fopen(argv[2], "r");
	struct str header, body, field;
	struct err *e;

	if (f == NULL) {
		perror(argv[2]);
		return 1;
	}
	key.pem = read_all(a, f);
	fclose(f);
	split(read_all(a, stdin), &header, &body);
	for (size_t at = 0; at < body.n; at += step(at))
		dkim_sign_body(s, body.p + at, piece(body, at));
	e = dkim_sign_field(a, s, header, &key, 1700000000, &field);
	if (e != NULL)
		return fail(e);
	fwrite(field.p, 1, field.n, stdout);
	return 0;
}

/* --- the table that stands for the DNS --- */

static struct dns_rig_row rows[ROWS_MAX];
static size_t rows_n;

static char *
unescape(struct arena *a, struct str word)
{
	char *out = arena_alloc(a, word.n + 1);
	size_t n = 0;

	if (str_eq_c(word, "-"))
		return out;
	for (size_t i = 0; i < word.n; i++) {
		uint64_t v;

		if (word.p[i] == '%' &&
		    str_hex_u64(str_sub(word, i + 1, 2), &v)) {
			out[n++] = (char)v;
			i += 2;
		} else {
			out[n++] = word.p[i];
		}
	}
	return out;
}

static enum dns_type
type_of(struct str s)
{
	static const struct {
		const char *name;
		enum dns_type type;
	} types[] = { { "A", DNS_A }, { "AAAA", DNS_AAAA }, { "MX", DNS_MX },
		{ "PTR", DNS_PTR }, { "TXT", DNS_TXT },
		{ "CNAME", DNS_CNAME } };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (str_eq_c(s, types[i].name))
			return types[i].type;
	panic("no type: " STR_FMT, STR_ARG(s));
}

static void
read_zone(struct arena *a, const char *path)
{
	struct str text, line, name, type;
	FILE *f = fopen(path, "r");

	invariant(f != NULL);
	text = read_all(a, f);
	fclose(f);
	while (str_split(&text, '\n', &line) && line.n > 0) {
		struct dns_rig_row *row = &rows[rows_n++];

		invariant(rows_n < ROWS_MAX);
		invariant(str_split(&line, ' ', &name) &&
			  str_split(&line, ' ', &type));
		row->name = unescape(a, name);
		row->type = type_of(type);
		if (str_eq_c(line, "TIMEOUT"))
			row->status = DNS_TEMP;
		else
			row->text = unescape(a, line);
	}
}

/* --- what runs in a task --- */

static struct str message_header, message_body;

static void
print_word(struct str s)
{
	if (s.n == 0)
		putchar('-');
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] > ' ' && s.p[i] < 127 && s.p[i] != '%')
			putchar(s.p[i]);
		else
			printf("%%%02X", (unsigned char)s.p[i]);
}

static may_yield struct dkim_verify *
verify_all(struct task *t, struct mailauth_rig *r)
{
	struct dkim_verify *v = dkim_verify_new(task_arena(t), r->dns);

	dkim_verify_header(t, v, message_header);
	for (size_t at = 0; at < message_body.n; at += step(at))
		dkim_verify_body(v, message_body.p + at,
		    piece(message_body, at));
	dkim_verify_end(v);
	return v;
}

static may_yield void
verify(struct task *t, struct mailauth_rig *r)
{
	struct dkim_verify *v = verify_all(t, r);

	for (unsigned i = 0; i < dkim_verify_count(v); i++) {
		const struct dkim_signature *s = dkim_verify_nth(v, i);

		printf("%s ", dkim_result_name(s->result));
		print_word(s->domain);
		putchar(' ');
		print_word(s->selector);
		printf(" %s %s\n", s->algorithm != NULL ? s->algorithm : "-",
		    s->why != NULL ? s->why : "");
	}
}

static may_yield void
spf(struct task *t, struct mailauth_rig *r)
{
	struct arena *a = task_arena(t);
	struct str text = *(struct str *)r->arg, line, w[4];

	while (str_split(&text, '\n', &line) && line.n > 0) {
		struct net_addr ip;
		struct spf s = { .ip = &ip };

		for (int i = 0; i < 4; i++) {
			invariant(str_split(&line, ' ', &w[i]));
			w[i] = str_c(unescape(a, w[i]));
		}
		invariant(net_addr_parse(w[0], &ip));
		s.helo = w[1];
		s.from = w[2];
		s.receiver = w[3];
		spf_check(t, r->dns, &s);
		printf("%s ", spf_result_name(s.result));
		print_word(s.explanation);
		putchar('\n');
	}
}

static may_yield void
header(struct task *t, struct mailauth_rig *r)
{
	char **argv = r->arg;
	struct authres ar = { .id = STR("mx.example.net") };
	struct spf s = { .ip = &ar.peer };
	struct dmarc m;
	struct buf b;

	invariant(net_addr_parse(str_c(argv[0]), &ar.peer));
	s.helo = str_c(argv[1]);
	s.from = str_c(unescape(task_arena(t), str_c(argv[2])));
	spf_check(t, r->dns, &s);
	dmarc_find(t, r->dns, message_header, &m);
	ar.spf = &s;
	ar.dkim = verify_all(t, r);
	ar.dmarc = &m;
	dmarc_judge(task_arena(t), &m, &s, ar.dkim);
	buf_init(&b, task_arena(t), AUTHRES_MAX);
	authres_write(&b, &ar);
	invariant(buf_ok(&b));
	fwrite(b.p, 1, b.n, stdout);
}

static int
run(struct arena *a, const char *zone,
    void (*fn)(struct task *t, struct mailauth_rig *r), void *arg)
{
	struct mailauth_rig r;

	read_zone(a, zone);
	mailauth_rig_open(&r, rows, rows_n);
	mailauth_rig_run(&r, fn, arg);
	mailauth_rig_close(&r);
	return 0;
}

int
main(int argc, char **argv)
{
	struct arena *a = arena_new(1UL << 30);
	int status = 2;

	if (argc == 3 && strcmp(argv[1], "key") == 0)
		status = make_key(a, argv[2]);
	else if (argc == 5 && strcmp(argv[1], "sign") == 0)
		status = sign(a, argv);
	else if (argc == 3 && strcmp(argv[1], "verify") == 0) {
		split(read_all(a, stdin), &message_header, &message_body);
		status = run(a, argv[2], verify, NULL);
	} else if (argc == 3 && strcmp(argv[1], "spf") == 0) {
		struct str cases = read_all(a, stdin);

		status = run(a, argv[2], spf, &cases);
	} else if (argc == 6 && strcmp(argv[1], "header") == 0) {
		split(read_all(a, stdin), &message_header, &message_body);
		status = run(a, argv[2], header, argv + 3);
	} else
		fprintf(stderr,
		    "usage: probe key|sign|verify|spf|header ...\n");
	arena_free(&a);
	return status;
}
