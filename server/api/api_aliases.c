/* api_aliases.c - aliases and groups */
#include "server/api/api_account.h"

#include "storage/state_address.h"
#include "storage/state_alias.h"

#define API_ALIAS_STEP 25	/* aliases or groups read at once */
#define API_ALIAS_TARGETS 20000 /* of a page */

static const char *const api_posters[] = { "anyone", "domain", "members",
	NULL };

/* --- what is taken and answered --- */

static const struct api_field api_alias_fields[] = {
	{ "address", API_STR, API_REQUIRED,
	    "\"@domain\": what nobody else of the domain gets.", NULL, NULL,
	    0 },
	{ "domain", API_STR, API_REQUIRED, "Part of the address.", NULL, NULL,
	    0 },
	{ "targets", API_STRS, API_REQUIRED, "Addresses, here or elsewhere.",
	    NULL, NULL, STATE_TARGETS_MAX },
	{ "created", API_TIME, API_REQUIRED | API_NULL, "When.", NULL, NULL,
	    0 },
	{ .name = NULL },
};
static const struct api_schema api_alias_schema = { "Alias", api_alias_fields };
static const struct api_field api_alias_new_fields[] = {
	{ "address", API_STR, API_REQUIRED,
	    "\"@domain\": what nobody else of the domain gets.", NULL, NULL,
	    0 },
	{ "targets", API_STRS, API_REQUIRED, "At least one.", NULL, NULL,
	    STATE_TARGETS_MAX },
	{ .name = NULL },
};
static const struct api_schema api_alias_new_schema = { "AliasNew",
	api_alias_new_fields };
static const struct api_field api_alias_set_fields[] = {
	{ "targets", API_STRS, API_REQUIRED, "At least one.", NULL, NULL,
	    STATE_TARGETS_MAX },
	{ .name = NULL },
};
static const struct api_schema api_alias_set_schema = { "AliasSet",
	api_alias_set_fields };

static const struct api_field api_group_fields[] = {
	{ "address", API_STR, API_REQUIRED, "Whom to write to.", NULL, NULL,
	    0 },
	{ "domain", API_STR, API_REQUIRED, "Part of the address.", NULL, NULL,
	    0 },
	{ "name", API_STR, API_REQUIRED, "Of the group.", NULL, NULL, 0 },
	{ "posters", API_WORD, API_REQUIRED, "Who may write to it.", NULL,
	    api_posters, 0 },
	{ "members", API_STRS, API_REQUIRED, "Addresses, here or elsewhere.",
	    NULL, NULL, STATE_TARGETS_MAX },
	{ "created", API_TIME, API_REQUIRED | API_NULL, "When.", NULL, NULL,
	    0 },
	{ .name = NULL },
};
static const struct api_schema api_group_schema = { "Group", api_group_fields };
#define API_GROUP_SETTABLE                                                     \
	{ "name", API_STR, 0, "Of the group.", NULL, NULL, 500 },              \
	    { "posters", API_WORD, 0, "Who may write to it.", NULL,            \
		    api_posters, 0 },                                          \
	{                                                                      \
		"members", API_STRS, 0, "Addresses, here or elsewhere.", NULL, \
		    NULL, STATE_TARGETS_MAX                                    \
	}
static const struct api_field api_group_new_fields[] = {
	{ "address", API_STR, API_REQUIRED, "Whom to write to.", NULL, NULL,
	    0 },
	API_GROUP_SETTABLE,
	{ .name = NULL },
};
static const struct api_schema api_group_new_schema = { "GroupNew",
	api_group_new_fields };
static const struct api_field api_group_set_fields[] = {
	API_GROUP_SETTABLE,
	{ .name = NULL },
};
static const struct api_schema api_group_set_schema = { "GroupSet",
	api_group_set_fields };

static const struct api_query api_alias_query[] = {
	{ "domain", API_STR, "Only those of this domain.", NULL },
	{ "search", API_STR, "Part of the address.", NULL },
	{ NULL, API_STR, NULL, NULL },
};

static void
api_alias_put(struct json *j, const struct state_alias *al)
{
	ptrdiff_t at = str_chr(al->address, '@');

	json_set_str(j, "address", al->address);
	json_set_str(j, "domain",
	    str_sub(al->address, (size_t)at + 1, al->address.n));
	if (al->group) {
		json_set_str(j, "name", al->name);
		json_set_str(j, "posters", al->posters);
	}
	api_set_strs(j, al->group ? "members" : "targets", al->targets, al->n);
	api_set_time(j, "created", al->created);
}

