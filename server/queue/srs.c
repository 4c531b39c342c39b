/* srs.c - rewriting, and back; no state, no waiting */
#include "server/queue/srs.h"

#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"

#define SRS_HASH 4
#define SRS_DAY_S 86400
#define SRS_WHEEL 1024 /* days until a stamp comes again */

static const char srs_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static unsigned char
srs_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c | 32 : c;
}

static bool
srs_is_separator(char c)
{
	return c == '=' || c == '+' || c == '-';
}

bool
srs_is_local(struct str local)
{
	return local.n > 5 && str_case_eq(str_sub(local, 0, 3), STR("SRS")) &&
	       (local.p[3] == '0' || local.p[3] == '1') &&
	       srs_is_separator(local.p[4]);
}

/* --- local parts: quoted on the wire, plain in here --- */

static bool
srs_unquote(struct arena *a, struct str in, struct str *out_r)
{
	struct buf b;
	size_t i;

	*out_r = in;
	if (in.n == 0 || in.p[0] != '"')
		return in.n > 0;
	if (in.n < 3 || in.p[in.n - 1] != '"')
		return false;
	buf_init(&b, a, in.n);
	for (i = 1; i < in.n - 1; i++) {
		if (in.p[i] == '\\' && ++i == in.n - 1)
			return false;
		buf_char(&b, in.p[i]);
	}
	*out_r = buf_str(&b);
	return true;
}

/* dot-atom-text (RFC 5322, 3.2.3; RFC 6532) */
static bool
srs_is_dot_atom(struct str s)
{
	bool dot = true;
	size_t i;

	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool letter =
		    c >= 0x80 || (srs_lower(c) >= 'a' && srs_lower(c) <= 'z');

		if (c == '.' ? dot
			     : !letter && !(c >= '0' && c <= '9') &&
				   (c == '\0' || strchr("!#$%&'*+-/=?^_`{|}~",
						     c) == NULL))
			return false;
		dot = c == '.';
	}
	return !dot;
}

static struct err *
srs_join(struct arena *a, struct str local, struct str domain,
    struct str *out_r)
{
	struct buf b;
	size_t i;

	buf_init(&b, a, SRS_ADDRESS_MAX);
	if (srs_is_dot_atom(local)) {
		buf_str_add(&b, local);
	} else {
		buf_char(&b, '"');
		for (i = 0; i < local.n; i++) {
			if (local.p[i] == '"' || local.p[i] == '\\')
				buf_char(&b, '\\');
			buf_char(&b, local.p[i]);
		}
		buf_char(&b, '"');
	}
	buf_char(&b, '@');
	buf_str_add(&b, domain);
	if (!buf_ok(&b))
		return err_new(a, ERR_LIMIT, "the rewritten sender is too long",
		    NULL);
	*out_r = buf_str(&b);
	return NULL;
}

/* The last "@": a domain has none. */
static bool
srs_cut(struct arena *a, struct str address, struct str *local_r,
    struct str *domain_r)
{
	size_t at = address.n, i;

	for (i = 0; i < address.n; i++)
		if ((unsigned char)address.p[i] < ' ' || address.p[i] == 127)
			return false;
	while (at > 0 && address.p[at - 1] != '@')
		at--;
	if (at < 2 || at == address.n || address.n > SRS_ADDRESS_MAX)
		return false;
	*domain_r = str_sub(address, at, address.n);
	/* Where "=" separates, nothing that is a name has one. */
	if (str_chr(*domain_r, '=') >= 0)
		return false;
	return srs_unquote(a, str_sub(address, 0, at - 1), local_r);
}

/* --- hashes and days --- */

/* Of "<kind>" and the text in lower case, in the arena. */
static void
srs_hash(struct arena *a, struct str secret, char kind, struct str text,
    char hash_r[SRS_HASH])
{
	unsigned char mac[32];
	unsigned char *p = arena_alloc(a, text.n + 1);
	size_t i;

	p[0] = (unsigned char)kind;
	for (i = 0; i < text.n; i++)
		p[1 + i] = srs_lower((unsigned char)text.p[i]);
	crypto_hmac_sha256(secret.p, secret.n, p, text.n + 1, mac);
	for (i = 0; i < SRS_HASH; i++)
		hash_r[i] = srs_digits[mac[i] & 31];
}

/* Whatever case it came in, in constant time. */
static bool
srs_is_signed(struct arena *a, const struct str *secrets, unsigned n, char kind,
    struct str text, struct str hash)
{
	unsigned char got[SRS_HASH], want[SRS_HASH];
	bool good = false;
	unsigned i, k;

	if (hash.n != SRS_HASH)
		return false;
	for (k = 0; k < SRS_HASH; k++)
		got[k] = srs_lower((unsigned char)hash.p[k]);
	for (i = 0; i < n; i++) {
		srs_hash(a, secrets[i], kind, text, (char *)want);
		for (k = 0; k < SRS_HASH; k++)
			want[k] = srs_lower(want[k]);
		good |= crypto_equal(got, want, SRS_HASH);
	}
	return good;
}

