/* account_ops.c - the language of an account journal's entries */
#include "storage/account_ops.h"

#include <stdio.h>

#include "base/utf8.h"

/* What a reader takes; what a writer may make is stricter (folder.h). */
#define ACCOUNT_TEXT_MAX 1024
#define ACCOUNT_WORDS_MAX 8192
#define ACCOUNT_MONTH_MAX ((9999 - 1970) * 12 + 11)

bool
message_name_eq(const struct message_name *a, const struct message_name *b)
{
	return a->ordinal == b->ordinal && txid_eq(&a->txid, &b->txid);
}

void
message_name_format(const struct message_name *m,
    char out_r[MESSAGE_NAME_MAX + 1])
{
	txid_hex(&m->txid, out_r);
	snprintf(out_r + TXID_HEX, MESSAGE_NAME_MAX + 1 - TXID_HEX, "-%u",
	    (unsigned)m->ordinal);
}

bool
message_name_parse(struct str s, struct message_name *m_r)
{
	struct str digits;
	uint32_t n;

	if (s.n < TXID_HEX + 2 || s.p[TXID_HEX] != '-' ||
	    !txid_parse(str_sub(s, 0, TXID_HEX), &m_r->txid))
		return false;
	digits = str_sub(s, TXID_HEX + 1, s.n);
	if (!str_u32(digits, &n) || n > ACCOUNT_ORDINAL_MAX)
		return false;
	if (digits.n > 1 && digits.p[0] == '0') /* one spelling only */
		return false;
	m_r->ordinal = (uint16_t)n;
	m_r->month = 0;
	return true;
}

void
message_month_format(uint16_t month, char out_r[7])
{
	unsigned year = (1970 + month / 12) % 10000;

	snprintf(out_r, 7, "%04u%02u", year, month % 12U + 1);
}

bool
message_month_parse(struct str s, uint16_t *month_r)
{
	uint32_t v;

	if (s.n != 6 || !str_u32(s, &v) || v / 100 < 1970 || v % 100 < 1 ||
	    v % 100 > 12)
		return false;
	v = (v / 100 - 1970) * 12 + v % 100 - 1;
	if (v == 0) /* 0 says "no file" */
		return false;
	*month_r = (uint16_t)v;
	return true;
}

/* Days to year and month: Howard Hinnant's civil_from_days. */
uint16_t
message_month_of(int64_t unix_s)
{
	int64_t days, era, doe, yoe, doy, mp, year, month;

	if (unix_s < 31 * 86400) /* a machine without a clock */
		return 1;
	days = unix_s / 86400 + 719468;
	era = days / 146097;
	doe = days % 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	month = mp < 10 ? mp + 3 : mp - 9;
	year = yoe + era * 400 + (month <= 2);
	month += (year - 1970) * 12 - 1;
	return (
	    uint16_t)(month > ACCOUNT_MONTH_MAX ? ACCOUNT_MONTH_MAX : month);
}

/* --- reading --- */

struct account_reader {
	struct arena *arena;
	const struct txid *txid;
	struct record_op in;
	struct account_op *op;
};

static const char account_flag_letters[] = "SRFTD";

static bool
account_read_flags(struct account_reader *r, uint8_t *flags_r)
{
	struct str s;
	const char *at;

	if (!record_get_str(&r->in, &s))
		return false;
	*flags_r = 0;
	for (size_t i = 0; i < s.n; i++) {
		at = strchr(account_flag_letters, s.p[i]);
		if (at == NULL || *at == '\0')
			return false;
		*flags_r |= (uint8_t)(1U << (at - account_flag_letters));
	}
	return true;
}

static bool
account_read_words(struct account_reader *r, struct str *words_r)
{
	if (!record_get_text(&r->in, r->arena, words_r) ||
	    words_r->n > ACCOUNT_WORDS_MAX)
		return false;
	for (size_t i = 0; i < words_r->n; i++) {
		unsigned char c = (unsigned char)words_r->p[i];

		if (c < 0x20 || c >= 0x7f)
			return false;
	}
	return true;
}

static bool
account_read_text(struct account_reader *r, struct str *text_r)
{
	if (!record_get_text(&r->in, r->arena, text_r) || text_r->n == 0 ||
	    text_r->n > ACCOUNT_TEXT_MAX || !utf8_is_valid(*text_r))
		return false;
	for (size_t i = 0; i < text_r->n; i++)
		if ((unsigned char)text_r->p[i] < 0x20)
			return false;
	return true;
}

