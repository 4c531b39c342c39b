/* cmd_id.c - ID (RFC 2971) */
#include "base/log.h"
#include "server/imap/imap_commands.h"

#define IMAP_ID_PAIRS 30 /* RFC 2971, 3.3 */
#define IMAP_ID_VALUE_MAX 1024

/* id = "ID" SP ("(" [string SP nstring *(SP string SP nstring)] ")" / NIL) */
static bool
imap_id_parse(struct task *t, struct imap_cmd *cmd)
{
	struct imap_in *in = &cmd->in;
	struct str name, value;
	unsigned n = 0;

	if (!imap_sp(in))
		return false;
	if (imap_word(in, "NIL"))
		return imap_end(in);
	if (!imap_char(in, '('))
		return false;
	while (!imap_is(in, ')')) {
		if (n > 0 && !imap_sp(in))
			return false;
		if (!imap_string(in, &name) || !imap_sp(in) ||
		    !imap_nstring(in, &value))
			return false;
		if (++n > IMAP_ID_PAIRS || value.n > IMAP_ID_VALUE_MAX)
			return imap_fail(in, "that is more than ID takes");
		log_debug(t, "imap", "client says", LOG_STR("field", name),
		    LOG_STR("value", value));
	}
	return imap_char(in, ')') && imap_end(in);
}

static may_yield struct err *
cmd_id(struct task *t, struct imap_cmd *cmd)
{
	if (!imap_id_parse(t, cmd))
		return imap_bad(cmd, NULL);
	/* No version before login, and none after: it helps attackers only. */
	conn_puts(t, cmd->s->c, "* ID (\"name\" \"Shoal\")\r\n");
	return NULL;
}

const struct imap_command imap_cmd_id = {
	.name = "ID",
	.states = IMAP_STRANGER | IMAP_USER | IMAP_SELECTED,
	.run = cmd_id,
};
