/* test_state.c - replicas: joining, racing, rebuilding, refusing */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "storage/state_audit.h"
#include "storage/state_private.h"
#include "tests/unit/state_rig.h"

/* --- joining --- */

TEST(test_create_and_join)
{
	struct state *a = node_open(t, c, 0), *b;
	struct state_domain d;

	assert_int_equal(state_schema(a), STATE_SCHEMA);
	assert_int_equal(state_seq(a), STATE_SCHEMA);
	/* repeated by another node: nothing happens */
	assert_ok(state_create(t, &c->node[1].conf));
	assert_ok(add_domain(t, a, "Example.ORG"));
	assert_err(add_domain(t, a, "example.org"), ERR_DUPLICATE);
	assert_int_equal(state_seq(a), STATE_SCHEMA + 1);
	b = node_open(t, c, 1);
	assert_ok(state_domain_find(task_arena(t), b, STR("EXAMPLE.org"), &d));
	assert_true(str_eq_c(d.name, "example.org"));
	assert_same(t, a, b);
	assert_ok(add_domain(t, b, "example.net"));
	assert_err(add_domain(t, a, "example.net"), ERR_DUPLICATE);
	assert_same(t, a, b);
}

/* Nothing is committed for a change that changes nothing. */
TEST(test_no_change)
{
	struct state *a = node_open(t, c, 0);
	uint64_t seq;

	assert_ok(add_domain(t, a, "example.org"));
	seq = state_seq(a);
	assert_ok(
	    state_domain_suspend(t, a, "test", STR("example.org"), false));
	assert_int_equal(state_seq(a), seq);
	assert_ok(state_domain_suspend(t, a, "test", STR("example.org"), true));
	assert_int_equal(state_seq(a), seq + 1);
}

TEST(test_snapshot_and_tail)
{
	struct state *a = node_open(t, c, 0), *b;
	unsigned i;

	for (i = 0; i < 10; i++)
		assert_ok(add_domain(t, a,
		    arena_printf(task_arena(t), "d%u.example", i)));
	assert_ok(state_maintain(t, a, true));
	for (; i < 15; i++)
		assert_ok(add_domain(t, a,
		    arena_printf(task_arena(t), "d%u.example", i)));
	b = node_open(t, c, 1);
	assert_int_equal(count_domains(t, b), 15);
	assert_same(t, a, b);
	/* it keeps what it has when it starts again */
	b = node_open(t, c, 1);
	assert_same(t, a, b);
	assert_int_equal(b->rebuilds, 0);
	/* one that was away while what it needs was collected */
	state_close(&c->node[1].st);
	for (; i < 20; i++)
		assert_ok(add_domain(t, a,
		    arena_printf(task_arena(t), "d%u.example", i)));
	assert_ok(state_maintain(t, a, true));
	b = node_open(t, c, 1);
	assert_int_equal(count_domains(t, b), 20);
	assert_same(t, a, b);
}

TEST(test_memory_replica)
{
	struct state *a = node_open(t, c, 0), *b;

	c->node[1].conf.local = NULL;
	assert_ok(add_domain(t, a, "one.example"));
	b = node_open(t, c, 1);
	assert_same(t, a, b);
	assert_ok(add_domain(t, b, "two.example"));
	assert_ok(state_maintain(t, b, true));
	assert_ok(add_domain(t, b, "three.example"));
	assert_same(t, a, b);
	b = node_open(t, c, 1);
	assert_int_equal(count_domains(t, b), 3);
	assert_same(t, a, b);
	assert_same(t, a, node_open(t, c, 2));
}

/* --- racing --- */

#define RACERS 4
#define EACH 12

struct racer {
	struct cluster *c;
	unsigned node, id;
	bool *done;
};

static may_yield_unchecked void
racer_run(struct task *t, void *arg)
{
	struct racer *r = arg;
	unsigned i;

	for (i = 0; i < EACH; i++)
		assert_ok(add_domain(t, r->c->node[r->node].st,
		    arena_printf(task_arena(t), "r%u-%u.example", r->id, i)));
	*r->done = true;
}

