/* auth_session.c - sessions, counted per account and client */
#include "server/auth/auth_private.h"
#include "server/net/conn.h"
#include "server/net/counts.h"

struct err *
auth_session_begin(struct arena *a, struct auth *au, struct str account_id,
    const struct net_addr *peer, struct auth_session *s_r)
{
	struct counts *c = au->w->counts;
	uint64_t mix[2] = { counts_key("session", account_id.p,
				(uint32_t)account_id.n),
		net_addr_client_key(peer) };
	uint64_t max = worker_setting(au->w, STATE_IMAP_SESSIONS);

	s_r->key = counts_key("session", mix, sizeof(mix));
	if (counts_add(c, s_r->key, 1) > (int64_t)max) {
		counts_add(c, s_r->key, -1);
		s_r->key = 0;
		return err_newf(a, ERR_LIMIT,
		    "too many sessions of this account from this client "
		    "(at most %llu)",
		    (unsigned long long)max);
	}
	stat_add(c, STAT_SESSIONS, 1);
	return NULL;
}

void
auth_session_end(struct auth *au, struct auth_session *s)
{
	if (s->key == 0)
		return;
	counts_add(au->w->counts, s->key, -1);
	stat_add(au->w->counts, STAT_SESSIONS, -1);
	s->key = 0;
}
