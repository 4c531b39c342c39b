/* fuzz_state.c - what people and the share hand to the state's parsers */
#include <string.h>

#include "storage/invite.h"
#include "storage/password.h"
#include "storage/state_address.h"
#include "storage/state_ops.h"
#include "storage/state_route.h"
#include "storage/state_setting.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

#define must(c)                                                                \
	do {                                                                   \
		if (!(c))                                                      \
			__builtin_trap();                                      \
	} while (0)

/* The one form of an address is a fixed point. */
static void
fuzz_address(struct arena *a, struct str s)
{
	struct state_address ad, again;
	struct str word;

	if (state_address_parse_any(a, s, &ad) == NULL) {
		must(state_address_parse_any(a, ad.full, &again) == NULL);
		must(str_eq(ad.full, again.full));
		must(str_eq(ad.domain, again.domain));
	}
	if (state_word_parse(a, s, &word) == NULL)
		must(state_word_parse(a, word, &s) == NULL && str_eq(s, word));
}

static void
fuzz_invite(struct arena *a, struct str s)
{
	struct invite i, again;

	if (invite_parse(a, s, &i) != NULL)
		return;
	must(invite_parse(a, invite_code(a, &i), &again) == NULL);
	must(strcmp(i.url, again.url) == 0 && strcmp(i.id, again.id) == 0);
}

static void
fuzz_password(struct arena *a, struct str s)
{
	struct password p, again;
	struct str prepared, twice;

	if (password_prepare(a, s, &prepared) == NULL &&
	    prepared.n <= PASSWORD_MAX) {
		must(password_prepare(a, prepared, &twice) == NULL);
		must(str_eq(prepared, twice));
	}
	if (password_import(a, s, &p) == NULL) {
		must(p.hash.n <= PASSWORD_HASH_MAX);
		must(
		    password_decode(a, password_encode(a, &p), &again) == NULL);
		must(str_eq(p.hash, again.hash));
	}
	err_ignore(password_decode(a, s, &p)); /* only that it survives */
}

static void
fuzz_setting(struct arena *a, struct str s)
{
	uint64_t v;
	unsigned i;

	for (i = 0; i < STATE_SETTINGS; i++)
		if (state_setting_parse(a, &state_setting_table[i], s, &v) ==
			NULL &&
		    state_setting_table[i].type != STATE_SETTING_TEXT)
			must(v <= state_setting_table[i].max ||
			     state_setting_table[i].type == STATE_SETTING_BOOL);
}

/* Hosts of a route, written again as they were read, are the same. */
static void
fuzz_route(struct arena *a, struct str s)
{
	struct state_route_host *h, *again;
	unsigned n, m, i;
	struct buf b;

	if (state_route_hosts(a, s, &h, &n) != NULL)
		return;
	must(n > 0 && n <= STATE_ROUTE_HOSTS_MAX);
	buf_init(&b, a, n * 300);
	for (i = 0; i < n; i++) {
		bool literal = str_chr(h[i].name, ':') >= 0;

		buf_fmt(&b, "%s%s" STR_FMT "%s", h[i].mx ? "mx:" : "",
		    literal ? "[" : "", STR_ARG(h[i].name), literal ? "]" : "");
		if (h[i].port != 0)
			buf_fmt(&b, ":%u", h[i].port);
		buf_char(&b, ' ');
	}
	must(buf_ok(&b));
	must(state_route_hosts(a, buf_str(&b), &again, &m) == NULL && m == n);
	for (i = 0; i < n; i++)
		must(str_eq(h[i].name, again[i].name) &&
		     h[i].port == again[i].port && h[i].mx == again[i].mx);
}

/* Nobody without the key makes an entry that is accepted. */
static void
fuzz_ops(struct arena *a, struct str s)
{
	static const struct clusterkey key = { { 7 } };
	static const struct txid txid = { { 1, 2, 3 } };
	static const unsigned char sha256[32];
	struct state_op op;
	uint32_t schema;
	struct err *e;

	e = state_ops_read(a, &key, &txid, s, &op);
	must(e != NULL || op.kind == STATE_OP_NONE);
	must(state_snapshot_check(a, &key, s, sha256, &schema) != NULL);
}

static void (*const fuzz_kinds[])(struct arena *a, struct str s) = {
	fuzz_address,
	fuzz_invite,
	fuzz_password,
	fuzz_setting,
	fuzz_ops,
	fuzz_route,
};

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a;

	if (n < 1)
		return 0;
	a = arena_new(0);
	fuzz_kinds[data[0] % countof(fuzz_kinds)](a, str_of(data + 1, n - 1));
	arena_free(&a);
	return 0;
}
