// mock.mjs - the console's API, without a server: for its tests and for looking
//
//	node tests/console/mock.mjs [--port 8099] [--root DIR]
//
// Serves the console's files from DIR, where pack.mjs --files put them (build/
// server/console/files), with the policy that the server sends, and /api/v1 from memory: roles, CSRF, ETags, cursors, problem
// details as the API has them.  Sign in as eve (system), dora (domain
// administrator of example.org), rolf (reads all), alice@example.org (user);
// the password is "password".  Who signs in as eve+totp needs the code 123456.
//
// For tests: POST /mock {"path":"/queue","status":503,"code":"unavailable",
// "times":1,"delay_ms":0,"method":"GET"} makes the next answers of a path fail,
// or come late (of it alone with "exact", else of what is below, too);
// {"bump":"/accounts/..."} changes its ETag, as if somebody else had been faster;
// {"reset":true} begins again.
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { makeData } from "./mock_data.mjs";
import { routes } from "./mock_on.mjs";
import "./mock_people.mjs";
import "./mock_mail.mjs";
import "./mock_cluster.mjs";

const TYPES = {
	".html": "text/html; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".json": "application/json",
	".png": "image/png",
	".woff2": "font/woff2",
};
const CSP =
	"default-src 'none'; script-src 'self'; style-src 'self'; " +
	"img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export class Problem extends Error {
	constructor(status, code, detail, pointer) {
		super(detail);
		Object.assign(this, { status, code, detail, pointer });
	}
}

export function createMock(root) {
	const m = {
		root,
		data: makeData(),
		entry: 48211,
		sessions: new Map(),
		tags: new Map(),
		faults: [],
		log: [],
	};
	m.server = http.createServer((rq, rs) => {
		answer(m, rq, rs).catch((e) => {
			if (!(e instanceof Problem)) {
				console.error(e);
				e = new Problem(500, "internal");
			}
			if (!rs.headersSent)
				send(
					rs,
					e.status,
					{
						type: "about:blank",
						title: http.STATUS_CODES[e.status],
						status: e.status,
						detail: e.detail,
						code: e.code,
						pointer: e.pointer,
					},
					{
						"content-type": "application/problem+json",
						...([429, 503].includes(e.status)
							? { "retry-after": "2" }
							: {}),
					}
				);
		});
	});
	return m;
}

function send(rs, status, body, headers = {}) {
	const plain = typeof body === "string" || Buffer.isBuffer(body);
	rs.writeHead(status, {
		"cache-control": "no-store",
		"x-content-type-options": "nosniff",
		"content-security-policy": CSP,
		"content-type": "application/json",
		...headers,
	});
	rs.end(body === undefined ? "" : plain ? body : JSON.stringify(body));
}

async function body(rq) {
	let text = "";
	for await (const piece of rq) {
		text += piece;
		if (text.length > 1 << 20) throw new Problem(413, "too_large");
	}
	if (text === "") return null;
	try {
		return JSON.parse(text);
	} catch {
		throw new Problem(400, "bad_json", "the body is no JSON");
	}
}

async function file(m, rs, name) {
	let full = path.join(m.root, path.normalize("/" + name));
	if (!name.startsWith("/console/")) full = path.join(m.root, "index.html");
	try {
		send(rs, 200, await readFile(full), {
			"content-type": TYPES[path.extname(full)] ?? "text/plain",
		});
	} catch {
		throw new Problem(404, "not_found");
	}
}

async function control(m, rq, rs) {
	const b = await body(rq);
	if (b.reset)
		Object.assign(m, {
			data: makeData(),
			faults: [],
			tags: new Map(),
			sessions: new Map(),
		});
	if (b.bump) bump(m, b.bump);
	if (b.path) m.faults.push({ times: 1, ...b });
	send(rs, 204);
}

export const tagOf = (m, key) => `"${m.tags.get(key) ?? 1}"`;
export function bump(m, key) {
	m.tags.set(key, (m.tags.get(key) ?? 1) + 1);
	m.entry++;
}

