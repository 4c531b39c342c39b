/* worker_private.h - what the files of worker.h share */
#ifndef SERVER_WORKER_PRIVATE_H
#define SERVER_WORKER_PRIVATE_H

#include "locking/node.h"
#include "server/worker.h"
#include "server/worker_run.h"

struct listener;

/* The state is polled this often (and up to a fifth more), also while hints
 * work: what shoalctl changes nobody tells, and a session that it ends has ended
 * everywhere within 5 s. */
#define WORKER_STATE_POLL_MS 2500
/* Others than worker 0 look at its word that often, besides hints. */
#define WORKER_STATE_WORD_MS 1000
/* Trying to open the share again: doubled from the first to the second. */
#define WORKER_RETRY_MS 200
#define WORKER_RETRY_MAX_MS 5000
/* After the share was found to be away, accounts are not tried for so long. */
#define WORKER_AWAY_MS 2000
#define WORKER_CACHE_BYTES (1ULL << 30)
#define WORKER_THREADS 4
#define WORKER_DRAIN_TICK_MS 100
#define WORKER_CONFS_KEPT 4
#define WORKER_STAT_MS 1000

enum worker_phase {
	WORKER_OPENING, /* no share yet */
	WORKER_SERVING,
	WORKER_DRAINING, /* SIGTERM */
	WORKER_ENDING
};

struct worker_listener {
	struct listener *l;
	const char *text; /* of its address */
	int fd;		  /* a copy: listener_free() closes its own */
};

struct core {
	struct worker w;     /* first: what others know of it */
	struct arena *arena; /* of the process */
	enum worker_phase phase;
	int channel;
	pid_t master;
	struct logfile log;
	struct watch *channel_watch;
	struct conf *confs[WORKER_CONFS_KEPT]; /* old ones, newest first */
	const char *hostname; /* never freed: sessions may keep it */
	struct worker_listener *listeners;
	unsigned listeners_n;
	int sibling;
	const int *siblings;
	unsigned siblings_n;
	/* settings, as they hold here */
	uint64_t setting_u64[STATE_SETTINGS];
	struct str setting_text[STATE_SETTINGS];
	struct arena *setting_arena, *setting_arena_old;
	/* state */
	struct task_cond state_kick;
	bool state_kicked, state_changed, state_failing;
	uint64_t state_seen, certificates_sum;
	bool up; /* CHANNEL_UP was sent */
	/* away */
	uint64_t away_until_ms;
	bool away_probing;
	/* worker 0 */
	struct node *node;
	bool ordered_drain; /* the state says so */
	bool named;	    /* the state has our row */
	/* draining */
	struct timer drain_timer, stat_timer;
	uint64_t drain_until_ms, drain_all;
	bool finish, releasing;
	uint64_t share_calls, share_failed; /* told to counts */
};

static inline struct core *
core_of(const struct worker *w)
{
	return (struct core *)(uintptr_t)w;
}

/* worker.c */
void worker_tell(struct core *c, int type, const char *text);
/* The node must not run: tells the master, who ends all. */
void worker_refuse(struct core *c, const char *sentence);
/* As the configuration says. */
void worker_set_hostname(struct core *c);
/* worker_listen.c */
void worker_listen_begin(struct core *c, const struct worker_socket *s,
    unsigned n);
/* Health and agent from the beginning, the others once there is a share. */
void worker_listen_update(struct core *c);
void worker_listen_stop(struct core *c);
void worker_reload(struct core *c, struct str packed, const void *which,
    size_t which_n, const int *fds, unsigned fds_n);
/* worker_state.c */
may_yield void worker_state_main(struct task *t, void *core);
/* worker_room.c */
may_yield void worker_room_main(struct task *t, void *core);
void worker_settings_load(struct core *c);
unsigned worker_keep_days(const struct worker *w);
/* worker_node.c */
may_yield must_check struct err *worker_node_open(struct task *t,
    struct core *c);
may_yield void worker_node_main(struct task *t, void *core);
/* worker_drain.c */
void worker_drain_begin(struct core *c);
void worker_drain_order(struct core *c, bool drain);
void worker_drain_finish(struct core *c);

#endif
