/* roff.c - text for manual pages */
#include "server/roff.h"

#include <stdbool.h>

void
roff_text(FILE *f, const char *s)
{
	bool start = true;

	for (; *s != '\0'; s++) {
		if (start && (*s == '.' || *s == '\''))
			fputs("\\&", f);
		if (*s == '-')
			fputs("\\-", f);
		else if (*s == '\\')
			fputs("\\e", f);
		else
			fputc(*s, f);
		start = *s == '\n';
	}
}
