/* state_account_private.h - what state_account*.c and state_login.c share */
#ifndef STORAGE_STATE_ACCOUNT_PRIVATE_H
#define STORAGE_STATE_ACCOUNT_PRIVATE_H

#include "storage/state_account.h"
#include "storage/state_private.h"

#define STATE_ACCOUNT_COLUMNS                                                  \
	"id, address, domain, name, status, created, changed, removed,"        \
	" purge_after, quota_bytes, quota_messages, generation,"               \
	" password_changed, volume"
#define STATE_ACCOUNT_NEXT 14 /* first column after these */

#define STATE_PASSWORD_COLUMN "accounts.secret_password"
#define STATE_APP_PASSWORD_COLUMN "app_passwords.secret_password"

void state_account_row(struct state_q *q, void *account);
/* By normalised address, not removed. ERR_NOTFOUND. */
must_check struct err *state_account_by_login(struct state_db *db,
    struct arena *a, struct str login, struct state_account *ac_r);
must_check struct err *state_account_by_id(struct state_db *db, struct arena *a,
    struct str id, struct state_account *ac_r);
must_check struct err *state_account_missing(struct arena *a,
    struct str address);
must_check struct err *state_account_login(struct arena *a, struct str address,
    struct str *login_r);

/* For LIKE ? ESCAPE '\\': what has the text somewhere, case-folded. */
must_check struct err *state_search_pattern(struct arena *a, struct str search,
    struct str *pattern_r);

#endif
