/* conf_file.c - a file read into keys and values: the door to libconfuse */
#include "server/conf_private.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Every key is a string or a list of strings to libconfuse, without a default;
 * what they mean is conf_table.c's business.  Of its own accord it would take
 * the last of repeated keys and expand ${...} from the environment.
 */
#define CONF_ERR_BYTES 512

/* libconfuse's callbacks have no argument, and its scanner is one for the whole
 * process anyway: one file at a time. */
static struct conf_parse {
	struct arena *a;
	const char *file;
	struct err *err; /* the first */
	struct conf_seen {
		cfg_opt_t *opt;
		unsigned line;
		struct conf_seen *next;
	} * seen;
} conf_parse;

static const char *
conf_file_where(const cfg_t *cfg)
{
	static const char *const none = "";

	if (cfg->title != NULL)
		return arena_printf(conf_parse.a, " in %s %s", cfg->name,
		    cfg->title);
	if (cfg->name != NULL && strcmp(cfg->name, "root") != 0)
		return arena_printf(conf_parse.a, " in %s", cfg->name);
	return none;
}

static void
conf_file_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[CONF_ERR_BYTES];

	if (conf_parse.err != NULL)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (strncmp(fmt, "no such option", strlen("no such option")) == 0)
		conf_parse.err = conf_bad(conf_parse.a, conf_parse.file,
		    (unsigned)cfg->line, "unknown key %s%s",
		    strchr(text, '\'') != NULL ? strchr(text, '\'') : "",
		    conf_file_where(cfg));
	else if (strncmp(fmt, "found duplicate title",
		     strlen("found duplicate title")) == 0)
		conf_parse.err =
		    conf_bad(conf_parse.a, conf_parse.file, (unsigned)cfg->line,
			"there are two sections with the title %s",
			strchr(text, '\'') != NULL ? strchr(text, '\'') : "");
	else
		conf_parse.err = conf_bad(conf_parse.a, conf_parse.file,
		    (unsigned)cfg->line, "%s%s", text, conf_file_where(cfg));
}

static struct conf_seen *
conf_file_seen(const cfg_opt_t *opt)
{
	struct conf_seen *s;

	for (s = conf_parse.seen; s != NULL; s = s->next)
		if (s->opt == opt)
			return s;
	return NULL;
}

static int
conf_file_note(cfg_t *cfg, cfg_opt_t *opt)
{
	struct conf_seen *s = conf_file_seen(opt);

	if (s != NULL) {
		if (conf_parse.err == NULL)
			conf_parse.err = conf_bad(conf_parse.a, conf_parse.file,
			    (unsigned)cfg->line,
			    "%s is given twice%s, first in line %u", opt->name,
			    conf_file_where(cfg), s->line);
		return 1;
	}
	s = arena_new_obj(conf_parse.a, struct conf_seen);
	s->opt = opt;
	s->line = (unsigned)cfg->line;
	s->next = conf_parse.seen;
	conf_parse.seen = s;
	return 0;
}

/* At the end of a section. */
static int
conf_file_section(cfg_t *cfg, cfg_opt_t *opt)
{
	return (opt->flags & CFGF_MULTI) != 0 ? 0 : conf_file_note(cfg, opt);
}

/* For each value; a list grows, a new assignment begins again at one. */
static int
conf_file_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	*(const char **)result = value;
	return cfg_opt_size(opt) > 1 ? 0 : conf_file_note(cfg, opt);
}

static cfg_opt_t
conf_file_opt(const char *name, bool list)
{
	cfg_opt_t opt = CFG_STR(name, NULL, CFGF_NODEFAULT);

	if (list)
		opt.flags |= CFGF_LIST;
	opt.parsecb = conf_file_value;
	return opt;
}

static cfg_opt_t *
conf_file_opts_of(enum conf_section section)
{
	/* A key each, a section each, and the end. */
	cfg_opt_t *opts = arena_array(conf_parse.a,
	    conf_table_n + STATE_SETTINGS + CONF_SECTIONS + 1, sizeof(*opts));
	unsigned i, n = 0;

	for (i = 0; i < conf_table_n; i++)
		if (conf_table[i].section == section)
			opts[n++] = conf_file_opt(conf_table[i].name,
			    conf_type_is_list(conf_table[i].type));
	if (section == CONF_SETTINGS)
		for (i = 0; i < STATE_SETTINGS; i++)
			opts[n++] =
			    conf_file_opt(state_setting_table[i].name, false);
	for (i = CONF_TOP + 1; section == CONF_TOP && i < CONF_SECTIONS; i++) {
		cfg_opt_t sec = CFG_SEC((char *)conf_section_table[i].name,
		    conf_file_opts_of(i), CFGF_NODEFAULT);
		if (conf_section_table[i].titled)
			sec.flags |=
			    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
		sec.validcb = conf_file_section;
		opts[n++] = sec;
	}
	opts[n] = (cfg_opt_t)CFG_END();
	return opts;
}

/* --- a look at the text before libconfuse reads it --- */

struct conf_look {
	unsigned line, open_line; /* now; of the outermost open brace */
	unsigned depth;
	char in; /* 0, a quote, '#': to the line's end, '*': to its end */
	char before;
};

/* A comment begins where a word could: "nfs://host" and "a#b" are words. */
static bool
conf_look_at_start(const struct conf_look *l)
{
	return l->before == 0 || strchr(" \t\n\r={}(),+\"'", l->before) != NULL;
}

static void
conf_look_outside(struct conf_look *l, char c, char next)
{
	if (c == '"' || c == '\'')
		l->in = c;
	else if (c == '#' && conf_look_at_start(l))
		l->in = '#';
	else if (c == '/' && (next == '/' || next == '*') &&
		 conf_look_at_start(l))
		l->in = next == '/' ? '#' : '*';
	else if (c == '{' && l->depth++ == 0)
		l->open_line = l->line;
	else if (c == '}' && l->depth > 0)
		l->depth--;
}

