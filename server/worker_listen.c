/* worker_listen.c - the worker's listeners, and reloads */
#include <stdlib.h>
#include <unistd.h>

#include <fcntl.h>

#include "base/log.h"
#include "server/channel.h"
#include "server/net/listener.h"
#include "server/net/tls.h"
#include "server/worker_private.h"

/* Those that tell how the node is work without a share. */
static bool
worker_listen_always(const struct conf_listener *l)
{
	return strcmp(l->protocol, "health") == 0 ||
	       strcmp(l->protocol, "agent") == 0;
}

static const struct conf_listener *
worker_listen_conf(const struct conf *conf, const char *text)
{
	for (unsigned i = 0; i < conf->listeners_n; i++)
		for (unsigned k = 0; k < conf->listeners[i].addresses_n; k++)
			if (strcmp(conf->listeners[i].addresses[k].text,
				text) == 0)
				return &conf->listeners[i];
	return NULL;
}

static bool
worker_listen_wanted(const struct core *c, const struct conf_listener *l)
{
	return worker_listen_always(l) || c->phase == WORKER_SERVING;
}

void
worker_listen_update(struct core *c)
{
	for (unsigned i = 0; i < c->listeners_n; i++) {
		struct worker_listener *wl = &c->listeners[i];
		const struct conf_listener *l =
		    worker_listen_conf(c->w.conf, wl->text);
		const struct protocol *p =
		    l != NULL ? protocol_find(l->protocol) : NULL;
		int fd;

		if (wl->l != NULL || p == NULL || !worker_listen_wanted(c, l))
			continue;
		fd = fcntl(wl->fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			continue;
		wl->l = listener_new(&c->w, l, p, fd);
	}
}

void
worker_listen_begin(struct core *c, const struct worker_socket *s, unsigned n)
{
	c->listeners = xcalloc((size_t)n + 1, sizeof(*c->listeners));
	c->listeners_n = n;
	for (unsigned i = 0; i < n; i++) {
		c->listeners[i].text = xstrdup(s[i].text);
		c->listeners[i].fd = s[i].fd;
	}
	worker_listen_update(c);
}

void
worker_listen_stop(struct core *c)
{
	for (unsigned i = 0; i < c->listeners_n; i++) {
		struct worker_listener *wl = &c->listeners[i];
		const struct conf_listener *l =
		    worker_listen_conf(c->w.conf, wl->text);

		/* Balancers shall hear to the last that this node drains. */
		if (l != NULL && worker_listen_always(l))
			continue;
		listener_free(&wl->l);
		if (wl->fd >= 0)
			close(wl->fd);
		wl->fd = -1;
	}
}

/* --- reload --- */

static int
worker_reload_find(const struct core *c, const char *text)
{
	for (unsigned i = 0; i < c->listeners_n; i++)
		if (strcmp(c->listeners[i].text, text) == 0)
			return c->listeners[i].fd;
	return -1;
}

/* The sockets of the new configuration: those we have, and those that came. */
static void
worker_reload_sockets(struct core *c, const struct conf *new,
    const struct channel_socket *which, const int *fds, unsigned fds_n)
{
	struct worker_listener *list, *old = c->listeners;
	unsigned n = 0, max = 0, old_n = c->listeners_n;

	for (unsigned i = 0; i < new->listeners_n; i++)
		max += new->listeners[i].addresses_n;
	list = xcalloc((size_t)max + 1, sizeof(*list));
	for (unsigned i = 0; i < new->listeners_n; i++)
		for (unsigned k = 0; k < new->listeners[i].addresses_n; k++) {
			const char *text = new->listeners[i].addresses[k].text;
			int fd = worker_reload_find(c, text);

			for (unsigned f = 0; f < fds_n; f++)
				if (which[f].listener == i &&
				    which[f].address == k)
					fd = fds[f];
			if (fd < 0)
				continue;
			list[n].text = xstrdup(text);
			list[n++].fd = fd;
		}
	/* All listeners are made anew: networks and names may have changed.
	 * The sockets, with what waits in them, stay. */
	for (unsigned i = 0; i < old_n; i++)
		listener_free(&old[i].l);
	c->listeners = list;
	c->listeners_n = n;
	for (unsigned i = 0; i < old_n; i++) {
		if (worker_reload_find(c, old[i].text) < 0)
			close(old[i].fd);
		free((char *)old[i].text);
	}
	free(old);
}

/* Tasks that are under way may still look at the old one for a moment; its
 * memory, keys included, is not kept for ever. */
static void
worker_reload_keep(struct core *c, struct conf *old)
{
	conf_free(&c->confs[WORKER_CONFS_KEPT - 1]);
	memmove(c->confs + 1, c->confs,
	    (WORKER_CONFS_KEPT - 1) * sizeof(*c->confs));
	c->confs[0] = old;
}

void
worker_reload(struct core *c, struct str packed, const void *which,
    size_t which_n, const int *fds, unsigned fds_n)
{
	struct channel_socket sockets[CHANNEL_FDS];
	struct arena *a = arena_new(0);
	struct conf *new, *old = (struct conf *)(uintptr_t)c->w.conf;
	struct err *e = conf_unpack(a, packed, &new);

	if (e == NULL && which_n != fds_n * sizeof(*sockets))
		e = err_new(a, ERR_CORRUPT, "the sockets are not those named",
		    NULL);
	if (e != NULL) {
		log_error(NULL, "reload failed", LOG_ERR(e));
		for (unsigned i = 0; i < fds_n; i++)
			close(fds[i]);
		arena_free(&a);
		return;
	}
	if (which_n > 0)
		memcpy(sockets, which, which_n);
	c->w.conf = new;
	worker_set_hostname(c);
	worker_reload_sockets(c, new, sockets, fds, fds_n);
	logfile_use(&c->log, new, new->log.target[0] == '/' ? c->log.fd : -1);
	worker_settings_load(c);
	worker_listen_update(c);
	worker_reload_keep(c, old);
	if (c->w.state != NULL) {
		e = tls_load(a, c->w.tls);
		if (e != NULL)
			log_error(NULL, "certificates not loaded", LOG_ERR(e));
	}
	arena_free(&a);
}
