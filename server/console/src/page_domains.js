/* page_domains.js - /domains: the list, and a new one */
import { ask, may, path } from "./api.js";
import { useList } from "./data.js";
import { Dialog } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html, useState } from "./lib.js";
import { go, place, query, set_query } from "./router.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Badge, Empty, Num, Page, Search } from "./ui.js";

const columns = () => [
	{ title: t("domains.name"), class: "roomy", render: (d) => d.display || d.name },
	{ title: t("domains.state"), render: (d) => d.suspended
		? html`<${Badge} kind="warn">${t("domains.suspended")}<//>`
		: html`<${Badge} kind="ok">${t("domains.active")}<//>` },
	{ title: t("domains.accounts"), figure: true, render: (d) => html`
		<${Num} n=${d.accounts} />${d.accounts_max > 0 && html`
			<span class="soft"> / <${Num} n=${d.accounts_max} /></span>`}` },
	{ title: t("domains.note"), render: (d) => d.note && html`
		<span class="clamp">${d.note}</span>` },
];

export default function Domains() {
	const [making, make] = useState(false);
	const search = (place.use(), query("search"));
	const list = useList("/domains", { search });
	const button = may("domains", true) && html`<button type="button"
		class="button primary" onClick=${() => make(true)}
		>${t("domains.new")}</button>`;

	return html`<${Page} title=${t("nav.domains")} actions=${button}>
		<div class="bar"><${Search} label=${t("domains.search")}
			value=${search} onSearch=${(s) =>
				set_query({ search: s })} /></div>
		<${Table} label=${t("nav.domains")} list=${list} columns=${columns()}
			row_key=${(d) => d.name}
			href=${(d) => path`/domains/${d.name}`}
			empty=${search !== "" ? html`<${Empty}
					title=${t("domains.none_found", { search })} />`
				: html`<${Empty} title=${t("domains.none")}
					actions=${button && html`${button}<a
						class="button" href="/start"
						>${t("start.title")}</a>`}
					>${t("domains.none_text")}<//>`}
			/>
		${making && html`<${NewDomain} onClose=${() => make(false)} />`}
	<//>`;
}

export function useNewDomain(saved) {
	return useForm({
		initial: { name: "", note: "" },
		check: (v) => v.name.trim() === "" && { name: t("form.needed") },
		save: (v) => ask("POST", "/domains", { body: {
			name: v.name.trim(), ...v.note && { note: v.note } } }),
		saved,
	});
}

function NewDomain({ onClose }) {
	const form = useNewDomain((d) => go(path`/domains/${d.name}/dns`));

	return html`<${Dialog} title=${t("domains.new")} onClose=${onClose}>
		<${Form} form=${form} action=${t("domains.create")}
			cancel=${onClose}>
			<${Field} form=${form} name="name" autoFocus required
				label=${t("domains.name")}
				hint=${t("domains.name_hint")}
				placeholder="example.org" />
			<${Field} form=${form} name="note"
				label=${t("domains.note")}
				hint=${t("domains.note_hint")} />
		<//><//>`;
}
