/* privs.h - what a worker gives up before it touches the network */
#ifndef SERVER_PRIVS_H
#define SERVER_PRIVS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * As root: become user and group for good, keeping CAP_NET_BIND_SERVICE alone
 * (NFS exports that insist on ports below 1024).  As anybody else: nothing to
 * give up.  Then in both cases no_new_privs, no core dumps or ptrace
 * (PR_SET_DUMPABLE), and the seccomp list.
 */
must_check struct err *privs_drop(struct arena *a, const char *user,
    const char *group);
/* The first part of it: for programs that only make a few calls (shoalctl). */
must_check struct err *privs_become_user(struct arena *a, const char *user,
    const char *group);
/* The same with the owner of a directory, unless that is root. */
must_check struct err *privs_become_owner(struct arena *a, const char *dir);
/* As root: make the node's directory if it is missing, the user's, and look
 * whose it is. */
must_check struct err *privs_make_local(struct arena *a, const char *dir,
    const char *user, const char *group);
/* Die with the master. false: it is dead already. */
bool privs_die_with(pid_t master);
/* As many descriptors as the system allows; to be done by the master. */
void privs_raise_files(void);

/* uid and gid of user and group (NULL: the user's). */
must_check struct err *privs_ids(struct arena *a, const char *user,
    const char *group, uid_t *uid_r, gid_t *gid_r);

/*
 * System calls that a worker needs; others are only logged for now
 * (SCMP_ACT_LOG: audit, or dmesg).  false: the kernel has no seccomp; goes on
 * without.
 */
bool privs_seccomp(void);

#endif
