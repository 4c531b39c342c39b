/* simstore.c - the opened share of a simulated process */
#include "simstore.h"

void
sim_store_init(struct sim_node *n, struct store *st)
{
	memset(st, 0, sizeof(*st));
	st->share = n->share;
	st->sched = n->sched;
	memcpy(st->uuid, "simulated share!", 16);
	st->profile = n->w->conf.barrier ? BARRIER_WRITE : BARRIER_REPLY;
	st->barrier = barrier_new(n->sched, n->share, st->profile);
}

void
sim_store_setup(struct task *t, struct sim_node *n, const char *dirs)
{
	struct str rest = str_c(dirs), dir;

	while (str_split(&rest, ' ', &dir)) {
		struct err *e =
		    share_mkdir_path(t, n->share, SHARE_LANE_ADMIN, dir, NULL);

		if (e != NULL)
			sim_fail(n->w, "setup: %s", e->text);
	}
}
