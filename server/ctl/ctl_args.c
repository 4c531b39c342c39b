#include "server/ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ctl_option ctl_globals[] = {
	{ "config", CTL_STRING, "FILE",
	    "the node's configuration, also -c FILE: says share and local "
	    "(" CTL_CONF_FILE " if it is there and neither is given)" },
	{ "share", CTL_STRING, "URL",
	    "nfs://server/export?uid=N&gid=N, or a directory" },
	{ "local", CTL_STRING, "DIR", "the node's local directory" },
	{ "json", CTL_FLAG, NULL, "print JSON" },
	{ "timeout", CTL_NUMBER, "SECONDS",
	    "give up when the share does not answer that long (60)" },
	{ "help", CTL_FLAG, NULL, "print this" },
	{ "version", CTL_FLAG, NULL, "print the version" },
	{ "man", CTL_FLAG, NULL, "print the manual page (roff)" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

/* The last three of ctl_globals print something instead of running. */
enum { CTL_FIRST_SHOW = 5 };
enum ctl_show { CTL_SHOW_HELP, CTL_SHOW_VERSION, CTL_SHOW_MAN, CTL_SHOWS };

static void
ctl_usage_options(FILE *f, const struct ctl_option *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		char left[64];
		snprintf(left, sizeof left, "--%s%s%s", o->name,
		    o->value ? " " : "", o->value ? o->value : "");
		fprintf(f, "  %-24s %s\n", left, o->help);
	}
}

static void
ctl_usage_command(FILE *f, const struct ctl_command *cmd)
{
	fprintf(f, "usage: shoalctl [-c FILE | --local DIR] [--json] %s",
	    cmd->name);
	if (cmd->options != NULL)
		fprintf(f, " [options]");
	fprintf(f, "%s%s\n%s.\n", *cmd->args ? " " : "", cmd->args, cmd->help);
	ctl_usage_options(f, cmd->options);
}

static void
ctl_usage(FILE *f)
{
	fprintf(f, "usage: shoalctl [-c FILE | [--share URL] --local DIR] "
		   "[--json] [--timeout SECONDS] COMMAND ...\n\n");
	for (unsigned i = 0; ctl_commands[i] != NULL; i++) {
		char left[64];
		snprintf(left, sizeof left, "%s %s", ctl_commands[i]->name,
		    ctl_commands[i]->args);
		fprintf(f, "  %-36s %s\n", left, ctl_commands[i]->help);
	}
	fprintf(f, "\nOptions of all commands:\n");
	ctl_usage_options(f, ctl_globals);
}

bool
ctl_parse_size(const char *s, uint64_t *bytes_r)
{
	static const char units[] = "KMGT";
	struct str v = str_c(s);
	unsigned shift = 0;

	if (v.n > 1 && (v.p[v.n - 1] == 'B' || v.p[v.n - 1] == 'b'))
		v.n--;
	if (v.n > 1 && (v.p[v.n - 1] == 'i' || v.p[v.n - 1] == 'I'))
		v.n--;
	if (v.n > 1) {
		char up = (char)(v.p[v.n - 1] & ~0x20);
		const char *u = strchr(units, up);
		if (u != NULL && *u != '\0') {
			shift = 10 * (unsigned)(u - units + 1);
			v.n--;
		}
	}
	uint64_t n;
	if (!str_u64(v, &n) || n > (UINT64_MAX >> 1) >> shift)
		return false;
	*bytes_r = n << shift;
	return true;
}

static const struct ctl_option *
ctl_find_option(const struct ctl_option *o, struct str name)
{
	for (; o != NULL && o->name != NULL; o++)
		if (str_eq_c(name, o->name))
			return o;
	return NULL;
}

static bool
ctl_set(struct ctl_value *v, const struct ctl_option *o, const char *arg)
{
	v->given = true;
	v->s = arg;
	switch (o->kind) {
	case CTL_SIZE:
		return ctl_parse_size(arg, &v->n);
	case CTL_NUMBER:
		return str_u64(str_c(arg), &v->n);
	case CTL_LIST:
		if (v->n == CTL_LIST_MAX)
			return false;
		v->list[v->n++] = arg;
		break;
	case CTL_FLAG:
	case CTL_STRING:
	case CTL_FILE:
		break;
	}
	return true;
}

static int
ctl_bad(const char *fmt, const char *what)
{
	fprintf(stderr, "shoalctl: ");
	fprintf(stderr, fmt, what);
	fprintf(stderr, "; see shoalctl --help\n");
	return 2;
}

#define CTL_NAME_WORDS 3

/* The longest command name the words begin with; words_r: how many it took. */
static const struct ctl_command *
ctl_find_command(char **words, unsigned n, unsigned *words_r)
{
	for (unsigned take = n < CTL_NAME_WORDS ? n : CTL_NAME_WORDS; take > 0;
	     take--) {
		char name[128] = "";
		for (unsigned i = 0; i < take; i++) {
			size_t at = strlen(name);
			snprintf(name + at, sizeof name - at, "%s%s",
			    i > 0 ? " " : "", words[i]);
		}
		for (unsigned i = 0; ctl_commands[i] != NULL; i++)
			if (strcmp(ctl_commands[i]->name, name) == 0) {
				*words_r = take;
				return ctl_commands[i];
			}
	}
	return NULL;
}

/* Options may stand anywhere; "--" ends them. */
struct ctl_words {
	char **word;
	unsigned n;
	struct {
		struct str name;
		const char *value;
		const char *raw;
	} opt[64];
	unsigned opts;
};

