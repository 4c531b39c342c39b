/* api_openapi.c - the description of the API, made of the tables it runs by */
#include "server/api/api_private.h"

#include "server/auth/session.h"

#define OPENAPI_SCHEMAS_MAX 256
#define REF "#/components/schemas/"

/* A schema in the description: what is read and what is written of it differ,
 * in fields and in what has to be there. */
struct openapi_schema {
	const struct api_schema *s;
	bool in, out;
};

struct openapi {
	struct arena *a;
	struct openapi_schema list[OPENAPI_SCHEMAS_MAX];
	unsigned n;
};

/* --- which schemas there are --- */

static void
openapi_use(struct openapi *o, const struct api_schema *s, bool in)
{
	struct openapi_schema *x = o->list;

	while (x < o->list + o->n && x->s != s)
		x++;
	if (x == o->list + o->n) {
		invariant(o->n < OPENAPI_SCHEMAS_MAX);
		o->n++;
		x->s = s;
	}
	if (in ? x->in : x->out)
		return;
	*(in ? &x->in : &x->out) = true;
	for (const struct api_field *f = s->fields; f->name != NULL; f++)
		if (f->of != NULL && !(f->flags & (in ? API_OUT : API_SECRET)))
			openapi_use(o, f->of, in);
}

static const char *
openapi_name(const struct openapi *o, const struct api_schema *s, bool in)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->list[i].s == s && o->list[i].out && in)
			return arena_printf(o->a, "%sInput", s->name);
	return s->name;
}

static void
openapi_ref(const struct openapi *o, struct json *at,
    const struct api_schema *s, bool in)
{
	json_set_c(at, "$ref",
	    arena_printf(o->a, REF "%s", openapi_name(o, s, in)));
}

/* --- a field --- */

static void
openapi_type(struct json *at, const char *type, bool null)
{
	struct json *types;

	if (!null) {
		json_set_c(at, "type", type);
		return;
	}
	types = json_set_arr(at, "type");
	json_add_c(types, type);
	json_add_c(types, "null");
}

static void
openapi_words(struct json *at, const char *const *words, bool null)
{
	struct json *list;

	openapi_type(at, "string", null);
	list = json_set_arr(at, "enum");
	for (; *words != NULL; words++)
		json_add_c(list, *words);
	if (null)
		json_add_c(list, NULL);
}

static void
openapi_string(struct json *at, const struct api_field *f, bool in)
{
	uint64_t max = f->max;

	openapi_type(at, "string", (f->flags & API_NULL) != 0);
	if (f->kind == API_TIME)
		json_set_c(at, "format", "date-time");
	else if (in)
		json_set_u64(at, "maxLength",
		    max > 0		  ? max
		    : f->kind == API_TEXT ? API_TEXT_MAX
					  : API_STR_MAX);
}

static void
openapi_number(struct json *at, const struct api_field *f, bool in)
{
	openapi_type(at, f->kind == API_NUM ? "number" : "integer",
	    (f->flags & API_NULL) != 0);
	if (f->kind == API_U64)
		json_set_u64(at, "minimum", 0);
	if (in && f->max > 0)
		json_set_u64(at, "maximum", f->max);
}

static void
openapi_array(const struct openapi *o, struct json *at,
    const struct api_field *f, bool in)
{
	struct json *items;

	openapi_type(at, "array", (f->flags & API_NULL) != 0);
	if (in)
		json_set_u64(at, "maxItems",
		    f->max > 0 ? f->max : API_ARRAY_MAX);
	items = json_set_obj(at, "items");
	if (f->kind == API_OBJS)
		openapi_ref(o, items, f->of, in);
	else if (f->kind == API_WORDS)
		openapi_words(items, f->words, false);
	else
		json_set_c(items, "type", "string");
}

static void
openapi_object(const struct openapi *o, struct json *at,
    const struct api_field *f, bool in)
{
	struct json *any;

	if (!(f->flags & API_NULL)) {
		openapi_ref(o, at, f->of, in);
		return;
	}
	any = json_set_arr(at, "anyOf");
	openapi_ref(o, json_add_obj(any), f->of, in);
	json_set_c(json_add_obj(any), "type", "null");
}

