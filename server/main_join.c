/* main_join.c - shoald --join CODE */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/offload.h"
#include "server/conf.h"
#include "server/main_private.h"
#include "server/privs.h"
#include "storage/invite.h"
#include "storage/localdir.h"
#include "storage/share/store.h"

#define JOIN_TIMEOUT_MS 60000
#define JOIN_URL_FILE "share.url" /* shoalctl --local looks there */
#define JOIN_FILE_MAX (1U << 20)

/*
 * A child becomes the user of the configuration, uses the invite up and stores
 * the key; only then the configuration is written, as root.
 */
struct join {
	const struct conf *conf;
	struct invite invite;
	const char *url;
	struct loop *loop;
	struct offload *offload;
	int status;
};

static may_yield void
join_main(struct task *t, void *arg)
{
	struct join *j = arg;
	struct store *st = NULL;
	struct err *e;
	bool had = false;

	task_set_deadline(t, task_now_ms(t) + JOIN_TIMEOUT_MS);
	e = localdir_check(task_arena(t), j->conf->local, true);
	if (e == NULL)
		e = store_open(t, j->loop, j->offload, j->url, NULL, &st);
	if (e == NULL)
		e = invite_join(t, st, &j->invite, j->conf->local,
		    j->conf->node, &had);
	if (e == NULL)
		e = localdir_put(task_arena(t), j->conf->local, JOIN_URL_FILE,
		    j->url, strlen(j->url), false);
	if (st != NULL)
		store_close(&st);
	if (e != NULL)
		j->status = main_err(e);
	else if (had)
		printf("%s belongs to this cluster already; the code was not "
		       "used\n",
		    j->conf->local);
}

static int
join_as_user(struct join *j)
{
	struct arena *a = arena_new(0);
	struct err *e;

	e = privs_become_user(a, j->conf->user, j->conf->group);
	if (e != NULL)
		return main_err(e);
	log_set_level(LOG_WARN_);
	umask(077);
	j->loop = loop_new(&clock_system, &rnd_system);
	j->offload = offload_new(j->loop, 2);
	loop_run_task(j->loop, "join", join_main, j);
	fflush(stdout);
	return j->status;
}

static int
join_fork(struct join *j)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(join_as_user(j));
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "shoald: cannot start a process: %s\n",
		    strerror(errno));
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* --- the configuration --- */

static struct err *
join_old_text(struct arena *a, const char *file, struct buf *b, bool *had_r)
{
	char piece[4096];
	ssize_t n;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	*had_r = fd >= 0;
	if (fd < 0)
		return errno == ENOENT
			   ? NULL
			   : err_errno(a, errno, "cannot read %s", file);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(b, piece, (size_t)n);
	close(fd);
	if (b->n > 0 && b->p[b->n - 1] != '\n')
		buf_char(b, '\n');
	return NULL;
}

static struct str
join_listeners(struct arena *a)
{
	char *p = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&p, &n);
	struct str s;

	invariant(f != NULL);
	conf_print_listeners(f);
	fclose(f);
	s = arena_str(a, str_of(p, n));
	free(p);
	return s;
}

/* In libconfuse's double quotes. */
static void
join_quoted(struct buf *b, const char *key, const char *v)
{
	buf_fmt(b, "%s = \"", key);
	for (; *v != '\0'; v++) {
		if (*v == '"' || *v == '\\')
			buf_char(b, '\\');
		buf_char(b, *v);
	}
	buf_c(b, "\"\n");
}

/* The directory too, on a new machine. */
static struct err *
join_put(struct arena *a, const char *file, struct str text)
{
	char *dir = arena_strdup(a, file), *slash = strrchr(dir, '/');
	const char *name = slash != NULL ? file + (slash - dir) + 1 : file;
	struct stat sb;
	struct err *e;

	if (slash != NULL && slash != dir)
		*slash = '\0';
	if (slash != NULL && mkdir(dir, 0755) != 0 && errno != EEXIST)
		return err_errno(a, errno, "cannot make %s", dir);
	bool had = stat(file, &sb) == 0;
	e = localdir_put(a, slash != NULL ? dir : ".", name, text.p, text.n,
	    false);
	/* As it was; or for everybody to read: there is no secret in it. */
	if (e == NULL && ((had && chown(file, sb.st_uid, sb.st_gid) != 0) ||
			     chmod(file, had ? sb.st_mode & 07777 : 0644) != 0))
		e = err_errno(a, errno, "cannot set the mode of %s", file);
	return e;
}

static struct err *
join_write(struct arena *a, const char *file, const struct join *j)
{
	bool had, share = conf_says(j->conf, "share");
	bool node = conf_says(j->conf, "node");
	struct buf b;
	struct err *e;

	buf_init(&b, a, JOIN_FILE_MAX);
	e = join_old_text(a, file, &b, &had);
	if (e != NULL || (had && share && node))
		return e;
	buf_c(&b,
	    had ? "\n# added by shoald --join\n"
		: "# shoal.conf - made by shoald --join; see shoal.conf(5) and "
		  "shoald --example\n");
	if (!node)
		join_quoted(&b, "node", j->conf->node);
	if (!share)
		join_quoted(&b, "share", j->url);
	if (!had) {
		join_quoted(&b, "local", j->conf->local);
		join_quoted(&b, "user", j->conf->user);
		buf_char(&b, '\n');
		buf_str_add(&b, join_listeners(a));
	}
	if (!buf_ok(&b))
		return err_newf(a, ERR_LIMIT, "%s is too long", file);
	return join_put(a, file, buf_str(&b));
}

int
main_join(const char *file, const char *code)
{
	struct arena *a = arena_new(0);
	struct join j = { .status = 0 };
	struct conf *c = NULL;
	struct err *e = invite_parse(a, str_c(code), &j.invite);
	int rc;

	if (e == NULL)
		e = conf_load_draft(a, file, &c);
	if (e == NULL)
		e = privs_make_local(a, c->local, c->user, c->group);
	if (e != NULL)
		return main_err(e);
	j.conf = c;
	/* Only the address may differ: a mounted path, another name. */
	j.url = c->share != NULL ? c->share : j.invite.url;
	rc = join_fork(&j);
	if (rc != 0)
		return rc;
	e = join_write(a, file, &j);
	if (e != NULL)
		return main_err(e);
	printf("%s belongs to the cluster now: start it with shoald -c %s\n",
	    c->node, file);
	conf_free(&c);
	arena_free(&a);
	return 0;
}
