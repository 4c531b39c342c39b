/* smtp_dialogue.h - what was said in a session, for the trace */
#ifndef SERVER_SMTP_SMTP_DIALOGUE_H
#define SERVER_SMTP_SMTP_DIALOGUE_H

#include "server/smtp/smtp.h"

/*
 * Every transaction that is begun, or refused at MAIL, becomes one event "smtp"
 * when it ends, whatever its end is: accepted, deferred, refused, or dropped
 * (RSET, QUIT, a lost connection) by the client.  The dialogue is what was said
 * since the transaction before; what is secret (AUTH but for the mechanism,
 * lines that are no command) and the message are not in it, nor replies that
 * are always the same (the greeting, extensions, 354).
 *
 * Its id is that in Received; without a message, the session's with "-r" and a
 * number.
 */
struct smtp_dialogue;

/* A command, before it is run; its reply. */
void smtp_dialogue_heard(struct smtp_session *s, const struct smtp_cmd *cmd);
void smtp_dialogue_said(struct smtp_session *s, const struct smtp_reply *r);
/* It is over and answered: r. */
void smtp_dialogue_after(struct smtp_session *s, const struct smtp_cmd *cmd,
    const struct smtp_reply *r);
/* The transaction's message is about to be forgotten. */
void smtp_dialogue_message(struct smtp_session *s);
/* Another member of this transaction's event ("spf", "queue"): key lives for
 * ever, value is copied.  The last one counts. */
#define SMTP_DIALOGUE_NOTES 16
void smtp_dialogue_note(struct smtp_session *s, const char *key,
    struct str value);
/* The session ends. */
void smtp_dialogue_free(struct smtp_session *s);

#endif
