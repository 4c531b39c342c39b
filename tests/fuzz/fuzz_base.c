/* fuzz_base.c - what base/ reads: UTF-8, base64, numbers, JSON, names */
#include <stdlib.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "base/unicode.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* What decodes encodes to the same text: there is one text for each value. */
static void
fuzz_base64(struct arena *a, struct str s)
{
	struct str clear;

	if (base64_decode(a, s, &clear))
		invariant(str_eq(base64_encode(a, clear), s));
	invariant(base64_decode(a, base64_encode(a, s), &clear));
	invariant(str_eq(clear, s));
}

/* What was printed reads back, and prints the same. */
static void
fuzz_json(struct arena *a, struct str s)
{
	struct json *j, *again;
	struct str text;
	struct err *e = json_parse(a, s, 65536, &j);

	if (e != NULL)
		return;
	text = json_print(a, j, JSON_LINE);
	e = json_parse(a, text, 1 << 20, &again);
	invariant(e == NULL);
	invariant(str_eq(json_print(a, again, JSON_LINE), text));
	json_free(&again);
	json_free(&j);
}

/* Any bytes may become a JSON string. */
static void
fuzz_json_string(struct arena *a, struct str s)
{
	struct json *j = json_arr_new();

	json_add_str(j, s);
	invariant(utf8_is_valid(json_print(a, j, JSON_LINE)));
	json_free(&j);
}

/* Every form is a fixed point. */
static void
fuzz_forms(struct arena *a, struct str s)
{
	struct err *(*const forms[])(struct arena *, struct str,
	    struct str *) = { unicode_nfc, unicode_fold_nfc,
		unicode_domain_ascii };

	for (size_t i = 0; i < countof(forms); i++) {
		struct str once, twice;
		struct err *e = forms[i](a, s, &once);

		if (e != NULL) {
			invariant(i == 2 || !utf8_is_valid(s) ||
				  err_is(e, ERR_LIMIT));
			continue;
		}
		e = forms[i](a, once, &twice);
		invariant(e == NULL);
		invariant(str_eq(once, twice));
	}
}

static void
fuzz_line(void *arg, enum log_level level, struct str line)
{
	(void)arg, (void)level;
	/* nothing forges a second line, or a control sequence */
	invariant(utf8_is_valid(line));
	for (size_t i = 0; i + 1 < line.n; i++)
		invariant((unsigned char)line.p[i] >= ' ');
	invariant(line.p[line.n - 1] == '\n');
}

static void
fuzz_log(struct arena *a, struct str s)
{
	log_set_sink(fuzz_line, a);
	log_set_format(LOG_LOGFMT);
	log_info(NULL, "fuzz", LOG_STR("value", s), LOG_STR("again", s));
	log_set_format(LOG_JSON);
	log_info(NULL, "fuzz", LOG_STR("value", s), LOG_STR("again", s));
}

static void
fuzz_numbers(struct arena *a, struct str s)
{
	uint64_t v, back;
	struct buf b;

	if (str_u64(s, &v)) {
		buf_init(&b, a, 20);
		buf_u64(&b, v);
		invariant(buf_ok(&b) && str_u64(buf_str(&b), &back));
		invariant(back == v);
		invariant(str_ends(s, buf_str(&b)));
	}
	if (str_hex_u64(s, &v))
		invariant(s.n > 0);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	/* a heap copy of exactly this size: an over-read is seen */
	struct str s = str_of(xmemdup(data, n), n);

	fuzz_base64(a, s);
	fuzz_json(a, s);
	fuzz_json_string(a, s);
	fuzz_forms(a, s);
	fuzz_log(a, s);
	fuzz_numbers(a, s);
	free((void *)s.p);
	arena_free(&a);
	return 0;
}