static void
openapi_field(const struct openapi *o, struct json *at,
    const struct api_field *f, bool in)
{
	switch (f->kind) {
	case API_STR:
	case API_TEXT:
	case API_TIME:
		openapi_string(at, f, in);
		break;
	case API_U64:
	case API_I64:
	case API_NUM:
		openapi_number(at, f, in);
		break;
	case API_BOOL:
		openapi_type(at, "boolean", (f->flags & API_NULL) != 0);
		break;
	case API_WORD:
		openapi_words(at, f->words, (f->flags & API_NULL) != 0);
		break;
	case API_STRS:
	case API_WORDS:
	case API_OBJS:
		openapi_array(o, at, f, in);
		break;
	case API_OBJ:
		openapi_object(o, at, f, in);
		break;
	case API_ANY:
		break;
	}
	if (f->help != NULL)
		json_set_c(at, "description", f->help);
	if (f->flags & API_OUT)
		json_set_bool(at, "readOnly", true);
	if (f->flags & API_SECRET)
		json_set_bool(at, "writeOnly", true);
}

static void
openapi_schema(const struct openapi *o, struct json *at,
    const struct api_schema *s, bool in)
{
	struct json *required, *properties;
	bool any = false;

	json_set_c(at, "type", "object");
	for (const struct api_field *f = s->fields; f->name != NULL; f++)
		any |= (f->flags & API_REQUIRED) &&
		       !(f->flags & (in ? API_OUT : API_SECRET));
	required = any ? json_set_arr(at, "required") : NULL;
	properties = json_set_obj(at, "properties");
	for (const struct api_field *f = s->fields; f->name != NULL; f++) {
		if (f->flags & (in ? API_OUT : API_SECRET))
			continue;
		if (f->flags & API_REQUIRED)
			json_add_c(required, f->name);
		openapi_field(o, json_set_obj(properties, f->name), f, in);
	}
	if (in)
		json_set_bool(at, "additionalProperties", false);
}

/* --- an operation --- */

static struct json *
openapi_param(struct json *list, const char *name, const char *where,
    const char *help)
{
	struct json *p = json_add_obj(list);

	json_set_c(p, "name", name);
	json_set_c(p, "in", where);
	if (help != NULL)
		json_set_c(p, "description", help);
	if (strcmp(where, "path") == 0)
		json_set_bool(p, "required", true);
	return json_set_obj(p, "schema");
}

static void
openapi_pages(struct json *list)
{
	struct json *s =
	    openapi_param(list, "limit", "query", "How many at most.");

	json_set_c(s, "type", "integer");
	json_set_u64(s, "minimum", 1);
	json_set_u64(s, "maximum", API_PAGE_MAX);
	json_set_u64(s, "default", API_PAGE);
	s = openapi_param(list, "cursor", "query",
	    "Where the page begins: next of the one before.");
	json_set_c(s, "type", "string");
	json_set_u64(s, "maxLength", API_CURSOR_MAX);
}

static void
openapi_params(const struct openapi *o, struct json *op,
    const struct api_route *r)
{
	struct json *list = json_set_arr(op, "parameters");
	struct str rest = str_c(r->path + 1), segment;

	while (str_split(&rest, '/', &segment))
		if (segment.p[0] == '{')
			json_set_c(openapi_param(list,
				       arena_cstr(o->a,
					   str_sub(segment, 1, segment.n - 2)),
				       "path", "Of the object."),
			    "type", "string");
	for (const struct api_query *q = r->query; q != NULL && q->name != NULL;
	     q++)
		openapi_field(o, openapi_param(list, q->name, "query", q->help),
		    &(struct api_field){ .name = q->name,
			.kind = q->kind,
			.help = q->help,
			.words = q->words },
		    true);
	if (r->flags & API_LIST)
		openapi_pages(list);
	if (r->flags & API_MATCH)
		json_set_c(openapi_param(list, "If-Match", "header",
			       "The ETag of what was seen, or *: without it, "
			       "428; if it has changed, 412."),
		    "type", "string");
}

static void
openapi_list(const struct openapi *o, struct json *at,
    const struct api_schema *s)
{
	struct json *required, *properties, *items, *next;

	json_set_c(at, "type", "object");
	required = json_set_arr(at, "required");
	json_add_c(required, "items");
	json_add_c(required, "next");
	properties = json_set_obj(at, "properties");
	items = json_set_obj(properties, "items");
	json_set_c(items, "type", "array");
	openapi_ref(o, json_set_obj(items, "items"), s, false);
	next = json_set_obj(properties, "next");
	openapi_type(next, "string", true);
	json_set_c(next, "description", "Cursor of the next page, or null.");
}

