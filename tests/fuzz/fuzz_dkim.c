/* fuzz_dkim.c - signatures, key records, canonical forms; what we sign, we
 * verify */
#include "server/mailauth/dkim_parse.h"

#include "tests/unit/mailauth_rig.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

#define NAME "s._domainkey.example.org"

static struct str pem, record;

/* Each field as a signature, the body as a key record for it. */
static void
parse(struct arena *a, struct str header, struct str body)
{
	struct mime_header h = mime_header_of(header);
	struct dkim_parsed p;
	struct crypto_pk *key;
	struct mime_field f;
	const char *why;
	bool testing;

	while (mime_header_next(&h, &f)) {
		if (dkim_parse_signature(a, &f, 1700000000, &p, &why) !=
		    DKIM_NONE) {
			invariant(why != NULL);
			continue;
		}
		invariant(dkim_is_domain(p.domain));
		invariant(dkim_is_domain(p.selector));
		invariant(p.body_hash.n == 32);
		invariant(p.own.whole.n <= f.whole.n);
		invariant(str_ends(p.identity, p.domain) ||
			  p.identity.n > p.domain.n);
		if (dkim_parse_key(a, body, &p, &key, &testing, &why) ==
		    DKIM_NONE)
			invariant(key != NULL);
		crypto_pk_free(&key);
	}
}

/* However it is cut into pieces, the same comes out; and relaxed again is as
 * relaxed as before. */
static void
canon(struct arena *a, struct str header, struct str body)
{
	struct mime_header h = mime_header_of(header);
	struct mime_field f, again;

	for (int c = DKIM_SIMPLE; c <= DKIM_RELAXED; c++) {
		unsigned char whole[32], pieces[32];
		struct dkim_body b;
		uint64_t n1, n2;
		size_t step = 1 + body.n % 5;

		dkim_body_init(&b, (enum dkim_canon)c, body.n / 2);
		dkim_body_add(&b, body.p, body.n);
		dkim_body_digest(&b, whole, &n1);
		dkim_body_init(&b, (enum dkim_canon)c, body.n / 2);
		for (size_t at = 0; at < body.n; at += step) {
			struct str part = str_sub(body, at, step);

			dkim_body_add(&b, part.p, part.n);
		}
		dkim_body_digest(&b, pieces, &n2);
		invariant(memcmp(whole, pieces, 32) == 0 && n1 == n2);
		invariant(n1 <= body.n + 2);
	}
	while (mime_header_next(&h, &f)) {
		struct mime_header h2;
		struct buf one, two;

		buf_init(&one, a, f.whole.n + 4);
		buf_init(&two, a, f.whole.n + 4);
		dkim_canon_field(&one, DKIM_RELAXED, &f);
		invariant(buf_ok(&one));
		h2 = mime_header_of(buf_str(&one));
		if (!mime_header_next(&h2, &again))
			continue;
		dkim_canon_field(&two, DKIM_RELAXED, &again);
		invariant(str_eq(buf_str(&one), buf_str(&two)));
	}
}

struct mail {
	struct str header, body;
	bool ours; /* the first signature is */
};

static may_yield void
verify(struct task *t, struct mailauth_rig *r)
{
	struct mail *m = r->arg;
	struct dkim_verify *v = dkim_verify_new(task_arena(t), r->dns);

	dkim_verify_header(t, v, m->header);
	dkim_verify_body(v, m->body.p, m->body.n);
	dkim_verify_end(v);
	invariant(!m->ours || (dkim_verify_count(v) > 0 &&
				  dkim_verify_nth(v, 0)->result == DKIM_PASS));
}

static void
whole(struct arena *a, struct str header, struct str body)
{
	struct dkim_key key = { STR("example.org"), STR("s"), pem };
	const struct dns_rig_row row = { .name = NAME,
		.type = DNS_TXT,
		.text = record.p };
	struct dkim_sign *s = dkim_sign_new(a);
	struct mail m = { header, body, false };
	struct mailauth_rig r;
	struct str field;
	struct buf both;

	dkim_sign_body(s, body.p, body.n);
	/* What begins otherwise would continue the signature, or end the
	 * header: the door puts an empty line before it. */
	if (mime_line_step(MIME_LINE_START, header) == MIME_LINE_FIELD &&
	    dkim_sign_field(a, s, header, &key, 1700000000, &field) == NULL) {
		m.ours = true;
		buf_init(&both, a, field.n + header.n);
		buf_str_add(&both, field);
		buf_str_add(&both, header);
		m.header = buf_str(&both);
	}
	mailauth_rig_open(&r, &row, 1);
	mailauth_rig_run(&r, verify, &m);
	mailauth_rig_close(&r);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	static struct arena *forever;
	struct str in = str_of(data, n), header, pub;
	struct arena *a = arena_new(0);
	size_t header_n = mime_header_bytes(in);

	if (forever == NULL) {
		forever = arena_new(0);
		invariant(blocking_dkim_key_new(forever, "ed25519", &pem,
			      &pub) == NULL);
		record = dkim_record(forever, "ed25519", pub);
	}
	header = str_sub(in, 0, header_n);
	in = str_sub(in, header_n, in.n);
	parse(a, header, in);
	canon(a, header, in);
	whole(a, header, in);
	arena_free(&a);
	return 0;
}
