/* sasl.c - which mechanisms there are; PLAIN and LOGIN */
#include "server/auth/sasl_parse.h"
#include "server/auth/sasl_private.h"
#include "storage/state_address.h"

enum sasl_step
sasl_malformed(struct task *t, struct err **e_r)
{
	*e_r = err_new(task_arena(t), ERR_INVALID,
	    "this is not what the mechanism sends", NULL);
	return SASL_FAILED;
}

static may_yield enum sasl_step
sasl_login(struct task *t, struct sasl *s, struct str name, struct str password,
    struct auth_login *l_r, struct err **e_r)
{
	*l_r = (struct auth_login){ .login = name,
		.password = password,
		.protocol = s->protocol,
		.peer = s->peer };
	*e_r = auth_login(t, s->auth, l_r);
	return *e_r == NULL ? SASL_DONE : SASL_FAILED;
}

/* --- PLAIN --- */

static bool
sasl_is_same(struct task *t, struct str authzid, const struct auth_login *l)
{
	struct state_address ad;

	if (authzid.n == 0 || str_eq(authzid, l->login))
		return true;
	return state_address_parse(task_arena(t), authzid, &ad) == NULL &&
	       str_eq(ad.full, l->account.address);
}

enum sasl_step
sasl_for_himself(struct task *t, struct str authzid, const struct auth_login *l,
    enum sasl_step step, struct err **e_r)
{
	if (sasl_is_same(t, authzid, l))
		return step;
	*e_r = err_new(task_arena(t), ERR_DENIED,
	    "nobody may act for another account", NULL);
	return SASL_FAILED;
}

static may_yield enum sasl_step
sasl_plain(struct task *t, struct sasl *s, struct str in, struct str *out_r,
    struct auth_login *l_r, struct err **e_r)
{
	struct str part[3];
	enum sasl_step step;

	if (in.p == NULL && s->step++ == 0) {
		*out_r = STR("");
		return SASL_MORE;
	}
	if (!sasl_plain_parse(in, part))
		return sasl_malformed(t, e_r);
	step = sasl_login(t, s, part[1], part[2], l_r, e_r);
	return step == SASL_DONE ? sasl_for_himself(t, part[0], l_r, step, e_r)
				 : step;
}

/* --- LOGIN (draft-murchison-sasl-login) --- */

static may_yield enum sasl_step
sasl_login_step(struct task *t, struct sasl *s, struct str in,
    struct str *out_r, struct auth_login *l_r, struct err **e_r)
{
	if (in.p == NULL && s->step == 0 && s->name.p == NULL) {
		/* asked once; the next is the name */
		s->name = STR("");
		*out_r = STR("Username:");
		return SASL_MORE;
	}
	if (in.n == 0 || in.n > SASL_NAME_MAX)
		return sasl_malformed(t, e_r);
	if (s->step++ == 0) {
		s->name = arena_str(s->arena, in);
		*out_r = STR("Password:");
		return SASL_MORE;
	}
	return sasl_login(t, s, s->name, in, l_r, e_r);
}

/* --- all --- */

/* Best first: clients take the first they know, some of them. */
static const struct sasl_mechanism sasl_list[] = {
	{ "SCRAM-SHA-256-PLUS", false, true, sasl_scram_step },
	{ "SCRAM-SHA-256", false, false, sasl_scram_step },
	{ "PLAIN", true, false, sasl_plain },
	{ "LOGIN", true, false, sasl_login_step },
};

/* [scram: no, without TLS, with it][plain] */
static const char *const sasl_names[3][2] = {
	{ "", "PLAIN LOGIN" },
	{ "SCRAM-SHA-256", "SCRAM-SHA-256 PLAIN LOGIN" },
	{ "SCRAM-SHA-256-PLUS SCRAM-SHA-256",
	    "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" },
};

const char *
sasl_mechanisms(struct worker *w, const struct sasl_channel *ch)
{
	unsigned scram = 0;

	if (auth_scram_is_ready(w->auth))
		scram = ch->tls != NULL ? 2 : 1;
	return sasl_names[scram][ch->plain];
}

static const struct sasl_mechanism *
sasl_find(struct str name)
{
	for (unsigned i = 0; i < countof(sasl_list); i++)
		if (str_case_eq_c(name, sasl_list[i].name))
			return &sasl_list[i];
	return NULL;
}

bool
sasl_is_known(struct str mechanism)
{
	return sasl_find(mechanism) != NULL;
}

bool
sasl_shows_password(struct str mechanism)
{
	const struct sasl_mechanism *m = sasl_find(mechanism);

	return m != NULL && m->clear;
}

static bool
sasl_is_offered(struct auth *auth, const struct sasl_mechanism *m,
    const struct sasl_channel *ch)
{
	if (m->clear)
		return ch->plain;
	return (!m->bound || ch->tls != NULL) && auth_scram_is_ready(auth);
}

struct sasl *
sasl_new(struct arena *a, struct auth *auth, struct str mechanism,
    const char *protocol, const struct net_addr *peer,
    const struct sasl_channel *ch)
{
	const struct sasl_mechanism *m = sasl_find(mechanism);
	struct sasl *s;

	if (m == NULL || !sasl_is_offered(auth, m, ch))
		return NULL;
	s = arena_new_obj(a, struct sasl);
	s->m = m;
	s->arena = a;
	s->auth = auth;
	s->protocol = protocol;
	s->peer = peer;
	s->channel = *ch;
	return s;
}

enum sasl_step
sasl_step(struct task *t, struct sasl *s, struct str in, struct str *out_r,
    struct auth_login *l_r, struct err **e_r)
{
	*out_r = STR_NONE;
	*e_r = NULL;
	return s->m->step(t, s, in, out_r, l_r, e_r);
}