static bool
account_read_folder(struct account_reader *r, uint32_t *id_r)
{
	return record_get_u32(&r->in, id_r) && *id_r != 0;
}

static bool
account_read_uids(struct account_reader *r)
{
	struct str s;

	uidset_init(&r->op->uids, r->arena);
	return record_get_str(&r->in, &s) && uidset_parse(&r->op->uids, s);
}

static bool
account_read_month(struct account_reader *r)
{
	struct str s;

	return record_get_str(&r->in, &s) &&
	       message_month_parse(s, &r->op->name.month);
}

static bool
account_read_time(struct account_reader *r)
{
	return record_get_u64(&r->in, &r->op->time) &&
	       r->op->time <= UINT32_MAX;
}

/* month,bytes,time,flags,words: the end of a and h */
static bool
account_read_message(struct account_reader *r)
{
	struct account_op *op = r->op;

	return account_read_month(r) && record_get_u64(&r->in, &op->bytes) &&
	       op->bytes <= UINT32_MAX && account_read_time(r) &&
	       account_read_flags(r, &op->flags) &&
	       account_read_words(r, &op->words);
}

static bool
account_read_add(struct account_reader *r)
{
	struct account_op *op = r->op;
	struct message_name from;
	struct str account;
	uint32_t ordinal;

	if (!account_read_folder(r, &op->folder) ||
	    !record_get_u32(&r->in, &ordinal) || ordinal > ACCOUNT_ORDINAL_MAX)
		return false;
	op->name.txid = *r->txid;
	op->name.ordinal = (uint16_t)ordinal;
	if (!account_read_message(r))
		return false;
	if (!r->in.any)
		return true;
	return record_get_str(&r->in, &op->source) &&
	       account_source_parse(op->source, &account, &from);
}

static bool
account_read_have(struct account_reader *r)
{
	struct account_op *op = r->op;
	struct str name;

	return account_read_folder(r, &op->folder) &&
	       record_get_str(&r->in, &name) &&
	       message_name_parse(name, &op->name) && account_read_message(r);
}

static bool
account_read_delta(struct account_reader *r)
{
	struct account_op *op = r->op;

	return account_read_folder(r, &op->folder) && account_read_uids(r) &&
	       account_read_flags(r, &op->flags) &&
	       account_read_flags(r, &op->flags2) &&
	       account_read_words(r, &op->words) &&
	       account_read_words(r, &op->words2);
}

static bool
account_read_set(struct account_reader *r)
{
	struct account_op *op = r->op;

	return account_read_folder(r, &op->folder) && account_read_uids(r) &&
	       account_read_flags(r, &op->flags) &&
	       account_read_words(r, &op->words);
}

static bool
account_read_expunge(struct account_reader *r)
{
	return account_read_folder(r, &r->op->folder) && account_read_uids(r);
}

static bool
account_read_move(struct account_reader *r)
{
	return account_read_expunge(r) &&
	       account_read_folder(r, &r->op->folder2) &&
	       r->op->folder != r->op->folder2;
}

static bool
account_read_create(struct account_reader *r)
{
	struct account_op *op = r->op;
	struct str use;
	uint32_t subscribed;

	if (!account_read_folder(r, &op->folder) ||
	    !record_get_u32(&r->in, &op->uidvalidity) || op->uidvalidity == 0 ||
	    !record_get_str(&r->in, &use) || use.n != 1 ||
	    strchr("-DSJTA", use.p[0]) == NULL ||
	    !record_get_u32(&r->in, &subscribed) || subscribed > 1)
		return false;
	op->use = use.p[0];
	op->subscribed = subscribed != 0;
	return account_read_text(r, &op->text);
}

static bool
account_read_delete(struct account_reader *r)
{
	return account_read_folder(r, &r->op->folder) &&
	       r->op->folder != ACCOUNT_INBOX;
}

static bool
account_read_rename(struct account_reader *r)
{
	return account_read_delete(r) && account_read_text(r, &r->op->text);
}

static bool
account_read_name(struct account_reader *r)
{
	return account_read_text(r, &r->op->text);
}

static bool
account_read_wipe(struct account_reader *r)
{
	return account_read_folder(r, &r->op->folder) &&
	       record_get_u32(&r->in, &r->op->uidvalidity) &&
	       r->op->uidvalidity != 0;
}

