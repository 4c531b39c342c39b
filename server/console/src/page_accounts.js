/* page_accounts.js - /accounts: found as one types, however many there are */
import { ask, may, path, session } from "./api.js";
import { useList } from "./data.js";
import { Dialog, Done } from "./dialog.js";
import { Field, Form, NewPassword, make_password, useForm } from "./form.js";
import { html, useId, useState } from "./lib.js";
import { check_address, Filter, Once, useDomains } from "./parts.js";
import { go, place, query, set_query } from "./router.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Badge, Empty, Num, Page, QuotaBar, Search, When } from "./ui.js";

const kinds = { active: "ok", suspended: "warn", removed: "idle" };

export const Status = ({ status }) => html`<${Badge} kind=${kinds[status]}
	>${t("account.status_" + status)}<//>`;

/* Of those that are removed there may be several with one address. */
export const account_path = (a) =>
	path`/accounts/${a.status === "removed" ? a.id : a.address}`;

const columns = (removed) => [
	{ title: t("account.address"), class: "roomy", render: (a) => a.address },
	{ title: t("account.name"), render: (a) => a.name &&
		html`<span class="clamp">${a.name}</span>` },
	{ title: t("account.status"), render: (a) => html`<${Status}
		status=${a.status} />` },
	removed ? { title: t("account.purged"), render: (a) => html`
		<${When} at=${a.purge_after} />` }
	: { title: t("account.quota"), class: "roomy", render: (a) => html`
		${"used_bytes" in a && html`<${QuotaBar} compact
			used=${a.used_bytes} quota=${a.quota_bytes} />`}` },
	!removed && { title: t("account.messages"), figure: true, render: (a) =>
		"messages" in a && html`<${Num} n=${a.messages} />` },
].filter(Boolean);

const LIMIT = 50;

export default function Accounts() {
	const [making, make] = useState(false);
	place.use();
	const search = query("search"), domain = query("domain");
	const status = query("status");
	const list = useList("/accounts",
		{ search, domain, status, limit: LIMIT },
		status === "removed" ? undefined : { usage: true });
	const button = may("accounts", true) && html`<button type="button"
		class="button primary" onClick=${() => make(true)}
		>${t("account.new")}</button>`;
	const filtered = search || domain || status;

	return html`<${Page} title=${t("nav.accounts")} actions=${button}>
		<div class="bar">
			<${Search} label=${t("account.search")} value=${search}
				onSearch=${(s) => set_query({ search: s })} />
			<${Domains} value=${domain} />
			<${Choice} label=${t("account.status")} value=${status}
				name="status" options=${[["", t("account.all")],
					...["active", "suspended", "removed"].map(
						(s) => [s, t("account.status_" + s)])]} />
		</div>
		<${Table} label=${t("nav.accounts")} list=${list}
			columns=${columns(status === "removed")}
			row_key=${(a) => a.id} href=${account_path}
			empty=${filtered ? html`<${Empty}
					title=${t("account.none_found")}
					actions=${html`<a class="button" href="/accounts"
						>${t("account.show_all")}</a>`} />`
				: html`<${Empty} title=${t("account.none")}
					actions=${button}>${t("account.none_text")}<//>`}
			/>
		${making && html`<${NewAccount} domain=${domain}
			onClose=${() => make(false)} />`}
	<//>`;
}

function Choice({ label, value, name, options }) {
	const id = useId();

	return html`<div class="row"><label class="hidden" for=${id}
		>${label}</label><select id=${id} value=${value}
		onChange=${(e) => set_query({ [name]: e.target.value })}>
		${options.map(([v, text]) => html`<option value=${v}
			selected=${v === value}>${text}</option>`)}</select></div>`;
}

function Domains({ value }) {
	const own = session.get()?.domain;
	const { many, names } = useDomains(value, own || !may("domains"));

	if (many)
		return html`<${Filter} name="domain" value=${value}
			label=${t("domains.name")} placeholder="example.org"
			names=${names.map(([n]) => n)} />`;
	if (own || names.length < 2)
		return null;
	if (value !== "" && !names.some(([n]) => n === value))
		names.unshift([value, value]);
	return html`<${Choice} label=${t("domains.name")} name="domain"
		value=${value} options=${[["", t("account.all_domains")],
			...names]} />`;
}

/* --- a new one --- */

export function useNewAccount(initial, saved) {
	return useForm({
		initial: { address: "", name: "", password: make_password(),
			quota_bytes: null, ...initial },
		check: check_address,
		save: async (v) => {
			const r = await ask("POST", "/accounts", { body: {
				address: v.address.trim(), name: v.name.trim(),
				...v.password && { password: v.password },
				...v.quota_bytes !== null &&
					{ quota_bytes: v.quota_bytes } } });

			return { data: { account: r.data, password: v.password } };
		},
		saved,
	});
}

export const NewAccountFields = ({ form }) => html`
	<${Field} form=${form} name="address" required autoFocus
		label=${t("account.address")} inputmode="email"
		autocomplete="off" placeholder="alice@example.org" />
	<${Field} form=${form} name="name" label=${t("account.name")}
		autocomplete="off" />
	<${NewPassword} form=${form} name="password"
		label=${t("signin.password")}
		hint=${t("account.password_hint")} />
	<${Field} form=${form} name="quota_bytes" type="size"
		label=${t("account.quota")} none=${t("account.quota_default")}
		hint=${t("domain.zero_unlimited")} />`;

function NewAccount({ domain, onClose }) {
	const own = session.get()?.domain || domain;
	const [made, set] = useState(null);
	const form = useNewAccount({ address: own ? "@" + own : "" }, set);

	if (made)
		return html`<${Made} made=${made} onClose=${() =>
			go(account_path(made.account))} />`;
	return html`<${Dialog} title=${t("account.new")} onClose=${onClose}>
		<${Form} form=${form} action=${t("account.create")}
			cancel=${onClose}><${NewAccountFields} form=${form} /><//>
	<//>`;
}

const Made = ({ made, onClose }) => html`
	<${Dialog} title=${t("account.made_title")} onClose=${onClose}>
		<p>${t("account.made", { address: made.account.address })}</p>
		${made.password && html`
			<p>${t("account.made_password")}</p>
			<${Once} text=${made.password}
				label=${t("signin.password")} />`}
		<${Done} onClose=${onClose} autofocus /><//>`;
