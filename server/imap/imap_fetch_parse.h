/* imap_fetch_parse.h - what FETCH asks for */
#ifndef SERVER_IMAP_IMAP_FETCH_PARSE_H
#define SERVER_IMAP_IMAP_FETCH_PARSE_H

#include "server/imap/imap_body.h"
#include "server/imap/imap_parse.h"

#define IMAP_FETCH_SECTIONS 500 /* of one FETCH */
#define IMAP_FETCH_PARTS 1000	/* numbers of one section */
#define IMAP_FETCH_FIELDS 200	/* names of one HEADER.FIELDS */

enum {
	IMAP_FETCH_FLAGS = 1,
	IMAP_FETCH_UID = 2,
	IMAP_FETCH_INTERNALDATE = 4,
	IMAP_FETCH_SIZE = 8,
	IMAP_FETCH_ENVELOPE = 16,
	IMAP_FETCH_BODY = 32,
	IMAP_FETCH_BODYSTRUCTURE = 64,
	IMAP_FETCH_MODSEQ = 128
};

struct imap_fetch {
	unsigned items;
	struct imap_section *sections; /* in the order asked for */
	unsigned sections_n;
	bool has_since;
	uint64_t changed_since;
};

/*
 * fetch       = ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att
 *               *(SP fetch-att) ")") [fetch-modifiers]
 * fetch-modifiers = SP "(" "CHANGEDSINCE" SP mod-sequence-value ")"
 *
 * and the end.  Macros are taken within parentheses, too.  CHANGEDSINCE asks
 * for MODSEQ (RFC 7162, 3.1.4.1).
 */
bool imap_fetch_parse(struct imap_in *in, struct imap_fetch *f_r);

#endif
