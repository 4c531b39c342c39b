/* conf.c - the configuration: from items to what the server reads */
#include "server/conf_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define CONF_LOAD_ARENA_BYTES (64U << 20)

struct err *
conf_bad(struct arena *a, const char *file, unsigned line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line == 0)
		return err_newf(a, ERR_INVALID, "%s: %s", file, text);
	return err_newf(a, ERR_INVALID, "%s:%u: %s", file, line, text);
}

const struct conf_item *
conf_item_find(const struct conf_raw *raw, enum conf_section section,
    const char *title, const char *name)
{
	for (unsigned i = 0; i < raw->items_n; i++) {
		const struct conf_item *it = &raw->items[i];
		const struct conf_key *k;

		if (it->key >= conf_table_n)
			continue;
		k = &conf_table[it->key];
		if (k->section == section && strcmp(k->name, name) == 0 &&
		    (title == NULL ||
			(it->title != NULL && strcmp(it->title, title) == 0)))
			return it;
	}
	return NULL;
}

/* --- values --- */

static bool
conf_chars_are(struct str s, const char *more)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
			(s.p[i] >= 'A' && s.p[i] <= 'Z') ||
			(s.p[i] >= '0' && s.p[i] <= '9') ||
			(s.p[i] != '\0' && strchr(more, s.p[i]) != NULL)))
			return false;
	return s.n > 0;
}

static bool
conf_to_text(struct conf_to *c)
{
	const struct str v = *c->v;
	const struct conf_key *k = c->k;

	if (k->type == CONF_NODE_NAME || k->type == CONF_HOST_NAME) {
		c->why = "has letters, digits, hyphens and dots";
		if (!conf_chars_are(v, "-.") || v.p[0] == '.' || v.p[0] == '-')
			return false;
	} else if (k->type == CONF_PATH) {
		c->why = "is a path that begins with /";
		if (v.n == 0 || v.p[0] != '/')
			return false;
	} else if (k->type == CONF_SHARE) {
		c->why = "is nfs://SERVER/EXPORT or a path that begins with /";
		if (v.n == 0 ||
		    (v.p[0] != '/' && !str_starts(v, STR("nfs://"))))
			return false;
	} else if (k->type == CONF_LOG_TARGET) {
		c->why = "is stderr, journal, or a path that begins with /";
		if (!str_eq_c(v, "stderr") && !str_eq_c(v, "journal") &&
		    (v.n == 0 || v.p[0] != '/'))
			return false;
	}
	if (v.n < k->min || v.n > k->max) {
		c->why = v.n < k->min ? "must not be empty" : "is too long";
		return false;
	}
	*(const char **)c->into = arena_cstr(c->a, v);
	return true;
}

/* The other nodes are told to send there: no wildcard, and a port. */
static bool
conf_to_udp(struct conf_to *c)
{
	static const unsigned char any[16];
	struct net_listen l;
	struct net_addr ad;

	c->why = "is a numeric address with a port, such as 10.0.0.11:8446, "
		 "that the other nodes can send to";
	if (net_listen_parse(c->a, *c->v, &l) != NULL || l.unix_path != NULL)
		return false;
	net_addr_of_sockaddr((const struct sockaddr *)&l.sa, &ad);
	if (ad.port == 0 || memcmp(ad.ip, any, sizeof(any)) == 0)
		return false;
	*(const char **)c->into = arena_cstr(c->a, *c->v);
	return true;
}

static bool
conf_to_number(struct conf_to *c)
{
	const struct conf_key *k = c->k;
	uint64_t n;

	c->why = arena_printf(c->a, "is a number from %llu to %llu",
	    (unsigned long long)k->min, (unsigned long long)k->max);
	if (!str_u64(*c->v, &n) || n < k->min || n > k->max)
		return false;
	*(unsigned *)c->into = (unsigned)n;
	return true;
}

static bool
conf_to_seconds(struct conf_to *c)
{
	/* The state's settings have the same notation. */
	struct state_setting_desc d = { .name = "it",
		.type = STATE_SETTING_SECONDS,
		.min = c->k->min,
		.max = c->k->max };
	uint64_t n;

	c->why = arena_printf(c->a,
	    "is a duration such as 30s, 5m or 1h, at most %llus",
	    (unsigned long long)c->k->max);
	if (state_setting_parse(c->a, &d, *c->v, &n) != NULL)
		return false;
	*(uint32_t *)c->into = (uint32_t)n;
	return true;
}

