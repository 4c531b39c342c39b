#include "server/ctl/ctl.h"

#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"

struct ctl_cell {
	enum {
		CELL_NONE,
		CELL_STR,
		CELL_U64,
		CELL_SIZE,
		CELL_BOOL,
		CELL_TIME,
		CELL_STRS
	} kind;
	struct str s;
	const struct str *list;
	uint64_t n;
};

struct ctl_out {
	struct ctl *c;
	struct arena *arena;
	const char *const *columns;
	unsigned column_count;
	struct ctl_cell *cells; /* row by row */
	unsigned count, size;
};

struct ctl_out *
ctl_out_list(struct task *t, struct ctl *c, const char *const *columns,
    unsigned n)
{
	struct ctl_out *o = arena_new_obj(task_arena(t), struct ctl_out);

	o->c = c;
	o->arena = task_arena(t);
	o->columns = columns;
	o->column_count = n;
	/* Here and not at the first cell: loops that print lines rewind the
	 * arena after each. */
	o->size = 2 * n;
	o->cells = arena_array(o->arena, o->size, sizeof *o->cells);
	return o;
}

static struct ctl_cell *
ctl_out_cell(struct ctl_out *o)
{
	if (o->count == o->size) {
		unsigned size = o->size * 2;
		struct ctl_cell *cells =
		    arena_array(o->arena, size, sizeof *cells);
		memcpy(cells, o->cells, o->count * sizeof *cells);
		o->cells = cells;
		o->size = size;
	}
	return &o->cells[o->count++];
}

void
ctl_out_str(struct ctl_out *o, struct str s)
{
	*ctl_out_cell(o) =
	    (struct ctl_cell){ .kind = CELL_STR, .s = arena_str(o->arena, s) };
}

void
ctl_out_u64(struct ctl_out *o, uint64_t v)
{
	*ctl_out_cell(o) = (struct ctl_cell){ .kind = CELL_U64, .n = v };
}

void
ctl_out_size(struct ctl_out *o, uint64_t bytes)
{
	*ctl_out_cell(o) = (struct ctl_cell){ .kind = CELL_SIZE, .n = bytes };
}

void
ctl_out_bool(struct ctl_out *o, bool v)
{
	*ctl_out_cell(o) = (struct ctl_cell){ .kind = CELL_BOOL, .n = v };
}

void
ctl_out_time(struct ctl_out *o, int64_t wall_s)
{
	*ctl_out_cell(o) = (struct ctl_cell){
		.kind = wall_s > 0 ? CELL_TIME : CELL_NONE,
		.n = (uint64_t)wall_s,
	};
}

void
ctl_out_none(struct ctl_out *o)
{
	*ctl_out_cell(o) = (struct ctl_cell){ .kind = CELL_NONE };
}

void
ctl_out_text(struct ctl_out *o, struct str s)
{
	if (s.n > 0)
		ctl_out_str(o, s);
	else
		ctl_out_none(o);
}

void
ctl_out_strs(struct ctl_out *o, const struct str *list, unsigned n)
{
	*ctl_out_cell(o) =
	    (struct ctl_cell){ .kind = CELL_STRS, .list = list, .n = n };
}

static const char *
ctl_size_text(struct arena *a, uint64_t n)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	unsigned u = 0;

	if (n < 1024)
		return arena_printf(a, "%llu B", (unsigned long long)n);
	for (v /= 1024; v >= 1024 && u + 1 < countof(units); u++)
		v /= 1024;
	return arena_printf(a, "%.1f %s", v, units[u]);
}

static const char *
ctl_time_text(struct arena *a, int64_t wall_s)
{
	time_t tt = (time_t)wall_s;
	struct tm tm;
	char out[32];

	if (gmtime_r(&tt, &tm) == NULL)
		return "-";
	strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(a, out);
}

/* Nothing from the share may move the cursor of an administrator's terminal. */
static struct str
ctl_printable(struct arena *a, struct str s)
{
	struct buf b;

	buf_init(&b, a, s.n * 4 + 1);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];
		if (ch < 0x20 || ch == 0x7f)
			buf_fmt(&b, "\\x%02x", ch);
		else
			buf_char(&b, (char)ch);
	}
	return buf_str(&b);
}

static struct str
ctl_strs_text(struct ctl_out *o, const struct ctl_cell *x)
{
	struct buf b;

	buf_init(&b, o->arena, 1 << 20);
	for (uint64_t i = 0; i < x->n; i++) {
		buf_c(&b, i > 0 ? "; " : "");
		buf_str_add(&b, ctl_printable(o->arena, x->list[i]));
	}
	return b.n > 0 ? buf_str(&b) : STR("-");
}

static struct str
ctl_cell_text(struct ctl_out *o, const struct ctl_cell *x)
{
	switch (x->kind) {
	case CELL_STR:
		return x->s.n ? ctl_printable(o->arena, x->s) : STR("-");
	case CELL_U64:
		return str_c(
		    arena_printf(o->arena, "%llu", (unsigned long long)x->n));
	case CELL_SIZE:
		return str_c(ctl_size_text(o->arena, x->n));
	case CELL_BOOL:
		return x->n ? STR("yes") : STR("no");
	case CELL_TIME:
		return str_c(ctl_time_text(o->arena, (int64_t)x->n));
	case CELL_STRS:
		return ctl_strs_text(o, x);
	case CELL_NONE:
		break;
	}
	return STR("-");
}

