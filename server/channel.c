/* channel.c - what the master and a worker say to each other */
#include "server/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

bool
channel_pair(int fds_r[2])
{
	return socketpair(AF_UNIX,
		   SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		   fds_r) == 0;
}

bool
channel_send(int fd, enum channel_type type, const void *p, size_t n,
    const int *fds, unsigned fds_n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS)];
	} control;
	uint32_t head = (uint32_t)type;
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)p, n } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n > 0 ? 2 : 1 };
	ssize_t sent;

	invariant(n <= CHANNEL_BYTES && fds_n <= CHANNEL_FDS);
	if (fds_n > 0) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof(control));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fds_n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fds_n);
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * fds_n);
	}
	do
		sent = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

static void
channel_take_fds(struct msghdr *m, struct channel_msg *m_r)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		m_r->fds_n =
		    (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		invariant(m_r->fds_n <= CHANNEL_FDS);
		memcpy(m_r->fds, CMSG_DATA(c), sizeof(int) * m_r->fds_n);
	}
}

enum channel_got
channel_recv(int fd, struct channel_msg *m_r)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS)];
	} control;
	uint32_t head = 0;
	struct iovec iov[2] = { { &head, sizeof(head) },
		{ m_r->data, sizeof(m_r->data) } };
	struct msghdr m = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t got;

	m_r->fds_n = 0;
	do
		got = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return CHANNEL_NOTHING;
	if (got < (ssize_t)sizeof(head))
		return CHANNEL_GONE;
	channel_take_fds(&m, m_r);
	m_r->type = (enum channel_type)head;
	m_r->n = (size_t)got - sizeof(head);
	return CHANNEL_MSG;
}

int
channel_file(struct str text)
{
	int fd = memfd_create("shoal-conf", MFD_CLOEXEC);

	while (fd >= 0 && text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			close(fd);
			return -1;
		}
		text = str_sub(text, (size_t)n, text.n);
	}
	return fd;
}

bool
channel_file_map(int fd, struct str *text_r)
{
	struct stat sb;
	void *p;

	*text_r = STR_NONE;
	if (fstat(fd, &sb) != 0 || sb.st_size <= 0)
		return false;
	p = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	*text_r = str_of(p, (size_t)sb.st_size);
	return true;
}

void
channel_file_unmap(struct str *text)
{
	if (text->p != NULL)
		munmap((void *)text->p, text->n);
	*text = STR_NONE;
}
