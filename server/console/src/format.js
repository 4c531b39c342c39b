/* format.js - numbers, sizes and times as people write them */
import { locale, t } from "./texts.js";

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const unit_names = ["B", "K", "M", "G", "T", "P"];

export const number = (n, digits = 0) => n === null || n === undefined ? "–"
	: new Intl.NumberFormat(locale(), { maximumFractionDigits: digits })
		.format(n);

export function size(bytes) {
	let i = 0, n = bytes;

	if (bytes === null || bytes === undefined)
		return "–";
	while (n >= 1024 && i < units.length - 1) {
		n /= 1024;
		i++;
	}
	return number(n, i > 0 && n < 100 ? 1 : 0) + "\u00a0" + units[i];
}

/* "1G", "1.5 GiB", "500 MB" or bytes; NaN when it is none of these. */
export function parse_size(text) {
	const m = /^\s*(\d+(?:[.,]\d+)?)\s*([BKMGTP]?)(?:iB|B)?\s*$/i.exec(text);

	if (m === null)
		return NaN;
	const i = Math.max(0, unit_names.indexOf(m[2].toUpperCase()));
	return Math.round(parseFloat(m[1].replace(",", ".")) * 1024 ** i);
}

/* As parse_size() takes it, without losing a byte. */
export function write_size(bytes) {
	let i = 0, n = bytes;

	while (n > 0 && n % 1024 === 0 && i < units.length - 1) {
		n /= 1024;
		i++;
	}
	return i === 0 ? String(n) : n + " " + units[i];
}

const spans = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export function duration(seconds) {
	if (seconds === null || seconds === undefined)
		return "–";
	for (const [unit, s] of spans)
		if (Math.abs(seconds) >= s || s === 1)
			return new Intl.NumberFormat(locale(), { style: "unit",
				unit, unitDisplay: "long",
				maximumFractionDigits: 0 })
				.format(Math.floor(seconds / s));
	return "";
}

/* "7d", "36 h", "90s" or seconds; NaN. */
export function parse_duration(text) {
	const m = /^\s*(\d+)\s*([smhdw]?)\s*$/i.exec(text);

	if (m === null)
		return NaN;
	return Number(m[1]) * { "": 1, s: 1, m: 60, h: 3600, d: 86400,
		w: 604800 }[m[2].toLowerCase()];
}
export function write_duration(s) {
	for (const [u, n] of [["d", 86400], ["h", 3600], ["m", 60]])
		if (s > 0 && s % n === 0)
			return s / n + u;
	return s + "s";
}

/* What is no time is written as nothing is. */
function written(at, style) {
	const when = new Date(at ?? NaN);

	return Number.isNaN(+when) ? "–"
		: new Intl.DateTimeFormat(locale(), style).format(when);
}

export const full_time = (at) =>
	written(at, { dateStyle: "long", timeStyle: "medium" });
export const clock = (at) =>
	written(at, { dateStyle: "short", timeStyle: "medium" });
export const date = (at) => written(at, { dateStyle: "medium" });

/* Of seconds since 1970, as the API writes times; "" when they are none. */
export function iso(seconds) {
	const when = new Date(seconds * 1000);

	return Number.isNaN(+when) ? "" : when.toISOString();
}

/* Near times as people say them, others as a date. */
export function near_time(at) {
	const s = (new Date(at) - Date.now()) / 1000;
	const words = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });

	if (Math.abs(s) < 45)
		return t("time.now");
	for (const [unit, n] of spans)
		if (Math.abs(s) >= n && Math.abs(s) < 7 * 86400)
			return words.format(Math.trunc(s / n), unit);
	return written(at, { dateStyle: "medium", timeStyle: "short" });
}
