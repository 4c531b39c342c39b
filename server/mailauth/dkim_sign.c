/* dkim_sign.c - making DKIM-Signature fields, keys, and their records */
#include "base/crypto.h"
#include "server/mailauth/dkim_private.h"

/* As many of a name are signed, from the bottom; nobody sends more of one. */
#define DKIM_SIGN_EACH 4
#define DKIM_SIGN_LINE 72

struct dkim_sign {
	struct dkim_body body;
};

struct dkim_sign *
dkim_sign_new(struct arena *a)
{
	struct dkim_sign *s = arena_new_obj(a, struct dkim_sign);

	dkim_body_init(&s->body, DKIM_RELAXED, UINT64_MAX);
	return s;
}

void
dkim_sign_body(struct dkim_sign *s, const void *p, size_t n)
{
	dkim_body_add(&s->body, p, n);
}

/*
 * What a reader sees or acts upon (RFC 6376, 5.4.1).  Not what is changed on
 * the way: Received, Return-Path, Sender, Resent-*, and what others write
 * above.
 */
static const char *const dkim_sign_names[] = {
	"From",
	"Reply-To",
	"Subject",
	"Date",
	"To",
	"Cc",
	"Message-ID",
	"In-Reply-To",
	"References",
	"MIME-Version",
	"Content-Type",
	"Content-Transfer-Encoding",
	"Content-Disposition",
	"Content-ID",
	"Content-Description",
	"List-Id",
	"List-Help",
	"List-Unsubscribe",
	"List-Unsubscribe-Post",
	"List-Subscribe",
	"List-Post",
	"List-Owner",
	"List-Archive",
};
#define DKIM_SIGN_NAMES (sizeof(dkim_sign_names) / sizeof(*dkim_sign_names))

/* Each name as often as there are fields of it, From once more: then nobody can
 * put a second author on top (RFC 6376, 8.15). */
static struct str
dkim_sign_choose(struct arena *a, const struct dkim_fields *fs)
{
	struct buf out;

	buf_init(&out, a, DKIM_FIELD_MAX);
	for (size_t i = 0; i < DKIM_SIGN_NAMES; i++) {
		struct str name = str_c(dkim_sign_names[i]);
		unsigned n = dkim_fields_count(fs, name);

		if (n > DKIM_SIGN_EACH)
			n = DKIM_SIGN_EACH;
		if (i == 0)
			n++;
		for (; n > 0; n--) {
			if (out.n > 0)
				buf_char(&out, ':');
			buf_str_add(&out, name);
		}
	}
	return buf_str(&out);
}

struct dkim_sign_line {
	struct buf *out;
	size_t at; /* column */
};

/* A piece that must not be broken. */
static void
dkim_sign_put(struct dkim_sign_line *l, struct str piece)
{
	if (l->at > 8 && l->at + piece.n > DKIM_SIGN_LINE) {
		buf_c(l->out, "\r\n\t");
		l->at = 8;
		if (piece.n > 0 && piece.p[0] == ' ')
			piece = str_sub(piece, 1, piece.n);
	}
	buf_str_add(l->out, piece);
	l->at += piece.n;
}

static void
dkim_sign_put_names(struct arena *a, struct dkim_sign_line *l, struct str names)
{
	struct str name;

	dkim_sign_put(l, STR(" h="));
	while (str_split(&names, ':', &name))
		dkim_sign_put(l,
		    str_c(arena_printf(a, STR_FMT "%s", STR_ARG(name),
			names.p != NULL && names.n > 0 ? ":" : ";")));
}

static void
dkim_sign_put_base64(struct dkim_sign_line *l, struct str text)
{
	while (text.n > 0) {
		size_t room = l->at < DKIM_SIGN_LINE ? DKIM_SIGN_LINE - l->at
						     : DKIM_SIGN_LINE - 8;
		struct str piece = str_sub(text, 0, room);

		dkim_sign_put(l, piece);
		text = str_sub(text, piece.n, text.n);
	}
}

/* All of the field but b='s value and the last line end. */
static void
dkim_sign_begin(struct arena *a, struct dkim_sign_line *l,
    const struct dkim_sign *s, const struct dkim_key *key,
    enum crypto_pk_kind kind, struct str names, int64_t wall_s)
{
	unsigned char digest[32];

	dkim_body_digest(&s->body, digest, NULL);
	dkim_sign_put(l, STR("DKIM-Signature:"));
	dkim_sign_put(l, STR(" v=1;"));
	dkim_sign_put(l, kind == CRYPTO_PK_RSA ? STR(" a=rsa-sha256;")
					       : STR(" a=ed25519-sha256;"));
	dkim_sign_put(l, STR(" c=relaxed/relaxed;"));
	dkim_sign_put(l,
	    str_c(arena_printf(a, " d=" STR_FMT ";", STR_ARG(key->domain))));
	dkim_sign_put(l,
	    str_c(arena_printf(a, " s=" STR_FMT ";", STR_ARG(key->selector))));
	dkim_sign_put(l, str_c(arena_printf(a, " t=%lld;", (long long)wall_s)));
	dkim_sign_put_names(a, l, names);
	dkim_sign_put(l, STR(" bh="));
	dkim_sign_put_base64(l, base64_encode(a, str_of(digest, 32)));
	dkim_sign_put(l, STR(";"));
	dkim_sign_put(l, STR(" b="));
}

