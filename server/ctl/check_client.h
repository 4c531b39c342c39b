/* check_client.h - a client that says where it got stuck */
#ifndef SERVER_CTL_CHECK_CLIENT_H
#define SERVER_CTL_CHECK_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

/*
 * What check mail does with sockets.  It blocks, so it runs in the offload
 * pool, with memory of its own.  Each step has a name; the first that fails
 * ends it, and `said` is what the server, or the system, said.
 */
#define CHECK_STEPS_MAX 16
#define CHECK_TIMEOUT_S 30
#define CHECK_LINE_MAX 4096

struct tls_client;

struct check_step {
	const char *name;
	uint64_t ms;
	bool ok;
};

struct check {
	/* in */
	const char *host, *port;
	const char *to, *from; /* without <>; from may be empty */
	const char *helo;
	struct str message;	      /* CRLF, dots not stuffed */
	const char *login, *password; /* IMAP */
	const char *message_id;	      /* IMAP: what to look for, with <> */
	/* out */
	struct check_step steps[CHECK_STEPS_MAX];
	unsigned n;
	bool failed;
	char said[512];
	/* between */
	int fd;
	struct tls_client *tls;
	char line[CHECK_LINE_MAX];
	size_t line_n, have;
	unsigned tag;
};

/* Connects, hands the message in for `to`. arg: struct check. */
void blocking_check_smtp(void *arg);
/* Logs in, finds the message in INBOX and fetches it; over TLS on port 993, or
 * by STARTTLS where it is offered. */
void blocking_check_imap(void *arg);

/* "host:port", "[::1]:25"; false: malformed. Copies into the two. */
bool check_address(const char *text, char host_r[256], char port_r[16]);

#endif
