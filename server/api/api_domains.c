/* api_domains.c - domains, the records they need, and their keys */
#include "base/log.h"
#include "base/unicode.h"
#include "server/admin/admin_dkim.h"
#include "server/admin/admin_domain.h"
#include "server/admin/admin_zone_check.h"
#include "server/api/api_private.h"
#include "storage/state_domain.h"

#define API_DOMAINS_STEP 200 /* looked through at once */

/* --- what there is to say --- */

static const char *const api_dmarc[] = { "published", "ignore", "quarantine",
	NULL };

#define API_DOMAIN_SET                                                         \
	{ "note", API_STR, 0, "For people.", NULL, NULL, 0 },                  \
	    { "accounts_max", API_U64, 0, "0: no limit.", NULL, NULL, 0 },     \
	    { "quota_default", API_U64, 0,                                     \
		    "Bytes of new accounts; 0: the cluster's.", NULL, NULL,    \
		    0 },                                                       \
	    { "messages_default", API_U64, 0,                                  \
		    "Messages of new accounts; 0: no limit.", NULL, NULL, 0 }, \
	    { "junk_keep", API_U64, API_NULL,                                  \
		    "Seconds that a message stays in Junk; 0: for ever; "      \
		    "null: as the setting says.",                              \
		    NULL, NULL, STATE_KEEP_MAX },                              \
	    { "trash_keep", API_U64, API_NULL, "The same of Trash.", NULL,     \
		    NULL, STATE_KEEP_MAX },                                    \
	    { "separators", API_STR, 0,                                        \
		    "Characters that may stand between a name and its "        \
		    "detail.",                                                 \
		    NULL, NULL, STATE_SEPARATORS_MAX },                        \
	    { "message_max", API_U64, 0,                                       \
		    "Bytes of the largest message; 0: the cluster's.", NULL,   \
		    NULL, 0 },                                                 \
	    { "recipients_per_day", API_U64, API_NULL,                         \
		    "Of each account; 0: no limit; null: as the setting "      \
		    "says.",                                                   \
		    NULL, NULL, INT32_MAX },                                   \
	    { "dmarc", API_WORD, 0, "The most a sender's policy does.", NULL,  \
		    api_dmarc, 0 },                                            \
	{                                                                      \
		"outgoing", API_BOOL, 0, "Its accounts may send.", NULL, NULL, \
		    0                                                          \
	}

static const struct api_field api_domain_new_fields[] = {
	{ "name", API_STR, API_REQUIRED, NULL, NULL, NULL, 0 },
	API_DOMAIN_SET,
	{ .name = NULL },
};
static const struct api_schema api_domain_new_schema = { "DomainNew",
	api_domain_new_fields };

static const struct api_field api_domain_change_fields[] = {
	{ "suspended", API_BOOL, 0, "Refuse mail and logins.", NULL, NULL, 0 },
	API_DOMAIN_SET,
	{ .name = NULL },
};
static const struct api_schema api_domain_change_schema = { "DomainChange",
	api_domain_change_fields };

#define OUT(name, kind, flags, help)                                           \
	{                                                                      \
		name, kind, API_REQUIRED | (flags), help, NULL, NULL, 0        \
	}
static const struct api_field api_domain_fields[] = {
	OUT("name", API_STR, 0, "A-labels, lower case."),
	OUT("display", API_STR, 0, "As people write it."),
	OUT("note", API_STR, 0, NULL),
	OUT("suspended", API_BOOL, 0, NULL),
	OUT("created", API_TIME, 0, NULL),
	OUT("accounts", API_U64, 0, "How many there are."),
	OUT("accounts_max", API_U64, 0, NULL),
	OUT("quota_default", API_U64, 0, NULL),
	OUT("messages_default", API_U64, 0, NULL),
	OUT("junk_keep", API_U64, API_NULL, NULL),
	OUT("trash_keep", API_U64, API_NULL, NULL),
	OUT("separators", API_STR, 0, NULL),
	OUT("message_max", API_U64, 0, NULL),
	OUT("recipients_per_day", API_U64, API_NULL, NULL),
	{ "dmarc", API_WORD, API_REQUIRED, NULL, NULL, api_dmarc, 0 },
	OUT("outgoing", API_BOOL, 0, NULL),
	{ .name = NULL },
};
static const struct api_schema api_domain_schema = { "Domain",
	api_domain_fields };

