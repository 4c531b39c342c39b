/* state_setting.c - limits and policies of the whole cluster */
#include "storage/state_setting.h"

#include "storage/state_address.h"
#include "storage/state_audit.h"
#include "storage/state_private.h"

#define K 1024ULL
#define MINUTE 60ULL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* clang-format off */
const struct state_setting_desc state_setting_table[] = {
	{ STATE_ACCOUNT_QUOTA, "account.quota", STATE_SETTING_BYTES,
	    "0", 0, 1ULL << 50,
	    "Quota of new accounts whose domain names none; 0: unlimited." },
	{ STATE_ACCOUNT_REMOVE_GRACE, "account.remove_grace",
	    STATE_SETTING_SECONDS, "30d", 0, 3650 * DAY,
	    "How long a removed account can be brought back." },
	{ STATE_EXPUNGE_GRACE, "expunge.grace", STATE_SETTING_SECONDS,
	    "7d", HOUR, 3650 * DAY,
	    "How long the files of expunged messages stay, for sessions that "
	    "still read them and for undelete." },
	{ STATE_TOMBSTONE_KEEP, "expunge.tombstones", STATE_SETTING_SECONDS,
	    "30d", DAY, 3650 * DAY,
	    "How long it is remembered what was expunged (QRESYNC; records "
	    "that come later than this are held for the administrator)." },
	{ STATE_AUDIT_KEEP, "audit.keep", STATE_SETTING_SECONDS,
	    "365d", DAY, 36500 * DAY,
	    "How long the audit table keeps a row." },
	{ STATE_INVITE_EXPIRES, "node.invite_expires", STATE_SETTING_SECONDS,
	    "24h", MINUTE, 90 * DAY,
	    "How long a node's invite can be used." },
	{ STATE_PASSWORD_LENGTH, "password.min_length", STATE_SETTING_U64,
	    "8", 1, 200,
	    "Fewest characters of a new password." },
	{ STATE_PASSWORD_COST, "password.yescrypt_cost", STATE_SETTING_U64,
	    "5", 1, 11,
	    "Cost of a password's hash: each step doubles time and memory "
	    "(5: 16 MiB, about 20 ms)." },
	{ STATE_PASSWORD_ITERATIONS, "password.scram_iterations",
	    STATE_SETTING_U64, "10000", 4096, 1000000,
	    "Iterations of SCRAM-SHA-256 for new accounts; every client has "
	    "to do them at every login." },
	{ STATE_POSTMASTER, "domain.postmaster", STATE_SETTING_TEXT,
	    "", 0, 320,
	    "Address that gets the mail for postmaster and abuse of domains "
	    "that have no such address." },
	{ STATE_MESSAGE_MAX, "message.max_size", STATE_SETTING_BYTES,
	    "50M", 64 * K, 2ULL << 30,
	    "Largest message." },
};
/* clang-format on */

_Static_assert(countof(state_setting_table) == STATE_SETTINGS,
    "every setting has a description");

const struct state_setting_desc *
state_setting_desc_find(struct str name)
{
	unsigned i;

	for (i = 0; i < countof(state_setting_table); i++)
		if (str_eq_c(name, state_setting_table[i].name))
			return &state_setting_table[i];
	return NULL;
}

/* Units by type; the first fits a number without one. */
static const struct {
	enum state_setting_type type;
	char unit;
	uint64_t factor;
} state_setting_units[] = {
	{ STATE_SETTING_BYTES, 'B', 1 },
	{ STATE_SETTING_BYTES, 'K', K },
	{ STATE_SETTING_BYTES, 'M', K *K },
	{ STATE_SETTING_BYTES, 'G', K *K *K },
	{ STATE_SETTING_BYTES, 'T', K *K *K *K },
	{ STATE_SETTING_SECONDS, 's', 1 },
	{ STATE_SETTING_SECONDS, 'm', MINUTE },
	{ STATE_SETTING_SECONDS, 'h', HOUR },
	{ STATE_SETTING_SECONDS, 'd', DAY },
};

static bool
state_setting_number(enum state_setting_type type, struct str v,
    uint64_t *number_r)
{
	uint64_t factor = 1;
	char last;
	unsigned i;

	if (v.n == 0)
		return false;
	last = v.p[v.n - 1];
	for (i = 0; i < countof(state_setting_units); i++)
		if (state_setting_units[i].type == type &&
		    (last == state_setting_units[i].unit ||
			(type == STATE_SETTING_BYTES &&
			    last == (state_setting_units[i].unit | 32)))) {
			factor = state_setting_units[i].factor;
			v.n--;
			break;
		}
	return str_u64(v, number_r) &&
	       !__builtin_mul_overflow(*number_r, factor, number_r);
}

