/* dkim_parse.c - what a DKIM-Signature and a key record say */
#include "server/mailauth/dkim_parse.h"

#include "base/unicode.h"
#include "mime/lex.h"

bool
dkim_is_domain(struct str s)
{
	struct str label;

	if (s.n == 0 || s.n > 253)
		return false;
	while (str_split(&s, '.', &label)) {
		if (label.n == 0 || label.n > 63)
			return false;
		for (size_t i = 0; i < label.n; i++) {
			char c = label.p[i];

			if (!((c >= 'a' && c <= 'z') ||
				(c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || c == '-' || c == '_'))
				return false;
		}
	}
	return true;
}

/* A-labels, or (RFC 8616) U-labels; into lower case A-labels. */
static bool
dkim_parse_labels(struct arena *a, struct str s, struct str *name_r)
{
	struct err *e;

	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 128)
			continue;
		e = unicode_domain_ascii(a, s, &s);
		if (e != NULL)
			return false;
		break;
	}
	if (!dkim_is_domain(s))
		return false;
	*name_r = mime_lex_lower(a, s);
	return true;
}

/* d= and s= */
static bool
dkim_parse_name(struct arena *a, const struct tags *t, const char *tag,
    struct str *name_r)
{
	return dkim_parse_labels(a, tags_squeeze(a, tags_value(t, tag)),
	    name_r);
}

static bool
dkim_parse_number(struct arena *a, const struct tags *t, const char *tag,
    uint64_t *v_r)
{
	return str_u64(tags_squeeze(a, tags_value(t, tag)), v_r);
}

static bool
dkim_parse_algorithm(struct arena *a, const struct tags *t,
    struct dkim_parsed *p, const char **why_r)
{
	struct str s = tags_squeeze(a, tags_value(t, "a"));

	if (str_case_eq_c(s, "rsa-sha256")) {
		p->kind = CRYPTO_PK_RSA;
		p->algorithm = "rsa-sha256";
		return true;
	}
	if (str_case_eq_c(s, "ed25519-sha256")) {
		p->kind = CRYPTO_PK_ED25519;
		p->algorithm = "ed25519-sha256";
		return true;
	}
	if (str_case_eq_c(s, "rsa-sha1")) { /* RFC 8301, 3.1 */
		p->algorithm = "rsa-sha1";
		*why_r = "rsa-sha1 is not accepted any more";
	} else {
		*why_r = "unknown algorithm";
	}
	return false;
}

static bool
dkim_parse_one_canon(struct str s, enum dkim_canon *c_r)
{
	*c_r = str_case_eq_c(s, "relaxed") ? DKIM_RELAXED : DKIM_SIMPLE;
	return *c_r == DKIM_RELAXED || str_case_eq_c(s, "simple");
}

/* c= header "/" body; the body's is simple if it is left out */
static bool
dkim_parse_canon(struct arena *a, const struct tags *t, struct dkim_parsed *p)
{
	struct str s = tags_squeeze(a, tags_value(t, "c"));
	ptrdiff_t slash = str_chr(s, '/');

	p->header = p->body = DKIM_SIMPLE;
	if (!tags_has(t, "c"))
		return true;
	if (slash < 0)
		return dkim_parse_one_canon(s, &p->header);
	return dkim_parse_one_canon(str_sub(s, 0, (size_t)slash), &p->header) &&
	       dkim_parse_one_canon(str_sub(s, (size_t)slash + 1, s.n),
		   &p->body);
}

/* i= [local] "@" domain, which is d= or below it */
static bool
dkim_parse_identity(struct arena *a, const struct tags *t,
    struct dkim_parsed *p)
{
	struct str s = tags_squeeze(a, tags_value(t, "i")), domain;
	size_t at = s.n;

