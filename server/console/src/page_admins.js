/* page_admins.js - who administrates, and inviting others */
import { ask, path } from "./api.js";
import { useList } from "./data.js";
import { Dialog, Done } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html, useId, useState } from "./lib.js";
import { Once, remove_row, useDomains } from "./parts.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Badge, Button, Card, Empty, Facts, Page, When } from "./ui.js";

export const roles = () => ["system", "domain", "readonly"].map((r) =>
	[r, t("role." + r)]);

/* Which domain: must of a domain's administrator, may of who only reads. */
export function RoleFields({ form }) {
	const { many, names } = useDomains(form.values.domain);
	const role = form.values.role;
	const id = useId();
	const none = t(role === "domain" ? "admin.domain_choose"
		: "admin.domain_all");

	return html`<${Field} form=${form} name="role" type="choice"
		label=${t("admin.role")} options=${roles()}
		hint=${t("admin.role_what." + role)} />
		${role !== "system" && (many ? html`<${Field} form=${form}
			name="domain" label=${t("admin.domain")}
			placeholder=${none} list=${id} autocomplete="off" />
			<datalist id=${id}>${names.map(([n]) => html`<option
				value=${n} />`)}</datalist>`
		: html`<${Field} form=${form} name="domain" type="choice"
			label=${t("admin.domain")}
			options=${[["", none], ...names]} />`)}`;
}

export const check_role = (v) => v.role === "domain" && !v.domain
	? { domain: t("form.needed") } : {};
/* A domain means nothing to who may do everything. */
export const role_body = (v) => ({ role: v.role,
	domain: v.role === "system" || !v.domain ? null : v.domain });

const terms = [[3600, "1h"], [86400, "1d"], [3 * 86400, "3d"],
	[7 * 86400, "1w"]];

function Invite({ close, changed }) {
	const [made, set] = useState(null);
	const form = useForm({ initial: { role: "domain", domain: "", login: "",
		expires_in: String(3 * 86400) }, check: check_role,
		save: (v) => {
			const { role, domain } = role_body(v);

			return ask("POST", "/invites", { body: { role,
				...(domain ? { domain } : {}),
				...(v.login.trim() ? { login: v.login.trim() } : {}),
				expires_in: Number(v.expires_in) } });
		},
		saved: (d) => {
			set(d);
			changed();
		} });

	return html`<${Dialog} title=${t("admins.invite")} onClose=${close} wide>
		${made === null ? html`<${Form} form=${form} cancel=${close}
			action=${t("admins.invite_make")}>
			<${RoleFields} form=${form} />
			<div class="two"><${Field} form=${form} name="login"
				label=${t("admin.login")}
				hint=${t("admins.invite_login")} />
			<${Field} form=${form} name="expires_in" type="choice"
				label=${t("admins.invite_term")}
				options=${terms.map(([s, key]) => [String(s),
					t("admins.term." + key)])} /></div><//>`
		: html`<p>${t("admins.invite_send")}</p>
			<${Once} text=${made.url} label=${t("admins.link")}
				note=${t("admins.invite_once")} />
			<${Facts} rows=${[
				[t("admin.role"), t("role." + made.role)],
				made.domain && [t("admin.domain"), made.domain],
				[t("admin.expires"), html`<${When}
					at=${made.expires} />`]]} />
			<${Done} onClose=${close} />`}
	<//>`;
}

const columns = () => [
	{ title: t("admin.login"), render: (a) => a.login },
	{ title: t("admin.name"), class: "long", render: (a) => a.name || "–" },
	{ title: t("admin.role"), render: (a) => t("role." + a.role) },
	{ title: t("admin.domain"), render: (a) => a.domain ?? t("ui.all") },
	{ title: t("admin.totp"), render: (a) => html`<${Badge} kind=${a.totp
		? "ok" : "warn"}>${t(a.totp ? "ui.on" : "ui.off")}<//>` },
	{ title: t("list.created"), class: "nowrap", render: (a) =>
		html`<${When} at=${a.created} />` },
];

function Invites({ list }) {
	const remove = (i) => remove_row(list, path`/invites/${i.id}`, {
		tag: "*", title: t("admins.invite_remove"),
		text: t("admins.invite_remove_what"),
		done: t("admins.invite_removed") });
	const invites = [
		{ title: t("admin.login"), render: (i) => i.login ??
			t("admins.any_login") },
		{ title: t("admin.role"), render: (i) => t("role." + i.role) },
		{ title: t("admin.domain"), render: (i) => i.domain ?? t("ui.all") },
		{ title: t("admins.invited_by"), render: (i) => i.by ??
			"shoalctl" },
		{ title: t("list.created"), render: (i) => html`<${When}
			at=${i.created} />` },
		{ title: t("admin.expires"), render: (i) => html`<${When}
			at=${i.expires} />` },
		{ title: t("ui.actions"), render: (i) => html`<${Button}
			kind="small quiet danger-quiet" onClick=${() => remove(i)}
			>${t("list.remove")}<//>` },
	];

	return html`<${Card} id="invites" title=${t("admins.invites")}>
		<${Table} label=${t("admins.invites")} list=${list}
			columns=${invites} row_key=${(i) => i.id}
			empty=${html`<p class="soft">${t("admins.no_invites")}</p>`}
			/><//>`;
}

export default function Admins() {
	const list = useList("/admins");
	const invites = useList("/invites");
	const [inviting, invite] = useState(false);

	return html`<${Page} title=${t("nav.admins")} actions=${html`
		<button type="button" class="button primary"
			onClick=${() => invite(true)}>${t("admins.invite")}</button>`}>
		<${Table} label=${t("nav.admins")} list=${list} columns=${columns()}
			row_key=${(a) => a.login} href=${(a) => "/admins/" +
				encodeURIComponent(a.login)}
			empty=${html`<${Empty} title=${t("admins.none")} />`} />
		<${Invites} list=${invites} />
		${inviting && html`<${Invite} close=${() => invite(false)}
			changed=${invites.reload} />`}
	<//>`;
}
