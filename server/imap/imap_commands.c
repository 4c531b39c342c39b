/* imap_commands.c - the list of commands */
#include "server/imap/imap_commands.h"

/* clang-format off */
const struct imap_command *const imap_commands[] = {
	&cmd_append,
	&cmd_copy,
	&cmd_expunge,
	&cmd_fetch,
	&cmd_move,
	&cmd_search,
	&cmd_store,
	NULL
};
/* clang-format on */

const struct imap_command *
imap_command_find(struct str name)
{
	for (size_t i = 0; imap_commands[i] != NULL; i++)
		if (str_case_eq_c(name, imap_commands[i]->name))
			return imap_commands[i];
	return NULL;
}
