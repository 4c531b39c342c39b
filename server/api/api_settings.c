/* api_settings.c - settings of the cluster, and its certificates */
#include "server/admin/admin_tls.h"
#include "server/api/api_private.h"
#include "storage/state_setting.h"

#define API_SETTING_MAX 4000 /* characters of a value */

/* --- settings --- */

static const char *const api_setting_types[] = {
	[STATE_SETTING_U64] = "number",
	[STATE_SETTING_BYTES] = "bytes",
	[STATE_SETTING_SECONDS] = "duration",
	[STATE_SETTING_BOOL] = "bool",
	[STATE_SETTING_TEXT] = "text",
	NULL,
};

static const struct api_field api_setting_fields[] = {
	{ "name", API_STR, API_REQUIRED | API_OUT, "Of the setting.", NULL,
	    NULL, 0 },
	{ "value", API_STR, API_REQUIRED,
	    "As it is written: 10M, 30d, yes, a text.", NULL, NULL, 0 },
	{ "default", API_STR, API_REQUIRED | API_OUT, "Without one.", NULL,
	    NULL, 0 },
	{ "is_default", API_BOOL, API_REQUIRED | API_OUT, "Nobody has set it.",
	    NULL, NULL, 0 },
	{ "type", API_WORD, API_REQUIRED | API_OUT, "What it may be.", NULL,
	    api_setting_types, 0 },
	{ "min", API_U64, API_REQUIRED | API_NULL | API_OUT,
	    "In bytes, seconds, or as it is.", NULL, NULL, 0 },
	{ "max", API_U64, API_REQUIRED | API_NULL | API_OUT,
	    "Of a text: its longest.", NULL, NULL, 0 },
	{ "help", API_STR, API_REQUIRED | API_OUT, "What it does.", NULL, NULL,
	    0 },
	{ "node_value", API_STR, API_REQUIRED | API_NULL | API_OUT,
	    "What the file of the node that answers has instead.", NULL, NULL,
	    0 },
	{ .name = NULL },
};
static const struct api_schema api_setting_schema = { "Setting",
	api_setting_fields };

static const struct api_field api_setting_put_fields[] = {
	{ "value", API_STR, API_REQUIRED,
	    "As it is written: 10M, 30d, yes, a text.", NULL, NULL,
	    API_SETTING_MAX },
	{ .name = NULL },
};
static const struct api_schema api_setting_put_schema = { "SettingPut",
	api_setting_put_fields };

static void
api_setting_put(struct api *x, struct json *j,
    const struct state_setting_desc *d)
{
	const struct conf *conf = x->w->conf;
	bool is_default = true;
	bool number = d->type != STATE_SETTING_BOOL;

	json_set_c(j, "name", d->name);
	json_set_str(j, "value",
	    state_setting_text(x->a, x->ad.state, d->id, &is_default));
	json_set_c(j, "default", d->def);
	json_set_bool(j, "is_default", is_default);
	json_set_c(j, "type", api_setting_types[d->type]);
	if (number && d->type != STATE_SETTING_TEXT)
		json_set_u64(j, "min", d->min);
	else
		json_set_null(j, "min");
	if (number)
		json_set_u64(j, "max", d->max);
	else
		json_set_null(j, "max");
	json_set_c(j, "help", d->help);
	if (conf->setting_set[d->id])
		json_set_str(j, "node_value", conf->setting_text[d->id]);
	else
		json_set_null(j, "node_value");
}

/* In the order of the table, which is one of meaning. */
static must_check struct err *
api_setting_list(struct task *t, struct api *x)
{
	unsigned first = 0, put = 0;

	(void)t;
	for (unsigned i = 0; i < STATE_SETTINGS; i++)
		if (str_eq_c(api_after(x), state_setting_table[i].name))
			first = i + 1;
	for (unsigned i = first; i < STATE_SETTINGS; i++) {
		if (put++ == api_limit(x)) {
			api_next(x, str_c(state_setting_table[i - 1].name));
			break;
		}
		api_setting_put(x, json_add_obj(x->items),
		    &state_setting_table[i]);
	}
	return NULL;
}

static must_check struct err *
api_setting_answer(struct api *x)
{
	const struct state_setting_desc *d =
	    state_setting_desc_find(x->params[0]);

	if (d == NULL)
		return err_newf(x->a, ERR_NOTFOUND,
		    "there is no setting " STR_FMT, STR_ARG(x->params[0]));
	api_setting_put(x, x->out, d);
	return NULL;
}

static must_check struct err *
api_setting_get(struct task *t, struct api *x)
{
	(void)t;
	return api_setting_answer(x);
}

static may_yield must_check struct err *
api_setting_set(struct task *t, struct api *x)
{
	struct str value = STR("");
	struct err *e;

	(void)json_get_str(x->in, "value", &value);
	/* for the state that is none: going back to the default is DELETE */
	if (value.n == 0) {
		const struct state_setting_desc *d =
		    state_setting_desc_find(x->params[0]);

		if (d != NULL && d->type != STATE_SETTING_TEXT)
			return api_bad_field(x, "value", "a value is wanted");
	}
	e = state_setting_set(t, x->ad.state, x->who.by, x->params[0], value);
	if (err_is(e, ERR_INVALID))
		return api_bad_field(x, "value", e->text);
	return e != NULL ? e : api_setting_answer(x);
}

