/* channel.h - what the master and a worker say to each other */
#ifndef SERVER_CHANNEL_H
#define SERVER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

/*
 * A SOCK_SEQPACKET pair for each worker.  A message is its type (le32) and up
 * to CHANNEL_BYTES of text or binary; descriptors travel with it.  Both are the
 * same program: there is no version.
 *
 * To the worker:
 *	CONF	a reload.  fds[0]: a memory file with conf_pack(); then new
 *		listening sockets, one for each struct channel_socket of the
 *		message.  Addresses that stay keep their sockets.
 *	LOG	fds[0]: the log file was opened again.
 *	DRAIN	stop accepting, let sessions finish.
 *	PING	answered by PONG, by a worker whose loop turns.
 *	FINISH	(worker 0, when the others are gone) give the lease back, end.
 * To the master:
 *	UP	it does what it can at the moment.
 *	TAKEN	the configuration that came is in use.
 *	STATUS	text for people (sd_notify).
 *	REFUSED	a sentence: this node must not run.
 *	PONG
 */
enum channel_type {
	CHANNEL_CONF = 1,
	CHANNEL_LOG,
	CHANNEL_DRAIN,
	CHANNEL_FINISH,
	CHANNEL_PING,
	CHANNEL_UP,
	CHANNEL_TAKEN,
	CHANNEL_STATUS,
	CHANNEL_REFUSED,
	CHANNEL_PONG
};
#define CHANNEL_BYTES 4096
#define CHANNEL_FDS 240 /* the kernel's SCM_MAX_FD is 253 */

struct channel_socket {
	uint16_t listener, address; /* indices in the configuration */
};

struct channel_msg {
	enum channel_type type;
	unsigned char data[CHANNEL_BYTES];
	size_t n;
	int fds[CHANNEL_FDS]; /* the receiver's to close */
	unsigned fds_n;
};

/* Two non-blocking ends, close-on-exec; false: errno. */
bool channel_pair(int fds_r[2]);
/* false: it did not go (the peer is gone, or does not read). */
bool channel_send(int fd, enum channel_type type, const void *p, size_t n,
    const int *fds, unsigned fds_n);
enum channel_got { CHANNEL_MSG, CHANNEL_NOTHING, CHANNEL_GONE };
enum channel_got channel_recv(int fd, struct channel_msg *m_r);

/* A text as a memory file, and back (the map is the caller's to unmap). */
int channel_file(struct str text); /* -1: errno */
bool channel_file_map(int fd, struct str *text_r);
void channel_file_unmap(struct str *text);

#endif
