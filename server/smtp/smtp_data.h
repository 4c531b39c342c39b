/* smtp_data.h - the text of a message as DATA and BDAT carry it */
#ifndef SERVER_SMTP_SMTP_DATA_H
#define SERVER_SMTP_SMTP_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 * One byte at a time, so that pieces may be cut anywhere.  The only end of DATA
 * is <CRLF>.<CRLF> (RFC 5321, 4.1.1.4; the CRLF of the command itself is the
 * first).  Servers that saw an end elsewhere let one sender speak in another's
 * name (SMTP smuggling, CVE-2023-51764): what looks like an end to somebody
 * (a dot alone between any CRs and LFs) is remembered, and such a message is
 * refused whatever the settings say.
 *
 * What comes out has CRLF wherever a line ended; a bare LF became CRLF, which
 * is right if the setting says so and does not matter if the message is refused
 * for it.  Bare CR and NUL come out as they are.
 */
enum {
	SMTP_DATA_BARE_LF = 1,
	SMTP_DATA_BARE_CR = 2,
	SMTP_DATA_NUL = 4,
	SMTP_DATA_FALSE_END = 8
};

/* How much longer than its input a piece can come out: CRLF for LF, and a CR
 * and a dot kept from before. */
#define SMTP_DATA_OUT(n) (2 * (n) + 4)

struct smtp_data {
	/* private */
	int state;
	bool dots;
	/* to be read */
	unsigned found; /* SMTP_DATA_..., all so far */
	bool done;	/* DATA: the end was there */
};

/* dots: DATA, with an end and dots doubled; else BDAT. */
void smtp_data_init(struct smtp_data *d, bool dots);
/*
 * Adds to out what becomes of in, up to the end of the message; returns how
 * much of in that was.  out must have room for SMTP_DATA_OUT(in.n).
 */
size_t smtp_data_feed(struct smtp_data *d, struct str in, struct buf *out);
/* BDAT: there is no more.  A last line without its CRLF gets one. */
void smtp_data_finish(struct smtp_data *d, struct buf *out);

#endif
