/* page_lists.js - aliases: addresses that lead to others */
import { ask, may, session } from "./api.js";
import { useList } from "./data.js";
import { Dialog } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html, useState } from "./lib.js";
import { Filter, Several } from "./parts.js";
import { go, query, set_query } from "./router.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Empty, Page, Search, When } from "./ui.js";

/*
 * Aliases and groups are the same but for a name, who may post, and what the
 * list is called; kind says which.
 */
export const kinds = {
	alias: { name: "alias", path: "/aliases", list: "targets",
		say: (key, params) => t("alias." + key, params) },
	group: { name: "group", path: "/groups", list: "members",
		say: (key, params) => t("group." + key, params) },
};
export const poster_options = () => ["anyone", "domain", "members"].map((p) =>
	[p, t("group.posters." + p)]);

const columns = (kind) => [
	{ title: t("list.address"), render: (a) => a.address },
	kind.name === "group" && { title: t("group.name"), render: (a) =>
		a.name || "–" },
	{ title: kind.say("list"), class: "long", render: (a) => kind.name ===
		"alias" ? html`<${Several} list=${a.targets} />`
		: t("group.members_n", { n: a.members.length }) },
	kind.name === "group" && { title: t("group.posters"), render: (a) =>
		t("group.posters." + a.posters) },
	{ title: t("list.created"), class: "nowrap", render: (a) =>
		html`<${When} at=${a.created} />` },
].filter(Boolean);

export const check = (kind) => (v) => ({
	...("address" in v && !/^[^\s@]+@[^\s@]+$/.test(v.address.trim())
		? { address: t("list.address_wrong") } : {}),
	...(kind.name === "alias" && v.targets.length === 0
		? { targets: t("form.needed") } : {}),
});

function Create({ kind, close }) {
	const domain = session.get().domain;
	const initial = kind.name === "alias" ? { address: "", targets: [] }
		: { address: "", name: "", posters: "anyone", members: [] };
	const form = useForm({ initial, check: check(kind),
		save: (v) => ask("POST", kind.path,
			{ body: { ...v, address: v.address.trim() } }),
		saved: (d) => go(kind.path + "/" +
			encodeURIComponent(d.address)),
		done_text: kind.say("created") });

	return html`<${Dialog} title=${kind.say("create")} onClose=${close}>
		<${Form} form=${form} action=${t("list.create")} cancel=${close}>
			<${Field} form=${form} name="address" autoFocus required
				label=${t("list.address")} inputmode="email"
				placeholder=${"info@" + (domain ?? "example.org")} />
			${kind.name === "group" && html`<${Field} form=${form}
				name="name" label=${t("group.name")} />
			<${Field} form=${form} name="posters" type="choice"
				label=${t("group.posters")}
				options=${poster_options()} />`}
			<${Field} form=${form} name=${kind.list} type="lines"
				label=${kind.say("list")}
				hint=${kind.say("list_hint")} /><//><//>`;
}

export function List({ kind }) {
	const filter = { search: query("search"), domain: query("domain") };
	const list = useList(kind.path, filter);
	const [creating, create] = useState(false);
	const filtered = Object.values(filter).some((v) => v !== "");
	const write = may("accounts", true);
	const button = write && html`<button type="button"
		class="button primary" onClick=${() => create(true)}
		>${kind.say("create")}</button>`;

	return html`<${Page} title=${kind.say("nav")}
		actions=${button}>
		<div class="bar">
			<${Search} value=${filter.search}
				label=${kind.say("search")} onSearch=${(search) =>
				set_query({ search })} />
			${!session.get().domain && html`<${Filter} name="domain"
				value=${filter.domain} label=${t("list.domain")}
				placeholder="example.org" />`}</div>
		<${Table} label=${kind.say("nav")} list=${list}
			columns=${columns(kind)} row_key=${(a) => a.address}
			href=${(a) => kind.path + "/" +
				encodeURIComponent(a.address)}
			empty=${html`<${Empty} title=${filtered ? t("list.none_found")
				: kind.say("none")} actions=${!filtered && button}
				>${!filtered && kind.say("none_what")}<//>`} />
		${creating && html`<${Create} kind=${kind}
			close=${() => create(false)} />`}
	<//>`;
}

export default function Aliases() {
	return html`<${List} kind=${kinds.alias} />`;
}
