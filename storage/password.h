/* password.h - hashes, SCRAM keys, and what may be imported */
#ifndef STORAGE_PASSWORD_H
#define STORAGE_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/offload.h"
#include "base/rnd.h"
#include "base/str.h"
#include "base/task.h"
#include "storage/clusterkey.h"

/*
 * Of a password two things are kept, in a secret column: a yescrypt hash
 * (crypt(5), "$y$") for PLAIN and LOGIN, and the SCRAM-SHA-256 keys (RFC 5802,
 * 7677) for clients that never show it.  An account has one salt and one
 * iteration count for the SCRAM keys of all its passwords, because a SCRAM
 * server must name them before it knows which one the client will use.
 *
 * Imported hashes (SHA512-CRYPT, BLF-CRYPT, other crypt(5)) have no SCRAM keys;
 * at the first successful PLAIN login the clear text is at hand, and yescrypt
 * and keys are made (password_needs_upgrade).
 *
 * Passwords are prepared as PRECIS OpaqueString (RFC 8265): spaces become
 * U+0020, NFC, no control characters, not empty, valid UTF-8.  For hashes made
 * elsewhere the bytes as sent are tried, too.
 */
#define PASSWORD_MAX 256      /* bytes: crypt takes up to 511 */
#define PASSWORD_HASH_MAX 383 /* CRYPT_OUTPUT_SIZE - 1 */
#define PASSWORD_SALT_BYTES 16
#define PASSWORD_ITERATIONS 10000 /* RFC 7677 asks for at least 4096 */
#define PASSWORD_COST 5		  /* yescrypt's default: 16 MiB, about 30 ms */
#define PASSWORD_COST_MIN 1

struct password_salt {
	unsigned char salt[PASSWORD_SALT_BYTES];
	uint32_t iterations;
};

struct password {
	struct str hash; /* crypt(5) text; empty: none */
	bool has_scram;
	unsigned char stored_key[32], server_key[32];
	struct password_salt salt; /* that the keys were made with */
};

/* Prepare as above; ERR_INVALID. */
must_check struct err *password_prepare(struct arena *a, struct str clear,
    struct str *prepared_r);

void password_salt_make(const struct rnd *r, uint32_t iterations,
    struct password_salt *salt_r);
/* Hash and keys in the offload pool (NULL: at once); the hash in the task's
 * arena. ERR_INVALID: cannot be prepared, too long. */
may_yield must_check struct err *password_make(struct task *t,
    struct offload *o, struct str clear, unsigned cost,
    const struct password_salt *salt, struct password *p_r);
/* Whether clear is the password; takes as long if p has no hash.  An error only
 * if the hash's method is not supported here. */
may_yield must_check struct err *password_verify(struct task *t,
    struct offload *o, struct str clear, const struct password *p, bool *ok_r);
/* Not yescrypt, or no SCRAM keys. */
bool password_needs_upgrade(const struct password *p);

/*
 * text as in Dovecot's and others' files: "{SHA512-CRYPT}$6$...",
 * "{BLF-CRYPT}$2y$...", "{CRYPT}$...", or the hash alone.  ERR_INVALID says
 * which schemes are known (and never repeats the text).  Clear text is not
 * accepted.
 */
must_check struct err *password_import(struct arena *a, struct str text,
    struct password *p_r);

/* What to answer for a name that does not exist: the same salt every time, as
 * nobody without the cluster key could tell from a real one; and a hash nothing
 * matches that costs the same (password.hash is set). */
void password_fake(struct arena *a, const struct clusterkey *k,
    struct str login, uint32_t iterations, unsigned cost,
    struct password_salt *salt_r, struct password *p_r);

/* SCRAM's arithmetic, for server and tests: keys of a prepared password. */
void blocking_password_scram(struct str prepared,
    const struct password_salt *salt, unsigned char stored_key_r[32],
    unsigned char server_key_r[32]);
/* proof: ClientProof of auth_message.  true: it is right. */
bool password_scram_check(const struct password *p, struct str auth_message,
    const unsigned char proof[32], unsigned char server_signature_r[32]);

/* What password_encode makes of a password that was made here, with keys. The
 * longest of other hashes that crypt(5) knows have some 150. */
#define PASSWORD_KEYED_BYTES 203
/* One secret column's text, and back (ERR_CORRUPT). */
struct str password_encode(struct arena *a, const struct password *p);
must_check struct err *password_decode(struct arena *a, struct str text,
    struct password *p_r);

#endif