static bool
conf_to_mode(struct conf_to *c)
{
	uint32_t mode = 0;

	c->why = "is an octal mode such as 0660";
	if (c->v->n == 0 || c->v->n > 4)
		return false;
	for (size_t i = 0; i < c->v->n; i++) {
		if (c->v->p[i] < '0' || c->v->p[i] > '7')
			return false;
		mode = mode * 8 + (uint32_t)(c->v->p[i] - '0');
	}
	if (mode > c->k->max)
		return false;
	*(uint32_t *)c->into = mode;
	return true;
}

static const char *
conf_choices(struct arena *a, const char *const *choices)
{
	const char *all = "is ";

	for (unsigned i = 0; choices[i] != NULL; i++)
		all = arena_printf(a, "%s%s%s", all,
		    i == 0		     ? ""
		    : choices[i + 1] == NULL ? " or "
					     : ", ",
		    choices[i]);
	return all;
}

static bool
conf_to_choice(struct conf_to *c)
{
	const char *const *choices = c->k->choices;

	c->why = conf_choices(c->a, choices);
	for (unsigned i = 0; choices[i] != NULL; i++) {
		if (!str_eq_c(*c->v, choices[i]))
			continue;
		if (c->k->type == CONF_WORD)
			*(const char **)c->into = choices[i];
		else
			*(unsigned *)c->into = i;
		return true;
	}
	return false;
}

/* "*:25" is both families. */
static bool
conf_to_addresses(struct conf_to *c)
{
	struct net_listen *l =
	    arena_array(c->a, (size_t)c->n * 2 + 1, sizeof(*l));
	unsigned n = 0;
	struct err *e;

	for (unsigned i = 0; i < c->n; i++) {
		const struct str v = c->v[i];
		struct str each[2] = { v, STR_NONE };

		if (v.n > 2 && v.p[0] == '*' && v.p[1] == ':') {
			each[0] = str_c(arena_printf(c->a, "0.0.0.0" STR_FMT,
			    STR_ARG(str_sub(v, 1, v.n))));
			each[1] = str_c(arena_printf(c->a, "[::]" STR_FMT,
			    STR_ARG(str_sub(v, 1, v.n))));
		}
		for (unsigned k = 0; k < 2 && each[k].n > 0; k++) {
			e = net_listen_parse(c->a, each[k], &l[n]);
			if (e != NULL) {
				c->why = arena_printf(c->a,
				    "names \"" STR_FMT "\": %s", STR_ARG(v),
				    e->text);
				return false;
			}
			n++;
		}
	}
	*(struct net_listen **)c->into = l;
	*(unsigned *)c->count_into = n;
	return true;
}

static bool
conf_to_networks(struct conf_to *c)
{
	struct net_network *l = arena_array(c->a, (size_t)c->n + 1, sizeof(*l));
	struct err *e;

	for (unsigned i = 0; i < c->n; i++) {
		e = net_network_parse(c->a, c->v[i], &l[i]);
		if (e == NULL)
			continue;
		c->why = arena_printf(c->a, "names \"" STR_FMT "\": %s",
		    STR_ARG(c->v[i]), e->text);
		return false;
	}
	*(struct net_network **)c->into = l;
	*(unsigned *)c->count_into = c->n;
	return true;
}

/* Only that they are paths: conf_build_files makes pairs. */
static bool
conf_to_files(struct conf_to *c)
{
	c->why = "is a path that begins with /";
	for (unsigned i = 0; i < c->n; i++)
		if (c->v[i].n == 0 || c->v[i].p[0] != '/')
			return false;
	return true;
}

static bool (*const conf_to_table[])(struct conf_to *c) = {
	[CONF_TEXT] = conf_to_text,
	[CONF_NODE_NAME] = conf_to_text,
	[CONF_HOST_NAME] = conf_to_text,
	[CONF_PATH] = conf_to_text,
	[CONF_SHARE] = conf_to_text,
	[CONF_LOG_TARGET] = conf_to_text,
	[CONF_UDP_ADDRESS] = conf_to_udp,
	[CONF_ANCHOR] = conf_to_anchor,
	[CONF_NUMBER] = conf_to_number,
	[CONF_SECONDS] = conf_to_seconds,
	[CONF_MODE] = conf_to_mode,
	[CONF_CHOICE] = conf_to_choice,
	[CONF_WORD] = conf_to_choice,
	[CONF_ADDRESSES] = conf_to_addresses,
	[CONF_NETWORKS] = conf_to_networks,
	[CONF_RESOLVERS] = conf_to_resolvers,
	[CONF_DOMAINS] = conf_to_domains,
	[CONF_FILES] = conf_to_files,
};

