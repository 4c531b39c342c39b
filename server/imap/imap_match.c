/* imap_match.c - patterns of LIST and LSUB (RFC 3501, 6.3.8) */
#include "server/imap/imap_private.h"

/*
 * '*' matches anything, '%' anything but '/'.  Only the last '%' and the last
 * '*' are ever tried again.  That is enough: the text between two wildcards
 * taken at its first place leaves the most to what follows, and behind a '%' it
 * cannot move past a '/' at all.  Still somebody can ask for some seconds of
 * work on long names: steps are counted.
 */
bool
imap_match(struct str pattern, struct str name, uint64_t *steps)
{
	size_t p = 0, n = 0;
	size_t star_p = SIZE_MAX, star_n = 0; /* behind '*', tried at */
	size_t level_p = SIZE_MAX, level_n = 0;

	while (n < name.n || p < pattern.n) {
		if (*steps == 0)
			return false;
		--*steps;
		if (p < pattern.n && pattern.p[p] == '*') {
			star_p = ++p;
			star_n = n;
			level_p = SIZE_MAX;
			continue;
		}
		if (p < pattern.n && pattern.p[p] == '%') {
			level_p = ++p;
			level_n = n;
			continue;
		}
		if (p < pattern.n && n < name.n && pattern.p[p] == name.p[n]) {
			p++;
			n++;
			continue;
		}
		if (level_p != SIZE_MAX && level_n < name.n &&
		    name.p[level_n] != '/') {
			p = level_p;
			n = ++level_n;
		} else if (star_p != SIZE_MAX && star_n < name.n) {
			level_p = SIZE_MAX;
			p = star_p;
			n = ++star_n;
		} else {
			return false;
		}
	}
	return true;
}