/* What is as a setting says is negative. */
static void
api_domain_or_null(struct json *j, const char *key, int64_t v)
{
	if (v < 0)
		json_set_null(j, key);
	else
		json_set_i64(j, key, v);
}

static void
api_domain_put(struct json *j, const struct state_domain *d)
{
	json_set_str(j, "name", d->name);
	json_set_str(j, "display", d->display);
	json_set_str(j, "note", d->note);
	json_set_bool(j, "suspended", d->suspended);
	api_set_time(j, "created", d->created);
	json_set_u64(j, "accounts", d->accounts);
	json_set_u64(j, "accounts_max", d->accounts_max);
	json_set_u64(j, "quota_default", d->quota_default);
	json_set_u64(j, "messages_default", d->rules.messages_default);
	api_domain_or_null(j, "junk_keep", d->junk_keep);
	api_domain_or_null(j, "trash_keep", d->trash_keep);
	json_set_str(j, "separators", d->rules.separators);
	json_set_u64(j, "message_max", d->rules.message_max);
	api_domain_or_null(j, "recipients_per_day",
	    d->rules.recipients_per_day);
	json_set_c(j, "dmarc", api_dmarc[(int)d->rules.dmarc + 1]);
	json_set_bool(j, "outgoing", d->rules.outgoing);
}

static must_check struct err *
api_domain_answer(struct api *x, struct str name)
{
	struct state_domain d;
	struct err *e = state_domain_find(x->a, x->ad.state, name, &d);

	if (e == NULL)
		api_domain_put(x->out, &d);
	return e;
}

/* --- looking --- */

static const struct api_query api_domains_query[] = {
	{ "search", API_STR, "In the name or the note.", NULL },
	{ .name = NULL },
};

/* In any case, however it was typed. */
static bool
api_domain_has(struct arena *a, struct str text, struct str folded)
{
	struct arena_mark mark = arena_mark(a);
	bool has = folded.n == 0;
	struct str f;

	if (!has && unicode_fold_nfc(a, text, &f) == NULL)
		has = str_case_has(f, folded);
	arena_rewind(a, mark);
	return has;
}

static bool
api_domain_is_wanted(const struct api *x, struct str folded,
    const struct state_domain *d)
{
	return (x->who.domain.n == 0 || str_eq(x->who.domain, d->name)) &&
	       (api_domain_has(x->a, d->name, folded) ||
		   api_domain_has(x->a, d->display, folded) ||
		   api_domain_has(x->a, d->note, folded));
}

static may_yield must_check struct err *
api_domains_list(struct task *t, struct api *x)
{
	unsigned limit = api_limit(x), n, put = 0;
	struct str after = api_after(x), search;
	struct state_domain *d;
	struct err *e;

	e = unicode_fold_nfc(x->a, api_query_str(x, "search"), &search);
	if (e != NULL)
		return e;
	do {
		e = state_domain_list(x->a, x->ad.state, after,
		    API_DOMAINS_STEP, &d, &n);
		if (e != NULL)
			return e;
		for (unsigned i = 0; i < n; i++) {
			if (!api_domain_is_wanted(x, search, &d[i]))
				continue;
			if (put++ == limit) {
				api_next(x, after);
				return NULL;
			}
			api_domain_put(json_add_obj(x->items), &d[i]);
			after = d[i].name;
		}
		if (n > 0)
			after = d[n - 1].name;
		task_yield(t);
	} while (n == API_DOMAINS_STEP);
	return NULL;
}

