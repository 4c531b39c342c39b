/* dns.c - questions that the mail server has */
#include "server/dns/dns.h"

#include "server/dns/dns_private.h"
#include "server/dns/dns_rdata.h"

/* Questions asked at once, and the task that waits for all their answers. */
struct dns_wait {
	struct dns *d;
	struct task *t;
	unsigned open;
	bool over;
	struct timer limit;
};

void
dns_ask_rdata(struct dns_ask *q, const void *p, size_t n)
{
	struct dns_answer *a = &q->answer;

	if (a->n >= DNS_RECORDS_MAX || n > 65535)
		return;
	if (a->rdata == NULL)
		a->rdata =
		    arena_array(q->arena, DNS_RECORDS_MAX, sizeof(*a->rdata));
	a->rdata[a->n++] = arena_str(q->arena, str_of(p, n));
}

void
dns_ask_done(struct dns *d, struct dns_ask *q, enum dns_status status,
    const char *why)
{
	invariant(!q->done);
	q->done = true;
	q->answer.status = status;
	if (why != NULL)
		q->answer.why = arena_strdup(q->arena, why);
	if (status != DNS_FOUND)
		q->answer.n = 0;
	d->open--;
	if (--q->wait->open == 0) {
		q->wait->over = true;
		task_wake(q->wait->t);
	}
}

static void
dns_wait_over(struct timer *tm, void *arg)
{
	struct dns_wait *w = arg;

	(void)tm;
	w->over = true;
	task_wake(w->t);
}

static void
dns_ask_begin(struct dns_wait *w, struct dns_ask *q, struct str name,
    enum dns_type type)
{
	*q = (struct dns_ask){ .type = type,
		.arena = task_arena(w->t),
		.wait = w };
	w->open++;
	w->d->open++;
	if (dns_name_text(q->arena, name, &q->name, &q->text))
		w->d->backend->ask(w->d, q);
	else
		dns_ask_done(w->d, q, DNS_NO_DOMAIN, "no name");
}

static may_yield void
dns_wait_all(struct dns_wait *w, struct dns_ask *list, unsigned n)
{
	uint64_t now = task_now_ms(w->t), at = now + DNS_QUERY_MS;
	uint64_t deadline = task_deadline(w->t);

	if (deadline != 0 && deadline < at)
		at = deadline;
	if (w->open > 0) {
		w->over = false;
		timer_set(w->d->sched, &w->limit, at > now ? at - now : 0,
		    dns_wait_over, w);
		task_wait(w->t, &w->over);
		timer_cancel(w->d->sched, &w->limit);
	}
	for (unsigned i = 0; i < n; i++)
		if (!list[i].done) {
			w->d->backend->cancel(w->d, &list[i]);
			dns_ask_done(w->d, &list[i], DNS_TEMP,
			    "no answer in time");
		}
}

void
dns_query(struct task *t, struct dns *d, struct str name, enum dns_type type,
    struct dns_answer *a_r)
{
	struct dns_wait w = { .d = d, .t = t };
	struct dns_ask q;

	dns_ask_begin(&w, &q, name, type);
	dns_wait_all(&w, &q, 1);
	*a_r = q.answer;
}

void
dns_free(struct dns **d)
{
	if (*d == NULL)
		return;
	invariant((*d)->open == 0);
	(*d)->backend->free(*d);
	*d = NULL;
}

/* --- order --- */

/* i < j swapped, for shuffling. */
static void
dns_swap(void *list, size_t size, unsigned i, unsigned j)
{
	char *p = list, tmp[64];

	invariant(size <= sizeof(tmp));
	memcpy(tmp, p + i * size, size);
	memcpy(p + i * size, p + j * size, size);
	memcpy(p + j * size, tmp, size);
}

static void
dns_shuffle(struct task *t, void *list, size_t size, unsigned n)
{
	const struct rnd *r = sched_rnd(task_sched(t));

	for (; n > 1; n--)
		dns_swap(list, size, n - 1, (unsigned)rnd_below(r, n));
}

/* --- MX --- */

/* Stable, at most DNS_RECORDS_MAX. */
static void
dns_mx_sort(struct dns_mx *list, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		struct dns_mx m = list[i];
		unsigned at = i;

		for (; at > 0 && list[at - 1].preference > m.preference; at--)
			list[at] = list[at - 1];
		list[at] = m;
	}
}

enum dns_status
dns_mx(struct task *t, struct dns *d, struct str domain, struct dns_mx **list_r,
    unsigned *n_r, bool *null_r)
{
	struct dns_answer a;
	struct dns_mx *list, m;
	unsigned n = 0;

	*list_r = NULL;
	*n_r = 0;
	*null_r = false;
	dns_query(t, d, domain, DNS_MX, &a);
	if (a.status != DNS_FOUND)
		return a.status;
	list = arena_array(task_arena(t), a.n, sizeof(*list));
	for (unsigned i = 0; i < a.n; i++) {
		if (!dns_rdata_mx(task_arena(t), a.rdata[i], &m.preference,
			&m.host))
			continue;
		if (m.host.n > 0)
			list[n++] = m;
		else if (a.n == 1)
			*null_r = true;
	}
	dns_shuffle(t, list, sizeof(*list), n);
	dns_mx_sort(list, n);
	*list_r = list;
	*n_r = n;
	return DNS_FOUND;
}