/* --- building --- */

static struct err *
conf_build_value(struct arena *a, const char *file, const struct conf_key *k,
    void *base, const struct str *values, unsigned n, unsigned line)
{
	struct conf_to to = { .a = a,
		.k = k,
		.v = values,
		.n = n,
		.into = (char *)base + k->offset,
		.count_into = (char *)base + k->count_offset };

	if (conf_type_is_list(k->type) ? n == 0 : n != 1)
		return NULL; /* {} is nothing */
	if (conf_to_table[k->type](&to))
		return NULL;
	return conf_bad(a, file, line, "%s %s", k->name, to.why);
}

static struct err *
conf_build_defaults(struct arena *a, const char *file,
    enum conf_section section, void *base)
{
	struct err *e = NULL;

	for (unsigned i = 0; i < conf_table_n && e == NULL; i++) {
		const struct conf_key *k = &conf_table[i];
		struct str def = str_c(k->def);

		if (k->def != NULL && k->section == section)
			e = conf_build_value(a, file, k, base, &def, 1, 0);
	}
	return e;
}

static struct err *
conf_build_setting(struct arena *a, struct conf *c, const struct conf_item *it)
{
	unsigned id = it->key - conf_table_n;
	struct err *e;

	if (it->values_n != 1)
		return NULL;
	e = state_setting_parse(a, &state_setting_table[id], it->values[0],
	    &c->setting_u64[id]);
	if (e != NULL)
		return conf_bad(a, c->file, it->line, "%s", e->text);
	c->setting_set[id] = true;
	c->setting_text[id] = it->values[0];
	return NULL;
}

static struct conf_listener *
conf_build_listener(struct conf *c, const char *title)
{
	for (unsigned i = 0; title != NULL && i < c->listeners_n; i++)
		if (strcmp(c->listeners[i].name, title) == 0)
			return &c->listeners[i];
	return NULL;
}

static struct err *
conf_build_items(struct arena *a, struct conf *c, const struct conf_raw *raw)
{
	struct err *e = NULL;

	for (unsigned i = 0; i < raw->items_n && e == NULL; i++) {
		const struct conf_item *it = &raw->items[i];
		const struct conf_key *k = &conf_table[it->key];
		void *base = c;

		if (it->key >= conf_table_n) {
			e = conf_build_setting(a, c, it);
			continue;
		}
		if (k->section == CONF_LISTEN)
			base = conf_build_listener(c, it->title);
		if (base == NULL)
			return conf_bad(a, raw->file, it->line,
			    "%s belongs to no section", k->name);
		e = conf_build_value(a, raw->file, k, base, it->values,
		    it->values_n, it->line);
	}
	return e;
}

static struct err *
conf_build_listeners(struct arena *a, struct conf *c,
    const struct conf_raw *raw)
{
	struct err *e = NULL;

	c->listeners_n = raw->titles_n;
	c->listeners =
	    arena_array(a, (size_t)raw->titles_n + 1, sizeof(*c->listeners));
	for (unsigned i = 0; i < raw->titles_n && e == NULL; i++) {
		c->listeners[i].name = raw->titles[i];
		e = conf_build_defaults(a, raw->file, CONF_LISTEN,
		    &c->listeners[i]);
	}
	return e;
}

/* The first certificate belongs to the first key, and so on. */
static struct err *
conf_build_files(struct arena *a, struct conf *c, const struct conf_raw *raw)
{
	const struct conf_item *cert =
	    conf_item_find(raw, CONF_TLS, NULL, "certificate");
	const struct conf_item *key =
	    conf_item_find(raw, CONF_TLS, NULL, "key");
	unsigned n = cert != NULL ? cert->values_n : 0;

	if (n != (key != NULL ? key->values_n : 0))
		return conf_bad(a, raw->file, cert ? cert->line : key->line,
		    "tls needs as many keys as certificates");
	c->certificates =
	    arena_array(a, (size_t)n + 1, sizeof(*c->certificates));
	c->certificates_n = n;
	for (unsigned i = 0; i < n; i++) {
		struct conf_certificate *p = &c->certificates[i];

		p->certificate_file = arena_cstr(a, cert->values[i]);
		p->key_file = arena_cstr(a, key->values[i]);
		if (2 * i + 1 < raw->files_n) {
			p->certificate = raw->files[2 * (size_t)i];
			p->key = raw->files[2 * (size_t)i + 1];
		}
	}
	return NULL;
}