static struct err *
dkim_sign_with(struct arena *a, struct dkim_sign *s, struct dkim_fields *fs,
    const struct dkim_key *key, const struct crypto_pk *pk, int64_t wall_s,
    struct buf *out)
{
	struct str names = dkim_sign_choose(a, fs), signature;
	struct dkim_sign_line l = { .out = out };
	struct mime_field own;
	unsigned char digest[32];
	struct mime_header h;
	struct err *e;

	if (crypto_pk_kind(pk) == CRYPTO_PK_RSA &&
	    crypto_pk_bits(pk) < DKIM_RSA_MIN)
		return err_new(a, ERR_INVALID,
		    "an RSA key of less than 1024 bits signs nothing", NULL);
	dkim_sign_begin(a, &l, s, key, crypto_pk_kind(pk), names, wall_s);
	h = mime_header_of(buf_str(out));
	if (!mime_header_next(&h, &own))
		return err_new(a, ERR_INVALID, "no signature could be written",
		    NULL);
	dkim_header_digest(a, fs, DKIM_RELAXED, names, &own, digest);
	e = crypto_pk_sign(a, pk, digest, &signature);
	if (e != NULL)
		return e;
	dkim_sign_put_base64(&l, base64_encode(a, signature));
	buf_c(out, "\r\n");
	return NULL;
}

/* A name that may stand in d= and s=: not another tag, nor another field. */
static bool
dkim_sign_is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_' ||
			c == '.'))
			return false;
	}
	return s.n > 0 && s.n <= 253;
}

struct err *
dkim_sign_field(struct arena *a, struct dkim_sign *s, struct str header,
    const struct dkim_key *key, int64_t wall_s, struct str *field_r)
{
	return dkim_sign_field_pk(a, s, header, key, NULL, wall_s, field_r);
}

struct err *
dkim_sign_field_pk(struct arena *a, struct dkim_sign *s, struct str header,
    const struct dkim_key *key, const struct crypto_pk *pk, int64_t wall_s,
    struct str *field_r)
{
	struct crypto_pk *own = NULL;
	struct dkim_fields *fs;
	struct buf out;
	struct err *e;

	*field_r = STR_NONE;
	if (header.n > DKIM_HEADER_MAX)
		return err_new(a, ERR_INVALID,
		    "the header is too large to be signed", NULL);
	if (!dkim_sign_is_name(key->domain) ||
	    !dkim_sign_is_name(key->selector))
		return err_new(a, ERR_INVALID,
		    "domain or selector of the key is no name", NULL);
	fs = dkim_fields_new(a, header);
	if (dkim_fields_count(fs, STR("From")) == 0)
		return err_new(a, ERR_INVALID, "the message has no From", NULL);
	if (pk == NULL) {
		e = crypto_pk_of_pem(a, key->pem, &own);
		if (e != NULL)
			return e;
		pk = own;
	}
	buf_init(&out, a, DKIM_FIELD_MAX);
	e = dkim_sign_with(a, s, fs, key, pk, wall_s, &out);
	crypto_pk_free(&own);
	if (e != NULL)
		return e;
	if (!buf_ok(&out))
		return err_new(a, ERR_INVALID,
		    "the signature would be too long", NULL);
	*field_r = buf_str(&out);
	return NULL;
}

struct err *
blocking_dkim_key_new(struct arena *a, const char *algorithm, struct str *pem_r,
    struct str *public_r)
{
	struct crypto_pk *pk;

	if (strcmp(algorithm, "rsa") == 0)
		pk = crypto_pk_generate(CRYPTO_PK_RSA, DKIM_RSA_MADE);
	else if (strcmp(algorithm, "ed25519") == 0)
		pk = crypto_pk_generate(CRYPTO_PK_ED25519, 0);
	else
		return err_newf(a, ERR_INVALID,
		    "\"%s\" is no algorithm: it is rsa or ed25519", algorithm);
	*pem_r = crypto_pk_pem(a, pk);
	*public_r = base64_encode(a, crypto_pk_public(a, pk));
	crypto_pk_free(&pk);
	return NULL;
}

struct str
dkim_record(struct arena *a, const char *algorithm, struct str public_part)
{
	return str_c(arena_printf(a, "v=DKIM1; k=%s; p=" STR_FMT, algorithm,
	    STR_ARG(public_part)));
}