TEST(test_race)
{
	struct share_fault_rule slow = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 1 };
	bool done[RACERS] = { false };
	struct racer r[RACERS];
	unsigned i, all;

	for (i = 0; i < NODES; i++) {
		node_open(t, c, i);
		slow.delay_ms = 1 + i;
		share_fault_set(c->node[i].fault, &slow, 1);
	}
	for (i = 0; i < RACERS; i++) {
		r[i] = (struct racer){ c, i % NODES, i, &done[i] };
		task_start(c->rig.sched, "racer", racer_run, &r[i]);
	}
	do {
		task_sleep_ms(t, 10);
		for (all = 0, i = 0; i < RACERS; i++)
			all += done[i];
	} while (all < RACERS);
	for (i = 0; i < NODES; i++)
		share_fault_set(c->node[i].fault, NULL, 0);
	assert_same(t, c->node[0].st, c->node[1].st);
	assert_same(t, c->node[0].st, c->node[2].st);
	assert_int_equal(count_domains(t, c->node[0].st), RACERS * EACH);
	assert_int_equal(state_seq(c->node[0].st),
	    STATE_SCHEMA + RACERS * EACH);
}

struct one_of_two {
	struct cluster *c;
	unsigned node;
	struct err *e;
	enum err_code code;
	bool done;
};

static may_yield_unchecked void
one_of_two_run(struct task *t, void *arg)
{
	struct one_of_two *o = arg;

	o->code = err_code(add_domain(t, o->c->node[o->node].st, "same.org"));
	o->done = true;
}

/* The loser's function is run again on the winner's state, and refuses. */
TEST(test_race_for_one_name)
{
	struct share_fault_rule slow = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 3 };
	struct one_of_two o[2] = { { .c = c, .node = 0 },
		{ .c = c, .node = 1 } };
	unsigned i;

	for (i = 0; i < 2; i++) {
		node_open(t, c, i);
		share_fault_set(c->node[i].fault, &slow, 1);
		task_start(c->rig.sched, "one", one_of_two_run, &o[i]);
	}
	while (!o[0].done || !o[1].done)
		task_sleep_ms(t, 5);
	for (i = 0; i < 2; i++)
		share_fault_set(c->node[i].fault, NULL, 0);
	assert_true((o[0].code == ERR_NONE) != (o[1].code == ERR_NONE));
	assert_true(o[0].code == ERR_DUPLICATE || o[1].code == ERR_DUPLICATE);
	assert_same(t, c->node[0].st, c->node[1].st);
}

/* The answer to SYMLINK is lost: committed once, and known to be. */
TEST(test_lost_answer)
{
	static const struct share_fault_rule lost = { .proc = SHARE_SYMLINK,
		.lane = SHARE_FAULT_ANY_LANE,
		.kind = SHARE_FAULT_LOST };
	struct state *a = node_open(t, c, 0);

	share_fault_set(c->node[0].fault, &lost, 1);
	assert_ok(add_domain(t, a, "example.org"));
	assert_int_equal(share_fault_hits(c->node[0].fault, 0), 1);
	assert_int_equal(state_seq(a), STATE_SCHEMA + 1);
	assert_same(t, a, node_open(t, c, 1));
}

/* --- refusing --- */

static struct err *
swap_run(struct state_tx *x, void *arg)
{
	(void)arg;
	return state_exec(x->db, x->a,
	    "UPDATE accounts SET login = NULL WHERE address = 'a@x.org';"
	    "UPDATE accounts SET login = 'a@x.org' WHERE address = 'b@x.org';"
	    "UPDATE accounts SET login = 'b@x.org' WHERE address = 'a@x.org'");
}

/* Measured: such a changeset applies nowhere. It must never be committed. */
TEST(test_unique_swap_is_refused)
{
	struct state *a = node_open(t, c, 0);
	uint64_t seq;

	assert_ok(add_domain(t, a, "x.org"));
	assert_ok(add_account(t, a, "a@x.org"));
	assert_ok(add_account(t, a, "b@x.org"));
	seq = state_seq(a);
	assert_err(state_change(t, a, "test", swap_run, NULL), ERR_CONFLICT);
	assert_int_equal(state_seq(a), seq);
	assert_int_equal(journal_head(state_journal(a)), seq);
	assert_ok(add_account(t, a, "c@x.org"));
	assert_same(t, a, node_open(t, c, 1));
}

TEST(test_wrong_key)
{
	struct state *a = node_open(t, c, 0), *b = NULL;
	struct state_conf conf = c->node[1].conf;

	conf.key.key[0] ^= 1;
	assert_err(state_open(t, &conf, &b, NULL), ERR_DENIED);
	assert_null(b);
	assert_ok(state_maintain(t, a, true));
	assert_err(state_open(t, &conf, &b, NULL), ERR_DENIED);
	/* beside a replica of the right key */
	state_close(&c->node[0].st);
	conf.local = c->node[0].local;
	assert_err(state_open(t, &conf, &b, NULL), ERR_DENIED);
	/* which is made anew */
	assert_ok(state_open(t, &c->node[0].conf, &c->node[0].st, NULL));
}

