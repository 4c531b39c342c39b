/* test_worker.c - what a worker answers, and what it says to the master */
#include "server/worker.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/channel.h"
#include "test.h"

/* No failure is success, and none is forgotten. */
static void
test_outcome(void **state)
{
	(void)state;
	assert_int_equal(worker_outcome(NULL), WORKER_OK);
	for (unsigned i = 1; i < ERR_CODES; i++) {
		struct err e = { .code = (enum err_code)i, .text = "" };

		if (worker_outcome(&e) == WORKER_OK ||
		    worker_outcome(&e) == WORKER_BUG)
			fail_msg("%s", err_name((enum err_code)i));
	}
	struct err odd = { .code = (enum err_code)4711, .text = "" };
	assert_int_equal(worker_outcome(&odd), WORKER_BUG);
	struct err full = { .code = ERR_NOSPC, .text = "" };
	assert_int_equal(worker_outcome(&full), WORKER_FULL);
}

static void
test_channel_texts(void **state)
{
	struct channel_msg m;
	char long_text[CHANNEL_BYTES];
	int fds[2];

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	assert_true(channel_pair(fds));
	assert_int_equal(channel_recv(fds[1], &m), CHANNEL_NOTHING);
	assert_true(channel_send(fds[0], CHANNEL_STATUS, "ready", 5, NULL, 0));
	assert_true(channel_send(fds[0], CHANNEL_UP, NULL, 0, NULL, 0));
	assert_true(channel_send(fds[0], CHANNEL_REFUSED, long_text,
	    sizeof(long_text), NULL, 0));
	assert_int_equal(channel_recv(fds[1], &m), CHANNEL_MSG);
	assert_int_equal(m.type, CHANNEL_STATUS);
	assert_true(str_eq_c(str_of(m.data, m.n), "ready"));
	assert_int_equal(channel_recv(fds[1], &m), CHANNEL_MSG);
	assert_int_equal(m.type, CHANNEL_UP);
	assert_int_equal(m.n, 0);
	assert_int_equal(channel_recv(fds[1], &m), CHANNEL_MSG);
	assert_int_equal(m.n, sizeof(long_text));
	close(fds[0]);
	assert_int_equal(channel_recv(fds[1], &m), CHANNEL_GONE);
	assert_false(channel_send(fds[1], CHANNEL_UP, NULL, 0, NULL, 0));
	close(fds[1]);
}

static void
test_channel_files(void **state)
{
	struct channel_msg m;
	struct str text, back;
	int fds[2], sent[CHANNEL_FDS];
	char *big = malloc(1 << 20);

	(void)state;
	memset(big, 'y', 1 << 20);
	text = str_of(big, 1 << 20);
	assert_true(channel_pair(fds));
	sent[0] = channel_file(text);
	assert_true(sent[0] >= 0);
	for (unsigned i = 1; i < CHANNEL_FDS; i++)
		sent[i] = fds[0];
	assert_true(
	    channel_send(fds[0], CHANNEL_CONF, "z", 1, sent, CHANNEL_FDS));
	close(sent[0]);
	assert_int_equal(channel_recv(fds[1], &m), CHANNEL_MSG);
	assert_int_equal(m.fds_n, CHANNEL_FDS);
	assert_true(channel_file_map(m.fds[0], &back));
	assert_true(str_eq(text, back));
	channel_file_unmap(&back);
	for (unsigned i = 0; i < m.fds_n; i++) {
		assert_true(fcntl(m.fds[i], F_GETFD) & FD_CLOEXEC);
		close(m.fds[i]);
	}
	free(big);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcome),
		cmocka_unit_test(test_channel_texts),
		cmocka_unit_test(test_channel_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
