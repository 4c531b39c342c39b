/* main.c - the program shoald */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/conf.h"
#include "server/main_private.h"
#include "server/master.h"

#define MAIN_FILE "/etc/shoal/shoal.conf"

enum main_do { MAIN_RUN, MAIN_CHECK, MAIN_EXAMPLE, MAIN_MAN, MAIN_JOIN };

struct main_args {
	const char *file, *code, *page;
	bool foreground;
	enum main_do what;
};

static int
main_usage(FILE *f)
{
	fputs("usage: shoald [-c FILE] [-f] [--check | --join CODE]\n"
	      "       shoald --example | --man | --version | --help\n\n"
	      "  -c, --config FILE  configuration (" MAIN_FILE ")\n"
	      "  -f, --foreground   do not become a daemon\n"
	      "      --check        only say whether FILE is right\n"
	      "      --join CODE    make this machine a node, with a code of "
	      "shoalctl node invite\n"
	      "      --example      print a commented configuration\n"
	      "      --man[=5|8]    print shoald(8) or shoal.conf(5), roff\n",
	    f);
	return f == stdout ? 0 : 2;
}

/* 0, or the exit status + 1 of a program that has said all. */
static int
main_args(int argc, char **argv, struct main_args *m)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "check", no_argument, NULL, 'k' },
		{ "join", required_argument, NULL, 'j' },
		{ "example", no_argument, NULL, 'e' },
		{ "man", optional_argument, NULL, 'm' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:fh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			m->file = optarg;
			break;
		case 'f':
			m->foreground = true;
			break;
		case 'k':
			m->what = MAIN_CHECK;
			break;
		case 'j':
			m->what = MAIN_JOIN;
			m->code = optarg;
			break;
		case 'e':
			m->what = MAIN_EXAMPLE;
			break;
		case 'm':
			m->what = MAIN_MAN;
			m->page = optarg;
			break;
		case 'V':
			puts("shoald " PACKAGE_VERSION);
			return 1;
		case 'h':
			return main_usage(stdout) + 1;
		default:
			return main_usage(stderr) + 1;
		}
	}
	return optind == argc ? 0 : main_usage(stderr) + 1;
}

int
main_err(const struct err *e)
{
	fprintf(stderr, "shoald: %s%s%s%s\n", e->text, e->detail ? " (" : "",
	    e->detail ? e->detail : "", e->detail ? ")" : "");
	return 1;
}

static int
main_run(const struct main_args *m)
{
	struct arena *a = arena_new(0);
	struct conf *c;
	struct err *e = conf_load(a, m->file, &c);
	int rc = 0;

	if (e != NULL)
		rc = main_err(e);
	arena_free(&a);
	if (rc != 0)
		return rc;
	if (m->what == MAIN_CHECK) {
		printf("%s is right\n", m->file);
		conf_free(&c);
		return 0;
	}
	if (!m->foreground && daemon(1, 1) != 0) {
		fprintf(stderr, "shoald: cannot become a daemon: %s\n",
		    strerror(errno));
		return 1;
	}
	return master_run(m->file, c);
}

int
main(int argc, char **argv)
{
	struct main_args m = { .file = MAIN_FILE };
	int rc = main_args(argc, argv, &m);

	if (rc != 0)
		return rc - 1;
	switch (m.what) {
	case MAIN_EXAMPLE:
		conf_print_example(stdout);
		return 0;
	case MAIN_MAN:
		if (m.page != NULL && strcmp(m.page, "5") == 0)
			conf_print_man(stdout);
		else
			main_man(stdout);
		return 0;
	case MAIN_JOIN:
		return main_join(m.file, m.code);
	case MAIN_RUN:
	case MAIN_CHECK:
		break;
	}
	return main_run(&m);
}
