/* lastlogin.h - when an account was used last, noted beside its journal */
#ifndef STORAGE_LASTLOGIN_H
#define STORAGE_LASTLOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/task.h"
#include "storage/mailstore.h"

/*
 * For people, who ask whether an account is used and whether that was they: it
 * decides nothing, so it is written now and then (server/auth/auth_noted.c), by
 * any node, without an order, and may be lost.
 *
 * The file accounts/<xx>/<id>/login is one line of LASTLOGIN_BYTES, replaced in
 * its place by one WRITE:
 *
 *	1 1764496800 imap 192.0.2.1 7f3a90c1      \n
 *
 * version, wall seconds, protocol, address ("unix": a socket; "-": none),
 * CRC-32C of what is before it (with the blank), blanks, LF.  A reader that
 * finds anything else finds nothing.
 */
#define LASTLOGIN_BYTES 128
#define LASTLOGIN_WORD_MAX 63 /* protocol, address */

struct lastlogin {
	int64_t at;	     /* wall seconds */
	struct str protocol; /* "imap", "pop3", "submission", "console" */
	struct str ip;	     /* or empty */
};

/* text_r: LASTLOGIN_BYTES, no NUL.  What is no word is left out. */
void lastlogin_format(const struct lastlogin *l, char *text_r);
/* false: it is none; the strings point into text. */
bool lastlogin_parse(struct str text, struct lastlogin *l_r);

/* LOOKUP of directory and file (CREATE, the first time), one WRITE.
 * ERR_NOTFOUND: there is no such account. */
may_yield must_check struct err *lastlogin_write(struct task *t,
    struct mailstore *ms, struct str id, const struct lastlogin *l);
/* ERR_NOTFOUND: nobody has logged in, or it cannot be read any more. */
may_yield must_check struct err *lastlogin_read(struct task *t,
    struct mailstore *ms, struct str id, struct lastlogin *l_r);

#endif
