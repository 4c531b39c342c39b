/* conf_check.c - what concerns more than one key, or the machine */
#include "server/conf_private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/net/tls.h"

static const char *
conf_section_name(const struct conf_key *k)
{
	return conf_section_table[k->section].name;
}

static struct err *
conf_check_required(struct arena *a, const struct conf_raw *raw)
{
	for (unsigned i = 0; i < conf_table_n; i++) {
		const struct conf_key *k = &conf_table[i];

		if (!k->required)
			continue;
		for (unsigned t = 0;
		     k->section == CONF_LISTEN && t < raw->titles_n; t++) {
			const struct conf_item *it = conf_item_find(raw,
			    k->section, raw->titles[t], k->name);
			if (it == NULL || it->values_n == 0)
				return conf_bad(a, raw->file,
				    raw->title_lines[t],
				    "%s %s does not say its %s",
				    conf_section_name(k), raw->titles[t],
				    k->name);
		}
		if (k->section != CONF_LISTEN &&
		    conf_item_find(raw, k->section, NULL, k->name) == NULL)
			return conf_bad(a, raw->file, 0,
			    "there is no %s, which says what %s", k->name,
			    strcmp(k->name, "share") == 0
				? "directory all nodes share"
				: "this needs");
	}
	return NULL;
}

static unsigned
conf_listener_line(const struct conf_raw *raw, const char *title,
    const char *name)
{
	const struct conf_item *it =
	    conf_item_find(raw, CONF_LISTEN, title, name);

	return it != NULL ? it->line : 0;
}

/* Two listeners on one address: the second would not get it. */
static struct err *
conf_check_addresses(struct arena *a, const struct conf *c,
    const struct conf_raw *raw, unsigned n)
{
	const struct conf_listener *l = &c->listeners[n];

	for (unsigned i = 0; i < l->addresses_n; i++)
		for (unsigned o = 0; o <= n; o++)
			for (unsigned k = 0;
			     k < (o == n ? i : c->listeners[o].addresses_n);
			     k++)
				if (strcmp(c->listeners[o].addresses[k].text,
					l->addresses[i].text) == 0)
					return conf_bad(a, raw->file,
					    conf_listener_line(raw, l->name,
						"address"),
					    "%s has the address %s, and so "
					    "has %s",
					    l->name, l->addresses[i].text,
					    c->listeners[o].name);
	return NULL;
}

static struct err *
conf_check_title(struct arena *a, const struct conf_raw *raw, unsigned i)
{
	const char *s = raw->titles[i];
	size_t n = strlen(s);

	if (n >= 1 && n <= 32 &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		      "0123456789-_.") == n)
		return NULL;
	return conf_bad(a, raw->file, raw->title_lines[i],
	    "a listener's title has 1 to 32 letters, digits, hyphens, dots");
}

static unsigned
conf_line_of(const struct conf_raw *raw, const char *name)
{
	const struct conf_item *it = conf_item_find(raw, CONF_TOP, NULL, name);

	return it != NULL ? it->line : 0;
}

/* Addresses, not networks. */
static struct err *
conf_check_send_from(struct arena *a, const struct conf *c,
    const struct conf_raw *raw)
{
	for (unsigned i = 0; i < c->send_from_n; i++) {
		const struct net_network *n = &c->send_from[i];

		if ((n->addr.family == NET_IP4 && n->bits == 32) ||
		    (n->addr.family == NET_IP6 && n->bits == 128))
			continue;
		return conf_bad(a, raw->file, conf_line_of(raw, "send_from"),
		    "send_from is addresses of this node");
	}
	return NULL;
}

struct err *
conf_check(struct arena *a, const struct conf *c, const struct conf_raw *raw,
    bool draft)
{
	struct err *e = draft ? NULL : conf_check_required(a, raw);

	for (unsigned i = 0; i < c->listeners_n && e == NULL; i++) {
		e = conf_check_title(a, raw, i);
		if (e == NULL)
			e = conf_check_addresses(a, c, raw, i);
	}
	return e != NULL ? e : conf_check_send_from(a, c, raw);
}

struct err *
conf_check_users(struct arena *a, const struct conf *c,
    const struct conf_raw *raw)
{
	for (unsigned i = 0; i < c->listeners_n; i++) {
		const struct conf_listener *l = &c->listeners[i];

		if (l->group != NULL && getgrnam(l->group) == NULL)
			return conf_bad(a, raw->file,
			    conf_listener_line(raw, l->name, "group"),
			    "there is no group \"%s\"", l->group);
	}
	if (geteuid() != 0)
		return NULL;
	if (getpwnam(c->user) == NULL)
		return conf_bad(a, raw->file, conf_line_of(raw, "user"),
		    "there is no user \"%s\": adduser --system --group it",
		    c->user);
	if (c->group != NULL && getgrnam(c->group) == NULL)
		return conf_bad(a, raw->file, conf_line_of(raw, "group"),
		    "there is no group \"%s\"", c->group);
	return NULL;
}

/* --- certificates --- */

static struct err *
conf_read_pem(struct arena *a, const char *file, bool secret, struct str *s_r)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat sb;
	struct err *e;

	if (fd < 0)
		return err_errno(a, errno, "cannot read %s", file);
	if (fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
		close(fd);
		return err_newf(a, ERR_INVALID, "%s is not a file", file);
	}
	if (secret && (sb.st_mode & 027) != 0) {
		close(fd);
		return err_newf(a, ERR_INVALID,
		    "%s is a private key that %s: chmod 600 it", file,
		    sb.st_mode & 07 ? "everybody may use"
				    : "its group may change");
	}
	e = conf_read_fd(a, fd, file, CONF_PEM_MAX, s_r);
	close(fd);
	return e;
}

struct err *
conf_read_files(struct arena *a, struct conf_raw *raw)
{
	static const char *const names[2] = { "certificate", "key" };
	const struct conf_item *it[2];
	struct err *e;

	for (unsigned k = 0; k < 2; k++)
		it[k] = conf_item_find(raw, CONF_TLS, NULL, names[k]);
	if (it[0] == NULL || it[1] == NULL ||
	    it[0]->values_n != it[1]->values_n)
		return NULL; /* conf_build refuses it */
	raw->files_n = 2 * it[0]->values_n;
	raw->files =
	    arena_array(a, (size_t)raw->files_n + 1, sizeof(*raw->files));
	for (unsigned i = 0; i < raw->files_n; i++) {
		const struct conf_item *of = it[i % 2];

		e = conf_read_pem(a, arena_cstr(a, of->values[i / 2]),
		    i % 2 == 1, &raw->files[i]);
		if (e != NULL)
			return conf_bad(a, raw->file, of->line, "%s", e->text);
	}
	return NULL;
}

struct err *
conf_check_pairs(struct arena *a, const struct conf *c,
    const struct conf_raw *raw)
{
	const struct conf_item *it =
	    conf_item_find(raw, CONF_TLS, NULL, "certificate");

	for (unsigned i = 0; i < c->certificates_n; i++) {
		const struct conf_certificate *p = &c->certificates[i];
		struct err *e = tls_check_pair(a, p->certificate, p->key);

		if (e != NULL)
			return conf_bad(a, raw->file, it->line,
			    "%s with %s: %s", p->certificate_file, p->key_file,
			    e->text);
	}
	return NULL;
}