static may_yield must_check struct err *
api_setting_reset(struct task *t, struct api *x)
{
	return state_setting_set(t, x->ad.state, x->who.by, x->params[0],
	    STR(""));
}

/* --- certificates --- */

static const struct api_field api_certificate_fields[] = {
	{ "id", API_STR, API_REQUIRED, "Of the certificate.", NULL, NULL, 0 },
	{ "names", API_STRS, API_REQUIRED, "Hosts it is for.", NULL, NULL, 0 },
	{ "created", API_TIME, API_REQUIRED, "When it was added.", NULL, NULL,
	    0 },
	{ "expires", API_TIME, API_REQUIRED | API_NULL,
	    "Until when it is good.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_certificate_schema = { "Certificate",
	api_certificate_fields };

static const struct api_field api_certificate_new_fields[] = {
	{ "chain", API_TEXT, API_REQUIRED,
	    "PEM: the certificate and what leads to its root.", NULL, NULL,
	    STATE_SECRET_MAX },
	{ "key", API_TEXT, API_REQUIRED | API_SECRET, "PEM: its private key.",
	    NULL, NULL, STATE_SECRET_MAX },
	{ .name = NULL },
};
static const struct api_schema api_certificate_new_schema = { "CertificateNew",
	api_certificate_new_fields };

static void
api_certificate_put(struct json *j, const struct state_certificate *c)
{
	json_set_str(j, "id", c->id);
	api_set_strs(j, "names", c->names, c->n);
	api_set_time(j, "created", c->created);
	api_set_time(j, "expires", c->expires);
}

/* Oldest first; there are few. */
static must_check struct err *
api_certificate_list(struct task *t, struct api *x)
{
	struct state_certificate *list;
	struct err *e;
	unsigned n;

	(void)t;
	e = state_certificate_list(x->a, x->ad.state, &list, &n);
	for (unsigned i = 0; e == NULL && i < n; i++)
		api_certificate_put(json_add_obj(x->items), &list[i]);
	return e;
}

static may_yield must_check struct err *
api_certificate_add(struct task *t, struct api *x)
{
	struct state_certificate crt;
	struct str chain = STR_NONE, key = STR_NONE;
	struct err *e;

	(void)json_get_str(x->in, "chain", &chain);
	(void)json_get_str(x->in, "key", &key);
	e = admin_tls_add(t, &x->ad, chain, key, &crt);
	if (e == NULL)
		api_certificate_put(x->out, &crt);
	return e;
}

static may_yield must_check struct err *
api_certificate_remove(struct task *t, struct api *x)
{
	return state_certificate_remove(t, x->ad.state, x->who.by,
	    x->params[0]);
}

const struct api_route api_setting_routes[] = {
	{ .method = "GET",
	    .path = "/settings",
	    .id = "listSettings",
	    .help = "Limits and policies of the whole cluster.",
	    .area = AREA_SETTINGS,
	    .scope = API_WHOLE,
	    .flags = API_LIST,
	    .answer = &api_setting_schema,
	    .run = api_setting_list },
	{ .method = "GET",
	    .path = "/settings/{name}",
	    .id = "getSetting",
	    .help = "One setting.",
	    .area = AREA_SETTINGS,
	    .scope = API_WHOLE,
	    .tag = STATE_TAG_SETTING,
	    .answer = &api_setting_schema,
	    .run = api_setting_get },
	{ .method = "PUT",
	    .path = "/settings/{name}",
	    .id = "setSetting",
	    .help = "Change a setting.",
	    .area = AREA_SETTINGS,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_SETTING,
	    .body = &api_setting_put_schema,
	    .answer = &api_setting_schema,
	    .run = api_setting_set },
	{ .method = "DELETE",
	    .path = "/settings/{name}",
	    .id = "resetSetting",
	    .help = "Back to the default.",
	    .area = AREA_SETTINGS,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_SETTING,
	    .run = api_setting_reset },
	{ .method = "GET",
	    .path = "/certificates",
	    .id = "listCertificates",
	    .help = "The cluster's certificates.",
	    .area = AREA_SETTINGS,
	    .scope = API_WHOLE,
	    .flags = API_LIST,
	    .answer = &api_certificate_schema,
	    .run = api_certificate_list },
	{ .method = "POST",
	    .path = "/certificates",
	    .id = "addCertificate",
	    .help = "Give all nodes one; names that another has move to it.",
	    .area = AREA_SETTINGS,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_CREATES,
	    .body = &api_certificate_new_schema,
	    .answer = &api_certificate_schema,
	    .run = api_certificate_add },
	{ .method = "DELETE",
	    .path = "/certificates/{id}",
	    .id = "removeCertificate",
	    .help = "Take it away from all nodes.",
	    .area = AREA_SETTINGS,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_EMPTY,
	    .run = api_certificate_remove },
	{ .method = NULL },
};
