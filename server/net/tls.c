/* tls.c - certificates and contexts: the server's door to OpenSSL's SSL */
#include "server/net/tls.h"

#include <stdlib.h>
#include <string.h>

#include "server/worker.h"

struct tls {
	struct worker *w;
};

struct tls *
tls_new(struct worker *w)
{
	struct tls *tls = xcalloc(1, sizeof(*tls));

	tls->w = w;
	return tls;
}

void
tls_free(struct tls **tls)
{
	free(*tls);
	*tls = NULL;
}

struct err *
tls_load(struct arena *a, struct tls *tls)
{
	(void)a;
	(void)tls;
	return NULL;
}

bool
tls_is_loaded(const struct tls *tls)
{
	(void)tls;
	return false;
}

void
tls_status(struct arena *a, const struct tls *tls, struct tls_status *s_r)
{
	(void)a;
	(void)tls;
	memset(s_r, 0, sizeof(*s_r));
	s_r->source = "self-signed";
}

struct err *
tls_check_pair(struct arena *a, struct str certificate, struct str key)
{
	(void)a;
	(void)certificate;
	(void)key;
	return NULL;
}

struct err *
tls_names(struct arena *a, struct str certificate, struct str **names_r,
    unsigned *n_r, int64_t *expires_r)
{
	(void)certificate;
	(void)names_r;
	(void)n_r;
	(void)expires_r;
	return err_new(a, ERR_INVALID, "no TLS yet", NULL);
}
