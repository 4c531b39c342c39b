/* master_socket.c - listening sockets, kept over reloads */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/master_private.h"
#include "server/net/listener.h"
#include "server/privs.h"

struct master_socket *
master_socket_find(struct master_socket *list, unsigned n, const char *text)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(list[i].text, text) == 0)
			return &list[i];
	return NULL;
}

void
master_sockets_drop(struct master_socket *list, unsigned n,
    struct master_socket *but, unsigned but_n)
{
	for (unsigned i = 0; i < n; i++) {
		if (master_socket_find(but, but_n, list[i].text) == NULL)
			close(list[i].fd);
		free((char *)list[i].text);
	}
	free(list);
}

/* Group and mode of a Unix socket, of one that was kept too. */
static struct err *
master_socket_rights(struct arena *a, const struct conf *c,
    const struct conf_listener *l, unsigned address)
{
	const char *path = l->addresses[address].unix_path;
	struct err *e;
	uid_t uid;
	gid_t gid;

	if (path == NULL || geteuid() != 0)
		return NULL; /* listener_bind() did what can be done */
	e = privs_ids(a, c->user, l->group != NULL ? l->group : c->group, &uid,
	    &gid);
	if (e == NULL &&
	    (chown(path, (uid_t)-1, gid) != 0 || chmod(path, l->mode) != 0))
		e = err_errno(a, errno, "cannot set the rights of %s", path);
	return e;
}

struct err *
master_sockets_make(struct arena *a, const struct master *m,
    const struct conf *c, struct master_socket **list_r, unsigned *n_r)
{
	struct master_socket *list, *have;
	unsigned n = 0, max = 0;
	struct err *e = NULL;

	for (unsigned i = 0; i < c->listeners_n; i++)
		max += c->listeners[i].addresses_n;
	list = xcalloc((size_t)max + 1, sizeof(*list));
	for (unsigned i = 0; i < c->listeners_n && e == NULL; i++) {
		const struct conf_listener *l = &c->listeners[i];

		for (unsigned k = 0; k < l->addresses_n && e == NULL; k++) {
			const char *text = l->addresses[k].text;

			have =
			    master_socket_find(m->sockets, m->sockets_n, text);
			list[n].text = xstrdup(text);
			list[n].fd = have != NULL ? have->fd : -1;
			if (have == NULL)
				e = listener_bind(a, l, k, &list[n].fd);
			if (e == NULL)
				e = master_socket_rights(a, c, l, k);
			if (e == NULL)
				n++;
			else {
				free((char *)list[n].text);
				if (have == NULL && list[n].fd >= 0)
					close(list[n].fd);
			}
		}
	}
	if (e != NULL) {
		master_sockets_drop(list, n, m->sockets, m->sockets_n);
		return e;
	}
	*list_r = list;
	*n_r = n;
	return NULL;
}

void
master_sockets_install(struct master *m, struct master_socket *list, unsigned n)
{
	struct master_socket *old = m->sockets;
	unsigned old_n = m->sockets_n;

	m->sockets = list;
	m->sockets_n = n;
	master_sockets_drop(old, old_n, list, n);
}
