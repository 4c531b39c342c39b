/* admin_tls.h - certificates of the whole cluster */
#ifndef SERVER_ADMIN_ADMIN_TLS_H
#define SERVER_ADMIN_ADMIN_TLS_H

#include "server/admin/admin.h"
#include "storage/state_key.h"

/*
 * Chain and key (PEM) as one certificate of all nodes; the names are the
 * chain's.  Names that another one has move to this one.  ERR_INVALID: they do
 * not fit each other, cannot be read, or have expired.
 */
may_yield must_check struct err *admin_tls_add(struct task *t,
    const struct admin *ad, struct str chain, struct str key,
    struct state_certificate *crt_r);
/* By id, or one of its names; *id_r. ERR_NOTFOUND. */
may_yield must_check struct err *admin_tls_remove(struct task *t,
    const struct admin *ad, struct str id_or_name, struct str *id_r);

#endif
