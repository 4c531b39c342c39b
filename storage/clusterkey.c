/* clusterkey.c - the cluster's key and the file that keeps it */
#include "storage/clusterkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "storage/localdir.h"

#define CLUSTERKEY_FILE "cluster.key"
#define CLUSTERKEY_FILE_MAX 4096
#define CLUSTERKEY_HEAD "shoal-cluster-key 1"
#define CLUSTERKEY_ID_LABEL "shoal key id"

void
clusterkey_make(const struct rnd *r, struct clusterkey *k_r)
{
	r->fill(r->arg, k_r->key, sizeof(k_r->key));
}

void
clusterkey_wipe(struct clusterkey *k)
{
	crypto_wipe(k->key, sizeof(k->key));
}

void
clusterkey_derive(const struct clusterkey *k, const char *label,
    unsigned char out_r[32])
{
	crypto_derive(k->key, str_c(label), out_r);
}

void
clusterkey_id(const struct clusterkey *k, char id_r[CLUSTERKEY_ID_CHARS + 1])
{
	unsigned char d[32];
	unsigned i;

	clusterkey_derive(k, CLUSTERKEY_ID_LABEL, d);
	for (i = 0; i < CLUSTERKEY_ID_CHARS / 2; i++)
		snprintf(id_r + 2 * i, 3, "%02x", d[i]);
	crypto_wipe(d, sizeof(d));
}

static struct err *
clusterkey_damaged(struct arena *a, const char *local)
{
	return err_newf(a, ERR_CORRUPT,
	    "%s/" CLUSTERKEY_FILE " is damaged: restore it from a backup, or "
	    "join again with a new invite",
	    local);
}

/* "name value" LF */
static bool
clusterkey_line(struct str *rest, const char *name, void *out_r, size_t n)
{
	struct str line, word;

	return str_split(rest, '\n', &line) && str_split(&line, ' ', &word) &&
	       str_eq_c(word, name) && str_unhex(line, out_r, n);
}

static bool
clusterkey_parse(struct str text, struct clusterkey *k_r,
    unsigned char uuid_r[16])
{
	struct str rest = text, head;
	unsigned char crc[4];
	uint32_t is;
	size_t n;

	if (!str_split(&rest, '\n', &head) ||
	    !str_eq_c(head, CLUSTERKEY_HEAD) ||
	    !clusterkey_line(&rest, "share", uuid_r, 16) ||
	    !clusterkey_line(&rest, "key", k_r->key, sizeof(k_r->key)))
		return false;
	n = (size_t)(rest.p - text.p);
	if (!clusterkey_line(&rest, "crc", crc, sizeof(crc)))
		return false;
	is = (uint32_t)crc[0] << 24 | (uint32_t)crc[1] << 16 |
	     (uint32_t)crc[2] << 8 | crc[3];
	return is == crc32c(0, text.p, n);
}

static struct str
clusterkey_text(struct arena *a, const unsigned char uuid[16],
    const struct clusterkey *k)
{
	struct buf b;

	buf_init(&b, a, CLUSTERKEY_FILE_MAX);
	buf_c(&b, CLUSTERKEY_HEAD "\nshare ");
	buf_hex(&b, uuid, 16);
	buf_c(&b, "\nkey ");
	buf_hex(&b, k->key, sizeof(k->key));
	buf_char(&b, '\n');
	buf_fmt(&b, "crc %08x\n", (unsigned)crc32c(0, b.p, b.n));
	return buf_str(&b);
}

static struct err *
clusterkey_check_file(struct arena *a, const char *local)
{
	const char *path = arena_printf(a, "%s/" CLUSTERKEY_FILE, local);
	struct stat sb;

	if (lstat(path, &sb) != 0)
		return errno == ENOENT
			   ? err_newf(a, ERR_NOENT,
				 "this machine is not a node of the cluster: "
				 "there is no %s (shoalctl join makes it)",
				 path)
			   : err_errno(a, errno, "cannot read %s", path);
	if (!S_ISREG(sb.st_mode))
		return err_newf(a, ERR_DENIED, "%s is not a file", path);
	if ((sb.st_mode & 077) != 0)
		return err_newf(a, ERR_DENIED,
		    "%s may be read by others: chmod 600 it, and think about "
		    "who has read it",
		    path);
	if (sb.st_uid != geteuid() && geteuid() != 0)
		return err_newf(a, ERR_DENIED, "%s belongs to somebody else",
		    path);
	return NULL;
}

struct err *
clusterkey_load(struct arena *a, const char *local,
    const unsigned char *share_uuid, struct clusterkey *k_r,
    unsigned char *uuid_r)
{
	unsigned char uuid[16];
	struct str text;
	struct err *e;
	bool ok;

	e = clusterkey_check_file(a, local);
	if (e == NULL)
		e = localdir_get(a, local, CLUSTERKEY_FILE, CLUSTERKEY_FILE_MAX,
		    &text);
	if (e != NULL)
		return e;
	ok = clusterkey_parse(text, k_r, uuid);
	crypto_wipe((char *)text.p, text.n);
	if (!ok)
		return clusterkey_damaged(a, local);
	if (uuid_r != NULL)
		memcpy(uuid_r, uuid, sizeof(uuid));
	if (share_uuid == NULL || memcmp(uuid, share_uuid, sizeof(uuid)) == 0)
		return NULL;
	clusterkey_wipe(k_r);
	return err_newf(a, ERR_FOREIGN,
	    "%s/" CLUSTERKEY_FILE " is the key of another cluster, not of the "
	    "one on this share",
	    local);
}

struct err *
clusterkey_store(struct arena *a, const char *local,
    const unsigned char share_uuid[16], const struct clusterkey *k)
{
	struct clusterkey have;
	struct str text;
	struct err *e;
	bool same;

	text = clusterkey_text(a, share_uuid, k);
	e = localdir_put(a, local, CLUSTERKEY_FILE, text.p, text.n, true);
	crypto_wipe((char *)text.p, text.n);
	if (!err_is(e, ERR_EXIST))
		return e;
	if (clusterkey_load(a, local, share_uuid, &have, NULL) == NULL) {
		same = crypto_equal(have.key, k->key, sizeof(have.key));
		clusterkey_wipe(&have);
		if (same)
			return NULL;
	}
	return err_newf(a, ERR_EXIST,
	    "%s/" CLUSTERKEY_FILE " exists: this directory belongs to a node "
	    "already",
	    local);
}
