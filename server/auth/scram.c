/* scram.c - what SCRAM's messages look like */
#include "server/auth/scram.h"

#include "base/buf.h"
#include "base/crypto.h"

/* attr-val = ALPHA "=" value, of the next piece */
static bool
scram_attribute(struct str *rest, char name, struct str *value_r)
{
	struct str piece;

	if (!str_split(rest, ',', &piece) || piece.n < 2 ||
	    piece.p[0] != name || piece.p[1] != '=')
		return false;
	*value_r = str_sub(piece, 2, piece.n);
	return true;
}

/* printable = %x21-2B / %x2D-7E */
static bool
scram_is_nonce(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n > 0 && s.n <= SCRAM_NONCE_MAX;
}

/* saslname = 1*(value-safe-char / "=2C" / "=3D") */
static bool
scram_name(struct arena *a, struct str in, struct str *name_r)
{
	struct buf b;

	buf_init(&b, a, SCRAM_MESSAGE_MAX);
	for (size_t i = 0; i < in.n; i++) {
		struct str three = str_sub(in, i, 3);
		char c = in.p[i];

		if (c == '\0')
			return false;
		if (c == '=') {
			if (!str_eq_c(three, "=2C") && !str_eq_c(three, "=3D"))
				return false;
			c = three.p[1] == '2' ? ',' : '=';
			i += 2;
		}
		buf_char(&b, c);
	}
	*name_r = buf_str(&b);
	return in.n > 0;
}

/* gs2-cbind-flag = ("p=" cb-name) / "n" / "y"
 * cb-name	  = 1*(ALPHA / DIGIT / "." / "-") */
static bool
scram_flag(struct str flag, struct scram_first *f)
{
	f->type = STR("");
	f->binding = SCRAM_CANNOT;
	if (str_eq_c(flag, "n"))
		return true;
	f->binding = SCRAM_COULD;
	if (str_eq_c(flag, "y"))
		return true;
	f->binding = SCRAM_BOUND;
	f->type = str_sub(flag, 2, flag.n);
	return str_starts(flag, STR("p=")) && scram_is_nonce(f->type);
}

/* gs2-header = gs2-cbind-flag "," [ authzid ] "," */
static bool
scram_header(struct arena *a, struct str *rest, struct scram_first *f)
{
	struct str whole = *rest, flag, authzid;

	f->authzid = STR("");
	if (!str_split(rest, ',', &flag) || !scram_flag(flag, f) ||
	    !str_split(rest, ',', &authzid) || rest->p == NULL)
		return false;
	f->header = str_sub(whole, 0, (size_t)(rest->p - whole.p));
	return authzid.n == 0 ||
	       (str_starts(authzid, STR("a=")) &&
		   scram_name(a, str_sub(authzid, 2, authzid.n), &f->authzid));
}

/* client-first-message-bare = [reserved-mext ","] username "," nonce
 * ["," extensions] */
bool
scram_parse_first(struct arena *a, struct str in, struct scram_first *f)
{
	struct str rest = in, name;

	*f = (struct scram_first){ .binding = SCRAM_CANNOT };
	if (in.n > SCRAM_MESSAGE_MAX || !scram_header(a, &rest, f))
		return false;
	f->bare = rest;
	return scram_attribute(&rest, 'n', &name) &&
	       scram_name(a, name, &f->name) &&
	       scram_attribute(&rest, 'r', &f->nonce) &&
	       scram_is_nonce(f->nonce);
}

/* Where the last attribute, which has to be this one, begins. */
static bool
scram_last(struct str in, struct str mark, size_t *at_r)
{
	size_t i = in.n;

	while (i > 0 && in.p[i - 1] != ',')
		i--;
	*at_r = i;
	return i > 0 && str_starts(str_sub(in, i, in.n), mark);
}

/*
 * client-final-message-without-proof = channel-binding "," nonce
 *	["," extensions]
 * client-final-message = client-final-message-without-proof "," proof
 */
bool
scram_parse_final(struct arena *a, struct str in, struct scram_final *f)
{
	struct str rest, binding, proof;
	size_t at;

	*f = (struct scram_final){ .nonce = STR("") };
	if (in.n > SCRAM_MESSAGE_MAX || !scram_last(in, STR("p="), &at) ||
	    !base64_decode(a, str_sub(in, at + 2, in.n), &proof) ||
	    proof.n != sizeof(f->proof))
		return false;
	memcpy(f->proof, proof.p, proof.n);
	f->without_proof = rest = str_sub(in, 0, at - 1);
	return scram_attribute(&rest, 'c', &binding) &&
	       base64_decode(a, binding, &f->binding) && f->binding.n > 0 &&
	       scram_attribute(&rest, 'r', &f->nonce) &&
	       scram_is_nonce(f->nonce);
}

struct str
scram_server_first(struct arena *a, struct str nonce, struct str salt,
    uint32_t iterations)
{
	return str_c(arena_printf(a, "r=" STR_FMT ",s=" STR_FMT ",i=%u",
	    STR_ARG(nonce), STR_ARG(base64_encode(a, salt)), iterations));
}

struct str
scram_auth_message(struct arena *a, struct str client_first_bare,
    struct str server_first, struct str without_proof)
{
	struct buf b;

	/* may hold any byte but NUL: not printf's */
	buf_init(&b, a, (size_t)4 * SCRAM_MESSAGE_MAX);
	buf_str_add(&b, client_first_bare);
	buf_char(&b, ',');
	buf_str_add(&b, server_first);
	buf_char(&b, ',');
	buf_str_add(&b, without_proof);
	return buf_str(&b);
}

struct str
scram_server_final(struct arena *a, struct str signature)
{
	return str_c(arena_printf(a, "v=" STR_FMT,
	    STR_ARG(base64_encode(a, signature))));
}
