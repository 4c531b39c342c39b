/* nodes_model.js - what to think of a node, and what may be done with it */

const DAY_MS = 86400000;

export const CERT_SOON_DAYS = 14;
/* A share that answers slower than this is a problem to the server, too. */
export const SLOW_US = 250000;

/* Days until then; negative: over; null: never, or not known. */
export function days(until, now) {
	const t = Date.parse(until ?? "");

	return Number.isFinite(t) ? Math.floor((t - now) / DAY_MS) : null;
}

/* One word for the table: {key, tone}. */
export function state(n) {
	if (n.life === "alive")
		return { ready: { key: "ready", tone: "ok" },
			draining: { key: n.drain ? "draining" : "resuming",
				tone: "warn" },
			starting: { key: n.drain ? "draining" : "starting",
				tone: "warn" },
			unready: { key: "unready", tone: "bad" } }[n.ready] ??
			{ key: "alive", tone: "idle" };
	return { silent: { key: "silent", tone: "bad" },
		unreadable: { key: "unreadable", tone: "bad" },
		unseen: { key: "unseen", tone: "idle" },
		ended: { key: "ended", tone: "idle" },
		left: { key: "left", tone: "idle" } }[n.life] ??
		{ key: "unknown", tone: "idle" };
}

export function certificate(n, now) {
	const left = days(n.cert_expires, now);

	if (n.life !== "alive")
		return { key: "none", tone: "idle", days: null };
	if (n.certificate === "none" || n.certificate === "self")
		return { key: n.certificate, tone: "warn", days: left };
	return { key: "until", days: left, tone: left === null ? "idle"
		: left < 0 ? "bad" : left < CERT_SOON_DAYS ? "warn" : "ok" };
}

/* Orders that make sense now. */
export function orders(n) {
	const there = n.life === "alive" || n.life === "silent";

	return { drain: there && !n.drain, serve: !!n.drain,
		remove: n.life !== "alive" };
}

/* How far a drain is: of the sessions there were when it was ordered. */
export function progress(n, began) {
	if (!n.drain || n.life !== "alive" || !(began > 0))
		return null;
	return Math.max(0, Math.min(1, 1 - n.sessions / began));
}

const lives = ["alive", "silent", "unreadable", "unseen", "ended", "left"];

/* Those that need somebody first, then by name. */
export function sorted(nodes) {
	const weight = (n) => ({ bad: 0, warn: 1, ok: 2 }[state(n).tone] ?? 3) *
		10 + Math.max(0, lives.indexOf(n.life));

	return [...nodes].sort((a, b) => weight(a) - weight(b) ||
		a.name.localeCompare(b.name, "en", { numeric: true }));
}

/* --- locks --- */

/* "queue/07" -> kind "queue" */
export function lock_kind(resource) {
	const i = resource.search(/[/-]/);

	return i < 0 ? resource : resource.slice(0, i);
}

export function lock_summary(locks) {
	const kinds = new Map();

	for (const l of locks) {
		const kind = lock_kind(l.resource);
		const k = kinds.get(kind) ?? { kind, held: 0, free: 0, bad: 0,
			nodes: new Map() };

		if (l.state === "held") {
			k.held++;
			k.nodes.set(l.node, (k.nodes.get(l.node) ?? 0) + 1);
		} else if (l.state === "free")
			k.free++;
		else
			k.bad++;
		kinds.set(kind, k);
	}
	return [...kinds.values()].map((k) => ({ ...k,
		nodes: [...k.nodes].map(([name, n]) => ({ name, n }))
			.sort((a, b) => b.n - a.n) }))
		.sort((a, b) => a.kind.localeCompare(b.kind, "en"));
}
