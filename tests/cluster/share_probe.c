/* share_probe.c - the share layer against a real server, driven by pytest */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <poll.h>

#include "base/loop.h"
#include "base/offload.h"
#include "storage/share/share_count.h"
#include "storage/share/share_id.h"
#include "storage/share/share_nfs.h"
#include "storage/share/store.h"

/*
 *	share_probe URL COMMAND [ARGUMENT...]
 *
 * Prints `key value` lines; a failed expectation ends it with exit code 1 and a
 * sentence.  A heartbeat timer shows whether the process stayed responsive:
 * `gap` is the longest time in ms between two beats.
 */
#define BEAT_MS 10
#define LANE SHARE_LANE_COMMIT

struct probe {
	struct loop *loop;
	struct sched *sched;
	struct offload *offload;
	const char *url;
	char **argv;
	int argc, rc;
	struct share *share;
	struct timer beat;
	uint64_t last_beat_ms, gap_ms;
};

#define EXPECT(c)                                                              \
	do {                                                                   \
		if (!(c)) {                                                    \
			printf("failed %s:%d: %s\n", __FILE__, __LINE__, #c);  \
			p->rc = 1;                                             \
			return;                                                \
		}                                                              \
	} while (0)
#define EXPECT_ERR(e, want)                                                    \
	do {                                                                   \
		struct err *e_ = (e);                                          \
		if (err_code(e_) != (want)) {                                  \
			printf("failed %s:%d: %s expected, got %s: %s (%s)\n", \
			    __FILE__, __LINE__, err_name(want),                \
			    err_name(err_code(e_)), e_ ? e_->text : "",        \
			    e_ && e_->detail ? e_->detail : "");               \
			p->rc = 1;                                             \
			return;                                                \
		}                                                              \
	} while (0)
#define EXPECT_OK(e) EXPECT_ERR(e, ERR_NONE)

static void
beat(struct timer *tm, void *arg)
{
	struct probe *p = arg;
	uint64_t now = sched_now_ms(p->sched);

	if (p->last_beat_ms != 0 && now - p->last_beat_ms > p->gap_ms)
		p->gap_ms = now - p->last_beat_ms;
	p->last_beat_ms = now;
	timer_set(p->sched, tm, BEAT_MS, beat, p);
}

/* The test has closed our standard input: it has seen what it waited for. */
static bool
told_to_end(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };

	return poll(&in, 1, 0) > 0;
}

static void
say_err(const char *key, const struct err *e)
{
	printf("%s %s: %s\n", key, err_name(err_code(e)),
	    e != NULL ? e->text : "");
}

static unsigned
open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static may_yield void
cmd_init(struct task *t, struct probe *p)
{
	unsigned char uuid[16];
	char text[SHARE_ID_UUID_TEXT];
	struct err *e = store_init(t, p->share, BARRIER_WRITE, uuid);

	if (e != NULL) {
		say_err("error", e);
		p->rc = 1;
		return;
	}
	share_id_uuid_text(uuid, text);
	printf("uuid %s\n", text);
}

static may_yield void
cmd_open(struct task *t, struct probe *p)
{
	unsigned char want[16], *expect = NULL;
	char text[SHARE_ID_UUID_TEXT];
	struct store *st;
	struct err *e;

	if (p->argc > 0) {
		EXPECT(share_id_uuid_parse(str_c(p->argv[0]), want));
		expect = want;
	}
	e = store_open_share(t, p->share, expect, &st);
	p->share = NULL; /* taken over */
	if (e != NULL) {
		say_err("error", e);
		p->rc = 1;
		return;
	}
	share_id_uuid_text(st->uuid, text);
	printf("uuid %s\n", text);
	store_close(&st);
}

static may_yield void
cmd_check(struct task *t, struct probe *p)
{
	struct store_finding *f;
	bool ok;
	struct err *e = store_check(t, p->share, &f, &ok);

	if (e != NULL) {
		say_err("error", e);
		p->rc = 1;
		return;
	}
	for (; f != NULL; f = f->next)
		printf("%s %s: %s\n", f->ok ? "good" : "bad", f->name, f->text);
	printf("all %s\n", ok ? "good" : "bad");
}

