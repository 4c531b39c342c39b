/* headers.h - the header of a message, field by field, as it comes in */
#ifndef SERVER_SMTP_HEADERS_H
#define SERVER_SMTP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * Pure: no I/O.  Fields point into the text they were found in; nothing is
 * changed but what a step (header_step.h) removes or adds, so all else is kept
 * byte for byte.  Lines end in CRLF.
 *
 * HEADERS_BYTES_MAX of a message and HEADERS_FIELDS_MAX fields are examined.
 * What goes on behind that is passed on as it is (cut): nobody may conclude
 * from such a header that something is not in it.
 *
 * Some messages begin with what is no header: they are body from their first
 * byte (a line that is no field, or would continue what is put above it: a
 * sender could add to our Received), and get the empty line they lack.  mbox's
 * "From " line, which some send along, becomes a field.
 */
#define HEADERS_BYTES_MAX (256 * 1024)
#define HEADERS_FIELDS_MAX 2048
#define HEADERS_NAME_MAX 127 /* of the first field; longer: no field */

struct header_field {
	struct str text; /* name to CRLF with folded lines; empty: removed */
	struct str name; /* without blanks; empty: the line is no field */
};

struct headers {
	struct arena *arena; /* of what is added */
	struct header_field *fields;
	unsigned n, size;
	struct str original; /* the fields as they came, in one piece */
	struct str between;  /* the empty line that was missing; or empty */
	struct str rest;     /* what came behind: the empty line first if
			      * there was one, then body */
	bool ended;	     /* there was an empty line (or no header) */
	bool cut;	     /* header goes on in rest */
};

/*
 * Where the header ends that begins this text, behind the last of its lines;
 * -1: not yet. from: so many bytes were looked at before.
 */
ptrdiff_t headers_end(struct str text, size_t from);

/* text: of a message's beginning, as much as its header at least, or all that
 * is examined; it has to stay. */
void headers_parse(struct arena *a, struct str text, struct headers *h_r);

/* Place of the first of that name from place i on; h->n: none. Any case. */
unsigned headers_find(const struct headers *h, const char *name, unsigned i);
/* Unfolded, without blanks around; at most max bytes of it. */
struct str headers_value(struct arena *a, const struct header_field *f,
    size_t max);
/* Places stay as they are. */
void headers_remove(struct headers *h, unsigned i);
/* A whole field with CRLF, copied. On top (places rise by one), or behind. */
void headers_prepend(struct headers *h, struct str text);
void headers_append(struct headers *h, struct str text);
/* What is behind the empty line, as far as it is here. */
struct str headers_body(const struct headers *h);

#endif
