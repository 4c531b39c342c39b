/* smtp_sender.h - in whose name a message may be submitted */
#ifndef SERVER_SMTP_SMTP_SENDER_H
#define SERVER_SMTP_SMTP_SENDER_H

#include "server/smtp/smtp.h"

/* Whether the address is one of the account's that has logged in.  An error:
 * the state cannot be read. */
must_check struct err *smtp_may_send_as(struct arena *a,
    const struct smtp_session *s, struct str address, bool *yes_r);

#endif