/* --- addresses --- */

/* What is known of several answers of which none has a record. */
static enum dns_status
dns_worst(const struct dns_ask *list, unsigned n)
{
	enum dns_status worst = DNS_NO_DOMAIN;
	static const unsigned char rank[] = { [DNS_FOUND] = 1,
		[DNS_NO_DATA] = 1,
		[DNS_NO_DOMAIN] = 0,
		[DNS_TEMP] = 2,
		[DNS_BOGUS] = 3 };

	for (unsigned i = 0; i < n; i++)
		if (rank[list[i].answer.status] > rank[worst])
			worst = list[i].answer.status;
	return worst == DNS_FOUND ? DNS_NO_DATA : worst;
}

static void
dns_add_addresses(struct task *t, const struct dns_ask *q,
    struct net_addr *list, unsigned *n)
{
	unsigned from = *n;

	for (unsigned i = 0; i < q->answer.n; i++)
		if (dns_rdata_address(q->answer.rdata[i], q->type == DNS_AAAA,
			&list[*n]))
			++*n;
	dns_shuffle(t, list + from, sizeof(*list), *n - from);
}

enum dns_status
dns_addresses(struct task *t, struct dns *d, struct str host,
    struct net_addr **list_r, unsigned *n_r)
{
	struct dns_wait w = { .d = d, .t = t };
	struct dns_ask q[2];
	struct net_addr *list;

	*list_r = NULL;
	*n_r = 0;
	dns_ask_begin(&w, &q[0], host, DNS_AAAA);
	dns_ask_begin(&w, &q[1], host, DNS_A);
	dns_wait_all(&w, q, 2);
	list = arena_array(task_arena(t),
	    (size_t)q[0].answer.n + q[1].answer.n + 1, sizeof(*list));
	dns_add_addresses(t, &q[0], list, n_r);
	dns_add_addresses(t, &q[1], list, n_r);
	*list_r = list;
	return *n_r > 0 ? DNS_FOUND : dns_worst(q, 2);
}

/* --- TXT, PTR --- */

enum dns_status
dns_txt(struct task *t, struct dns *d, struct str name, struct str **list_r,
    unsigned *n_r)
{
	struct dns_answer a;

	*list_r = NULL;
	*n_r = 0;
	dns_query(t, d, name, DNS_TXT, &a);
	if (a.status != DNS_FOUND)
		return a.status;
	*list_r = arena_array(task_arena(t), a.n, sizeof(**list_r));
	for (unsigned i = 0; i < a.n; i++)
		if (dns_rdata_txt(task_arena(t), a.rdata[i], &(*list_r)[*n_r]))
			++*n_r;
	return *n_r > 0 ? DNS_FOUND : DNS_NO_DATA;
}

enum dns_status
dns_ptr(struct task *t, struct dns *d, const struct net_addr *ad,
    struct str **names_r, unsigned *n_r)
{
	struct dns_answer a;
	struct str name;

	*names_r = NULL;
	*n_r = 0;
	if (!dns_name_reverse(task_arena(t), ad, &name))
		return DNS_NO_DOMAIN;
	dns_query(t, d, name, DNS_PTR, &a);
	if (a.status != DNS_FOUND)
		return a.status;
	*names_r = arena_array(task_arena(t), DNS_PTR_MAX, sizeof(**names_r));
	for (unsigned i = 0; i < a.n && *n_r < DNS_PTR_MAX; i++)
		if (dns_rdata_name(task_arena(t), a.rdata[i],
			&(*names_r)[*n_r]) &&
		    (*names_r)[*n_r].n > 0)
			++*n_r;
	return *n_r > 0 ? DNS_FOUND : DNS_NO_DATA;
}

static bool
dns_has_address(const struct dns_ask *q, const struct net_addr *ad)
{
	struct net_addr one;

	for (unsigned i = 0; i < q->answer.n; i++)
		if (dns_rdata_address(q->answer.rdata[i], q->type == DNS_AAAA,
			&one) &&
		    net_addr_eq(&one, ad))
			return true;
	return false;
}

enum dns_status
dns_iprev(struct task *t, struct dns *d, const struct net_addr *ad,
    struct str *verified_r)
{
	struct dns_wait w = { .d = d, .t = t };
	struct dns_ask q[DNS_PTR_MAX];
	struct str *names;
	unsigned n;
	enum dns_status st = dns_ptr(t, d, ad, &names, &n);

	*verified_r = STR_NONE;
	if (st != DNS_FOUND)
		return st;
	for (unsigned i = 0; i < n; i++)
		dns_ask_begin(&w, &q[i], names[i],
		    ad->family == NET_IP6 ? DNS_AAAA : DNS_A);
	dns_wait_all(&w, q, n);
	for (unsigned i = 0; i < n; i++)
		if (dns_has_address(&q[i], ad)) {
			*verified_r = names[i];
			return DNS_FOUND;
		}
	return dns_worst(q, n);
}
