/* domain.h - the form in which domains of headers are compared */
#ifndef SERVER_MAILAUTH_DOMAIN_H
#define SERVER_MAILAUTH_DOMAIN_H

#include "base/arena.h"
#include "base/str.h"

/* A-labels in lower case without a last dot; what is no host name (an
 * underscore, say) is only made lower case.  In the arena. */
struct str domain_normal(struct arena *a, struct str domain);

#endif