static struct err *
state_setting_bad(struct arena *a, const struct state_setting_desc *d)
{
	static const char *const kinds[] = { "a number",
		"a size such as 10M or 2G", "a duration such as 12h or 30d",
		"yes or no", "a text" };

	if (d->type == STATE_SETTING_BOOL || d->type == STATE_SETTING_TEXT)
		return err_newf(a, ERR_INVALID, "%s is %s", d->name,
		    kinds[d->type]);
	return err_newf(a, ERR_INVALID, "%s is %s, %llu to %llu%s", d->name,
	    kinds[d->type], (unsigned long long)d->min,
	    (unsigned long long)d->max,
	    d->type == STATE_SETTING_BYTES     ? " bytes"
	    : d->type == STATE_SETTING_SECONDS ? " seconds"
					       : "");
}

struct err *
state_setting_parse(struct arena *a, const struct state_setting_desc *d,
    struct str value, uint64_t *number_r)
{
	*number_r = 0;
	switch (d->type) {
	case STATE_SETTING_TEXT:
		return value.n <= d->max ? NULL : state_setting_bad(a, d);
	case STATE_SETTING_BOOL:
		*number_r = str_eq_c(value, "yes");
		return *number_r || str_eq_c(value, "no")
			   ? NULL
			   : state_setting_bad(a, d);
	case STATE_SETTING_U64:
	case STATE_SETTING_BYTES:
	case STATE_SETTING_SECONDS:
		break;
	}
	if (!state_setting_number(d->type, value, number_r) ||
	    *number_r < d->min || *number_r > d->max)
		return state_setting_bad(a, d);
	return NULL;
}

struct err *
state_setting_get_in(struct state_db *db, struct arena *a, int id,
    uint64_t *number_r, struct str *text_r, bool *is_default_r)
{
	const struct state_setting_desc *d = &state_setting_table[id];
	struct str text = STR_NONE;
	struct state_q q;
	struct err *e;
	bool set;

	state_q_begin(&q, db, a, "SELECT value FROM settings WHERE name = ?",
	    "t", str_c(d->name));
	set = state_q_row(&q);
	if (set)
		text = state_q_str(&q, 0);
	e = state_q_end(&q);
	/* What a newer version wrote and we cannot read. */
	if (e != NULL || !set ||
	    state_setting_parse(a, d, text, number_r) != NULL) {
		set = false;
		text = str_c(d->def);
		err_ignore(state_setting_parse(a, d, text, number_r)); /* ok */
	}
	*text_r = text;
	*is_default_r = !set;
	return e;
}

uint64_t
state_setting_u64_in(struct state_db *db, struct arena *a, int id)
{
	struct str text;
	uint64_t n;
	bool def;

	/* Damage is found by those who change something. */
	err_ignore(state_setting_get_in(db, a, id, &n, &text, &def));
	return n;
}

struct state_setting_change {
	const struct state_setting_desc *d;
	struct str value;
};

static struct err *
state_setting_run(struct state_tx *x, void *arg)
{
	struct state_setting_change *c = arg;
	struct str name = str_c(c->d->name);
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have,
	    "SELECT 1 FROM settings WHERE name = ?", "t", name);
	if (e == NULL && c->value.n == 0)
		e = state_run(x->db, x->a,
		    "DELETE FROM settings WHERE name = ?", "t", name);
	else if (e == NULL && have)
		e = state_run(x->db, x->a,
		    "UPDATE settings SET value = ? WHERE name = ?", "tt",
		    c->value, name);
	else if (e == NULL)
		e = state_run(x->db, x->a,
		    "INSERT INTO settings (name, value) VALUES (?, ?)", "tt",
		    name, c->value);
	return e != NULL ? e : state_audit(x, "settings.set", name, c->value);
}

struct err *
state_setting_set(struct task *t, struct state *st, const char *by,
    struct str name, struct str value)
{
	struct arena *a = task_arena(t);
	struct state_setting_change c = { .d = state_setting_desc_find(name),
		.value = value };
	struct state_address ad;
	struct err *e = NULL;
	uint64_t n;

	if (c.d == NULL)
		return err_newf(a, ERR_NOTFOUND, "there is no setting " STR_FMT,
		    STR_ARG(name));
	if (value.n > 0)
		e = state_setting_parse(a, c.d, value, &n);
	if (e == NULL && value.n > 0 && c.d->id == STATE_POSTMASTER) {
		e = state_address_parse(a, value, &ad);
		c.value = ad.full;
	}
	return e != NULL ? e : state_change(t, st, by, state_setting_run, &c);
}

struct str
state_setting_text(struct arena *a, struct state *st, enum state_setting id,
    bool *is_default_r)
{
	struct str text = str_c(state_setting_table[id].def);
	struct state_db *db;
	uint64_t n;
	bool def = true;

	if (state_read_begin(a, st, &db) == NULL) {
		/* On error text is the default. */
		err_ignore(
		    state_setting_get_in(db, a, (int)id, &n, &text, &def));
		state_read_end(st);
	}
	if (is_default_r != NULL)
		*is_default_r = def;
	return text;
}

uint64_t
state_setting_u64(struct state *st, enum state_setting id)
{
	struct arena *a = arena_new(0);
	struct str text;
	uint64_t n = 0;

	text = state_setting_text(a, st, id, NULL);
	/* It was parsed before. */
	err_ignore(state_setting_parse(a, &state_setting_table[id], text, &n));
	arena_free(&a);
	return n;
}
