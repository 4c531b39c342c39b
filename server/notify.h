/* notify.h - telling systemd how we are (sd_notify(3)), without libsystemd */
#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stdint.h>

#include "base/attr.h"

/*
 * One datagram to NOTIFY_SOCKET (a path, or "@abstract"), lines of KEY=VALUE.
 * Without NOTIFY_SOCKET nothing happens.  Only the master notifies.
 */
void notify(const char *fmt, ...) printf_like(1, 2);
/* RELOADING=1 with the time that Type=notify-reload wants. */
void notify_reloading(void);
/* How often WATCHDOG=1 is expected, halved; 0: it is not. */
uint64_t notify_watchdog_ms(void);

#endif