static may_yield must_check struct err *
api_domain_get(struct task *t, struct api *x)
{
	(void)t;
	return api_domain_answer(x, x->params[0]);
}

/* --- changing --- */

static bool
api_domain_number(const struct api *x, const char *key, uint64_t *v_r)
{
	return json_get_u64(x->in, key, v_r);
}

/* What the body has, into d; its bits. */
static unsigned
api_domain_read(const struct api *x, struct state_domain *d)
{
	struct {
		const char *key;
		uint64_t *v;
		enum state_domain_what bit;
	} numbers[] = {
		{ "accounts_max", &d->accounts_max, STATE_DOMAIN_ACCOUNTS },
		{ "quota_default", &d->quota_default, STATE_DOMAIN_QUOTA },
		{ "messages_default", &d->rules.messages_default,
		    STATE_DOMAIN_MESSAGES },
		{ "message_max", &d->rules.message_max,
		    STATE_DOMAIN_MESSAGE_MAX },
	};
	unsigned what = 0;
	struct str s;
	uint64_t n;

	for (unsigned i = 0; i < countof(numbers); i++)
		if (api_domain_number(x, numbers[i].key, numbers[i].v))
			what |= numbers[i].bit;
	if (json_get_str(x->in, "note", &d->note))
		what |= STATE_DOMAIN_NOTE;
	if (json_get_str(x->in, "separators", &d->rules.separators))
		what |= STATE_DOMAIN_SEPARATORS;
	d->rules.recipients_per_day = STATE_RECIPIENTS_DEFAULT;
	if (api_domain_number(x, "recipients_per_day", &n))
		d->rules.recipients_per_day = (int64_t)n;
	if (json_get(x->in, "recipients_per_day") != NULL)
		what |= STATE_DOMAIN_RECIPIENTS;
	for (int i = 0; json_get_str(x->in, "dmarc", &s) && api_dmarc[i]; i++)
		if (str_eq_c(s, api_dmarc[i])) {
			d->rules.dmarc = (enum state_domain_dmarc)(i - 1);
			what |= STATE_DOMAIN_DMARC;
		}
	if (json_get_bool(x->in, "outgoing", &d->rules.outgoing))
		what |= STATE_DOMAIN_OUTGOING;
	return what;
}

/* NULL: not given. */
static const int64_t *
api_domain_keep(const struct api *x, const char *key, int64_t *v)
{
	uint64_t n;

	*v = STATE_KEEP_DEFAULT;
	if (api_domain_number(x, key, &n))
		*v = (int64_t)n;
	return json_get(x->in, key) != NULL ? v : NULL;
}

static may_yield must_check struct err *
api_domain_apply(struct task *t, struct api *x, struct str name,
    const struct state_domain *d, unsigned what)
{
	int64_t junk_s, trash_s;
	const int64_t *junk = api_domain_keep(x, "junk_keep", &junk_s);
	const int64_t *trash = api_domain_keep(x, "trash_keep", &trash_s);
	struct err *e = NULL;
	bool suspended;

	if (what != 0)
		e = state_domain_set(t, x->ad.state, x->ad.by, name, d, what);
	if (e == NULL && (junk != NULL || trash != NULL))
		e = state_domain_keep(t, x->ad.state, x->ad.by, name, junk,
		    trash);
	if (e == NULL && json_get_bool(x->in, "suspended", &suspended))
		e = state_domain_suspend(t, x->ad.state, x->ad.by, name,
		    suspended);
	return e;
}

/* A domain without keys sends unsigned mail: better than none at all, and the
 * list of records says so. */
static may_yield void
api_domain_keys(struct task *t, struct api *x, struct str name)
{
	struct state_dkim_key keys[ADMIN_DOMAIN_KEYS];
	struct err *e;
	unsigned n;

	e = admin_domain_keys(t, &x->ad, name, keys, &n);
	if (e != NULL)
		log_warn(t, "no keys to sign with", LOG_STR("domain", name),
		    LOG_ERR(e));
}