static void
openapi_content(const struct openapi *o, struct json *said,
    const struct api_route *r)
{
	struct json *content, *schema;

	if (r->flags & API_EMPTY)
		return;
	content = json_set_obj(said, "content");
	if (r->flags & API_PLAIN) {
		schema =
		    json_set_obj(json_set_obj(content, "text/plain"), "schema");
		json_set_c(schema, "type", "string");
		return;
	}
	schema =
	    json_set_obj(json_set_obj(content, "application/json"), "schema");
	if (r->answer == NULL)
		json_set_c(schema, "type", "object");
	else if (r->flags & API_LIST)
		openapi_list(o, schema, r->answer);
	else
		openapi_ref(o, schema, r->answer, false);
}

static void
openapi_header(struct json *headers, const char *name, const char *help)
{
	struct json *h = json_set_obj(headers, name);

	json_set_c(h, "description", help);
	json_set_c(json_set_obj(h, "schema"), "type", "string");
}

static void
openapi_responses(const struct openapi *o, struct json *op,
    const struct api_route *r)
{
	struct json *all = json_set_obj(op, "responses"), *said, *headers;
	bool empty = (r->flags & API_EMPTY) != 0;
	const char *status = empty		       ? "204"
			     : r->flags & API_CREATES  ? "201"
			     : r->flags & API_ACCEPTED ? "202"
						       : "200";

	said = json_set_obj(all, status);
	json_set_c(said, "description", empty ? "It is done." : "As asked.");
	headers = json_set_obj(said, "headers");
	openapi_header(headers, "Shoal-Entry",
	    "The state that the answer is from: sent along, the next request "
	    "is answered from no older one, on whichever node.");
	if (r->tag != STATE_TAG_NONE && !(r->flags & (API_LIST | API_EMPTY)))
		openapi_header(headers, "ETag", "For If-Match.");
	openapi_content(o, said, r);
	json_set_c(json_set_obj(all, "default"), "$ref",
	    "#/components/responses/Problem");
}

static void
openapi_security(const struct openapi *o, struct json *op,
    const struct api_route *r)
{
	struct json *list = json_set_arr(op, "security"), *cookie, *bearer;

	if (r->area == AREA_OPEN)
		return;
	cookie = json_add_obj(list);
	json_set_arr(cookie, "cookie");
	if (strcmp(r->method, "GET") != 0)
		json_set_arr(cookie, "csrf");
	if (r->area == AREA_ME && r->writes)
		return; /* not for tokens */
	bearer = json_add_obj(list);
	json_add_str(json_set_arr(bearer, "bearer"),
	    str_c(arena_printf(o->a, "%s:%s", area_name(r->area),
		r->writes ? "write" : "read")));
}

/* No body is the same as an empty object. */
static bool
openapi_demands(const struct api_schema *s)
{
	for (const struct api_field *f = s->fields; f->name != NULL; f++)
		if ((f->flags & API_REQUIRED) && !(f->flags & API_OUT))
			return true;
	return false;
}

static void
openapi_operation(const struct openapi *o, struct json *paths,
    const struct api_route *r)
{
	struct json *path, *op;
	const struct json *there = json_get(paths, r->path);
	char method[8] = "";

	path = there != NULL ? (struct json *)(uintptr_t)there
			     : json_set_obj(paths, r->path);
	for (unsigned i = 0; r->method[i] != '\0' && i < sizeof(method) - 1;
	     i++)
		method[i] = (char)(r->method[i] | 32);
	op = json_set_obj(path, method);
	json_set_c(op, "operationId", r->id);
	json_set_c(op, "summary", r->help);
	json_add_c(json_set_arr(op, "tags"), area_name(r->area));
	openapi_params(o, op, r);
	if (r->body != NULL) {
		struct json *body = json_set_obj(op, "requestBody");

		json_set_bool(body, "required", openapi_demands(r->body));
		openapi_ref(o,
		    json_set_obj(json_set_obj(json_set_obj(body, "content"),
				     "application/json"),
			"schema"),
		    r->body, true);
	}
	openapi_responses(o, op, r);
	openapi_security(o, op, r);
}

/* --- all of it --- */