static bool
account_read_forget(struct account_reader *r)
{
	return record_get_u64(&r->in, &r->op->seq);
}

static bool
account_read_none(struct account_reader *r)
{
	(void)r;
	return true;
}

static const struct account_letter {
	char letter;
	bool (*read)(struct account_reader *r);
} account_letters[] = {
	{ 'a', account_read_add },
	{ 'h', account_read_have },
	{ 'f', account_read_delta },
	{ 's', account_read_set },
	{ 'x', account_read_expunge },
	{ 'm', account_read_move },
	{ 'c', account_read_create },
	{ 'd', account_read_delete },
	{ 'r', account_read_rename },
	{ 'u', account_read_name },
	{ 'v', account_read_name },
	{ 'w', account_read_wipe },
	{ 'i', account_read_time },
	{ 'K', account_read_none },
	{ 'O', account_read_none },
	{ 'P', account_read_none },
	{ 'F', account_read_forget },
};

static const struct account_letter *
account_letter_find(char letter)
{
	for (size_t i = 0; i < countof(account_letters); i++)
		if (account_letters[i].letter == letter)
			return &account_letters[i];
	return NULL;
}

/* The journal's own, which say nothing about folders and messages. */
static bool
account_letter_is_journals(char letter)
{
	return letter == 'N' || letter == 'C' || letter == 'T' || letter == 'D';
}

static struct err *
account_ops_read(struct account_reader *r, bool *use_r)
{
	const struct account_letter *l;

	*use_r = false;
	if (account_letter_is_journals(r->in.letter))
		return NULL;
	l = account_letter_find(r->in.letter);
	if (r->in.letter == 0)
		return err_new(r->arena, ERR_CORRUPT,
		    "the account has an entry that cannot be read", NULL);
	if (l == NULL)
		return err_newf(r->arena, ERR_FORMAT,
		    "the account has an entry of a newer version (operation "
		    "%c)",
		    r->in.letter);
	*r->op = (struct account_op){ .letter = l->letter };
	if (!l->read(r) || r->in.any)
		return err_newf(r->arena, ERR_CORRUPT,
		    "the account has an entry that cannot be read (operation "
		    "%c)",
		    l->letter);
	*use_r = true;
	return NULL;
}

struct err *
account_ops_parse(struct arena *a, struct str ops, const struct txid *txid,
    struct account_op **ops_r, unsigned *n_r)
{
	struct account_reader r = { .arena = a, .txid = txid };
	struct str rest = ops;
	unsigned n = 0, count = 1;
	struct account_op *list;
	struct err *e;
	bool use;

	for (size_t i = 0; i < ops.n; i++)
		count += ops.p[i] == ';';
	list = arena_array(a, count, sizeof(*list));
	while (record_next(&rest, &r.in)) {
		invariant(n < count);
		r.op = &list[n];
		e = account_ops_read(&r, &use);
		if (e != NULL)
			return e;
		n += use;
	}
	if (rest.n > 0)
		return err_new(a, ERR_CORRUPT,
		    "the account has an entry that cannot be read", NULL);
	*ops_r = list;
	*n_r = n;
	return NULL;
}

/* --- writing --- */

static void
account_write_flags(struct buf *b, uint8_t flags)
{
	buf_char(b, ',');
	for (unsigned i = 0; i < 5; i++)
		if (flags >> i & 1)
			buf_char(b, account_flag_letters[i]);
}

static void
account_write_uids(struct buf *b, const struct uidset *uids)
{
	buf_char(b, ',');
	uidset_format(b, uids);
}

static void
account_write_message(struct buf *b, const struct account_op *op)
{
	char month[7];

	message_month_format(op->name.month, month);
	record_text(b, str_c(month));
	record_u64(b, op->bytes);
	record_u64(b, op->time);
	account_write_flags(b, op->flags);
	record_text(b, op->words);
}

