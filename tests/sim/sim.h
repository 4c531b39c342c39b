/* sim.h - many nodes in one process, on one seeded line of virtual time */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/buf.h"
#include "base/rnd.h"
#include "base/task.h"
#include "tree.h"
#include "storage/share/share.h"

/*
 * A world is one server (tree.h), some nodes and a line of time in
 * microseconds.  Everything that happens is drawn from one seed: which task
 * runs next, how long a call takes, what goes wrong.  The same seed gives the
 * same run on every machine.
 *
 * A node is a process that can crash (its tasks stop where they stand, memory
 * is lost, what is in its local directory stays) and is started again.  Its
 * clock runs 0.85 to 1.15 times as fast as the world's.
 *
 * A workload makes the nodes do something, watches, and reports a violation
 * with sim_fail(), which ends the process.
 */
struct sim_world;
struct sim_node;
struct sim_net;
struct sim_request;

#define SIM_NODES_MAX 4
#define SIM_MS 1000ULL
#define SIM_SECOND (1000 * SIM_MS)
#define SIM_MINUTE (60 * SIM_SECOND)

/* Chances are per 10,000 calls; means in microseconds, 0: never. */
struct sim_conf {
	unsigned nodes;
	bool barrier;  /* durability profile of the share */
	bool lazy;     /* the server forgets what it did not sync */
	bool lying;    /* replies of such a server count as durable: nodes must
			* remember for it */
	bool coarse;   /* times in attributes have ticks */
	bool bare;     /* replies leave attributes and handles out */
	unsigned page; /* entries of one READDIR */
	uint64_t delay_us; /* typical way to the server */
	unsigned lost, reply_lost, late, twice, false_error, io, full, stale,
	    partial, jukebox;
	unsigned lease_deaf, lease_late; /* of entries below nodes/ only */
	uint64_t crash_mean, pause_mean, restart_mean, forget_mean, full_mean,
	    break_mean, cut_mean, sync_mean;
	unsigned wall_speed;  /* calendars run this much faster */
	bool drift;	      /* clocks are as wrong as they may be */
	bool stop_clocks;     /* pauses may stop a clock */
	unsigned remove_lost; /* REMOVEs that never get there */
	bool holes;	      /* long stalls of writers and removers */
	bool kept_conn;	 /* a server may forget behind a living connection */
	uint64_t run_us; /* how long things go wrong */
};

/* One thing that is going to happen. */
struct sim_event {
	uint64_t at_us, order;
	void (*fn)(struct sim_event *ev);
	unsigned slot; /* place in the heap + 1, 0: not waiting */
};

struct sim_node {
	struct sim_world *w;
	unsigned id;
	char name[16];
	bool up, paused;
	/* Cut off the server until then; deaf: only replies get lost; reset:
	 * they do, and the connection ends soon after. */
	uint64_t cut_us;
	bool deaf, reset;
	struct sim_event cut_again;
	unsigned life; /* how often it was started */
	struct sched *sched;
	struct clock clock;
	struct rnd_seeded seeded;
	struct rnd rnd;
	struct sim_net *net;
	struct share *share; /* the backend; the workload may take it over */
	void *app;	     /* the workload's, lost in a crash */
	void *kept;	     /* the workload's, not lost */
	unsigned clients;    /* the workload's tasks under way */
	char boot_id[40]; /* new when the machine, not the process, restarts */
	/* clock */
	uint64_t rate_ppm, base_us, base_boot_us;
	bool clock_stands;
	struct sim_event wake; /* end of pause, or start after a crash */
	struct sim_request *deferred;
	unsigned pass;
};

/* A kind of mishap that comes again and again. */
struct sim_chaos {
	struct sim_event ev; /* first */
	struct sim_world *w;
	unsigned kind;
};

enum sim_phase { SIM_SETUP, SIM_RUN, SIM_END, SIM_CHECK };

struct sim_workload {
	const char *name, *about;
	unsigned weight; /* its share of the seeds */
	bool wants_disk; /* the nodes keep files of their own (w->local) */
	void (*conf)(struct sim_world *w, struct sim_conf *c);
	/* In a task of the first node, before anything goes wrong. */
	void (*setup)(struct task *t, struct sim_node *n);
	/* A process starts: make app, start tasks with sim_client(). */
	void (*boot)(struct sim_node *n);
	/* It died: app is garbage, to be forgotten. */
	void (*crash)(struct sim_node *n);
	/* After every step, if set. */
	void (*watch)(struct sim_world *w);
	/* When all is calm: in a task of each node, one node after the other;
	 * then the same again with pass 1. */
	void (*final)(struct task *t, struct sim_node *n, unsigned pass);
	/* After that. */
	void (*check)(struct sim_world *w);
};

extern const struct sim_workload workload_share, workload_journal,
    workload_lease, workload_account, workload_state, workload_queue;

