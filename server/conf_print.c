/* conf_print.c - the example file and the manual page, made from the table */
#include "server/conf_private.h"
#include "server/roff.h"

#define CONF_WIDTH 76

/* --- the example --- */

/* Text as comment lines, filled. */
static void
conf_comment(FILE *f, const char *indent, const char *text)
{
	size_t col = 0, width = CONF_WIDTH - strlen(indent) - 2;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (col > 0 && col + 1 + n > width) {
			fputc('\n', f);
			col = 0;
		}
		if (col == 0)
			fprintf(f, "%s#", indent);
		fprintf(f, " %.*s", (int)n, text);
		col += n + 1;
		text += n;
		text += strspn(text, " ");
	}
	fputc('\n', f);
}

static bool
conf_is_bare(const char *s)
{
	return s[0] == '{' ||
	       (s[0] != '\0' &&
		   strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") ==
		       strlen(s));
}

static void
conf_print_key(FILE *f, const char *indent, const struct conf_key *k)
{
	const char *q = conf_is_bare(k->example) ? "" : "\"";

	conf_comment(f, indent, k->help);
	fprintf(f, "%s%s%s = %s%s%s\n", indent, k->required ? "" : "#", k->name,
	    q, k->example, q);
}

/* What most nodes listen with. */
static const struct {
	const char *title, *protocol, *address, *why;
} conf_example_listeners[] = {
	{ "mx", "smtp", "\"*:25\"", NULL },
	{ "submit", "submission", "\"*:587\"", NULL },
	{ "submits", "submissions", "\"*:465\"", NULL },
	{ "lmtp", "lmtp", "\"unix:/run/shoal/lmtp\"", NULL },
	{ "imap", "imap", "\"*:143\"", NULL },
	{ "imaps", "imaps", "\"*:993\"", NULL },
	{ "pop3", "pop3", "\"*:110\"", NULL },
	{ "pop3s", "pop3s", "\"*:995\"", NULL },
	{ "web", "https", "\"*:8443\"", "mail programs set themselves up" },
	{ "health", "health", "\"*:8445\"", "/health/ready, /metrics" },
	{ "agent", "agent", "\"*:8444\"", "HAProxy's agent-check" },
};

void
conf_print_listeners(FILE *f)
{
	for (unsigned i = 0; i < countof(conf_example_listeners); i++)
		fprintf(f,
		    "listen %-7s { protocol = %-11s address = { %s } }%s%s\n",
		    conf_example_listeners[i].title,
		    conf_example_listeners[i].protocol,
		    conf_example_listeners[i].address,
		    conf_example_listeners[i].why ? "  # " : "",
		    conf_example_listeners[i].why
			? conf_example_listeners[i].why
			: "");
}

static void
conf_example_listen(FILE *f)
{
	for (unsigned i = 0; i < conf_table_n; i++) {
		const struct conf_key *k = &conf_table[i];
		char text[512];

		if (k->section != CONF_LISTEN)
			continue;
		snprintf(text, sizeof(text), "%s: %s", k->name, k->help);
		conf_comment(f, "", text);
	}
	fputc('\n', f);
	conf_print_listeners(f);
}

static void
conf_example_settings(FILE *f)
{
	fputs("#settings {\n", f);
	for (unsigned i = 0; i < STATE_SETTINGS; i++)
		fprintf(f, "#\t%s = \"%s\"\n", state_setting_table[i].name,
		    state_setting_table[i].def);
	fputs("#}\n", f);
}

void
conf_print_example(FILE *f)
{
	fputs("# shoal.conf - what is this node's own; see shoal.conf(5)\n"
	      "#\n"
	      "# Values with anything but letters and digits stand in quotes.\n"
	      "# Keys that are commented out show their default, or an "
	      "example.\n",
	    f);
	for (unsigned s = 0; s < CONF_SECTIONS; s++) {
		const struct conf_section_desc *d = &conf_section_table[s];

		fputc('\n', f);
		conf_comment(f, "", d->help);
		if (s == CONF_LISTEN) {
			conf_example_listen(f);
			continue;
		}
		if (s == CONF_SETTINGS) {
			conf_example_settings(f);
			continue;
		}
		if (d->name != NULL)
			fprintf(f, "%s {\n", d->name);
		for (unsigned i = 0; i < conf_table_n; i++)
			if (conf_table[i].section == s)
				conf_print_key(f, d->name ? "\t" : "",
				    &conf_table[i]);
		if (d->name != NULL)
			fputs("}\n", f);
	}
}

