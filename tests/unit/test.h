/* test.h - what unit tests share */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/str.h"

/* For table tests: which row of the table failed. */
#define test_row(i, c)                                                         \
	do {                                                                   \
		if (!(c))                                                      \
			fail_msg("row %zu: %s", (size_t)(i), #c);              \
	} while (0)
#define test_row_str(i, got, want)                                             \
	do {                                                                   \
		struct str got_ = (got), want_ = (want);                       \
		if (!str_eq(got_, want_))                                      \
			fail_msg("row %zu: got \"" STR_FMT                     \
				 "\", want \"" STR_FMT "\"",                   \
			    (size_t)(i), STR_ARG(got_), STR_ARG(want_));       \
	} while (0)

/* fn must abort the process with a sentence that contains says. */
static inline void
test_aborts(void (*fn)(void *arg), void *arg, const char *says)
{
	char text[4096];
	size_t n = 0;
	int fds[2], status;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		/* cmocka's own handlers would take the abort for its own */
		signal(SIGABRT, SIG_DFL);
		fn(arg);
		_exit(0);
	}
	close(fds[1]);
	while (n < sizeof(text) - 1 &&
	       (got = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
	    strstr(text, says) == NULL)
		fail_msg("status %#x, \"%s\" where \"%s\" should be", status,
		    text, says);
}

#endif