/* An entry beside the state's own ways. */
struct raw {
	struct cluster *c;
	struct txid *txid;
	struct state_op op;
	bool forge;
};

static struct err *
raw_compose(struct task *t, void *arg, struct buf *ops)
{
	struct raw *r = arg;

	state_ops_write(ops, task_arena(t), &r->c->key, r->txid, &r->op);
	if (r->forge)
		ops->p[ops->n - 1] = ops->p[ops->n - 1] == '0' ? '1' : '0';
	return NULL;
}

static may_yield_unchecked void
raw_commit(struct task *t, struct state *st, struct raw *r)
{
	struct journal_tx tx;

	assert_ok(state_refresh(t, st));
	journal_tx_init(t, state_journal(st), &tx);
	tx.compose = raw_compose;
	tx.arg = r;
	r->txid = &tx.txid;
	err_ignore(journal_commit(t, state_journal(st), &tx)); /* its effect */
}

/* A changeset made in a database of our own. */
static struct str
foreign_changeset(struct arena *a, const char *schema, const char *change)
{
	sqlite3_session *s;
	struct str cs;
	sqlite3 *h;
	void *p;
	int n;

	assert_int_equal(sqlite3_open(":memory:", &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, schema, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3session_create(h, "main", &s), SQLITE_OK);
	assert_int_equal(sqlite3session_attach(s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, change, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3session_changeset(s, &n, &p), SQLITE_OK);
	cs = arena_str(a, str_of(p, (size_t)n));
	sqlite3_free(p);
	sqlite3session_delete(s);
	sqlite3_close(h);
	return cs;
}

/* Entries that no replica can take: read-only with one alarm, on every node,
 * for as long as they ask; what was there is still read. */
static may_yield_unchecked void
expect_refused(struct task *t, struct cluster *c, struct raw *r,
    enum err_code code)
{
	struct state *a = node_open(t, c, 0), *b;
	uint64_t alarms;
	unsigned i;

	assert_ok(add_domain(t, a, "example.org"));
	b = node_open(t, c, 1);
	raw_commit(t, a, r);
	alarms = log_count(LOG_ALARM_);
	for (i = 0; i < 5; i++)
		assert_ok(state_refresh(t, b));
	assert_err(state_readonly(task_arena(t), b), code);
	assert_in_range(log_count(LOG_ALARM_) - alarms, 1, 3);
	alarms = log_count(LOG_ALARM_);
	for (i = 0; i < 5; i++)
		assert_ok(state_refresh(t, b));
	assert_int_equal(log_count(LOG_ALARM_), alarms);
	assert_int_equal(state_seq(b), STATE_SCHEMA + 1);
	assert_int_equal(count_domains(t, b), 1);
	assert_err(add_domain(t, b, "other.org"), ERR_READONLY);
	/* after a restart, and for one that has no replica, the same */
	state_close(&c->node[1].st);
	assert_ok(state_open(t, &c->node[1].conf, &c->node[1].st, NULL));
	assert_err(state_readonly(task_arena(t), c->node[1].st), code);
	assert_int_equal(count_domains(t, c->node[1].st), 1);
	assert_ok(state_open(t, &c->node[2].conf, &c->node[2].st, NULL));
	assert_err(state_readonly(task_arena(t), c->node[2].st), code);
	assert_int_equal(count_domains(t, c->node[2].st), 1);
}

TEST(test_forged_entry)
{
	struct raw r = { .c = c, .forge = true };

	r.op = (struct state_op){ .kind = STATE_OP_CHANGESET,
		.schema = STATE_SCHEMA,
		.changeset = foreign_changeset(task_arena(t),
		    "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY,"
		    " value TEXT NOT NULL)",
		    "INSERT INTO settings VALUES ('audit.keep', '1d')") };
	expect_refused(t, c, &r, ERR_CORRUPT);
}

static const struct {
	const char *schema, *change;
} misfits[] = {
	/* a table that is not there, columns that are not there, another key,
	 * a local table, a row that exists, one that does not */
	{ "CREATE TABLE toys (id TEXT NOT NULL PRIMARY KEY)",
	    "INSERT INTO toys VALUES ('bear')" },
	{ "CREATE TABLE settings (name TEXT NOT NULL PRIMARY KEY,"
	  " value TEXT NOT NULL, colour TEXT)",
	    "INSERT INTO settings VALUES ('audit.keep', '1d', 'red')" },
	{ "CREATE TABLE settings (name TEXT NOT NULL,"
	  " value TEXT NOT NULL PRIMARY KEY)",
	    "INSERT INTO settings VALUES ('audit.keep', '1d')" },
	{ "CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY,"
	  " value TEXT NOT NULL)",
	    "INSERT INTO meta VALUES ('x', '1')" },
	{ "CREATE TABLE certificate_names (name TEXT NOT NULL PRIMARY KEY,"
	  " certificate TEXT NOT NULL);"
	  "INSERT INTO certificate_names VALUES ('a', 'b')",
	    "UPDATE certificate_names SET certificate = 'c'" },
	{ "CREATE TABLE certificate_names (name TEXT NOT NULL PRIMARY KEY,"
	  " certificate TEXT NOT NULL);"
	  "INSERT INTO certificate_names VALUES ('a', 'b')",
	    "DELETE FROM certificate_names" },
};

static may_yield_unchecked void
misfit(struct task *t, struct cluster *c, unsigned i)
{
	struct raw r = { .c = c };

	r.op = (struct state_op){ .kind = STATE_OP_CHANGESET,
		.schema = STATE_SCHEMA,
		.changeset = foreign_changeset(task_arena(t), misfits[i].schema,
		    misfits[i].change) };
	expect_refused(t, c, &r, ERR_CORRUPT);
}

/* One cluster each: the entry stays. */
#define MISFIT(n)                                                              \
	TEST(test_misfit_##n)                                                  \
	{                                                                      \
		misfit(t, c, n);                                               \
	}
MISFIT(0)
MISFIT(1)
MISFIT(2)
MISFIT(3)
MISFIT(4)
MISFIT(5)

TEST(test_other_schema)
{
	struct raw r = { .c = c };

	r.op = (struct state_op){ .kind = STATE_OP_CHANGESET,
		.schema = STATE_SCHEMA + 1,
		.changeset = STR("x") };
	expect_refused(t, c, &r, ERR_FORMAT);
}

/* --- schema --- */

static const char *const next_schema[] = {
	"ALTER TABLE domains ADD COLUMN colour TEXT NOT NULL DEFAULT '';"
	"UPDATE domains SET colour = colour;"
	"CREATE TABLE toys (id TEXT NOT NULL PRIMARY KEY)",
};

static struct err *
toy_run(struct state_tx *x, void *arg)
{
	(void)arg;
	return state_exec(x->db, x->a,
	    "UPDATE domains SET colour = 'red';"
	    "INSERT INTO toys VALUES ('bear')");
}

TEST(test_schema_change)
{
	struct state *a, *b;
	unsigned i;

	for (i = 0; i < 2; i++) {
		c->node[i].conf.schema_max = STATE_SCHEMA + 1;
		c->node[i].conf.extra_steps = next_schema;
	}
	a = node_open(t, c, 0);
	b = node_open(t, c, 1);
	node_open(t, c, 2); /* knows only STATE_SCHEMA */
	assert_ok(add_domain(t, a, "example.org"));
	/* not while an older node lives */
	assert_ok(state_schema_raise(t, a, STATE_SCHEMA));
	assert_int_equal(state_schema(a), STATE_SCHEMA);
	assert_ok(state_schema_raise(t, a, STATE_SCHEMA + 1));
	assert_int_equal(state_schema(a), STATE_SCHEMA + 1);
	/* raced: nothing is committed the second time */
	assert_ok(state_schema_raise(t, b, STATE_SCHEMA + 1));
	assert_int_equal(state_seq(b), STATE_SCHEMA + 2);
	assert_ok(state_change(t, b, "test", toy_run, NULL));
	assert_same(t, a, b);
	/* the older one stops there, and reads on */
	assert_ok(state_refresh(t, c->node[2].st));
	assert_err(state_readonly(task_arena(t), c->node[2].st), ERR_FORMAT);
	assert_int_equal(state_seq(c->node[2].st), STATE_SCHEMA + 1);
	assert_int_equal(count_domains(t, c->node[2].st), 1);
	/* a new one reads all of it, from entries or from a snapshot */
	c->node[2].conf = c->node[0].conf;
	c->node[2].conf.store = c->node[2].store;
	c->node[2].conf.local = NULL;
	assert_same(t, a, node_open(t, c, 2));
	assert_ok(state_maintain(t, a, true));
	assert_same(t, a, node_open(t, c, 2));
}

/* --- damage --- */

static char *
replica_path(struct task *t, struct cluster *c, unsigned i)
{
	char target[100];
	ssize_t n;

	n = readlink(arena_printf(task_arena(t), "%s/state.db",
			 c->node[i].local),
	    target, sizeof(target) - 1);
	assert_true(n > 0);
	target[n] = '\0';
	return arena_printf(task_arena(t), "%s/%s", c->node[i].local, target);
}

static void
fold_wal(const char *path)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "PRAGMA journal_mode = DELETE", NULL,
			     NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(h);
}

/* The last place where the text stands, of the table audit most likely. */
static bool
flip_text(const char *path, const char *text)
{
	static char data[4 << 20];
	FILE *f = fopen(path, "r+");
	char *p, *last = NULL;
	size_t n;

	assert_non_null(f);
	n = fread(data, 1, sizeof(data), f);
	for (p = data;
	     (p = memmem(p, n - (size_t)(p - data), text, strlen(text))); p++)
		last = p;
	if (last != NULL) {
		assert_int_equal(fseek(f, last - data, SEEK_SET), 0);
		assert_int_equal(fputc('v', f), 'v');
	}
	fclose(f);
	return last != NULL;
}

static unsigned
count_audit(struct task *t, struct state *st, const char *object)
{
	struct state_audit_row *list;
	unsigned n;

	assert_ok(state_audit_find(task_arena(t), st,
	    &(struct state_audit_query){ .object = str_c(object), .max = 100 },
	    &list, &n));
	return n;
}

TEST(test_damaged_at_open)
{
	struct state *a = node_open(t, c, 0), *b;
	unsigned i, at;
	char *path, *junk;
	struct stat sb;
	int fd;

	assert_ok(add_domain(t, a, "x.org"));
	for (i = 0; i < 30; i++)
		assert_ok(add_account(t, a,
		    arena_printf(task_arena(t), "u%u@x.org", i)));
	c->node[1].conf.check_at_open = true;
	junk = arena_alloc(task_arena(t), 4096);
	memset(junk, 0x5a, 4096);
	for (at = 0; at < 12; at++) {
		node_open(t, c, 1);
		path = replica_path(t, c, 1);
		state_close(&c->node[1].st);
		fd = open(path, O_RDWR);
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &sb), 0);
		assert_int_equal(sb.st_mode & 07777, 0600);
		if (at < 10)
			assert_true(pwrite(fd, junk, at == 0 ? 50 : 4096,
					(off_t)at * 4096) > 0);
		else /* torn */
			assert_int_equal(ftruncate(fd,
					     at == 10 ? 0 : sb.st_size / 2),
			    0);
		close(fd);
		assert_same(t, a, node_open(t, c, 1));
	}
	/* a letter of a text: SQLite finds nothing wrong with it */
	node_open(t, c, 1);
	path = replica_path(t, c, 1);
	state_close(&c->node[1].st);
	fold_wal(path);
	assert_true(flip_text(path, "u7@x.org"));
	b = node_open(t, c, 1);
	assert_int_equal(count_audit(t, b, "u7@x.org"),
	    count_audit(t, a, "u7@x.org"));
	assert_same(t, a, b);
	/* garbage in the place of the link */
	state_close(&c->node[1].st);
	path = arena_printf(task_arena(t), "%s/state.db", c->node[1].local);
	unlink(path);
	assert_int_equal(symlink("../../nowhere", path), 0);
	assert_same(t, a, node_open(t, c, 1));
}