static may_yield must_check struct err *
api_domain_add(struct task *t, struct api *x)
{
	struct state_domain d = { .note = STR("") }, made;
	unsigned what = api_domain_read(x, &d);
	struct err *e;

	(void)json_get_str(x->in, "name", &d.name);
	e = state_domain_add(t, x->ad.state, x->ad.by, &d);
	if (e == NULL)
		e = state_domain_find(x->a, x->ad.state, d.name, &made);
	if (e != NULL)
		return e;
	what &= ~(unsigned)(STATE_DOMAIN_NOTE | STATE_DOMAIN_QUOTA |
			    STATE_DOMAIN_ACCOUNTS);
	e = api_domain_apply(t, x, made.name, &d, what);
	if (e != NULL) { /* it was not to be like this: rather not at all */
		err_ignore(
		    state_domain_remove(t, x->ad.state, x->ad.by, made.name));
		return e;
	}
	api_domain_keys(t, x, made.name);
	api_location(x, "/domains", made.name);
	return api_domain_answer(x, made.name);
}

static may_yield must_check struct err *
api_domain_change(struct task *t, struct api *x)
{
	struct state_domain d = { .note = STR("") };
	unsigned what = api_domain_read(x, &d);
	struct err *e = api_domain_apply(t, x, x->params[0], &d, what);

	return e != NULL ? e : api_domain_answer(x, x->params[0]);
}

static may_yield must_check struct err *
api_domain_remove(struct task *t, struct api *x)
{
	return state_domain_remove(t, x->ad.state, x->ad.by, x->params[0]);
}

/* --- records --- */

#define API_CHECKS_AT_ONCE 4

static const char *const api_record_status[] = { "ok", "missing", "different",
	"unknown", "unchecked", NULL };
static const struct api_field api_record_fields[] = {
	OUT("name", API_STR, 0, "Without a last dot."),
	OUT("type", API_STR, 0, "MX, TXT, SRV, CNAME."),
	OUT("data", API_STR, 0, "As in a zone file, TXT without quotes."),
	OUT("line", API_TEXT, 0, "The line of a zone file."),
	{ "status", API_WORD, API_REQUIRED,
	    "Whether the DNS has it; compared by what it means.", NULL,
	    api_record_status, 0 },
	OUT("found", API_STRS, 0, "What there is of its name and kind."),
	{ .name = NULL },
};
static const struct api_schema api_record_schema = { "DnsRecord",
	api_record_fields };
static const struct api_field api_records_fields[] = {
	{ "items", API_OBJS, API_REQUIRED, NULL, &api_record_schema, NULL, 0 },
	OUT("hosts", API_BOOL, 0, "Hosts that take its mail are known."),
	OUT("keys", API_BOOL, 0, "It has keys to sign with."),
	{ .name = NULL },
};
static const struct api_schema api_records_schema = { "DnsRecords",
	api_records_fields };
static const struct api_query api_records_query[] = {
	{ "check", API_BOOL, "Ask the DNS (for 5 seconds at most).", NULL },
	{ .name = NULL },
};

/*
 * With a resolver of its own: what the worker's has in its cache, that there is
 * no such record above all, is what has just been changed.
 */
static may_yield must_check struct err *
api_records_check(struct task *t, struct api *x,
    const struct admin_zone_record *list, unsigned n,
    struct admin_zone_seen *seen)
{
	struct worker *w = x->w;
	struct dns *dns;

	/* one place is for who sees all domains */
	if (w->checking >= (x->who.domain.n == 0 ? API_CHECKS_AT_ONCE
						 : API_CHECKS_AT_ONCE - 1))
		return err_new(x->a, ERR_UNAVAIL,
		    "others are checking: try again in a moment", NULL);
	w->checking++;
	dns = dns_new_for(w->loop, &w->conf);
	admin_zone_check(t, dns, list, n, seen);
	dns_free(&dns);
	w->checking--;
	return NULL;
}

