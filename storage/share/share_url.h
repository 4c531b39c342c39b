/* share_url.h - where a share is: nfs://server/export or a directory */
#ifndef STORAGE_SHARE_SHARE_URL_H
#define STORAGE_SHARE_SHARE_URL_H

#include "base/err.h"
#include "base/str.h"

/*
 *	nfs://server[:port]/export[/sub][?key=value&...]
 *	/a/local/directory[?key=value&...]
 *
 * server is a name, an IPv4 address, or an IPv6 address in brackets; port (or
 * nfsport=) is the NFS server's, mountport= the mount daemon's: with both, no
 * rpcbind is asked.  uid= and gid= are whom the server takes us for, the same
 * on all nodes; 0 if not given.  %XX in the path stands for a byte.
 */
#define SHARE_URL_PATH_MAX 1024 /* MNTPATHLEN, RFC 1813 5.1 */

struct share_url {
	bool nfs;
	bool v4path;	/* path is that of an NFSv4 mount: the export list maps it */
	char host[256];	/* nfs only */
	char path[SHARE_URL_PATH_MAX + 1];
	uint16_t nfs_port, mount_port;	/* 0: ask rpcbind */
	uint32_t uid, gid;
	bool have_uid, have_gid;
};

/* ERR_INVALID with a sentence that says what is wrong. */
must_check struct err *share_url_parse(struct arena *a, const char *text,
    struct share_url *url_r);
/* For messages: "nfs://server/export/mail", or the directory. */
char *share_url_name(struct arena *a, const struct share_url *url);

#endif