	if (!tags_has(t, "i")) {
		p->identity =
		    str_c(arena_printf(a, "@" STR_FMT, STR_ARG(p->domain)));
		return true;
	}
	while (at > 0 && s.p[at - 1] != '@')
		at--;
	if (at == 0 || !dkim_parse_labels(a, str_sub(s, at, s.n), &domain))
		return false;
	p->identity = str_c(arena_printf(a, STR_FMT STR_FMT,
	    STR_ARG(str_sub(s, 0, at)), STR_ARG(domain)));
	return str_eq(domain, p->domain) ||
	       (str_ends(domain, p->domain) && domain.n > p->domain.n + 1 &&
		   domain.p[domain.n - p->domain.n - 1] == '.');
}

/* NULL, or what is wrong with t=, x= and l=. */
static const char *
dkim_parse_numbers(struct arena *a, const struct tags *t, int64_t wall_s,
    struct dkim_parsed *p)
{
	uint64_t made = 0, ends;

	p->limit = UINT64_MAX;
	if (tags_has(t, "l") && !dkim_parse_number(a, t, "l", &p->limit))
		return "l= is no number";
	if (tags_has(t, "t") && !dkim_parse_number(a, t, "t", &made))
		return "t= is no number";
	if (!tags_has(t, "x"))
		return NULL;
	if (!dkim_parse_number(a, t, "x", &ends))
		return "x= is no number";
	if (ends <= made)
		return "x= is not after t=";
	if (wall_s > 0 && ends < (uint64_t)wall_s)
		return "the signature has expired";
	return NULL;
}

/* The field as it was when it was signed: nothing between "b=" and ";". */
static void
dkim_parse_own(struct arena *a, const struct mime_field *f, struct str room,
    struct dkim_parsed *p)
{
	size_t head = (size_t)(room.p - f->whole.p);
	size_t name = (size_t)(f->value.p - f->whole.p);
	size_t tail = (size_t)(f->value.p + f->value.n - room.p) - room.n;
	char *text = arena_alloc(a, f->whole.n + 1);

	memcpy(text, f->whole.p, head);
	memcpy(text + head, room.p + room.n, tail);
	p->own.name = f->name;
	p->own.value = str_of(text + name, head + tail - name);
	p->own.whole = str_of(text, head + tail);
}

static const char *
dkim_parse_hashes(struct arena *a, const struct tags *t, struct dkim_parsed *p)
{
	struct str b = tags_squeeze(a, tags_value(t, "b"));

	p->b_start = str_sub(b, 0, 8);
	if (!tags_base64(a, tags_value(t, "bh"), &p->body_hash) ||
	    p->body_hash.n != 32)
		return "bh= is no SHA-256 hash";
	if (!tags_base64(a, b, &p->signature) || p->signature.n == 0)
		return "b= is no signature";
	return NULL;
}

/* In the order in which a reader would like to be told. */
static const char *
dkim_parse_tags(struct arena *a, const struct tags *t, int64_t wall_s,
    struct dkim_parsed *p)
{
	static const char *const needed[] = { "v", "a", "b", "bh", "d", "h",
		"s" };
	const char *why = NULL;

	p->b_start = str_sub(tags_squeeze(a, tags_value(t, "b")), 0, 8);
	if (tags_has(t, "s") && !dkim_parse_name(a, t, "s", &p->selector))
		return "s= is no selector";
	if (tags_has(t, "d") && !dkim_parse_name(a, t, "d", &p->domain))
		return "d= is no domain";
	if (tags_has(t, "a") && !dkim_parse_algorithm(a, t, p, &why))
		return why;
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (!tags_has(t, needed[i]))
			return arena_printf(a, "%s= is missing", needed[i]);
	if (!str_eq_c(tags_value(t, "v"), "1"))
		return "unknown version";
	if (p->selector.n + p->domain.n > 253 - strlen("._domainkey."))
		return "s= and d= together are too long";
	if (!dkim_parse_canon(a, t, p))
		return "unknown canonicalization";
	if (!dkim_parse_identity(a, t, p))
		return "i= is not within d=";
	if (tags_has(t, "q") && !tags_list_has(tags_value(t, "q"), "dns/txt"))
		return "unknown query method";
	p->names = tags_value(t, "h");
	if (!tags_list_has(p->names, "From"))
		return "From is not signed";
	why = dkim_parse_numbers(a, t, wall_s, p);
	return why != NULL ? why : dkim_parse_hashes(a, t, p);
}

