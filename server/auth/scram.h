/* scram.h - what SCRAM's messages look like (RFC 5802, 7) */
#ifndef SERVER_AUTH_SCRAM_H
#define SERVER_AUTH_SCRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * Pure.  What is found points into the message, or, where it had to be decoded,
 * into the arena.  Extensions behind what is known are passed over; mandatory
 * ones ("m=") are refused, as they have to be.
 */
#define SCRAM_MESSAGE_MAX 4096
#define SCRAM_PROOF_BYTES 32
#define SCRAM_NONCE_MAX 512

enum scram_binding {
	SCRAM_CANNOT, /* "n" */
	SCRAM_COULD,  /* "y": but the server did not offer it, it says */
	SCRAM_BOUND   /* "p" */
};

struct scram_first {
	enum scram_binding binding;
	struct str type;    /* "tls-exporter", if bound */
	struct str authzid; /* empty: none */
	struct str name;
	struct str nonce;
	struct str header; /* gs2-header: what client-final has in c= */
	struct str bare;   /* client-first-message-bare */
};
bool scram_parse_first(struct arena *a, struct str in, struct scram_first *f_r);

struct scram_final {
	struct str binding; /* c=: gs2-header and the channel's bytes */
	struct str nonce;
	struct str without_proof; /* client-final-message-without-proof */
	unsigned char proof[SCRAM_PROOF_BYTES];
};
bool scram_parse_final(struct arena *a, struct str in, struct scram_final *f_r);

/* "r=...,s=...,i=...": both nonces in one. */
struct str scram_server_first(struct arena *a, struct str nonce,
    struct str salt, uint32_t iterations);
/* What both sides sign. */
struct str scram_auth_message(struct arena *a, struct str client_first_bare,
    struct str server_first, struct str client_final_without_proof);
/* "v=..." */
struct str scram_server_final(struct arena *a, struct str signature);

#endif