static may_yield void
cmd_files(struct task *t, struct probe *p)
{
	struct share_fh dir, fh, fh2;
	struct share_attr a;
	struct share_fsstat st;
	char back[20];
	uint64_t v1, v2;
	uint32_t n;
	bool eof;

	EXPECT_OK(share_mkdir(t, p->share, LANE, share_root(p->share),
	    STR("files"), &dir));
	EXPECT_ERR(share_mkdir(t, p->share, LANE, share_root(p->share),
		       STR("files"), NULL),
	    ERR_EXIST);
	EXPECT_OK(share_create(t, p->share, LANE, &dir, STR("a"), &fh));
	EXPECT_OK(
	    share_write(t, p->share, LANE, &fh, 0, "hello", 5, true, &v1));
	EXPECT_OK(share_create(t, p->share, LANE, &dir, STR("a"), &fh2));
	EXPECT(fh.n == fh2.n && memcmp(fh.data, fh2.data, fh.n) == 0);
	EXPECT_OK(
	    share_write(t, p->share, LANE, &fh, 5, " you", 4, false, &v2));
	EXPECT(v1 == v2);
	EXPECT_OK(share_commit(t, p->share, LANE, &fh, &v2));
	EXPECT(v1 == v2);
	EXPECT_OK(share_lookup(t, p->share, LANE, &dir, STR("a"), &fh2, &a));
	EXPECT(a.type == SHARE_REG && a.size == 9 && a.mode == 0600);
	EXPECT_OK(share_read(t, p->share, LANE, &fh, 6, back, 20, &n, &eof));
	EXPECT(n == 3 && eof && memcmp(back, "you", 3) == 0);
	EXPECT_OK(share_link(t, p->share, LANE, &fh, &dir, STR("b")));
	EXPECT_ERR(share_link(t, p->share, LANE, &fh, &dir, STR("b")),
	    ERR_EXIST);
	EXPECT_OK(share_getattr(t, p->share, LANE, &fh, &a));
	EXPECT(a.nlink == 2);
	EXPECT_OK(
	    share_rename(t, p->share, LANE, &dir, STR("b"), &dir, STR("c")));
	EXPECT_ERR(share_lookup(t, p->share, LANE, &dir, STR("b"), &fh2, NULL),
	    ERR_NOENT);
	EXPECT_OK(share_remove(t, p->share, LANE, &dir, STR("c")));
	EXPECT_OK(share_remove(t, p->share, LANE, &dir, STR("a")));
	EXPECT_ERR(share_remove(t, p->share, LANE, &dir, STR("a")), ERR_NOENT);
	EXPECT_ERR(share_getattr(t, p->share, LANE, &fh, &a), ERR_STALE);
	EXPECT_OK(
	    share_rmdir(t, p->share, LANE, share_root(p->share), STR("files")));
	EXPECT_OK(share_fsstat(t, p->share, LANE, &st));
	EXPECT(st.total_bytes > st.free_bytes && st.free_files > 0);
	printf("ok\n");
}

static may_yield void
cmd_names(struct task *t, struct probe *p)
{
	struct share_op op = { .proc = SHARE_LOOKUP };
	char text[SHARE_SYMLINK_MAX];
	struct share_dirent *d;
	struct share_fh dir, fh;
	struct share_attr a;
	struct str got;
	uint64_t conn;
	unsigned n = 0;

	EXPECT_OK(
	    share_mkdir_path(t, p->share, LANE, STR("names/below/it"), &dir));
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(' ' + i % 95);
	EXPECT_OK(share_symlink(t, p->share, LANE, &dir, STR("1"),
	    str_of(text, sizeof(text)), &fh, &conn));
	EXPECT(conn == share_conn(p->share, LANE));
	EXPECT_OK(share_readlink(t, p->share, LANE, &fh, &got));
	EXPECT(str_eq(got, str_of(text, sizeof(text))));
	EXPECT_ERR(share_symlink(t, p->share, LANE, &dir, STR("1"), STR("x"),
		       NULL, NULL),
	    ERR_EXIST);
	/* the directory's attributes come with success and with ENOENT */
	op.fh = dir;
	op.name = STR("2");
	share_start(t, p->share, &op);
	EXPECT_ERR(share_finish(t, &op), ERR_NOENT);
	EXPECT(op.dir_attr_ok);
	for (int i = 0; i < 3000; i++) {
		char name[40];

		snprintf(name, sizeof(name), "%032d-%d", i, i);
		EXPECT_OK(share_symlink(t, p->share, LANE, &dir, str_c(name),
		    STR("x"), NULL, NULL));
	}
	EXPECT_OK(share_readdirplus(t, p->share, LANE, &dir, 4000, &d, &a));
	for (; d != NULL; d = d->next, n++)
		EXPECT(d->fh != NULL && d->fileid != 0);
	EXPECT(n == 3001);
	EXPECT_ERR(share_readdir(t, p->share, LANE, &dir, 3000, &d, NULL),
	    ERR_LIMIT);
	EXPECT_OK(share_readdir(t, p->share, LANE, &dir, 3001, &d, NULL));
	for (n = 0; d != NULL; d = d->next, n++)
		EXPECT_OK(share_remove_quiet(t, p->share, LANE, &dir, d->name));
	EXPECT(n == 3001);
	printf("ok\n");
}

