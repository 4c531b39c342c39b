/* pop3.h - POP3: a session is a snapshot of INBOX */
#ifndef SERVER_POP3_POP3_H
#define SERVER_POP3_POP3_H

#include "server/net/conn.h"

/*
 * RFC 1939, with CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034) and
 * [AUTH], [SYS/TEMP], [SYS/PERM], [IN-USE] (RFC 3206, 2449).  No APOP: it
 * would need passwords in the clear.
 *
 * No lock is needed (DESIGN 6): at login the session takes UIDs and sizes of
 * INBOX; what is expunged meanwhile by others is read through its tombstone as
 * long as that has a file.  DELE only marks; QUIT is one EXPUNGE entry: all or
 * nothing.  A connection that ends otherwise deletes nothing; so do sessions
 * of who was suspended, removed, signed out or got a new password meanwhile,
 * at their next command.  RETR sets no flags.
 *
 * The unique-id is "<uidvalidity>.<uid>": the same on every node, for ever.
 */
extern const struct protocol pop3_protocol;  /* "pop3" */
extern const struct protocol pop3s_protocol; /* "pop3s" */

#define POP3_LOGIN_TIMEOUT_MS 60000 /* before a login */
#define POP3_LOGIN_FAILURES 3	    /* of one connection */
#define POP3_DRAIN_MS 10000	    /* idle, once the node is going */

#endif