/* --- both --- */

/*
 * Each may have STATE_TARGETS_MAX targets: few are read at once, others have
 * their turn in between, and a page with very many targets is a short one.
 */
static may_yield must_check struct err *
api_alias_list_of(struct task *t, struct api *x, bool groups)
{
	unsigned n = API_ALIAS_STEP, put = 0, targets = 0;
	struct str domain, after = api_after(x);
	struct state_alias *list;
	struct err *e = api_domain(x, "domain", &domain);

	while (e == NULL && n == API_ALIAS_STEP) {
		e = state_alias_search(x->a, x->ad.state, groups, domain,
		    api_query_str(x, "search"), after, API_ALIAS_STEP, &list,
		    &n);
		for (unsigned i = 0; e == NULL && i < n; i++) {
			if (put == api_limit(x) ||
			    targets >= API_ALIAS_TARGETS) {
				api_next(x, after);
				return NULL;
			}
			api_alias_put(json_add_obj(x->items), &list[i]);
			after = list[i].address;
			targets += list[i].n;
			put++;
		}
		task_yield(t);
	}
	return e;
}

static must_check struct err *
api_alias_find(struct api *x, bool group, struct str address,
    struct state_alias *al)
{
	struct err *e = state_alias_find(x->a, x->ad.state, address, al);

	if (err_is(e, ERR_INVALID))
		e = err_new(x->a, ERR_NOTFOUND, e->text, NULL);
	if (e == NULL && al->group != group)
		e = err_newf(x->a, ERR_NOTFOUND, "there is no %s " STR_FMT,
		    group ? "group" : "alias", STR_ARG(al->address));
	return e;
}

static must_check struct err *
api_alias_show(struct api *x, bool group, struct str address)
{
	struct state_alias al;
	struct err *e = api_alias_find(x, group, address, &al);

	if (e == NULL)
		api_alias_put(x->out, &al);
	return e;
}

/* What of the body is settable; address empty: of the path. */
static may_yield must_check struct err *
api_alias_write(struct task *t, struct api *x, bool group, struct str address)
{
	const char *list = group ? "members" : "targets";
	struct state_alias_put p = { .group = group, .add = address.n > 0 };
	struct str name, posters, *targets;
	struct err *e;

	if (api_in_strs(x, list, &targets, &p.n))
		p.targets = targets;
	if (group && json_get_str(x->in, "name", &name))
		p.name = &name;
	if (group && json_get_str(x->in, "posters", &posters))
		p.posters = &posters;
	if (!p.add)
		address = x->params[0];
	e = state_alias_put(t, x->ad.state, x->ad.by, address, &p);
	if (err_is(e, ERR_INVALID) || err_is(e, ERR_LIMIT))
		return api_bad_field(x, list, e->text);
	return e != NULL ? e : api_alias_show(x, group, address);
}

static may_yield must_check struct err *
api_alias_create_of(struct task *t, struct api *x, bool group)
{
	struct str address = STR_NONE;
	struct state_address ad;
	struct err *e;

	(void)json_get_str(x->in, "address", &address);
	e = group ? state_address_parse(x->a, address, &ad)
		  : state_address_parse_any(x->a, address, &ad);
	if (e != NULL)
		return api_bad_field(x, "address", e->text);
	e = api_may_domain(x, ad.domain);
	if (e == NULL)
		e = api_alias_write(t, x, group, ad.full);
	if (e == NULL)
		api_location(x, group ? "/groups" : "/aliases", ad.full);
	return e;
}

/* --- aliases --- */

static may_yield must_check struct err *
api_alias_list(struct task *t, struct api *x)
{
	return api_alias_list_of(t, x, false);
}

static may_yield must_check struct err *
api_alias_create(struct task *t, struct api *x)
{
	return api_alias_create_of(t, x, false);
}

static must_check struct err *
api_alias_get(struct task *t, struct api *x)
{
	(void)t;
	return api_alias_show(x, false, x->params[0]);
}

static may_yield must_check struct err *
api_alias_set(struct task *t, struct api *x)
{
	return api_alias_write(t, x, false, STR_NONE);
}

