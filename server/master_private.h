/* master_private.h - what the files of master.h share */
#ifndef SERVER_MASTER_PRIVATE_H
#define SERVER_MASTER_PRIVATE_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/logfile.h"
#include "server/master.h"
#include "server/net/counts.h"

enum master_phase {
	MASTER_RUNNING,
	MASTER_DRAINING, /* SIGTERM: workers finish */
	MASTER_KILLING	 /* only waiting for them to be gone */
};

/* One listening socket. */
struct master_socket {
	const char *text; /* the address; in the heap */
	int fd;
};

struct master_worker {
	pid_t pid;   /* 0: not running */
	int channel; /* the master's end */
	bool up, told_finish;
	bool reloading; /* has been sent a configuration, has not taken it */
	uint64_t started_ms;
	uint64_t start_at_ms; /* not running: when to start it */
	uint32_t backoff_ms;
	unsigned pings; /* not answered */
	/* For hints (cluster/hints.h); both ends stay open here, so that a
	 * restarted worker finds them as they were. Not for worker 0. */
	int sibling[2];
};

struct master {
	const char *file;
	struct conf *conf;
	enum master_phase phase;
	uint64_t deadline_ms; /* of draining */
	struct counts *counts;
	struct board *board;
	struct underway *underway;
	struct logfile log;
	struct master_socket *sockets;
	unsigned sockets_n;
	struct master_worker *workers;
	unsigned workers_n;
	sigset_t signals, old_signals;
	int signal_fd;
	uint64_t files_at_ms, files_sum, ping_at_ms;
	uint64_t watchdog_ms, watchdog_at_ms;
	bool ready; /* READY=1 was said */
	bool reloading;
	int status;
};

uint64_t master_now_ms(void);

/* master_socket.c */
struct master_socket *master_socket_find(struct master_socket *list, unsigned n,
    const char *text);
/* Sockets for all of c's addresses: those that m has, and new ones.  On
 * failure nothing changed. */
must_check struct err *master_sockets_make(struct arena *a,
    const struct master *m, const struct conf *c, struct master_socket **list_r,
    unsigned *n_r);
/* Closes and frees those of list that are not in `but`. */
void master_sockets_drop(struct master_socket *list, unsigned n,
    struct master_socket *but, unsigned but_n);
/* Put them in the place of m's; those that are gone are closed. */
void master_sockets_install(struct master *m, struct master_socket *list,
    unsigned n);

/* master_worker.c */
void master_worker_start(struct master *m, unsigned i);
void master_worker_reap(struct master *m);
void master_worker_read(struct master *m, unsigned i);
/* Start what is due; when the next is (UINT64_MAX: nothing is). */
uint64_t master_workers_tick(struct master *m);
void master_workers_ping(struct master *m);
void master_workers_kill(struct master *m, int signum);
unsigned master_workers_alive(const struct master *m);
void master_workers_tell(struct master *m, int type, const void *p, size_t n,
    const int *fds, unsigned fds_n);

/* master_reload.c */
void master_reload(struct master *m);
/* All workers have it, or are gone: says so. */
void master_reload_done(struct master *m);
void master_reopen_log(struct master *m);
/* Whether certificate files changed since the configuration was read. */
bool master_files_changed(struct master *m);

#endif
