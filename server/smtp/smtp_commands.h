/* smtp_commands.h - the descriptors, for the list of them */
#ifndef SERVER_SMTP_SMTP_COMMANDS_H
#define SERVER_SMTP_SMTP_COMMANDS_H

#include "server/smtp/smtp.h"

extern const struct smtp_command smtp_cmd_ehlo, smtp_cmd_helo, smtp_cmd_lhlo,
    smtp_cmd_mail, smtp_cmd_rcpt, smtp_cmd_data, smtp_cmd_bdat, smtp_cmd_rset,
    smtp_cmd_noop, smtp_cmd_quit, smtp_cmd_vrfy, smtp_cmd_expn, smtp_cmd_help,
    smtp_cmd_starttls, smtp_cmd_auth;

#endif
