/* param.h - parameters of Content-Type and its kin; RFC 2045 and 2231 */
#ifndef MIME_PARAM_H
#define MIME_PARAM_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * Parameters are kept as they were written ("filename*0*", in order, values
 * without quoting): that is what BODYSTRUCTURE returns.  mime_params_get()
 * joins and decodes.  Names are lower case.
 */
struct mime_param {
	struct str name, value;
};
struct mime_params {
	struct mime_param *v;
	unsigned n;
};

/*
 * *( ";" attribute "=" value )	RFC 2045, 5.1
 *
 * in is what follows the type.  Lenient: values with blanks that are not
 * quoted, missing semicolons after quoted strings, comments.  At most limit are
 * kept.
 */
struct mime_params mime_params_parse(struct arena *a, struct str in,
    unsigned limit);

/* The first parameter of that name, as written; false if there is none. */
bool mime_params_raw(const struct mime_params *p, const char *name,
    struct str *value_r);

/*
 * The parameter's value in UTF-8: name*0, name*1* ... joined up to the first
 * gap (RFC 2231), or name*, or name with encoded words decoded (which RFC 2047
 * forbids and many do).  In an unknown charset: the bytes, with what is no
 * UTF-8 replaced.  False if there is no such parameter.
 */
bool mime_params_get(struct arena *a, const struct mime_params *p,
    const char *name, struct str *value_r);

/*
 * type "/" subtype params.  False if it is none, then RFC 2045, 5.2 says to
 * take text/plain.
 */
bool mime_type_parse(struct arena *a, struct str value, unsigned limit,
    struct str *type_r, struct str *subtype_r, struct mime_params *params_r);

/* A token and its parameters: Content-Disposition.  False if there is no
 * token. */
bool mime_token_parse(struct arena *a, struct str value, unsigned limit,
    struct str *token_r, struct mime_params *params_r);

#endif
