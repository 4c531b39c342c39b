/* record.c - the text of one journal entry */
#include "storage/record.h"

#include <string.h>

#include "base/crypto.h"
#include "storage/share/share.h"

/* A text of a link that is longer was not written by us. */
#define RECORD_TEXT_MAX SHARE_SYMLINK_MAX
#define RECORD_CRC_DIGITS 8
#define RECORD_SHA_DIGITS 64

static const char record_hexdigits[] = "0123456789ABCDEF";

bool
txid_is_zero(const struct txid *x)
{
	static const struct txid zero;

	return txid_eq(x, &zero);
}

bool
txid_eq(const struct txid *a, const struct txid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void
txid_hex(const struct txid *x, char out_r[TXID_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < sizeof(x->b); i++) {
		out_r[2 * i] = digits[x->b[i] >> 4];
		out_r[2 * i + 1] = digits[x->b[i] & 15];
	}
	out_r[TXID_HEX] = '\0';
}

/* One spelling for one value: names are compared as bytes. */
static bool
record_is_lower_hex(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

bool
txid_parse(struct str s, struct txid *x_r)
{
	return s.n == TXID_HEX && record_is_lower_hex(s) &&
	       str_unhex(s, x_r->b, sizeof(x_r->b));
}

void
seq_name(uint64_t seq, char out_r[SEQ_DIGITS + 1])
{
	int i;

	for (i = SEQ_DIGITS; i-- > 0; seq /= 10)
		out_r[i] = (char)('0' + seq % 10);
	out_r[SEQ_DIGITS] = '\0';
}

bool
seq_parse(struct str s, uint64_t *seq_r)
{
	uint64_t v;
	size_t i;

	if (s.n != SEQ_DIGITS)
		return false;
	for (v = 0, i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s.p[i] - '0');
	}
	if (v == 0)
		return false;
	*seq_r = v;
	return true;
}

void
record_format(struct buf *b, const struct record *r)
{
	char hex[TXID_HEX + 1], name[SEQ_DIGITS + 1];
	size_t from = b->n;

	txid_hex(&r->txid, hex);
	seq_name(r->seq, name);
	buf_fmt(b, "%s %s ", hex, name);
	txid_hex(&r->prev, hex);
	buf_fmt(b, "%s %u ", hex, (unsigned)r->format);
	if (r->external) {
		buf_fmt(b, "@%llu:", (unsigned long long)r->ops_bytes);
		buf_hex(b, r->ops_sha256, sizeof(r->ops_sha256));
	} else if (r->ops.n == 0) {
		buf_char(b, 'N');
	} else {
		buf_str_add(b, r->ops);
	}
	buf_char(b, ' ');
	if (r->totals.n == 0)
		buf_char(b, '-');
	else
		buf_str_add(b, r->totals);
	if (buf_ok(b))
		buf_fmt(b, " %08x",
		    (unsigned)crc32c(0, b->p + from, b->n - from));
}

/* Seven tokens of visible ASCII with one blank between them. */
static bool
record_tokens(struct str text, struct str tok[7])
{
	unsigned n = 0;
	size_t i, from = 0;

	for (i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != ' ') {
			if (text.p[i] < 0x21 || text.p[i] > 0x7e)
				return false;
			continue;
		}
		if (n == 7 || i == from)
			return false;
		tok[n++] = str_of(text.p + from, i - from);
		from = i + 1;
	}
	return n == 7;
}

/* "@<bytes>:<sha256>" */
static bool
record_external(struct str s, struct record *r)
{
	struct str bytes;

	s = str_sub(s, 1, s.n);
	if (!str_split(&s, ':', &bytes) || !str_u64(bytes, &r->ops_bytes) ||
	    r->ops_bytes == 0 || r->ops_bytes > RECORD_OPS_MAX ||
	    s.n != RECORD_SHA_DIGITS || !record_is_lower_hex(s))
		return false;
	r->external = true;
	return str_unhex(s, r->ops_sha256, sizeof(r->ops_sha256));
}

static bool
record_crc_ok(struct str text, struct str crc)
{
	uint64_t v;

	/* in front of the checksum stands the blank */
	return crc.n == RECORD_CRC_DIGITS && record_is_lower_hex(crc) &&
	       str_hex_u64(crc, &v) &&
	       v == crc32c(0, text.p, text.n - crc.n - 1);
}

static struct err *
record_bad(struct arena *a, const char *what)
{
	return err_new(a, ERR_CORRUPT, "journal entry is damaged", "%s", what);
}

