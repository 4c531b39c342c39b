/* chart.js - lines over time (uPlot) */
import { number } from "./format.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./lib.js";
import { language, locale, t } from "./texts.js";
import { summary } from "./chart_model.js";

/* As many as have a colour (style.css); the next begin again, dashed. */
const COLOURS = 6;
const HEIGHT = 180;

/* What a colour of the sheet is now: a canvas knows no light-dark(). */
function css(box, name) {
	box.style.color = "var(" + name + ")";
	const colour = getComputedStyle(box).color;

	box.style.color = "";
	return colour;
}

/* Changes when the page's colours do. */
function useScheme() {
	const [n, next] = useState(0);

	useEffect(() => {
		const dark = matchMedia("(prefers-color-scheme: dark)");
		const changed = () => next((x) => x + 1);
		const root = new MutationObserver(changed);

		dark.addEventListener("change", changed);
		root.observe(document.documentElement,
			{ attributes: true, attributeFilter: ["data-theme"] });
		return () => {
			dark.removeEventListener("change", changed);
			root.disconnect();
		};
	}, []);
	return n;
}

/* The library comes when the first chart does. */
function useLibrary() {
	const [lib, set] = useState(null);

	useEffect(() => {
		let here = true;

		import("uplot").then((m) => here && set(() => m.default),
			() => { /* the figures below the chart are enough */ });
		return () => {
			here = false;
		};
	}, []);
	return lib;
}

const clock = (seconds) => new Intl.DateTimeFormat(locale(),
	{ hour: "2-digit", minute: "2-digit" }).format(new Date(seconds * 1000));

/* The last hour, whatever there is of it; least: what fills the height when
 * little happens, so that nothing looks like much. */
const HOUR_S = 3600;

function options(box, names, format, least, width, hover) {
	const line = css(box, "--line");
	const axis = { stroke: css(box, "--soft"),
		font: "12px system-ui, sans-serif",
		grid: { stroke: line, width: 1 },
		ticks: { stroke: line, width: 1 } };

	return { width, height: HEIGHT, legend: { show: false },
		cursor: { y: false, points: { size: 6 },
			drag: { x: false, y: false } },
		scales: { x: { range: (u, min, max) => [max - HOUR_S, max] },
			y: { range: (u, min, max) =>
				[0, Math.max(max * 1.1 || 0, least)] } },
		axes: [{ ...axis, values: (u, at) => at.map(clock), space: 60 },
			{ ...axis, size: 64, values: (u, at) =>
				at.map((v) => format(v)) }],
		series: [{}, ...names.map((name, i) => ({ label: name,
			stroke: css(box, "--chart-" + (i % COLOURS + 1)), width: 2,
			dash: i < COLOURS ? undefined : [6, 4],
			points: { show: false } }))],
		hooks: { setCursor: [(u) => hover(u.cursor.idx)] } };
}

function Plot({ columns, format, least, hover }) {
	const box = useRef();
	const plot = useRef(null);
	const lib = useLibrary();
	const scheme = useScheme();
	const lang = language.use();
	const names = columns.series.map((s) => s.name);
	const data = [columns.x, ...columns.series.map((s) => s.values)];

	useLayoutEffect(() => {
		if (lib === null)
			return undefined;
		const width = () => Math.max(200, box.current.clientWidth);
		const u = new lib(options(box.current, names, format, least,
			width(), hover), data, box.current);
		const size = new ResizeObserver(() => {
			if (width() !== u.width)
				u.setSize({ width: width(), height: HEIGHT });
		});

		plot.current = u;
		size.observe(box.current);
		return () => {
			plot.current = null;
			size.disconnect();
			u.destroy();
		};
	}, [lib, scheme, lang, names.join("\n")]);
	useLayoutEffect(() => {
		plot.current?.setData(data);
	}, [columns]);
	return html`<div class="plot" ref=${box} aria-hidden="true"></div>`;
}

/*
 * <${Chart} title columns=${columns()} format=${(n) => "3 ms"} least=${5} />
 *
 * The figures below are what the lines say at the pointer, or now; they are
 * what a screen reader hears.
 */
export function Chart({ title, columns, least = 1,
	format = (n) => number(n, 1) }) {
	const [at, hover] = useState(null);
	const there = columns.series.some((s) => summary(s.values) !== null);

	return html`<figure class="chart">
		<figcaption>${title}${at !== null && columns.x[at] && html`<span
			class="soft"> ${clock(columns.x[at])}</span>`}</figcaption>
		${there ? html`<${Plot} columns=${columns} format=${format}
			least=${least} hover=${(i) => hover(i ?? null)} />`
			: html`<p class="soft">${t("chart.none")}</p>`}
		<ul class="legend">${columns.series.map((s, i) => html`<${Line}
			key=${s.name} series=${s} i=${i} at=${at}
			format=${format} />`)}</ul>
	</figure>`;
}

function Line({ series, i, at, format }) {
	const sum = summary(series.values);
	const v = at === null ? sum?.last : series.values[at];

	return html`<li><span class=${"swatch s" + (i % COLOURS + 1) +
		(i < COLOURS ? "" : " dashed")} aria-hidden="true"></span>
		<span class="cut">${series.name}</span>
		<strong class="figure">${v === null || v === undefined ? "–"
			: format(v)}</strong>
		${sum !== null && html`<span class="soft">${t("chart.range",
			{ min: format(sum.min), max: format(sum.max) })}</span>`}
	</li>`;
}
