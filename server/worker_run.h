/* worker_run.h - how the master starts a worker */
#ifndef SERVER_WORKER_RUN_H
#define SERVER_WORKER_RUN_H

#include <sys/types.h>

#include "server/conf.h"
#include "server/logfile.h"
#include "server/net/counts.h"

struct worker_socket {
	const char *text; /* address, as in the configuration */
	int fd;
};

/* All of it is the process's own: it was just forked. */
struct worker_start {
	unsigned index, workers;
	struct conf *conf;
	struct counts *counts;
	struct board *board;	   /* cluster/board.h */
	struct underway *underway; /* queue/underway.h */
	struct logfile log;
	int channel; /* channel.h */
	int sibling; /* to worker 0; -1: this is worker 0 */
	const int *siblings;
	unsigned siblings_n; /* worker 0's: to the others */
	struct worker_socket *sockets;
	unsigned sockets_n;
	pid_t master;
};

noreturn_fn void worker_run(const struct worker_start *s);

#endif