/* --- the manual --- */

static void
conf_man_key(FILE *f, const struct conf_key *k)
{
	fputs(".TP\n.B ", f);
	roff_text(f, k->name);
	fputc('\n', f);
	roff_text(f, k->help);
	if (k->def != NULL && k->def[0] != '\0') {
		fputs(" Default: ", f);
		roff_text(f, k->def);
		fputc('.', f);
	}
	fputs(k->required ? " Has to be there." : "", f);
	fputs(k->reload ? "\n" : " A change needs a restart.\n", f);
}

static void
conf_man_settings(FILE *f)
{
	for (unsigned i = 0; i < STATE_SETTINGS; i++) {
		fputs(".TP\n.B ", f);
		roff_text(f, state_setting_table[i].name);
		fputc('\n', f);
		roff_text(f, state_setting_table[i].help);
		if (state_setting_table[i].def[0] != '\0') {
			fputs(" Default: ", f);
			roff_text(f, state_setting_table[i].def);
			fputc('.', f);
		}
		fputc('\n', f);
	}
}

static void
conf_man_section(FILE *f, enum conf_section s)
{
	const struct conf_section_desc *d = &conf_section_table[s];

	if (d->name == NULL)
		fputs(".SH KEYS OF THE FILE\n", f);
	else
		fprintf(f, ".SH SECTION %s%s\n", d->name,
		    d->titled ? " TITLE" : "");
	roff_text(f, d->help);
	fputc('\n', f);
	for (unsigned i = 0; i < conf_table_n; i++)
		if (conf_table[i].section == s)
			conf_man_key(f, &conf_table[i]);
	if (s == CONF_SETTINGS)
		conf_man_settings(f);
}

void
conf_print_man(FILE *f)
{
	fputs(".TH SHOAL.CONF 5 \"\" \"Shoal " PACKAGE_VERSION "\"\n"
	      ".SH NAME\nshoal.conf \\- configuration of a Shoal node\n"
	      ".SH SYNOPSIS\n/etc/shoal/shoal.conf\n"
	      ".SH DESCRIPTION\n"
	      "What is one node's own: who it is, where the share is, where it "
	      "listens. Limits\nand policies are settings of the whole "
	      "cluster, "
	      "see\n.BR shoalctl (1);\nthe section \\fBsettings\\fR overrides "
	      "them on this node.\n"
	      ".PP\nA key has one value, or several in braces:\n.PP\n.nf\n"
	      "node = \"n1\"\n"
	      "share = \"nfs://10.0.0.5/export/mail?uid=990&gid=990\"\n"
	      "listen imaps { protocol = imaps address = { \"0.0.0.0:993\" } "
	      "}\n.fi\n"
	      ".PP\nComments begin with # or //, or stand between /* and */. "
	      "A value with anything but\nletters and digits stands in quotes; "
	      "${...} is not expanded. An unknown key, a key or\na title given "
	      "twice, a bad value, a certificate that is missing or does not "
	      "fit its\nkey, a key file that others may read: the server does "
	      "not start, and says in which\nline and why. At a reload "
	      "(SIGHUP) it then goes on with what it has.\n"
	      ".PP\n\\fBshoald \\-\\-check\\fR reads the file and says whether "
	      "it is right;\n\\fBshoald \\-\\-example\\fR prints one with "
	      "comments.\n",
	    f);
	for (unsigned s = 0; s < CONF_SECTIONS; s++)
		conf_man_section(f, s);
	fputs(".SH SEE ALSO\n.BR shoald (8),\n.BR shoalctl (1)\n", f);
}
