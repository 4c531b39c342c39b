/* fuzz_authres.c - what strangers say, written into our field; and theirs */
#include "mime/header.h"
#include "server/mailauth/authres.h"

#include "tests/unit/mailauth_rig.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

#define ID "mx.example.net"

/* One field, ours, whose lines all begin as they should. */
static void
written(struct str text)
{
	struct mime_header h = mime_header_of(text);
	struct mime_field f;

	invariant(mime_header_next(&h, &f) && f.whole.n == text.n);
	invariant(authres_is_forged(text, STR(ID)));
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		invariant(c >= 32 || c == '\r' || c == '\n' || c == '\t');
		invariant(
		    (c == '\r') == (i + 1 < text.n && text.p[i + 1] == '\n'));
		if (c == '\n' && i + 1 < text.n)
			invariant(text.p[i + 1] == '\t');
	}
}

/* Four texts, LF between. */
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct str in = str_of(data, n), w[4];
	struct arena *a = arena_new(0);
	struct spf spf = { .result = SPF_PASS };
	struct dmarc dmarc = { .result = DMARC_FAIL };
	struct authres r = { .id = STR(ID), .spf = &spf, .dmarc = &dmarc };
	struct buf b;

	(void)authres_is_forged(in, STR(ID));
	for (int i = 0; i < 4; i++)
		if (!str_split(&in, '\n', &w[i]))
			w[i] = STR_NONE;
	spf.from = w[0];
	spf.helo = w[0];
	spf.is_helo = n % 2 == 0;
	spf.why = w[1];
	r.auth = w[2];
	dmarc.domain = w[3];
	r.iprev = "pass";
	r.iprev_name = w[3];
	r.peer.family = NET_IP4;
	buf_init(&b, a, AUTHRES_MAX);
	authres_write(&b, &r);
	invariant(buf_ok(&b));
	written(buf_str(&b));
	arena_free(&a);
	return 0;
}
