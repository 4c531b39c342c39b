/* tls_conn.c - TLS on one connection */
#include "server/net/tls_conn.h"

struct tls_conn *
tls_conn_new(struct tls *tls, int fd)
{
	(void)tls;
	(void)fd;
	return NULL;
}
void
tls_conn_free(struct tls_conn **c)
{
	*c = NULL;
}
enum tls_result
tls_conn_handshake(struct tls_conn *c)
{
	(void)c;
	return TLS_BROKEN;
}
enum tls_result
tls_conn_read(struct tls_conn *c, void *p, size_t n, size_t *got_r)
{
	(void)c;
	(void)p;
	(void)n;
	*got_r = 0;
	return TLS_BROKEN;
}
enum tls_result
tls_conn_write(struct tls_conn *c, const void *p, size_t n, size_t *put_r)
{
	(void)c;
	(void)p;
	(void)n;
	*put_r = 0;
	return TLS_BROKEN;
}
bool
tls_conn_is_pending(const struct tls_conn *c)
{
	(void)c;
	return false;
}
void
tls_conn_bye(struct tls_conn *c)
{
	(void)c;
}
const char *
tls_conn_version(const struct tls_conn *c)
{
	(void)c;
	return "";
}
const char *
tls_conn_cipher(const struct tls_conn *c)
{
	(void)c;
	return "";
}
bool
tls_conn_has_spoken(const struct tls_conn *c)
{
	(void)c;
	return false;
}
const char *
tls_conn_why(const struct tls_conn *c)
{
	(void)c;
	return "";
}
