/* dial.h - one connection to somewhere else: bytes out and in, TLS, limits */
#ifndef SERVER_NET_DIAL_H
#define SERVER_NET_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/task.h"
#include "server/net/addr.h"
#include "server/net/tls_conn.h"

/*
 * conn.h is for those who come to us: a protocol's table, its own task, limits
 * per client.  This is the other direction: a task has somebody to ask, and
 * waits for the answers itself.  It belongs to one task at a time; between its
 * uses it costs the fd and what is in its buffers, and nothing wakes anybody.
 *
 * Every wait ends at the time given with the call (boot_ms, as sched_now_ms),
 * or at the task's deadline if that comes first.
 *
 * Errors: ERR_UNAVAIL refused, or the peer is gone; ERR_TIMEOUT; ERR_LIMIT a
 * line is too long; ERR_IO TLS broke; ERR_INVALID input before TLS.  After any
 * of them only dial_read_line() may be tried again, for what the peer said
 * before it went.  A peer that closes TLS without close_notify is gone, not an
 * attack: what a protocol needs is counted or ends in a mark.
 */
struct dial;
struct worker;

#define DIAL_INPUT_BYTES 65536
#define DIAL_OUTPUT_BYTES 32768

/* source: the address to come from, if it is of the same family; or NULL. */
may_yield must_check struct err *dial_open(struct task *t, struct worker *w,
    const struct net_addr *to, const struct net_addr *source, uint64_t limit_at,
    struct dial **d_r);
/* At once: what was not flushed is lost. */
void dial_close(struct dial **d);
const struct net_addr *dial_local(const struct dial *d);
/* Neither input nor an end of the connection: as a peer is who waits for us. */
bool dial_is_quiet(const struct dial *d);

/* A line without its CRLF or LF; valid until the next call. */
may_yield must_check struct err *dial_read_line(struct task *t, struct dial *d,
    size_t max, uint64_t limit_at, struct str *line_r);
/* Gathered; sent with dial_flush() and whenever DIAL_OUTPUT_BYTES are there,
 * which then have to be out after block_ms. */
may_yield must_check struct err *dial_write(struct task *t, struct dial *d,
    const void *p, size_t n, uint64_t block_ms);
/* Wait until the kernel has it all.  Input is taken meanwhile, so that two who
 * send do not wait for each other. */
may_yield must_check struct err *dial_flush(struct task *t, struct dial *d,
    uint64_t limit_at);

may_yield must_check struct err *dial_start_tls(struct task *t, struct dial *d,
    const char *name, enum tls_demand demand, uint64_t limit_at);
/* NULL: plain text. */
const struct tls_conn *dial_tls(const struct dial *d);

#endif
