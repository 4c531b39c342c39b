/* csv.h - comma separated values (RFC 4180), one record at a time */
#ifndef SERVER_CTL_CSV_H
#define SERVER_CTL_CSV_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * Records end with CRLF or LF; a field may be quoted, and then hold commas,
 * line ends and doubled quotes.  A BOM in front is skipped.  Empty lines, and
 * lines whose first character is '#', are not records.
 */
#define CSV_FIELDS_MAX 32

enum csv_result {
	CSV_RECORD,
	CSV_END,
	CSV_TOO_MANY_FIELDS,
	CSV_BAD_QUOTE /* text after a closing quote, or none closing */
};

struct csv {
	struct str rest;
	unsigned line; /* of the record last returned, from 1 */
	unsigned next_line;
};

void csv_init(struct csv *c, struct str text);
/* Fields in the arena. */
enum csv_result csv_next(struct csv *c, struct arena *a,
    struct str fields_r[CSV_FIELDS_MAX], unsigned *count_r);

#endif
