/* conn.h - one client connection: bytes in and out, TLS, deadlines */
#ifndef SERVER_NET_CONN_H
#define SERVER_NET_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/task.h"
#include "server/net/addr.h"

/*
 * A connection is one fd, optionally TLS, two bounded buffers, and a protocol.
 * It has a task only while the protocol has something to do: between commands,
 * and in IDLE, it is a small struct and its buffers are given back.
 *
 * The protocol is a table of three functions.  open() runs in a task when the
 * connection is there (PROXY header read, implicit TLS done).  event() runs in
 * a new task whenever something happened: input, conn_kick(), the idle timeout,
 * drain.  It handles everything that is complete in the input buffer and
 * returns; a command that needs more bytes waits for them with conn_fill() or
 * conn_read().  While it runs no second task of this connection exists; what
 * happens meanwhile is delivered when it returns.  close() runs outside any
 * task, once, after the last task has returned, if open() was called; it must
 * not yield.  Output not yet sent may still go out after it.
 *
 * Output is gathered and sent when the task waits for input, when it returns,
 * or when CONN_OUTPUT_BYTES are there; conn_write() yields then, so a client
 * that does not read costs one buffer.  Every wait is bounded: by the idle
 * timeout, by a deadline, by the byte floor, and for output by
 * CONN_WRITE_TIMEOUT_MS without progress.
 *
 * Errors: ERR_UNAVAIL the peer is gone; ERR_TIMEOUT; ERR_LIMIT line or buffer
 * too long; ERR_IO TLS broke.  After any but ERR_LIMIT nothing more can be
 * read: return.  Writes to a dead connection are swallowed; after ERR_TIMEOUT a
 * last word ("421 ...") still goes out, then the connection ends by itself.
 *
 * A peer that has closed its side, or died, behind what it sent: event() is
 * still called for that, its replies still go out, then the connection ends.
 */
struct conn;
struct worker;

#define CONN_INPUT_BYTES 16384	/* default; conn_set_input_max */
#define CONN_INPUT_LIMIT 262144 /* no protocol may ask for more */
#define CONN_OUTPUT_BYTES 32768
#define CONN_WRITE_TIMEOUT_MS 60000
#define CONN_LINGER_MS 5000 /* for the last reply, after conn_end() */

enum conn_event {
	CONN_EVENT_INPUT = 1,	/* bytes are there */
	CONN_EVENT_KICK = 2,	/* conn_kick() */
	CONN_EVENT_TIMEOUT = 4, /* idle for too long: say so, conn_end() */
	CONN_EVENT_DRAIN = 8	/* the node is going: finish politely, soon */
};

struct protocol {
	const char *name;   /* "imap", "smtp": logs, metrics, limits */
	bool tls;	    /* implicit */
	const char *busy;   /* line for too many connections; or NULL */
	const char *denied; /* line for peers not in `allow`; or NULL: closed */
	uint32_t start_timeout_ms; /* idle timeout at the beginning */
	void (*open)(struct task *t, struct conn *c);
	void (*event)(struct task *t, struct conn *c, unsigned events);
	void (*close)(struct conn *c);
};

/* --- who and what --- */
struct worker *conn_worker(const struct conn *c);
const struct protocol *conn_protocol(const struct conn *c);
const struct conf_listener *conn_listener(const struct conn *c);
/* The client: from the PROXY header where there was one. */
const struct net_addr *conn_peer(const struct conn *c);
const struct net_addr *conn_local(const struct conn *c); /* its destination */
/* "n1-2-000017": node, worker, number; for logs and Received. */
const char *conn_id(const struct conn *c);
uint64_t conn_began_ms(const struct conn *c);
/* Whether it ever sent a byte: else it was a probe, which is not logged. */
bool conn_has_spoken(const struct conn *c);
void *conn_session(const struct conn *c);
void conn_set_session(struct conn *c, void *session);

/* --- limits --- */
void conn_set_input_max(struct conn *c, size_t bytes);
/* Between commands and in every wait for input; 0: none. */
void conn_set_idle_timeout(struct conn *c, uint32_t ms);
/* Absolute (sched_now_ms), whatever arrives; 0: none. */
void conn_set_deadline(struct conn *c, uint64_t at_ms);
/* While reading: fewer bytes a second than this, averaged since the call and
 * after the first 30 s, is ERR_TIMEOUT; 0: none. */
void conn_set_floor(struct conn *c, uint32_t bytes_per_s);

/* --- input --- */
/* What is there, without waiting; valid until the next call on c that reads. */
struct str conn_buffered(const struct conn *c);
void conn_consume(struct conn *c, size_t n);
/* Wait until there is more than now. ERR_LIMIT: the buffer is full. */
may_yield must_check struct err *conn_fill(struct task *t, struct conn *c);
/*
 * A line without its CRLF (or bare LF: *bare_r, which may be NULL), consumed.
 * It points into the buffer: valid until the next read.  ERR_LIMIT: it is
 * longer than max; it has been discarded up to its LF.
 */
may_yield must_check struct err *conn_read_line(struct task *t, struct conn *c,
    size_t max, struct str *line_r, bool *bare_r);
/* 1 to n bytes. */
may_yield must_check struct err *conn_read(struct task *t, struct conn *c,
    void *p, size_t n, size_t *got_r);

/* --- output: never fails visibly; a dead connection swallows --- */
may_yield void conn_write(struct task *t, struct conn *c, const void *p,
    size_t n);
may_yield void conn_puts(struct task *t, struct conn *c, const char *s);
may_yield void conn_printf(struct task *t, struct conn *c, const char *fmt, ...)
    printf_like(3, 4);
/* Wait until the kernel has it all. */
may_yield must_check struct err *conn_flush(struct task *t, struct conn *c);

/* --- life --- */
/* End after this task returned and the output is out. */
void conn_end(struct conn *c);
bool conn_is_ending(const struct conn *c); /* or dead */
/* From anywhere, outside a task too: event() with CONN_EVENT_KICK soon. */
void conn_kick(struct conn *c);

/* --- TLS --- */
bool conn_is_tls(const struct conn *c);
/* For Received and logs: "TLSv1.3", "TLS_AES_256_GCM_SHA384"; NULL: none. */
const char *conn_tls_version(const struct conn *c);
const char *conn_tls_cipher(const struct conn *c);
/*
 * The channel's bytes for channel binding (RFC 5056), of a type by name:
 * "tls-exporter" (RFC 9266; with TLS 1.3), "tls-server-end-point" (RFC 5929).
 * false: no such here.
 */
#define CONN_BINDING_MAX 64
bool conn_tls_binding(const struct conn *c, struct str type,
    unsigned char out_r[CONN_BINDING_MAX], size_t *n_r);
/*
 * STARTTLS: write and flush the reply first.  ERR_INVALID: input was already
 * there (injected plain text, CVE-2011-0411): the connection has been ended.
 * Else the handshake, within the limit net.tls_handshake.
 */
may_yield must_check struct err *conn_start_tls(struct task *t, struct conn *c);
/* Whether this worker has a certificate at all: else no STARTTLS is offered. */
bool conn_can_tls(const struct conn *c);

#endif
