/* log.h - logfmt or JSON lines */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/task.h"

/*
 *	log_info(t, "delivered", LOG_STR("rcpt", rcpt), LOG_U64("ms", ms));
 *
 * One line per finished command or delivery.  node, worker, session and account
 * are added from the task (t may be NULL).  Values are escaped: nothing from
 * the network can forge a line.  Secrets never get here.
 */
enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_, LOG_ALARM_ };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_kv {
	const char *key;
	enum { LOG_KV_STR, LOG_KV_U64, LOG_KV_I64 } kind;
	struct str s;
	uint64_t u;
};
#define LOG_STR(k, v) { .key = (k), .kind = LOG_KV_STR, .s = (v) }
#define LOG_C(k, v) { .key = (k), .kind = LOG_KV_STR, .s = str_c(v) }
#define LOG_U64(k, v) { .key = (k), .kind = LOG_KV_U64, .u = (v) }
#define LOG_I64(k, v) { .key = (k), .kind = LOG_KV_I64, .u = (uint64_t)(v) }
/* Expands to code, error and detail. */
#define LOG_ERR(e) LOG_C("code", err_name(err_code(e))),                    \
	LOG_C("error", (e) ? (e)->text : ""),                               \
	LOG_C("detail", (e) && (e)->detail ? (e)->detail : "")

void log_write(struct task *t, enum log_level level, const char *event,
    const struct log_kv *kv, unsigned n);

#define LOG_AT(t, level, event, ...)                                        \
	log_write((t), (level), (event),                                    \
	    (const struct log_kv[]){ { .key = NULL }, ##__VA_ARGS__ } + 1,  \
	    sizeof((const struct log_kv[]){ { .key = NULL },                \
		##__VA_ARGS__ }) / sizeof(struct log_kv) - 1)
#define log_info(t, ev, ...) LOG_AT(t, LOG_INFO_, ev, ##__VA_ARGS__)
#define log_warn(t, ev, ...) LOG_AT(t, LOG_WARN_, ev, ##__VA_ARGS__)
#define log_error(t, ev, ...) LOG_AT(t, LOG_ERROR_, ev, ##__VA_ARGS__)
/* Somebody must look: data may be in danger. */
#define log_alarm(t, ev, ...) LOG_AT(t, LOG_ALARM_, ev, ##__VA_ARGS__)
/* Only when the topic is switched on: log_debug(t, "nfs", "call", ...). */
#define log_debug(t, topic, ev, ...)                                        \
	do {                                                                \
		if (log_topic(topic))                                       \
			LOG_AT(t, LOG_DEBUG_, ev, LOG_C("topic", topic),    \
			    ##__VA_ARGS__);                                 \
	} while (0)

bool log_topic(const char *topic);
void log_set_topics(const char *comma_list);
void log_set_format(enum log_format f);
void log_set_level(enum log_level lowest);
/* Default: file descriptor 2.  The sink gets one whole line with its newline. */
void log_set_fd(int fd);
void log_set_sink(void (*fn)(void *arg, enum log_level level, struct str line),
    void *arg);
/* How many lines of each level were written (tests demand that none was). */
uint64_t log_count(enum log_level level);

#endif
