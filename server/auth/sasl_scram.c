/* sasl_scram.c - SCRAM-SHA-256 and -PLUS (RFC 5802, 7677) */
#include "base/crypto.h"
#include "server/auth/sasl_private.h"
#include "server/auth/scram.h"
#include "server/net/conn.h"

#define SASL_NONCE_BYTES 18 /* 24 digits */

enum sasl_scram_state { SCRAM_FIRST, SCRAM_FINAL, SCRAM_ENDED };

struct sasl_scram {
	enum sasl_scram_state state;
	struct auth_login login;
	struct str authzid, first_bare, server_first, nonce;
	struct str binding; /* what c= has to be */
};

static struct str
sasl_cat(struct arena *a, struct str x, struct str y)
{
	char *p = arena_alloc(a, x.n + y.n + 1);

	memcpy(p, x.p, x.n);
	if (y.n > 0)
		memcpy(p + x.n, y.p, y.n);
	return str_of(p, x.n + y.n);
}

/* gs2-header, and behind it the channel's bytes if it is bound. */
static bool
sasl_scram_binding(const struct sasl *s, const struct scram_first *f,
    struct str *binding_r)
{
	unsigned char bytes[CONN_BINDING_MAX];
	size_t n = 0;

	if (f->binding == SCRAM_BOUND &&
	    (s->channel.tls == NULL ||
		!conn_tls_binding(s->channel.tls, f->type, bytes, &n)))
		return false;
	*binding_r = sasl_cat(s->arena, f->header, str_of(bytes, n));
	return true;
}

/* The mechanism and what the client says about binding have to agree. */
static may_yield enum sasl_step
sasl_scram_check(struct task *t, struct sasl *s, const struct scram_first *f,
    struct err **e_r)
{
	if ((f->binding == SCRAM_BOUND) != s->m->bound)
		return sasl_malformed(t, e_r);
	/* RFC 5802, 6: whoever stands between us and the client took -PLUS
	 * out of what we offered */
	if (f->binding == SCRAM_COULD && s->channel.tls != NULL) {
		*e_r = auth_scram_downgraded(t, s->auth, &s->scram->login);
		return SASL_FAILED;
	}
	if (!sasl_scram_binding(s, f, &s->scram->binding))
		return sasl_malformed(t, e_r);
	return SASL_MORE;
}

static may_yield enum sasl_step
sasl_scram_first(struct task *t, struct sasl *s, struct str in,
    struct str *out_r, struct err **e_r)
{
	unsigned char random[SASL_NONCE_BYTES];
	struct sasl_scram *x = s->scram;
	struct password_salt salt;
	struct scram_first f;

	if (!scram_parse_first(s->arena, in, &f))
		return sasl_malformed(t, e_r);
	x->login = (struct auth_login){ .login = arena_str(s->arena, f.name),
		.protocol = s->protocol,
		.peer = s->peer };
	x->authzid = arena_str(s->arena, f.authzid);
	x->first_bare = arena_str(s->arena, f.bare);
	if (sasl_scram_check(t, s, &f, e_r) == SASL_FAILED)
		return SASL_FAILED;
	rnd_system.fill(rnd_system.arg, random, sizeof(random));
	x->nonce = sasl_cat(s->arena, f.nonce,
	    base64_encode(s->arena, str_of(random, sizeof(random))));
	*e_r = auth_scram_begin(t, s->auth, &x->login, &salt);
	if (*e_r != NULL)
		return SASL_FAILED;
	x->server_first = scram_server_first(s->arena, x->nonce,
	    str_of(salt.salt, sizeof(salt.salt)), salt.iterations);
	x->state = SCRAM_FINAL;
	*out_r = x->server_first;
	return SASL_MORE;
}

static may_yield enum sasl_step
sasl_scram_final(struct task *t, struct sasl *s, struct str in,
    struct str *out_r, struct err **e_r)
{
	unsigned char signature[CRYPTO_SHA256_BYTES];
	struct sasl_scram *x = s->scram;
	struct scram_final f;

	if (!scram_parse_final(s->arena, in, &f) || !str_eq(f.nonce, x->nonce))
		return sasl_malformed(t, e_r);
	*e_r = auth_scram_end(t, s->auth, &x->login,
	    scram_auth_message(s->arena, x->first_bare, x->server_first,
		f.without_proof),
	    f.proof, str_eq(f.binding, x->binding), signature);
	if (*e_r != NULL)
		return SASL_FAILED;
	x->state = SCRAM_ENDED;
	*out_r =
	    scram_server_final(s->arena, str_of(signature, sizeof(signature)));
	return sasl_for_himself(t, x->authzid, &x->login, SASL_MORE, e_r);
}

/* The last of the three is empty: none of our protocols sends data with its
 * word of success (RFC 4422, 3.3). */
enum sasl_step
sasl_scram_step(struct task *t, struct sasl *s, struct str in,
    struct str *out_r, struct auth_login *l_r, struct err **e_r)
{
	if (s->scram == NULL)
		s->scram = arena_new_obj(s->arena, struct sasl_scram);
	if (in.p == NULL && s->step++ == 0) {
		*out_r = STR("");
		return SASL_MORE;
	}
	switch (s->scram->state) {
	case SCRAM_FIRST:
		return sasl_scram_first(t, s, in, out_r, e_r);
	case SCRAM_FINAL:
		return sasl_scram_final(t, s, in, out_r, e_r);
	case SCRAM_ENDED:
		break;
	}
	if (in.n > 0)
		return sasl_malformed(t, e_r);
	*l_r = s->scram->login;
	return SASL_DONE;
}
