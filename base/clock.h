/* clock.h - the two clocks, replaceable by the simulation */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * boot_ms counts while the machine sleeps (CLOCK_BOOTTIME) and never jumps; all
 * intervals and leases use it.  wall_s is for dates that people read; nothing
 * is decided by it.  No clock is ever compared between nodes.
 */
struct clock {
	uint64_t (*boot_ms)(void *arg);
	int64_t (*wall_s)(void *arg);
	void *arg;
};

extern const struct clock clock_system;
int64_t clock_system_wall_ms(void);

#endif
