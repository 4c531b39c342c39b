/* date.c - the date-time of RFC 5322 */
#include "mime/date.h"

#include <time.h>

#include "base/attr.h"
#include "mime/lex.h"

#define DATE_DAY_S 86400

static const char *const date_months[] = { "jan", "feb", "mar", "apr", "may",
	"jun", "jul", "aug", "sep", "oct", "nov", "dec" };

/* obs-zone; military letters mean nothing reliable (RFC 5322, 4.3). */
static const struct {
	const char *name;
	int minutes;
} date_zones[] = {
	{ "ut", 0 },
	{ "gmt", 0 },
	{ "utc", 0 },
	{ "est", -300 },
	{ "edt", -240 },
	{ "cst", -360 },
	{ "cdt", -300 },
	{ "mst", -420 },
	{ "mdt", -360 },
	{ "pst", -480 },
	{ "pdt", -420 },
};

struct date_fields {
	unsigned day, month, year, hour, minute, second;
};

static bool
date_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
date_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* At most max digits; none is a failure. */
static bool
date_number(struct str *in, unsigned max, unsigned *v_r, unsigned *digits_r)
{
	struct str digits;
	uint32_t v;

	mime_lex_cfws(in, NULL);
	digits = mime_lex_span(in, date_is_digit);
	if (digits.n == 0 || digits.n > max || !str_u32(digits, &v))
		return false;
	*v_r = v;
	if (digits_r != NULL)
		*digits_r = (unsigned)digits.n;
	return true;
}

static struct str
date_alpha(struct str *in)
{
	mime_lex_cfws(in, NULL);
	return mime_lex_span(in, date_is_alpha);
}

static bool
date_char(struct str *in, char c)
{
	mime_lex_cfws(in, NULL);
	if (in->n == 0 || in->p[0] != c)
		return false;
	*in = str_sub(*in, 1, in->n);
	return true;
}

static bool
date_month(struct str name, unsigned *month_r)
{
	for (unsigned i = 0; i < countof(date_months); i++) {
		if (str_case_eq_c(str_sub(name, 0, 3), date_months[i])) {
			*month_r = i + 1;
			return true;
		}
	}
	return false;
}

/* 4*DIGIT, or two or three of an obsolete year (RFC 5322, 4.3) */
static bool
date_year(struct str *in, unsigned *year_r)
{
	unsigned digits;

	if (!date_number(in, 4, year_r, &digits) || digits < 2)
		return false;
	if (digits == 2)
		*year_r += *year_r < 50 ? 2000 : 1900;
	else if (digits == 3)
		*year_r += 1900;
	return true;
}

/* hour ":" minute [ ":" second ] */
static bool
date_time(struct str *in, struct date_fields *f)
{
	f->second = 0;
	if (!date_number(in, 2, &f->hour, NULL) || !date_char(in, ':') ||
	    !date_number(in, 2, &f->minute, NULL))
		return false;
	return !date_char(in, ':') || date_number(in, 2, &f->second, NULL);
}

/* ( "+" / "-" ) 4DIGIT / obs-zone; none is "not known" */
static void
date_zone(struct str *in, struct mime_date *d)
{
	struct str name;
	unsigned v, digits;
	bool west;

	d->zone_minutes = 0;
	d->zone_known = false;
	west = date_char(in, '-');
	if (west || date_char(in, '+')) {
		if (!date_number(in, 4, &v, &digits) || digits != 4 ||
		    v % 100 > 59)
			return;
		d->zone_minutes = (int)(v / 100 * 60 + v % 100);
		d->zone_known = !west || v != 0;
		if (west)
			d->zone_minutes = -d->zone_minutes;
		return;
	}
	name = date_alpha(in);
	for (size_t i = 0; i < countof(date_zones); i++) {
		if (str_case_eq_c(name, date_zones[i].name)) {
			d->zone_minutes = date_zones[i].minutes;
			d->zone_known = true;
		}
	}
}

/* Days from 1970-01-01 in the Gregorian calendar; the year begins in March, so
 * that the leap day is its last. */
static int64_t
date_days(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned in_era = (unsigned)(y - era * 400);
	unsigned in_year =
	    (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;

	return era * 146097 +
	       (int64_t)(in_era * 365 + in_era / 4 - in_era / 100 + in_year) -
	       719468;
}

static bool
date_is_valid(const struct date_fields *f)
{
	static const unsigned char days[] = { 31, 29, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31 };
	bool leap =
	    f->year % 4 == 0 && (f->year % 100 != 0 || f->year % 400 == 0);

	return f->day >= 1 && f->day <= days[f->month - 1] &&
	       (f->month != 2 || f->day < 29 || leap) && f->hour <= 23 &&
	       f->minute <= 59 && f->second <= 60;
}

/* asctime(3): month day time year */
static bool
date_asctime(struct str *in, struct str month, struct date_fields *f)
{
	return date_month(month, &f->month) &&
	       date_number(in, 2, &f->day, NULL) && date_time(in, f) &&
	       date_year(in, &f->year);
}

bool
mime_date_parse(struct str s, struct mime_date *date_r)
{
	struct date_fields f;
	struct mime_date d;
	struct str month;

	/* The day of the week; a word behind it is the month. */
	date_alpha(&s);
	date_char(&s, ',');
	month = date_alpha(&s);
	if (month.n > 0) {
		if (!date_asctime(&s, month, &f))
			return false;
	} else {
		if (!date_number(&s, 2, &f.day, NULL))
			return false;
		date_char(&s, '-');
		if (!date_month(date_alpha(&s), &f.month))
			return false;
		date_char(&s, '-');
		if (!date_year(&s, &f.year) || !date_time(&s, &f))
			return false;
	}
	if (!date_is_valid(&f))
		return false;
	date_zone(&s, &d);
	d.epoch_s = date_days(f.year, f.month, f.day) * DATE_DAY_S +
		    (int64_t)f.hour * 3600 + f.minute * 60 + f.second -
		    (int64_t)d.zone_minutes * 60;
	*date_r = d;
	return true;
}

void
mime_date_write(struct buf *b, int64_t epoch_s)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t at = (time_t)epoch_s;
	struct tm tm;

	gmtime_r(&at, &tm);
	buf_fmt(b, "%.3s, %d %.3s %d %02d:%02d:%02d +0000",
	    days + tm.tm_wday * 3, tm.tm_mday, months + tm.tm_mon * 3,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
