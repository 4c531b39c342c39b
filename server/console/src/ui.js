/* ui.js - the small parts of pages */
import { said } from "./api.js";
import { duration, full_time, near_time, number, size } from "./format.js";
import { html, store, useEffect, useId, useLayoutEffect, useRef, useState }
	from "./lib.js";
import { t } from "./texts.js";

/* --- pages --- */

/*
 * <${Page} title=... crumbs=${[["/domains", t("nav.domains")]]}
 *	actions=${html`<button>...`}>
 */
export function Page({ title, crumbs, actions, children, wide }) {
	const head = useRef();

	useEffect(() => {
		document.title = title + " · Shoal";
	}, [title]);
	/* Whoever listens to pages hears that another has come. */
	useEffect(() => {
		if (document.activeElement === document.body ||
		    document.activeElement?.closest("main, nav"))
			head.current?.focus({ preventScroll: true });
	}, []);
	return html`<div class=${"page" + (wide ? " wide" : "")}>
		${crumbs && html`<nav class="crumbs" aria-label=${t("ui.crumbs")}>
			${crumbs.map(([to, text]) => html`<span
				aria-hidden="true">‹</span><a href=${to}>${text
				}</a>`)}</nav>`}
		<header class="page-head">
			<h1 tabindex="-1" ref=${head}>${title}</h1>
			<div class="actions">${actions}</div>
		</header>
		${children}
	</div>`;
}

export const Card = ({ title, actions, children, id, class: more }) => html`
	<section class=${"card " + (more || "")} aria-labelledby=${title && id}>
		${title && html`<header class="card-head">
			<h2 id=${id}>${title}</h2>
			<div class="actions">${actions}</div></header>`}
		${children}
	</section>`;

/* Tabs are links: <${Tabs} at="dns" tabs=${[["settings", "/d/x", "Settings"]]} />
 */
export function Tabs({ at, tabs, label }) {
	const bar = useRef();

	/* Where not all have room, the one that is open is seen. */
	useEffect(() => {
		const a = bar.current.querySelector("[aria-current]");

		if (a)
			bar.current.scrollLeft = a.offsetLeft -
				(bar.current.clientWidth - a.offsetWidth) / 2;
	}, [at]);
	return html`<nav class="tabs" aria-label=${label} ref=${bar}>
		${tabs.map(([id, to, text]) => html`<a href=${to}
			aria-current=${id === at ? "page" : undefined}
			>${text}</a>`)}</nav>`;
}

/* [[label, value], ...]; rows that are null are left out. */
export const Facts = ({ rows }) => html`<dl class="facts">
	${rows.filter(Boolean).map(([label, value]) => html`<div>
		<dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;

/* --- what is, in a word --- */

const marks = { ok: "✓", warn: "!", bad: "✕", idle: "–", info: "i" };

/* kind: ok, warn, bad, idle, info.  Mark and word say what the colour says. */
export const Badge = ({ kind, children }) => html`
	<span class=${"badge " + kind}><span class="mark"
		aria-hidden="true">${marks[kind]}</span>${children}</span>`;

export const Note = ({ kind = "info", title, children, actions }) => html`
	<div class=${"note " + kind} role=${kind === "bad" ? "alert" : "note"}>
		<span class="mark" aria-hidden="true">${marks[kind]}</span>
		<div>${title && html`<strong>${title}</strong>`}
			<div>${children}</div>
			${actions && html`<div class="actions">${actions}</div>`}
		</div>
	</div>`;

/* Why something could not be loaded or done. */
export const Failed = ({ error, again }) => html`
	<${Note} kind="bad" title=${t("ui.failed")}
		actions=${again && html`<button type="button" class="button"
			onClick=${again}>${t("ui.again")}</button>`}>
		${said(error)}<//>`;

/* That something (of: its useGet()) could not be asked for again: what is shown is
 * what there was. */
export const Old = ({ of }) => of.error && of.data !== undefined && html`
	<${Note} kind="warn" title=${t("ui.old")} actions=${html`<button
		type="button" class="button" onClick=${of.reload}
		>${t("ui.again")}</button>`}>${said(of.error)}<//>`;

/* What is not there yet, and what to do about it. */
export const Empty = ({ title, children, actions }) => html`
	<div class="empty"><p class="empty-title">${title}</p>
		${children && html`<p>${children}</p>`}
		${actions && html`<div class="actions">${actions}</div>`}</div>`;

export const Busy = ({ text }) => html`<div class="busy" role="status">
	<span class="spinner" aria-hidden="true"></span>${text || t("ui.loading")}
	</div>`;

/* <${Loaded} of=${useGet(...)}>${(data) => html`...`}<//> */
export function Loaded({ of, children }) {
	if (of.error && of.data === undefined)
		return html`<${Failed} error=${of.error} again=${of.reload} />`;
	if (of.data === undefined)
		return html`<${Busy} />`;
	return children(of.data);
}

/* --- figures --- */

export const Size = ({ bytes }) => html`<span class="figure"
	title=${bytes === null || bytes === undefined ? undefined
		: t("ui.bytes", { n: number(bytes) })}>${size(bytes)}</span>`;
export const Num = ({ n, digits }) => html`
	<span class="figure">${number(n, digits)}</span>`;
export const Span = ({ seconds }) => html`
	<span class="figure">${duration(seconds)}</span>`;

/* A time, near now in words; the exact one when pointed at. */
export function When({ at, none }) {
	const [, draw] = useState(0);

	useEffect(() => {
		const timer = setInterval(() => draw((n) => n + 1), 30000);

		return () => clearInterval(timer);
	}, []);
	if (!at)
		return none ?? "–";
	return html`<time datetime=${at} title=${full_time(at)}
		>${near_time(at)}</time>`;
}

