/* ctl.h - shoalctl: what every command of the program sees */
#ifndef SERVER_CTL_CTL_H
#define SERVER_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/offload.h"
#include "base/str.h"
#include "base/task.h"
#include "server/admin/admin.h"

/*
 * One command is one descriptor (name, arguments, options, what it needs, run);
 * ctl_commands.c only lists them.  ctl_main.c parses, opens what the command
 * needs, runs it in a task and turns the outcome into an exit code: 0 done,
 * 1 refused or failed (one sentence on stderr), 2 usage.
 *
 * The program speaks to the share itself, with the cluster key and the replica
 * in the node's directory (as the configuration names them, or --share URL
 * --local DIR), but takes no node identity and no lease: whether the node runs
 * or not makes no difference, and several may run beside it.  As root it first
 * becomes the user of the node.
 */
enum ctl_need {
	CTL_NEED_NOTHING, /* works before there is a share */
	CTL_NEED_SHARE,	  /* --share or the one noted in DIR */
	CTL_NEED_STATE,	  /* the share, the key and a fresh replica */
	CTL_NEED_MAIL	  /* that and the mail store */
};

enum ctl_arg {
	CTL_FLAG,
	CTL_STRING,
	CTL_LIST, /* a string, given as often as need be */
	CTL_FILE, /* a string; opened as who calls, see ctl_read_file() */
	CTL_SIZE, /* 1G, 500M, 0 = none */
	CTL_NUMBER
};

struct ctl_option {
	const char *name; /* without -- */
	enum ctl_arg kind;
	const char *value; /* word for usage: "BYTES" */
	const char *help;
};
#define CTL_OPTIONS_MAX 16
#define CTL_LIST_MAX 16

struct ctl;

struct ctl_command {
	const char *name; /* "account add" */
	const char *args; /* "ADDRESS..." for usage, "" for none */
	const char *help; /* one sentence */
	const char *more; /* paragraph for the man page, or NULL */
	unsigned min_args, max_args;
	bool files; /* arguments may be files: as CTL_FILE */
	enum ctl_need need;
	const struct ctl_option *options; /* ends with name NULL; or NULL */
	struct err *(*run)(struct task *t, struct ctl *c);
};

extern const struct ctl_command *const ctl_commands[]; /* ends with NULL */

struct ctl_value {
	bool given;
	const char *s;
	uint64_t n;			/* of a list: how many */
	const char *list[CTL_LIST_MAX]; /* in their order */
};

struct ctl {
	const struct ctl_command *cmd;
	/* global options */
	const char *conf_file, *share_url, *local;
	bool json;
	uint64_t timeout_ms;
	/* arguments of the command */
	char **argv;
	unsigned argc;
	char **words; /* where argv points into; freed at the end */
	/* opened before root becomes the node's user; fd: or -errno */
	struct ctl_file {
		const char *path;
		int fd;
	} * files;
	unsigned files_n;
	const struct conf *conf; /* if a configuration was read */
	struct ctl_value values[CTL_OPTIONS_MAX];
	/* opened as needed */
	struct loop *loop;
	struct offload *offload;
	struct store *store;
	struct state *state;
	struct segcache *cache;
	struct mailstore *mail;
	int exit_code;
};

#define CTL_TIMEOUT_MS 60000
#define CTL_CONF_FILE "/etc/shoal/shoal.conf"

/* The option of that name of the running command; panics for an unknown one. */
const struct ctl_value *ctl_opt(const struct ctl *c, const char *name);
static inline bool
ctl_given(const struct ctl *c, const char *name)
{
	return ctl_opt(c, name)->given;
}
/* Its text; empty if it was not given. */
struct str ctl_text(const struct ctl *c, const char *option);
/* --limit N: def if it was not given, never more than max. */
unsigned ctl_limit(const struct ctl *c, unsigned def, unsigned max);

/* ctl_args.c: 0, or 2 after a message; fills cmd, argv, values. */
int ctl_parse(struct ctl *c, int argc, char **argv);
bool ctl_parse_size(const char *s, uint64_t *bytes_r);

/*
 * localfile.c: the file of an argument (cmd->files) or of a CTL_FILE, whole,
 * once: what only who calls may read is read, though root has become the node's
 * user.  When it was changed last, if mtime_s_r is not NULL.  "-" is stdin.
 */
must_check struct err *ctl_read_file(struct task *t, struct ctl *c,
    const char *path, size_t max, struct str *data_r, int64_t *mtime_s_r);

/*
 * ctl_conf.c: share and local as the node's configuration says, unless they
 * were given; as root, become who the node runs as (making local if there is
 * none).  0, or 1 after a message.
 */
int ctl_take_conf(struct ctl *c);

/* ctl_man.c: the manual page, made from the tables */
void ctl_man(FILE *f, const struct ctl_option *globals);

/* ctl_open.c */
may_yield must_check struct err *ctl_open(struct task *t, struct ctl *c,
    enum ctl_need need);
may_yield void ctl_close(struct task *t, struct ctl *c);
/* For dns_new_for(): the node's, or one that asks the system's resolver. */
const struct conf *ctl_dns_conf(struct task *t, const struct ctl *c);
/* Who does it, for the audit table: "ctl:root". */
const char *ctl_by(struct task *t);
/* What the command opened, for server/admin/. */
struct admin ctl_admin(struct task *t, const struct ctl *c);
/* Note the share's URL in DIR, so that later --local is enough. */
must_check struct err *ctl_note_url(struct task *t, const struct ctl *c,
    const char *url);

/*
 * Output: tables for people, JSON for programs.  A list is rows of the same
 * columns; a record is one object.  Nothing is printed before ctl_out_end; for
 * long streams ctl_out_flush_lines prints the rows so far: values with a TAB
 * between them (values have none), JSON: one object a line.
 */
struct ctl_out;
struct ctl_out *ctl_out_list(struct task *t, struct ctl *c,
    const char *const *columns, unsigned n);
void ctl_out_str(struct ctl_out *o, struct str s);
void ctl_out_u64(struct ctl_out *o, uint64_t v);
void ctl_out_size(struct ctl_out *o,
    uint64_t bytes); /* "1.5 GiB"; JSON: number */
void ctl_out_bool(struct ctl_out *o, bool v);
void ctl_out_time(struct ctl_out *o, int64_t wall_s); /* RFC 3339, UTC; 0: - */
void ctl_out_none(struct ctl_out *o);
void ctl_out_text(struct ctl_out *o, struct str s); /* none if it is empty */
/* Sentences: a line each; JSON: an array. The list must outlive o. */
void ctl_out_strs(struct ctl_out *o, const struct str *list, unsigned n);
/* After the last cell of a row the next cell begins a new row. */
must_check struct err *ctl_out_end(struct ctl_out *o);
must_check struct err *ctl_out_record_end(struct ctl_out *o); /* one row */
/* Flush the rows so far, at once, without header: one line each. */
must_check struct err *ctl_out_flush_lines(struct ctl_out *o);

/* What was done; JSON: {"message": ...} on a line. */
void ctl_say(const struct ctl *c, const char *fmt, ...) printf_like(2, 3);
/* More for people; nothing under --json. */
void ctl_note(const struct ctl *c, const char *fmt, ...) printf_like(2, 3);
/* --password-stdin, --hash-stdin: *p_r NULL if neither is given. */
struct password;
may_yield must_check struct err *ctl_read_password(struct task *t,
    struct ctl *c, struct str address, const struct password **p_r);
/* One line from stdin (a secret): without the newline; ERR_INVALID if empty. */
must_check struct err *ctl_read_secret(struct task *t, struct str *secret_r);

#endif
