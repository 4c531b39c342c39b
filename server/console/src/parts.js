/* parts.js - what several of the working pages are made of */
import { ask } from "./api.js";
import { useGet } from "./data.js";
import { confirm } from "./dialog.js";
import { html, useId, useRef, useState } from "./lib.js";
import { set_query } from "./router.js";
import { t, t_if } from "./texts.js";
import { Copy, Note, Num, Size, toast, useTyped } from "./ui.js";

/*
 * A change of one object that is shown (of: its useGet()).  When somebody else
 * was quicker, what is there now is loaded, and the failure told; whoever does
 * it again then does it to that.
 */
export async function change(of, method, where, body, query) {
	try {
		return await ask(method, where, { body, query,
			tag: of.tag || "*" });
	} finally {
		of.reload();
	}
}

/* Asks whether a row of a list (its useList()) is to go, and removes it.  tag:
 * If-Match, where it is wanted. */
export async function remove_row(list, where, { tag, title, text, done }) {
	if (!await confirm({ title, text, danger: true, action: t("list.remove"),
		run: () => ask("DELETE", where, { tag }) }))
		return;
	toast(done);
	list.reload();
}

/* Of a form with an address. */
export const check_address = (v) => !/^[^@]+@[^@]+$/.test(v.address.trim()) &&
	{ address: t("account.like_address") };

/* A filter of a list that lives in the page's address.  names: what may be
 * meant, to choose from. */
export function Filter({ name, label, value, placeholder, size = 18, names }) {
	const input = useRef();
	const id = useId();
	const [text, type] = useTyped(input, value,
		(now) => set_query({ [name]: now }), 250);

	return html`<div class="filter"><label for=${id}>${label}</label>
		<input id=${id} ref=${input} type="search" size=${size}
			value=${text} placeholder=${placeholder}
			list=${names ? id + "n" : undefined}
			autocomplete="off" autocapitalize="none"
			spellcheck=${false} onInput=${type} />
		${names && html`<datalist id=${id + "n"}>${names.map((n) =>
			html`<option value=${n} />`)}</datalist>`}</div>`;
}

/*
 * All domains, as [[name, how it is written]]; or, where there are too many to
 * choose from, those that fit what was typed: { many, names }.
 */
export function useDomains(typed, off) {
	const all = useGet(off ? null : "/domains", { limit: 1000 });
	const many = !!all.data?.next;
	const some = useGet(many ? "/domains" : null,
		{ search: typed, limit: 20 });

	return { many, names: ((many ? some : all).data?.items ?? []).map((d) =>
		[d.name, d.display || d.name]) };
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

export const folder_columns = () => [
	{ title: t("folder.name"), render: (f) => html`<strong>${f.name}</strong>
		${f.use && html` <span class="soft">${t_if("folder.use." +
			f.use.replace("\\", "").toLowerCase())}</span>`}` },
	{ title: t("folder.messages"), figure: true, render: (f) =>
		html`<${Num} n=${f.messages} />` },
	{ title: t("folder.unseen"), figure: true, render: (f) =>
		html`<${Num} n=${f.unseen} />` },
	{ title: t("folder.size"), figure: true, render: (f) =>
		html`<${Size} bytes=${f.bytes} />` },
];

/* Instead of an account's last login.  What its use is and when it was used lie
 * in one place: who cannot read the one knows nothing of the other. */
export const no_login = (a) =>
	t(a.used_bytes === null ? "ui.not_known" : "ui.never");

/* The first of several in a table's cell. */
export const Several = ({ list, all = list.length }) => list.length === 0 ? "–"
	: html`${list[0]}${all > 1 && html` <span class="soft"
		>${t("ui.others", { n: all - 1 })}</span>`}`;
