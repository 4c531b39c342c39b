/* api_totp.c - one's own second factor */
#include "server/api/api_private.h"

#include "base/crypto.h"
#include "server/auth/totp.h"
#include "storage/clusterkey.h"
#include "storage/state_admin.h"

/*
 * A secret is one's second factor when a code has shown that the authenticator
 * program has it.  Until then the client keeps it, sealed:
 *
 *	pending = base64url(seal(expires secret)), for the login
 */
#define API_TOTP_PENDING_S 900
#define API_TOTP_LABEL "shoal console totp"

static const struct api_field api_totp_new_fields[] = {
	{ "secret", API_STR, API_REQUIRED, "For typing it in: base32.", NULL,
	    NULL, 0 },
	{ "uri", API_STR, API_REQUIRED, "For a QR code: otpauth://.", NULL,
	    NULL, 0 },
	{ "pending", API_STR, API_REQUIRED,
	    "To be sent back with a code, within 15 minutes.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_totp_new_schema = { "TotpNew",
	api_totp_new_fields };

static const struct api_field api_totp_set_fields[] = {
	{ "password", API_STR, API_REQUIRED | API_SECRET, "One's own.", NULL,
	    NULL, PASSWORD_MAX },
	{ "pending", API_STR, API_REQUIRED | API_SECRET, "As it was answered.",
	    NULL, NULL, 500 },
	{ "code", API_STR, API_REQUIRED | API_SECRET,
	    "What the authenticator shows.", NULL, NULL, 32 },
	{ .name = NULL },
};
static const struct api_schema api_totp_set_schema = { "TotpSet",
	api_totp_set_fields };

static const struct api_field api_totp_remove_fields[] = {
	{ "password", API_STR, API_REQUIRED | API_SECRET, "One's own.", NULL,
	    NULL, PASSWORD_MAX },
	{ .name = NULL },
};
static const struct api_schema api_totp_remove_schema = { "TotpRemove",
	api_totp_remove_fields };

static struct str
api_totp_seal(struct api *x, struct str secret)
{
	unsigned char key[CRYPTO_KEY_BYTES];
	struct str sealed;
	struct buf b;

	buf_init(&b, x->a, 8 + secret.n);
	buf_le64(&b,
	    (uint64_t)(sched_wall_s(x->w->sched) + API_TOTP_PENDING_S));
	buf_str_add(&b, secret);
	clusterkey_derive(state_key(x->w->state), API_TOTP_LABEL, key);
	sealed = crypto_seal(x->a, key, x->who.login, buf_str(&b), &rnd_system);
	crypto_wipe(key, sizeof(key));
	return base64url_encode(x->a, sealed);
}

static bool
api_totp_open(struct api *x, struct str pending, struct str *secret_r)
{
	unsigned char key[CRYPTO_KEY_BYTES];
	struct str sealed, clear;
	struct err *e;

	if (!base64url_decode(x->a, pending, &sealed))
		return false;
	clusterkey_derive(state_key(x->w->state), API_TOTP_LABEL, key);
	e = crypto_open(x->a, key, x->who.login, sealed, &clear);
	crypto_wipe(key, sizeof(key));
	if (e != NULL || clear.n <= 8 ||
	    (int64_t)le64_get(clear.p) <= sched_wall_s(x->w->sched))
		return false;
	*secret_r = str_sub(clear, 8, clear.n);
	return true;
}

/* ERR_CONFLICT: there is one. */
static must_check struct err *
api_totp_is_free(struct api *x)
{
	struct str secret;
	uint64_t step;
	struct err *e =
	    state_totp_find(x->a, x->ad.state, x->who.login, &secret, &step);

	if (e == NULL && secret.n > 0)
		e = err_new(x->a, ERR_CONFLICT,
		    "there is a second factor: remove it first", NULL);
	return e;
}

static must_check struct err *
api_totp_begin(struct task *t, struct api *x)
{
	struct str secret;
	struct err *e = api_totp_is_free(x);

	(void)t;
	if (e != NULL)
		return e;
	secret = totp_secret(x->a, &rnd_system);
	json_set_str(x->out, "secret", secret);
	json_set_str(x->out, "uri", totp_uri(x->a, x->who.login, secret));
	json_set_str(x->out, "pending", api_totp_seal(x, secret));
	return NULL;
}

static may_yield must_check struct err *
api_totp_set(struct task *t, struct api *x)
{
	struct str password, pending, code, secret;
	uint64_t step;
	struct err *e = api_totp_is_free(x);

	(void)json_get_str(x->in, "password", &password);
	(void)json_get_str(x->in, "pending", &pending);
	(void)json_get_str(x->in, "code", &code);
	/* who has found a console open must not lock its owner out */
	if (e == NULL)
		e = api_own_password(t, x, "password", password);
	if (e != NULL)
		return e;
	if (!api_totp_open(x, pending, &secret))
		return api_bad_field(x, "pending",
		    "it is none of ours, or too old: begin again");
	if (!totp_is(secret, code, task_wall_s(t), 0, &step))
		return api_bad_field(x, "code", "the code is wrong");
	e = state_totp_set(t, x->ad.state, x->who.by, x->who.login, secret);
	/* that code does not sign in any more */
	if (e == NULL)
		e = state_totp_use(t, x->ad.state, x->who.login, step);
	return e != NULL ? e : api_session_again(x);
}

static may_yield must_check struct err *
api_totp_remove(struct task *t, struct api *x)
{
	struct str password;
	struct err *e;

	(void)json_get_str(x->in, "password", &password);
	e = api_own_password(t, x, "password", password);
	if (e == NULL)
		e = state_totp_set(t, x->ad.state, x->who.by, x->who.login,
		    STR(""));
	return e != NULL ? e : api_session_again(x);
}

const struct api_route api_totp_routes[] = {
	{ .method = "POST",
	    .path = "/me/totp",
	    .id = "beginMyTotp",
	    .help = "A secret for an authenticator program; setMyTotp makes it "
		    "one's second factor.",
	    .area = AREA_ME,
	    .flags = API_LOOKS,
	    .answer = &api_totp_new_schema,
	    .run = api_totp_begin },
	{ .method = "PUT",
	    .path = "/me/totp",
	    .id = "setMyTotp",
	    .help = "From now on signing in takes a code, too; other "
		    "sessions end.",
	    .area = AREA_ME,
	    .writes = true,
	    .flags = API_EMPTY,
	    .body = &api_totp_set_schema,
	    .run = api_totp_set },
	{ .method = "DELETE",
	    .path = "/me/totp",
	    .id = "removeMyTotp",
	    .help = "The password is enough again; other sessions end.",
	    .area = AREA_ME,
	    .writes = true,
	    .flags = API_EMPTY,
	    .body = &api_totp_remove_schema,
	    .run = api_totp_remove },
	{ .method = NULL },
};
