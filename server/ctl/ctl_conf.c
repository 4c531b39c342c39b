/* ctl_conf.c - where the node's things are, and who it is */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "server/conf.h"
#include "server/ctl/ctl.h"
#include "server/privs.h"

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

static struct err *
ctl_open_files(struct arena *a, struct ctl *c)
{
	for (unsigned i = 0; c->cmd->files && i < c->argc; i++) {
		c->fds[i] = open(c->argv[i], O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (c->fds[i] < 0)
			return err_errno(a, errno, "cannot open %s",
			    c->argv[i]);
	}
	return NULL;
}

int
ctl_take_conf(struct ctl *c)
{
	struct arena *a = arena_new(0);
	struct err *e = ctl_conf_load(a, c);

	if (e == NULL)
		e = ctl_open_files(a, c);

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
