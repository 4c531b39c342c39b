/* roff.h - text for manual pages */
#ifndef SERVER_ROFF_H
#define SERVER_ROFF_H

#include <stdio.h>

/* A leading dot or quote would be a request, '-' a hyphen: s as it stands. */
void roff_text(FILE *f, const char *s);

#endif
