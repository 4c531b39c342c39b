/* simstore.h - the opened share of a simulated process */
#ifndef SIM_SIMSTORE_H
#define SIM_SIMSTORE_H

#include "sim.h"
#include "storage/share/store.h"

/* As store_open() would leave it, without its calls. */
void sim_store_init(struct sim_node *n, struct store *st);
/* Make these directories (separated by blanks) when the world is made. */
may_yield void sim_store_setup(struct task *t, struct sim_node *n,
    const char *dirs);

#endif
