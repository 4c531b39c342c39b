/*
 * trace_model.js - what the nodes wrote down, as something a person can read
 *
 * A group of events becomes a story: who wrote to whom, what became of each
 * recipient, and the steps in the order of time.  Texts are keys of the
 * catalogue; nothing here knows a language or the page.  Events are what
 * strangers said: members may be missing, of another kind, or new.
 */

/* What is shown of an event, in this order; anything else comes after. */
const known = ["code", "answer", "from", "rcpt", "host", "next", "ip", "helo",
	"user", "tls", "spf", "dkim", "dmarc", "msgid", "bytes", "ms",
	"account", "uid", "tries", "queue", "id"];
const silent = new Set(["t", "at", "e", "node", "log", "verdict", "codes",
	"cut"]);

const tones = { accepted: "ok", delivered: "ok", deferred: "warn",
	refused: "bad", failed: "bad", dropped: "bad", removed: "bad" };

/* The stages of one recipient, worst news first. */
const ranks = ["failed", "refused", "dropped", "removed", "deferred",
	"accepted", "delivered"];

export function text(v) {
	if (v === null || v === undefined)
		return "";
	if (Array.isArray(v))
		return v.map(text).join(", ");
	return typeof v === "object" ? JSON.stringify(v) : String(v);
}

export function list(v) {
	if (v === null || v === undefined)
		return [];
	return (Array.isArray(v) ? v : [v]).map(text);
}

export const tone = (verdict) => tones[verdict] || "idle";

/* "> EHLO x" -> who said what */
export function dialogue(log) {
	return list(log).map((line) => {
		const by = { "> ": "client", "< ": "server" }[line.slice(0, 2)];

		return by === undefined ? { by: "note", text: line }
			: { by, text: line.slice(2) };
	});
}

function facts(e) {
	const keys = known.filter((k) => k in e)
		.concat(Object.keys(e).filter((k) => !known.includes(k) &&
			!silent.has(k)).sort());

	return keys.filter((k) => text(e[k]) !== "").map((k) =>
		({ key: k, known: known.includes(k), value: e[k] }));
}

/* The catalogue has a sentence for these; others get a general one. */
const sentences = { smtp: ["accepted", "deferred", "refused", "dropped"],
	deliver: ["delivered", "deferred", "refused"],
	relay: ["delivered", "deferred", "failed", "removed"],
	bounce: [], queue: [], order: [] };

function sentence(e) {
	const kind = text(e.e);

	if (!Object.hasOwn(sentences, kind))
		return "trace.step.other";
	if (kind === "smtp" && e.user !== undefined &&
	    e.verdict === "accepted")
		return "trace.step.smtp.submitted";
	return sentences[kind].includes(e.verdict)
		? "trace.step." + kind + "." + e.verdict
		: "trace.step." + kind;
}

export function step(e, first) {
	const rcpt = list(e.rcpt);

	return { t: e.t, at: e.at, node: text(e.node), kind: text(e.e),
		verdict: text(e.verdict), tone: tone(e.verdict),
		after_ms: Number.isFinite(first) ? e.t - first : 0,
		key: sentence(e),
		words: { from: text(e.from), rcpt: rcpt.length > 3
			? rcpt.slice(0, 3).join(", ") + ", \u2026"
			: rcpt.join(", "),
		host: text(e.host) || text(e.ip), kind: text(e.e),
		user: text(e.user), verdict: text(e.verdict), n: rcpt.length },
		facts: facts(e),
		codes: rcpt.length > 0 && list(e.codes).length > 0
			? rcpt.map((address, i) =>
				({ address, code: list(e.codes)[i] || "" }))
			: [],
		log: dialogue(e.log), cut: e.cut === true };
}

/* What was answered to RCPT, and to the message behind it. */
function answered(e, i) {
	const code = list(e.codes)[i] || "";

	if (code[0] === "4")
		return "deferred";
	if (code[0] === "5")
		return "refused";
	return text(e.verdict) || "accepted";
}

