/* password_private.h - the door to crypt(5), for password*.c */
#ifndef STORAGE_PASSWORD_PRIVATE_H
#define STORAGE_PASSWORD_PRIVATE_H

#include "storage/password.h"

/* "$y$<cost>$<salt>" from 16 bytes. */
void password_crypt_setting(unsigned cost, const unsigned char rbytes[16],
    char setting_r[PASSWORD_HASH_MAX + 1]);

#endif
