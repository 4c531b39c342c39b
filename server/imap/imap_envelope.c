/* imap_envelope.c - ENVELOPE as FETCH sends it */
#include "server/imap/imap_envelope.h"

#include "server/imap/imap.h"

/* address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")" */
static void
imap_envelope_address(struct buf *b, const struct mime_addr *a)
{
	buf_char(b, '(');
	imap_put_nstring(b, a->name);
	buf_char(b, ' ');
	imap_put_nstring(b, a->adl);
	buf_char(b, ' ');
	imap_put_nstring(b, a->mailbox);
	buf_char(b, ' ');
	imap_put_nstring(b, a->host);
	buf_char(b, ')');
}

/* env-from = "(" 1*address ")" / nil, and its like */
static void
imap_envelope_list(struct buf *b, const struct mime_addr *a)
{
	if (a == NULL) {
		buf_c(b, "NIL");
		return;
	}
	buf_char(b, '(');
	for (; a != NULL; a = a->next)
		imap_envelope_address(b, a);
	buf_char(b, ')');
}

void
imap_envelope_put(struct buf *b, const struct mime_envelope *e)
{
	static const struct mime_envelope none;
	const struct mime_addr *lists[6];

	if (e == NULL)
		e = &none;
	lists[0] = e->from;
	lists[1] = e->sender;
	lists[2] = e->reply_to;
	lists[3] = e->to;
	lists[4] = e->cc;
	lists[5] = e->bcc;
	buf_char(b, '(');
	imap_put_nstring(b, e->date);
	buf_char(b, ' ');
	imap_put_nstring(b, e->subject);
	for (unsigned i = 0; i < countof(lists); i++) {
		buf_char(b, ' ');
		imap_envelope_list(b, lists[i]);
	}
	buf_char(b, ' ');
	imap_put_nstring(b, e->in_reply_to);
	buf_char(b, ' ');
	imap_put_nstring(b, e->message_id);
	buf_char(b, ')');
}
