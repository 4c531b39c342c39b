/* unicode.h - normal forms, case, domain names: the door to utf8proc, libidn2
 */
#ifndef BASE_UNICODE_H
#define BASE_UNICODE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Texts that people type in different ways are compared in one form: folder
 * names in NFC, login names in NFC with case folded (Unicode 15, full folding,
 * so that "STRASSE" and "Straße" are one login), domain names as A-labels in
 * lower case (UTS 46, non-transitional).  Every form is a fixed point: applied
 * again it changes nothing.
 *
 * All fail with ERR_INVALID for what is not UTF-8 and ERR_LIMIT for what is
 * longer than UNICODE_BYTES before or after.  Results are arena copies, also
 * NUL-terminated.
 */
#define UNICODE_BYTES 65536

bool unicode_is_utf8(struct str s);
must_check struct err *unicode_nfc(struct arena *a, struct str s,
    struct str *nfc_r);
must_check struct err *unicode_fold_nfc(struct arena *a, struct str s,
    struct str *folded_r);

/*
 * The form in which domain names are compared, stored and looked up: A-labels,
 * lower case, no final dot.  ERR_INVALID for what is no host name (RFC 5890 and
 * RFC 1123: letters, digits, inner hyphens; labels to 63 bytes, UNICODE_DOMAIN_
 * BYTES in all).  Address literals are none.
 */
#define UNICODE_DOMAIN_BYTES 253
must_check struct err *unicode_domain_ascii(struct arena *a, struct str domain,
    struct str *ascii_r);
/* For people: U-labels. */
must_check struct err *unicode_domain_shown(struct arena *a, struct str domain,
    struct str *shown_r);

#endif
