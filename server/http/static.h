/* static.h - files that are part of the program, as HTTP responses */
#ifndef SERVER_HTTP_STATIC_H
#define SERVER_HTTP_STATIC_H

#include <stdbool.h>

#include "server/http/http.h"

/*
 * The web console is a table of files in the program (server/console/pack.mjs
 * makes it).  A path is looked up in it as it is: no file system is asked, so
 * there is nothing that "..", an encoded slash or a NUL could lead to.
 *
 * The console has pages of its own, which it tells apart by their paths.  For
 * all that begin with one of `roots` the answer is the index, "/".
 */
struct static_file {
	const char *path; /* "/", "/console/<hash>/app.js" */
	const char *type;
	const char *etag; /* with its quotes; weak, since there are two
			   * encodings */
	bool immutable;	  /* another content would have another path */
	struct str plain, gzip;
};
struct static_site {
	const struct static_file *files; /* by path, in the order of bytes */
	unsigned files_n;		 /* 0: built without */
	const char *const *roots; /* first segments of the pages' paths */
	unsigned roots_n;
};
extern const struct static_site console_site;

/* NULL: there is nothing at this path (decoded). */
const struct static_file *static_find(const struct static_site *s,
    struct str path);
/* 200, or 304 for who has it (If-None-Match); the security headers of a page
 * with scripts of its own, and of nobody else. */
void static_reply(const struct static_file *f, const struct http_request *rq,
    struct http_response *rs);

#endif
