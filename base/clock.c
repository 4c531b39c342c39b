/* clock.c - the system's two clocks */
#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/err.h"

static struct timespec
clock_read(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		panic("clock_gettime: %s", strerror(errno));
	return ts;
}

static uint64_t
clock_system_boot_ms(void *arg)
{
	struct timespec ts = clock_read(CLOCK_BOOTTIME);

	(void)arg;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int64_t
clock_system_wall_s(void *arg)
{
	(void)arg;
	return clock_read(CLOCK_REALTIME).tv_sec;
}

int64_t
clock_system_wall_ms(void)
{
	struct timespec ts = clock_read(CLOCK_REALTIME);

	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const struct clock clock_system = {
	.boot_ms = clock_system_boot_ms,
	.wall_s = clock_system_wall_s,
};