/* put BYTES: as one call and as a stream, and back. */
static may_yield void
cmd_put(struct task *t, struct probe *p)
{
	size_t n = strtoul(p->argv[0], NULL, 10);
	const struct share_fh *root = share_root(p->share);
	char *data = arena_alloc(task_arena(t), n + 1);
	struct share_stream *st;
	struct share_counts c;
	struct str back;
	uint64_t size, at = task_now_ms(t);

	task_random(t, data, n);
	EXPECT_OK(share_put(t, p->share, SHARE_LANE_BULK, root, STR("put"),
	    data, n, NULL));
	printf("put_ms %llu\n", (unsigned long long)(task_now_ms(t) - at));
	at = task_now_ms(t);
	EXPECT_OK(share_get(t, p->share, SHARE_LANE_BULK, root, STR("put"), n,
	    task_arena(t), &back));
	printf("get_ms %llu\n", (unsigned long long)(task_now_ms(t) - at));
	EXPECT(str_eq(back, str_of(data, n)));
	share_count_reset(p->share);
	EXPECT_OK(share_stream_open(t, p->share, SHARE_LANE_BULK, root,
	    STR("stream"), &st));
	for (size_t i = 0; i < n; i += 10000)
		EXPECT_OK(share_stream_add(t, st, data + i,
		    n - i < 10000 ? n - i : 10000));
	EXPECT_OK(share_stream_close(t, &st, NULL, &size));
	EXPECT(size == n);
	share_count_get(p->share, &c);
	printf("stream_calls %llu\n", (unsigned long long)c.total);
	EXPECT_OK(share_get(t, p->share, SHARE_LANE_BULK, root, STR("stream"),
	    n, task_arena(t), &back));
	EXPECT(str_eq(back, str_of(data, n)));
	EXPECT_OK(share_remove(t, p->share, LANE, root, STR("put")));
	EXPECT_OK(share_remove(t, p->share, LANE, root, STR("stream")));
	printf("ok\n");
}

/* window N: N calls at once on one lane, far more than its window. */
static may_yield void
cmd_window(struct task *t, struct probe *p)
{
	unsigned n = (unsigned)strtoul(p->argv[0], NULL, 10);
	struct share_op *ops =
	    arena_array(task_arena(t), n, sizeof(struct share_op));
	struct share_op *big =
	    arena_array(task_arena(t), 16, sizeof(struct share_op));
	char *bytes = arena_alloc(task_arena(t), SHARE_READ_MAX);
	char *into = arena_array(task_arena(t), 16, SHARE_READ_MAX);
	struct share_fh fh;

	EXPECT_OK(share_put(t, p->share, LANE, share_root(p->share),
	    STR("window"), bytes, SHARE_READ_MAX, &fh));
	for (unsigned i = 0; i < n; i++) {
		ops[i] = (struct share_op){ .proc = SHARE_GETATTR,
			.lane = LANE,
			.fh = fh };
		share_start(t, p->share, &ops[i]);
	}
	/* 16 MB of answers: four times the window */
	for (unsigned i = 0; i < 16; i++) {
		big[i] = (struct share_op){ .proc = SHARE_READ,
			.lane = LANE,
			.fh = fh,
			.into = into + i * SHARE_READ_MAX,
			.length = SHARE_READ_MAX };
		share_start(t, p->share, &big[i]);
	}
	for (unsigned i = 0; i < n; i++)
		EXPECT_OK(share_finish(t, &ops[i]));
	for (unsigned i = 0; i < 16; i++) {
		EXPECT_OK(share_finish(t, &big[i]));
		EXPECT(big[i].count_r == SHARE_READ_MAX);
	}
	EXPECT_OK(share_remove(t, p->share, LANE, share_root(p->share),
	    STR("window")));
	printf("ok\n");
}

