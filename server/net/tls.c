/* tls.c - which certificates are there, and who gets which */
#include "server/net/tls.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "server/net/counts.h"
#include "server/net/tls_private.h"
#include "storage/state_key.h"

/* The cluster's, as soon as the state is there to ask for its key; nobody has
 * been given a ticket before. */
static void
tls_tickets_load(struct tls *tls)
{
	if (tls->tickets_shared || tls->w->state == NULL)
		return;
	tls->tickets_shared = true;
	clusterkey_derive(state_key(tls->w->state), "shoal tls tickets",
	    tls->ticket_secret);
	for (unsigned i = 0; i < TLS_TICKET_DAYS; i++)
		tls->keys[i].day = INT64_MIN;
}

struct tls *
tls_new(struct worker *w)
{
	struct tls *tls = xcalloc(1, sizeof(*tls));
	const struct rnd *r = sched_rnd(w->sched);

	tls->w = w;
	tls->bio = tls_bio_new();
	for (unsigned i = 0; i < TLS_TICKET_DAYS; i++)
		tls->keys[i].day = INT64_MIN;
	r->fill(r->arg, tls->ticket_secret, sizeof(tls->ticket_secret));
	return tls;
}

static void
tls_set_free(struct tls_set **set)
{
	struct arena *a;

	if (*set == NULL)
		return;
	for (unsigned i = 0; i < (*set)->n; i++)
		SSL_CTX_free((*set)->entries[i].ctx);
	a = (*set)->arena; /* the set itself is in it */
	arena_free(&a);
	*set = NULL;
}

void
tls_free(struct tls **tls)
{
	if (*tls == NULL)
		return;
	tls_set_free(&(*tls)->set);
	SSL_CTX_free((*tls)->relay);
	BIO_meth_free((*tls)->bio);
	crypto_wipe(*tls, sizeof(**tls));
	free(*tls);
	*tls = NULL;
}

/* Adds one to the set; its array is large enough. */
static struct err *
tls_set_add(struct arena *a, struct tls *tls, struct tls_set *set,
    struct str certificate, struct str key, int64_t created)
{
	struct tls_entry *entry = &set->entries[set->n];
	struct tls_pem pem;
	struct err *e = tls_pem_read(a, certificate, key, &pem);

	if (e == NULL && pem.key == NULL)
		e = err_new(a, ERR_INVALID, "the private key is missing", NULL);
	if (e == NULL)
		e = tls_ctx_new(a, tls, &pem, &entry->ctx);
	if (e == NULL) {
		tls_pem_names(set->arena, &pem, &entry->names, &entry->names_n);
		entry->expires = tls_pem_expires(&pem);
		entry->created = created;
		set->n++;
	}
	tls_pem_free(&pem);
	return e;
}

/* All or nothing: the configuration was checked, so something has changed
 * since. */
static struct err *
tls_set_from_file(struct arena *a, struct tls *tls, struct tls_set *set)
{
	const struct conf *conf = tls->w->conf;
	struct err *e;

	set->source = "file";
	set->entries = arena_array(set->arena, conf->certificates_n,
	    sizeof(set->entries[0]));
	for (unsigned i = 0; i < conf->certificates_n; i++) {
		const struct conf_certificate *c = &conf->certificates[i];

		e = tls_set_add(a, tls, set, c->certificate, c->key, i);
		if (e != NULL)
			return err_wrap(a, e, "%s", c->certificate_file);
	}
	return NULL;
}

/* One that this OpenSSL does not take must not take the others along. */
static struct err *
tls_set_from_state(struct arena *a, struct tls *tls, struct tls_set *set)
{
	struct state_certificate *list;
	unsigned n;
	struct err *e;

	set->source = "state";
	if (tls->w->state == NULL)
		return NULL;
	e = state_certificate_list(a, tls->w->state, &list, &n);
	if (e != NULL)
		return err_wrap(a, e, "certificates");
	set->entries = arena_array(set->arena, n, sizeof(set->entries[0]));
	for (unsigned i = 0; i < n; i++) {
		e = tls_set_add(a, tls, set, list[i].chain, list[i].secret,
		    list[i].created);
		crypto_wipe((char *)(uintptr_t)list[i].secret.p,
		    list[i].secret.n);
		if (e != NULL)
			log_error(NULL, "certificate",
			    LOG_STR("id", list[i].id), LOG_ERR(e));
	}
	return NULL;
}

