/* smtp_door.c - what strangers at port 25 have to be like */
#include "server/smtp/smtp_door.h"

#include "base/log.h"
#include "server/conf.h"
#include "server/dns/dns.h"
#include "server/net/counts.h"
#include "server/net/listener.h"
#include "storage/state_address.h"

static const struct smtp_reply smtp_door_open = { 250, "2.0.0", "ok", 0 };

bool
smtp_door_is_stranger(const struct smtp_session *s)
{
	const struct net_addr *peer = conn_peer(s->c);

	return !smtp_is_trusted(s) && !s->kind->submission &&
	       peer->family != NET_UNIX && !net_addr_is_loopback(peer) &&
	       !net_is_exempt(s->w, peer);
}

bool
smtp_door_is_fallback(const struct smtp_session *s)
{
	const struct conf_listener *l = conn_listener(s->c);

	return l != NULL && l->fallback;
}

struct smtp_reply
smtp_door_hello(struct task *t, const struct smtp_session *s, struct str name)
{
	struct str own = net_addr_literal(task_arena(t), conn_local(s->c));

	while (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (!smtp_door_is_stranger(s) ||
	    !(str_case_eq_c(name, worker_hostname(s->w)) ||
		str_case_eq(name, own)))
		return smtp_door_open;
	return (struct smtp_reply){ 550, "5.7.1", "that is our name, not yours",
		0 };
}

/* --- MAIL --- */

static bool
smtp_door_is_fast(struct task *t, const struct smtp_session *s)
{
	uint64_t client = net_addr_client_key(conn_peer(s->c));
	uint64_t key = counts_key("mail", &client, sizeof(client));
	uint64_t max = worker_setting(s->w, STATE_SMTP_RATE);

	if (smtp_door_is_fallback(s))
		max = max / SMTP_DOOR_FALLBACK_SHARE + 1;
	return counts_rate_add(s->w->counts, key, task_now_ms(t) / 1000) > max;
}

static may_yield must_check struct smtp_reply
smtp_door_reverse(struct task *t, const struct smtp_session *s)
{
	enum dns_status status;
	struct str name;

	if (!smtp_door_is_fallback(s) &&
	    worker_setting(s->w, STATE_SMTP_REVERSE) == 0)
		return smtp_door_open;
	status = dns_iprev(t, s->w->dns, conn_peer(s->c), &name);
	if (status != DNS_NO_DATA && status != DNS_NO_DOMAIN)
		return smtp_door_open;
	/* RFC 7372, 3.3 */
	return (struct smtp_reply){ 550, "5.7.25",
		"your address has no name that leads back to it", 0 };
}

/* Where a bounce would go. */
static may_yield must_check struct smtp_reply
smtp_door_sender(struct task *t, const struct smtp_session *s,
    const struct smtp_path *from)
{
	struct state_address ad;
	struct dns_mx *list;
	struct net_addr *addrs;
	enum dns_status status;
	bool null;
	unsigned n;

	if (!smtp_door_is_fallback(s) || from->mailbox.n == 0 ||
	    state_address_parse(task_arena(t), from->mailbox, &ad) != NULL)
		return smtp_door_open;
	status = dns_mx(t, s->w->dns, ad.domain, &list, &n, &null);
	if (status == DNS_FOUND && null) /* RFC 7505, 4.2 */
		return (struct smtp_reply){ 550, "5.7.27",
			"the sender's domain takes no mail", 0 };
	if (status == DNS_NO_DATA)
		status = dns_addresses(t, s->w->dns, ad.domain, &addrs, &n);
	if (status != DNS_NO_DATA && status != DNS_NO_DOMAIN)
		return smtp_door_open;
	return (struct smtp_reply){ 550, "5.1.8",
		"the sender's domain does not exist", 0 };
}

struct smtp_reply
smtp_door_mail(struct task *t, struct smtp_session *s,
    const struct smtp_path *from)
{
	struct smtp_reply r = smtp_door_open;

	if (!smtp_door_is_stranger(s))
		return r;
	if (smtp_door_is_fast(t, s))
		return (struct smtp_reply){ 421, "4.7.0",
			"too many messages a minute, try again later",
			SMTP_CLOSE };
	if (s->w->dns == NULL)
		return r;
	task_set_deadline(t, task_now_ms(t) + SMTP_DOOR_DNS_MS);
	r = smtp_door_reverse(t, s);
	if (r.code == 250)
		r = smtp_door_sender(t, s, from);
	task_set_deadline(t, 0);
	return r;
}