static const struct api_field openapi_problem_fields[] = {
	{ "type", API_STR, API_REQUIRED, "Always about:blank.", NULL, NULL, 0 },
	{ "title", API_STR, API_REQUIRED, "The status in words.", NULL, NULL,
	    0 },
	{ "status", API_U64, API_REQUIRED, "The status.", NULL, NULL, 0 },
	{ "detail", API_STR, 0, "A sentence for people.", NULL, NULL, 0 },
	{ "code", API_STR, API_REQUIRED, "A word for programs.", NULL, NULL,
	    0 },
	{ "pointer", API_STR, 0, "Which field of the body (RFC 6901).", NULL,
	    NULL, 0 },
	{ .name = NULL },
};
static const struct api_schema openapi_problem = { "Problem",
	openapi_problem_fields };

static void
openapi_scheme(struct json *all, const char *name, const char *where,
    const char *key, const char *help)
{
	struct json *s = json_set_obj(all, name);

	json_set_c(s, "type", key == NULL ? "http" : "apiKey");
	if (key == NULL) {
		json_set_c(s, "scheme", "bearer");
	} else {
		json_set_c(s, "in", where);
		json_set_c(s, "name", key);
	}
	json_set_c(s, "description", help);
}

static void
openapi_components(struct openapi *o, struct json *doc)
{
	struct json *all = json_set_obj(doc, "components"), *at;

	at = json_set_obj(all, "schemas");
	for (unsigned i = 0; i < o->n; i++) {
		const struct openapi_schema *x = &o->list[i];

		if (x->out)
			openapi_schema(o, json_set_obj(at, x->s->name), x->s,
			    false);
		if (x->in)
			openapi_schema(o,
			    json_set_obj(at, openapi_name(o, x->s, true)), x->s,
			    true);
	}
	at = json_set_obj(json_set_obj(all, "responses"), "Problem");
	json_set_c(at, "description", "Why not (RFC 9457).");
	at = json_set_obj(json_set_obj(json_set_obj(at, "content"),
			      "application/problem+json"),
	    "schema");
	openapi_ref(o, at, &openapi_problem, false);
	at = json_set_obj(all, "securitySchemes");
	openapi_scheme(at, "cookie", "cookie", SESSION_COOKIE,
	    "Of createSession.");
	openapi_scheme(at, "csrf", "header", "X-CSRF-Token",
	    "With a cookie every change needs the session's csrf.");
	openapi_scheme(at, "bearer", NULL, NULL,
	    "A token of createToken, with its scopes.");
}

struct str
api_openapi(struct arena *a)
{
	struct openapi *o = arena_new_obj(a, struct openapi);
	struct json *doc = json_obj_new(), *at;
	struct str text;

	o->a = a;
	openapi_use(o, &openapi_problem, false);
	json_set_c(doc, "openapi", "3.1.0");
	at = json_set_obj(doc, "info");
	json_set_c(at, "title", "Shoal");
	json_set_c(at, "version", PACKAGE_VERSION);
	json_set_c(at, "description",
	    "Administration of a cluster. Sizes are bytes, durations seconds, "
	    "times RFC 3339 in UTC. Whatever node is asked answers for all.");
	json_set_c(json_add_obj(json_set_arr(doc, "servers")), "url",
	    API_PREFIX);
	for (const struct api_route *const *tab = api_routes; *tab != NULL;
	     tab++)
		for (const struct api_route *r = *tab; r->method != NULL; r++) {
			if (r->body != NULL)
				openapi_use(o, r->body, true);
			if (r->answer != NULL)
				openapi_use(o, r->answer, false);
		}
	at = json_set_obj(doc, "paths");
	for (const struct api_route *const *tab = api_routes; *tab != NULL;
	     tab++)
		for (const struct api_route *r = *tab; r->method != NULL; r++)
			openapi_operation(o, at, r);
	openapi_components(o, doc);
	text = json_print(a, doc, JSON_LINE);
	json_free(&doc);
	return text;
}

/* --- the route --- */

static must_check struct err *
api_openapi_get(struct task *t, struct api *x)
{
	(void)t;
	x->own->type = "application/json";
	x->own->text = api_openapi(x->a);
	return NULL;
}

const struct api_route api_openapi_routes[] = {
	{ .method = "GET",
	    .path = "/openapi.json",
	    .id = "getDescription",
	    .help = "This description.",
	    .area = AREA_OPEN,
	    .run = api_openapi_get },
	{ .method = NULL },
};
