/* queue_sign.c - DKIM signatures, made when a message leaves */
#include "base/crypto.h"
#include "base/crypto_pk.h"
#include "base/log.h"
#include "mime/address.h"
#include "server/mailauth/dkim.h"
#include "server/queue/dsn.h"
#include "server/queue/queue_private.h"
#include "storage/state_address.h"
#include "storage/state_dkim.h"
#include "storage/state_identity.h"

/*
 * Signed is what somebody of ours wrote: an account that submitted it, or we
 * (DSNs).  Mail of strangers that is forwarded has a From of ours only if it is
 * forged: it is never signed, whatever it says.
 *
 * Not at submission: what waits in the queue while keys change is signed with
 * one that is published when it leaves, by the selector of the node that sends
 * it.
 */
#define QUEUE_SIGN_HEADER_MAX (256U << 10)
#define QUEUE_SIGN_CHUNK (256U << 10)
#define QUEUE_SIGN_FROM_MAX 2048

/* --- whose it is --- */

/* The value of the first From, unfolded or not; empty: none. */
struct str
queue_sign_from(struct str header)
{
	size_t at = 0;

	while (at < header.n) {
		size_t end = at;

		/* to the next line that is no continuation */
		do {
			while (end < header.n && header.p[end] != '\n')
				end++;
			end++;
		} while (end < header.n &&
			 (header.p[end] == ' ' || header.p[end] == '\t'));
		if (end > header.n)
			end = header.n;
		if (str_case_eq(str_sub(header, at, 5), STR("From:")))
			return str_sub(header, at + 5,
			    end - at - 5 < QUEUE_SIGN_FROM_MAX
				? end - at - 5
				: QUEUE_SIGN_FROM_MAX);
		at = end;
	}
	return STR_NONE;
}

/*
 * With submission.check_from = no From may name anybody: a signature, which
 * vouches for it, then takes that it is in the domain of the envelope's sender,
 * who was checked, or is the account's after all.
 */
static bool
queue_sign_may(struct arena *a, struct queue *q, const struct queue_message *m,
    const struct mime_addr *from, struct str domain)
{
	struct state_address sender;
	struct str address;
	bool may = false;
	struct err *e;

	if (m->account.n == 0) /* ours */
		return true;
	if (state_address_parse(a, m->from, &sender) == NULL &&
	    str_eq(sender.domain, domain))
		return true;
	address = str_c(arena_printf(a, STR_FMT "@" STR_FMT,
	    STR_ARG(from->mailbox), STR_ARG(from->host)));
	e = state_may_send_as(a, q->w->state, m->account, address, &may);
	return e == NULL && may;
}

static bool
queue_sign_domain(struct arena *a, struct queue *q,
    const struct queue_message *m, struct str header, struct str *domain_r)
{
	struct str from = queue_sign_from(header);
	unsigned left = 1;
	struct mime_addr *ad = mime_addr_parse(a, from, &left);

	return ad != NULL && ad->kind == MIME_ADDR_MAILBOX && ad->host.n > 0 &&
	       state_domain_parse(a, ad->host, domain_r) == NULL &&
	       queue_sign_may(a, q, m, ad, *domain_r);
}

/* Keys of the domain; of our host's own DSNs those of one it lies in. */
static void
queue_sign_keys(struct task *t, struct queue *q, const struct queue_message *m,
    struct str domain, struct state_dkim_signer **keys_r, unsigned *n_r)
{
	struct str label;
	struct err *e;

	do {
		*n_r = 0;
		e = state_dkim_signers(task_arena(t), q->w->state, domain,
		    str_c(q->w->node_id), keys_r, n_r);
		if (e != NULL) {
			log_warn(t, "keys not read", LOG_STR("domain", domain),
			    LOG_ERR(e));
			*n_r = 0;
		}
		if (*n_r > 0 || (m->flags & QUEUE_BOUNCE) == 0)
			return;
	} while (str_split(&domain, '.', &label) && domain.n > 0);
}

/* --- reading it --- */

static may_yield must_check struct err *
queue_sign_read(struct task *t, struct queue *q, const struct queue_message *m,
    uint64_t at, char *into, uint32_t n, uint32_t *count_r)
{
	task_set_deadline(t, task_now_ms(t) + QUEUE_CALL_MS);
	struct err *e =
	    queue_read(t, q->hold[m->bucket].b, m, at, into, n, count_r);
	task_set_deadline(t, 0);
	return e;
}