function outcomes(events) {
	const map = new Map();
	const put = (address, state, e, answer) => {
		const old = map.get(address);

		/* the session's own word is written last and says less */
		if (e.e === "smtp" && old !== undefined)
			return;
		map.set(address, { address, state, at: e.at, node: text(e.node),
			answer, next: Number.isFinite(e.next) &&
				state === "deferred" ? e.next : null });
	};

	for (const e of events) {
		if (e.e === "bounce")
			continue;
		if (!["smtp", "deliver", "relay"].includes(e.e))
			continue;
		list(e.rcpt).forEach((address, i) => put(address,
			e.e === "smtp" ? answered(e, i) : text(e.verdict), e,
			e.e === "smtp" && list(e.codes)[i]
				? list(e.codes)[i] : text(e.answer)));
	}
	return [...map.values()];
}

function worst(recipients, events) {
	const states = recipients.map((r) => r.state);
	const found = ranks.find((r) => states.includes(r));

	if (found !== undefined)
		return found;
	return text(events.find((e) => e.verdict !== undefined)?.verdict);
}

/* One group of GET /trace. */
export function story(group) {
	const events = (Array.isArray(group?.events) ? group.events : [])
		.filter((e) => e !== null && typeof e === "object")
		.sort((a, b) => a.t - b.t);
	const of = (key) => text(events.find((e) => text(e[key]) !== "")?.[key]);
	const recipients = outcomes(events);
	const verdict = worst(recipients, events);

	return { id: of("id") || of("queue"), queue: of("queue"),
		from: of("from"), msgid: of("msgid"), recipients, verdict,
		tone: tone(verdict), bounced: events.some((e) =>
			e.e === "bounce"),
		begin: events[0]?.at ?? null, end: events.at(-1)?.at ?? null,
		nodes: [...new Set(events.map((e) => text(e.node))
			.filter((n) => n !== ""))],
		steps: events.map((e) => step(e, events[0].t)) };
}

export function stories(answer) {
	return (answer?.groups ?? []).map(story)
		.filter((s) => s.steps.length > 0)
		.sort((a, b) => (a.begin < b.begin ? 1 : a.begin > b.begin
			? -1 : 0));
}

/* --- what is looked for --- */

const units = { m: 60, h: 3600, d: 86400, w: 604800 };

export const spans = ["1h", "1d", "1w", "30d"];

/* The page that looks for q; since and until as moment() takes them. */
export const trace_of = (q, since = "", until = "") => "/trace?q=" +
	encodeURIComponent(q) +
	(since === "" ? "" : "&since=" + encodeURIComponent(since)) +
	(until === "" ? "" : "&until=" + encodeURIComponent(until));

/* Of a message that arrived then and may be in the queue yet: clocks differ. */
export const since_arrival = (at) => moment(Number.isNaN(Date.parse(at)) ? "1w"
	: new Date(Date.parse(at) - 600000).toISOString(), Date.now());

/* As an input of type datetime-local has it, in local time. */
function local_minute(value, now) {
	const when = new Date(moment(value, now) ?? NaN);
	const two = (n) => String(n).padStart(2, "0");

	return Number.isNaN(+when) ? ""
		: when.getFullYear() + "-" + two(when.getMonth() + 1) + "-" +
			two(when.getDate()) + "T" + two(when.getHours()) + ":" +
			two(when.getMinutes());
}

/* What the form shows of a page's address. */
export function period(since, until, now) {
	if (until === "" && (since === "" || spans.includes(since)))
		return { span: since || "1d", from: "", to: "" };
	return { span: "from", from: local_minute(since || "1d", now),
		to: until === "" ? "" : local_minute(until, now) };
}

/* "2h", "3d"; or what an input of type datetime-local holds, in local time. */
export function moment(value, now) {
	const ago = /^(\d{1,5})([mhdw])$/.exec(value);
	const when = ago !== null
		? now - Number(ago[1]) * units[ago[2]] * 1000
		: Date.parse(value);

	return Number.isFinite(when) ? new Date(when).toISOString()
		.replace(/\.\d+Z$/, "Z") : null;
}
