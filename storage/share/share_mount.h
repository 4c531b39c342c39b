/* share_mount.h - from a path on an NFS mount to server, export, sub-path */
#ifndef STORAGE_SHARE_SHARE_MOUNT_H
#define STORAGE_SHARE_SHARE_MOUNT_H

#include "storage/share/share_url.h"

/*
 * "Add a node by mounting the share": the path is looked up in the kernel's
 * mount table (/proc/self/mountinfo, proc(5)), and no data goes through the
 * kernel's mount.  Field by field:
 *
 *	36 35 0:48 /root /mountpoint opts optional... - nfs4 server:/export super
 *
 * root is what of the export is mounted there (a bind mount, or an NFSv4 mount
 * below another), escapes are octal (\040), and where several are mounted on
 * each other the last one counts.  The server is addr= of the super options,
 * because the name in the source need not mean the same everywhere; port=,
 * mountport= are taken from there, too.  The path of an NFSv4 mount is that of
 * the server's pseudo file system: v4path is set, and the export list decides
 * (share_mount_export).
 */

/*
 * table is the text of mountinfo, path absolute and without symlinks.  true: url_r
 * is where the path really is; false: it lies on another kind of file system,
 * whose type is copied to fstype_r.
 */
bool share_mount_find(struct str table, const char *path,
    struct share_url *url_r, char fstype_r[64]);

/*
 * The same for this process: real path, /proc/self/mountinfo.  Not NFS: *url_r
 * is left alone.  uid and gid, unless url_r has them, are those of the
 * directory's owner.
 */
must_check struct err *share_mount_resolve(struct arena *a, const char *path,
    struct share_url *url_r);

/*
 * Which of the server's exports holds the NFSv4 path?  Its pseudo path is the
 * end of the export's path; the longest such fit wins.  The index, *at_r being
 * where in path the rest begins; -1 if none fits or several equally well.
 */
int share_mount_export(const char *const *exports, unsigned n,
    const char *path, int *at_r);

#endif
