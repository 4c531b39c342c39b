/* api_private.h - what the files of api.h share */
#ifndef SERVER_API_API_PRIVATE_H
#define SERVER_API_API_PRIVATE_H

#include "server/api/api.h"
#include "server/auth/session.h"

#define API_SEGMENTS_MAX 8
#define API_QUERIES_MAX 32
#define API_QUERY_MAX 1000  /* bytes of one value */
#define API_CURSOR_MAX 1400 /* characters */
#define API_METHODS_TEXT 64
/* Requests of a client that nobody answers for, in a minute: a crowd behind one
 * address signs in, and scanners get no further. */
#define API_STRANGERS_MAX 300
/* Changes of a person without a role, in a minute and on a node: each is an
 * entry of the state for the whole cluster. */
#define API_USER_CHANGES_MAX 60
#define API_OPEN_BODY_MAX (64U << 10) /* of what needs no sign-in */
#define API_ENTRY_WAIT_MS 3000 /* for a replica at Shoal-Entry */
#define API_ENTRY_POLL_MS 20
#define API_ENTRY_POLL_MAX_MS 320
#define API_RETRY_S 5 /* Retry-After of 503 */

struct api_param {
	struct str name, value;
};

/* Of one request, what handlers need not see. */
struct api_own {
	struct arena *a;
	/* the answer that was asked for instead of the error's: status 0, none
	 */
	unsigned status, retry_s;
	const char *code, *sentence, *pointer;
	/* parameters of the query, and what the cursor said */
	struct api_param query[API_QUERIES_MAX];
	unsigned query_n;
	unsigned limit;
	struct str after;
	/* answer */
	struct str etag, location, created; /* created: name of what was made */
	const char *type;		    /* of text, instead of JSON */
	struct str text;
	/* If-Match */
	struct str match; /* as sent; p NULL: not */
	/* who asks: what was shown, and what the browser is to keep */
	enum api_shown {
		API_SHOWN_NOTHING,
		API_SHOWN_COOKIE, /* signed by us, not expired */
		API_SHOWN_TOKEN,
		API_SHOWN_BAD
	} shown;
	struct session session;
	struct str token;
	struct str cookie; /* value of Set-Cookie; p NULL: none */
	int64_t expires;   /* of the session, wall seconds */
};

/* --- api_find.c: which route --- */

struct api_path {
	struct str segment[API_SEGMENTS_MAX]; /* decoded */
	unsigned n;
};
/* The target as it was sent, below API_PREFIX. false: no path of ours can be
 * like that. */
bool api_path_parse(struct arena *a, struct str target, struct api_path *p_r);
/*
 * The route; what is written out goes before a parameter.  NULL: *allow_r (of
 * API_METHODS_TEXT) has the path's other methods, "" when there is no such
 * path.  HEAD is GET.
 */
const struct api_route *api_find(const struct api_route *const *tables,
    struct str method, const struct api_path *p,
    struct str params_r[API_PARAMS_MAX], char *allow_r);

/* --- api_query.c: the query and the pages of lists --- */

/* Into x->own: what the route's table allows (422 else). */
must_check struct err *api_query_parse(struct api *x, struct str query);
/* A cursor means something to the operation that made it. */
struct str api_cursor_format(struct arena *a, const char *id, struct str after);
bool api_cursor_parse(struct arena *a, const char *id, struct str cursor,
    struct str *after_r);
/* RFC 3339, in UTC or with an offset, fractions cut off. */
bool api_time_parse(struct str text, int64_t *wall_s_r);
/* of at least 21 bytes */
void api_time_format(int64_t wall_s, char text_r[32]);

/* --- api_body.c --- */

/* Whether it is what the schema says (422 else, with the field). */
must_check struct err *api_body_check(struct api *x, const struct api_schema *s,
    const struct json *in);
/* 415, 400, 422; x->in is the caller's to free. */
must_check struct err *api_body_read(struct api *x);

/* --- api_match.c --- */

/*
 * If-Match = "*" / #entity-tag	RFC 9110, 13.1.1
 * What one strong tag may be: weak ones match nothing.
 */
enum api_match { API_MATCH_BAD, API_MATCH_NO, API_MATCH_YES };
enum api_match api_match_tag(struct str field, struct str tag);
bool api_match_is_any(struct str field);
/* 428, 404, 412; *use_r: *x_r is to be put in force while the route runs. */
must_check struct err *api_match_check(struct api *x, struct state_expect *x_r,
    bool *use_r);
/* Of what is answered, where the route has a tag. */
void api_match_answer(struct api *x);

/* --- api_problem.c --- */

/* The error becomes the answer. */
void api_problem(struct task *t, struct api *x, struct err *e);
void api_problem_reply(struct arena *a, struct http_response *rs,
    unsigned status, const char *code, const char *sentence,
    const char *pointer);

/* --- api_who.c: who asks --- */

/* What was shown, as far as it can be seen without waiting.  429: too many
 * requests of a client that shows nothing that counts. */
must_check struct err *api_who_look(struct api *x);
/* x->who; nobody if nothing was shown.  401: what was shown does not count.
 * Waits for the replica to be at Shoal-Entry. */
may_yield must_check struct err *api_who(struct task *t, struct api *x);
/* 403: changes come from a page of ours, with the session's token. */
must_check struct err *api_who_forged(struct api *x);
/* 401, 403: role and scopes. */
must_check struct err *api_who_may(struct api *x);
/* 429: he has asked for `what` more than max times in the last minute, on this
 * node; by whatever token or session. */
must_check struct err *api_who_rate(struct api *x, const char *what,
    unsigned max, const char *sentence);
/* 429: more changes than a person makes. */
must_check struct err *api_who_often(struct api *x);
/* 404, 403: whose object the first parameter is. */
must_check struct err *api_who_object(struct api *x);
/* A session for that login, whose cookie goes with the answer; x->who is he. */
must_check struct err *api_who_begin(struct api *x, bool admin,
    struct str login);
/* The browser forgets it. */
void api_who_forget(struct api *x);
/* "https://Mail.Example.org:443": whether a page of it is one of ours. */
bool api_origin_is(struct str origin, struct str authority);
/* Cookie: a=b; c=d	RFC 6265, 4.2.1 */
struct str api_cookie(struct str field, const char *name);
struct str api_bearer(struct str field);

extern const struct api_route api_session_routes[];
extern const struct api_route api_totp_routes[];
extern const struct api_route api_token_routes[];
extern const struct api_route api_admin_routes[];
extern const struct api_route api_openapi_routes[];
extern const struct api_route api_domain_routes[];
extern const struct api_route api_dkim_routes[];
extern const struct api_route api_queue_routes[];
extern const struct api_route api_trace_routes[];
extern const struct api_route api_mail_route_routes[];
extern const struct api_route api_audit_routes[];
extern const struct api_route api_node_routes[];
extern const struct api_route api_setting_routes[];
extern const struct api_route api_share_routes[];

/* api_nodes.c: of lease counters, a second. */
extern const struct api_schema api_rates_schema;
void api_set_rates(struct json *j, const char *key, bool known,
    const double *rates);

#endif
