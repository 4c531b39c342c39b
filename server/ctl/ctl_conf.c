/* ctl_conf.c - where the node's things are, and who it is */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/conf.h"
#include "server/ctl/ctl.h"
#include "server/privs.h"

/* Left for the share, the replica, the threads. */
#define CTL_SPARE_FILES 256

static struct err *
ctl_conf_load(struct arena *a, struct ctl *c)
{
	struct conf *conf;
	bool asked = c->conf_file != NULL;
	struct err *e;

	if (!asked && (c->local != NULL || c->share_url != NULL))
		return NULL;
	if (!asked && access(CTL_CONF_FILE, F_OK) != 0)
		return NULL; /* the command says what it lacks */
	e = conf_load_public(a, asked ? c->conf_file : CTL_CONF_FILE, &conf);
	if (e != NULL)
		return e;
	/* conf lives as long as the program. */
	c->conf = conf;
	if (c->local == NULL) {
		c->local = conf->local;
		e = privs_make_local(a, conf->local, conf->user, conf->group);
	}
	if (c->share_url == NULL)
		c->share_url = conf->share;
	return e;
}

static void
ctl_open_file(struct ctl *c, const char *path)
{
	struct ctl_file *f = &c->files[c->files_n];

	*f = (struct ctl_file){ path,
		open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) };
	if (f->fd < 0)
		f->fd = -errno;
	c->files_n++;
}

/* What cannot be opened is reported by who wants to read it. */
static void
ctl_open_files(struct ctl *c)
{
	const struct ctl_option *o = c->cmd->options;
	struct rlimit most;

	privs_raise_files();
	if (getrlimit(RLIMIT_NOFILE, &most) < 0)
		most.rlim_cur = 1024;
	c->files = xcalloc(c->argc + CTL_OPTIONS_MAX, sizeof *c->files);
	for (unsigned i = 0; o != NULL && o[i].name != NULL; i++)
		if (o[i].kind == CTL_FILE && c->values[i].given)
			ctl_open_file(c, c->values[i].s);
	for (unsigned i = 0; c->cmd->files && i < c->argc &&
			     c->files_n + CTL_SPARE_FILES < most.rlim_cur;
	     i++)
		ctl_open_file(c, c->argv[i]);
}

int
ctl_take_conf(struct ctl *c)
{
	struct arena *a = arena_new(0);
	struct err *e = ctl_conf_load(a, c);

	if (e == NULL && geteuid() == 0)
		ctl_open_files(c);
	/* Before anything is opened: no file of root's among the node's. */
	if (e == NULL && c->local != NULL && access(c->local, F_OK) == 0)
		e = privs_become_owner(a, c->local);
	if (e != NULL)
		fprintf(stderr, "shoalctl: %s%s%s%s\n", e->text,
		    e->detail ? " (" : "", e->detail ? e->detail : "",
		    e->detail ? ")" : "");
	int rc = e != NULL;
	arena_free(&a);
	return rc;
}
