/* state_admin_private.h - what state_admin*.c, state_token.c, state_totp.c
 * share
 */
#ifndef STORAGE_STATE_ADMIN_PRIVATE_H
#define STORAGE_STATE_ADMIN_PRIVATE_H

#include "storage/state_account.h"
#include "storage/state_admin.h"
#include "storage/state_private.h"

#define STATE_ADMIN_COLUMN "admins.secret_password"
#define STATE_ADMIN_TOTP_COLUMN "admins.secret_totp"
#define STATE_ACCOUNT_TOTP_COLUMN "accounts.secret_totp"

must_check struct err *state_admin_missing(struct arena *a, struct str login);
/* A name of its own, or an account's address: in its one form. */
must_check struct err *state_admin_login(struct arena *a, struct str in,
    struct str *login_r);
bool state_admin_is_account(struct str login);
/* Whether role and domain fit each other; *domain_r: in its one form. */
must_check struct err *state_admin_role(struct arena *a, struct str role,
    struct str domain, struct str *domain_r);
/* One line of UTF-8, at most max bytes; what: "a label". */
must_check struct err *state_admin_text(struct arena *a, struct str s,
    size_t max, const char *what);

/* Inside a transaction; ad's login and domain are in their one form. */
must_check struct err *state_admin_must_exist(struct state_tx *x,
    struct str login);
must_check struct err *state_admin_insert(struct state_tx *x,
    const struct state_admin *ad);

/*
 * Random texts that somebody keeps and the state recognises: 130 bits, so that
 * one pass of SHA-256 is enough to keep them by.
 */
#define STATE_SECRET_CHARS 26
struct str state_secret_make(struct state_tx *x);
struct str state_secret_hash(struct arena *a, struct str secret);
/* hash: from the row, whatever is in there. */
bool state_secret_is(struct str secret, struct str hash);
/* <prefix><id><sep><secret>, as somebody shows it; false: it is nothing such. */
bool state_secret_split(struct str text, struct str prefix, char sep,
    struct str *id_r, struct str *secret_r);

#endif
