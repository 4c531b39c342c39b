/* state_audit.c - who changed what, when */
#include "storage/state_audit.h"

#include "base/utf8.h"
#include "storage/state_account.h"
#include "storage/state_private.h"
#include "storage/state_setting.h"

static const char state_id_digits[] = "abcdefghijklmnopqrstuvwxyz234567";

void
state_account_id(const struct rnd *r, char id_r[STATE_ID_CHARS + 1])
{
	unsigned char b[STATE_ID_CHARS];
	unsigned i;

	r->fill(r->arg, b, sizeof(b));
	for (i = 0; i < STATE_ID_CHARS; i++)
		id_r[i] = state_id_digits[b[i] & 31];
	id_r[STATE_ID_CHARS] = '\0';
}

struct str
state_random_id(struct arena *a, const struct rnd *r)
{
	char id[STATE_ID_CHARS + 1];

	state_account_id(r, id);
	return str_c(arena_strdup(a, id));
}

/* The place of a row among those of its second, which several changes share. */
static struct err *
state_audit_place(struct state_tx *x, const char *second, unsigned *place_r)
{
	struct state_q q;
	uint64_t last;

	*place_r = 0;
	state_q_begin(&q, x->db, x->a,
	    "SELECT substr(id, 12, 4) FROM audit"
	    " WHERE id > ?1 AND id < ?1 || '~' ORDER BY id DESC LIMIT 1",
	    "t", str_c(second));
	if (state_q_row(&q) && str_hex_u64(state_q_str(&q, 0), &last))
		*place_r = last < 0xffff ? (unsigned)last + 1 : 0xffff;
	return state_q_end(&q);
}

/* Ids sort by time and, within a second, in order: whoever writes one has all
 * before it. */
struct err *
state_audit(struct state_tx *x, const char *what, struct str object,
    struct str detail)
{
	struct err *e;
	const char *second, *id;
	unsigned place;

	second = arena_printf(x->a, "%010llx-",
	    (unsigned long long)(x->now_s > 0 ? x->now_s : 0));
	e = state_audit_place(x, second, &place);
	if (e != NULL)
		return e;
	id = arena_printf(x->a, "%s%04x%012llx", second, place,
	    (unsigned long long)rnd_u64(x->rnd) >> 16);
	return state_run(x->db, x->a,
	    "INSERT INTO audit (id, at, who, what, object, detail)"
	    " VALUES (?, ?, ?, ?, ?, ?)",
	    "titttt", str_c(id), (int64_t)x->now_s, str_c(x->by), str_c(what),
	    object, detail);
}

struct state_audit_order {
	const char *what;
	struct str object, detail;
};

static struct err *
state_audit_order_run(struct state_tx *x, void *arg)
{
	const struct state_audit_order *o = arg;

	return state_audit(x, o->what, o->object, o->detail);
}

/* Of what somebody typed. */
static struct str
state_audit_text(struct arena *a, struct str s)
{
	struct buf b;

	buf_init(&b, a, 3 * STATE_AUDIT_MAX);
	utf8_readable(&b, str_sub(s, 0, STATE_AUDIT_MAX));
	return buf_str(&b);
}

struct err *
state_audit_order(struct task *t, struct state *st, const char *by,
    const char *what, struct str object, struct str detail)
{
	struct state_audit_order o = { .what = what,
		.object = state_audit_text(task_arena(t), object),
		.detail = state_audit_text(task_arena(t), detail) };

	return state_change(t, st, by, state_audit_order_run, &o);
}

#define STATE_AUDIT_COLUMNS                                                    \
	"SELECT id, at, who, what, object, detail FROM audit"

/* '~' sorts behind every id. */
static struct str
state_audit_before(struct str before)
{
	return before.n > 0 ? before : STR("~");
}