/* How many more characters belong to this one. */
static size_t
conf_look_inside(struct conf_look *l, char c, char next)
{
	bool quote = l->in == '"' || l->in == '\'';

	if (quote && c == '\\' && next != '\0') {
		l->line += next == '\n';
		return 1;
	}
	if ((quote && c == l->in) || (l->in == '#' && c == '\n')) {
		l->in = 0;
	} else if (l->in == '*' && c == '*' && next == '/') {
		l->in = 0;
		return 1;
	}
	return 0;
}

/*
 * What libconfuse would let pass: it puts the environment in the place of
 * ${...} outside single quotes (a configuration that depends on who starts the
 * server is none), and takes the end of the file for the end of a section.
 */
static struct err *
conf_file_look(struct arena *a, const char *file, struct str text)
{
	struct conf_look l = { .line = 1 };

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		char next = i + 1 < text.n ? text.p[i + 1] : 0;

		if (c == '\0')
			return conf_bad(a, file, l.line,
			    "there is a NUL byte: this is not a text file");
		if (c == '$' && next == '{' && (l.in == 0 || l.in == '"'))
			return conf_bad(a, file, l.line,
			    "${...} is not expanded here, write what is meant "
			    "(or put it in single quotes)");
		l.line += c == '\n';
		if (l.in == 0)
			conf_look_outside(&l, c, next);
		else
			i += conf_look_inside(&l, c, next);
		l.before = c;
	}
	if (l.in == '"' || l.in == '\'')
		return conf_bad(a, file, l.line, "a quote is not closed");
	if (l.depth > 0)
		return conf_bad(a, file, l.open_line,
		    "the { of this line is not closed");
	return NULL;
}

static void
conf_file_add(struct conf_raw *raw, unsigned key, const char *title,
    cfg_opt_t *opt)
{
	struct conf_seen *s = conf_file_seen(opt);
	struct conf_item *it = &raw->items[raw->items_n];
	unsigned i, n = cfg_opt_size(opt);

	if (s == NULL)
		return;
	it->key = key;
	it->title = title;
	it->line = s->line;
	it->values = arena_array(conf_parse.a, n + 1, sizeof(*it->values));
	for (i = 0; i < n; i++) {
		const char *v = cfg_opt_getnstr(opt, i);
		it->values[i] =
		    str_c(arena_strdup(conf_parse.a, v != NULL ? v : ""));
	}
	it->values_n = n;
	raw->items_n++;
}

static void
conf_file_take_section(struct conf_raw *raw, enum conf_section section,
    const char *title, cfg_t *cfg)
{
	unsigned i;

	for (i = 0; i < conf_table_n; i++)
		if (conf_table[i].section == section)
			conf_file_add(raw, i, title,
			    cfg_getopt(cfg, conf_table[i].name));
	if (section == CONF_SETTINGS)
		for (i = 0; i < STATE_SETTINGS; i++)
			conf_file_add(raw, conf_table_n + i, NULL,
			    cfg_getopt(cfg, state_setting_table[i].name));
}

static void
conf_file_take(struct conf_raw *raw, cfg_t *cfg)
{
	unsigned i, k, n;

	raw->titles_n = cfg_size(cfg, conf_section_table[CONF_LISTEN].name);
	raw->titles =
	    arena_array(conf_parse.a, raw->titles_n + 1, sizeof(*raw->titles));
	raw->title_lines = arena_array(conf_parse.a, raw->titles_n + 1,
	    sizeof(*raw->title_lines));
	raw->items = arena_array(conf_parse.a,
	    (size_t)conf_table_n * (raw->titles_n + 1) + STATE_SETTINGS,
	    sizeof(*raw->items));
	conf_file_take_section(raw, CONF_TOP, NULL, cfg);
	for (i = CONF_TOP + 1; i < CONF_SECTIONS; i++) {
		const struct conf_section_desc *d = &conf_section_table[i];

		n = cfg_size(cfg, d->name);
		for (k = 0; k < n; k++) {
			cfg_t *sec = cfg_getnsec(cfg, d->name, k);
			const char *title = NULL;

			if (d->titled) {
				title =
				    arena_strdup(conf_parse.a, cfg_title(sec));
				raw->titles[k] = title;
				/* where it ends: good enough to find it */
				raw->title_lines[k] = (unsigned)sec->line;
			}
			conf_file_take_section(raw, i, title, sec);
		}
	}
}

struct err *
conf_file_parse(struct arena *a, const char *file, struct str text,
    struct conf_raw *raw_r)
{
	struct err *e = conf_file_look(a, file, text);
	cfg_t *cfg;
	int rc;

	memset(raw_r, 0, sizeof(*raw_r));
	raw_r->file = file;
	if (e != NULL)
		return e;
	conf_parse = (struct conf_parse){ .a = a, .file = file };
	cfg = cfg_init(conf_file_opts_of(CONF_TOP), CFGF_NONE);
	if (cfg == NULL)
		return err_new(a, ERR_SYSTEM, "libconfuse does not start",
		    NULL);
	cfg_set_error_function(cfg, conf_file_error);
	rc = cfg_parse_buf(cfg, arena_cstr(a, text));
	if (rc == CFG_SUCCESS && conf_parse.err == NULL)
		conf_file_take(raw_r, cfg);
	else if (conf_parse.err == NULL)
		conf_parse.err = conf_bad(a, file, (unsigned)cfg->line,
		    "this cannot be understood");
	cfg_free(cfg);
	e = conf_parse.err;
	conf_parse = (struct conf_parse){ 0 };
	return e;
}