/*
 * loop DIR SECONDS [ENOUGH]: numbered exclusive symlinks, as a journal makes
 * them, while the server is killed; for longer than that until ENOUGH are
 * acknowledged; 0 seconds: until standard input ends.  An unknown outcome is
 * settled by repeating with the same text.  Afterwards every acknowledged name
 * must be there with its text.
 */
#define ENOUGH_MS 120000

struct looper {
	unsigned acked, unknown, unavail, duplicates;
	uint64_t longest_ms;
};

static may_yield void
loop_once(struct task *t, struct probe *p, const struct share_fh *dir,
    struct looper *l)
{
	char name[20], text[40];
	uint64_t from = task_now_ms(t);
	struct err *e;

	snprintf(name, sizeof(name), "%016u", l->acked + 1);
	snprintf(text, sizeof(text), "entry %u", l->acked + 1);
	e = share_symlink(t, p->share, LANE, dir, str_c(name), str_c(text),
	    NULL, NULL);
	if (task_now_ms(t) - from > l->longest_ms)
		l->longest_ms = task_now_ms(t) - from;
	if (e == NULL || err_is(e, ERR_EXIST)) {
		l->acked++;
		l->duplicates += e != NULL;
		return;
	}
	if (err_is(e, ERR_UNAVAIL) || err_is(e, ERR_CONN))
		l->unavail++;
	else if (share_err_is_unknown(e))
		l->unknown++;
	else {
		say_err("failed", e);
		p->rc = 1;
	}
	task_sleep_ms(t, 20);
}

static bool
loop_goes_on(const struct probe *p, uint64_t now, uint64_t began,
    const struct looper *l)
{
	uint64_t ms = 1000 * strtoul(p->argv[1], NULL, 10);
	unsigned long enough =
	    p->argc > 2 ? strtoul(p->argv[2], NULL, 10) : 0;

	if (ms == 0 && !told_to_end())
		return true;
	return now < began + ms ||
	       (l->acked < enough && now < began + ms + ENOUGH_MS);
}

static may_yield void
cmd_loop(struct task *t, struct probe *p)
{
	uint64_t began = task_now_ms(t);
	struct looper l = { 0 };
	struct share_dirent *d;
	struct share_fh dir;
	uint64_t first = 0;
	unsigned n = 0, files = 0;

	EXPECT_OK(share_mkdir_path(t, p->share, LANE, str_c(p->argv[0]), &dir));
	first = share_conn(p->share, LANE);
	files = open_files();
	printf("started\n");
	fflush(stdout);
	while (p->rc == 0 && loop_goes_on(p, task_now_ms(t), began, &l)) {
		struct arena_mark m = arena_mark(task_arena(t));

		loop_once(t, p, &dir, &l);
		arena_rewind(task_arena(t), m);
		task_sleep_ms(t, 2); /* the image has so many inodes */
	}
	EXPECT_OK(share_readdir(t, p->share, LANE, &dir, 1000000, &d, NULL));
	for (; d != NULL; d = d->next)
		n++;
	/* The last one may have been made and never acknowledged. */
	EXPECT(n == l.acked || n == l.acked + 1);
	for (unsigned i = 1; i <= l.acked; i++) {
		struct arena_mark m = arena_mark(task_arena(t));
		char name[20], want[40];
		struct share_fh fh;
		struct str text;

		snprintf(name, sizeof(name), "%016u", i);
		snprintf(want, sizeof(want), "entry %u", i);
		EXPECT_OK(share_lookup(t, p->share, LANE, &dir, str_c(name),
		    &fh, NULL));
		EXPECT_OK(share_readlink(t, p->share, LANE, &fh, &text));
		EXPECT(str_eq_c(text, want));
		arena_rewind(task_arena(t), m);
	}
	printf("acked %u\nunknown %u\nunavail %u\nduplicates %u\n", l.acked,
	    l.unknown, l.unavail, l.duplicates);
	printf("longest_ms %llu\nconn_rose %llu\nfiles_left %d\n",
	    (unsigned long long)l.longest_ms,
	    (unsigned long long)(share_conn(p->share, LANE) - first),
	    (int)open_files() - (int)files);
}