struct sim_world {
	uint64_t seed, now_us, order, steps, hash;
	enum sim_phase phase;
	bool stopping; /* clients finish what they do and end */
	struct sim_conf conf;
	const struct sim_workload *workload;
	const char *profile; /* of the workload; NULL: drawn */
	struct rnd_seeded seeded;
	struct rnd rnd;
	struct tree *tree;
	struct sim_node nodes[SIM_NODES_MAX];
	struct sim_event **heap;
	unsigned heap_count, heap_size;
	/* server */
	bool server_up, full;
	unsigned epoch, forgot; /* restarts; how many of them lost something */
	struct sim_chaos chaos[8];
	struct sim_event server_back, full_end;
	struct sim_plan *plan;
	unsigned clock_stops; /* pauses in which a clock stood */
	void *app, *app2;     /* the workload's */
	const char *local;    /* a directory for the nodes' disks, or NULL */
};

/* world.c */
void sim_run(struct sim_world *w);
void sim_at(struct sim_world *w, struct sim_event *ev, uint64_t at_us,
    void (*fn)(struct sim_event *ev));
void sim_cancel(struct sim_world *w, struct sim_event *ev);
/* A task of the workload; counted until it ends. name and arg must live. */
struct task *sim_client(struct sim_node *n, const char *name, task_fn fn,
    void *arg);
uint64_t sim_boot_us(const struct sim_node *n);
/* The server's calendar, in which files have their times. */
uint64_t sim_server_ns(const struct sim_world *w);
/* Faults by hand. */
void sim_crash(struct sim_node *n, uint64_t down_us);
void sim_pause(struct sim_node *n, uint64_t us, bool clock_stands);
void sim_server_restart(struct sim_world *w, bool lose, uint64_t down_us);
void sim_server_forget(struct sim_world *w);

/* Draws. */
static inline uint64_t
sim_below(struct sim_world *w, uint64_t n)
{
	return rnd_below(&w->rnd, n);
}
/* Never before things may go wrong, and never after. */
static inline bool
sim_chance(struct sim_world *w, unsigned per_10000)
{
	return per_10000 > 0 && w->phase == SIM_RUN &&
	       rnd_below(&w->rnd, 10000) < per_10000;
}
/* Around mean, at most 6 times it. */
uint64_t sim_about(struct sim_world *w, uint64_t mean);
/* An interval out of those that matter to the protocol. */
uint64_t sim_interval(struct sim_world *w);

/* conf.c */
void sim_conf_draw(struct sim_world *w, struct sim_conf *c);
/* chaos.c */
void sim_chaos_begin(struct sim_world *w);
void sim_chaos_end(struct sim_world *w);

/* net.c */
struct share *sim_net_new(struct sim_node *n, struct sim_net **net_r);
/* The process is gone: nobody waits for replies any more. */
void sim_net_abandon(struct sim_net *net);
void sim_net_server_restarted(struct sim_net *net);
/* One lane's connection breaks (lane drawn). */
void sim_net_break(struct sim_net *net);
void sim_net_resume(struct sim_node *n);
/* A request and its place, for traces. */
const char *sim_request_text(const struct sim_request *r);

/* plan.c: faults at chosen calls */
enum sim_moment { SIM_SUBMIT, SIM_EXECUTED, SIM_REPLIED };
enum sim_verdict {
	SIM_GO_ON,
	SIM_LATE,	/* SUBMIT: executes after the client gave up */
	SIM_STALL,	/* SUBMIT: the node stalls before it is sent */
	SIM_TWICE,	/* SUBMIT: executes again, later */
	SIM_LOSE_REPLY, /* EXECUTED */
	SIM_FALSE_ERROR /* EXECUTED */
};
void sim_plan_draw(struct sim_world *w);
/* What the plan wants done between two steps. */
void sim_plan_act(struct sim_world *w);
/* *us_r: how late, for LATE and STALL. */
enum sim_verdict sim_plan_ask(struct sim_node *n, enum sim_moment m,
    const struct share_op *op, uint64_t *us_r);

/* trace.c */
extern bool sim_tracing;
void sim_trace_to(char *lines, unsigned count);
/* Where a violation's sentence is to be left (SIM_LINE bytes). */
void sim_verdict_to(char *text);
#define SIM_LINE 240
/* What happened, in words; who may be NULL. */
void sim_say_(const struct sim_world *w, const struct sim_node *who,
    const char *fmt, ...) printf_like(3, 4);
#define sim_say(w, who, ...)                                                   \
	do {                                                                   \
		if (sim_tracing)                                               \
			sim_say_((w), (who), __VA_ARGS__);                     \
	} while (0)
/* A violation: says so and ends the process. */
noreturn_fn void sim_fail(struct sim_world *w, const char *fmt, ...)
    printf_like(2, 3);
/* Mix into the fingerprint of the run (replays must give the same). */
static inline void
sim_mix(struct sim_world *w, uint64_t v)
{
	w->hash = (w->hash ^ v) * 0x9e3779b97f4a7c15ULL;
	w->hash ^= w->hash >> 29;
}

#endif
