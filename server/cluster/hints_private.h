/* hints_private.h - the parts of hints.c */
#ifndef SERVER_CLUSTER_HINTS_PRIVATE_H
#define SERVER_CLUSTER_HINTS_PRIVATE_H

#include <sys/socket.h>

#include "base/loop.h"
#include "server/cluster/hints.h"
#include "server/cluster/hints_wire.h"
#include "server/worker.h"
#include "storage/account.h"

#define HINTS_TICK_MS 1000
#define HINTS_ASK_MS 3000   /* least time between looks at the leases */
#define HINTS_TRUST_MS 3000 /* siblings believe COUNTS_HINTS_UNTIL_MS for */
#define HINTS_RETRY_MS 5000 /* binding the socket */
#define HINTS_PENDING 256   /* of one turn; then they are sent at once */
#define HINTS_BURST 64	    /* datagrams of one turn */
#define HINTS_ADDRESS_MAX 96

/* Where a hint came from; siblings count from 0. */
#define HINTS_FROM_HERE (-1)
#define HINTS_FROM_NET (-2)

struct hints_pending {
	enum hint_type type;
	int from;
	char id[ACCOUNT_ID_MAX];
	unsigned char id_n;
	uint64_t number;
	unsigned points;
};

struct hints_peer {
	unsigned char node[HINTS_ID_BYTES], session[HINTS_ID_BYTES];
	bool living;
	bool listed; /* by the last look */
	char address[HINTS_ADDRESS_MAX];
	struct sockaddr_storage sa;
	socklen_t sa_n; /* 0: none */
	struct hints_window window;
	uint64_t heard_ms; /* 0: never */
	uint64_t told_ms;  /* alive sent */
};

struct hints_sibling {
	struct hints *h;
	int fd, index;
	struct watch *watch;
};

struct hints {
	struct worker *w;
	bool first;
	unsigned char key[32];
	/* siblings (worker 0), or worker 0 (others) */
	struct hints_sibling *siblings;
	unsigned siblings_n;
	struct hints_pending pending[HINTS_PENDING];
	unsigned pending_n;
	struct timer flush, tick;
	/* worker 0 */
	int fd; /* -1: none */
	struct watch *watch;
	uint64_t retry_ms; /* not before */
	bool complained;
	unsigned char node[HINTS_ID_BYTES];
	uint64_t counter;
	struct hints_peer *peers;
	unsigned peers_n, peers_size;
	bool listed; /* the leases were looked at once */
	bool asking, closing;
	uint64_t asked_ms;
};

/* hints_net.c: worker 0's socket and peers */
void hints_net_init(struct hints *h);
void hints_net_free(struct hints *h);
/* What is pending and not from the network, to all living nodes. */
void hints_net_send(struct hints *h);
void hints_net_tick(struct hints *h);
bool hints_net_work(const struct hints *h);

/* hints.c */
void hints_queue(struct hints *h, const struct hint *i, int from);

#endif
