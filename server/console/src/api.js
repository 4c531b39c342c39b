/* api.js - asking the server */
import { store } from "./lib.js";
import { t, t_if } from "./texts.js";

/*
 * The answer of GET /session, or null while nobody is signed in, or undefined
 * before we know.
 */
export const session = store(undefined);
/* The session ended while somebody was at work: his page stays as it is. */
export const expired = store(false);
/* A request is waiting for the server to be there again: { said }, what it
 * answered meanwhile. */
export const away = store(null);
/* Why it is not known who is signed in. */
export const lost = store(null);

export class Problem extends Error {
	constructor(status, body) {
		super(body.detail || body.title || "");
		this.status = status;
		this.code = body.code || "internal";
		this.detail = body.detail || "";
		/* "/name" -> "name" */
		this.field = (body.pointer || "").replace(/^\//, "");
		this.after = body.after || 0;
	}

	/* One or two sentences: what it means, and what the server said. */
	text() {
		const meaning = t_if("error." + this.code, { s: this.after }) ||
			t("error.internal");

		return this.detail === "" ? meaning
			: meaning + " " + t("error.said", { text: this.detail });
	}
}

/* What is shown of any failure. */
export const said = (error) => error instanceof Problem ? error.text()
	: String(error);

const PREFIX = "/api/v1";
/* The highest state entry any answer spoke of: no answer may be older. */
let entry = 0;
let waiting = 0;

/* Pages ask by themselves: without anybody before them that keeps no session
 * alive, and the server is told so. */
const UNATTENDED_MS = 60000;
let used = Date.now();

for (const what of ["keydown", "pointerdown", "wheel", "focus"])
	globalThis.addEventListener?.(what, () => {
		used = Date.now();
	}, { capture: true, passive: true });

export const may = (area, write = false) => {
	const s = session.get();

	return !!s && (s.areas.includes(area + ":write") ||
		!write && s.areas.includes(area + ":read"));
};

/* Path segments, encoded: path`/accounts/${address}`. */
export const path = (parts, ...values) => parts.reduce((p, s, i) =>
	p + encodeURIComponent(values[i - 1]) + s);

function target(where, query) {
	const q = new URLSearchParams();

	for (const [k, v] of Object.entries(query || {}))
		if (v !== undefined && v !== null && v !== "")
			q.set(k, v);
	return PREFIX + where + (q.size > 0 ? "?" + q : "");
}

function headers(method, body, tag) {
	const all = new Headers({ Accept: "application/json" });
	const s = session.get();

	if (entry > 0)
		all.set("Shoal-Entry", String(entry));
	if (Date.now() - used > UNATTENDED_MS)
		all.set("Shoal-Unattended", "1");
	if (method !== "GET" && s)
		all.set("X-CSRF-Token", s.csrf);
	if (body !== undefined)
		all.set("Content-Type", "application/json");
	if (tag)
		all.set("If-Match", tag);
	return all;
}

async function once(method, where, o) {
	const r = await fetch(target(where, o.query), {
		method, headers: headers(method, o.body, o.tag),
		body: o.body === undefined ? undefined : JSON.stringify(o.body),
		signal: o.signal, credentials: "same-origin", cache: "no-store",
	});
	const type = r.headers.get("Content-Type") || "";
	const text = await r.text();
	let data = text || null;

	entry = Math.max(entry, Number(r.headers.get("Shoal-Entry")) || 0);
	if (text !== "" && /^application\/(problem\+)?json/.test(type)) {
		try {
			data = JSON.parse(text);
		} catch {
			throw new Problem(r.status, { code: "internal" });
		}
	}
	if (!r.ok)
		throw new Problem(r.status, data !== null && typeof data === "object"
			? { ...data, after: r.headers.get("Retry-After") }
			: { code: r.status === 503 ? "unavailable" : "internal" });
	return { data, tag: r.headers.get("ETag") || "", status: r.status };
}

const pause = (ms, signal) => new Promise((done, fail) => {
	const timer = setTimeout(done, ms);

	signal?.addEventListener("abort", () => {
		clearTimeout(timer);
		fail(signal.reason);
	}, { once: true });
});

const signed_in = (signal) => new Promise((done, fail) => {
	const stop = expired.watch((e) => {
		if (!e) {
			stop();
			done();
		}
	});

	signal?.addEventListener("abort", () => {
		stop();
		fail(signal.reason);
	}, { once: true });
});

const is_away = (e) => e instanceof TypeError ||
	e instanceof Problem && [502, 503, 504].includes(e.status);

/* What only looks may be asked again and again.  Of a change that got no answer
 * nobody knows whether it was made, so whoever made it decides.  A server that
 * says for LATE_MS why it cannot answer is believed: o.late(problem). */
const LATE_MS = 10000;

const is_said = (said) => away.get()?.said !== said && away.set({ said });

async function patiently(where, o) {
	const began = Date.now();
	let counted = false, told = false;

	try {
		for (let ms = 500; ; ms = Math.min(ms * 2, 5000)) {
			try {
				return await once("GET", where, o);
			} catch (e) {
				if (!is_away(e))
					throw e;
				if (!counted) {
					counted = true;
					waiting++;
				}
				is_said(e.detail || "");
				if (e.detail && !told &&
				    Date.now() - began > LATE_MS) {
					told = true;
					o.late?.(e);
				}
			}
			await pause(ms, o.signal);
		}
	} finally {
		if (counted && --waiting === 0)
			away.set(null);
	}
}

/*
 * ask("PATCH", path`/domains/${name}`, { body, tag, query, signal, late }) ->
 * { data, tag }.  Fails with a Problem.
 */
export async function ask(method, where, o = {}) {
	for (;;) {
		try {
			if (method === "GET")
				return await patiently(where, o);
			return await once(method, where, o);
		} catch (e) {
			if (e instanceof TypeError)
				throw new Problem(0, { code: "no_answer" });
			if (!(e instanceof Problem) || e.status !== 401 ||
			    !session.get() || o.password)
				throw e;
			expired.set(true);
			if (method !== "GET")
				throw new Problem(401, { code: "expired" });
			await signed_in(o.signal);
		}
	}
}

export const get = (where, query, signal, late) =>
	ask("GET", where, { query, signal, late });

/* --- who we are --- */

export async function look_session() {
	try {
		session.set((await get("/session", undefined, undefined,
			lost.set)).data);
		lost.set(null);
	} catch (e) {
		if (e instanceof Problem && e.status === 401) {
			lost.set(null);
			session.set(null);
		} else {
			lost.set(e);
		}
	}
}

/* Another page of this browser may have signed in meanwhile: another person,
 * whose page this is not, or the same one anew. */
export async function compare_session() {
	const before = session.get();
	let s;

	if (!before || expired.get())
		return;
	try {
		s = (await once("GET", "/session", {})).data;
	} catch {
		return; /* whoever asks for something is told */
	}
	if (session.get() !== before)
		return;
	if (s.login !== before.login)
		location.reload();
	else if (s.csrf !== before.csrf)
		session.set(s);
}

/* Another person than the one whose page is open: the page goes. */
export function became(s) {
	const before = session.get();

	if (expired.get() && before && before.login !== s.login)
		location.reload();
	session.set(s);
	expired.set(false);
}

export async function sign_in(login, password, totp) {
	const body = { login, password };

	if (totp)
		body.totp = totp;
	became((await ask("POST", "/session", { body, password: true })).data);
}

export async function sign_out(everywhere) {
	if (everywhere)
		await ask("POST", "/session/end-all");
	else
		await ask("DELETE", "/session");
	session.set(null);
}
