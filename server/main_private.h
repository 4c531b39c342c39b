/* main_private.h - what the files of the program shoald share */
#ifndef SERVER_MAIN_PRIVATE_H
#define SERVER_MAIN_PRIVATE_H

#include <stdio.h>

#include "base/err.h"

/* main_man.c: shoald(8), roff */
void main_man(FILE *f);
/* main_join.c: --join; the exit status, after it has said why. */
int main_join(const char *file, const char *code);
/* main.c: on stderr; returns 1. */
int main_err(const struct err *e);

#endif
