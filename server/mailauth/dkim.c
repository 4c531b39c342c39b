/* dkim.c - verifying DKIM signatures (RFC 6376, section 6) */
#include "server/mailauth/dkim.h"

#include "server/mailauth/dkim_parse.h"

/* Of several records at a selector (6.1.2) so many are tried. */
#define DKIM_RECORDS_MAX 4
#define DKIM_MS 20000 /* all look-ups together */

struct dkim_one {
	struct dkim_signature pub;
	struct dkim_parsed parsed;
	struct dkim_body *body; /* NULL: it is of no interest any more */
};

struct dkim_verify {
	struct arena *a;
	struct dns *d;
	unsigned n, bodies_n;
	struct dkim_one list[DKIM_SIGNATURES_MAX];
	/* signatures with the same c= and l= share one */
	struct dkim_body bodies[DKIM_SIGNATURES_MAX];
};

const char *
dkim_result_name(enum dkim_result r)
{
	static const char *const names[] = {
		[DKIM_NONE] = "none",
		[DKIM_PASS] = "pass",
		[DKIM_FAIL] = "fail",
		[DKIM_POLICY] = "policy",
		[DKIM_NEUTRAL] = "neutral",
		[DKIM_TEMPERROR] = "temperror",
		[DKIM_PERMERROR] = "permerror",
	};

	return names[r];
}

struct dkim_verify *
dkim_verify_new(struct arena *a, struct dns *d)
{
	struct dkim_verify *v = arena_new_obj(a, struct dkim_verify);

	v->a = a;
	v->d = d;
	return v;
}

static void
dkim_verify_set(struct dkim_one *o, enum dkim_result r, const char *why)
{
	o->pub.result = r;
	o->pub.why = why;
}

/* The key that this signature names; NULL: result and reason are set. */
static may_yield struct crypto_pk *
dkim_verify_key(struct task *t, struct dkim_verify *v, struct dkim_one *o)
{
	const struct dkim_parsed *p = &o->parsed;
	struct crypto_pk *key;
	struct str name, *records;
	enum dkim_result r;
	enum dns_status st;
	const char *why;
	unsigned n;

	name = str_c(arena_printf(v->a, STR_FMT "._domainkey." STR_FMT,
	    STR_ARG(p->selector), STR_ARG(p->domain)));
	st = dns_txt(t, v->d, name, &records, &n);
	if (st == DNS_NO_DATA || st == DNS_NO_DOMAIN)
		dkim_verify_set(o, DKIM_PERMERROR, "there is no key");
	else if (st != DNS_FOUND)
		dkim_verify_set(o, DKIM_TEMPERROR,
		    "the key could not be looked up");
	else
		dkim_verify_set(o, DKIM_PERMERROR, "there is no key");
	for (unsigned i = 0; i < n && i < DKIM_RECORDS_MAX; i++) {
		r = dkim_parse_key(v->a, records[i], p, &key, &o->pub.testing,
		    &why);
		if (r == DKIM_NONE)
			return key;
		dkim_verify_set(o, r, why);
	}
	return NULL;
}

static struct dkim_body *
dkim_verify_share(struct dkim_verify *v, const struct dkim_parsed *p)
{
	struct dkim_body *b;

	for (unsigned i = 0; i < v->bodies_n; i++) {
		b = &v->bodies[i];
		if (b->canon == p->body && b->limit == p->limit)
			return b;
	}
	b = &v->bodies[v->bodies_n++];
	dkim_body_init(b, p->body, p->limit);
	return b;
}

static may_yield void
dkim_verify_one(struct task *t, struct dkim_verify *v, struct dkim_one *o,
    struct dkim_fields *fs, const struct mime_field *f)
{
	struct dkim_parsed *p = &o->parsed;
	unsigned char digest[32];
	struct crypto_pk *key;
	enum dkim_result r;
	const char *why;

	r = dkim_parse_signature(v->a, f, task_wall_s(t), p, &why);
	o->pub.domain = p->domain;
	o->pub.selector = p->selector;
	o->pub.identity = p->identity;
	o->pub.algorithm = p->algorithm;
	o->pub.b_start = p->b_start;
	dkim_verify_set(o, r, why);
	if (r != DKIM_NONE)
		return;
	key = dkim_verify_key(t, v, o);
	if (key == NULL)
		return;
	dkim_header_digest(v->a, fs, p->header, p->names, &p->own, digest);
	if (crypto_pk_verify(key, digest, p->signature)) {
		dkim_verify_set(o, DKIM_PASS, NULL);
		o->body = dkim_verify_share(v, p);
	} else {
		dkim_verify_set(o, DKIM_FAIL,
		    "the signature does not fit the header");
	}
	crypto_pk_free(&key);
}

static may_yield void
dkim_verify_all(struct task *t, struct dkim_verify *v, struct str header)
{
	struct dkim_fields *fs = dkim_fields_new(v->a, header);
	struct mime_header h = mime_header_of(header);
	struct mime_field f;

	while (v->n < DKIM_SIGNATURES_MAX && mime_header_next(&h, &f))
		if (str_case_eq_c(f.name, "DKIM-Signature"))
			dkim_verify_one(t, v, &v->list[v->n++], fs, &f);
}

void
dkim_verify_header(struct task *t, struct dkim_verify *v, struct str header)
{
	uint64_t before = task_deadline(t), mine = task_now_ms(t) + DKIM_MS;

	/* Which fields are signed can only be told from the whole. */
	if (header.n > DKIM_HEADER_MAX) {
		dkim_verify_set(&v->list[0], DKIM_POLICY,
		    "the header is larger than 256 KiB");
		v->n = 1;
		return;
	}
	if (before == 0 || mine < before)
		task_set_deadline(t, mine);
	dkim_verify_all(t, v, header);
	task_set_deadline(t, before);
}

void
dkim_verify_body(struct dkim_verify *v, const void *p, size_t n)
{
	for (unsigned i = 0; i < v->bodies_n; i++)
		dkim_body_add(&v->bodies[i], p, n);
}

void
dkim_verify_end(struct dkim_verify *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		struct dkim_one *o = &v->list[i];
		unsigned char digest[32];
		uint64_t bytes;

		if (o->body == NULL)
			continue;
		dkim_body_digest(o->body, digest, &bytes);
		if (memcmp(digest, o->parsed.body_hash.p, 32) != 0)
			dkim_verify_set(o, DKIM_FAIL, "the body was changed");
		else if (o->parsed.limit != UINT64_MAX &&
			 o->parsed.limit > bytes) /* 3.5, l= */
			dkim_verify_set(o, DKIM_FAIL,
			    "the body is shorter than l=");
		o->body = NULL;
	}
}

unsigned
dkim_verify_count(const struct dkim_verify *v)
{
	return v->n;
}

const struct dkim_signature *
dkim_verify_nth(const struct dkim_verify *v, unsigned i)
{
	invariant(i < v->n);
	return &v->list[i].pub;
}
