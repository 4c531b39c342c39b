/* sasl_parse.h - what SASL clients send */
#ifndef SERVER_AUTH_SASL_PARSE_H
#define SERVER_AUTH_SASL_PARSE_H

#include <stdbool.h>

#include "base/str.h"

#define SASL_NAME_MAX 1024 /* octets of each part: RFC 4616, 2 has 255 */

/*
 * PLAIN's message: authorisation identity (may be empty), login name, password.
 * The parts point into it.
 */
bool sasl_plain_parse(struct str in, struct str part_r[3]);

#endif
