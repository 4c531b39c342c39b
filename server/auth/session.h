/* session.h - console sessions: signed, kept by the browser */
#ifndef SERVER_AUTH_SESSION_H
#define SERVER_AUTH_SESSION_H

#include "server/auth/principal.h"

/*
 * The cookie says who it is and is signed (HMAC-SHA-256) with a key derived
 * from the cluster key, so every node believes it and nobody stores it
 * (DESIGN 9):
 *
 *	base64url(version kind id issued expires generation login mac)
 *
 * It ends when it expires (console.session_idle after its last use, at most
 * console.session_time after signing in), when the person's generation has
 * moved (password changed, signed out everywhere, role changed), or when it was
 * signed out (state_session_end).  Who signs in always gets a new id.
 *
 * The CSRF token is a MAC of the session's id under another key.
 */
#define SESSION_COOKIE "__Host-shoal"
#define SESSION_TEXT_MAX 1024
#define SESSION_ID_CHARS 32

struct session {
	char id[SESSION_ID_CHARS + 1];
	bool admin; /* of a row of admins, else of an account */
	struct str login;
	uint64_t generation;
	int64_t issued, expires; /* wall seconds */
};

struct clusterkey;
struct rnd;
struct str session_format(struct arena *a, const struct clusterkey *k,
    const struct session *s);
/* ERR_DENIED: not ours, cut, or expired. */
must_check struct err *session_parse(struct arena *a,
    const struct clusterkey *k, struct str text, int64_t now_s,
    struct session *s_r);
struct str session_csrf(struct arena *a, const struct clusterkey *k,
    const char *id);
bool session_csrf_is(const struct clusterkey *k, const char *id,
    struct str token);

#endif
