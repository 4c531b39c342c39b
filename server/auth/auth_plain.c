/* auth_plain.c - what a connection is good for: where a password may be sent */
#include "server/auth/auth_private.h"
#include "server/net/conn.h"

bool
auth_plaintext_allowed(const struct worker *w, const struct conn *c)
{
	const struct net_addr *peer = conn_peer(c);

	if (conn_is_tls(c) || worker_setting(w, STATE_AUTH_PLAINTEXT) != 0)
		return true;
	/* what a balancer says of a client cannot make the network safe */
	if (conn_listener(c)->proxy_n > 0)
		return false;
	return peer->family == NET_UNIX || net_addr_is_loopback(peer);
}

struct sasl_channel
sasl_channel_of(const struct worker *w, const struct conn *c)
{
	return (struct sasl_channel){ .plain = auth_plaintext_allowed(w, c),
		.tls = conn_is_tls(c) ? c : NULL };
}
