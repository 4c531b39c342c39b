/* imap_parse_more.c - dates, sequence sets and flags of RFC 3501 */
#include "server/imap/imap_parse.h"

#include "storage/account_ops.h"

/* --- dates --- */

const char imap_months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Days since 1970 in the Gregorian calendar: Howard Hinnant's
 * days_from_civil. */
static int64_t
imap_days(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year,
		era = (y >= 0 ? y : y - 399) / 400;
	unsigned of_era = (unsigned)(y - era * 400);
	unsigned of_year =
	    (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 +
	       (int64_t)(of_era * 365 + of_era / 4 - of_era / 100 + of_year) -
	       719468;
}

static unsigned
imap_month_days(unsigned year, unsigned month)
{
	static const unsigned char days[12] = { 31, 28, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/* Exactly n digits. */
static bool
imap_fixed(struct imap_in *in, unsigned n, unsigned *v_r)
{
	uint32_t v;

	if (!str_u32(str_sub(in->all, in->at, n), &v) || in->all.n - in->at < n)
		return imap_fail(in, "a date expected here");
	in->at += n;
	*v_r = v;
	return true;
}

/* date-month = "Jan" / "Feb" / ... */
static bool
imap_month(struct imap_in *in, unsigned *month_r)
{
	struct str name = str_sub(in->all, in->at, 3);

	for (unsigned i = 0; i < 12; i++) {
		if (!str_case_eq_c(name, imap_months[i]))
			continue;
		*month_r = i + 1;
		in->at += 3;
		return true;
	}
	return imap_fail(in, "a date expected here");
}

/* What follows the day: "-" date-month "-" date-year. */
static bool
imap_month_year(struct imap_in *in, unsigned day, int64_t *day_r)
{
	unsigned month = 1, year = 0;

	if (!imap_char(in, '-') || !imap_month(in, &month) ||
	    !imap_char(in, '-') || !imap_fixed(in, 4, &year))
		return false;
	if (day < 1 || day > imap_month_days(year, month))
		return imap_fail(in, "there is no such day");
	*day_r = imap_days(year, month, day);
	return true;
}

/* date = date-text / DQUOTE date-text DQUOTE; date-day = 1*2DIGIT */
bool
imap_date(struct imap_in *in, int64_t *day_r)
{
	bool quoted = imap_is(in, '"');
	unsigned day, digits = 1;

	if (quoted)
		in->at++;
	if (in->at + 1 < in->all.n && in->all.p[in->at + 1] != '-')
		digits = 2;
	return imap_fixed(in, digits, &day) &&
	       imap_month_year(in, day, day_r) &&
	       (!quoted || imap_char(in, '"'));
}

/*
 * date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP
 *	       zone DQUOTE
 * date-day-fixed = (SP DIGIT) / 2DIGIT	; zone = ("+" / "-") 4DIGIT
 */
bool
imap_date_time(struct imap_in *in, int64_t *wall_s_r)
{
	unsigned day, h, m, s, zone;
	bool west;
	int64_t days, offset;

	if (!imap_char(in, '"') ||
	    !imap_fixed(in, imap_is(in, ' ') ? (in->at++, 1) : 2, &day) ||
	    !imap_month_year(in, day, &days) || !imap_sp(in) ||
	    !imap_fixed(in, 2, &h) || !imap_char(in, ':') ||
	    !imap_fixed(in, 2, &m) || !imap_char(in, ':') ||
	    !imap_fixed(in, 2, &s) || !imap_sp(in))
		return false;
	west = imap_is(in, '-');
	if (!west && !imap_is(in, '+'))
		return imap_fail(in, "a date has a zone as +hhmm");
	in->at++;
	if (!imap_fixed(in, 4, &zone) || !imap_char(in, '"'))
		return false;
	/* 60: a leap second */
	if (h > 23 || m > 59 || s > 60 || zone / 100 > 23 || zone % 100 > 59)
		return imap_fail(in, "there is no such time");
	offset = (int64_t)(zone / 100 * 3600 + zone % 100 * 60);
	*wall_s_r =
	    days * 86400 + h * 3600 + m * 60 + s + (west ? offset : -offset);
	return true;
}

/* --- sequence sets --- */

/* seq-number = nz-number / "*" */
static bool
imap_seq_number(struct imap_in *in, uint32_t *n_r, bool *star_r)
{
	*star_r = imap_is(in, '*');
	if (*star_r) {
		in->at++;
		*n_r = 0;
		return true;
	}
	return imap_nz_number(in, n_r);
}

/* seq-range = seq-number ":" seq-number, in any order */
static bool
imap_seq_range(struct imap_in *in, struct imap_range *r_r)
{
	uint32_t a, b;
	bool a_star, b_star;

	if (!imap_seq_number(in, &a, &a_star))
		return false;
	b = a;
	b_star = a_star;
	if (imap_is(in, ':')) {
		in->at++;
		if (!imap_seq_number(in, &b, &b_star))
			return false;
	}
	r_r->star = a_star || b_star;
	if (r_r->star) {
		r_r->lo = a_star ? b : a;
		r_r->hi = UINT32_MAX;
	} else {
		r_r->lo = a < b ? a : b;
		r_r->hi = a < b ? b : a;
	}
	return true;
}

/* sequence-set = (seq-number / seq-range) *("," sequence-set) */
bool
imap_set(struct imap_in *in, struct imap_set *set_r)
{
	size_t at = in->at, most = 1;

	for (; at < in->all.n && in->all.p[at] != ' ' && in->all.p[at] != ')';
	     at++)
		most += in->all.p[at] == ',' ? 1 : 0;
	if (most > IMAP_SET_RANGES)
		return imap_fail(in, "a set has too many ranges");
	*set_r = (struct imap_set){
		.r = arena_array(in->arena, most, sizeof(*set_r->r)),
	};
	for (;;) {
		if (!imap_seq_range(in, &set_r->r[set_r->n++]))
			return false;
		if (!imap_is(in, ','))
			return true;
		in->at++;
	}
}

/* --- flags --- */

static const struct {
	const char *name;
	uint8_t flag;
} imap_system_flags[] = {
	{ "Seen", MESSAGE_SEEN },
	{ "Answered", MESSAGE_ANSWERED },
	{ "Flagged", MESSAGE_FLAGGED },
	{ "Deleted", MESSAGE_DELETED },
	{ "Draft", MESSAGE_DRAFT },
};

/* flag = "\Answered" / "\Flagged" / ... / flag-keyword; no flag-extension: we
 * know none that a client may set */
static bool
imap_flag(struct imap_in *in, struct imap_flags *f, size_t most)
{
	struct str name;

	if (imap_is(in, '\\')) {
		in->at++;
		if (!imap_atom(in, &name))
			return false;
		for (size_t i = 0; i < countof(imap_system_flags); i++) {
			if (!str_case_eq_c(name, imap_system_flags[i].name))
				continue;
			f->flags |= imap_system_flags[i].flag;
			return true;
		}
		return imap_fail(in, "there is no such flag to set");
	}
	if (!imap_atom(in, &name))
		return false;
	if (f->n >= most)
		return imap_fail(in, "too many keywords");
	f->keywords[f->n++] = name;
	return true;
}

/* flag-list = "(" [flag *(SP flag)] ")" */
bool
imap_flags(struct imap_in *in, bool parentheses, struct imap_flags *f_r)
{
	size_t most = 1;

	for (size_t i = in->at; i < in->all.n && in->all.p[i] != ')'; i++)
		most += in->all.p[i] == ' ' ? 1 : 0;
	if (most > IMAP_FLAGS_MAX)
		most = IMAP_FLAGS_MAX;
	*f_r = (struct imap_flags){
		.keywords = arena_array(in->arena, most, sizeof(struct str)),
	};
	if (parentheses && !imap_char(in, '('))
		return false;
	if (!parentheses || !imap_is(in, ')')) {
		do {
			if (!imap_flag(in, f_r, most))
				return false;
		} while (imap_is(in, ' ') && (in->at++, true));
	}
	return !parentheses || imap_char(in, ')');
}
