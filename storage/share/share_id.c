/* share_id.c - the file SHOAL: which share this is */
#include "storage/share/share_id.h"

#include <stdio.h>
#include <time.h>

#include "storage/share/store.h"

static const struct {
	const char *name;
	enum barrier_profile profile;
} share_id_profiles[] = { { "barrier", BARRIER_WRITE },
	{ "reply", BARRIER_REPLY } };

void
share_id_uuid_text(const unsigned char u[16], char text_r[SHARE_ID_UUID_TEXT])
{
	snprintf(text_r, SHARE_ID_UUID_TEXT,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10],
	    u[11], u[12], u[13], u[14], u[15]);
}

bool
share_id_uuid_parse(struct str text, unsigned char uuid_r[16])
{
	static const size_t dashes[] = { 8, 13, 18, 23 };
	char hex[32];
	size_t n = 0;

	if (text.n != SHARE_ID_UUID_TEXT - 1)
		return false;
	for (unsigned i = 0; i < countof(dashes); i++)
		if (text.p[dashes[i]] != '-')
			return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '-' && n < sizeof(hex))
			hex[n++] = text.p[i];
	return n == sizeof(hex) && str_unhex(str_of(hex, n), uuid_r, 16);
}

struct str
share_id_format(struct arena *a, const struct share_id *id)
{
	char uuid[SHARE_ID_UUID_TEXT], created[40] = "";
	const char *profile = "barrier";
	time_t when = (time_t)id->created_s;
	struct tm tm;

	share_id_uuid_text(id->uuid, uuid);
	for (unsigned i = 0; i < countof(share_id_profiles); i++)
		if (share_id_profiles[i].profile == id->profile)
			profile = share_id_profiles[i].name;
	if (gmtime_r(&when, &tm) != NULL)
		strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return str_c(arena_printf(a,
	    "shoal-share %u\nuuid %s\ndurability %s\ncreated %s\n", id->format,
	    uuid, profile, created));
}

static bool
share_id_profile(struct str value, struct share_id *id)
{
	for (unsigned i = 0; i < countof(share_id_profiles); i++)
		if (str_eq_c(value, share_id_profiles[i].name)) {
			id->profile = share_id_profiles[i].profile;
			return true;
		}
	return false;
}

static void
share_id_created(struct str value, struct share_id *id)
{
	struct tm tm = { 0 };
	char text[40];

	if (value.n >= sizeof(text))
		return;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	if (strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) != NULL)
		id->created_s = (int64_t)timegm(&tm);
}

static must_check struct err *
share_id_damaged(struct arena *a, const char *what)
{
	return err_newf(a, ERR_CORRUPT,
	    "the share's file " SHARE_ID_NAME " is damaged (%s): restore it "
	    "from another copy of the share",
	    what);
}

struct err *
share_id_parse(struct arena *a, struct str text, struct share_id *id)
{
	bool have_uuid = false, have_profile = false;
	bool ended = str_ends(text, STR("\n"));
	struct str line;

	*id = (struct share_id){ 0 };
	if (!str_split(&text, '\n', &line) ||
	    !str_starts(line, STR("shoal-share ")))
		return err_new(a, ERR_FOREIGN,
		    "the file " SHARE_ID_NAME " there is not that of a share",
		    NULL);
	if (!str_u32(str_sub(line, 12, line.n), &id->format) || id->format == 0)
		return share_id_damaged(a, "format");
	while (str_split(&text, '\n', &line)) {
		ptrdiff_t sp = str_chr(line, ' ');
		struct str key = str_sub(line, 0, sp < 0 ? 0 : (size_t)sp);
		struct str value = str_sub(line, key.n + 1, line.n);

		if (str_eq(key, STR("uuid")))
			have_uuid = share_id_uuid_parse(value, id->uuid);
		else if (str_eq(key, STR("durability")))
			have_profile = share_id_profile(value, id);
		else if (str_eq(key, STR("created")))
			share_id_created(value, id);
	}
	if (id->format > STORE_FORMAT)
		return err_newf(a, ERR_FORMAT,
		    "the share has format %u, this program knows %d: install a "
		    "newer version",
		    id->format, STORE_FORMAT);
	if (!have_uuid || !ended)
		return share_id_damaged(a, "uuid");
	if (!have_profile)
		return share_id_damaged(a, "durability");
	return NULL;
}