async function fault(m, method, where) {
	const f = m.faults.find(
		(x) =>
			x.times > 0 &&
			(x.exact ? where === x.path : where.startsWith(x.path)) &&
			(!x.method || x.method === method)
	);
	if (!f) return;
	f.times--;
	if (f.delay_ms) await new Promise((done) => setTimeout(done, f.delay_ms));
	await f.held; // until a test in this process lets it go on
	if (f.status)
		throw new Problem(f.status, f.code ?? "unavailable", f.detail);
}

function session(m, rq) {
	const got = /__Host-shoal=([^;]+)/.exec(rq.headers.cookie ?? "");
	return got ? m.sessions.get(got[1]) : undefined;
}

function find(method, where) {
	const parts = where.split("/").slice(1).map(decodeURIComponent);
	let known = false;
	for (const r of routes) {
		const want = r.path.split("/").slice(1);
		if (
			want.length !== parts.length ||
			!want.every((w, i) => w[0] === "{" || w === parts[i])
		)
			continue;
		known = true;
		if (r.method === method)
			return { r, args: parts.filter((_, i) => want[i][0] === "{") };
	}
	throw new Problem(known ? 405 : 404, known ? "method" : "not_found");
}

function allow(r, x, rq) {
	if (r.area === "open") return;
	if (!x.who) throw new Problem(401, "unauthenticated");
	if (r.method !== "GET" && rq.headers["x-csrf-token"] !== x.who.csrf)
		throw new Problem(403, "csrf", "the token is missing");
	const a = r.area ?? r.path.split("/")[1];
	const has = (w) => x.who.areas.includes(`${a}:${w}`);
	if (a !== "me" && !has("write") && (r.method !== "GET" || !has("read")))
		throw new Problem(403, "forbidden", "your role does not allow this");
}

function page(x, items) {
	const limit = Math.min(1000, Number(x.query.get("limit") ?? 100));
	const from = Number(atob(x.query.get("cursor") ?? btoa("0")));
	return {
		items: items.slice(from, from + limit),
		next: from + limit < items.length ? btoa(String(from + limit)) : null,
	};
}

async function answer(m, rq, rs) {
	const url = new URL(rq.url, "http://mock");
	if (url.pathname === "/mock") return control(m, rq, rs);
	if (!url.pathname.startsWith("/api/v1/"))
		return file(m, rs, url.pathname);
	const where = url.pathname.slice("/api/v1".length);
	const { r, args } = find(rq.method, where);
	const x = {
		m,
		d: m.data,
		query: url.searchParams,
		args,
		headers: {},
		who: session(m, rq),
		status: null,
		Problem,
		bump: (k) => bump(m, k),
	};
	m.log.push(`${rq.method} ${url.pathname}${url.search}`);
	await fault(m, rq.method, where);
	allow(r, x, rq);
	const b = rq.method === "GET" ? null : await body(rq);
	const key = r.tag ? r.tag(args) : null;
	if (r.match) {
		const given = rq.headers["if-match"];
		if (given === undefined)
			throw new Problem(428, "precondition_required");
		if (key && given !== "*" && given !== tagOf(m, key))
			throw new Problem(
				412,
				"precondition_failed",
				"somebody else changed it meanwhile"
			);
	}
	let out = await r.run(x, b);
	if (r.match && key) bump(m, key);
	if (r.list) out = page(x, out);
	const headers = { ...x.headers, "shoal-entry": String(m.entry) };
	if (key && out) headers.etag = tagOf(m, key);
	if (typeof out === "string")
		return send(rs, 200, out, {
			...headers,
			"content-type": "text/plain; charset=utf-8",
		});
	send(
		rs,
		x.status ??
			(out === undefined
				? 204
				: r.method === "POST" && !r.match
					? 201
					: 200),
		out,
		headers
	);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const opt = (name, def) => {
		const i = process.argv.indexOf(name);
		return i > 0 ? process.argv[i + 1] : def;
	};
	const here = path.dirname(fileURLToPath(import.meta.url));
	const m = createMock(
		opt("--root", path.join(here, "../../build/server/console/files"))
	);
	m.server.listen(Number(opt("--port", "8099")), "127.0.0.1", () =>
		console.log(`http://localhost:${m.server.address().port}/`)
	);
}
