/* tokens.js - keys of programs that speak to the API */
import { ask, path, session } from "./api.js";
import { Dialog, Done } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html, useId, useState } from "./lib.js";
import { Once, remove_row } from "./parts.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Button, Card, When } from "./ui.js";

/* How long what is made is good: "" never ends. */
export const terms = ["", "30", "90", "365"];
export const term_options = () => terms.map((d) => [d, d === ""
	? t("term.never") : t("term.days", { n: Number(d) })]);
export const ends = (days) => days === "" ? {} : { expires: new Date(
	Date.now() + Number(days) * 86400000).toISOString()
	.replace(/\.\d+Z$/, "Z") };

/* Areas of the person, without those everybody has. */
const areas = () => [...new Set(session.get().areas.map((a) =>
	a.split(":")[0]))].filter((a) => a !== "me" && a !== "open");
const writes = (a) => session.get().areas.includes(a + ":write");

/* One choice an area: nothing, reading, changing, too. */
function Scopes({ form }) {
	const id = useId();
	const value = form.values.scopes;
	const error = form.errors.scopes;
	const now = (a) => value.includes(a + ":write") ? "write"
		: value.includes(a + ":read") ? "read" : "";
	const choose = (a, what) => form.set("scopes", value.filter((s) =>
		s.split(":")[0] !== a).concat(what === "" ? [] : [a + ":" + what]));

	return html`<fieldset class="scopes" data-field="scopes"
		aria-describedby=${error ? id + "e" : undefined}>
		<legend>${t("token.scopes")}</legend>
		${areas().map((a) => html`<div key=${a} class="scope"><label
			for=${id + a}>${t("area." + a)}</label><select id=${id + a}
			onChange=${(e) => choose(a, e.target.value)}>
			${["", "read", "write"].filter((w) => w !== "write" ||
				writes(a)).map((w) => html`<option value=${w}
				selected=${w === now(a)}>${t("scope." + (w || "none"))}
				</option>`)}</select></div>`)}
		${error && html`<p class="error" id=${id + "e"}><span
			aria-hidden="true">✕ </span>${error}</p>`}</fieldset>`;
}

function Create({ where, close, changed }) {
	const [made, set] = useState(null);
	const form = useForm({ initial: { label: "", scopes: [], days: "90" },
		check: (v) => ({
			...(v.label.trim() === "" ? { label: t("form.needed") } : {}),
			...(v.scopes.length === 0 ? { scopes: t("token.no_scope") }
				: {}) }),
		save: (v) => ask("POST", where, { body: { label: v.label.trim(),
			scopes: v.scopes, ...ends(v.days) } }),
		saved: (d) => {
			set(d);
			changed();
		} });

	return html`<${Dialog} title=${t("token.create")} onClose=${close}>
		${made === null ? html`<${Form} form=${form} cancel=${close}
			action=${t("token.create")}>
			<${Field} form=${form} name="label" autoFocus required
				label=${t("token.label")} hint=${t("token.label_hint")} />
			<${Scopes} form=${form} />
			<${Field} form=${form} name="days" type="choice"
				label=${t("term.label")} options=${term_options()} /><//>`
		: html`<p>${t("token.use")}</p>
			<${Once} text=${made.token} label=${t("token.one")}
				note=${t("ui.once")} />
			<${Done} onClose=${close} />`}<//>`;
}

/* list: useList() of where; tag: If-Match of a removal, where one is wanted. */
export function Tokens({ list, where, tag, create }) {
	const [creating, show] = useState(false);
	const remove = (k) => remove_row(list, where + path`/${k.id}`, {
		tag, title: t("token.remove_title", { label: k.label }),
		text: t("token.remove_what"), done: t("token.removed") });
	const columns = [
		{ title: t("token.label"), class: "long", render: (k) =>
			html`<strong>${k.label}</strong>` },
		{ title: t("token.scopes"), class: "long", render: (k) =>
			k.scopes.join(", ") || "–" },
		{ title: t("list.created"), render: (k) => html`<${When}
			at=${k.created} />` },
		{ title: t("term.ends"), render: (k) => html`<${When}
			at=${k.expires} none=${t("term.never")} />` },
		{ title: t("ui.actions"), render: (k) => html`<${Button}
			kind="small quiet danger-quiet" aria-label=${t(
				"ui.remove_what", { what: k.label })}
			onClick=${() => remove(k)}>${t("list.remove")}<//>` },
	];

	return html`<${Card} id="tokens" title=${t("token.title")}
		actions=${create && html`<button type="button" class="button"
			onClick=${() => show(true)}>${t("token.create")}</button>`}>
		<${Table} label=${t("token.title")} list=${list} columns=${columns}
			row_key=${(k) => k.id} empty=${html`<p class="soft"
				>${t("token.none")}</p>`} />
		${creating && html`<${Create} where=${where}
			close=${() => show(false)} changed=${list.reload} />`}<//>`;
}
