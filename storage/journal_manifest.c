/* journal_manifest.c - the text of a published checkpoint */
#include "storage/journal_private.h"

#include "base/crypto.h"

/*
 *	format seq txid token forget_at,forgot arg count segment... crc
 *
 * tokens with one blank between them, all visible ASCII:
 *	format	1
 *	seq	16 digits: the entry the checkpoint covers, and txid, its txid
 *	token	the highest CLAIM
 *	forget	number of the newest FORGET entry, and up to which it forgot
 *	arg	the client's, "-" for none
 *	segment	kind,name,bytes,sha256,arg
 *	crc	CRC-32C (8 hex digits) of all before the blank in front of it
 */
#define MANIFEST_FORMAT 1

void
manifest_format(struct buf *b, const struct manifest *m)
{
	char hex[TXID_HEX + 1], name[SEQ_DIGITS + 1];
	const struct journal_ckpt *c = &m->ckpt;
	size_t from = b->n;
	unsigned i;

	seq_name(c->seq, name);
	txid_hex(&c->txid, hex);
	buf_fmt(b, "%d %s %s %llu %llu,%llu ", MANIFEST_FORMAT, name, hex,
	    (unsigned long long)m->token, (unsigned long long)m->forget_at,
	    (unsigned long long)m->forgot);
	if (c->arg.n == 0)
		buf_char(b, '-');
	else
		buf_str_add(b, c->arg);
	buf_fmt(b, " %u", c->seg_count);
	for (i = 0; i < c->seg_count; i++) {
		const struct journal_seg *s = &c->segs[i];

		buf_fmt(b, " " STR_FMT "," STR_FMT ",%llu,", STR_ARG(s->kind),
		    STR_ARG(s->name), (unsigned long long)s->bytes);
		buf_hex(b, s->sha256, sizeof(s->sha256));
		buf_fmt(b, "," STR_FMT, STR_ARG(s->arg));
	}
	if (buf_ok(b))
		buf_fmt(b, " %08x",
		    (unsigned)crc32c(0, b->p + from, b->n - from));
}

bool
seg_name_parse(struct str name, uint64_t *seq_r, struct str *kind_r)
{
	unsigned char rnd[8];
	struct str kind;
	size_t i;

	if (name.n < SEQ_DIGITS + 19 || name.p[SEQ_DIGITS] != '-' ||
	    name.p[SEQ_DIGITS + 17] != '.' ||
	    !seq_parse(str_sub(name, 0, SEQ_DIGITS), seq_r) ||
	    !str_unhex(str_sub(name, SEQ_DIGITS + 1, 16), rnd, sizeof(rnd)))
		return false;
	kind = str_sub(name, SEQ_DIGITS + 18, name.n);
	if (kind.n > JOURNAL_KIND_MAX)
		return false;
	for (i = 0; i < kind.n; i++)
		if (kind.p[i] < 'a' || kind.p[i] > 'z')
			return false;
	if (kind_r != NULL)
		*kind_r = kind;
	return true;
}

static struct err *
manifest_bad(struct arena *a, const char *what)
{
	return err_new(a, ERR_CORRUPT, "checkpoint is damaged", "%s", what);
}

static bool
manifest_seg(struct str tok, struct journal_seg *s)
{
	struct str bytes, sha, kind;
	uint64_t seq;

	if (!str_split(&tok, ',', &s->kind) ||
	    !str_split(&tok, ',', &s->name) || !str_split(&tok, ',', &bytes) ||
	    !str_split(&tok, ',', &sha) || tok.n == 0)
		return false;
	s->arg = tok;
	return seg_name_parse(s->name, &seq, &kind) && str_eq(kind, s->kind) &&
	       str_u64(bytes, &s->bytes) && s->bytes <= JOURNAL_SEG_MAX &&
	       sha.n == 2 * sizeof(s->sha256) &&
	       str_unhex(sha, s->sha256, sizeof(s->sha256));
}

