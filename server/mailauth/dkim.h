/* dkim.h - DomainKeys Identified Mail signatures (RFC 6376, 8301, 8463) */
#ifndef SERVER_MAILAUTH_DKIM_H
#define SERVER_MAILAUTH_DKIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/task.h"
#include "server/dns/dns.h"

/*
 * rsa-sha256 (1024 to 8192 bits verified, 2048 made) and ed25519-sha256; simple
 * and relaxed; l=, x=, t=, i=, z= as they are.  rsa-sha1 is a permanent error
 * (RFC 8301).  At most DKIM_SIGNATURES_MAX signatures of a message are looked
 * at.
 *
 * Verifying streams: dkim_verify_header() has the whole header and does all the
 * look-ups and all of the public key's work; the body then only has to be
 * hashed; dkim_verify_end() compares.
 */
#define DKIM_SIGNATURES_MAX 8

enum dkim_result {
	DKIM_NONE,
	DKIM_PASS,
	DKIM_FAIL,
	DKIM_POLICY,
	DKIM_NEUTRAL,
	DKIM_TEMPERROR,
	DKIM_PERMERROR
};
const char *dkim_result_name(enum dkim_result r);

struct dkim_signature {
	enum dkim_result result;
	struct str domain, selector, identity; /* d=, s=, i= */
	const char *algorithm;		       /* "rsa-sha256" */
	struct str b_start;		       /* first 8 of b=: header.b */
	bool testing;			       /* t=y in the key */
	const char *why;		       /* of anything but PASS */
};

struct dkim_verify;
struct dkim_verify *dkim_verify_new(struct arena *a, struct dns *d);
/* The header as it stands, with CRLF, without the empty line.  Afterwards
 * results are final but for PASS, which may yet be FAIL. */
may_yield void dkim_verify_header(struct task *t, struct dkim_verify *v,
    struct str header);
void dkim_verify_body(struct dkim_verify *v, const void *p, size_t n);
void dkim_verify_end(struct dkim_verify *v);
unsigned dkim_verify_count(const struct dkim_verify *v);
const struct dkim_signature *dkim_verify_nth(const struct dkim_verify *v,
    unsigned i);

/*
 * Signing: feed the whole body, then the header's text.  relaxed/relaxed.  From
 * is oversigned.  key: PEM of the private key ("rsa" or "ed25519" is seen from
 * it).  The field comes with its name and CRLF, folded, at most
 * DKIM_FIELD_MAX.  ERR_INVALID: no From, unusable key.
 */
#define DKIM_FIELD_MAX 4096
struct dkim_key {
	struct str domain, selector;
	struct str pem;
};
struct dkim_sign;
struct dkim_sign *dkim_sign_new(struct arena *a);
void dkim_sign_body(struct dkim_sign *s, const void *p, size_t n);
must_check struct err *dkim_sign_field(struct arena *a, struct dkim_sign *s,
    struct str header, const struct dkim_key *key, int64_t wall_s,
    struct str *field_r);
/* With a key that was read from its PEM already, which takes longer than to
 * sign; pk NULL: as above. */
struct crypto_pk;
must_check struct err *dkim_sign_field_pk(struct arena *a, struct dkim_sign *s,
    struct str header, const struct dkim_key *key, const struct crypto_pk *pk,
    int64_t wall_s, struct str *field_r);

/* A new key pair: algorithm "rsa" (2048) or "ed25519".  Costs 100 ms: in the
 * offload pool.  public_r: p= of the record, base64. */
must_check struct err *blocking_dkim_key_new(struct arena *a,
    const char *algorithm, struct str *pem_r, struct str *public_r);
/* "v=DKIM1; k=rsa; p=..." */
struct str dkim_record(struct arena *a, const char *algorithm,
    struct str public_part);

#endif