/*
 * hang N: says started, then makes calls on all lanes, N tasks, until standard
 * input ends; says how long the calls of the outage took at most.
 */
struct hanger {
	struct probe *p;
	struct share_fh fh;
	unsigned tasks;
	uint64_t longest_ms;
	unsigned ok, failed[ERR_CODES];
	bool stop;
};

static may_yield_unchecked void
hang_task(struct task *t, void *arg)
{
	struct hanger *h = arg;
	enum share_lane lane = (enum share_lane)(h->tasks++ % SHARE_LANES);

	while (!h->stop) {
		struct arena_mark m = arena_mark(task_arena(t));
		uint64_t from = task_now_ms(t);
		struct share_attr a;
		struct err *e = share_getattr(t, h->p->share, lane, &h->fh, &a);

		if (task_now_ms(t) - from > h->longest_ms)
			h->longest_ms = task_now_ms(t) - from;
		if (e == NULL)
			h->ok++;
		else
			h->failed[e->code]++;
		arena_rewind(task_arena(t), m);
		task_sleep_ms(t, 10);
	}
	h->tasks--;
}

static may_yield void
cmd_hang(struct task *t, struct probe *p)
{
	unsigned n = (unsigned)strtoul(p->argv[0], NULL, 10);
	struct hanger *h = arena_new_obj(task_arena(t), struct hanger);

	h->p = p;
	EXPECT_OK(share_create(t, p->share, LANE, share_root(p->share),
	    STR("hang"), &h->fh));
	for (unsigned i = 0; i < n; i++)
		task_start(p->sched, "hang", hang_task, h);
	while (h->ok < n)
		task_sleep_ms(t, 10);
	printf("started\n");
	fflush(stdout);
	while (!told_to_end())
		task_sleep_ms(t, 10);
	h->stop = true;
	while (h->tasks > 0)
		task_sleep_ms(t, 10);
	for (unsigned i = 0; i < ERR_CODES; i++)
		if (h->failed[i] != 0)
			printf("%s %u\n", err_name((enum err_code)i),
			    h->failed[i]);
	printf("ok %u\nlongest_ms %llu\n", h->ok,
	    (unsigned long long)h->longest_ms);
}

/* pin: calls pinned to a connection do not travel on another. */
static may_yield void
cmd_pin(struct task *t, struct probe *p)
{
	struct share_op op = { .proc = SHARE_GETATTR, .lane = LANE };
	struct share_attr a;
	uint64_t conn;

	op.fh = *share_root(p->share);
	EXPECT(share_conn(p->share, LANE) == 0);
	EXPECT_OK(share_getattr(t, p->share, LANE, &op.fh, &a));
	conn = op.pin = share_conn(p->share, LANE);
	EXPECT(conn != 0);
	share_start(t, p->share, &op);
	EXPECT_OK(share_finish(t, &op));
	EXPECT(op.conn == conn);
	share_reconnect(p->share);
	task_sleep_ms(t, 50);
	EXPECT(share_conn(p->share, LANE) != conn);
	share_start(t, p->share, &op);
	EXPECT_ERR(share_finish(t, &op), ERR_CONN);
	EXPECT(op.conn == 0);
	EXPECT_OK(share_getattr(t, p->share, LANE, &op.fh, &a));
	EXPECT(share_conn(p->share, LANE) > conn);
	/* under way when the connection goes: unknown */
	op.pin = 0;
	share_start(t, p->share, &op);
	share_reconnect(p->share);
	{
		struct err *e = share_finish(t, &op);

		EXPECT(e == NULL || err_is(e, ERR_UNKNOWN));
	}
	/* closed with calls under way */
	share_start(t, p->share, &op);
	share_close(&p->share);
	EXPECT_ERR(share_finish(t, &op), ERR_UNKNOWN);
	printf("ok\n");
}

