/* api_account.h - what the resources of accounts and /me share */
#ifndef SERVER_API_API_ACCOUNT_H
#define SERVER_API_API_ACCOUNT_H

#include "server/api/api_private.h"
#include "server/admin/admin_account.h"

/* What is looked up on the share while somebody waits for a page. */
#define API_SHARE_MS 5000

/* Fields that Account and AccountDetail have. */
#define API_ACCOUNT_FIELDS                                                     \
	{ "id", API_STR, API_REQUIRED, "It never changes.", NULL, NULL, 0 },   \
	    { "address", API_STR, API_REQUIRED, "The login name, too.", NULL,  \
		    NULL, 0 },                                                 \
	    { "domain", API_STR, API_REQUIRED, "Part of the address.", NULL,   \
		    NULL, 0 },                                                 \
	    { "name", API_STR, API_REQUIRED, "Of the person.", NULL, NULL,     \
		    0 },                                                       \
	    { "status", API_WORD, API_REQUIRED,                                \
		    "suspended: no login, mail is kept.", NULL,                \
		    api_account_statuses, 0 },                                 \
	    { "created", API_TIME, API_REQUIRED | API_NULL, "When.", NULL,     \
		    NULL, 0 },                                                 \
	    { "changed", API_TIME, API_REQUIRED | API_NULL,                    \
		    "When an administrator or its owner did, last.", NULL,     \
		    NULL, 0 },                                                 \
	    { "removed", API_TIME, API_REQUIRED | API_NULL,                    \
		    "When it was, or null.", NULL, NULL, 0 },                  \
	    { "purge_after", API_TIME, API_REQUIRED | API_NULL,                \
		    "Until when it can be restored.", NULL, NULL, 0 },         \
	    { "quota_bytes", API_U64, API_REQUIRED, "0: no limit.", NULL,      \
		    NULL, 0 },                                                 \
	    { "quota_messages", API_U64, API_REQUIRED, "0: no limit.", NULL,   \
		    NULL, 0 },                                                 \
	{                                                                      \
		"password_changed", API_TIME, API_REQUIRED | API_NULL,         \
		    "null: it has no password.", NULL, NULL, 0                 \
	}
/* Fields that AccountDetail and MyAccount have. */
#define API_USAGE_FIELDS                                                       \
	{ "used_bytes", API_U64, API_REQUIRED | API_NULL,                      \
		"null: it cannot be read now.", NULL, NULL, 0 },               \
	    { "messages", API_U64, API_REQUIRED | API_NULL,                    \
		    "null: it cannot be read now.", NULL, NULL, 0 },           \
	{                                                                      \
		"last_login", API_OBJ, API_REQUIRED | API_NULL,                \
		    "null: never, or it cannot be read now.",                  \
		    &api_last_login_schema, NULL, 0                            \
	}

extern const char *const api_account_statuses[];
extern const struct api_schema api_last_login_schema, api_forwarding_schema,
    api_forwarding_set_schema, api_app_password_schema,
    api_app_password_new_schema, api_app_password_made_schema,
    api_folder_schema;

void api_account_put(struct json *j, const struct state_account *sa);
/* The account of the first path parameter, by address or id; there: 409 if it
 * is a removed one. */
must_check struct err *api_account_get(struct api *x, bool there,
    struct state_account *sa_r);
/* used_bytes, messages, and folders if asked for; null if unknown. */
void api_usage_put(struct json *j, const struct admin_usage *u, bool folders);
/* Within API_SHARE_MS; never fails. */
may_yield void api_usage_of(struct task *t, struct api *x,
    const struct state_account *list, unsigned n, struct admin_usage *usage_r);
may_yield void api_last_login(struct task *t, struct api *x, struct json *j,
    struct str id);

/* The answers of what /accounts/{address} and /me have alike. */
must_check struct err *api_app_passwords(struct api *x, struct str address);
may_yield must_check struct err *api_app_password_make(struct task *t,
    struct api *x, struct str address);
may_yield must_check struct err *api_folders(struct task *t, struct api *x,
    struct str id);
must_check struct err *api_forwarding(struct api *x, struct json *j,
    struct str address);
may_yield must_check struct err *api_forwarding_set(struct task *t,
    struct api *x, struct str address);

extern const struct api_route api_account_routes[];
extern const struct api_route api_account_own_routes[];
extern const struct api_route api_account_test_routes[];
extern const struct api_route api_alias_routes[];
extern const struct api_route api_group_routes[];
extern const struct api_route api_me_routes[];

#endif
