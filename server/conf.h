/* conf.h - the configuration file: what is one node's own */
#ifndef SERVER_CONF_H
#define SERVER_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "server/net/addr.h"
#include "storage/state_setting.h"

/*
 * One table (conf_table.c) describes every key: name, type, default, bounds,
 * whether a reload takes it, help.  The libconfuse options (conf.c is the only
 * door to it), the manual page and the commented example are made from it.
 * Limits and policies of the cluster are settings of the state
 * (state_setting.h); the section settings {} overrides them on this node.
 *
 * Every refusal names file and line and is one sentence: unknown key, key given
 * twice, section title given twice, value out of bounds, certificate or key
 * missing, not fitting each other or readable by the world.
 *
 * Files that the configuration names (certificates, keys) are read by whoever
 * loads it, the master; workers get their contents with it (conf_pack), because
 * they may not read them.
 */
struct conf_certificate {
	const char *certificate_file, *key_file; /* for messages */
	struct str certificate, key;		 /* PEM */
};

struct conf_listener {
	const char *name;     /* title of the section */
	const char *protocol; /* "imaps": protocol.name (net/conn.h) */
	struct net_listen *addresses;
	unsigned addresses_n;
	/* From here a PROXY header is required; elsewhere it is refused. */
	struct net_network *proxy;
	unsigned proxy_n;
	/* Who may connect at all (lmtp, health, agent); none: anybody. */
	struct net_network *allow;
	unsigned allow_n;
	unsigned fallback; /* smtp: for when others are down; stricter */
	uint32_t mode;	   /* of a Unix socket: 0660 */
	const char *group; /* of a Unix socket; or NULL */
};

struct conf_raw;
struct conf {
	struct arena *arena;
	const struct conf_raw *raw; /* conf*.c's own */
	const char *file;
	const char *node; /* the node's name */
	const char *share, *local, *user, *group;
	const char
	    *hostname;	  /* in greetings and Received; default: gethostname */
	unsigned workers; /* never 0: counted */
	struct {
		const char *address; /* "10.0.0.11:8446" for hints; or NULL */
	} cluster;
	struct {
		struct net_addr *servers; /* none: resolv.conf's */
		unsigned servers_n;
		const char *trust_anchor; /* a file, always */
		const char **insecure;	  /* domains, "." for all */
		unsigned insecure_n;
	} dns;
	struct {
		const char *target; /* "stderr", "journal", or a file */
		enum log_format format;
		enum log_level level;
		const char *topics;
	} log;
	unsigned send; /* takes part in delivering the queue */
	struct net_network *send_from; /* own addresses; whole ones */
	unsigned send_from_n;
	uint32_t drain_timeout_s; /* SIGTERM: how long sessions may finish */
	struct conf_certificate
	    *certificates; /* tls {}: override the state's */
	unsigned certificates_n;
	struct conf_listener *listeners;
	unsigned listeners_n;
	/* settings {}: which[id] whether, value[id] what. */
	bool setting_set[STATE_SETTINGS];
	uint64_t setting_u64[STATE_SETTINGS];
	struct str setting_text[STATE_SETTINGS];
};

/* Reads the file and all it names.  ERR_INVALID with "FILE:LINE: sentence". */
must_check struct err *conf_load(struct arena *a, const char *file,
    struct conf **c_r);
/* Without what only the server may read or needs: certificates, keys, users. */
must_check struct err *conf_load_public(struct arena *a, const char *file,
    struct conf **c_r);
/* For --join: the file may lack what is required, or not be there. */
must_check struct err *conf_load_draft(struct arena *a, const char *file,
    struct conf **c_r);
/* Whether the file itself has this key (outside of sections). */
bool conf_says(const struct conf *c, const char *key);
void conf_free(struct conf **c); /* wipes the keys */

/* Master to worker: everything, the contents of files included. */
struct str conf_pack(struct arena *a, const struct conf *c);
must_check struct err *conf_unpack(struct arena *a, struct str packed,
    struct conf **c_r);
/* What a reload would have to change but cannot: NULL, or the key's name. */
const char *conf_needs_restart(const struct conf *old, const struct conf *new);
/* Let c keep what only a restart changes, as it is in old. */
void conf_keep_fixed(struct conf *c, const struct conf *old);

void conf_print_example(FILE *f);   /* shoald --example */
void conf_print_listeners(FILE *f); /* what most nodes listen with */
void conf_print_man(FILE *f);	    /* shoal.conf(5), shoald --man=5 */

#endif