struct err *
record_parse(struct arena *a, struct str text, struct record *r_r)
{
	struct str tok[7];

	memset(r_r, 0, sizeof(*r_r));
	if (text.n > RECORD_TEXT_MAX)
		return record_bad(a, "longer than any entry");
	if (!record_tokens(text, tok))
		return record_bad(a, "not seven tokens of visible ASCII");
	if (!record_crc_ok(text, tok[6]))
		return record_bad(a, "checksum is wrong");
	if (!txid_parse(tok[0], &r_r->txid) || txid_is_zero(&r_r->txid))
		return record_bad(a, "txid");
	if (!seq_parse(tok[1], &r_r->seq))
		return record_bad(a, "number");
	if (!txid_parse(tok[2], &r_r->prev))
		return record_bad(a, "prev_txid");
	if (tok[3].p[0] == '0' || !str_u32(tok[3], &r_r->format))
		return record_bad(a, "format");
	r_r->totals = tok[5];
	if (tok[4].p[0] != '@')
		r_r->ops = tok[4];
	else if (!record_external(tok[4], r_r))
		return record_bad(a, "reference to its operations");
	if (r_r->format > RECORD_FORMAT)
		return err_newf(a, ERR_FORMAT,
		    "journal entry has format %u, this program knows %u",
		    (unsigned)r_r->format, RECORD_FORMAT);
	return NULL;
}

void
record_op(struct buf *b, char letter)
{
	if (b->n > 0)
		buf_char(b, ';');
	buf_char(b, letter);
}

void
record_u64(struct buf *b, uint64_t v)
{
	buf_char(b, ',');
	buf_u64(b, v);
}

static bool
record_is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._/@+=:", c) != NULL);
}

void
record_text(struct buf *b, struct str s)
{
	unsigned char c;
	size_t i;

	buf_char(b, ',');
	for (i = 0; i < s.n; i++) {
		c = (unsigned char)s.p[i];
		if (record_is_plain((char)c)) {
			buf_char(b, (char)c);
			continue;
		}
		buf_char(b, '%');
		buf_char(b, record_hexdigits[c >> 4]);
		buf_char(b, record_hexdigits[c & 15]);
	}
}

void
record_txid(struct buf *b, const struct txid *x)
{
	char hex[TXID_HEX + 1];

	txid_hex(x, hex);
	buf_char(b, ',');
	buf_c(b, hex);
}

bool
record_next(struct str *ops, struct record_op *op_r)
{
	struct str piece;

	memset(op_r, 0, sizeof(*op_r));
	if (!str_split(ops, ';', &piece))
		return false;
	if (piece.n == 0 || (piece.n > 1 && piece.p[1] != ','))
		return true; /* letter 0: nobody's operation */
	op_r->letter = piece.p[0];
	op_r->any = piece.n > 1;
	if (op_r->any)
		op_r->fields = str_sub(piece, 2, piece.n);
	return true;
}

bool
record_get_str(struct record_op *op, struct str *raw_r)
{
	ptrdiff_t comma;

	if (!op->any)
		return false;
	comma = str_chr(op->fields, ',');
	if (comma < 0) {
		*raw_r = op->fields;
		op->fields = STR_NONE;
		op->any = false;
	} else {
		*raw_r = str_sub(op->fields, 0, (size_t)comma);
		op->fields =
		    str_sub(op->fields, (size_t)comma + 1, op->fields.n);
	}
	return true;
}

bool
record_get_u64(struct record_op *op, uint64_t *v_r)
{
	struct str s;

	return record_get_str(op, &s) && str_u64(s, v_r);
}

bool
record_get_u32(struct record_op *op, uint32_t *v_r)
{
	struct str s;

	return record_get_str(op, &s) && str_u32(s, v_r);
}

static int
record_hexval(char c)
{
	const char *at = c == '\0' ? NULL : strchr(record_hexdigits, c);

	return at == NULL ? -1 : (int)(at - record_hexdigits);
}

bool
record_get_text(struct record_op *op, struct arena *a, struct str *s_r)
{
	struct str raw;
	size_t i, n = 0;
	int hi, lo;
	char *p;

	if (!record_get_str(op, &raw))
		return false;
	p = arena_alloc(a, raw.n + 1);
	for (i = 0; i < raw.n; i++) {
		if (record_is_plain(raw.p[i])) {
			p[n++] = raw.p[i];
			continue;
		}
		if (raw.p[i] != '%' || raw.n - i < 3 ||
		    (hi = record_hexval(raw.p[i + 1])) < 0 ||
		    (lo = record_hexval(raw.p[i + 2])) < 0)
			return false;
		p[n++] = (char)(hi << 4 | lo);
		i += 2;
	}
	*s_r = str_of(p, n);
	return true;
}

bool
record_get_txid(struct record_op *op, struct txid *x_r)
{
	struct str s;

	return record_get_str(op, &s) && txid_parse(s, x_r);
}
