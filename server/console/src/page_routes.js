/* page_routes.js - where mail leaves to, instead of to its domain's MX */
import { ask, may, path } from "./api.js";
import { useGet, useList } from "./data.js";
import { Dialog } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html, useState } from "./lib.js";
import { settings_tabs } from "./page_settings.js";
import { remove_row } from "./parts.js";
import { Table } from "./table.js";
import { t, t_if } from "./texts.js";
import { Badge, Button, Empty, Loaded, Note, Page, Tabs } from "./ui.js";

const modes = ["may", "must", "verify", "never", "implicit"];
const clear = ["may", "never"];
const blank = { pattern: "", hosts: "", tls: "may", user: "", note: "" };

/* The password is never told; empty: it stays as it is. */
const fields = (r) => ({ hosts: r.hosts, tls: r.tls, user: r.user ?? "",
	note: r.note ?? "", password: "" });

function check(v) {
	const wrong = {};

	if ("pattern" in v && v.pattern.trim() === "")
		wrong.pattern = t("form.needed");
	if (v.hosts.trim() === "")
		wrong.hosts = t("form.needed");
	if (v.user.trim() !== "" && clear.includes(v.tls))
		wrong.tls = t("route.tls_clear");
	return wrong;
}

function RouteForm({ form, fresh, close, known }) {
	return html`<${Form} form=${form} action=${t(fresh ? "route.add"
		: "ui.save")} cancel=${close} names=${{ hosts: t("route.hosts"),
		tls: t("route.tls"), user: t("route.user"),
		note: t("route.note") }}>
		${fresh && html`<${Field} form=${form} name="pattern" autoFocus
			required label=${t("route.pattern")}
			hint=${t("route.pattern_hint")} />`}
		<${Field} form=${form} name="hosts" label=${t("route.hosts")}
			required hint=${t("route.hosts_hint")} />
		<${Field} form=${form} name="tls" type="choice"
			label=${t("route.tls")} options=${modes.map((m) =>
				[m, t("route.tls." + m)])} />
		<div class="two">
		<${Field} form=${form} name="user" label=${t("route.user")}
			autocomplete="off" hint=${t("route.user_hint")} />
		<${Field} form=${form} name="password" type="password"
			label=${t("route.password")} autocomplete="new-password"
			hint=${known ? t("route.password_known") : undefined} />
		</div>
		<${Field} form=${form} name="note" label=${t("route.note")} /><//>`;
}

/* The body of a route: a password only when one was entered. */
const body = ({ password, ...v }) => ({ ...v, hosts: v.hosts.trim(),
	user: v.user.trim(), ...(password !== "" ? { password } : {}) });

function Add({ close, changed }) {
	const form = useForm({ initial: { ...blank, password: "" }, check,
		save: (v) => ask("POST", "/routes",
			{ body: { ...body(v), pattern: v.pattern.trim() } }),
		saved: () => {
			changed();
			close();
		}, done_text: t("route.saved") });

	return html`<${Dialog} title=${t("route.add")} onClose=${close} wide>
		<${RouteForm} form=${form} fresh close=${close} /><//>`;
}

function EditForm({ r, tag, where, close, changed }) {
	const form = useForm({ initial: fields(r), tag, check,
		save: async (v, then) => {
			const got = await ask("PUT", where, { body: body(v), tag: then });

			return { data: fields(got.data), tag: got.tag };
		},
		load: async () => {
			const got = await ask("GET", where);

			return { data: fields(got.data), tag: got.tag };
		},
		saved: () => {
			changed();
			close();
		}, done_text: t("route.saved") });

	return html`<${RouteForm} form=${form} close=${close}
		known=${r.password_set} />`;
}

function Edit({ pattern, close, changed }) {
	const where = path`/routes/${pattern}`;
	const of = useGet(where);

	return html`<${Dialog} title=${t("route.edit", { pattern })}
		onClose=${close} wide><${Loaded} of=${of}>${(r) => html`<${EditForm}
		r=${r} tag=${of.tag} where=${where} close=${close}
		changed=${changed} />`}<//><//>`;
}

export default function Routes() {
	const list = useList("/routes");
	const [editing, edit] = useState(null);
	const write = may("settings", true);
	const remove = (r) => remove_row(list, path`/routes/${r.pattern}`, {
		tag: "*",
		title: t("route.remove_title", { pattern: r.pattern }),
		text: t("route.remove_what"), done: t("route.removed") });
	const columns = [
		{ title: t("route.pattern"), render: (r) => html`<strong>${r.pattern
			=== "*" ? t("route.all") : r.pattern}</strong>` },
		{ title: t("route.hosts"), class: "long", render: (r) => html`<code
			>${r.hosts}</code>` },
		{ title: t("route.tls"), render: (r) => html`<${Badge}
			kind=${clear.includes(r.tls) ? "idle" : "ok"}>${t_if(
				"route.tls_short." + r.tls) || r.tls}<//>` },
		{ title: t("route.user"), render: (r) => r.user || "–" },
		{ title: t("route.note"), class: "long", render: (r) =>
			r.note || "–" },
		write && { title: t("ui.actions"), render: (r) => html`<div
			class="actions"><${Button} kind="small" onClick=${() =>
				edit(r.pattern)} aria-label=${t("ui.edit_what",
				{ what: r.pattern })}>${t("ui.edit")}<//>
			<${Button} kind="small quiet danger-quiet"
				aria-label=${t("ui.remove_what", { what: r.pattern })}
				onClick=${() => remove(r)}>${t("list.remove")}<//>
			</div>` },
	].filter(Boolean);
	const button = write && html`<button type="button"
		class="button primary" onClick=${() => edit("")}
		>${t("route.add")}</button>`;

	return html`<${Page} title=${t("nav.routes")} actions=${button}>
		<${Tabs} at="routes" tabs=${settings_tabs()}
			label=${t("nav.settings")} />
		<${Note}>${t("routes.what")}<//>
		<${Table} label=${t("nav.routes")} list=${list} columns=${columns}
			row_key=${(r) => r.pattern} empty=${html`<${Empty}
				title=${t("routes.none")} actions=${button}
				>${t("routes.none_what")}<//>`} />
		${editing === "" && html`<${Add} close=${() => edit(null)}
			changed=${list.reload} />`}
		${editing && html`<${Edit} pattern=${editing}
			close=${() => edit(null)} changed=${list.reload} />`}
	<//>`;
}
