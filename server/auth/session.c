/* session.c - console sessions: signed, kept by the browser */
#include "server/auth/session.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "storage/clusterkey.h"

#define SESSION_VERSION 1
#define SESSION_ADMIN 'a'
#define SESSION_USER 'u'
#define SESSION_LABEL "shoal console session"
#define SESSION_CSRF_LABEL "shoal console csrf"
#define SESSION_MAC 32
#define SESSION_HEAD (1 + 1 + SESSION_ID_CHARS / 2 + 8 + 8 + 8)
#define SESSION_LOGIN_MAX 512
#define SESSION_CSRF_BYTES 24

static void
session_mac(const struct clusterkey *k, const char *label, struct str text,
    unsigned char mac[SESSION_MAC])
{
	unsigned char key[32];

	clusterkey_derive(k, label, key);
	crypto_hmac_sha256(key, sizeof(key), text.p, text.n, mac);
	crypto_wipe(key, sizeof(key));
}

struct str
session_format(struct arena *a, const struct clusterkey *k,
    const struct session *s)
{
	unsigned char id[SESSION_ID_CHARS / 2], mac[SESSION_MAC];
	struct buf b;

	invariant(str_unhex(str_c(s->id), id, sizeof(id)));
	invariant(s->login.n > 0 && s->login.n <= SESSION_LOGIN_MAX);
	buf_init(&b, a, SESSION_TEXT_MAX);
	buf_char(&b, SESSION_VERSION);
	buf_char(&b, s->admin ? SESSION_ADMIN : SESSION_USER);
	buf_add(&b, id, sizeof(id));
	buf_le64(&b, (uint64_t)s->issued);
	buf_le64(&b, (uint64_t)s->expires);
	buf_le64(&b, s->generation);
	buf_str_add(&b, s->login);
	session_mac(k, SESSION_LABEL, buf_str(&b), mac);
	buf_add(&b, mac, sizeof(mac));
	invariant(buf_ok(&b));
	return base64url_encode(a, buf_str(&b));
}

static struct err *
session_refused(struct arena *a, const char *why)
{
	return err_new(a, ERR_DENIED, "sign in again", "session: %s", why);
}

struct err *
session_parse(struct arena *a, const struct clusterkey *k, struct str text,
    int64_t now_s, struct session *s_r)
{
	unsigned char mac[SESSION_MAC];
	struct buf id;
	struct str in;

	if (text.n > SESSION_TEXT_MAX || !base64url_decode(a, text, &in) ||
	    in.n <= SESSION_HEAD + SESSION_MAC ||
	    in.n > SESSION_HEAD + SESSION_LOGIN_MAX + SESSION_MAC)
		return session_refused(a, "no session");
	in.n -= SESSION_MAC;
	session_mac(k, SESSION_LABEL, in, mac);
	if (!crypto_equal(mac, in.p + in.n, SESSION_MAC))
		return session_refused(a, "not ours");
	/* from here on it is what we once wrote */
	if (in.p[0] != SESSION_VERSION ||
	    (in.p[1] != SESSION_ADMIN && in.p[1] != SESSION_USER))
		return session_refused(a, "of another version");
	*s_r = (struct session){ .admin = in.p[1] == SESSION_ADMIN,
		.login = str_sub(in, SESSION_HEAD, in.n) };
	buf_init(&id, a, SESSION_ID_CHARS);
	buf_hex(&id, in.p + 2, SESSION_ID_CHARS / 2);
	memcpy(s_r->id, id.p, SESSION_ID_CHARS);
	in = str_sub(in, 2 + SESSION_ID_CHARS / 2, in.n);
	s_r->issued = (int64_t)le64_get(in.p);
	s_r->expires = (int64_t)le64_get(in.p + 8);
	s_r->generation = le64_get(in.p + 16);
	if (s_r->expires <= now_s)
		return session_refused(a, "expired");
	return NULL;
}

struct str
session_csrf(struct arena *a, const struct clusterkey *k, const char *id)
{
	unsigned char mac[SESSION_MAC];

	session_mac(k, SESSION_CSRF_LABEL, str_c(id), mac);
	return base64url_encode(a, str_of(mac, SESSION_CSRF_BYTES));
}

bool
session_csrf_is(const struct clusterkey *k, const char *id, struct str token)
{
	struct arena *a = arena_new(0);
	struct str right = session_csrf(a, k, id);
	bool is = token.n == right.n && crypto_equal(token.p, right.p, right.n);

	arena_free(&a);
	return is;
}
