/* pop3_parse.h - one command line of POP3 */
#ifndef SERVER_POP3_POP3_PARSE_H
#define SERVER_POP3_POP3_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/*
 * RFC 1939 with RFC 2449 (CAPA), 2595 (STLS) and 5034 (AUTH).  Pure: a line
 * without its end goes in, a command comes out; texts point into the line.
 */
#define POP3_LINE_MAX 512	 /* B49; RFC 2449 asks for 255 */
#define POP3_SASL_LINE_MAX 12288 /* RFC 4422 tokens, base64 */

enum pop3_verb {
	POP3_APOP,
	POP3_AUTH,
	POP3_CAPA,
	POP3_DELE,
	POP3_LIST,
	POP3_NOOP,
	POP3_PASS,
	POP3_QUIT,
	POP3_RETR,
	POP3_RSET,
	POP3_STAT,
	POP3_STLS,
	POP3_TOP,
	POP3_UIDL,
	POP3_USER,
	POP3_VERBS
};

struct pop3_input {
	enum pop3_verb verb;
	bool has_number;  /* LIST, UIDL: given */
	uint32_t number;  /* of a message; too great: UINT32_MAX */
	uint64_t lines;	  /* TOP; too great: UINT64_MAX (B51) */
	struct str text;  /* USER, PASS: the rest; AUTH: the mechanism */
	struct str token; /* AUTH: initial response; p NULL: none */
};

/* NULL, or a sentence for -ERR. */
const char *pop3_parse(struct str line, struct pop3_input *in_r);
const char *pop3_verb_name(enum pop3_verb verb);

#endif
