/* smtp_sender.c - in whose name a message may be submitted */
#include "server/smtp/smtp_sender.h"

#include "storage/state_identity.h"

struct err *
smtp_may_send_as(struct arena *a, const struct smtp_session *s,
    struct str address, bool *yes_r)
{
	return state_may_send_as(a, s->w->state, str_c(s->account), address,
	    yes_r);
}
