/* privs.c - what a worker gives up before it touches the network */
#include "server/privs.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* /proc/sys/fs/nr_open's usual value. */
#define PRIVS_FILES_MAX (1U << 20)

struct err *
privs_ids(struct arena *a, const char *user, const char *group, uid_t *uid_r,
    gid_t *gid_r)
{
	const struct passwd *pw = getpwnam(user);
	const struct group *gr;

	if (pw == NULL)
		return err_newf(a, ERR_INVALID, "there is no user \"%s\"",
		    user);
	*uid_r = pw->pw_uid;
	*gid_r = pw->pw_gid;
	if (group == NULL)
		return NULL;
	gr = getgrnam(group);
	if (gr == NULL)
		return err_newf(a, ERR_INVALID, "there is no group \"%s\"",
		    group);
	*gid_r = gr->gr_gid;
	return NULL;
}

static int
privs_keep_bind(void)
{
	struct __user_cap_header_struct h = { .version =
						  _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	d[0].permitted = d[0].effective = 1U << CAP_NET_BIND_SERVICE;
	return (int)syscall(SYS_capset, &h, d);
}

/* user: for its other groups; NULL: none. */
static struct err *
privs_become(struct arena *a, const char *user, uid_t uid, gid_t gid)
{
	int groups = user != NULL ? initgroups(user, gid) : setgroups(1, &gid);

	if (groups != 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
	    setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return err_errno(a, errno, "cannot become user %u",
		    (unsigned)uid);
	/* Without the capability to begin with (a container) there is none to
	 * keep: exports then have to take any port. */
	if (privs_keep_bind() != 0 && errno != EPERM)
		return err_errno(a, errno, "cannot give up root's rights");
	if (uid != 0 && setuid(0) == 0)
		panic("still root after becoming user %u", (unsigned)uid);
	return NULL;
}

struct err *
privs_become_user(struct arena *a, const char *user, const char *group)
{
	uid_t uid;
	gid_t gid;
	struct err *e;

	if (geteuid() != 0)
		return NULL;
	e = privs_ids(a, user, group, &uid, &gid);
	return e != NULL ? e : privs_become(a, user, uid, gid);
}

struct err *
privs_become_owner(struct arena *a, const char *dir)
{
	const struct passwd *pw;
	struct stat sb;

	if (geteuid() != 0)
		return NULL;
	if (stat(dir, &sb) != 0)
		return err_errno(a, errno, "cannot use %s", dir);
	if (sb.st_uid == 0)
		return NULL;
	pw = getpwuid(sb.st_uid);
	return privs_become(a, pw != NULL ? pw->pw_name : NULL, sb.st_uid,
	    sb.st_gid);
}

struct err *
privs_make_local(struct arena *a, const char *dir, const char *user,
    const char *group)
{
	struct stat sb;
	uid_t uid;
	gid_t gid;
	struct err *e;

	if (geteuid() != 0)
		return NULL; /* whoever uses it looks at it */
	e = privs_ids(a, user, group, &uid, &gid);
	if (e != NULL)
		return e;
	if (mkdir(dir, 0700) == 0) {
		if (lchown(dir, uid, gid) != 0)
			return err_errno(a, errno, "cannot give %s to %s", dir,
			    user);
	} else if (errno != EEXIST) {
		return err_errno(a, errno, "cannot make %s", dir);
	}
	if (stat(dir, &sb) != 0)
		return err_errno(a, errno, "cannot use %s", dir);
	if (sb.st_uid != uid)
		return err_newf(a, ERR_DENIED,
		    "%s does not belong to the user \"%s\": chown -R %s %s",
		    dir, user, user, dir);
	return NULL;
}

struct err *
privs_drop(struct arena *a, const char *user, const char *group)
{
	struct err *e = privs_become_user(a, user, group);

	if (e != NULL)
		return e;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_errno(a, errno, "cannot set no_new_privs");
	/* After setresuid(), which sets it anew. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_errno(a, errno, "cannot become undumpable");
	return NULL;
}

bool
privs_die_with(pid_t master)
{
	/* Cleared by setuid() and the like: to be called after privs_drop(). */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	return getppid() == master;
}

void
privs_raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	if (geteuid() == 0 && r.rlim_max < PRIVS_FILES_MAX) {
		struct rlimit more = { PRIVS_FILES_MAX, PRIVS_FILES_MAX };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	r.rlim_cur =
	    r.rlim_max < PRIVS_FILES_MAX ? r.rlim_max : PRIVS_FILES_MAX;
	setrlimit(RLIMIT_NOFILE, &r);
}