/* forced N yes|no: N exclusive symlinks in forced/, then a barrier or none. */
static may_yield void
cmd_forced(struct task *t, struct probe *p)
{
	unsigned n = (unsigned)strtoul(p->argv[0], NULL, 10);
	struct barrier *b = barrier_new(p->sched, p->share, BARRIER_WRITE);
	struct share_fh dir;
	uint64_t conn = 0;

	EXPECT_OK(share_mkdir_path(t, p->share, LANE, STR("forced"), &dir));
	for (unsigned i = 0; i < n; i++) {
		char name[20];

		snprintf(name, sizeof(name), "%016u", i);
		EXPECT_OK(share_symlink(t, p->share, LANE, &dir, str_c(name),
		    STR("entry"), NULL, &conn));
	}
	if (strcmp(p->argv[1], "yes") == 0)
		EXPECT_OK(barrier_wait(t, b, conn));
	barrier_free(&b);
	printf("ok\n");
}

/* stale: the server says ESTALE once; the UUID is looked at before going on. */
static may_yield void
cmd_stale(struct task *t, struct probe *p)
{
	struct share_counts c;
	struct share_attr a;
	struct store *st;

	EXPECT_OK(store_open_share(t, p->share, NULL, &st));
	p->share = NULL; /* taken over */
	task_sleep_ms(t, 1100);
	EXPECT_ERR(share_getattr(t, st->share, SHARE_LANE_ADMIN,
		       share_root(st->share), &a),
	    ERR_STALE);
	share_count_reset(st->share);
	EXPECT_OK(share_getattr(t, st->share, SHARE_LANE_ADMIN,
	    share_root(st->share), &a));
	share_count_get(st->share, &c);
	EXPECT(c.total == 1);
	store_close(&st);
}

/* v4: the URL's path is that of an NFSv4 mount; lists what is there. */
static may_yield void
cmd_v4(struct task *t, struct probe *p)
{
	struct share_dirent *d;
	struct share_url url;

	EXPECT_OK(share_url_parse(task_arena(t), p->url, &url));
	url.v4path = true;
	share_close(&p->share);
	p->share = share_nfs_open(p->loop, p->offload, &url);
	EXPECT_OK(share_readdir(t, p->share, LANE, share_root(p->share), 100,
	    &d, NULL));
	for (; d != NULL; d = d->next)
		printf("has " STR_FMT "\n", STR_ARG(d->name));
}

static const struct command {
	const char *name;
	int args_min;
	void (*run)(struct task *t, struct probe *p);
	bool counted;
} commands[] = { { "init", 0, cmd_init, false }, { "open", 0, cmd_open, false },
	{ "check", 0, cmd_check, false }, { "files", 0, cmd_files, true },
	{ "names", 0, cmd_names, false }, { "put", 1, cmd_put, true },
	{ "window", 1, cmd_window, false }, { "loop", 2, cmd_loop, false },
	{ "hang", 1, cmd_hang, false }, { "pin", 0, cmd_pin, false },
	{ "forced", 2, cmd_forced, false }, { "stale", 0, cmd_stale, true },
	{ "v4", 0, cmd_v4, false } };

static may_yield_unchecked void
probe_task(struct task *t, void *arg)
{
	struct probe *p = arg;
	const struct command *cmd = NULL;
	struct err *e;

	for (unsigned i = 0; i < countof(commands); i++)
		if (strcmp(commands[i].name, p->argv[0]) == 0)
			cmd = &commands[i];
	p->argv++;
	p->argc--;
	if (cmd == NULL || p->argc < cmd->args_min) {
		p->rc = 2;
		return;
	}
	e = store_open_backend(t, p->loop, p->offload, p->url, &p->share);
	if (e != NULL) {
		say_err("error", e);
		p->rc = 1;
		return;
	}
	if (cmd->counted)
		p->share = share_count_new(p->share);
	cmd->run(t, p);
	share_close(&p->share);
	printf("gap_ms %llu\n", (unsigned long long)p->gap_ms);
}

int
main(int argc, char **argv)
{
	struct probe p = { .url = argv[1], .argv = argv + 2, .argc = argc - 2 };

	if (argc < 3) {
		fprintf(stderr, "usage: share_probe URL COMMAND [ARG...]\n");
		return 2;
	}
	p.loop = loop_new(&clock_system, &rnd_system);
	p.sched = loop_sched(p.loop);
	p.offload = offload_new(p.loop, 2);
	beat(&p.beat, &p);
	loop_run_task(p.loop, "probe", probe_task, &p);
	timer_cancel(p.sched, &p.beat);
	loop_run(p.loop, true);
	offload_free(&p.offload);
	loop_free(&p.loop);
	return p.rc;
}
