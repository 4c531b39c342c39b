/* admin_zone_check.c - whether the DNS has the records a domain needs */
#include "server/admin/admin_zone_check.h"

#include "server/admin/admin.h"

#define ADMIN_ZONE_AT_ONCE 64

const char *
admin_zone_status_name(enum admin_zone_status s)
{
	static const char *const names[] = {
		[ADMIN_ZONE_UNCHECKED] = "unchecked",
		[ADMIN_ZONE_OK] = "ok",
		[ADMIN_ZONE_MISSING] = "missing",
		[ADMIN_ZONE_DIFFERENT] = "different",
		[ADMIN_ZONE_UNKNOWN] = "unknown",
	};

	return names[s];
}

struct admin_zone_asking {
	struct dns *d;
	struct arena *a; /* of who waits */
	const struct admin_zone_record *list;
	unsigned n;
	unsigned *first; /* that have a question of their own */
	struct admin_zone_seen *seen;
};

static bool
admin_zone_same_question(const struct admin_zone_record *x,
    const struct admin_zone_record *y)
{
	return strcmp(x->type, y->type) == 0 && str_eq(x->name, y->name);
}

static enum dns_type
admin_zone_type(const char *type)
{
	static const struct {
		const char *name;
		enum dns_type type;
	} types[] = { { "MX", DNS_MX }, { "TXT", DNS_TXT }, { "SRV", DNS_SRV },
		{ "CNAME", DNS_CNAME } };

	for (unsigned i = 0; i < countof(types); i++)
		if (strcmp(type, types[i].name) == 0)
			return types[i].type;
	panic("no record of ours: %s", type);
}

/* The answer is good for all records of that name and type. */
static may_yield must_check struct err *
admin_zone_ask(struct task *t, void *arg, unsigned i)
{
	struct admin_zone_asking *x = arg;
	unsigned first = x->first[i];
	const struct admin_zone_record *r = &x->list[first];
	struct dns_answer answer;

	dns_query(t, x->d, r->name, admin_zone_type(r->type), &answer);
	for (unsigned k = first; k < x->n; k++)
		if (admin_zone_same_question(&x->list[k], r))
			admin_zone_compare(x->a, &x->list[k], &answer,
			    &x->seen[k]);
	return NULL;
}

void
admin_zone_check(struct task *t, struct dns *d,
    const struct admin_zone_record *list, unsigned n,
    struct admin_zone_seen *seen)
{
	struct admin_zone_asking x = { .d = d,
		.a = task_arena(t),
		.list = list,
		.n = n,
		.seen = seen };
	uint64_t deadline = task_deadline(t);
	uint64_t at = task_now_ms(t) + ADMIN_ZONE_CHECK_MS;
	unsigned asked = 0;

	x.first = arena_array(task_arena(t), n + 1UL, sizeof(*x.first));
	for (unsigned i = 0; i < n; i++) {
		unsigned k = 0;

		while (!admin_zone_same_question(&list[k], &list[i]))
			k++;
		if (k == i)
			x.first[asked++] = i;
	}
	task_set_deadline(t, deadline > 0 && deadline < at ? deadline : at);
	err_ignore(admin_each(t, asked, ADMIN_ZONE_AT_ONCE, admin_zone_ask,
	    &x)); /* there are none */
	task_set_deadline(t, deadline);
}
