/* folder.c - an account's mailboxes: names, and looking at the table */
#include "storage/folder.h"

#include "base/utf8.h"
#include "storage/account_private.h"

static const struct folder_use_text {
	enum folder_use use;
	const char *text;
} folder_uses[] = {
	{ FOLDER_USE_DRAFTS, "\\Drafts" },
	{ FOLDER_USE_SENT, "\\Sent" },
	{ FOLDER_USE_JUNK, "\\Junk" },
	{ FOLDER_USE_TRASH, "\\Trash" },
	{ FOLDER_USE_ARCHIVE, "\\Archive" },
};

const char *
folder_use_name(enum folder_use use)
{
	for (size_t i = 0; i < countof(folder_uses); i++)
		if (folder_uses[i].use == use)
			return folder_uses[i].text;
	return "";
}

/* --- names --- */

static struct err *
folder_name_bad(struct arena *a, const char *why)
{
	return err_newf(a, ERR_INVALID, "this is not a mailbox name: %s", why);
}

static struct err *
folder_level_check(struct arena *a, struct str level)
{
	if (level.n == 0)
		return folder_name_bad(a, "a level is empty");
	if (str_eq_c(level, ".") || str_eq_c(level, ".."))
		return folder_name_bad(a, "a level is \".\" or \"..\"");
	if (level.n >= FOLDER_LEVEL_MAX)
		return folder_name_bad(a, "a level is too long");
	return NULL;
}

static struct err *
folder_chars_check(struct arena *a, struct str name)
{
	struct str rest = name;
	uint32_t c;
	size_t n;

	for (; rest.n > 0; rest = str_sub(rest, n, rest.n)) {
		n = utf8_get(rest, &c);
		if (n == 0)
			return folder_name_bad(a, "it is not UTF-8");
		/* C0, DEL, C1, and the line and paragraph separators */
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
		    c == 0x2029)
			return folder_name_bad(a, "it has a control character");
		if (c == '%' || c == '*')
			return folder_name_bad(a, "it has a wildcard");
	}
	return NULL;
}

/* In place: INBOX as the whole or the first level, whatever its case. */
static struct str
folder_name_canon(struct arena *a, struct str name)
{
	struct str copy = arena_str(a, name);

	if (name.n >= 5 && (name.n == 5 || name.p[5] == '/') &&
	    str_case_eq_c(str_sub(name, 0, 5), "INBOX"))
		memcpy((char *)copy.p, "INBOX", 5);
	return copy;
}

struct err *
folder_name_check(struct arena *a, struct str name, struct str *canon_r)
{
	struct str rest = name, level;
	unsigned depth = 0;
	struct err *e;

	if (name.n == 0)
		return folder_name_bad(a, "it is empty");
	if (name.n > FOLDER_NAME_MAX)
		return err_new(a, ERR_LIMIT, "the mailbox name is too long",
		    NULL);
	e = folder_chars_check(a, name);
	while (e == NULL && str_split(&rest, '/', &level)) {
		e = folder_level_check(a, level);
		depth++;
	}
	if (e != NULL)
		return e;
	if (depth >= FOLDER_DEPTH_MAX)
		return err_new(a, ERR_LIMIT,
		    "the mailbox name has too many levels", NULL);
	*canon_r = folder_name_canon(a, name);
	return NULL;
}

/* --- looking --- */

const struct folder *
folder_by_id(const struct account *acc, uint32_t id)
{
	const struct folder_state *f = account_state_folder(&acc->state, id);

	return f == NULL ? NULL : &f->pub;
}

const struct folder *
folder_by_name(const struct account *acc, struct str name)
{
	const struct folder_state *f = account_state_named(&acc->state, name);
	char canon[FOLDER_NAME_MAX];

	if (f != NULL)
		return &f->pub;
	if (name.n < 5 || name.n > sizeof(canon) ||
	    (name.n > 5 && name.p[5] != '/') ||
	    !str_case_eq_c(str_sub(name, 0, 5), "INBOX"))
		return NULL;
	memcpy(canon, name.p, name.n);
	memcpy(canon, "INBOX", 5);
	f = account_state_named(&acc->state, str_of(canon, name.n));
	return f == NULL ? NULL : &f->pub;
}

const struct folder *
folder_by_use(const struct account *acc, enum folder_use use)
{
	const struct account_state *s = &acc->state;

	for (unsigned i = 0; i < s->folder_count; i++)
		if (s->by_name[i]->pub.use == use)
			return &s->by_name[i]->pub;
	return NULL;
}

unsigned
folder_count(const struct account *acc)
{
	return acc->state.folder_count;
}

const struct folder *
folder_nth(const struct account *acc, unsigned i)
{
	return i < acc->state.folder_count ? &acc->state.by_name[i]->pub : NULL;
}

bool
folder_is_below(struct str name, struct str above)
{
	return name.n > above.n && name.p[above.n] == '/' &&
	       str_starts(name, above);
}

/* In the order of names: in front of above + "/", and so of all below it. */
static bool
folder_is_before(struct str name, struct str above)
{
	int c = str_cmp(str_sub(name, 0, above.n), above);

	if (c != 0)
		return c < 0;
	return name.n == above.n || (unsigned char)name.p[above.n] < '/';
}

bool
folder_has_children(const struct account *acc, struct str name)
{
	const struct account_state *s = &acc->state;
	unsigned lo = 0, hi = s->folder_count;

	/* The first that is not in front of "name/": LIST asks for every
	 * folder there is. */
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (folder_is_before(s->by_name[mid]->pub.name, name))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->folder_count &&
	       folder_is_below(s->by_name[lo]->pub.name, name);
}

unsigned
folder_subscription_count(const struct account *acc)
{
	return acc->state.sub_count;
}

struct str
folder_subscription_nth(const struct account *acc, unsigned i)
{
	return i < acc->state.sub_count ? str_c(acc->state.subs[i]) : STR_NONE;
}

bool
folder_subscribed(const struct account *acc, struct str name)
{
	return account_state_subscribed(&acc->state, name);
}
