/* imap_protocol.h - IMAP as server/net sees it */
#ifndef SERVER_IMAP_IMAP_PROTOCOL_H
#define SERVER_IMAP_IMAP_PROTOCOL_H

#include "server/net/conn.h"

/* The greeting; whole commands in order; IDLE without a task.  A drained
 * session ends between commands, with BYE. */
extern const struct protocol imap_protocol, imaps_protocol;

#endif
