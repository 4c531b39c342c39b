/* protocols.c - all protocols: each is described in its own file */
#include "server/imap/imap_protocol.h"
#include "server/net/conn.h"
#include "server/net/listener.h"

#include <string.h>

#include "server/http/agent.h"
#include "server/http/web.h"
#include "server/pop3/pop3.h"
#include "server/smtp/smtp.h"

const struct protocol *const protocols[] = {
	&smtp_protocol,
	&lmtp_protocol,
	&submission_protocol,
	&submissions_protocol,
	&pop3_protocol,
	&pop3s_protocol,
	&http_health_protocol,
	&agent_protocol,
	&https_protocol,
	&imap_protocol,
	&imaps_protocol,
	NULL,
};

const struct protocol *
protocol_find(const char *name)
{
	for (unsigned i = 0; protocols[i] != NULL; i++)
		if (strcmp(protocols[i]->name, name) == 0)
			return protocols[i];
	return NULL;
}
