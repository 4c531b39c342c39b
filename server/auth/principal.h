/* principal.h - who asks, and what he may */
#ifndef SERVER_AUTH_PRINCIPAL_H
#define SERVER_AUTH_PRINCIPAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "storage/state_account.h"

enum role { ROLE_NOBODY, ROLE_USER, ROLE_READONLY, ROLE_DOMAIN, ROLE_SYSTEM };
/* ROLE_NOBODY: no such word. */
enum role role_of_name(struct str name);
/* "user", "readonly", "domain", "system"; NULL for nobody. */
const char *role_name(enum role r);

/* What the API is divided into: roles and tokens speak of these. */
enum area {
	AREA_OPEN, /* needs nobody: signing in, first run */
	AREA_ME,   /* one's own password, tokens, forwarding */
	AREA_DOMAINS,
	AREA_ACCOUNTS, /* aliases and groups, too */
	AREA_QUEUE,
	AREA_TRACE,
	AREA_NODES,    /* locks, share, overview */
	AREA_SETTINGS, /* certificates and routes, too */
	AREA_AUDIT,
	AREA_ADMINS,
	AREAS
};
const char *area_name(enum area a); /* "accounts" */

struct principal {
	enum role role;
	struct str login;  /* administrator's name, or account's address */
	struct str name;   /* of the person */
	struct str domain; /* what he sees is of this domain; empty: all */
	bool has_account;
	struct state_account account;
	uint64_t generation;
	const char *by; /* for the audit: "admin:eve", "user:a@example.org",
			 * "token:<id>:eve" */
	/* Bits 2 * area (read), 2 * area + 1 (write); of a session all. */
	uint32_t scopes;
	struct str session; /* id, 32 hex digits; empty: a token's */
	struct str token;   /* id; empty: a session's */
};

/* Role and scopes; objects of other domains are another question. */
bool principal_may(const struct principal *p, enum area a, bool writes);
/* "accounts:write queue:read": ERR_INVALID names the word.  write has read in
 * it; "*:read" is all. */
must_check struct err *principal_scopes_parse(struct arena *a, struct str text,
    uint32_t *scopes_r);

#endif
