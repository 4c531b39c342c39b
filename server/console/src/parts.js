/* parts.js - what several of the working pages are made of */
import { ask } from "./api.js";
import { html, useEffect, useId, useRef, useState } from "./lib.js";
import { set_query } from "./router.js";
import { t } from "./texts.js";
import { Copy, Note } from "./ui.js";

/*
 * A change of one object that is shown (of: its useGet()).  When somebody else
 * was quicker, what is there now is loaded, and the failure told.
 */
export async function change(of, method, where, body) {
	try {
		return await ask(method, where, { body, tag: of.tag || "*" });
	} finally {
		of.reload();
	}
}

/* A filter of a list that lives in the page's address. */
export function Filter({ name, label, value, placeholder, size = 18 }) {
	const [text, set] = useState(value);
	const input = useRef();
	const timer = useRef(0);
	const id = useId();

	useEffect(() => () => clearTimeout(timer.current), []);
	useEffect(() => {
		if (document.activeElement !== input.current)
			set(value);
	}, [value]);
	const type = (e) => {
		const now = e.target.value;

		set(now);
		clearTimeout(timer.current);
		timer.current = setTimeout(() =>
			set_query({ [name]: now.trim() }), 250);
	};

	return html`<div class="filter"><label for=${id}>${label}</label>
		<input id=${id} ref=${input} type="search" size=${size}
			value=${text} placeholder=${placeholder}
			autocomplete="off" autocapitalize="none"
			spellcheck=${false} onInput=${type} /></div>`;
}

/* options: [[value, text]]; the first is "all". */
export function FilterChoice({ name, label, value, options }) {
	const id = useId();

	return html`<div class="filter"><label for=${id}>${label}</label>
		<select id=${id} onChange=${(e) =>
			set_query({ [name]: e.target.value })}>
			<option value="" selected=${value === ""}
				>${t("ui.all")}</option>
			${options.map(([v, text]) => html`<option value=${v}
				selected=${v === value}>${text}</option>`)}
		</select></div>`;
}

/* What the server shows once: to be copied now. */
export const Once = ({ text, label, note }) => html`
	<div class="once"><code>${text}</code>
		<${Copy} text=${text} label=${label} /></div>
	${note && html`<${Note} kind="warn">${note}<//>`}`;

/* Addresses as links into a page; the rest is folded when there are many. */
export function Addresses({ list, href, none }) {
	const [all, show] = useState(false);
	const shown = all || list.length <= 12 ? list : list.slice(0, 10);

	if (list.length === 0)
		return none ?? "–";
	return html`<ul class="addresses">
		${shown.map((a) => html`<li key=${a}>${href
			? html`<a href=${href(a)}>${a}</a>` : a}</li>`)}
		${shown.length < list.length && html`<li><button type="button"
			class="button small quiet" onClick=${() => show(true)}
			>${t("ui.more", { n: list.length - shown.length })}
			</button></li>`}</ul>`;
}

/* The first of several in a table's cell. */
export const Several = ({ list }) => list.length === 0 ? "–"
	: html`${list[0]}${list.length > 1 && html` <span class="soft"
		>${t("ui.others", { n: list.length - 1 })}</span>`}`;