static may_yield must_check struct err *
queue_sign_body(struct task *t, struct queue *q, const struct queue_message *m,
    uint64_t at, struct dkim_sign *s)
{
	char *p = arena_alloc(task_arena(t), QUEUE_SIGN_CHUNK);

	while (at < m->bytes) {
		uint32_t n = 0;
		struct err *e =
		    queue_sign_read(t, q, m, at, p, QUEUE_SIGN_CHUNK, &n);

		if (e != NULL)
			return e;
		if (n == 0)
			break;
		dkim_sign_body(s, p, n);
		at += n;
	}
	return NULL;
}

static may_yield must_check struct err *
queue_sign_header(struct task *t, struct queue *q,
    const struct queue_message *m, struct str *header_r, uint64_t *body_r)
{
	uint64_t want =
	    m->bytes < QUEUE_SIGN_HEADER_MAX ? m->bytes : QUEUE_SIGN_HEADER_MAX;
	char *p = arena_alloc(task_arena(t), want + 1);
	struct err *e = NULL;
	uint64_t at = 0;

	while (e == NULL && at < want) {
		uint32_t n = 0;

		e = queue_sign_read(t, q, m, at, p + at, (uint32_t)(want - at),
		    &n);
		if (n == 0)
			break;
		at += n;
	}
	*header_r = dsn_header(str_of(p, at));
	*body_r = header_r->n + 2;
	/* longer than anybody's: not signed */
	if (header_r->n == 0 || *body_r > at || p[header_r->n] != '\r')
		*header_r = STR_NONE;
	return e;
}

/* --- signing --- */

/* Reading a key from its PEM, and signing the first time, takes twice as long
 * as signing.  NULL: it cannot be read. */
static const struct crypto_pk *
queue_sign_pk(struct arena *a, struct queue *q, struct str pem)
{
	struct queue_key *k;
	unsigned char hash[CRYPTO_SHA256_BYTES];
	struct crypto_pk *pk;

	crypto_sha256(pem.p, pem.n, hash);
	for (unsigned i = 0; i < QUEUE_KEYS; i++)
		if (q->keys[i].pk != NULL &&
		    memcmp(q->keys[i].hash, hash, sizeof(hash)) == 0)
			return q->keys[i].pk;
	if (crypto_pk_of_pem(a, pem, &pk) != NULL)
		return NULL;
	k = &q->keys[q->key_next];
	q->key_next = (q->key_next + 1) % QUEUE_KEYS;
	crypto_pk_free(&k->pk);
	k->pk = pk;
	memcpy(k->hash, hash, sizeof(hash));
	return pk;
}

void
queue_sign_forget(struct queue *q)
{
	for (unsigned i = 0; i < QUEUE_KEYS; i++)
		crypto_pk_free(&q->keys[i].pk);
}

struct err *
queue_sign(struct task *t, struct queue *q, const struct queue_message *m,
    struct str *prefix_r)
{
	struct arena *a = task_arena(t);
	struct state_dkim_signer *keys = NULL;
	struct str header, domain, field;
	struct dkim_sign *s;
	struct err *e;
	uint64_t body;
	struct buf b;
	unsigned n = 0;

	*prefix_r = STR_NONE;
	if (m->account.n == 0 && (m->flags & QUEUE_BOUNCE) == 0)
		return NULL;
	e = queue_sign_header(t, q, m, &header, &body);
	if (e != NULL || !queue_sign_domain(a, q, m, header, &domain))
		return e;
	queue_sign_keys(t, q, m, domain, &keys, &n);
	if (n == 0)
		return NULL;
	s = dkim_sign_new(a);
	e = queue_sign_body(t, q, m, body, s);
	buf_init(&b, a, STATE_DKIM_SIGNERS * DKIM_FIELD_MAX);
	for (unsigned i = 0; e == NULL && i < n; i++) {
		const struct dkim_key key = { keys[i].domain, keys[i].selector,
			keys[i].pem };
		struct err *bad = dkim_sign_field_pk(a, s, header, &key,
		    queue_sign_pk(a, q, key.pem), task_wall_s(t), &field);

		/* better unsigned than never */
		if (bad != NULL)
			log_error(t, "not signed", LOG_STR("queue", m->id),
			    LOG_STR("domain", key.domain),
			    LOG_STR("selector", key.selector), LOG_ERR(bad));
		else
			buf_str_add(&b, field);
	}
	if (e == NULL && buf_ok(&b))
		*prefix_r = buf_str(&b);
	return e;
}
