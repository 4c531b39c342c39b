/* totp.h - one-time codes of authenticator programs (RFC 6238): the door to
 * liboath */
#ifndef SERVER_AUTH_TOTP_H
#define SERVER_AUTH_TOTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/rnd.h"
#include "base/str.h"

/* What every such program understands: SHA-1, 30 seconds, 6 digits. */
#define TOTP_STEP_S 30
#define TOTP_DIGITS 6
#define TOTP_SECRET_BYTES 20 /* RFC 4226, 4: 160 bits are recommended */
#define TOTP_SECRET_CHARS 32 /* base32 of them */
#define TOTP_STEPS_AROUND 1  /* clocks that differ by up to 30 s */

/* base32, in the arena. */
struct str totp_secret(struct arena *a, const struct rnd *r);
/*
 * Whether the code (blanks in it do not matter) is that of a step after
 * last_step and at most TOTP_STEPS_AROUND from now; *step_r: which.
 */
bool totp_is(struct str secret, struct str code, int64_t now_s,
    uint64_t last_step, uint64_t *step_r);
/* What a QR code of it says: "otpauth://totp/Shoal:eve?secret=..." */
struct str totp_uri(struct arena *a, struct str login, struct str secret);

#endif
