/* me_security.js - one's own password, second factor, application passwords */
import { ask, look_session, path, Problem, sign_out } from "./api.js";
import { useList } from "./data.js";
import { confirm, Dialog, Done } from "./dialog.js";
import { Field, Form, NewPassword, useForm } from "./form.js";
import { html, useState } from "./lib.js";
import { Once, remove_row } from "./parts.js";
import { Qr } from "./qr.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { ends, term_options } from "./tokens.js";
import { Badge, Button, Card, Copy, Empty, When } from "./ui.js";

/* A wrong password is told at its field. */
async function at_field(field, run) {
	try {
		return await run();
	} catch (e) {
		if (e instanceof Problem && e.code === "denied")
			e.field = field;
		throw e;
	}
}

function Password() {
	const form = useForm({ initial: { current: "", new: "" },
		check: (v) => Object.fromEntries(["current", "new"]
			.filter((k) => v[k] === "")
			.map((k) => [k, t("form.needed")])),
		save: (v) => at_field("current", () => ask("PUT", "/me/password",
			{ body: v, password: true })),
		saved: () => {
			form.undo();
			look_session();
		}, done_text: t("me.password_done") });

	return html`<${Card} id="password" title=${t("me.password")}>
		<p class="soft">${t("me.password_what")}</p>
		<${Form} form=${form} action=${t("me.password_set")}>
			<${Field} form=${form} name="current" type="password"
				label=${t("me.password_current")}
				autocomplete="current-password" />
			<${NewPassword} form=${form} name="new"
				label=${t("me.password_new")}
				hint=${t("form.password_hint")} /><//><//>`;
}

/* --- second factor --- */

/* "ABCDEFGH" -> "ABCD EFGH": it may have to be typed. */
const grouped = (s) => s.replace(/(.{4})(?=.)/g, "$1 ");

function TotpSet({ offer, close, changed }) {
	const form = useForm({ initial: { code: "", password: "" },
		check: (v) => ({
			...(/^\s*\d{3}\s*\d{3}\s*$/.test(v.code) ? {}
				: { code: t("totp.six") }),
			...(v.password === "" ? { password: t("form.needed") }
				: {}) }),
		save: (v) => at_field("password", () => ask("PUT", "/me/totp", {
			body: { pending: offer.pending, password: v.password,
				code: v.code.replace(/\s/g, "") }, password: true })),
		saved: () => {
			changed();
			close();
		}, done_text: t("totp.on_done") });

	return html`<${Dialog} title=${t("totp.title")} onClose=${close} wide>
		<ol class="steps-list">
			<li><p>${t("totp.step_app")}</p>
				<p><a href=${offer.uri.startsWith("otpauth://")
					? offer.uri : undefined} target="_blank"
					rel="noreferrer">${t("totp.open")}</a></p></li>
			<li><p>${t("totp.step_secret")}</p>
				<${Qr} text=${offer.uri} label=${t("totp.picture")} />
				<div class="once"><code>${grouped(offer.secret)}</code>
					<${Copy} text=${offer.secret}
						label=${t("totp.secret")} /></div></li>
			<li><p>${t("totp.step_code")}</p>
				<${Form} form=${form} action=${t("totp.turn_on")}
					cancel=${close}><${Field} form=${form} name="code"
					label=${t("totp.code")} inputmode="numeric"
					autocomplete="one-time-code" maxlength="7"
					class="short" />
					<${Field} form=${form} name="password"
					type="password" label=${t("me.password_current")}
					autocomplete="current-password" /><//></li></ol><//>`;
}

function TotpOff({ close, changed }) {
	const form = useForm({ initial: { password: "" },
		check: (v) => v.password === "" ? { password: t("form.needed") } : {},
		save: (v) => at_field("password", () => ask("DELETE", "/me/totp",
			{ body: v, password: true })),
		saved: () => {
			changed();
			close();
		}, done_text: t("totp.off_done") });

	return html`<${Dialog} title=${t("totp.turn_off")} onClose=${close}>
		<p>${t("totp.off_what")}</p>
		<${Form} form=${form} action=${t("totp.turn_off")} kind="danger"
			cancel=${close}><${Field} form=${form} name="password"
			type="password" label=${t("me.password_current")} autoFocus
			autocomplete="current-password" /><//><//>`;
}

