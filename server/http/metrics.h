/* metrics.h - what this node counts, for Prometheus */
#ifndef SERVER_HTTP_METRICS_H
#define SERVER_HTTP_METRICS_H

#include "base/buf.h"

struct worker;

#define METRICS_BYTES_MAX 65536

/* Text format 0.0.4: the statistics of counts.h, summed over the workers, and
 * gauges of the node. Any worker answers for all. */
void metrics_print(struct buf *b, const struct worker *w);

#endif