static may_yield must_check struct err *
api_records_get(struct task *t, struct api *x)
{
	struct admin_zone_record *list;
	struct admin_zone_seen *seen;
	struct admin_zone_conf z;
	struct json *items;
	unsigned n;
	struct err *e = admin_domain_zone(t, &x->ad, x->params[0], &z);

	if (e != NULL)
		return e;
	admin_zone_build(x->a, &z, &list, &n);
	seen = arena_array(x->a, n + 1UL, sizeof(*seen));
	if (api_query_bool(x, "check", false))
		e = api_records_check(t, x, list, n, seen);
	if (e != NULL)
		return e;
	items = json_set_arr(x->out, "items");
	for (unsigned i = 0; i < n; i++) {
		struct json *j = json_add_obj(items);

		json_set_str(j, "name", list[i].name);
		json_set_c(j, "type", list[i].type);
		json_set_str(j, "data", list[i].data);
		json_set_str(j, "line", admin_zone_line(x->a, &list[i]));
		json_set_c(j, "status", admin_zone_status_name(seen[i].status));
		api_set_strs(j, "found", seen[i].found, seen[i].n);
	}
	json_set_bool(x->out, "hosts", z.hosts_n > 0);
	json_set_bool(x->out, "keys", z.keys_n > 0);
	return NULL;
}

/* --- the table --- */

const struct api_route api_domain_routes[] = {
	{ .method = "GET",
	    .path = "/domains",
	    .id = "listDomains",
	    .help = "Domains in order of name.",
	    .area = AREA_DOMAINS,
	    .flags = API_LIST,
	    .answer = &api_domain_schema,
	    .query = api_domains_query,
	    .run = api_domains_list },
	{ .method = "POST",
	    .path = "/domains",
	    .id = "createDomain",
	    .help = "Become responsible for a domain; keys to sign its mail "
		    "with are made.",
	    .area = AREA_DOMAINS,
	    .writes = true,
	    .scope = API_WHOLE,
	    .flags = API_CREATES,
	    .tag = STATE_TAG_DOMAIN,
	    .body = &api_domain_new_schema,
	    .answer = &api_domain_schema,
	    .run = api_domain_add },
	{ .method = "GET",
	    .path = "/domains/{name}",
	    .id = "getDomain",
	    .help = "One domain.",
	    .area = AREA_DOMAINS,
	    .scope = API_OF_DOMAIN,
	    .tag = STATE_TAG_DOMAIN,
	    .answer = &api_domain_schema,
	    .run = api_domain_get },
	{ .method = "PATCH",
	    .path = "/domains/{name}",
	    .id = "changeDomain",
	    .help = "Change what is given.",
	    .area = AREA_DOMAINS,
	    .writes = true,
	    .scope = API_OF_DOMAIN,
	    .flags = API_MATCH,
	    .tag = STATE_TAG_DOMAIN,
	    .body = &api_domain_change_schema,
	    .answer = &api_domain_schema,
	    .run = api_domain_change },
	{ .method = "DELETE",
	    .path = "/domains/{name}",
	    .id = "deleteDomain",
	    .help = "Give up a domain that has no accounts, aliases or groups "
		    "left.",
	    .area = AREA_DOMAINS,
	    .writes = true,
	    .scope = API_OF_DOMAIN,
	    .flags = API_MATCH | API_EMPTY,
	    .tag = STATE_TAG_DOMAIN,
	    .run = api_domain_remove },
	{ .method = "GET",
	    .path = "/domains/{name}/dns",
	    .id = "getDomainDns",
	    .help = "The DNS records that it needs, and which there are.",
	    .area = AREA_DOMAINS,
	    .scope = API_OF_DOMAIN,
	    .answer = &api_records_schema,
	    .query = api_records_query,
	    .run = api_records_get },
	{ .method = NULL },
};
