/* auth_score.c - failed logins per account and network, cluster-wide */
#include "server/auth/auth_console.h"
#include "server/auth/auth_private.h"
#include "server/cluster/hints.h"
#include "server/net/counts.h"
#include "server/net/listener.h"

/* Wider networks have many innocent neighbours. */
#define AUTH_WIDE_FACTOR 4
/*
 * A success is remembered like a failure, in points that halve every
 * COUNTS_HALF_LIFE_S: known for about 76 minutes.
 */
#define AUTH_KNOWN_POINTS 200
#define AUTH_KNOWN_LEAST 1

static uint64_t
auth_now_s(const struct auth *a)
{
	return sched_now_ms(a->w->sched) / 1000;
}

/* The first bits of the address, and the family. */
static uint64_t
auth_net_key(const struct net_addr *peer, unsigned bytes4, unsigned bytes6)
{
	unsigned n = peer->family == NET_IP4 ? bytes4 : bytes6;
	unsigned char b[1 + 16] = { (unsigned char)peer->family };

	memcpy(b + 1, peer->ip, n);
	return counts_key("auth.net", b, 1 + n);
}

bool
auth_is_exempt(const struct auth *a, const struct net_addr *peer)
{
	return peer->family == NET_NONE || net_is_exempt(a->w, peer);
}

void
auth_scores_of(const struct auth *a, struct str who,
    const struct net_addr *peer, struct auth_scores *s)
{
	uint64_t mix[2];

	*s = (struct auth_scores){ .network = !auth_is_exempt(a, peer) };
	s->account = counts_key("auth.account", who.p, (uint32_t)who.n);
	s->narrow = auth_net_key(peer, 4, 8);
	s->wide = auth_net_key(peer, 3, 6);
	mix[0] = s->account;
	mix[1] = s->narrow;
	s->known = counts_key("auth.known", mix, sizeof(mix));
}

static double
auth_score(const struct auth *a, uint64_t key)
{
	return counts_score(a->w->counts, key, auth_now_s(a));
}

static bool
auth_is_known(const struct auth *a, const struct auth_scores *s)
{
	return auth_score(a, s->known) >= AUTH_KNOWN_LEAST;
}

bool
auth_scores_network_refuse(const struct auth *a, const struct auth_scores *s)
{
	double max = (double)worker_setting(a->w, STATE_AUTH_FAILURES) - 0.5;

	return s->network &&
	       (auth_score(a, s->narrow) >= max ||
		   auth_score(a, s->wide) >= max * AUTH_WIDE_FACTOR);
}

bool
auth_scores_refuse(const struct auth *a, const struct auth_scores *s)
{
	/* half a failure less: a little is forgotten while they add up */
	double max = (double)worker_setting(a->w, STATE_AUTH_FAILURES) - 0.5;
	bool over = auth_score(a, s->account) >= max ||
		    auth_scores_network_refuse(a, s);

	return over && !auth_is_known(a, s);
}

static double
auth_score_add(struct auth *a, uint64_t key, unsigned points)
{
	hints_failure(a->w->hints, key, points);
	return counts_score_add(a->w->counts, key, points, auth_now_s(a));
}

/* 2, 4, 8, 15 s. Fractions are what decayed: the last failure is a whole. */
static uint64_t
auth_delay_ms(uint64_t base_ms, double score)
{
	uint64_t ms = base_ms;

	if (base_ms >= AUTH_DELAY_MAX_MS)
		return base_ms;
	for (; score >= 1.5 && ms < AUTH_DELAY_MAX_MS; score--)
		ms *= 2;
	return ms < AUTH_DELAY_MAX_MS ? ms : AUTH_DELAY_MAX_MS;
}

uint64_t
auth_scores_network_failed(struct auth *a, const struct auth_scores *s,
    bool score)
{
	uint64_t base = worker_setting(a->w, STATE_AUTH_DELAY) * 1000;

	if (!s->network)
		return base;
	if (!score)
		return auth_delay_ms(base, auth_score(a, s->narrow));
	auth_score_add(a, s->wide, 1);
	return auth_delay_ms(base, auth_score_add(a, s->narrow, 1));
}

uint64_t
auth_scores_failed(struct auth *a, const struct auth_scores *s, bool score)
{
	uint64_t base = worker_setting(a->w, STATE_AUTH_DELAY) * 1000;
	bool known = auth_is_known(a, s);
	double most, narrow = 0;

	if (score) {
		most = auth_score_add(a, s->account, 1);
		if (s->network) {
			narrow = auth_score_add(a, s->narrow, 1);
			auth_score_add(a, s->wide, 1);
		}
	} else {
		most = auth_score(a, s->account);
		if (s->network)
			narrow = auth_score(a, s->narrow);
	}
	if (base == 0)
		return 0;
	/* what others did to the account is not for its user to wait for */
	if (known)
		most = narrow;
	return auth_delay_ms(base, most > narrow ? most : narrow);
}

void
auth_scores_succeeded(struct auth *a, const struct auth_scores *s)
{
	/* told again when half of it is gone: a client that logs in every
	 * minute costs no datagrams */
	if (auth_score(a, s->known) < AUTH_KNOWN_POINTS / 2)
		auth_score_add(a, s->known, AUTH_KNOWN_POINTS);
}
