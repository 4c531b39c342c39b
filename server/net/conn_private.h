/* conn_private.h - inside connections: for conn*.c and listener*.c only */
#ifndef SERVER_NET_CONN_PRIVATE_H
#define SERVER_NET_CONN_PRIVATE_H

#include "base/loop.h"
#include "server/net/conn.h"
#include "server/net/counts.h"
#include "server/net/listener.h"
#include "server/net/tls_conn.h"
#include "server/worker.h"

/*
 *	           PROXY -> HANDSHAKE -> OPEN -> ENDING -> LINGER -> (freed)
 *
 * Everything but OPEN is driven by the watch and the timer alone; only in OPEN
 * may there be a task, and while there is one it alone moves the connection.
 * There is one timer.  It is never set back, only forward: it may fire too
 * early, then what is due is worked out again.
 */
enum conn_state {
	CONN_PROXY,	/* the PROXY header is to come */
	CONN_HANDSHAKE, /* of implicit TLS */
	CONN_OPEN,
	CONN_ENDING, /* the session is closed; the output has to get out */
	CONN_LINGER  /* said all; reading away what would turn our FIN into a
		      * reset that overtakes the last reply */
};

struct conn {
	struct worker *w;
	const struct protocol *p;
	struct listener *l;
	struct conn *prev, *next;
	struct watch *watch;
	struct tls_conn *tls; /* or NULL */
	struct task *task;    /* or NULL */
	void *session;
	struct timer timer;
	int fd;
	enum conn_state state;
	struct net_addr peer, local;
	uint64_t client_key; /* counted under it; 0: not counted */

	char *in; /* NULL while empty and nobody works */
	uint32_t in_size, in_pos, in_n, in_max;
	uint32_t in_scanned; /* of in_n: without LF */
	char *out;
	uint32_t out_size, out_pos, out_n;

	uint64_t began_ms;
	uint64_t idle_at;     /* since when nothing came */
	uint64_t out_at;      /* since when output makes no progress */
	uint64_t limit_at;    /* of the present state or wait */
	uint64_t deadline_at; /* 0: none */
	uint32_t idle_ms, floor;
	uint32_t greed; /* bytes read in a row without a wait */
	uint64_t floor_bytes, floor_waited_ms;

	enum err_code in_code; /* why nothing more can be read; 0: it can */
	uint8_t pending;       /* events to be delivered */
	uint8_t waiting;       /* WATCH_*: what the task waits for */
	bool woken;
	bool opened, closed;
	bool eof;      /* the peer has ended, and all it sent was read */
	bool ending;   /* nothing more will be asked */
	bool out_dead; /* output is swallowed */
	bool out_blocked;
	bool spoken; /* the client: a byte at all, behind a PROXY header */
	bool told;   /* to drain */
	char id[];
};

/* The connections of a worker: worker.conns. */
struct conns {
	struct conn *first;
	unsigned n, listeners;
	uint64_t number;
	/* net.exempt, parsed */
	struct arena *exempt_arena;
	struct str exempt_text;
	struct net_network *exempt;
	unsigned exempt_n;
	/* complaints: one a second, and how many were left out */
	uint64_t said_at, unsaid;
};

/* --- conn.c --- */
/* Takes the fd; peer NULL: could not be told. */
struct conn *conn_new(struct listener *l, int fd, const struct net_addr *peer);
/* The next state: its watch and limit. */
void conn_enter(struct conn *c, enum conn_state state, uint64_t limit_ms);
/* Outside any task, in any state: the session's end, then the connection's. */
void conn_finish(struct conn *c);
/* Now, whatever is in the buffers. */
void conn_abort(struct conn *c);
/* Runs the protocol, for events that are pending. */
void conn_run(struct conn *c);

/* --- conn_start.c: before OPEN --- */
void conn_begin(struct conn *c); /* may free c */
void conn_start_ready(struct conn *c);
void conn_start_late(struct conn *c);

/* --- conn_io.c --- */
/* Without waiting.  0: nothing there, or c->in_code says why not. */
size_t conn_recv(struct conn *c, void *p, size_t n);
size_t conn_pull(struct conn *c);  /* into the buffer */
void conn_push(struct conn *c);	   /* what the kernel takes */
void conn_release(struct conn *c); /* empty buffers */
bool conn_has_room(const struct conn *c);
/* Until one of events, or until limit_at, or somebody set woken. */
may_yield void conn_wait(struct task *t, struct conn *c, int events,
    uint64_t limit_at);

/* --- listener.c --- */
struct worker *listener_worker(const struct listener *l);
const struct protocol *listener_protocol(const struct listener *l);
const struct conf_listener *listener_conf(const struct listener *l);
struct listener *listener_ref(struct listener *l);
void listener_unref(struct listener **l);

/* --- listener_limit.c --- */
struct conns *conns_get(struct worker *w);
/* NULL: welcome, and counted under c->client_key.  Else the line to refuse it
 * with (may be empty). */
const char *conn_admit(struct conn *c);
/* Whether there is room for one more at all, before anything is known. */
bool conn_admit_fd(struct worker *w, int fd);
/* Whether this worker has clearly more connections than the one with fewest. */
bool conn_is_ahead(const struct worker *w);
void conn_count_out(struct conn *c);
void conn_gauge(struct conn *c, int delta);
/* One line a second about clients that are turned away. */
void conn_complain(struct conn *c, const char *event, const char *why);

static inline uint64_t
conn_now_ms(const struct conn *c)
{
	return sched_now_ms(loop_sched(c->w->loop));
}

#endif