void
account_op_write(struct buf *b, const struct account_op *op)
{
	char name[MESSAGE_NAME_MAX + 1];

	record_op(b, op->letter);
	if (strchr("ahfsxmcdrw", op->letter) != NULL)
		record_u64(b, op->folder);
	switch (op->letter) {
	case 'a':
		record_u64(b, op->name.ordinal);
		account_write_message(b, op);
		if (op->source.n > 0) {
			buf_char(b, ',');
			buf_str_add(b, op->source);
		}
		break;
	case 'h':
		message_name_format(&op->name, name);
		record_text(b, str_c(name));
		account_write_message(b, op);
		break;
	case 'f':
		account_write_uids(b, &op->uids);
		account_write_flags(b, op->flags);
		account_write_flags(b, op->flags2);
		record_text(b, op->words);
		record_text(b, op->words2);
		break;
	case 's':
		account_write_uids(b, &op->uids);
		account_write_flags(b, op->flags);
		record_text(b, op->words);
		break;
	case 'x':
		account_write_uids(b, &op->uids);
		break;
	case 'm':
		account_write_uids(b, &op->uids);
		record_u64(b, op->folder2);
		break;
	case 'c':
		record_u64(b, op->uidvalidity);
		buf_char(b, ',');
		buf_char(b, op->use);
		record_u64(b, op->subscribed);
		record_text(b, op->text);
		break;
	case 'r':
	case 'u':
	case 'v':
		record_text(b, op->text);
		break;
	case 'w':
		record_u64(b, op->uidvalidity);
		break;
	case 'i':
		record_u64(b, op->time);
		break;
	case 'F':
		record_u64(b, op->seq);
		break;
	default:
		break;
	}
}

/* --- source and totals --- */

bool
account_source_parse(struct str s, struct str *account_r,
    struct message_name *name_r)
{
	ptrdiff_t colon = str_chr(s, ':'), slash;
	uint16_t month;

	*account_r = STR_NONE;
	if (colon >= 0) {
		*account_r = str_sub(s, 0, (size_t)colon);
		if (account_r->n == 0)
			return false;
		s = str_sub(s, (size_t)colon + 1, s.n);
	}
	slash = str_chr(s, '/');
	if (slash < 0 ||
	    !message_month_parse(str_sub(s, 0, (size_t)slash), &month) ||
	    !message_name_parse(str_sub(s, (size_t)slash + 1, s.n), name_r))
		return false;
	name_r->month = month;
	return true;
}

void
account_source_format(struct buf *b, struct str account,
    const struct message_name *name)
{
	char month[7], text[MESSAGE_NAME_MAX + 1];

	if (account.n > 0) {
		buf_str_add(b, account);
		buf_char(b, ':');
	}
	message_month_format(name->month, month);
	message_name_format(name, text);
	buf_c(b, month);
	buf_char(b, '/');
	buf_c(b, text);
}

void
account_totals_format(struct buf *b, const struct account_totals *tt)
{
	buf_u64(b, tt->bytes);
	buf_char(b, ',');
	buf_u64(b, tt->messages);
	buf_char(b, ',');
	buf_char(b, tt->state);
	buf_char(b, ',');
	buf_u64(b, tt->inbox_uidvalidity);
	buf_char(b, ',');
	buf_u64(b, tt->inbox_uidnext);
	for (unsigned i = 0; i < tt->folder_count; i++) {
		buf_char(b, ',');
		buf_u64(b, tt->folders[i].folder);
		buf_char(b, ':');
		buf_u64(b, tt->folders[i].uidnext);
	}
}

bool
account_totals_parse(struct str s, struct account_totals *tt_r)
{
	struct str piece;

	*tt_r = (struct account_totals){ .state = 0 };
	if (!str_split(&s, ',', &piece) || !str_u64(piece, &tt_r->bytes) ||
	    !str_split(&s, ',', &piece) || !str_u64(piece, &tt_r->messages) ||
	    !str_split(&s, ',', &piece) || piece.n != 1 ||
	    strchr("okp", piece.p[0]) == NULL)
		return false;
	tt_r->state = piece.p[0];
	if (!str_split(&s, ',', &piece) ||
	    !str_u32(piece, &tt_r->inbox_uidvalidity) ||
	    !str_split(&s, ',', &piece) ||
	    !str_u32(piece, &tt_r->inbox_uidnext))
		return false;
	while (str_split(&s, ',', &piece)) {
		unsigned n = tt_r->folder_count;
		ptrdiff_t colon = str_chr(piece, ':');

		if (n == ACCOUNT_TOTALS_FOLDERS || colon < 0 ||
		    !str_u32(str_sub(piece, 0, (size_t)colon),
			&tt_r->folders[n].folder) ||
		    !str_u32(str_sub(piece, (size_t)colon + 1, piece.n),
			&tt_r->folders[n].uidnext))
			return false;
		tt_r->folder_count++;
	}
	return true;
}
