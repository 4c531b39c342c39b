/* fuzz_session.c - cookies of the console: what is ours, and what is not */
#include "base/buf.h"
#include "base/crypto.h"
#include "server/auth/principal.h"
#include "server/auth/session.h"
#include "storage/clusterkey.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static const struct clusterkey fuzz_key = { "0123456789abcdef0123456789abcde" };

/* One that is ours comes back, and with anything about it changed is none. */
static void
fuzz_ours(struct arena *a, struct str in)
{
	struct session s = { .id = "00112233445566778899aabbccddeeff" }, back;
	struct str text, raw;
	unsigned char *p;

	if (in.n < 20 || in.n > 500)
		return;
	s.admin = in.p[0] & 1;
	s.generation = le64_get(in.p + 1);
	s.issued = (int64_t)le32_get(in.p + 9);
	s.expires = s.issued + 1;
	s.login = str_sub(in, 16, in.n);
	text = session_format(a, &fuzz_key, &s);
	invariant(session_parse(a, &fuzz_key, text, s.issued, &back) == NULL);
	invariant(str_eq(back.login, s.login) && back.admin == s.admin &&
		  back.generation == s.generation && back.expires == s.expires);
	invariant(base64url_decode(a, text, &raw));
	p = arena_memdup(a, raw.p, raw.n);
	p[le16_get(in.p + 13) % raw.n] ^= (unsigned char)(1 << (in.p[15] & 7));
	text = base64url_encode(a, str_of(p, raw.n));
	invariant(session_parse(a, &fuzz_key, text, s.issued, &back) != NULL);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct str in = str_of(data, n);
	struct session s;
	uint32_t scopes;

	/* nobody but the cluster makes one */
	invariant(err_is(session_parse(a, &fuzz_key, in, 0, &s), ERR_DENIED));
	invariant(!session_csrf_is(&fuzz_key,
	    "00112233445566778899aabbccddeeff", in));
	fuzz_ours(a, in);
	if (principal_scopes_parse(a, in, &scopes) == NULL)
		invariant(scopes != 0);
	arena_free(&a);
	return 0;
}