static void
conf_build_names(struct arena *a, struct conf *c, const struct conf_raw *raw)
{
	struct str host = str_c(raw->hostname);
	ptrdiff_t dot = str_chr(host, '.');

	if (c->hostname == NULL)
		c->hostname = arena_cstr(a, host);
	if (c->node == NULL)
		c->node = arena_cstr(a,
		    str_sub(host, 0, dot > 0 ? (size_t)dot : host.n));
	if (c->workers == 0)
		c->workers = raw->cores;
}

struct err *
conf_build(struct arena *a, const struct conf_raw *raw, struct conf **c_r)
{
	struct conf *c = arena_new_obj(a, struct conf);
	struct err *e;

	c->file = raw->file;
	c->raw = raw;
	e = conf_build_listeners(a, c, raw);
	for (unsigned s = 0; s < CONF_SECTIONS && e == NULL; s++)
		if (s != CONF_LISTEN)
			e = conf_build_defaults(a, raw->file, s, c);
	if (e == NULL)
		e = conf_build_items(a, c, raw);
	if (e == NULL)
		e = conf_build_files(a, c, raw);
	if (e != NULL)
		return e;
	conf_build_names(a, c, raw);
	*c_r = c;
	return NULL;
}

/* --- loading --- */

struct err *
conf_read_fd(struct arena *a, int fd, const char *file, size_t max,
    struct str *text_r)
{
	/* Not in the arena, which lives as long as the configuration. */
	char *p = xcalloc(1, max + 1);
	struct err *e = NULL;
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, p + n, max + 1 - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		e = err_errno(a, errno, "cannot read %s", file);
	else if (n > max)
		e = err_newf(a, ERR_LIMIT, "%s is longer than %zu bytes", file,
		    max);
	else
		*text_r = arena_str(a, str_of(p, n));
	explicit_bzero(p, n);
	free(p);
	return e;
}

static struct err *
conf_load_text(struct arena *a, const char *file, struct str *text_r)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct err *e;

	if (fd < 0)
		return err_errno(a, errno, "cannot read %s", file);
	e = conf_read_fd(a, fd, file, CONF_FILE_MAX, text_r);
	close(fd);
	return e;
}

static void
conf_load_machine(struct arena *a, struct conf_raw *raw)
{
	char host[256] = "";
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		strcpy(host, "localhost");
	raw->hostname = arena_strdup(a, host);
	raw->cores = cores < 1 ? 1 : cores > 256 ? 256 : (unsigned)cores;
}

enum conf_how { CONF_LOAD_ALL, CONF_LOAD_PUBLIC, CONF_LOAD_DRAFT };

static struct err *
conf_load_in(struct arena *a, const char *file, enum conf_how how,
    struct conf **c_r)
{
	struct conf_raw *raw = arena_new_obj(a, struct conf_raw);
	struct str text = STR_NONE;
	struct err *e;

	e = conf_load_text(a, file, &text);
	if (how == CONF_LOAD_DRAFT && err_is(e, ERR_NOENT))
		e = NULL; /* nothing is written yet */
	if (e == NULL)
		e = conf_file_parse(a, arena_strdup(a, file), text, raw);
	if (e != NULL)
		return e;
	conf_load_machine(a, raw);
	if (how == CONF_LOAD_ALL)
		e = conf_read_files(a, raw);
	if (e == NULL)
		e = conf_build(a, raw, c_r);
	if (e == NULL)
		e = conf_check(a, *c_r, raw, how == CONF_LOAD_DRAFT);
	if (e == NULL && how != CONF_LOAD_PUBLIC)
		e = conf_check_users(a, *c_r, raw);
	if (e == NULL && how == CONF_LOAD_ALL)
		e = conf_check_pairs(a, *c_r, raw);
	if (e == NULL && how == CONF_LOAD_ALL)
		e = conf_check_dns(a, *c_r, raw);
	return e;
}

