/* api_match.c - ETag and If-Match: which version somebody has seen */
#include "server/api/api_private.h"

/* etagc = %x21 / %x23-7E / obs-text	RFC 9110, 8.8.3 */
static bool
api_is_etagc(char c)
{
	unsigned char u = (unsigned char)c;

	return u == 0x21 || (u >= 0x23 && u != 0x7f);
}

/* entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE: off *rest */
static bool
api_entity_tag(struct str *rest, bool *weak_r, struct str *tag_r)
{
	size_t i = 0;

	*weak_r = str_starts(*rest, STR("W/"));
	if (*weak_r)
		*rest = str_sub(*rest, 2, rest->n);
	if (rest->n < 2 || rest->p[0] != '"')
		return false;
	for (i = 1; i < rest->n && api_is_etagc(rest->p[i]); i++)
		;
	if (i == rest->n || rest->p[i] != '"')
		return false;
	*tag_r = str_sub(*rest, 1, i - 1);
	*rest = str_sub(*rest, i + 1, rest->n);
	return true;
}

bool
api_match_is_any(struct str field)
{
	return str_eq_c(str_trim(field), "*");
}

enum api_match
api_match_tag(struct str field, struct str tag)
{
	enum api_match found = API_MATCH_NO;
	struct str rest = str_trim(field), one;
	bool weak;

	if (api_match_is_any(field))
		return API_MATCH_YES;
	/* #rule: elements may be empty (RFC 9110, 5.6.1.2) */
	for (unsigned n = 0;; n++) {
		while (rest.n > 0 && (rest.p[0] == ',' || rest.p[0] == ' ' ||
					 rest.p[0] == '\t'))
			rest = str_sub(rest, 1, rest.n);
		if (rest.n == 0)
			return n > 0 ? found : API_MATCH_BAD;
		if (!api_entity_tag(&rest, &weak, &one))
			return API_MATCH_BAD;
		if (!weak && str_eq(one, tag))
			found = API_MATCH_YES;
		rest = str_trim(rest);
		if (rest.n > 0 && rest.p[0] != ',')
			return API_MATCH_BAD;
	}
}

static struct err *
api_match_verdict(struct api *x, struct str tag)
{
	switch (api_match_tag(x->own->match, tag)) {
	case API_MATCH_BAD:
		return api_refuse(x, 400, "bad_header",
		    "If-Match is \"*\" or a list of quoted tags");
	case API_MATCH_NO:
		return api_refuse(x, 412, "precondition_failed",
		    "it was changed by somebody else meanwhile");
	default:
		return NULL;
	}
}

/* Of whom the tag is: p NULL: of nobody. */
static struct str
api_match_key(const struct api *x)
{
	if (x->own->created.p != NULL)
		return x->own->created;
	if (x->params[0].p != NULL)
		return x->params[0];
	return x->who.has_account ? x->who.account.address : STR_NONE;
}

struct err *
api_match_check(struct api *x, struct state_expect *ex, bool *use_r)
{
	struct str key = api_match_key(x);
	char tag[STATE_TAG_CHARS + 1];
	struct err *e;

	*use_r = false;
	if (!(x->route->flags & API_MATCH))
		return NULL;
	if (x->own->match.p == NULL)
		return api_refuse(x, 428, "precondition_required",
		    "If-Match has to say which version was seen");
	if (x->route->tag == STATE_TAG_NONE || key.p == NULL)
		return NULL; /* api_match(), if there is such a thing */
	e = state_tag(x->a, x->ad.state, x->route->tag, key, tag);
	if (e == NULL)
		e = api_match_verdict(x, str_c(tag));
	*use_r = e == NULL;
	*ex = (struct state_expect){ .kind = x->route->tag,
		.key = key,
		.tag = api_match_is_any(x->own->match)
			   ? STR("*")
			   : arena_str(x->a, str_c(tag)) };
	return e;
}

struct err *
api_match(struct api *x, struct str tag)
{
	/* malformed is malformed; without one there was none demanded */
	return x->own->match.p == NULL ? NULL : api_match_verdict(x, tag);
}

void
api_etag(struct api *x, struct str tag)
{
	for (size_t i = 0; i < tag.n; i++)
		invariant(api_is_etagc(tag.p[i]) && tag.p[i] > 0);
	x->own->etag = arena_str(x->a, tag);
}

void
api_etag_now(struct api *x)
{
	struct str key = api_match_key(x);
	char tag[STATE_TAG_CHARS + 1];

	if (x->own->etag.p == NULL && x->route->tag != STATE_TAG_NONE &&
	    !(x->route->flags & (API_LIST | API_EMPTY)) && key.p != NULL &&
	    state_tag(x->a, x->ad.state, x->route->tag, key, tag) == NULL)
		api_etag(x, str_c(tag));
}

void
api_match_answer(struct api *x)
{
	api_etag_now(x);
	if (x->own->etag.p != NULL)
		http_add(x->rs, "ETag",
		    arena_printf(x->a, "\"" STR_FMT "\"",
			STR_ARG(x->own->etag)));
}
