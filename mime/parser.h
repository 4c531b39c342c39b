/* parser.h - a message in, the tree of its parts out, in one pass */
#ifndef MIME_PARSER_H
#define MIME_PARSER_H

#include "base/arena.h"
#include "base/str.h"
#include "mime/part.h"

/*
 *	struct mime_parser *p = mime_parser_new(a, NULL);
 *
 *	while (...)
 *		mime_parser_feed(p, piece);
 *	root = mime_parser_finish(p);
 *
 * The pieces may be cut anywhere.  Any input gives a tree; what is broken or
 * over a limit gives less detail (part.h).  Memory, all from the arena, does
 *not depend on the size of bodies: an ordinary message needs a few KiB, the
 *worst one with the default limits less than 16 MiB (measured by the tests).
 *Time is linear.
 *
 * Leniency: a boundary missing at the end, header without blank line, bare LF,
 * blanks behind delimiters.  A bare CR is not a line end.  After the last
 * delimiter of a multipart its boundary means nothing any more.
 */
struct mime_parser;

/* limits NULL: mime_limits_default; else it must outlive the parser. */
struct mime_parser *mime_parser_new(struct arena *a,
    const struct mime_limits *limits);
void mime_parser_feed(struct mime_parser *p, struct str piece);
/* Once.  The tree lives in the arena and never is NULL. */
struct mime_part *mime_parser_finish(struct mime_parser *p);

/* A message that is in memory; the tree does not point into it. */
struct mime_part *mime_parse(struct arena *a, struct str message,
    const struct mime_limits *limits);

#endif
