/* sasl.c - PLAIN and LOGIN */
#include "server/auth/auth_private.h"
#include "server/auth/sasl_parse.h"
#include "storage/state_address.h"

struct sasl_mechanism;

struct sasl {
	const struct sasl_mechanism *m;
	struct arena *arena;
	struct auth *auth;
	const char *protocol;
	const struct net_addr *peer;
	unsigned step;
	struct str name; /* LOGIN's, kept between steps */
};

struct sasl_mechanism {
	const char *name;
	enum sasl_step (*step)(struct task *t, struct sasl *s, struct str in,
	    struct str *out_r, struct auth_login *l_r, struct err **e_r);
};

static enum sasl_step
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

/* Nobody may act for another. */
static bool
sasl_is_same(struct task *t, struct str authzid, const struct auth_login *l)
{
	struct state_address ad;

	if (authzid.n == 0 || str_eq(authzid, l->login))
		return true;
	return state_address_parse(task_arena(t), authzid, &ad) == NULL &&
	       str_eq(ad.full, l->account.address);
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
	if (step == SASL_DONE && !sasl_is_same(t, part[0], l_r)) {
		*e_r = err_new(task_arena(t), ERR_DENIED,
		    "nobody may act for another account", NULL);
		return SASL_FAILED;
	}
	return step;
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

static const struct sasl_mechanism sasl_list[] = {
	{ "PLAIN", sasl_plain },
	{ "LOGIN", sasl_login_step },
};

const char *
sasl_mechanisms(struct worker *w, bool tls)
{
	(void)w;
	/* both show the password */
	return tls ? "PLAIN LOGIN" : "";
}

struct sasl *
sasl_new(struct arena *a, struct auth *auth, struct str mechanism,
    const char *protocol, const struct net_addr *peer)
{
	struct sasl *s;

	for (unsigned i = 0; i < countof(sasl_list); i++) {
		if (!str_case_eq_c(mechanism, sasl_list[i].name))
			continue;
		s = arena_new_obj(a, struct sasl);
		s->m = &sasl_list[i];
		s->arena = a;
		s->auth = auth;
		s->protocol = protocol;
		s->peer = peer;
		return s;
	}
	return NULL;
}

enum sasl_step
sasl_step(struct task *t, struct sasl *s, struct str in, struct str *out_r,
    struct auth_login *l_r, struct err **e_r)
{
	*out_r = STR_NONE;
	*e_r = NULL;
	return s->m->step(t, s, in, out_r, l_r, e_r);
}