static unsigned
srs_day(int64_t wall_s)
{
	return (unsigned)((uint64_t)wall_s / SRS_DAY_S % SRS_WHEEL);
}

static bool
srs_digit(char c, unsigned *v_r)
{
	unsigned char l = srs_lower((unsigned char)c);

	if (l >= 'a' && l <= 'z')
		*v_r = l - 'a';
	else if (l >= '2' && l <= '7')
		*v_r = l - '2' + 26U;
	else
		return false;
	return true;
}

/* Tomorrow is as good as today: clocks differ. */
static bool
srs_is_in_time(struct str stamp, int64_t wall_s)
{
	unsigned high, low, age;

	if (stamp.n != 2 || !srs_digit(stamp.p[0], &high) ||
	    !srs_digit(stamp.p[1], &low))
		return false;
	age = (srs_day(wall_s) + SRS_WHEEL - (high * 32 + low)) % SRS_WHEEL;
	return age <= SRS_DAYS || age == SRS_WHEEL - 1;
}

/* --- rewriting --- */

/* "<host>=<sep>HHHH=TT=..." of what others have rewritten; from SRS1 it is what
 * stands there already. */
static bool
srs_opaque(struct arena *a, struct str local, struct str domain,
    struct str *text_r)
{
	struct str rest, hash, host;

	if (!srs_is_local(local))
		return false;
	rest = str_sub(local, 4, local.n); /* with its separator */
	if (local.p[3] == '0') {
		*text_r = str_c(arena_printf(a, STR_FMT "=" STR_FMT,
		    STR_ARG(domain), STR_ARG(rest)));
		return true;
	}
	rest = str_sub(rest, 1, rest.n);
	*text_r = STR_NONE;
	if (!str_split(&rest, '=', &hash))
		return false;
	*text_r = rest;
	return str_split(&rest, '=', &host) && host.n > 0 &&
	       str_chr(host, '@') < 0 && rest.n > 1 &&
	       srs_is_separator(rest.p[0]);
}

struct err *
srs_rewrite(struct arena *a, struct str secret, int64_t wall_s, struct str from,
    struct str our_domain, struct str *out_r)
{
	unsigned day = srs_day(wall_s);
	struct str local, domain, text;
	char hash[SRS_HASH];
	const char *whole;

	if (!srs_cut(a, from, &local, &domain))
		return err_new(a, ERR_INVALID, "the sender is no address",
		    NULL);
	if (srs_opaque(a, local, domain, &text)) {
		srs_hash(a, secret, '1', text, hash);
		whole = arena_printf(a, "SRS1=%.*s=" STR_FMT, SRS_HASH, hash,
		    STR_ARG(text));
	} else {
		text = str_c(arena_printf(a, "%c%c=" STR_FMT "=" STR_FMT,
		    srs_digits[day / 32], srs_digits[day % 32], STR_ARG(domain),
		    STR_ARG(local)));
		srs_hash(a, secret, '0', text, hash);
		whole = arena_printf(a, "SRS0=%.*s=" STR_FMT, SRS_HASH, hash,
		    STR_ARG(text));
	}
	return srs_join(a, str_c(whole), our_domain, out_r);
}

/* --- and back --- */

static struct err *
srs_bad(struct arena *a, const char *why)
{
	return err_new(a, ERR_DENIED, why, NULL);
}

/* TT=domain=local */
static struct err *
srs_restore_first(struct arena *a, struct str text, int64_t wall_s,
    struct str *out_r)
{
	struct str rest = text, stamp, domain;

	if (!str_split(&rest, '=', &stamp) || !str_split(&rest, '=', &domain) ||
	    domain.n == 0 || rest.n == 0)
		return srs_bad(a, "not a rewritten address of ours");
	if (!srs_is_in_time(stamp, wall_s))
		return srs_bad(a, "the rewritten address is too old");
	return srs_join(a, rest, domain, out_r);
}

/* host=<sep>HHHH=TT=domain=local: to that host, as it made it */
static struct err *
srs_restore_next(struct arena *a, struct str text, struct str *out_r)
{
	struct str rest = text, host;

	if (!str_split(&rest, '=', &host) || host.n == 0 || rest.n < 2)
		return srs_bad(a, "not a rewritten address of ours");
	return srs_join(a,
	    str_c(arena_printf(a, "SRS0" STR_FMT, STR_ARG(rest))), host, out_r);
}

struct err *
srs_restore(struct arena *a, const struct str *secrets, unsigned n,
    int64_t wall_s, struct str address, struct str *out_r)
{
	struct str local, domain, rest, hash;

	*out_r = STR_NONE;
	if (!srs_cut(a, address, &local, &domain) || !srs_is_local(local))
		return err_new(a, ERR_NOTFOUND, "not a rewritten address",
		    NULL);
	rest = str_sub(local, 5, local.n);
	if (!str_split(&rest, '=', &hash) ||
	    !srs_is_signed(a, secrets, n, local.p[3], rest, hash))
		return srs_bad(a, "not a rewritten address of ours");
	return local.p[3] == '0' ? srs_restore_first(a, rest, wall_s, out_r)
				 : srs_restore_next(a, rest, out_r);
}
