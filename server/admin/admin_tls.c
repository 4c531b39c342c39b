/* admin_tls.c - certificates of the whole cluster */
#include "server/admin/admin_tls.h"

#include "server/net/tls.h"

struct err *
admin_tls_add(struct task *t, const struct admin *ad, struct str chain,
    struct str key, struct state_certificate *crt_r)
{
	struct arena *a = task_arena(t);
	struct err *e;

	*crt_r = (struct state_certificate){ .created = task_wall_s(t),
		.chain = chain,
		.secret = key };
	e = tls_check_pair(a, chain, key);
	if (e == NULL)
		e = tls_names(a, chain, &crt_r->names, &crt_r->n,
		    &crt_r->expires);
	return e != NULL ? e
			 : state_certificate_add(t, ad->state, ad->by, crt_r);
}

struct err *
admin_tls_remove(struct task *t, const struct admin *ad, struct str id_or_name,
    struct str *id_r)
{
	struct state_certificate *list;
	struct err *e;
	unsigned n;

	*id_r = id_or_name;
	e = state_certificate_list(task_arena(t), ad->state, &list, &n);
	for (unsigned i = 0; e == NULL && i < n; i++)
		for (unsigned k = 0; k < list[i].n; k++)
			if (str_case_eq(list[i].names[k], id_or_name))
				*id_r = list[i].id;
	return e != NULL
		   ? e
		   : state_certificate_remove(t, ad->state, ad->by, *id_r);
}
