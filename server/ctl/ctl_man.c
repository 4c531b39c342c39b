#include "server/ctl/ctl.h"

#include <ctype.h>

#include "server/roff.h"

static void
ctl_man_options(FILE *f, const struct ctl_option *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		fputs(".TP\n\\fB\\-\\-", f);
		roff_text(f, o->name);
		fputs("\\fR", f);
		if (o->value != NULL)
			fprintf(f, " \\fI%s\\fR", o->value);
		fputc('\n', f);
		roff_text(f, o->help);
		fputc('\n', f);
	}
}

static void
ctl_man_command(FILE *f, const struct ctl_command *cmd)
{
	fputs(".SS ", f);
	roff_text(f, cmd->name);
	fputc(' ', f);
	roff_text(f, cmd->args);
	fputc('\n', f);
	roff_text(f, cmd->help);
	fputs(".\n", f);
	if (cmd->more != NULL) {
		fputs(".PP\n", f);
		roff_text(f, cmd->more);
		fputc('\n', f);
	}
	ctl_man_options(f, cmd->options);
}

void
ctl_man(FILE *f, const struct ctl_option *globals)
{
	fputs(".TH SHOALCTL 1 \"\" \"Shoal " PACKAGE_VERSION "\"\n"
	      ".SH NAME\nshoalctl \\- administrate a Shoal cluster\n"
	      ".SH SYNOPSIS\n.B shoalctl\n[\\fB\\-c\\fR \\fIFILE\\fR | "
	      "\\fB\\-\\-local\\fR \\fIDIR\\fR] [\\fB\\-\\-json\\fR]\n"
	      "\\fICOMMAND\\fR ...\n"
	      ".SH DESCRIPTION\n"
	      "Speaks to the share itself, with the cluster key and the "
	      "replica in the node's\ndirectory, but takes no node identity "
	      "and no lease: it may run on any machine that\nhas joined, "
	      "while the node runs or not, and beside itself. Where share and "
	      "directory\nare, the node's configuration says; "
	      "\\fB\\-\\-local\\fR does without one. As root it first\n"
	      "becomes the user of the node.\n"
	      ".SH OPTIONS\n",
	    f);
	ctl_man_options(f, globals);
	fputs(".SH COMMANDS\n", f);
	for (unsigned i = 0; ctl_commands[i] != NULL; i++)
		ctl_man_command(f, ctl_commands[i]);
	fputs(".SH EXIT STATUS\n0: done. 1: refused or failed, with one "
	      "sentence on standard error. 2: usage.\n",
	    f);
}
