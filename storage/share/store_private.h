/* store_private.h - what store.c and store_check.c share */
#ifndef STORAGE_SHARE_STORE_PRIVATE_H
#define STORAGE_SHARE_STORE_PRIVATE_H

#include "storage/share/store.h"

/* The check's scratch directory in the root; never an occupant. */
#define STORE_CHECK_PREFIX "check-"

/* prefix and 32 random hexadecimal digits. */
void store_random_name(struct task *t, const char *prefix, char name_r[64]);

#endif
