/* state_alias_private.h - what state_alias*.c share */
#ifndef STORAGE_STATE_ALIAS_PRIVATE_H
#define STORAGE_STATE_ALIAS_PRIVATE_H

#include "storage/state_alias.h"
#include "storage/state_private.h"

/* ERR_INVALID: no such rule, or not a name. */
must_check struct err *state_group_check(struct arena *a, struct str name,
    struct str posters);

#endif