function Totp({ me, changed }) {
	const [offer, set] = useState(null);
	const [off, turn_off] = useState(false);

	return html`<${Card} id="totp" title=${t("totp.title")}
		actions=${html`<${Badge} kind=${me.totp ? "ok" : "warn"}>${t(me.totp
			? "ui.on" : "ui.off")}<//>`}>
		<p class="soft">${t("totp.what")}</p>
		<div class="actions orders">${me.totp ? html`<${Button}
			onClick=${() => turn_off(true)}>${t("totp.turn_off")}<//>`
		: html`<${Button} kind="primary" onClick=${async () =>
			set((await ask("POST", "/me/totp", { body: {} })).data)}
			>${t("totp.set")}<//>`}</div>
		${offer && html`<${TotpSet} offer=${offer}
			close=${() => set(null)} changed=${changed} />`}
		${off && html`<${TotpOff} close=${() => turn_off(false)}
			changed=${changed} />`}<//>`;
}

/* --- application passwords --- */

function AppPassword({ close, changed }) {
	const [made, set] = useState(null);
	const form = useForm({ initial: { label: "", days: "" },
		check: (v) => v.label.trim() === "" ? { label: t("form.needed") }
			: {},
		save: (v) => ask("POST", "/me/app-passwords", { body: {
			label: v.label.trim(), ...ends(v.days) } }),
		saved: (d) => {
			set(d);
			changed();
		} });

	return html`<${Dialog} title=${t("app.create")} onClose=${close}>
		${made === null ? html`<${Form} form=${form} cancel=${close}
			action=${t("app.create")}>
			<${Field} form=${form} name="label" autoFocus required
				label=${t("app.label")} hint=${t("app.label_hint")} />
			<${Field} form=${form} name="days" type="choice"
				label=${t("term.label")} options=${term_options()} /><//>`
		: html`<p>${t("app.use", { label: made.label })}</p>
			<${Once} text=${made.password} label=${t("app.one")}
				note=${t("ui.once")} />
			<${Done} onClose=${close} />`}<//>`;
}

function AppPasswords() {
	const list = useList("/me/app-passwords");
	const [creating, create] = useState(false);
	const remove = (p) => remove_row(list, path`/me/app-passwords/${p.id}`, {
		title: t("app.remove_title", { label: p.label }),
		text: t("app.remove_what"), done: t("app.removed") });
	const columns = [
		{ title: t("app.label"), class: "long", render: (p) =>
			html`<strong>${p.label}</strong>` },
		{ title: t("list.created"), render: (p) => html`<${When}
			at=${p.created} />` },
		{ title: t("term.ends"), render: (p) => html`<${When}
			at=${p.expires} none=${t("term.never")} />` },
		{ title: t("ui.actions"), render: (p) => html`<${Button}
			kind="small quiet danger-quiet" aria-label=${t(
				"ui.remove_what", { what: p.label })}
			onClick=${() => remove(p)}>${t("list.remove")}<//>` },
	];

	return html`<${Card} id="app-passwords" title=${t("app.title")}
		actions=${html`<button type="button" class="button"
			onClick=${() => create(true)}>${t("app.create")}</button>`}>
		<p class="soft">${t("app.what")}</p>
		<${Table} label=${t("app.title")} list=${list} columns=${columns}
			row_key=${(p) => p.id} empty=${html`<${Empty}
				title=${t("app.none")} />`} />
		${creating && html`<${AppPassword} close=${() => create(false)}
			changed=${list.reload} />`}<//>`;
}

const Sessions = () => html`<${Card} id="sessions" title=${t("me.sessions")}>
	<p class="soft">${t("me.sessions_what")}</p>
	<div class="actions orders"><${Button} onClick=${async () => {
		if (await confirm({ title: t("shell.out_all"),
			text: t("shell.out_all_text"), action: t("shell.out_all") }))
			await sign_out(true);
	}}>${t("shell.out_all")}<//></div><//>`;

export const Security = ({ me, of }) => html`<div class="columns">
	<${Password} />
	<div class="stack"><${Totp} me=${me} changed=${async () => {
		/* the session is another */
		await look_session();
		of.reload();
	}} /><${Sessions} /></div></div>
	${me.account && html`<${AppPasswords} />`}`;
