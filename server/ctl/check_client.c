/* check_client.c - a client that says where it got stuck */
#include "server/ctl/check_client.h"

#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "server/net/tls_client.h"

static uint64_t
check_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool
check_begin(struct check *c, const char *name)
{
	if (c->failed || c->n == CHECK_STEPS_MAX)
		return false;
	c->steps[c->n++] =
	    (struct check_step){ .name = name, .ms = check_now_ms() };
	return true;
}

static bool
check_end(struct check *c, bool ok)
{
	struct check_step *s = &c->steps[c->n - 1];

	s->ms = check_now_ms() - s->ms;
	s->ok = ok;
	c->failed = !ok;
	return ok;
}

static void printf_like(2, 3) check_say(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->said, sizeof(c->said), fmt, ap);
	va_end(ap);
}

bool
check_address(const char *text, char host_r[256], char port_r[16])
{
	const char *colon = strrchr(text, ':'), *end = colon;

	if (colon == NULL || colon == text || colon[1] == '\0' ||
	    strlen(colon + 1) > 15)
		return false;
	if (text[0] == '[') {
		text++;
		end = colon - 1;
		if (end <= text || *end != ']')
			return false;
	}
	if ((size_t)(end - text) > 255)
		return false;
	snprintf(host_r, 256, "%.*s", (int)(end - text), text);
	snprintf(port_r, 16, "%s", colon + 1);
	return true;
}

/* --- the socket --- */

static bool
check_connect_one(struct check *c, const struct addrinfo *ai)
{
	struct timeval limit = { .tv_sec = CHECK_TIMEOUT_S };

	c->fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC,
	    ai->ai_protocol);
	if (c->fd < 0)
		return false;
	/* Of connect(), too. */
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(c->fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return true;
	check_say(c, "%s port %s: %s", c->host, c->port,
	    errno == EINPROGRESS ? "no answer" : strerror(errno));
	close(c->fd);
	c->fd = -1;
	return false;
}

static bool
check_connect(struct check *c)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *ai;
	bool ok = false;
	int rc;

	c->fd = -1;
	if (!check_begin(c, "connect"))
		return false;
	rc = getaddrinfo(c->host, c->port, &hints, &list);
	if (rc != 0) {
		check_say(c, "%s: %s", c->host, gai_strerror(rc));
		return check_end(c, false);
	}
	for (ai = list; ai != NULL && !ok; ai = ai->ai_next)
		ok = check_connect_one(c, ai);
	freeaddrinfo(list);
	return check_end(c, ok);
}

static bool
check_write(struct check *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t got = c->tls != NULL ? tls_client_write(c->tls, p, n)
					     : send(c->fd, p, n, MSG_NOSIGNAL);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			check_say(c, "sending: %s", strerror(errno));
			return false;
		}
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static ssize_t
check_recv(struct check *c, void *p, size_t n)
{
	return c->tls != NULL ? tls_client_read(c->tls, p, n)
			      : recv(c->fd, p, n, 0);
}

/* The next line, without its end, NUL-terminated, in c->line. */
static bool
check_line(struct check *c)
{
	memmove(c->line, c->line + c->line_n, c->have - c->line_n);
	c->have -= c->line_n;
	c->line_n = 0;
	for (;;) {
		char *lf = memchr(c->line, '\n', c->have);
		ssize_t got;

		if (lf != NULL) {
			c->line_n = (size_t)(lf - c->line) + 1;
			*lf = '\0';
			if (lf > c->line && lf[-1] == '\r')
				lf[-1] = '\0';
			return true;
		}
		if (c->have == sizeof(c->line)) {
			check_say(c, "the answer has a line without end");
			return false;
		}
		got =
		    check_recv(c, c->line + c->have, sizeof(c->line) - c->have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			check_say(c, "%s",
			    got == 0 ? "the server closed the connection"
			    : errno == EAGAIN ? "no answer within 30 s"
					      : strerror(errno));
			return false;
		}
		c->have += (size_t)got;
	}
}