static bool
ctl_is_flag(struct str name)
{
	const struct ctl_option *o = ctl_find_option(ctl_globals, name);

	for (unsigned i = 0; o == NULL && ctl_commands[i] != NULL; i++)
		o = ctl_find_option(ctl_commands[i]->options, name);
	return o == NULL || o->kind == CTL_FLAG;
}

static int
ctl_split(struct ctl_words *w, int argc, char **argv)
{
	bool ended = false;

	w->word = xcalloc((size_t)argc + 1, sizeof *w->word);
	for (int i = 1; i < argc; i++) {
		char *a = argv[i];
		if (!ended && strcmp(a, "-c") == 0)
			a = "--config";
		if (ended || strncmp(a, "--", 2) != 0) {
			w->word[w->n++] = a;
			continue;
		}
		if (a[2] == '\0') {
			ended = true;
			continue;
		}
		if (w->opts == countof(w->opt))
			return ctl_bad("too many options at %s", a);
		struct str name = str_c(a + 2);
		const char *value = NULL;
		ptrdiff_t eq = str_chr(name, '=');
		if (eq >= 0) {
			value = name.p + eq + 1;
			name.n = (size_t)eq;
		} else if (!ctl_is_flag(name)) {
			if (++i == argc)
				return ctl_bad("%s needs a value", a);
			value = argv[i];
		}
		w->opt[w->opts].name = name;
		w->opt[w->opts].raw = a;
		w->opt[w->opts++].value = value;
	}
	return 0;
}

static void
ctl_set_globals(struct ctl *c, const struct ctl_value *g)
{
	if (g[0].given)
		c->conf_file = g[0].s;
	if (g[1].given)
		c->share_url = g[1].s;
	if (g[2].given)
		c->local = g[2].s;
	c->json = g[3].given;
	c->timeout_ms =
	    g[4].given && g[4].n != 0 ? g[4].n * 1000 : CTL_TIMEOUT_MS;
}

static int
ctl_take_options(struct ctl *c, struct ctl_words *w, bool show_r[CTL_SHOWS])
{
	struct ctl_value g[countof(ctl_globals)] = { 0 };

	for (unsigned i = 0; i < w->opts; i++) {
		struct ctl_value *into = g;
		const struct ctl_option *all = ctl_globals;
		const struct ctl_option *o =
		    ctl_find_option(all, w->opt[i].name);
		if (o == NULL && c->cmd != NULL) {
			all = c->cmd->options;
			into = c->values;
			o = ctl_find_option(all, w->opt[i].name);
		}
		if (o == NULL)
			return ctl_bad("unknown option %s", w->opt[i].raw);
		if ((o->kind == CTL_FLAG) != (w->opt[i].value == NULL))
			return ctl_bad(o->kind == CTL_FLAG ? "%s takes no value"
							   : "%s needs a value",
			    w->opt[i].raw);
		if (!ctl_set(&into[o - all], o, w->opt[i].value))
			return ctl_bad("%s has a bad value", w->opt[i].raw);
	}
	for (unsigned i = 0; i < CTL_SHOWS; i++)
		show_r[i] = g[CTL_FIRST_SHOW + i].given;
	ctl_set_globals(c, g);
	return 0;
}

static bool
ctl_shown(struct ctl *c, const bool show[CTL_SHOWS])
{
	if (show[CTL_SHOW_HELP])
		c->cmd ? ctl_usage_command(stdout, c->cmd) : ctl_usage(stdout);
	else if (show[CTL_SHOW_VERSION])
		puts("shoalctl " PACKAGE_VERSION);
	else if (show[CTL_SHOW_MAN])
		ctl_man(stdout, ctl_globals);
	else
		return false;
	c->cmd = NULL;
	return true;
}

int
ctl_parse(struct ctl *c, int argc, char **argv)
{
	struct ctl_words w = { 0 };
	unsigned took = 0;
	bool show[CTL_SHOWS];
	int rc = ctl_split(&w, argc, argv);

	c->words = w.word;
	if (rc != 0)
		return rc;
	c->cmd = w.n > 0 ? ctl_find_command(w.word, w.n, &took) : NULL;
	c->argv = w.word + took;
	c->argc = w.n - took;
	rc = ctl_take_options(c, &w, show);
	if (rc != 0)
		return rc;
	if (ctl_shown(c, show))
		return 0;
	if (w.n == 0) {
		ctl_usage(stderr);
		return 2;
	}
	if (c->cmd == NULL)
		return ctl_bad("there is no command \"%s\"", w.word[0]);
	if (c->argc < c->cmd->min_args || c->argc > c->cmd->max_args) {
		ctl_usage_command(stderr, c->cmd);
		return 2;
	}
	return 0;
}

const struct ctl_value *
ctl_opt(const struct ctl *c, const char *name)
{
	const struct ctl_option *o =
	    ctl_find_option(c->cmd->options, str_c(name));

	if (o == NULL)
		panic("command %s has no option %s", c->cmd->name, name);
	return &c->values[o - c->cmd->options];
}

struct str
ctl_text(const struct ctl *c, const char *option)
{
	const struct ctl_value *v = ctl_opt(c, option);

	return v->given ? str_c(v->s) : STR("");
}

unsigned
ctl_limit(const struct ctl *c, unsigned def, unsigned max)
{
	const struct ctl_value *v = ctl_opt(c, "limit");

	if (!v->given)
		return def;
	return v->n < max ? (unsigned)v->n : max;
}
