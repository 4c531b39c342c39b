/* api_find.c - which route a path is */
#include "server/api/api_private.h"

/* From the target in whatever form to what is behind API_PREFIX "/". */
static bool
api_path_cut(struct str target, struct str *rest_r)
{
	struct str prefix = STR(API_PREFIX "/");
	ptrdiff_t end = str_chr(target, '?');

	if (end >= 0)
		target = str_sub(target, 0, (size_t)end);
	if (target.n > 0 && target.p[0] != '/') {
		/* absolute-form: http_parse.c has looked at it */
		end = str_chr(target, ':');
		if (end < 0)
			return false;
		target = str_sub(target, (size_t)end + 3, target.n);
		end = str_chr(target, '/');
		if (end < 0)
			return false;
		target = str_sub(target, (size_t)end, target.n);
	}
	if (!str_starts(target, prefix))
		return false;
	*rest_r = str_sub(target, prefix.n, target.n);
	return true;
}

bool
api_path_parse(struct arena *a, struct str target, struct api_path *p)
{
	struct str rest, segment;

	p->n = 0;
	if (!api_path_cut(target, &rest) || rest.n == 0)
		return false;
	/* cut first, decoded then: an address may have a slash */
	while (str_split(&rest, '/', &segment)) {
		if (p->n == API_SEGMENTS_MAX || segment.n == 0 ||
		    !http_decode(a, segment, false, &p->segment[p->n++]))
			return false;
	}
	return true;
}

static bool
api_is_param(struct str segment)
{
	return segment.n > 0 && segment.p[0] == '{';
}

/* Whether the path is like that; which segments were written out, the first
 * weighing most. */
static bool
api_find_fits(const char *path, const struct api_path *p, unsigned *weight_r)
{
	struct str rest = str_c(path + 1), segment;
	unsigned i = 0;

	*weight_r = 0;
	for (; str_split(&rest, '/', &segment); i++) {
		if (i == p->n)
			return false;
		if (api_is_param(segment))
			continue;
		if (!str_eq(segment, p->segment[i]))
			return false;
		*weight_r |= 1U << (API_SEGMENTS_MAX - i);
	}
	return i == p->n;
}

static void
api_find_allow(char *allow, const char *method)
{
	size_t n = strlen(allow);

	if (strstr(allow, method) == NULL)
		snprintf(allow + n, API_METHODS_TEXT - n, "%s%s",
		    n > 0 ? ", " : "", method);
}

static void
api_find_params(const struct api_route *r, const struct api_path *p,
    struct str params[API_PARAMS_MAX])
{
	struct str rest = str_c(r->path + 1), segment;
	unsigned n = 0;

	for (unsigned i = 0; str_split(&rest, '/', &segment); i++)
		if (api_is_param(segment)) {
			invariant(n < API_PARAMS_MAX);
			params[n++] = p->segment[i];
		}
}

const struct api_route *
api_find(const struct api_route *const *tables, struct str method,
    const struct api_path *p, struct str params[API_PARAMS_MAX], char *allow)
{
	struct str wants = str_eq_c(method, "HEAD") ? STR("GET") : method;
	const struct api_route *best = NULL;
	unsigned best_weight = 0, weight;

	allow[0] = '\0';
	for (; *tables != NULL; tables++)
		for (const struct api_route *r = *tables; r->method != NULL;
		     r++) {
			if (!api_find_fits(r->path, p, &weight))
				continue;
			api_find_allow(allow, r->method);
			if (!str_eq_c(wants, r->method) ||
			    (best != NULL && weight <= best_weight))
				continue;
			best = r;
			best_weight = weight;
		}
	if (best != NULL)
		api_find_params(best, p, params);
	return best;
}
