/* router.js - which page is shown; real paths, and the browser's own history */
import { store } from "./lib.js";

export const place = store(location.pathname + location.search);

const here = () => place.set(location.pathname + location.search);

/* A page that would lose what somebody wrote asks before it goes. */
let guard = null;
export const set_guard = (g) => {
	guard = g;
};

let asking = false;

async function may_leave() {
	if (guard === null)
		return true;
	if (asking)
		return false;
	asking = true;
	try {
		if (!await guard())
			return false;
	} finally {
		asking = false;
	}
	guard = null;
	return true;
}

/* The browser has gone already: the page's address is put back before it is
 * asked. */
async function popped() {
	const old = place.get();

	if (guard === null || location.pathname + location.search === old) {
		here();
		return;
	}
	history.pushState(null, "", old);
	if (await may_leave())
		history.back();
}

export async function go(to, replace = false) {
	if (!await may_leave())
		return;
	if (replace)
		history.replaceState(null, "", to);
	else
		history.pushState(null, "", to);
	here();
	if (!replace)
		scrollTo(0, 0);
}

/* What the page is looking at (a search) belongs to its address, but not to
 * the history. */
export function set_query(changes) {
	const q = new URLSearchParams(location.search);

	for (const [k, v] of Object.entries(changes))
		if (v === "" || v === null || v === undefined)
			q.delete(k);
		else
			q.set(k, v);
	history.replaceState(null, "", location.pathname +
		(q.size > 0 ? "?" + q : ""));
	here();
}

export const query = (name) =>
	new URLSearchParams(location.search).get(name) || "";

export const segments = (p) => p.split("/").slice(1);

/* { page, params } of a path, or null. */
export function find(pages, pathname) {
	const have = segments(pathname.replace(/(.)\/$/, "$1"));

	for (const page of pages) {
		const want = segments(page.path);
		const params = {};

		if (want.length !== have.length)
			continue;
		try {
			if (want.every((w, i) => w[0] !== ":" ? w === have[i]
				: (params[w.slice(1)] =
					decodeURIComponent(have[i])) !== ""))
				return { page, params };
		} catch {
			return null;
		}
	}
	return null;
}

export function listen() {
	addEventListener("popstate", popped);
	document.addEventListener("click", (e) => {
		const a = e.target.closest?.("a[href]");

		if (a === null || a === undefined || e.defaultPrevented ||
		    e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey ||
		    e.altKey || a.target !== "" || a.hasAttribute("download") ||
		    a.origin !== location.origin || a.hash !== "" ||
		    a.pathname.startsWith("/api/"))
			return;
		e.preventDefault();
		go(a.pathname + a.search);
	});
}