static may_yield must_check struct err *
api_alias_remove(struct task *t, struct api *x)
{
	return state_alias_remove(t, x->ad.state, x->ad.by, x->params[0],
	    STR_NONE);
}

const struct api_route api_alias_routes[] = {
	{ .method = "GET",
	    .path = "/aliases",
	    .id = "listAliases",
	    .help = "Addresses that stand for others.",
	    .area = AREA_ACCOUNTS,
	    .flags = API_LIST,
	    .answer = &api_alias_schema,
	    .query = api_alias_query,
	    .run = api_alias_list },
	{ .method = "POST",
	    .path = "/aliases",
	    .id = "createAlias",
	    .help = "Make an alias.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .flags = API_CREATES,
	    .tag = STATE_TAG_ALIAS,
	    .body = &api_alias_new_schema,
	    .answer = &api_alias_schema,
	    .run = api_alias_create },
	{ .method = "GET",
	    .path = "/aliases/{address}",
	    .id = "getAlias",
	    .help = "One alias, and where it leads.",
	    .area = AREA_ACCOUNTS,
	    .scope = API_OF_ADDRESS,
	    .tag = STATE_TAG_ALIAS,
	    .answer = &api_alias_schema,
	    .run = api_alias_get },
	{ .method = "PATCH",
	    .path = "/aliases/{address}",
	    .id = "changeAlias",
	    .help = "Other targets in the place of those it has.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .scope = API_OF_ADDRESS,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_ALIAS,
	    .body = &api_alias_set_schema,
	    .answer = &api_alias_schema,
	    .run = api_alias_set },
	{ .method = "DELETE",
	    .path = "/aliases/{address}",
	    .id = "deleteAlias",
	    .help = "Remove an alias.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .scope = API_OF_ADDRESS,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_ALIAS,
	    .run = api_alias_remove },
	{ .method = NULL },
};

/* --- groups --- */

static may_yield must_check struct err *
api_group_list(struct task *t, struct api *x)
{
	return api_alias_list_of(t, x, true);
}

static may_yield must_check struct err *
api_group_create(struct task *t, struct api *x)
{
	return api_alias_create_of(t, x, true);
}

static must_check struct err *
api_group_get(struct task *t, struct api *x)
{
	(void)t;
	return api_alias_show(x, true, x->params[0]);
}

static may_yield must_check struct err *
api_group_set(struct task *t, struct api *x)
{
	return api_alias_write(t, x, true, STR_NONE);
}

static may_yield must_check struct err *
api_group_remove(struct task *t, struct api *x)
{
	return state_group_remove(t, x->ad.state, x->ad.by, x->params[0]);
}

const struct api_route api_group_routes[] = {
	{ .method = "GET",
	    .path = "/groups",
	    .id = "listGroups",
	    .help = "Groups and their members.",
	    .area = AREA_ACCOUNTS,
	    .flags = API_LIST,
	    .answer = &api_group_schema,
	    .query = api_alias_query,
	    .run = api_group_list },
	{ .method = "POST",
	    .path = "/groups",
	    .id = "createGroup",
	    .help = "Make a group.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .flags = API_CREATES,
	    .tag = STATE_TAG_GROUP,
	    .body = &api_group_new_schema,
	    .answer = &api_group_schema,
	    .run = api_group_create },
	{ .method = "GET",
	    .path = "/groups/{address}",
	    .id = "getGroup",
	    .help = "One group, and who is in it.",
	    .area = AREA_ACCOUNTS,
	    .scope = API_OF_ADDRESS,
	    .tag = STATE_TAG_GROUP,
	    .answer = &api_group_schema,
	    .run = api_group_get },
	{ .method = "PATCH",
	    .path = "/groups/{address}",
	    .id = "changeGroup",
	    .help = "Change name, rule or members.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .scope = API_OF_ADDRESS,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_GROUP,
	    .body = &api_group_set_schema,
	    .answer = &api_group_schema,
	    .run = api_group_set },
	{ .method = "DELETE",
	    .path = "/groups/{address}",
	    .id = "deleteGroup",
	    .help = "Remove a group.",
	    .area = AREA_ACCOUNTS,
	    .writes = true,
	    .scope = API_OF_ADDRESS,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_GROUP,
	    .run = api_group_remove },
	{ .method = NULL },
};