static void
ctl_cell_json(struct ctl_out *o, struct json *row, const char *key,
    const struct ctl_cell *x)
{
	struct json *list;

	switch (x->kind) {
	case CELL_STR:
		json_set_str(row, key, x->s);
		break;
	case CELL_TIME:
		json_set_str(row, key,
		    str_c(ctl_time_text(o->arena, (int64_t)x->n)));
		break;
	case CELL_U64:
	case CELL_SIZE:
		json_set_u64(row, key, x->n);
		break;
	case CELL_BOOL:
		json_set_bool(row, key, x->n != 0);
		break;
	case CELL_STRS:
		list = json_set_arr(row, key);
		for (uint64_t i = 0; i < x->n; i++)
			json_add_str(list, x->list[i]);
		break;
	case CELL_NONE:
		json_set_null(row, key);
		break;
	}
}

static void
ctl_row_json(struct ctl_out *o, struct json *j, unsigned row)
{
	for (unsigned i = 0; i < o->column_count; i++)
		ctl_cell_json(o, j, o->columns[i],
		    &o->cells[row * o->column_count + i]);
}

static void
ctl_print_json(struct ctl_out *o, struct json *j, enum json_style style)
{
	struct str s = json_print(o->arena, j, style);

	fwrite(s.p, 1, s.n, stdout);
	if (style == JSON_LINE)
		putchar('\n');
	json_free(&j);
}

static void
ctl_print_row_json(struct ctl_out *o, unsigned row, enum json_style style)
{
	struct json *j = json_obj_new();

	ctl_row_json(o, j, row);
	ctl_print_json(o, j, style);
}

/* Columns a terminal needs for s: one a code point is near enough here. */
static unsigned
ctl_width(struct str s)
{
	unsigned w = 0;

	for (size_t i = 0; i < s.n; i++)
		w += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return w;
}

static void
ctl_print_padded(struct str s, unsigned width, bool last)
{
	fwrite(s.p, 1, s.n, stdout);
	if (!last)
		printf("%*s", (int)(width - ctl_width(s)) + 2, "");
}

static void
ctl_print_table(struct ctl_out *o, unsigned rows)
{
	unsigned cols = o->column_count;
	struct str *text =
	    arena_array(o->arena, (size_t)rows * cols + cols, sizeof *text);
	unsigned *width = arena_array(o->arena, cols, sizeof *width);

	for (unsigned i = 0; i < cols; i++)
		text[i] = str_c(o->columns[i]);
	for (unsigned i = 0; i < rows * cols; i++)
		text[cols + i] = ctl_cell_text(o, &o->cells[i]);
	for (unsigned i = 0; i < (rows + 1) * cols; i++)
		if (ctl_width(text[i]) > width[i % cols])
			width[i % cols] = ctl_width(text[i]);
	for (unsigned r = 0; rows > 0 && r <= rows; r++)
		for (unsigned i = 0; i < cols; i++) {
			ctl_print_padded(text[r * cols + i], width[i],
			    i + 1 == cols);
			if (i + 1 == cols)
				putchar('\n');
		}
}

static unsigned
ctl_out_rows(const struct ctl_out *o)
{
	if (o->count % o->column_count != 0)
		panic("a row of %u cells instead of %u",
		    o->count % o->column_count, o->column_count);
	return o->count / o->column_count;
}

static struct err *
ctl_out_result(struct ctl_out *o)
{
	o->count = 0;
	return ferror(stdout) ? err_new(o->arena, ERR_SYSTEM,
				    "cannot write the answer", NULL)
			      : NULL;
}

struct err *
ctl_out_end(struct ctl_out *o)
{
	unsigned rows = ctl_out_rows(o);

	if (o->c->json) {
		struct json *list = json_arr_new();
		for (unsigned r = 0; r < rows; r++)
			ctl_row_json(o, json_add_obj(list), r);
		ctl_print_json(o, list, JSON_PRETTY);
	} else {
		ctl_print_table(o, rows);
	}
	return ctl_out_result(o);
}

/* Several sentences: each on a line of its own. */
static void
ctl_print_field(struct ctl_out *o, const char *name, const struct ctl_cell *x,
    unsigned width)
{
	struct str s;

	for (uint64_t i = 0; x->kind == CELL_STRS && i < x->n; i++) {
		s = ctl_printable(o->arena, x->list[i]);
		printf("%-*s  " STR_FMT "\n", (int)width, i == 0 ? name : "",
		    STR_ARG(s));
	}
	if (x->kind == CELL_STRS && x->n > 0)
		return;
	s = ctl_cell_text(o, x);
	printf("%-*s  " STR_FMT "\n", (int)width, name, STR_ARG(s));
}

struct err *
ctl_out_record_end(struct ctl_out *o)
{
	unsigned width = 0;

	invariant(ctl_out_rows(o) == 1);
	if (o->c->json) {
		ctl_print_row_json(o, 0, JSON_PRETTY);
		return ctl_out_result(o);
	}
	for (unsigned i = 0; i < o->column_count; i++)
		if (strlen(o->columns[i]) > width)
			width = (unsigned)strlen(o->columns[i]);
	for (unsigned i = 0; i < o->column_count; i++)
		ctl_print_field(o, o->columns[i], &o->cells[i], width);
	return ctl_out_result(o);
}

struct err *
ctl_out_flush_lines(struct ctl_out *o)
{
	unsigned rows = ctl_out_rows(o);

	for (unsigned r = 0; r < rows; r++) {
		if (o->c->json) {
			ctl_print_row_json(o, r, JSON_LINE);
			continue;
		}
		for (unsigned i = 0; i < o->column_count; i++)
			ctl_print_padded(ctl_cell_text(o,
					     &o->cells[r * o->column_count +
						       i]),
			    0, true),
			    putchar(i + 1 == o->column_count ? '\n' : '\t');
	}
	fflush(stdout);
	return ctl_out_result(o);
}
