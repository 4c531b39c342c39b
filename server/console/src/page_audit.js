/* page_audit.js - who changed what */
import { useList } from "./data.js";
import { full_time } from "./format.js";
import { html } from "./lib.js";
import { Filter } from "./parts.js";
import { query } from "./router.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Empty, Page } from "./ui.js";

const columns = () => [
	{ title: t("audit.at"), class: "nowrap", render: (a) => html`<time
		datetime=${a.at}>${full_time(a.at)}</time>` },
	{ title: t("audit.who"), render: (a) => a.who },
	{ title: t("audit.what"), class: "nowrap", render: (a) =>
		html`<code>${a.what}</code>` },
	{ title: t("audit.object"), class: "long", render: (a) => a.object || "–" },
	{ title: t("audit.detail"), class: "long", render: (a) => a.detail || "–" },
];

export default function Audit() {
	const filter = { object: query("object"), who: query("who"),
		what: query("what") };
	const list = useList("/audit", filter);
	const filtered = Object.values(filter).some((v) => v !== "");

	return html`<${Page} title=${t("nav.audit")} wide actions=${html`
		<button type="button" class="button" aria-busy=${list.busy
			? "true" : undefined} onClick=${list.reload}
			>${t("ui.refresh")}</button>`}>
		<div class="bar">
			<${Filter} name="object" value=${filter.object} size=${26}
				label=${t("audit.object")}
				placeholder="alice@example.org" />
			<${Filter} name="who" value=${filter.who}
				label=${t("audit.who")} placeholder="admin:eve" />
			<${Filter} name="what" value=${filter.what}
				label=${t("audit.what")}
				placeholder="account.password" />
		</div>
		<${Table} label=${t("nav.audit")} list=${list} columns=${columns()}
			row_key=${(a) => String(a.id)} empty=${html`<${Empty}
				title=${t(filtered ? "audit.none_found"
					: "audit.none")} />`} />
	<//>`;
}
