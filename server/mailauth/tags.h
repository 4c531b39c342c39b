/* tags.h - "a=b; c=d": the tag lists of DKIM and DMARC (RFC 6376, 3.2) */
#ifndef SERVER_MAILAUTH_TAGS_H
#define SERVER_MAILAUTH_TAGS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * Names are case-sensitive.  Of a value the blanks around it do not count;
 * those inside (folding) are the user's matter.  A list with the same name
 * twice, or with a tag that is none, is none (3.2); TAGS_MAX tags at most.
 */
#define TAGS_MAX 64

struct tag {
	struct str name;
	struct str value; /* trimmed */
	struct str room;  /* all between "=" and ";" */
};
struct tags {
	struct tag list[TAGS_MAX];
	unsigned n;
};

bool tags_parse(struct str text, struct tags *t_r);
/* As DMARC's are read in practice: what is no tag is passed over, of several
 * with one name the first counts. */
void tags_parse_loosely(struct str text, struct tags *t_r);
/* NULL: there is none. */
const struct tag *tags_find(const struct tags *t, const char *name);
/* Its value; STR_NONE if there is none. */
struct str tags_value(const struct tags *t, const char *name);
bool tags_has(const struct tags *t, const char *name);

/* Value without any blanks or folding: numbers, names, base64. */
struct str tags_squeeze(struct arena *a, struct str value);
/* Whether a colon-separated list has that word (any case). */
bool tags_list_has(struct str list, const char *word);
/* base64 with folding; padding may be missing (3.2: it is optional). */
bool tags_base64(struct arena *a, struct str value, struct str *bytes_r);

#endif
