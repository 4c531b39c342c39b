/* imap_file.h - a message's file, read through a window */
#ifndef SERVER_IMAP_IMAP_FILE_H
#define SERVER_IMAP_IMAP_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "mime/part.h"
#include "storage/message.h"

/*
 * One window of IMAP_FILE_WINDOW bytes per running FETCH or SEARCH, whatever
 * the size of messages: most messages are one READ, and a client that stops
 * reading costs no more than that (and its output buffer).  A NUL, which no
 * literal may hold (RFC 3501, 9: CHAR8), is read as 0x80.
 */
#define IMAP_FILE_WINDOW 65536
#define IMAP_FILE_PARSE_ARENA (64UL << 20)

struct imap_file {
	struct account *acc;
	struct message_file file;
	bool open;
	char *window;
	uint64_t at;
	uint32_t n;
};

void imap_file_init(struct imap_file *f, struct account *acc);
void imap_file_free(struct imap_file *f);
/* Forgets the message before.  Errors as of message_file_open. */
may_yield must_check struct err *imap_file_open(struct task *t,
    struct imap_file *f, uint32_t folder, uint32_t uid);
/*
 * What is there from `from` on, 1 to max bytes (0 only for max == 0); valid
 * until the next call.  ERR_CORRUPT: the file ends before.
 */
may_yield must_check struct err *imap_file_get(struct task *t,
    struct imap_file *f, uint64_t from, uint64_t max, struct str *piece_r);
/* Bytes from..to, as many as the buffer's limit lets in. */
may_yield must_check struct err *imap_file_copy(struct task *t,
    struct imap_file *f, uint64_t from, uint64_t to, struct buf *b);
/* The tree, parsed from the file, in a; for what a pack does not tell. */
may_yield must_check struct err *imap_file_parse(struct task *t,
    struct imap_file *f, struct arena *a, const struct mime_part **root_r);
/* Where the header ends (a root without anything else), by one READ mostly. */
may_yield must_check struct err *imap_file_header_end(struct task *t,
    struct imap_file *f, struct arena *a, const struct mime_part **root_r);

#endif
