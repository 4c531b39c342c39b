/* tls_ctx.c - one context a certificate: versions, ciphers, SNI, tickets */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/crypto.h"
#include "server/net/tls_private.h"

#define TLS_DAY_S 86400

/* TLS 1.2: forward secrecy only; CBC at the end, for old mail servers that
 * would otherwise fall back to plain text.  TLS 1.3: OpenSSL's own list. */
static const char tls_ciphers[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!MD5:!DSS:!CCM:"
    "!ARIA:!CAMELLIA";

/* --- session tickets --- */

static const struct tls_ticket_key *
tls_ticket_key(struct tls *tls, int64_t day)
{
	struct tls_ticket_key *k = &tls->keys[(uint64_t)day % TLS_TICKET_DAYS];
	unsigned char secret[32], name[32];
	char label[48];
	int n;

	if (k->day == day)
		return k;
	n = snprintf(label, sizeof(label), "tls ticket %lld", (long long)day);
	crypto_derive(tls->ticket_secret, str_of(label, (size_t)n), secret);
	crypto_derive(secret, STR("name"), name);
	memcpy(k->name, name, sizeof(k->name));
	crypto_derive(secret, STR("aes"), k->aes);
	crypto_derive(secret, STR("mac"), k->mac);
	crypto_wipe(secret, sizeof(secret));
	k->day = day;
	return k;
}

static bool
tls_ticket_mac(EVP_MAC_CTX *mac, const struct tls_ticket_key *k)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
		    (void *)(uintptr_t)k->mac, sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
		    0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 good, 2 good but renew, 0 unknown
 * key (a full handshake follows), -1 failure. */
static int
tls_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
	struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int64_t today = sched_wall_s(tls->w->sched) / TLS_DAY_S;
	const struct tls_ticket_key *k;

	if (encrypt) {
		k = tls_ticket_key(tls, today);
		memcpy(name, k->name, sizeof(k->name));
		sched_rnd(tls->w->sched)
		    ->fill(sched_rnd(tls->w->sched)->arg, iv,
			(size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
		return EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), k->aes,
			   iv, NULL) == 1 &&
			       tls_ticket_mac(mac, k)
			   ? 1
			   : -1;
	}
	for (int64_t day = today - 1; day <= today + 1; day++) {
		k = tls_ticket_key(tls, day);
		if (!crypto_equal(name, k->name, sizeof(k->name)))
			continue;
		if (EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), k->aes, iv,
			NULL) != 1 ||
		    !tls_ticket_mac(mac, k))
			return -1;
		/* TLS 1.3 clients use a ticket once (RFC 8446, C.4) */
		return day == today && SSL_version(ssl) < TLS1_3_VERSION ? 1
									 : 2;
	}
	return 0;
}

/* --- SNI --- */

static const struct tls_entry *
tls_set_exact(const struct tls_set *set, struct str name)
{
	unsigned from = 0, to = set->names_n;

	while (from < to) {
		unsigned mid = from + (to - from) / 2;
		int cmp = str_cmp(name, set->names[mid].name);

		if (cmp == 0)
			return set->names[mid].entry;
		if (cmp < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

const struct tls_entry *
tls_set_find(const struct tls_set *set, struct str name)
{
	char text[256];
	const struct tls_entry *e;
	ptrdiff_t dot;

	if (name.n == 0 || name.n >= sizeof(text) - 2)
		return set->fallback;
	/* text[0]: room for the '*' of a one-letter label */
	text[0] = '*';
	for (size_t i = 0; i < name.n; i++)
		text[i + 1] = name.p[i] >= 'A' && name.p[i] <= 'Z'
				  ? (char)(name.p[i] + 'a' - 'A')
				  : name.p[i];
	name.p = text + 1;
	if (name.p[name.n - 1] == '.')
		name.n--;
	e = tls_set_exact(set, name);
	dot = str_chr(name, '.');
	if (e == NULL && dot > 0) {
		text[dot] = '*';
		e = tls_set_exact(set,
		    str_of(text + dot, name.n - (size_t)dot + 1));
	}
	return e == NULL ? set->fallback : e;
}

static int
tls_sni(SSL *ssl, int *alert, void *arg)
{
	struct tls *tls = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct tls_entry *e;

	(void)alert;
	if (name == NULL || tls->set == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	/* A name that is not ours gets the fallback: a mail client that asks
	 * for an old name shows the user a mismatch, not a dead server. */
	e = tls_set_find(tls->set, str_c(name));
	if (e->ctx != SSL_get_SSL_CTX(ssl))
		SSL_set_SSL_CTX(ssl, e->ctx);
	return SSL_TLSEXT_ERR_OK;
}

/* --- contexts --- */

static bool
tls_ctx_certify(SSL_CTX *ctx, const struct tls_pem *pem)
{
	if (SSL_CTX_use_certificate(ctx, pem->leaf) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, pem->key) != 1)
		return false;
	for (int i = 0; i < sk_X509_num(pem->chain); i++)
		if (SSL_CTX_add1_chain_cert(ctx,
			sk_X509_value(pem->chain, i)) != 1)
			return false;
	return true;
}

struct err *
tls_ctx_new(struct arena *a, struct tls *tls, const struct tls_pem *pem,
    SSL_CTX **ctx_r)
{
	static const unsigned char session_of[] = "shoal";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	ERR_clear_error();
	invariant(ctx != NULL);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
				  SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, TLS_DAY_S);
	SSL_CTX_set_session_id_context(ctx, session_of, sizeof(session_of) - 1);
	if (tls != NULL) {
		SSL_CTX_set_app_data(ctx, tls);
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, tls_ticket);
		SSL_CTX_set_tlsext_servername_callback(ctx, tls_sni);
		SSL_CTX_set_tlsext_servername_arg(ctx, tls);
	}
	if (SSL_CTX_set_cipher_list(ctx, tls_ciphers) != 1 ||
	    !tls_ctx_certify(ctx, pem)) {
		SSL_CTX_free(ctx);
		return tls_err(a, "the certificate");
	}
	*ctx_r = ctx;
	return NULL;
}

/* --- clients --- */

struct err *
tls_ctx_relay(struct arena *a, struct tls *tls, SSL_CTX **ctx_r)
{
	SSL_CTX *ctx = tls->relay;

	ERR_clear_error();
	if (ctx == NULL) {
		ctx = SSL_CTX_new(TLS_client_method());
		if (ctx == NULL || SSL_CTX_set_default_verify_paths(ctx) != 1) {
			SSL_CTX_free(ctx);
			return tls_err(a, "TLS");
		}
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		tls->relay = ctx;
	}
	*ctx_r = ctx;
	return NULL;
}
