/* api_problem.c - errors become answers */
#include "server/api/api_private.h"

#include "base/log.h"

static const struct api_outcome {
	enum err_code code;
	unsigned status;
	const char *word;
} api_outcomes[] = {
	{ ERR_NOTFOUND, 404, "not_found" },
	{ ERR_CLOSED, 404, "not_found" },
	{ ERR_DUPLICATE, 409, "duplicate" },
	{ ERR_CONFLICT, 409, "conflict" },
	{ ERR_INVALID, 422, "bad_field" },
	{ ERR_LIMIT, 422, "limit" },
	{ ERR_DENIED, 403, "forbidden" },
	{ ERR_UNAVAIL, 503, "unavailable" },
	{ ERR_TIMEOUT, 503, "unavailable" },
	{ ERR_UNKNOWN, 503, "unavailable" },
	{ ERR_READONLY, 503, "unavailable" },
	{ ERR_FORMAT, 503, "unavailable" },
	{ ERR_LOST, 503, "unavailable" },
	{ ERR_NOSPC, 507, "full" },
	{ ERR_DQUOT, 507, "full" },
	{ ERR_OVERQUOTA, 507, "full" },
};
static const struct api_outcome api_broken = { ERR_NONE, 500, "internal" };
static const struct api_outcome api_away = { ERR_NONE, 503, "unavailable" };

static const struct api_outcome *
api_outcome_of(const struct err *e)
{
	for (unsigned i = 0; i < countof(api_outcomes); i++)
		if (api_outcomes[i].code == e->code)
			return &api_outcomes[i];
	return share_err_is_temporary(e) ? &api_away : &api_broken;
}

struct err *
api_refuse(struct api *x, unsigned status, const char *code,
    const char *sentence)
{
	struct api_own *own = x->own;

	own->status = status;
	own->code = code;
	own->sentence = arena_strdup(x->a, sentence);
	own->pointer = NULL;
	if (status == 429 && own->retry_s == 0)
		own->retry_s = 60;
	return err_new(x->a, ERR_INVALID, sentence, NULL);
}

void
api_problem_reply(struct arena *a, struct http_response *rs, unsigned status,
    const char *code, const char *sentence, const char *pointer)
{
	struct json *j = json_obj_new();

	json_set_c(j, "type", "about:blank");
	json_set_c(j, "title", http_status_text(status));
	json_set_u64(j, "status", status);
	if (sentence != NULL)
		json_set_c(j, "detail", sentence);
	json_set_c(j, "code", code);
	if (pointer != NULL)
		json_set_c(j, "pointer", pointer);
	http_reply(rs, status, "application/problem+json",
	    json_print(a, j, JSON_LINE));
	json_free(&j);
}

static void
api_problem_log(struct task *t, const struct api *x, const struct err *e,
    unsigned status)
{
	const char *id = x->route == NULL ? "" : x->route->id;

	if (status == 500)
		log_error(t, "api failed", LOG_C("operation", id), LOG_ERR(e));
	else if (status >= 503)
		log_warn(t, "api unavailable", LOG_C("operation", id),
		    LOG_ERR(e));
}

void
api_problem(struct task *t, struct api *x, struct err *e)
{
	const struct api_outcome *o = api_outcome_of(e);
	struct api_own *own = x->own;
	unsigned status = own->status != 0 ? own->status : o->status;
	const char *code = own->status != 0 ? own->code : o->word;
	const char *sentence = own->status != 0 ? own->sentence : e->text;

	api_problem_log(t, x, e, status);
	if (status == 500)
		sentence = NULL;
	if (status == 503 && own->retry_s == 0)
		own->retry_s = API_RETRY_S;
	if (own->retry_s > 0)
		http_add(x->rs, "Retry-After",
		    arena_printf(x->a, "%u", own->retry_s));
	if (status == 401)
		http_add(x->rs, "WWW-Authenticate", "Bearer realm=\"shoal\"");
	api_problem_reply(x->a, x->rs, status, code, sentence, own->pointer);
}
