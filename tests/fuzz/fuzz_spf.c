/* fuzz_spf.c - a record, its macros, its explanation, a sender */
#include "server/mailauth/spf_private.h"

#include "tests/unit/mailauth_rig.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* What was let pass as a term is made of the record's bytes. */
static void
parse(struct arena *a, struct str text)
{
	struct spf_record r;

	if (!spf_is_record(text) || spf_parse(a, text, &r) != NULL)
		return;
	invariant(r.n <= text.n);
	for (unsigned i = 0; i < r.n; i++) {
		const struct spf_term *t = &r.terms[i];

		invariant(t->bits4 <= 32 && t->bits6 <= 128);
		invariant(t->net.bits <= 128);
		if (t->spec.n > 0)
			invariant(spf_macro_is_domain(t->spec));
	}
}

/* An expansion has no byte that was neither in the text nor in a value. */
static void
expand(struct arena *a, struct str text, struct str from)
{
	struct net_addr ip = { .family = NET_IP6,
		.ip = { 0x20, 1, 0xd, 0xb8 } };
	struct spf_macro m = { .local = from,
		.sender_domain = STR("example.org"),
		.helo = STR("mx.example.org"),
		.domain = STR("a.example.org"),
		.ip = &ip };
	struct buf out;

	if (!spf_macro_is_explain(text))
		return;
	invariant(!spf_macro_is_string(text) || spf_macro_is_explain(text));
	invariant(!spf_macro_is_domain(text) || spf_macro_is_string(text));
	buf_init(&out, a, 4096);
	spf_macro_expand(&out, &m, text);
	(void)spf_macro_needs_p(text);
}

static may_yield void
check(struct task *t, struct mailauth_rig *r)
{
	struct net_addr ip = { .family = NET_IP4, .ip = { 192, 0, 2, 1 } };
	struct spf s = { .ip = &ip,
		.helo = STR("mx.example.org"),
		.from = *(struct str *)r->arg };
	uint64_t before = task_now_ms(t);

	spf_check(t, r->dns, &s);
	invariant(task_now_ms(t) - before <= SPF_MS);
	invariant(s.explanation.n <= SPF_EXPLANATION_MAX);
	invariant(s.explanation.n == 0 || s.result == SPF_FAIL);
	for (size_t i = 0; i < s.explanation.n; i++)
		invariant((unsigned char)s.explanation.p[i] >= 32 &&
			  (unsigned char)s.explanation.p[i] < 127);
}

/* record LF explanation LF sender */
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct str in = str_of(data, n), record, explain, from;
	struct arena *a = arena_new(0);
	struct mailauth_rig r;

	record = explain = from = STR_NONE;
	(void)str_split(&in, '\n', &record);
	(void)str_split(&in, '\n', &explain);
	from = str_sub(in, 0, 320);
	parse(a, record);
	expand(a, record, from);
	expand(a, explain, from);
	{
		const struct dns_rig_row rows[] = {
			{ .name = "mx.example.org",
			    .type = DNS_TXT,
			    .text = arena_cstr(a, record) },
			{ .name = "example.org",
			    .type = DNS_TXT,
			    .text = arena_cstr(a, record) },
			{ .name = "exp.example.org",
			    .type = DNS_TXT,
			    .text = arena_cstr(a, explain) },
			{ .name = "mx.example.org",
			    .type = DNS_A,
			    .text = "192.0.2.2" },
			{ .name = "example.org",
			    .type = DNS_MX,
			    .text = "0 mx.example.org" },
			{ .name = "1.2.0.192.in-addr.arpa",
			    .type = DNS_PTR,
			    .text = "mx.example.org" },
		};

		mailauth_rig_open(&r, rows, sizeof(rows) / sizeof(*rows));
		mailauth_rig_run(&r, check, &from);
		mailauth_rig_close(&r);
	}
	arena_free(&a);
	return 0;
}
