/*
 * chart_model.js - samples of several nodes as columns that share one axis
 *
 * Nodes sample on their own: times are put on a grid of step_s.  Where a node
 * has none (it was away), there is null, so that a line breaks instead of
 * telling that all was as before.
 */

const number = (v) => (Number.isFinite(v) ? v : null);

/* -> { x: [seconds], series: [{ name, values: [number or null] }] } */
export function columns(history, metric) {
	const step = history?.step_s > 0 ? history.step_s : 30;
	const nodes = history?.nodes ?? [];
	const value = typeof metric === "function" ? metric
		: (s) => s[metric];
	const maps = nodes.map((n) => new Map((n.samples ?? []).map((s) =>
		[Math.round(Date.parse(s.at) / 1000 / step) * step,
			number(value(s))])
		.filter(([t]) => Number.isFinite(t))));
	const times = maps.flatMap((m) => [...m.keys()]);
	const x = [];

	if (times.length > 0) {
		const from = times.reduce((a, b) => Math.min(a, b));
		const to = times.reduce((a, b) => Math.max(a, b));

		/* a clock that is off by days makes no million points */
		for (let t = Math.max(from, to - 240 * step); t <= to;
		    t += step)
			x.push(t);
	}
	return { x, series: nodes.map((n, i) => ({ name: n.name,
		values: x.map((t) => maps[i].get(t) ?? null) })) };
}

/* All nodes as one line: null where nobody said anything. */
export function total(c, name) {
	return { x: c.x, series: [{ name, values: c.x.map((_, i) => {
		const there = c.series.map((s) => s.values[i])
			.filter((v) => v !== null);

		return there.length === 0 ? null
			: there.reduce((a, b) => a + b, 0);
	}) }] };
}

/* Several metrics of the whole cluster. */
export function totals(history, metrics) {
	const parts = metrics.map((m) =>
		total(columns(history, m.metric), m.name));

	return { x: parts[0]?.x ?? [], series: parts.map((p) => p.series[0]) };
}

/* What a line says, for those who do not see it. */
export function summary(values) {
	const there = values.filter((v) => v !== null);

	if (there.length === 0)
		return null;
	return { last: there.at(-1), min: Math.min(...there),
		max: Math.max(...there) };
}