static struct err *
tls_set_from_self(struct arena *a, struct tls *tls, struct tls_set *set)
{
	struct str pem;
	struct err *e;

	set->source = "self-signed";
	if (tls->w->conf->local == NULL)
		return err_new(a, ERR_INVALID, "there is no certificate", NULL);
	set->entries = arena_new_obj(set->arena, struct tls_entry);
	e = tls_self(a, tls, &pem);
	if (e == NULL) {
		e = tls_set_add(a, tls, set, pem, pem, 0);
		crypto_wipe((char *)(uintptr_t)pem.p, pem.n);
	}
	return e == NULL ? NULL
			 : err_wrap(a, e, "%s/self.pem", tls->w->conf->local);
}

static int
tls_name_cmp(const void *a, const void *b)
{
	const struct tls_name *x = a, *y = b;
	int cmp = str_cmp(x->name, y->name);

	/* entries are in order of age: the first of a name counts */
	return cmp != 0 ? cmp : x->entry < y->entry ? -1 : x->entry > y->entry;
}

static void
tls_set_index(struct tls_set *set)
{
	unsigned all = 0, n = 0;

	for (unsigned i = 0; i < set->n; i++)
		all += set->entries[i].names_n;
	set->names = arena_array(set->arena, all, sizeof(set->names[0]));
	for (unsigned i = 0; i < set->n; i++)
		for (unsigned j = 0; j < set->entries[i].names_n; j++)
			set->names[n++] =
			    (struct tls_name){ set->entries[i].names[j],
				    &set->entries[i] };
	if (all > 0)
		qsort(set->names, all, sizeof(set->names[0]), tls_name_cmp);
	for (unsigned i = n = 0; i < all; i++)
		if (n == 0 ||
		    !str_eq(set->names[i].name, set->names[n - 1].name))
			set->names[n++] = set->names[i];
	set->names_n = n;
	set->fallback = &set->entries[0];
}

/* For /metrics and `status`, which ask the counts. */
static void
tls_set_tell(const struct tls *tls)
{
	struct tls_status s;
	struct arena *a;

	if (tls->w->counts == NULL || tls->w->index != 0)
		return;
	a = arena_new(0);
	tls_status(a, tls, &s);
	counts_word_set(tls->w->counts, COUNTS_CERT_EXPIRES,
	    s.expires > 0 ? (uint64_t)s.expires : 0);
	counts_word_set(tls->w->counts, COUNTS_CERT_SELF,
	    strcmp(s.source, "self-signed") == 0);
	arena_free(&a);
}

struct err *
tls_load(struct arena *a, struct tls *tls)
{
	struct arena *own = arena_new(0);
	struct tls_set *set = arena_new_obj(own, struct tls_set);
	struct err *e;

	set->arena = own;
	tls_tickets_load(tls);
	SSL_CTX_free(tls->relay); /* the system's CAs may be others now */
	tls->relay = NULL;
	if (tls->w->conf->certificates_n > 0)
		e = tls_set_from_file(a, tls, set);
	else {
		e = tls_set_from_state(a, tls, set);
		if (e == NULL && set->n == 0)
			e = tls_set_from_self(a, tls, set);
	}
	if (e != NULL) { /* what was loaded before stays */
		tls_set_free(&set);
		return e;
	}
	tls_set_index(set);
	tls_set_free(&tls->set);
	tls->set = set;
	tls_set_tell(tls);
	return NULL;
}

bool
tls_is_loaded(const struct tls *tls)
{
	return tls->set != NULL;
}

void
tls_status(struct arena *a, const struct tls *tls, struct tls_status *s_r)
{
	memset(s_r, 0, sizeof(*s_r));
	s_r->source = "none";
	if (tls->set == NULL)
		return;
	s_r->source = tls->set->source;
	s_r->n = tls->set->n;
	for (unsigned i = 0; i < tls->set->n; i++) {
		const struct tls_entry *e = &tls->set->entries[i];

		if (i > 0 && e->expires >= s_r->expires)
			continue;
		s_r->expires = e->expires;
		s_r->expires_name =
		    e->names_n == 0 ? "" : arena_cstr(a, e->names[0]);
	}
}
