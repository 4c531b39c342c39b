/* smtp_trace.h - the fields final delivery puts on top of a message */
#ifndef SERVER_SMTP_SMTP_TRACE_H
#define SERVER_SMTP_SMTP_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/*
 *	Return-Path: <bob@example.net>
 *	Delivered-To: alice@example.org
 *	Received: from mx.example.net ([192.0.2.1])
 *		by mail.example.org with ESMTPS (TLSv1.3 cipher ...)
 *		id n1-2-000017-1
 *		for <alice+shop@example.org>;
 *		Sun, 22 Nov 2026 00:10:00 +0000
 *
 * RFC 5321, 4.4; "with" as RFC 3848 and 6531 have it.  Everything in it comes
 * from parsers that let no line end pass.
 *
 * The file of a message is shared by all accounts it goes to, so what is said
 * here is said to all of them.  Delivered-To is therefore written only if there
 * is one account, and "for" only if there was one RCPT: else each reader would
 * learn who the others are (Bcc), or every account would need a file of its
 * own.  A mail loop is found all the same, one turn later at worst: what comes
 * round comes to one recipient, or gathers Received fields.
 */
#define SMTP_TRACE_BYTES 8192

struct smtp_trace {
	struct str from;	 /* mailbox; empty: null */
	struct str delivered_to; /* empty: none */
	struct str hello, peer;	 /* peer: address literal; empty: local */
	struct str by, id, rcpt; /* rcpt: mailbox; empty: none */
	bool lmtp, extended, utf8, authenticated;
	bool relay;  /* not delivered here yet: no Return-Path */
	bool hidden; /* not whence it came */
	const char *tls_version, *tls_cipher; /* NULL: none */
	int64_t date;			      /* wall seconds */
};

void smtp_trace_write(struct buf *b, const struct smtp_trace *tr);

#endif
