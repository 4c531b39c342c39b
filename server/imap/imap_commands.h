/* imap_commands.h - the descriptors, one command each */
#ifndef SERVER_IMAP_IMAP_COMMANDS_H
#define SERVER_IMAP_IMAP_COMMANDS_H

#include "server/imap/imap.h"

/* Declared here, defined in cmd_NAME.c, listed in imap_commands.c; one line
 * each, in order of names. */
extern const struct imap_command imap_cmd_authenticate;
extern const struct imap_command imap_cmd_capability;
extern const struct imap_command imap_cmd_check;
extern const struct imap_command imap_cmd_close;
extern const struct imap_command imap_cmd_create;
extern const struct imap_command imap_cmd_delete;
extern const struct imap_command imap_cmd_enable;
extern const struct imap_command imap_cmd_examine;
extern const struct imap_command imap_cmd_getquota;
extern const struct imap_command imap_cmd_getquotaroot;
extern const struct imap_command imap_cmd_id;
extern const struct imap_command imap_cmd_idle;
extern const struct imap_command imap_cmd_list;
extern const struct imap_command imap_cmd_login;
extern const struct imap_command imap_cmd_logout;
extern const struct imap_command imap_cmd_lsub;
extern const struct imap_command imap_cmd_namespace;
extern const struct imap_command imap_cmd_noop;
extern const struct imap_command imap_cmd_rename;
extern const struct imap_command imap_cmd_select;
extern const struct imap_command imap_cmd_setquota;
extern const struct imap_command imap_cmd_starttls;
extern const struct imap_command imap_cmd_status;
extern const struct imap_command imap_cmd_subscribe;
extern const struct imap_command imap_cmd_unselect;
extern const struct imap_command imap_cmd_unsubscribe;

extern const struct imap_command cmd_append;
extern const struct imap_command cmd_copy;
extern const struct imap_command cmd_expunge;
extern const struct imap_command cmd_fetch;
extern const struct imap_command cmd_move;
extern const struct imap_command cmd_search;
extern const struct imap_command cmd_store;

#endif
