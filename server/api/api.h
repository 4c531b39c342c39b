/* api.h - the REST API: requests become calls of server/admin/ and storage/ */
#ifndef SERVER_API_API_H
#define SERVER_API_API_H

#include "base/json.h"
#include "server/admin/admin.h"
#include "server/auth/principal.h"
#include "server/http/http.h"
#include "server/worker.h"
#include "storage/state_tag.h"

/*
 * A resource is a file api_<noun>.c with one table of routes; api_routes.c
 * lists the tables.  A route says who may, what it takes and what it answers;
 * api.c does all that is the same for every route, in this order:
 *
 *	route (404, 405), who asks (401), CSRF and Origin (403), role and scope
 *	(403), the object's domain (404), JSON and fields of the body (400,
 *	422), If-Match (428, 412), run, one place that turns an error into
 *	application/problem+json (RFC 9457), ETag.
 *
 * If-Match names the tag of the object of the first path parameter (of the
 * person's account where there is none: /me); after a creation ETag is that of
 * the name given to api_location().  With API_MATCH and no tag of the state the
 * handler compares: api_match().
 *
 * The same tables make the OpenAPI 3.1 description (api_openapi.c), so that it
 * says what is done.  Handlers look at nothing of HTTP but through the
 * functions below.
 *
 * Answers: a single object; or a list {"items": [...], "next": cursor or null}
 * (API_LIST).  Times are RFC 3339 in UTC, sizes bytes, durations seconds.
 */
#define API_PREFIX "/api/v1"
#define API_BODY_MAX (1U << 20)
#define API_PAGE 100
#define API_PAGE_MAX 1000
#define API_PARAMS_MAX 3
#define API_DEADLINE_MS 30000 /* of one request */

enum api_kind {
	API_STR,
	API_TEXT, /* a string with line ends */
	API_U64,
	API_I64,
	API_BOOL,
	API_NUM,   /* answers only: any number */
	API_TIME,  /* RFC 3339 */
	API_STRS,  /* array of strings */
	API_WORD,  /* one of words */
	API_WORDS, /* array of them */
	API_OBJ,   /* of */
	API_OBJS,  /* array of `of` */
	API_ANY	   /* answers only: whatever */
};
enum api_field_flags {
	API_REQUIRED = 1, /* in a body; in an answer: always there */
	API_NULL = 2,	  /* may be null */
	API_SECRET = 4,	  /* writeOnly: never answered, never logged */
	API_OUT = 8	  /* readOnly: in a body it is refused */
};
struct api_schema;
struct api_field {
	const char *name;
	enum api_kind kind;
	unsigned flags;
	const char *help;	     /* NULL: the name says it */
	const struct api_schema *of; /* API_OBJ, API_OBJS */
	const char *const *words;    /* API_WORD(S): ends with NULL */
	uint64_t max; /* bytes of a string, elements, or greatest number; 0:
		       * API_STR_MAX, API_ARRAY_MAX, INT64_MAX */
};
#define API_STR_MAX 1000
#define API_TEXT_MAX 65536
#define API_ARRAY_MAX 1000
struct api_schema {
	const char *name;		/* of the component: "Account" */
	const struct api_field *fields; /* ends with name NULL */
};

/* A query parameter. */
struct api_query {
	const char *name;
	enum api_kind kind; /* API_STR, API_U64, API_BOOL, API_TIME, API_WORD */
	const char *help;
	const char *const *words;
};

enum api_flags {
	API_LIST = 1,	 /* answers items and next; takes limit, cursor */
	API_MATCH = 2,	 /* changes something: If-Match is demanded */
	API_CREATES = 4, /* 201, with Location when api_location() was called */
	API_EMPTY = 8,	 /* 204 */
	API_PLAIN = 16,	 /* answers text/plain by api_plain() */
	API_LOOKS = 32,	 /* no writer is opened for this POST or DELETE: it
			  * changes nothing (codes stay out of URLs), or sees
			  * to that itself */
	API_ACCEPTED = 64 /* 202: it is being done */
};
/* Whose object it is: others than whose domain it is get 404. */
enum api_scope {
	API_ANYBODY,	/* the handler filters by api_domain() */
	API_OF_DOMAIN,	/* the first path parameter is a domain */
	API_OF_ADDRESS, /* it is an address */
	API_WHOLE	/* only who sees all domains */
};

struct api;
struct api_route {
	const char *method;
	const char *path; /* below API_PREFIX: "/accounts/{address}" */
	const char *id;	  /* operationId: "getAccount" */
	const char *help; /* one sentence */
	enum area area;
	bool writes;
	enum api_scope scope;
	unsigned flags;
	enum state_tag_kind tag; /* ETag; If-Match, see above */
	const struct api_schema *body, *answer;
	const struct api_query *query; /* ends with name NULL; or NULL */
	struct err *(*run)(struct task *t, struct api *x);
};

