/* dkim_private.h - what signing and verifying share */
#ifndef SERVER_MAILAUTH_DKIM_PRIVATE_H
#define SERVER_MAILAUTH_DKIM_PRIVATE_H

#include "base/buf.h"
#include "base/crypto_pk.h"
#include "mime/header.h"
#include "server/mailauth/dkim.h"

#define DKIM_HEADER_MAX (256 * 1024)
#define DKIM_RSA_MIN 1024 /* RFC 8301, 3.2 */
#define DKIM_RSA_MADE 2048

enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED };

/* ---- canonical forms (RFC 6376, 3.4): dkim_canon.c */

/*
 * The body's, hashed as it comes.  Empty lines at the end do not count: they
 * are remembered and only hashed when something follows.  Linear, whatever the
 * pieces.
 */
struct dkim_body {
	enum dkim_canon canon;
	uint64_t limit; /* l=, or UINT64_MAX */
	uint64_t bytes; /* canonical bytes so far, over the limit too */
	uint64_t lines; /* CRLFs that wait for something to follow */
	bool cr, blank;
	struct crypto_sha256_run sha;
};
void dkim_body_init(struct dkim_body *b, enum dkim_canon canon, uint64_t limit);
void dkim_body_add(struct dkim_body *b, const void *p, size_t n);
/* The digest as if the body ended here; canonical bytes into *bytes_r, or NULL.
 * Leaves *b as it is. */
void dkim_body_digest(const struct dkim_body *b, unsigned char out_r[32],
    uint64_t *bytes_r);

/* One field (name to line end) with its final CRLF. */
void dkim_canon_field(struct buf *out, enum dkim_canon canon,
    const struct mime_field *f);

/* ---- fields by name, bottom up (RFC 6376, 5.4.2): dkim_fields.c */

/*
 * Sorted by name, of equals the last in the message first, so that a header of
 * thousands of fields and an h= of thousands of names are still nearly linear.
 */
struct dkim_fields;
/* Points into header. */
struct dkim_fields *dkim_fields_new(struct arena *a, struct str header);
unsigned dkim_fields_count(const struct dkim_fields *fs, struct str name);
/* Begin again at the bottom. */
void dkim_fields_reset(struct dkim_fields *fs);
/* The next one above those taken since; NULL: there is none (more). */
const struct mime_field *dkim_fields_take(struct dkim_fields *fs,
    struct str name);

/* ---- */

/* Hash of the fields that h= names (colons between, blanks around them), then
 * of the signature's own with an empty b=, without CRLF (RFC 6376, 3.7). */
void dkim_header_digest(struct arena *a, struct dkim_fields *fs,
    enum dkim_canon canon, struct str names, const struct mime_field *own,
    unsigned char out_r[32]);

#endif
