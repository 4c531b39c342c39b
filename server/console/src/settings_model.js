/*
 * settings_model.js - settings in groups, and whether a value can be one
 *
 * A value is what shoalctl takes and shows: "50M", "30d", "yes".
 */

const UNITS = {
	bytes: [["B", 1], ["K", 1024], ["M", 1024 ** 2], ["G", 1024 ** 3],
		["T", 1024 ** 4]],
	duration: [["s", 1], ["m", 60], ["h", 3600], ["d", 86400]],
};

export const prefix = (name) => name.split(".")[0];

export function groups(settings, search, changed) {
	const words = search.toLowerCase().split(/\s+/).filter((w) => w !== "");
	const map = new Map();

	for (const s of settings) {
		const all = (s.name + " " + s.help + " " + s.value)
			.toLowerCase();

		if (!words.every((w) => all.includes(w)) ||
		    (changed && s.is_default && s.node_value === null))
			continue;
		map.set(prefix(s.name), [...(map.get(prefix(s.name)) ?? []),
			s]);
	}
	return [...map].map(([name, list]) => ({ name, list }))
		.sort((a, b) => a.name.localeCompare(b.name, "en"));
}

/* In bytes or seconds; null: that is no such value. */
export function amount(type, value) {
	const m = /^(\d+)([A-Za-z]?)$/.exec(value.trim());

	if (m === null)
		return null;
	if (m[2] === "")
		return Number(m[1]);
	const unit = (UNITS[type] ?? []).find(([u]) => u.toLowerCase() ===
		m[2].toLowerCase());

	return unit === undefined ? null : Number(m[1]) * unit[1];
}

/* The largest unit that says it without a fraction. */
export function short(type, n) {
	const units = UNITS[type];

	if (units === undefined || n === 0)
		return String(n);
	const [u, f] = [...units].reverse().find(([, size]) =>
		n % size === 0);

	return n / f + (u === "B" ? "" : u);
}

/* null: fine; or the word of what is wrong. */
export function wrong(s, value) {
	if (s.type === "text")
		return s.max !== null && value.length > s.max ? "long" : null;
	if (s.type === "bool")
		return ["yes", "no"].includes(value) ? null : "form";
	const n = amount(s.type, value);

	if (n === null)
		return "form";
	return (s.min !== null && n < s.min) || (s.max !== null && n > s.max)
		? "range" : null;
}