enum dkim_result
dkim_parse_signature(struct arena *a, const struct mime_field *f,
    int64_t wall_s, struct dkim_parsed *p_r, const char **why_r)
{
	struct tags *t = arena_new_obj(a, struct tags);

	memset(p_r, 0, sizeof(*p_r));
	*why_r = "it is no list of tags";
	if (!tags_parse(f->value, t))
		return DKIM_PERMERROR;
	*why_r = dkim_parse_tags(a, t, wall_s, p_r);
	if (*why_r != NULL)
		return DKIM_PERMERROR;
	dkim_parse_own(a, f, tags_find(t, "b")->room, p_r);
	return DKIM_NONE;
}

static const char *
dkim_parse_key_tags(struct arena *a, const struct tags *t,
    const struct dkim_parsed *p)
{
	struct str k = tags_squeeze(a, tags_value(t, "k"));
	struct str at = str_sub(p->identity,
	    p->identity.n -
		(p->domain.n < p->identity.n ? p->domain.n : p->identity.n),
	    p->domain.n);

	if (tags_has(t, "v") && (!str_eq_c(t->list[0].name, "v") ||
				    !str_eq_c(t->list[0].value, "DKIM1")))
		return "the key is of another version";
	if (!tags_has(t, "p"))
		return "the key record has no key";
	if (tags_value(t, "p").n == 0)
		return "the key is revoked";
	if (tags_has(t, "h") && !tags_list_has(tags_value(t, "h"), "sha256"))
		return "the key is not for sha256";
	if (!str_case_eq_c(k, p->kind == CRYPTO_PK_RSA ? "rsa" : "ed25519") &&
	    (k.n > 0 || p->kind != CRYPTO_PK_RSA))
		return "the key is for another algorithm";
	if (tags_has(t, "s") && !tags_list_has(tags_value(t, "s"), "*") &&
	    !tags_list_has(tags_value(t, "s"), "email"))
		return "the key is not for mail";
	if (tags_list_has(tags_value(t, "t"), "s") &&
	    (!str_case_eq(at, p->domain) ||
		p->identity.p[p->identity.n - p->domain.n - 1] != '@'))
		return "the key is for d= itself only, i= is below it";
	return NULL;
}

enum dkim_result
dkim_parse_key(struct arena *a, struct str record, const struct dkim_parsed *p,
    struct crypto_pk **key_r, bool *testing_r, const char **why_r)
{
	struct tags *t = arena_new_obj(a, struct tags);
	struct str bytes;

	*key_r = NULL;
	*testing_r = false;
	*why_r = "the key record is no list of tags";
	if (!tags_parse(record, t))
		return DKIM_PERMERROR;
	*testing_r = tags_list_has(tags_value(t, "t"), "y");
	*why_r = dkim_parse_key_tags(a, t, p);
	if (*why_r != NULL)
		return DKIM_PERMERROR;
	*why_r = "the key cannot be read";
	if (!tags_base64(a, tags_value(t, "p"), &bytes))
		return DKIM_PERMERROR;
	*key_r = crypto_pk_of_public(p->kind, bytes);
	if (*key_r == NULL)
		return DKIM_PERMERROR;
	if (p->kind == CRYPTO_PK_ED25519 ||
	    crypto_pk_bits(*key_r) >= DKIM_RSA_MIN) {
		*why_r = NULL;
		return DKIM_NONE;
	}
	*why_r = "the key has less than 1024 bits"; /* RFC 8301, 3.2 */
	crypto_pk_free(key_r);
	return DKIM_POLICY;
}
