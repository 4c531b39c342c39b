/* fields.h - header fields that are kept beside the body structure */
#ifndef MIME_FIELDS_H
#define MIME_FIELDS_H

#include <stdbool.h>

#include "base/str.h"

/*
 * The fields from which the envelope is made, and those that clients ask for
 * when they list a folder (BODY.PEEK[HEADER.FIELDS (...)], seen in Thunderbird,
 * mutt, mbsync, Roundcube, K-9).  With them kept in the env segment a listing
 * opens no message file.  The table only grows; every growth is a new set.
 */
#define MIME_FIELD_SET 1

enum mime_field_use {
	MIME_FIELD_OTHER,    /* not kept */
	MIME_FIELD_COMMON,   /* kept of the root */
	MIME_FIELD_ENVELOPE, /* kept of the root and of embedded messages */
};

/* Any case; set 0 means MIME_FIELD_SET. */
enum mime_field_use mime_field_use(struct str name, unsigned set);

#endif