/* A replica whose contents are not what the journal made of it is found by the
 * next entry that touches it, and built again. */
TEST(test_wrong_contents)
{
	struct state *a = node_open(t, c, 0), *b;
	sqlite3 *h;

	assert_ok(add_domain(t, a, "x.org"));
	assert_ok(add_account(t, a, "u@x.org"));
	b = node_open(t, c, 1);
	assert_same(t, a, b);
	assert_int_equal(sqlite3_open(replica_path(t, c, 1), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "UPDATE accounts SET quota_bytes = 5",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(h);
	assert_ok(state_account_quota(t, a, "test", STR("u@x.org"), 77, 0));
	assert_ok(state_refresh(t, b));
	assert_int_equal(b->rebuilds, 1);
	assert_same(t, a, b);
	/* and the node that changes something itself */
	assert_int_equal(sqlite3_open(replica_path(t, c, 1), &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h,
			     "UPDATE meta SET value = '2' WHERE key = 'seq'",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(h);
	assert_ok(add_account(t, b, "v@x.org"));
	assert_int_equal(b->rebuilds, 2);
	assert_same(t, a, b);
}

/* Two processes of one node: one replica, two journals. */
TEST(test_shared_replica)
{
	struct state *a = node_open(t, c, 0), *a2, *b;
	struct state_conf conf = c->node[0].conf;

	assert_ok(state_open(t, &conf, &a2, NULL));
	assert_ok(add_domain(t, a, "one.org"));
	assert_int_equal(count_domains(t, a2), 1);
	assert_ok(add_domain(t, a2, "two.org"));
	assert_ok(add_domain(t, a2, "three.org"));
	assert_int_equal(count_domains(t, a), 3);
	assert_ok(add_domain(t, a, "four.org"));
	b = node_open(t, c, 1);
	assert_same(t, a, b);
	assert_same(t, a2, b);
	/* one builds it again, the other follows */
	state_feed_break(&a2->feed, "test");
	assert_ok(state_refresh(t, a2));
	assert_int_equal(a2->rebuilds, 1);
	assert_ok(add_domain(t, b, "five.org"));
	assert_ok(state_refresh(t, a2));
	assert_int_equal(count_domains(t, a), 5);
	assert_ok(add_domain(t, a, "six.org"));
	assert_same(t, a, b);
	assert_same(t, a2, b);
	assert_int_equal(a->rebuilds, 0);
	/* a worker that only reads */
	state_close(&a2);
	conf.replica_only = true;
	assert_ok(state_open(t, &conf, &a2, NULL));
	assert_int_equal(count_domains(t, a2), 6);
	assert_err(add_domain(t, a2, "no.org"), ERR_READONLY);
	state_close(&a2);
}

/*
 * One of them looks rarely; meanwhile the other goes on, and what the first
 * would read next is in a checkpoint, or collected.  The replica has it all: it
 * is not replaced by the older snapshot, under the eyes of who reads it.
 */
TEST(test_shared_replica_long_idle)
{
	struct state *a, *a2, *b;
	struct state_conf conf = c->node[0].conf;
	char name[40];
	unsigned i;

	a = node_open(t, c, 0);
	assert_ok(state_open(t, &conf, &a2, NULL));
	assert_ok(add_domain(t, a2, "first.org"));
	for (i = 0; i < 3; i++) {
		for (unsigned d = 0; d < 3; d++)
			assert_ok(add_domain(t, a,
			    arena_printf(task_arena(t), "d%u-%u.org", i, d)));
		assert_ok(state_maintain(t, a, true));
	}
	assert_ok(add_domain(t, a, "tail.org"));
	snprintf(name, sizeof(name), "%s", a->r->name);
	assert_ok(add_domain(t, a2, "last.org"));
	assert_string_equal(a2->r->name, name);
	assert_int_equal(a2->rebuilds, 0);
	assert_err(add_domain(t, a2, "tail.org"), ERR_DUPLICATE);
	b = node_open(t, c, 1);
	assert_same(t, a, b);
	assert_same(t, a2, b);
	assert_string_equal(a->r->name, name);
	assert_int_equal(a->rebuilds, 0);
	state_close(&a2);
}

static void
remove_entry(struct task *t, struct cluster *c, uint64_t seq)
{
	char name[SEQ_DIGITS + 1];

	seq_name(seq, name);
	assert_int_equal(unlink(arena_printf(task_arena(t), "%s/state/log/%s",
			     c->share_dir, name)),
	    0);
}

/* A server that forgot an entry while no node that had it was running. */
TEST(test_replica_ahead)
{
	struct state *a = node_open(t, c, 0);

	assert_ok(add_domain(t, a, "one.org"));
	assert_ok(add_domain(t, a, "two.org"));
	state_close(&c->node[0].st);
	remove_entry(t, c, STATE_SCHEMA + 2);
	a = node_open(t, c, 0);
	assert_int_equal(a->rebuilds, 1);
	assert_int_equal(state_seq(a), STATE_SCHEMA + 1);
	assert_int_equal(count_domains(t, a), 1);
	assert_same(t, a, node_open(t, c, 1));
}

TEST(test_replica_of_a_fork)
{
	struct state *a = node_open(t, c, 0), *b;

	assert_ok(add_domain(t, a, "one.org"));
	assert_ok(add_domain(t, a, "two.org"));
	state_close(&c->node[0].st);
	remove_entry(t, c, STATE_SCHEMA + 2);
	b = node_open(t, c, 1);
	assert_ok(add_domain(t, b, "other.org"));
	a = node_open(t, c, 0);
	assert_int_equal(a->rebuilds, 1);
	assert_same(t, a, b);
	assert_ok(add_domain(t, a, "two.org"));
	assert_same(t, a, b);
}

/* The server loses an entry under a node that runs, and the connection breaks.
 */
static may_yield_unchecked void
break_connection(struct task *t, struct cluster *c, unsigned i)
{
	static const struct share_fault_rule breaks = {
		.proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.kind = SHARE_FAULT_DELAY,
		.reconnect = true
	};

	share_fault_set(c->node[i].fault, &breaks, 1);
	err_ignore(state_refresh(t, c->node[i].st)); /* on the old one */
	share_fault_set(c->node[i].fault, NULL, 0);
}

TEST(test_lost_entry_is_made_again)
{
	struct state *a = node_open(t, c, 0);

	assert_ok(add_domain(t, a, "one.org"));
	assert_ok(add_domain(t, a, "two.org"));
	remove_entry(t, c, STATE_SCHEMA + 2);
	break_connection(t, c, 0);
	assert_ok(state_refresh(t, a));
	assert_int_equal(state_seq(a), STATE_SCHEMA + 2);
	assert_int_equal(a->rebuilds, 0);
	assert_int_equal(count_domains(t, node_open(t, c, 1)), 2);
	assert_same(t, a, c->node[1].st);
}

/* Meanwhile another node has made another entry of that number.  Ours is
 * appended behind it, if it still applies; else it is left out, with an alarm.
 */
static may_yield_unchecked void
forked(struct task *t, struct cluster *c, const char *other, unsigned domains)
{
	struct state *a = node_open(t, c, 0), *b;
	uint64_t alarms = log_count(LOG_ALARM_);

	assert_ok(add_domain(t, a, "one.org"));
	assert_ok(add_domain(t, a, "two.org"));
	remove_entry(t, c, STATE_SCHEMA + 2);
	b = node_open(t, c, 1);
	assert_ok(add_domain(t, b, other));
	break_connection(t, c, 0);
	assert_ok(state_refresh(t, a));
	assert_true(log_count(LOG_ALARM_) > alarms);
	assert_same(t, a, b);
	assert_int_equal(count_domains(t, a), domains);
	assert_null(state_readonly(task_arena(t), a));
	assert_ok(add_domain(t, a, "after.org"));
	assert_same(t, a, b);
}

TEST(test_fork_appended_again)
{
	forked(t, c, "other.org", 3);
}

TEST(test_fork_left_out)
{
	forked(t, c, "two.org", 2);
}

/* --- the share is away --- */

TEST(test_stale_open)
{
	static const struct share_fault_rule away = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_UNAVAIL };
	struct state *a = node_open(t, c, 0);
	bool stale;

	assert_ok(add_domain(t, a, "one.org"));
	state_close(&c->node[0].st);
	share_fault_set(c->node[0].fault, &away, 1);
	share_fault_set(c->node[1].fault, &away, 1);
	assert_ok(state_open(t, &c->node[0].conf, &c->node[0].st, &stale));
	assert_true(stale);
	a = c->node[0].st;
	assert_int_equal(count_domains(t, a), 1);
	task_set_deadline(t, task_now_ms(t) + 5000);
	assert_non_null(add_domain(t, a, "two.org"));
	task_set_deadline(t, 0);
	/* without a replica there is nothing to open */
	assert_non_null(state_open(t, &c->node[1].conf, &c->node[1].st, NULL));
	share_fault_set(c->node[0].fault, NULL, 0);
	share_fault_set(c->node[1].fault, NULL, 0);
	assert_ok(add_domain(t, a, "three.org"));
	assert_same(t, a, node_open(t, c, 1));
}

/* --- secrets --- */

static bool
file_has(const char *path, struct str what)
{
	static char data[4 << 20];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	return memmem(data, n, what.p, what.n) != NULL;
}

static unsigned
dir_has(struct task *t, const char *dir, struct str what, unsigned *files)
{
	struct dirent *d;
	unsigned hits = 0;
	DIR *h = opendir(dir);

	assert_non_null(h);
	while ((d = readdir(h)) != NULL) {
		char *path =
		    arena_printf(task_arena(t), "%s/%s", dir, d->d_name);

		if (d->d_type != DT_REG)
			continue;
		(*files)++;
		hits += file_has(path, what);
	}
	closedir(h);
	return hits;
}

TEST(test_secrets_are_sealed)
{
	struct state *a = node_open(t, c, 0);
	struct password_salt salt;
	struct state_login l;
	struct password p;
	struct state_account_new n = { .address = STR("u@x.org"),
		.name = STR("Ursula Findable"),
		.password = &p };
	unsigned files = 0, i;
	struct str hidden[4];
	char *seg;

	assert_ok(add_domain(t, a, "x.org"));
	assert_ok(state_account_salt(task_arena(t), a, n.address, &c->rig.rnd,
	    &salt));
	assert_ok(password_make(t, NULL, STR("sesame"), 1, &salt, &p));
	assert_ok(state_account_add(t, a, "test", &n, 1));
	assert_ok(state_maintain(t, a, true));
	seg = arena_printf(task_arena(t), "%s/state/seg", c->share_dir);
	hidden[0] = p.hash;
	hidden[1] = str_sub(p.hash, p.hash.n - 20, 20);
	hidden[2] = str_of(p.stored_key, 32);
	hidden[3] = str_of(c->key.key, 32);
	for (i = 0; i < countof(hidden); i++) {
		files = 0;
		assert_int_equal(dir_has(t, seg, hidden[i], &files), 0);
		assert_true(files >= 2); /* an external record, a snapshot */
	}
	/* what is no secret is there to be read */
	assert_int_equal(dir_has(t, seg, n.name, &files) >= 1, 1);
	/* and another node opens them */
	assert_ok(state_login_find(task_arena(t), node_open(t, c, 1),
	    STR("U@X.org"), 0, &l));
	assert_int_equal(l.n, 1);
	assert_true(str_eq(l.credentials[0].password.hash, p.hash));
	assert_memory_equal(l.credentials[0].password.stored_key, p.stored_key,
	    32);
	assert_memory_equal(l.salt.salt, salt.salt, 16);
}

/* --- size --- */

#define MANY 10000

TEST(test_ten_thousand_accounts)
{
	struct state *a = node_open(t, c, 0), *b;
	struct state_account_new list[STATE_BATCH_MAX];
	struct state_account_query q = { .max = 1000 };
	struct state_account *page;
	struct arena_mark m;
	unsigned i, j, n, seen = 0;

	assert_ok(add_domain(t, a, "x.org"));
	for (i = 0; i < MANY; i += STATE_BATCH_MAX) {
		m = arena_mark(task_arena(t));
		memset(list, 0, sizeof(list));
		for (j = 0; j < STATE_BATCH_MAX; j++)
			list[j].address = str_c(arena_printf(task_arena(t),
			    "user%05u@x.org", i + j));
		assert_ok(
		    state_account_add(t, a, "test", list, STATE_BATCH_MAX));
		arena_rewind(task_arena(t), m);
	}
	assert_int_equal(state_seq(a),
	    STATE_SCHEMA + 1 + MANY / STATE_BATCH_MAX);
	assert_ok(state_maintain(t, a, true));
	b = node_open(t, c, 1);
	do {
		assert_ok(state_account_list(task_arena(t), b, &q, &page, &n));
		seen += n;
		if (n > 0) {
			q.after = page[n - 1].address;
			q.after_id = page[n - 1].id;
		}
	} while (n > 0);
	assert_int_equal(seen, MANY);
	assert_same(t, a, b);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_create_and_join),
		T(test_no_change),
		T(test_snapshot_and_tail),
		T(test_memory_replica),
		T(test_race),
		T(test_race_for_one_name),
		T(test_lost_answer),
		T(test_unique_swap_is_refused),
		T(test_wrong_key),
		T(test_forged_entry),
		T(test_misfit_0),
		T(test_misfit_1),
		T(test_misfit_2),
		T(test_misfit_3),
		T(test_misfit_4),
		T(test_misfit_5),
		T(test_other_schema),
		T(test_schema_change),
		T(test_damaged_at_open),
		T(test_wrong_contents),
		T(test_shared_replica),
		T(test_shared_replica_long_idle),
		T(test_replica_ahead),
		T(test_replica_of_a_fork),
		T(test_lost_entry_is_made_again),
		T(test_fork_appended_again),
		T(test_fork_left_out),
		T(test_stale_open),
		T(test_secrets_are_sealed),
		T(test_ten_thousand_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