static struct err *
conf_load_any(struct arena *a, const char *file, enum conf_how how,
    struct conf **c_r)
{
	struct arena *own = arena_new(CONF_LOAD_ARENA_BYTES);
	struct err *e = conf_load_in(own, file, how, c_r);

	if (e != NULL) {
		e = err_new(a, e->code, e->text, e->detail ? "%s" : NULL,
		    e->detail);
		arena_free(&own);
		*c_r = NULL;
		return e;
	}
	(*c_r)->arena = own;
	return NULL;
}

struct err *
conf_load(struct arena *a, const char *file, struct conf **c_r)
{
	return conf_load_any(a, file, CONF_LOAD_ALL, c_r);
}

struct err *
conf_load_public(struct arena *a, const char *file, struct conf **c_r)
{
	return conf_load_any(a, file, CONF_LOAD_PUBLIC, c_r);
}

struct err *
conf_load_draft(struct arena *a, const char *file, struct conf **c_r)
{
	return conf_load_any(a, file, CONF_LOAD_DRAFT, c_r);
}

bool
conf_says(const struct conf *c, const char *key)
{
	return conf_item_find(c->raw, CONF_TOP, NULL, key) != NULL;
}

void
conf_free(struct conf **c)
{
	struct arena *a = *c != NULL ? (*c)->arena : NULL;

	for (unsigned i = 0; *c != NULL && i < (*c)->certificates_n; i++) {
		struct str key = (*c)->certificates[i].key;

		if (key.n > 0)
			explicit_bzero((void *)(uintptr_t)key.p, key.n);
	}
	*c = NULL;
	arena_free(&a); /* the conf lies in it */
}

/* The same values? */
static bool
conf_item_eq(const struct conf_item *x, const struct conf_item *y)
{
	if (x == NULL || y == NULL)
		return x == y;
	if (x->values_n != y->values_n)
		return false;
	for (unsigned i = 0; i < x->values_n; i++)
		if (!str_eq(x->values[i], y->values[i]))
			return false;
	return true;
}

const char *
conf_needs_restart(const struct conf *old, const struct conf *new)
{
	for (unsigned i = 0; i < conf_table_n; i++) {
		const struct conf_key *k = &conf_table[i];

		if (!k->reload &&
		    !conf_item_eq(conf_item_find(old->raw, k->section, NULL,
				      k->name),
			conf_item_find(new->raw, k->section, NULL, k->name)))
			return k->name;
	}
	return NULL;
}

static void
conf_item_copy(struct arena *a, struct conf_raw *raw,
    const struct conf_item *from)
{
	struct conf_item *to = &raw->items[raw->items_n++];

	*to = *from;
	to->values =
	    arena_array(a, (size_t)from->values_n + 1, sizeof(*to->values));
	for (unsigned i = 0; i < from->values_n; i++)
		to->values[i] = arena_str(a, from->values[i]);
}

static bool
conf_item_is_fixed(const struct conf_item *it)
{
	return it->key < conf_table_n && !conf_table[it->key].reload;
}

void
conf_keep_fixed(struct conf *c, const struct conf *old)
{
	struct arena *a = c->arena;
	struct conf_raw *raw = arena_memdup(a, c->raw, sizeof(*raw));
	struct conf *fixed;

	raw->items =
	    arena_array(a, (size_t)c->raw->items_n + old->raw->items_n + 1,
		sizeof(*raw->items));
	raw->items_n = 0;
	for (unsigned i = 0; i < c->raw->items_n; i++)
		if (!conf_item_is_fixed(&c->raw->items[i]))
			conf_item_copy(a, raw, &c->raw->items[i]);
	for (unsigned i = 0; i < old->raw->items_n; i++)
		if (conf_item_is_fixed(&old->raw->items[i]))
			conf_item_copy(a, raw, &old->raw->items[i]);
	raw->hostname = arena_strdup(a, old->raw->hostname);
	raw->cores = old->raw->cores;
	/* Both were good, and each key is a matter of its own. */
	if (conf_build(a, raw, &fixed) != NULL)
		panic("a configuration mixed of two good ones is bad");
	fixed->arena = a;
	*c = *fixed;
}