/* One request. */
struct api {
	struct worker *w;
	struct conn *c;
	struct arena *a; /* the task's */
	const struct http_request *rq;
	struct http_response *rs;
	const struct api_route *route;
	struct str params[API_PARAMS_MAX]; /* decoded */
	struct principal who;
	struct admin ad;       /* of a route that writes: may change */
	const struct json *in; /* the body, valid; NULL: the route has none */
	struct json *out;      /* an object, to be filled */
	struct json *items;    /* of a list */
	struct str next;       /* of a list: key that the next page begins
				* behind; p NULL: there is none */
	struct api_own *own;   /* api.c's */
};

/* --- for handlers --- */

/* Query parameter; p NULL: not given.  Numbers and words were checked. */
struct str api_query_str(const struct api *x, const char *name);
uint64_t api_query_u64(const struct api *x, const char *name, uint64_t def);
bool api_query_bool(const struct api *x, const char *name, bool def);
/* Wall seconds of an API_TIME parameter or field; def: not given. */
int64_t api_query_time(const struct api *x, const char *name, int64_t def);
bool api_in_time(const struct api *x, const char *key, int64_t *wall_s_r);
/* Array of strings of the body, in the arena; false: not given. */
bool api_in_strs(const struct api *x, const char *key, struct str **list_r,
    unsigned *n_r);
/* Whether the key is there and null. */
bool api_in_null(const struct api *x, const char *key);

unsigned api_limit(const struct api *x);   /* of a list */
struct str api_after(const struct api *x); /* what was given to api_next() */
/* There is more behind this key; call it when the page is full. */
void api_next(struct api *x, struct str after);
/* For short lists, where it names a row that was removed since: 400. */
must_check struct err *api_cursor_gone(struct api *x);

/* The domain whose objects are seen: who's own, or what the query's parameter
 * says (which, if it is another's, shows nothing: ERR_NOTFOUND), or empty. */
must_check struct err *api_domain(const struct api *x, const char *param,
    struct str *domain_r);
/* ERR_NOTFOUND, as if it were not there, if it is in a domain he may not see.
 */
must_check struct err *api_may_domain(const struct api *x, struct str domain);
must_check struct err *api_may_address(const struct api *x, struct str address);

/* RFC 3339, or null for 0. */
void api_set_time(struct json *obj, const char *key, int64_t wall_s);
/* null for an empty one. */
void api_set_opt(struct json *obj, const char *key, struct str v);
void api_set_strs(struct json *obj, const char *key, const struct str *list,
    unsigned n);
/* Location: path segments below API_PREFIX, encoded here. */
void api_location(struct api *x, const char *collection, struct str name);
void api_plain(struct api *x, struct str text);

/*
 * A field of the body is wrong: 422, with its name (RFC 9457 "pointer").  Other
 * errors keep their meaning: NOTFOUND 404, DUPLICATE and CONFLICT 409, INVALID
 * 422, LIMIT 422 (429 for logins), DENIED 403, UNAVAIL, TIMEOUT, UNKNOWN and
 * READONLY 503, NOSPC and QUOTA 507, the rest 500 without detail.
 */
must_check struct err *api_bad_field(struct api *x, const char *field,
    const char *sentence);

/* Another status or code than the error's, with its sentence. */
must_check struct err *api_refuse(struct api *x, unsigned status,
    const char *code, const char *sentence);

/* The ETag of an object that is none of the state's: printable, without
 * quotes. */
void api_etag(struct api *x, struct str tag);
/* The route's tag as of now, not as of the answer: for who has read the object
 * and is about to yield. */
void api_etag_now(struct api *x);
/* Whether If-Match names it (or is "*"): 412. */
must_check struct err *api_match(struct api *x, struct str tag);

/*
 * An account that is an administrator's with a role that who asks does not have
 * cannot be changed by him: who sets its password, or makes an account where a
 * removed administrator's was, would be that administrator.  403.  Asked by
 * api.c for every API_OF_ADDRESS route that writes; to be asked where an
 * account is made.
 */
must_check struct err *api_may_manage(struct api *x, struct str address);

/*
 * His own password, that he is asked for again: counted and delayed like a
 * login (403 in `field`, 429; 403 with a token).  After what ended his sessions
 * (a new password, another second factor): a cookie for this one.
 */
may_yield must_check struct err *api_own_password(struct task *t, struct api *x,
    const char *field, struct str password);
must_check struct err *api_session_again(struct api *x);
/* Hash and keys of a new password of an administrator with a name of his own;
 * 422 in `field`. */
may_yield must_check struct err *api_admin_password(struct task *t,
    struct api *x, const char *field, struct str clear, struct password *p_r,
    struct password_salt *salt_r);

/* --- api.c --- */

/* Every request below API_PREFIX. */
may_yield void api_handle(struct task *t, struct conn *c,
    const struct http_request *rq, struct http_response *rs);
/* What HTTP refuses before it is a request of ours (413): with a body like the
 * other problems. */
void api_refused(struct http_response *rs, unsigned status);
bool api_is_path(struct str path);
/* The tables; each ends with method NULL, the list with NULL. */
extern const struct api_route *const api_routes[];
/* The description, as JSON text. */
struct str api_openapi(struct arena *a);

#endif