static void
state_audit_read(struct state_q *q, void *row)
{
	struct state_audit_row *r = row;

	r->id = state_q_str(q, 0);
	r->at = state_q_i64(q, 1);
	r->who = state_q_str(q, 2);
	r->what = state_q_str(q, 3);
	r->object = state_q_str(q, 4);
	r->detail = state_q_str(q, 5);
}

static const struct state_rows state_audit_rows = {
	sizeof(struct state_audit_row), state_audit_read, 0
};

/* Where a step ends; the primary key's index has it. */
static struct err *
state_audit_step(struct state_db *db, struct arena *a,
    struct state_audit_query *f)
{
	struct state_q q;

	state_q_begin(&q, db, a,
	    "SELECT id FROM audit WHERE id < ? ORDER BY id DESC"
	    " LIMIT 1 OFFSET ?",
	    "tu", state_audit_before(f->before), (uint64_t)f->step - 1);
	if (state_q_row(&q))
		f->looked = state_q_str(&q, 0);
	return state_q_end(&q);
}

struct err *
state_audit_find(struct arena *a, struct state *st, struct state_audit_query *f,
    struct state_audit_row **list_r, unsigned *n_r)
{
	struct state_db *db;
	struct state_q q;
	struct err *e;

	*n_r = 0;
	*list_r = NULL;
	f->looked = STR_NONE;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	if (f->step > 0)
		e = state_audit_step(db, a, f);
	if (e != NULL) {
		state_read_end(st);
		return e;
	}
	state_q_begin(&q, db, a,
	    STATE_AUDIT_COLUMNS
	    " WHERE id < ?1 AND id >= ?7"
	    " AND (?2 = '' OR instr(lower(object), lower(?2)) > 0)"
	    " AND (?3 = '' OR instr(lower(who), lower(?3)) > 0)"
	    " AND (?4 = '' OR instr(lower(what), lower(?4)) = 1)"
	    " AND (?5 = '' OR"
	    "  (substr(what, 1, instr(what, '.') - 1) IN ('domain', 'account',"
	    "    'alias', 'group', 'identity', 'app-password', 'dkim')"
	    "   AND (object = ?5"
	    "    OR substr(object, -length(?5) - 1) = '@' || ?5"
	    "    OR substr(object, -length(?5) - 12) = '._domainkey.' || ?5)))"
	    " ORDER BY id DESC LIMIT ?6",
	    "tttttut", state_audit_before(f->before), f->object, f->who,
	    f->what, f->domain, (uint64_t)f->max, f->looked);
	e = state_q_list(&q, st, &state_audit_rows, list_r, n_r);
	state_read_end(st);
	if (*n_r == f->max)
		f->looked = STR_NONE;
	return e;
}

struct state_audit_trimming {
	unsigned max, removed;
};

static struct err *
state_audit_trim_run(struct state_tx *x, void *arg)
{
	struct state_audit_trimming *tr = arg;
	int64_t before, n = 0;
	struct err *e;

	before = x->now_s -
		 (int64_t)state_setting_u64_in(x->db, x->a, STATE_AUDIT_KEEP);
	e = state_number(x->db, x->a, &n,
	    "SELECT COUNT(*) FROM (SELECT 1 FROM audit WHERE id < ? LIMIT ?)",
	    "ti",
	    str_c(arena_printf(x->a, "%010llx",
		(unsigned long long)(before > 0 ? before : 0))),
	    (int64_t)tr->max);
	tr->removed = (unsigned)n;
	if (e != NULL || n == 0)
		return e;
	return state_run(x->db, x->a,
	    "DELETE FROM audit WHERE id IN"
	    " (SELECT id FROM audit ORDER BY id LIMIT ?)",
	    "i", n);
}

struct err *
state_audit_trim(struct task *t, struct state *st, unsigned max,
    unsigned *removed_r)
{
	struct state_audit_trimming tr = { .max = max };
	struct err *e;

	e = state_change(t, st, "housekeeping", state_audit_trim_run, &tr);
	*removed_r = e == NULL ? tr.removed : 0;
	return e;
}
