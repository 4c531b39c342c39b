/* imap_commands.h - the descriptors, one command each */
#ifndef SERVER_IMAP_IMAP_COMMANDS_H
#define SERVER_IMAP_IMAP_COMMANDS_H

#include "server/imap/imap.h"

/* Declared here, defined in cmd_NAME.c, listed in imap_commands.c; one line
 * each, in order of names. */

extern const struct imap_command cmd_append;
extern const struct imap_command cmd_copy;
extern const struct imap_command cmd_expunge;
extern const struct imap_command cmd_fetch;
extern const struct imap_command cmd_move;
extern const struct imap_command cmd_search;
extern const struct imap_command cmd_store;

#endif
