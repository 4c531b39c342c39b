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
	&imap_cmd_authenticate,
	&imap_cmd_capability,
	&imap_cmd_check,
	&imap_cmd_close,
	&imap_cmd_create,
	&imap_cmd_delete,
	&imap_cmd_enable,
	&imap_cmd_examine,
	&imap_cmd_getquota,
	&imap_cmd_getquotaroot,
	&imap_cmd_id,
	&imap_cmd_idle,
	&imap_cmd_list,
	&imap_cmd_login,
	&imap_cmd_logout,
	&imap_cmd_lsub,
	&imap_cmd_namespace,
	&imap_cmd_noop,
	&imap_cmd_rename,
	&imap_cmd_select,
	&imap_cmd_setquota,
	&imap_cmd_starttls,
	&imap_cmd_status,
	&imap_cmd_subscribe,
	&imap_cmd_unselect,
	&imap_cmd_unsubscribe,
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
