/* fuzz_smtp.c - a client's lines, and its message */
#include "base/err.h"
#include "server/smtp/smtp_data.h"
#include "server/smtp/smtp_parse.h"
#include "server/smtp/smtp_trace.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
within(struct str whole, struct str part)
{
	invariant(part.n == 0 ||
		  (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

/* What parsers let pass may stand in a header. */
static void
plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		invariant((unsigned char)s.p[i] >= 32 && s.p[i] != 127);
}

static void
path(struct str line, const struct smtp_path *p)
{
	within(line, p->mailbox);
	within(p->mailbox, p->local);
	within(p->mailbox, p->domain);
	invariant(p->local.n <= SMTP_LOCAL_MAX);
	invariant(p->domain.n <= SMTP_DOMAIN_MAX);
	plain(p->mailbox);
}

/* The decoded parameters of DSN: no longer than what they came as, and nothing
 * that ends a line. */
static void
decoded(struct str s, size_t (*decode)(struct str s, char *out_r))
{
	char out[SMTP_ORCPT_MAX];
	size_t n;

	if (s.n == 0)
		return;
	invariant(s.n <= sizeof(out));
	n = decode(s, out);
	invariant(n <= s.n && n == decode(s, NULL));
	plain(str_of(out, n));
}

static void
line(struct str in)
{
	struct str verb, args, name;
	struct smtp_mail m;
	struct smtp_rcpt r;
	struct smtp_bdat b;

	if (!smtp_parse_command(in, &verb, &args))
		return;
	within(in, verb);
	within(in, args);
	if (smtp_parse_hello(args, &name))
		plain(name);
	if (smtp_parse_mail(args, &m) == SMTP_OK) {
		path(in, &m.from);
		decoded(m.envid, smtp_xtext);
	}
	if (smtp_parse_rcpt(args, &r) == SMTP_OK) {
		path(in, &r.to);
		decoded(r.orcpt, smtp_orcpt);
	}
	(void)smtp_parse_bdat(args, &b);
}

/* However it is cut into pieces, the same comes out. */
static void
message(struct str in, size_t step, bool dots, struct buf *out,
    struct smtp_data *d)
{
	struct buf piece;
	size_t at = 0;

	smtp_data_init(d, dots);
	buf_init(&piece, NULL, SMTP_DATA_OUT(in.n));
	while (at < in.n && !d->done) {
		struct str part = str_sub(in, at, step);

		piece.limit = SMTP_DATA_OUT(part.n);
		buf_clear(&piece);
		at += smtp_data_feed(d, part, &piece);
		invariant(buf_ok(&piece));
		buf_str_add(out, buf_str(&piece));
	}
	buf_clear(&piece);
	smtp_data_finish(d, &piece);
	buf_str_add(out, buf_str(&piece));
	buf_free(&piece);
}

static void
messages(struct str in, bool dots)
{
	struct smtp_data d1, d2;
	struct buf b1, b2;

	buf_init(&b1, NULL, 4 * in.n + 16);
	buf_init(&b2, NULL, 4 * in.n + 16);
	message(in, in.n + 1, dots, &b1, &d1);
	message(in, 1 + in.n % 7, dots, &b2, &d2);
	invariant(str_eq(buf_str(&b1), buf_str(&b2)));
	invariant(d1.found == d2.found && d1.done == d2.done);
	/* nobody downstream can see another end of line */
	if (!(d1.found & SMTP_DATA_BARE_CR))
		for (size_t i = 0; i < b1.n; i++)
			invariant((b1.p[i] != '\n' ||
				      (i > 0 && b1.p[i - 1] == '\r')) &&
				  (b1.p[i] != '\r' ||
				      (i + 1 < b1.n && b1.p[i + 1] == '\n')));
	buf_free(&b1);
	buf_free(&b2);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct str in = str_of(data, n);

	line(in);
	messages(in, true);
	messages(in, false);
	return 0;
}
