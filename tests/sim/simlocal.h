/* simlocal.h - a node's local directory, as far as its identity needs it */
#ifndef SIM_SIMLOCAL_H
#define SIM_SIMLOCAL_H

#include "sim.h"
#include "locking/node.h"

/* What a node has on its own disk; sim_node.kept. */
struct sim_disk {
	char id[64];
	size_t id_n;
	uint64_t ino;
	bool locked;
};

/* Makes n->kept at the first start. */
struct sim_disk *sim_disk(struct sim_node *n);
struct node_local sim_local(struct sim_node *n);
/* The process died: what it had locked is free. */
void sim_local_died(struct sim_node *n);

#endif
