/* agent.h - the protocols of balancers and monitoring */
#ifndef SERVER_HTTP_AGENT_H
#define SERVER_HTTP_AGENT_H

#include "server/net/conn.h"

/* For protocols.c. */
extern const struct protocol agent_protocol;
extern const struct protocol http_health_protocol;

#endif
