/* conf_private.h - what the files of conf.h share */
#ifndef SERVER_CONF_PRIVATE_H
#define SERVER_CONF_PRIVATE_H

#include "server/conf.h"

/*
 * conf_table.c says what there is.  conf_file.c reads a file into raw items: a
 * key and its values, as written.  conf.c turns items into struct conf, in the
 * master as in the workers: what is packed are the items, and the contents of
 * files.  conf_check.c holds what concerns more than one key, or the machine.
 */
enum conf_section {
	CONF_TOP,
	CONF_CLUSTER,
	CONF_DNS,
	CONF_LOG,
	CONF_TLS,
	CONF_LISTEN,
	CONF_SETTINGS,
	CONF_SECTIONS
};
struct conf_section_desc {
	const char *name; /* NULL: no section, the file itself */
	bool titled;	  /* may stand there several times */
	const char *help;
};
extern const struct conf_section_desc conf_section_table[CONF_SECTIONS];

enum conf_type {
	CONF_TEXT,	  /* const char * */
	CONF_NODE_NAME,	  /* const char *: letters, digits, '-', '.' */
	CONF_HOST_NAME,	  /* const char * */
	CONF_PATH,	  /* const char *: absolute */
	CONF_SHARE,	  /* const char *: nfs:// or absolute */
	CONF_LOG_TARGET,  /* const char *: stderr, journal, absolute */
	CONF_UDP_ADDRESS, /* const char *: numeric address:port */
	CONF_ANCHOR,	  /* const char *: absolute; empty: Debian's */
	CONF_NUMBER,	  /* unsigned */
	CONF_SECONDS,	  /* uint32_t */
	CONF_MODE,	  /* uint32_t, octal */
	CONF_CHOICE,	  /* enum (unsigned): index in choices */
	CONF_WORD,	  /* const char *: one of choices */
	/* lists, each with its count */
	CONF_ADDRESSES, /* struct net_listen * */
	CONF_NETWORKS,	/* struct net_network * */
	CONF_RESOLVERS, /* struct net_addr * */
	CONF_DOMAINS,	/* const char ** */
	CONF_FILES	/* of tls {}: conf_build_files */
};

struct conf_key {
	enum conf_section section;
	const char *name;
	enum conf_type type;
	const char *def; /* as it would be written; NULL: none */
	uint64_t min, max;
	const char *const *choices;
	size_t offset, count_offset; /* in conf, or conf_listener */
	bool required;
	bool reload; /* a reload takes it */
	const char *example;
	const char *help;
};
extern const struct conf_key conf_table[];
extern const unsigned conf_table_n;
bool conf_type_is_list(enum conf_type type);

#define CONF_FILE_MAX (1U << 20)
#define CONF_PEM_MAX (256U << 10)
#define CONF_ITEMS_MAX 4096  /* unpacking */
#define CONF_VALUES_MAX 1024 /* of one list */
#define CONF_PACK_MAX (64U << 20)

struct conf_item {
	unsigned key;	   /* in conf_table, or conf_table_n + a setting's id */
	const char *title; /* of its section; or NULL */
	struct str *values;
	unsigned values_n;
	unsigned line;
};
struct conf_raw {
	const char *file;
	struct conf_item *items;
	unsigned items_n;
	/* listen sections, in order */
	const char **titles;
	unsigned *title_lines;
	unsigned titles_n;
	/* contents of tls {}'s files, in pairs; from the machine */
	struct str *files;
	unsigned files_n;
	const char *hostname; /* gethostname: the default of both names */
	unsigned cores;
};

/* One value being converted. */
struct conf_to {
	struct arena *a;
	const struct conf_key *k;
	const struct str *v; /* one, or values_n of a list */
	unsigned n;
	void *into, *count_into;
	const char *why; /* out, for a refusal: "is ...": ends a sentence */
};
/* conf_dns.c */
bool conf_to_anchor(struct conf_to *c);
bool conf_to_resolvers(struct conf_to *c);
bool conf_to_domains(struct conf_to *c);
/* The trust anchor is there, and workers may read it. */
must_check struct err *conf_check_dns(struct arena *a, const struct conf *c,
    const struct conf_raw *raw);

/* conf_file.c: *raw_r has items and titles. */
must_check struct err *conf_file_parse(struct arena *a, const char *file,
    struct str text, struct conf_raw *raw_r);
/* conf.c: from items; line 0 (unpacked) is not named. */
must_check struct err *conf_build(struct arena *a, const struct conf_raw *raw,
    struct conf **c_r);
/* All of a file, at most max bytes. */
must_check struct err *conf_read_fd(struct arena *a, int fd, const char *file,
    size_t max, struct str *text_r);
must_check struct err *conf_bad(struct arena *a, const char *file,
    unsigned line, const char *fmt, ...) printf_like(4, 5);
/* The item, or NULL: not set. title NULL: of any section that has no title. */
const struct conf_item *conf_item_find(const struct conf_raw *raw,
    enum conf_section section, const char *title, const char *name);
/* conf_check.c; draft: what is required may be missing */
must_check struct err *conf_check(struct arena *a, const struct conf *c,
    const struct conf_raw *raw, bool draft);
/* user and group are there (matters to root only). */
must_check struct err *conf_check_users(struct arena *a, const struct conf *c,
    const struct conf_raw *raw);
must_check struct err *conf_read_files(struct arena *a, struct conf_raw *raw);
must_check struct err *conf_check_pairs(struct arena *a, const struct conf *c,
    const struct conf_raw *raw);

#endif
