/* answer.c - what a recipient's host said, as it is kept in the queue */
#include "server/queue/answer.h"

#include "base/buf.h"

bool
answer_status_is_valid(struct str s)
{
	struct str part;
	unsigned parts = 0;
	uint64_t v;

	if (s.n < 5 || s.n > 9 ||
	    (s.p[0] != '2' && s.p[0] != '4' && s.p[0] != '5'))
		return false;
	while (str_split(&s, '.', &part)) {
		if (part.n < 1 || part.n > 3 || !str_u64(part, &v))
			return false;
		parts++;
	}
	return parts == 3;
}

enum queue_state
answer_state(unsigned code)
{
	if (code >= 200 && code < 300)
		return QUEUE_DELIVERED;
	return code >= 500 && code < 600 ? QUEUE_FAILED : QUEUE_WAITING;
}

struct str
answer_status(const struct answer *an, enum queue_state state)
{
	if (an->status.n > 0)
		return an->status;
	if (state == QUEUE_DELIVERED)
		return STR("2.0.0");
	if (an->code >= 500 || (state == QUEUE_FAILED && an->code == 0))
		return STR("5.0.0");
	return STR("4.0.0");
}

/* One line of anything: what is not printable becomes a blank, runs of blanks
 * become one. */
static void
answer_add(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == 0x7f)
			c = ' ';
		if (c == ' ' && (b->n == 0 || b->p[b->n - 1] == ' '))
			continue;
		buf_char(b, (char)c);
	}
}

struct str
answer_format(struct arena *a, const struct answer *an)
{
	struct buf b;

	/* past its limit a buf keeps what fitted */
	buf_init(&b, a, QUEUE_ANSWER_MAX);
	if (an->host.n > 0) {
		answer_add(&b, an->host);
		buf_c(&b, ": ");
	}
	if (an->code != 0)
		buf_fmt(&b, "%u ", an->code);
	if (an->status.n > 0) {
		answer_add(&b, an->status);
		buf_c(&b, " ");
	}
	answer_add(&b, an->text);
	/* never half a character */
	while (b.n > 0 && b.failed && ((unsigned char)b.p[b.n - 1] & 0x80))
		b.n--;
	return str_trim(buf_str(&b));
}

static struct str
answer_word(struct str s)
{
	ptrdiff_t at = str_chr(s, ' ');

	return at < 0 ? s : str_sub(s, 0, (size_t)at);
}

static struct str
answer_skip(struct str s, size_t n)
{
	return str_trim(str_sub(s, n, s.n));
}

void
answer_parse(struct str line, struct answer *an)
{
	struct str w = answer_word(line);
	uint64_t v;

	*an = (struct answer){ .code = 0 };
	if (w.n > 1 && w.p[w.n - 1] == ':') {
		an->host = str_sub(w, 0, w.n - 1);
		line = answer_skip(line, w.n);
		w = answer_word(line);
	}
	if (w.n == 3 && str_u64(w, &v) && v >= 200 && v <= 599) {
		an->code = (unsigned)v;
		line = answer_skip(line, w.n);
		w = answer_word(line);
	}
	if (answer_status_is_valid(w)) {
		an->status = w;
		line = answer_skip(line, w.n);
	}
	an->text = line;
}
