/* smtp_commands.c - all commands; each is described where it lives */
#include "server/smtp/smtp_commands.h"

const struct smtp_command *const smtp_commands[] = {
	&smtp_cmd_ehlo,
	&smtp_cmd_helo,
	&smtp_cmd_lhlo,
	&smtp_cmd_mail,
	&smtp_cmd_rcpt,
	&smtp_cmd_data,
	&smtp_cmd_bdat,
	&smtp_cmd_rset,
	&smtp_cmd_noop,
	&smtp_cmd_quit,
	&smtp_cmd_vrfy,
	&smtp_cmd_expn,
	&smtp_cmd_help,
	&smtp_cmd_starttls,
	&smtp_cmd_auth,
	NULL,
};