/* How much of a quota (0: none) is used. */
export function QuotaBar({ used, quota, compact }) {
	const part = quota > 0 && used !== null ? used / quota : 0;
	const kind = part >= 1 ? "bad" : part >= 0.9 ? "warn" : "ok";
	const words = used === null ? t("quota.unknown")
		: quota > 0 ? t("quota.of", { used: size(used),
			quota: size(quota), percent: number(part * 100) })
			: t("quota.none", { used: size(used) });

	return html`<div class=${"quota" + (compact ? " compact" : "")}>
		${quota > 0 && html`<div class="quota-track" role="meter" aria-label=${t("quota.label")}
			aria-valuemin="0" aria-valuemax="100"
			aria-valuenow=${Math.min(100, Math.round(part * 100))}
			aria-valuetext=${words}>
			<div class=${"quota-fill " + kind}
				style=${{ width: Math.min(100, part * 100) + "%" }}
				></div></div>`}
		<span class="quota-words">${kind !== "ok" && html`<span
			class=${"mark " + kind} aria-hidden="true"
			>${marks[kind]}</span> `}${words}</span></div>`;
}

/* --- doing --- */

/* A button that waits for what it began; a failure becomes a toast, unless
 * failed() wants it. */
export function Button({ onClick, children, kind, failed, disabled, ...more }) {
	const [busy, set] = useState(false);
	const alive = useRef(true);

	useEffect(() => () => {
		alive.current = false;
	}, []);
	const click = async (e) => {
		if (busy)
			return;
		set(true);
		try {
			await onClick(e);
		} catch (error) {
			if (failed)
				failed(error);
			else
				toast_error(error);
		}
		if (alive.current)
			set(false);
	};

	return html`<button type="button" ...${more}
		class=${"button " + (kind || "")} disabled=${disabled}
		aria-busy=${busy ? "true" : undefined} onClick=${click}
		>${children}</button>`;
}

export function Copy({ text, label, words }) {
	const [done, set] = useState(false);

	useEffect(() => {
		const timer = done && setTimeout(() => set(false), 2000);

		return () => clearTimeout(timer);
	}, [done]);
	const copy = async () => {
		await navigator.clipboard.writeText(text);
		set(true);
		toast(t("ui.copied"));
	};

	return html`<${Button} kind="small quiet" onClick=${copy}
		aria-label=${words || (label ? t("ui.copy_what", { what: label })
			: t("ui.copy"))}>${done ? "✓ " + t("ui.copied_short")
			: words || t("ui.copy")}<//>`;
}

/*
 * A text that is typed, and said so many milliseconds after the last key; what
 * comes from elsewhere waits until nobody types in input.
 */
export function useTyped(input, value, say, ms) {
	const [text, set] = useState(value);
	const timer = useRef(0);

	useEffect(() => () => clearTimeout(timer.current), []);
	useEffect(() => {
		if (document.activeElement !== input.current)
			set(value);
	}, [value]);
	return [text, (e) => {
		const now = e.target.value;

		set(now);
		clearTimeout(timer.current);
		timer.current = setTimeout(() => say(now.trim()), ms);
	}];
}

/* Search as one types; "/" goes there from anywhere on the page. */
export function Search({ value, onSearch, label, placeholder }) {
	const input = useRef();
	const id = useId();
	const [text, type] = useTyped(input, value, onSearch, 150);

	useEffect(() => {
		const key = (e) => {
			if (e.key === "/" && !e.ctrlKey && !e.metaKey &&
			    !e.altKey && !e.target.closest(
				"input, textarea, select, dialog")) {
				e.preventDefault();
				input.current.focus();
				input.current.select();
			}
		};

		document.addEventListener("keydown", key);
		return () => document.removeEventListener("keydown", key);
	}, []);

	return html`<div class="search" role="search">
		<label for=${id} class="hidden">${label}</label>
		<input id=${id} ref=${input} type="search" value=${text}
			placeholder=${placeholder || label} autocomplete="off"
			autocapitalize="none" spellcheck=${false}
			enterkeyhint="search" onInput=${type} />
		<kbd aria-hidden="true">/</kbd></div>`;
}

/* --- saying what was done --- */

/* A modal dialog lies over all that was there before it: after one is opened
 * what it must not hide is shown anew. */
const raised = store(0);
export const raise = () => raised.set(raised.get() + 1);

export function Above({ children, ...more }) {
	const box = useRef();
	const n = raised.use();

	useLayoutEffect(() => {
		box.current.hidePopover?.();
		box.current.showPopover?.();
	}, [n]);
	return html`<div ref=${box} popover="manual" ...${more}>${children
		}</div>`;
}

const toasts = store([]);
let toast_number = 0;

export function toast(text, kind = "ok") {
	const one = { id: ++toast_number, text, kind };
	const away = () => toasts.set(toasts.get().filter((x) => x !== one));

	toasts.set([...toasts.get().slice(-3), one]);
	setTimeout(away, kind === "ok" ? 4000 : 10000);
}

export const toast_error = (error) => toast(said(error), "bad");

export const Toasts = () => html`
	<${Above} class="toasts" aria-live="polite" role="status">
		${toasts.use().map((x) => html`<div key=${x.id}
			class=${"toast " + x.kind}><span class="mark"
				aria-hidden="true">${marks[x.kind]}</span>
			${x.text}</div>`)}<//>`;
