/* api_audit.c - who changed what */
#include "server/api/api_private.h"
#include "storage/state_audit.h"

#define API_AUDIT_STEP 5000 /* rows looked at in a turn: a few milliseconds */
#define API_AUDIT_MS 5000

static const struct api_field api_audit_fields[] = {
	{ "id", API_STR, API_REQUIRED, "Of the row.", NULL, NULL, 0 },
	{ "at", API_TIME, API_REQUIRED, "By the clock of the node that did it.",
	    NULL, NULL, 0 },
	{ "who", API_STR, API_REQUIRED,
	    "ctl:root, admin:eve, user:a@example.org, token:<id>:eve.", NULL,
	    NULL, 0 },
	{ "what", API_STR, API_REQUIRED, "account.add and the like.", NULL,
	    NULL, 0 },
	{ "object", API_STR, API_REQUIRED, "What it was done to.", NULL, NULL,
	    0 },
	{ "detail", API_STR, API_REQUIRED, "Never a secret.", NULL, NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema api_audit_schema = { "AuditRow",
	api_audit_fields };

static const struct api_query api_audit_query[] = {
	{ "object", API_STR, "A part of the object.", NULL },
	{ "who", API_STR, "A part of who did it.", NULL },
	{ "what", API_STR, "How the action begins: account.", NULL },
	{ "domain", API_STR, "Only of what is in this domain.", NULL },
	{ .name = NULL },
};

static void
api_audit_put(struct json *j, const struct state_audit_row *r)
{
	json_set_str(j, "id", r->id);
	api_set_time(j, "at", r->at);
	json_set_str(j, "who", r->who);
	json_set_str(j, "what", r->what);
	json_set_str(j, "object", r->object);
	json_set_str(j, "detail", r->detail);
}

/*
 * A year's rows are looked at in steps, between which others have their turn;
 * what takes too long is a short page, with a cursor.  One more than fits tells
 * whether there are more.
 */
static may_yield must_check struct err *
api_audit_list(struct task *t, struct api *x)
{
	struct state_audit_query q = { .object = api_query_str(x, "object"),
		.who = api_query_str(x, "who"),
		.what = api_query_str(x, "what"),
		.before = api_after(x),
		.step = API_AUDIT_STEP };
	uint64_t until = task_now_ms(t) + API_AUDIT_MS;
	struct str last = STR_NONE;
	struct state_audit_row *list;
	unsigned n, put = 0;
	struct err *e = api_domain(x, "domain", &q.domain);

	while (e == NULL) {
		q.max = api_limit(x) - put + 1;
		e = state_audit_find(x->a, x->ad.state, &q, &list, &n);
		for (unsigned i = 0; e == NULL && i < n; i++) {
			if (put++ == api_limit(x)) {
				api_next(x, last);
				return NULL;
			}
			api_audit_put(json_add_obj(x->items), &list[i]);
			last = list[i].id;
		}
		if (e != NULL || q.looked.p == NULL)
			break;
		if (task_now_ms(t) >= until) {
			api_next(x, q.looked);
			break;
		}
		q.before = q.looked;
		task_yield(t);
	}
	return e;
}

const struct api_route api_audit_routes[] = {
	{ .method = "GET",
	    .path = "/audit",
	    .id = "listAudit",
	    .help = "Who changed what, newest first.",
	    .area = AREA_AUDIT,
	    .scope = API_ANYBODY,
	    .flags = API_LIST,
	    .answer = &api_audit_schema,
	    .query = api_audit_query,
	    .run = api_audit_list },
	{ .method = NULL },
};
