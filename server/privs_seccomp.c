/* privs_seccomp.c - the system calls of a worker: the door to libseccomp */
#include <seccomp.h>
#include <stddef.h>

#include "base/attr.h"
#include "server/privs.h"

/*
 * What a worker was seen to use (strace of the test suite), and what glibc,
 * SQLite and OpenSSL may use instead on another kernel.  By name: a call that
 * this architecture lacks is left out.
 */
static const char *const privs_calls[] = {
	/* files: local/, POSIX shares */
	"openat", "openat2", "open", "close", "close_range", "read", "pread64",
	"readv", "preadv", "write", "pwrite64", "writev", "pwritev", "lseek",
	"fstat", "stat", "lstat", "newfstatat", "fstatat64", "statx", "statfs",
	"fstatfs", "access", "faccessat", "faccessat2", "readlink",
	"readlinkat", "symlink", "symlinkat", "link", "linkat", "unlink",
	"unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat",
	"rmdir", "getdents", "getdents64", "fsync", "fdatasync", "syncfs",
	"ftruncate", "truncate", "fallocate", "fadvise64", "utimensat",
	"futimens", "chmod", "fchmod", "fchmodat", "chown", "fchown",
	"fchownat", "flock", "fcntl", "fcntl64", "umask", "getcwd",
	"copy_file_range", "sendfile", "dup", "dup2", "dup3", "pipe", "pipe2",
	"memfd_create", "ioctl",
	/* memory, threads, time */
	"mmap", "mmap2", "munmap", "mprotect", "mremap", "madvise", "brk",
	"futex", "futex_waitv", "clone", "clone3", "fork", "vfork",
	"set_robust_list", "get_robust_list", "set_tid_address", "rseq",
	"membarrier", "sched_yield", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "nanosleep", "clock_nanosleep", "clock_gettime",
	"clock_getres", "gettimeofday", "time", "times", "sigaltstack",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait",
	"rt_sigsuspend", "restart_syscall", "exit", "exit_group", "wait4",
	"waitid", "kill", "tgkill", "gettid", "getpid", "getppid", "getuid",
	"geteuid", "getgid", "getegid", "getgroups", "getresuid", "getresgid",
	"getrusage", "getrlimit", "prlimit64", "getpriority", "sysinfo",
	"uname", "getrandom", "prctl", "arch_prctl", "capget",
	/* network, events */
	"socket", "socketpair", "connect", "bind", "listen", "accept",
	"accept4", "getsockname", "getpeername", "setsockopt", "getsockopt",
	"sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg",
	"shutdown", "poll", "ppoll", "select", "pselect6", "epoll_create",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
	"epoll_pwait2", "eventfd", "eventfd2", "timerfd_create",
	"timerfd_settime", "timerfd_gettime", "signalfd4"
};

bool
privs_seccomp(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_LOG);
	bool ok = ctx != NULL;

	for (size_t i = 0; ok && i < countof(privs_calls); i++) {
		int nr = seccomp_syscall_resolve_name(privs_calls[i]);

		/* Negative: not of this architecture. */
		if (nr >= 0)
			ok = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0) == 0;
	}
	ok = ok && seccomp_load(ctx) == 0;
	seccomp_release(ctx);
	return ok;
}
