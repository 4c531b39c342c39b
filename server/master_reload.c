/* master_reload.c - a changed configuration, without dropping anybody */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/channel.h"
#include "server/master_private.h"
#include "server/notify.h"

void
master_reopen_log(struct master *m)
{
	struct arena *a = arena_new(0);
	struct err *e;
	int fd;

	e = logfile_open(a, m->conf, &fd);
	if (e != NULL) {
		log_error(NULL, "log not reopened", LOG_ERR(e));
	} else if (fd >= 0) {
		logfile_use(&m->log, m->conf, fd);
		master_workers_tell(m, CHANNEL_LOG, NULL, 0, &fd, 1);
	}
	arena_free(&a);
}

/* Which of c's sockets the workers do not have; false: too many. */
static bool
master_reload_fresh(const struct master *m, const struct conf *c,
    struct master_socket *list, unsigned n, struct channel_socket *which,
    int *fds, unsigned *n_r)
{
	*n_r = 0;
	for (unsigned i = 0; i < c->listeners_n; i++)
		for (unsigned k = 0; k < c->listeners[i].addresses_n; k++) {
			const char *text = c->listeners[i].addresses[k].text;

			if (master_socket_find(m->sockets, m->sockets_n,
				text) != NULL)
				continue;
			if (*n_r == CHANNEL_FDS - 2)
				return false;
			which[*n_r].listener = (uint16_t)i;
			which[*n_r].address = (uint16_t)k;
			fds[(*n_r)++] = master_socket_find(list, n, text)->fd;
		}
	return true;
}

/* To all workers: the configuration, the log, the new sockets. */
static struct err *
master_reload_tell(struct arena *a, struct master *m, const struct conf *c,
    struct master_socket *list, unsigned n)
{
	struct channel_socket which[CHANNEL_FDS];
	int fds[CHANNEL_FDS];
	unsigned fresh;

	if (!master_reload_fresh(m, c, list, n, which, fds + 1, &fresh))
		return err_new(a, ERR_LIMIT,
		    "too many new listeners at once: restart", NULL);
	fds[0] = channel_file(conf_pack(a, c));
	if (fds[0] < 0)
		return err_new(a, ERR_SYSTEM, "no memory file", NULL);
	for (unsigned i = 0; i < m->workers_n; i++)
		m->workers[i].reloading = m->workers[i].pid > 0;
	master_workers_tell(m, CHANNEL_CONF, which, fresh * sizeof(*which), fds,
	    fresh + 1);
	close(fds[0]);
	return NULL;
}

/* Keys that stay as they were until a restart, by name. */
static void
master_reload_says_restart(const struct conf *old, const struct conf *new)
{
	const char *key = conf_needs_restart(old, new);

	if (key != NULL)
		log_warn(NULL, "reload does not change this: restart",
		    LOG_C("key", key));
}

static struct err *
master_reload_conf(struct arena *a, struct master *m)
{
	struct master_socket *list = NULL;
	struct conf *c = NULL;
	unsigned n = 0;
	int fd = -1;
	struct err *e = conf_load(a, m->file, &c);

	if (e == NULL)
		e = logfile_open(a, c, &fd);
	if (e == NULL)
		e = master_sockets_make(a, m, c, &list, &n);
	if (e != NULL) {
		if (fd >= 0)
			close(fd);
		conf_free(&c);
		return e;
	}
	master_reload_says_restart(m->conf, c);
	conf_keep_fixed(c, m->conf);
	logfile_use(&m->log, c, fd);
	e = master_reload_tell(a, m, c, list, n);
	if (fd >= 0)
		master_workers_tell(m, CHANNEL_LOG, NULL, 0, &fd, 1);
	if (e != NULL) {
		/* The next one tries again; workers go on as they are. */
		master_sockets_drop(list, n, m->sockets, m->sockets_n);
		conf_free(&c);
		return e;
	}
	master_sockets_install(m, list, n);
	conf_free(&m->conf);
	m->conf = c;
	return NULL;
}

void
master_reload_done(struct master *m)
{
	if (!m->reloading)
		return;
	for (unsigned i = 0; i < m->workers_n; i++)
		if (m->workers[i].reloading)
			return;
	m->reloading = false;
	log_info(NULL, "reloaded", LOG_C("file", m->file));
	notify("READY=1");
}

void
master_reload(struct master *m)
{
	struct arena *a = arena_new(0);
	struct err *e;

	notify_reloading();
	e = master_reload_conf(a, m);
	if (e != NULL) {
		log_error(NULL, "reload refused, all stays as it is",
		    LOG_ERR(e));
		notify("READY=1");
	} else {
		m->reloading = true;
		master_reload_done(m);
	}
	(void)master_files_changed(m);
	arena_free(&a);
}

static uint64_t
master_file_sum(uint64_t sum, const char *file)
{
	struct stat sb;
	uint64_t part[4] = { 0 };

	if (stat(file, &sb) == 0) {
		part[0] = (uint64_t)sb.st_ino;
		part[1] = (uint64_t)sb.st_size;
		part[2] = (uint64_t)sb.st_mtim.tv_sec;
		part[3] = (uint64_t)sb.st_mtim.tv_nsec;
	}
	return sum * 1099511628211ULL + str_hash(str_of(part, sizeof(part)));
}

bool
master_files_changed(struct master *m)
{
	uint64_t sum = 14695981039346656037ULL, before = m->files_sum;

	for (unsigned i = 0; i < m->conf->certificates_n; i++) {
		const struct conf_certificate *p = &m->conf->certificates[i];

		sum = master_file_sum(sum, p->certificate_file);
		sum = master_file_sum(sum, p->key_file);
	}
	m->files_sum = sum;
	return sum != before;
}