static bool
manifest_forget(struct str tok, struct manifest *m)
{
	struct str at;

	return str_split(&tok, ',', &at) && str_u64(at, &m->forget_at) &&
	       str_u64(tok, &m->forgot) && m->forget_at <= m->ckpt.seq &&
	       m->forgot <= m->forget_at;
}

/* The fixed tokens in front of the segments. */
static bool
manifest_head(struct str *rest, struct manifest *m)
{
	struct str tok[6];
	unsigned i;

	for (i = 0; i < countof(tok); i++)
		if (!str_split(rest, ' ', &tok[i]) || tok[i].n == 0)
			return false;
	if (!seq_parse(tok[0], &m->ckpt.seq) ||
	    !txid_parse(tok[1], &m->ckpt.txid) || !str_u64(tok[2], &m->token) ||
	    !manifest_forget(tok[3], m) ||
	    !str_u32(tok[5], &m->ckpt.seg_count) ||
	    m->ckpt.seg_count > JOURNAL_SEGS_MAX)
		return false;
	m->ckpt.arg = tok[4];
	return true;
}

/* Cut the checksum off the end; false if it is wrong. */
static bool
manifest_crc(struct str *text)
{
	uint64_t v;

	if (text->n < 10 || text->p[text->n - 9] != ' ' ||
	    !str_hex_u64(str_sub(*text, text->n - 8, 8), &v))
		return false;
	text->n -= 9;
	return v == crc32c(0, text->p, text->n);
}

struct err *
manifest_parse(struct arena *a, struct str text, struct manifest *m_r)
{
	struct journal_seg *segs;
	struct str rest = text, tok;
	uint32_t format;
	unsigned i;
	size_t k;

	memset(m_r, 0, sizeof(*m_r));
	if (text.n > JOURNAL_MANIFEST_MAX)
		return manifest_bad(a, "longer than any manifest");
	if (!manifest_crc(&rest))
		return manifest_bad(a, "checksum of the manifest is wrong");
	for (k = 0; k < rest.n; k++)
		if (rest.p[k] < 0x20 || rest.p[k] > 0x7e)
			return manifest_bad(a, "manifest is not ASCII");
	if (!str_split(&rest, ' ', &tok) || !str_u32(tok, &format) ||
	    format == 0)
		return manifest_bad(a, "format of the manifest");
	if (format > MANIFEST_FORMAT)
		return err_newf(a, ERR_FORMAT,
		    "checkpoint has format %u, this program knows %u",
		    (unsigned)format, MANIFEST_FORMAT);
	if (!manifest_head(&rest, m_r))
		return manifest_bad(a, "head of the manifest");
	segs = arena_array(a, m_r->ckpt.seg_count, sizeof(segs[0]));
	for (i = 0; i < m_r->ckpt.seg_count; i++)
		if (!str_split(&rest, ' ', &tok) ||
		    !manifest_seg(tok, &segs[i]))
			return manifest_bad(a, "segment in the manifest");
	if (str_split(&rest, ' ', &tok))
		return manifest_bad(a, "too many tokens in the manifest");
	m_r->ckpt.segs = segs;
	m_r->text = text;
	return NULL;
}

void
manifest_ref_format(struct buf *b, const struct manifest_ref *r)
{
	buf_fmt(b, "@%llu:", (unsigned long long)r->bytes);
	buf_hex(b, r->sha256, sizeof(r->sha256));
	buf_fmt(b, ":" STR_FMT, STR_ARG(r->name));
}

bool
manifest_ref_parse(struct str text, struct manifest_ref *r_r)
{
	struct str bytes, sha;
	uint64_t seq;

	if (text.n == 0 || text.p[0] != '@')
		return false;
	text = str_sub(text, 1, text.n);
	if (!str_split(&text, ':', &bytes) || !str_split(&text, ':', &sha) ||
	    !str_u64(bytes, &r_r->bytes) || r_r->bytes > JOURNAL_MANIFEST_MAX ||
	    sha.n != 2 * sizeof(r_r->sha256) ||
	    !str_unhex(sha, r_r->sha256, sizeof(r_r->sha256)) ||
	    !seg_name_parse(text, &seq, NULL))
		return false;
	r_r->name = text;
	return true;
}
