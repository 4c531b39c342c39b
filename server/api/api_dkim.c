/* api_dkim.c - the keys that a domain's mail is signed with */
#include "server/admin/admin_dkim.h"
#include "server/api/api_private.h"
#include "storage/state_address.h"
#include "storage/state_domain.h"
#include "storage/state_node.h"

/*
 * All keys of a domain have one tag: activating one retires another.
 */

static const char *const api_dkim_algorithms[] = { "rsa", "ed25519", NULL };
static const char *const api_dkim_stages[] = { "new", "active", "retired",
	NULL };

static const struct api_field api_dkim_fields[] = {
	{ "selector", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "algorithm", API_WORD, API_REQUIRED, NULL, NULL, api_dkim_algorithms,
	    0 },
	{ "stage", API_WORD, API_REQUIRED,
	    "new: to be published, signs nothing yet; active: signs; retired: "
	    "stays published for what it signed.",
	    NULL, api_dkim_stages, 0 },
	{ "node", API_STR, API_REQUIRED | API_NULL,
	    "Name of the only node that signs with it; null: all.", NULL, NULL,
	    0 },
	{ "created", API_TIME, API_REQUIRED, NULL, NULL, NULL, 0 },
	{ "activated", API_TIME, API_REQUIRED | API_NULL, NULL, NULL, NULL, 0 },
	{ "retired", API_TIME, API_REQUIRED | API_NULL, NULL, NULL, NULL, 0 },
	{ "record", API_STR, API_REQUIRED,
	    "Text of its TXT record, <selector>._domainkey.<domain>.", NULL,
	    NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_dkim_schema = { "DkimKey", api_dkim_fields };

static const struct api_field api_dkim_new_fields[] = {
	{ "algorithm", API_WORD, 0, "rsa (2048 bits), if not given.", NULL,
	    api_dkim_algorithms, 0 },
	{ "selector", API_STR, 0, "Made from the date, if not given.", NULL,
	    NULL, 63 },
	{ "active", API_BOOL, 0, "Sign with it at once.", NULL, NULL, 0 },
	{ "node", API_STR, API_NULL,
	    "Name of the only node that signs with it.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_dkim_new_schema = { "DkimKeyNew",
	api_dkim_new_fields };

static void
api_dkim_put(struct api *x, struct json *j, const struct state_dkim_key *k)
{
	struct state_node n;

	json_set_str(j, "selector", k->selector);
	json_set_str(j, "algorithm", k->algorithm);
	json_set_c(j, "stage", state_dkim_stage_name(k->stage));
	if (k->node.n == 0)
		json_set_null(j, "node");
	else if (state_node_find(x->a, x->ad.state, k->node, &n) == NULL)
		json_set_str(j, "node", n.name);
	else
		json_set_str(j, "node", k->node);
	api_set_time(j, "created", k->created);
	api_set_time(j, "activated", k->activated);
	api_set_time(j, "retired", k->retired);
	json_set_str(j, "record", admin_dkim_record(x->a, k));
}

/* The domain's tag, for all of them and each. */
static must_check struct err *
api_dkim_tag(struct api *x)
{
	char tag[STATE_TAG_CHARS + 1];
	struct err *e =
	    state_tag(x->a, x->ad.state, STATE_TAG_DKIM, x->params[0], tag);

	if (e == NULL)
		api_etag(x, str_c(tag));
	return e;
}

/* Of the domain, which there has to be. */
static must_check struct err *
api_dkim_keys(struct api *x, struct state_dkim_key **list_r, unsigned *n_r)
{
	struct state_domain_rules rules;
	struct str name;
	struct err *e = state_domain_parse(x->a, x->params[0], &name);

	if (e == NULL)
		e = state_domain_rules(x->a, x->ad.state, name, &rules);
	if (e == NULL)
		e = state_dkim_list(x->a, x->ad.state, name, list_r, n_r);
	return e;
}

static must_check struct err *
api_dkim_answer(struct api *x, struct str selector)
{
	struct state_dkim_key *list;
	unsigned n, i = 0;
	struct err *e = api_dkim_keys(x, &list, &n);

	if (e != NULL)
		return e;
	while (i < n && !str_case_eq(list[i].selector, selector))
		i++;
	if (i == n)
		return err_new(x->a, ERR_NOTFOUND, "there is no such key",
		    NULL);
	api_dkim_put(x, x->out, &list[i]);
	return api_dkim_tag(x);
}

static may_yield must_check struct err *
api_dkim_list(struct task *t, struct api *x)
{
	unsigned limit = api_limit(x), n, put = 0, i = 0;
	struct str after = api_after(x);
	struct state_dkim_key *list;
	struct err *e = api_dkim_keys(x, &list, &n);

	(void)t;
	if (e != NULL)
		return e;
	while (after.n > 0 && i < n && !str_eq(list[i].selector, after))
		i++;
	if (after.n > 0 && i++ == n)
		return api_cursor_gone(x);
	for (; i < n && put < limit; i++, put++)
		api_dkim_put(x, json_add_obj(x->items), &list[i]);
	if (i < n)
		api_next(x, list[i - 1].selector);
	return api_dkim_tag(x);
}

static may_yield must_check struct err *
api_dkim_add(struct task *t, struct api *x)
{
	struct state_dkim_key k = { .domain = x->params[0],
		.selector = STR(""),
		.algorithm = STR("rsa"),
		.node = STR("") };
	struct state_domain_rules rules;
	struct state_node node;
	struct str name;
	bool active = false;
	struct err *e;

	(void)json_get_str(x->in, "algorithm", &k.algorithm);
	(void)json_get_str(x->in, "selector", &k.selector);
	(void)json_get_bool(x->in, "active", &active);
	k.stage = active ? STATE_DKIM_ACTIVE : STATE_DKIM_NEW;
	/* before a key is made for nobody */
	e = state_domain_rules(x->a, x->ad.state, k.domain, &rules);
	if (e == NULL && json_get_str(x->in, "node", &name)) {
		e = state_node_find(x->a, x->ad.state, name, &node);
		if (err_is(e, ERR_NOTFOUND))
			return api_bad_field(x, "node",
			    "there is no such node");
		if (e == NULL)
			k.node = node.id;
	}
	if (e == NULL)
		e = admin_dkim_make(t, &x->ad, &k);
	if (e == NULL) /* U-labels are not for a header */
		e = state_domain_parse(x->a, k.domain, &name);
	if (e != NULL)
		return e;
	api_location(x,
	    arena_printf(x->a, "/domains/" STR_FMT "/dkim", STR_ARG(name)),
	    k.selector);
	return api_dkim_answer(x, k.selector);
}

static may_yield must_check struct err *
api_dkim_activate(struct task *t, struct api *x)
{
	struct err *e = state_dkim_activate(t, x->ad.state, x->ad.by,
	    x->params[0], x->params[1]);

	return e != NULL ? e : api_dkim_answer(x, x->params[1]);
}

static may_yield must_check struct err *
api_dkim_retire(struct task *t, struct api *x)
{
	struct err *e = state_dkim_retire(t, x->ad.state, x->ad.by,
	    x->params[0], x->params[1]);

	return e != NULL ? e : api_dkim_answer(x, x->params[1]);
}

static may_yield must_check struct err *
api_dkim_remove(struct task *t, struct api *x)
{
	return state_dkim_remove(t, x->ad.state, x->ad.by, x->params[0],
	    x->params[1]);
}

const struct api_route api_dkim_routes[] = {
	{ .method = "GET",
	    .path = "/domains/{name}/dkim",
	    .id = "listDkimKeys",
	    .help = "Its keys, oldest first; ETag is that of all of them.",
	    .area = AREA_DOMAINS,
	    .scope = API_OF_DOMAIN,
	    .flags = API_LIST,
	    .answer = &api_dkim_schema,
	    .run = api_dkim_list },
	{ .method = "POST",
	    .path = "/domains/{name}/dkim",
	    .id = "createDkimKey",
	    .help = "Make a key.",
	    .area = AREA_DOMAINS,
	    .writes = true,
	    .scope = API_OF_DOMAIN,
	    .flags = API_CREATES,
	    .body = &api_dkim_new_schema,
	    .answer = &api_dkim_schema,
	    .run = api_dkim_add },
	{ .method = "POST",
	    .path = "/domains/{name}/dkim/{selector}/activate",
	    .id = "activateDkimKey",
	    .help = "Sign with it; the one it stands in for is retired.",
	    .area = AREA_DOMAINS,
	    .writes = true,
	    .scope = API_OF_DOMAIN,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_DKIM,
	    .answer = &api_dkim_schema,
	    .run = api_dkim_activate },
	{ .method = "POST",
	    .path = "/domains/{name}/dkim/{selector}/retire",
	    .id = "retireDkimKey",
	    .help = "Sign with it no more.",
	    .area = AREA_DOMAINS,
	    .writes = true,
	    .scope = API_OF_DOMAIN,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_DKIM,
	    .answer = &api_dkim_schema,
	    .run = api_dkim_retire },
	{ .method = "DELETE",
	    .path = "/domains/{name}/dkim/{selector}",
	    .id = "deleteDkimKey",
	    .help = "Remove it at once.",
	    .area = AREA_DOMAINS,
	    .writes = true,
	    .scope = API_OF_DOMAIN,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_DKIM,
	    .run = api_dkim_remove },
	{ .method = NULL },
};