static void
check_close(struct check *c)
{
	tls_client_free(&c->tls);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* --- SMTP --- */

static bool
check_smtp_reply(struct check *c, char want)
{
	do {
		if (!check_line(c))
			return false;
	} while (strlen(c->line) > 3 && c->line[3] == '-');
	if (c->line[0] == want)
		return true;
	check_say(c, "%.500s", c->line);
	return false;
}

static bool printf_like(4, 5) check_smtp_cmd(struct check *c, const char *name,
    char want, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	if (!check_begin(c, name))
		return false;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return check_end(c, n < (int)sizeof(text) &&
				check_write(c, text, (size_t)n) &&
				check_smtp_reply(c, want));
}

static bool
check_smtp_message(struct check *c)
{
	struct str rest = c->message, line;
	bool ok = true;

	if (!check_begin(c, "message"))
		return false;
	while (ok && str_split(&rest, '\n', &line)) {
		if (line.n == 0 && rest.n == 0)
			break;
		if (line.n > 0 && line.p[0] == '.')
			ok = check_write(c, ".", 1);
		ok = ok && check_write(c, line.p, line.n + 1);
	}
	ok = ok && check_write(c, ".\r\n", 3) && check_smtp_reply(c, '2');
	return check_end(c, ok);
}

void
blocking_check_smtp(void *arg)
{
	struct check *c = arg;

	if (check_connect(c) && check_smtp_cmd(c, "greeting", '2', "%s", "") &&
	    check_smtp_cmd(c, "EHLO", '2', "EHLO %s\r\n", c->helo) &&
	    check_smtp_cmd(c, "MAIL", '2', "MAIL FROM:<%s>\r\n", c->from) &&
	    check_smtp_cmd(c, "RCPT", '2', "RCPT TO:<%s>\r\n", c->to) &&
	    check_smtp_cmd(c, "DATA", '3', "DATA\r\n") && check_smtp_message(c))
		(void)check_write(c, "QUIT\r\n", 6);
	check_close(c);
}

/* --- IMAP --- */

/* A quoted string; CR, LF and NUL have no place in what is asked here. */
static void
check_quote(char *out, size_t size, const char *s)
{
	size_t n = 0;

	out[n++] = '"';
	for (; *s != '\0' && n + 3 < size; s++) {
		if (*s == '"' || *s == '\\')
			out[n++] = '\\';
		out[n++] = *s;
	}
	out[n++] = '"';
	out[n] = '\0';
}

/* Lines up to the tagged one; *found_r: one of them begins with `find`, which
 * is kept in said. */
static bool
check_imap_reply(struct check *c, const char *find, bool *found_r)
{
	char tag[16];
	size_t n = (size_t)snprintf(tag, sizeof(tag), "a%u ", c->tag);

	for (;;) {
		if (!check_line(c))
			return false;
		if (strncmp(c->line, tag, n) == 0)
			break;
		if (find != NULL && strncmp(c->line, find, strlen(find)) == 0 &&
		    c->line[strlen(find)] != '\0') {
			*found_r = true;
			check_say(c, "%.500s", c->line);
		}
	}
	if (strncmp(c->line + n, "OK", 2) == 0)
		return true;
	check_say(c, "%.500s", c->line);
	return false;
}

static bool printf_like(5, 6) check_imap_cmd(struct check *c, const char *name,
    const char *find, bool *found_r, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	bool ok;
	int n, m;

	if (!check_begin(c, name))
		return false;
	*found_r = false;
	n = snprintf(text, sizeof(text), "a%u ", ++c->tag);
	va_start(ap, fmt);
	m = vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	ok = n + m < (int)sizeof(text) &&
	     check_write(c, text, (size_t)(n + m)) &&
	     check_imap_reply(c, find, found_r);
	explicit_bzero(text, sizeof(text));
	return check_end(c, ok);
}

static bool
check_imap_tls(struct check *c)
{
	if (!check_begin(c, "imap tls"))
		return false;
	/* What came before in the clear is not believed. */
	c->line_n = c->have = 0;
	c->tls = tls_client_new(c->fd, c->host, c->said, sizeof(c->said));
	return check_end(c, c->tls != NULL);
}

static bool
check_imap_greeting(struct check *c)
{
	if (!check_begin(c, "imap greeting"))
		return false;
	if (!check_line(c))
		return check_end(c, false);
	if (strncmp(c->line, "* OK", 4) == 0)
		return check_end(c, true);
	check_say(c, "%.500s", c->line);
	return check_end(c, false);
}

/* STARTTLS, if it is there; without it the login will say what it thinks. */
static bool
check_imap_secure(struct check *c)
{
	bool found;

	if (c->tls != NULL)
		return true;
	if (!check_imap_cmd(c, "imap capability", "* CAPABILITY", &found,
		"CAPABILITY\r\n"))
		return false;
	if (!found || strstr(c->said, " STARTTLS") == NULL)
		return true;
	return check_imap_cmd(c, "imap starttls", NULL, &found,
		   "STARTTLS\r\n") &&
	       check_imap_tls(c);
}

static bool
check_imap_find(struct check *c, unsigned long *uid_r)
{
	char id[512];
	bool found;

	check_quote(id, sizeof(id), c->message_id);
	if (!check_imap_cmd(c, "imap search", "* SEARCH ", &found,
		"UID SEARCH HEADER MESSAGE-ID %s\r\n", id))
		return false;
	if (!found || sscanf(c->said, "* SEARCH %lu", uid_r) != 1) {
		c->steps[c->n - 1].ok = false;
		c->failed = true;
		check_say(c, "the message is not in INBOX");
		return false;
	}
	return true;
}

void
blocking_check_imap(void *arg)
{
	struct check *c = arg;
	char login[512], password[1024];
	unsigned long uid = 0;
	bool found;

	check_quote(login, sizeof(login), c->login);
	check_quote(password, sizeof(password), c->password);
	if (check_connect(c) &&
	    (strcmp(c->port, "993") != 0 || check_imap_tls(c)) &&
	    check_imap_greeting(c) && check_imap_secure(c) &&
	    check_imap_cmd(c, "imap login", NULL, &found, "LOGIN %s %s\r\n",
		login, password) &&
	    check_imap_cmd(c, "imap select", NULL, &found,
		"EXAMINE INBOX\r\n") &&
	    check_imap_find(c, &uid) &&
	    check_imap_cmd(c, "imap fetch", NULL, &found,
		"UID FETCH %lu BODY.PEEK[]\r\n", uid))
		(void)check_write(c, "a99 LOGOUT\r\n", 12);
	explicit_bzero(password, sizeof(password));
	check_close(c);
}
