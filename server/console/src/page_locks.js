/* locks.js - who may do what of which there is one in the cluster */
import { useGet } from "./data.js";
import { number } from "./format.js";
import { html } from "./lib.js";
import { FilterChoice } from "./parts.js";
import { query, set_query } from "./router.js";
import { t } from "./texts.js";
import { Table } from "./table.js";
import { Badge, Card, Empty, Failed, Loaded, Page, Search, Span, Tabs, When }
	from "./ui.js";
import { lock_kind, lock_summary } from "./nodes_model.js";
import { node_tabs } from "./nodes_parts.js";

const kinds = { held: "ok", free: "idle", orphan: "warn", unreadable: "bad" };

const columns = () => [
	{ title: t("lock.resource"), render: (l) => html`<code>${l.resource}</code>` },
	{ title: t("lock.state"), render: (l) => html`<${Badge}
		kind=${kinds[l.state] ?? "idle"}>${t("lock.is." + l.state)}<//>` },
	{ title: t("lock.node"), render: (l) => l.node ?? "–" },
	{ title: t("lock.token"), figure: true, render: (l) => number(l.token) },
	{ title: t("lock.since"), render: (l) => html`<${When} at=${l.since} />` },
	{ title: t("lock.age"), figure: true, render: (l) => l.state === "free"
		? "–" : html`<${Span} seconds=${l.age_s} />` },
];

const Kinds = ({ locks }) => html`<ul class="kinds">
	${lock_summary(locks).map((k) => html`<li key=${k.kind}>
		<strong>${k.kind}</strong>${" "}
		${k.nodes.map((n) => html`<span>${t("locks.of", n)}</span> `)}
		${k.free > 0 && html`<span class="soft">${t("locks.free",
			{ n: k.free })}</span> `}
		${k.bad > 0 && html`<${Badge} kind="warn">${t("locks.bad",
			{ n: k.bad })}<//>`}</li>`)}</ul>`;

export default function Locks() {
	const list = useGet("/locks", { limit: 1000 }, 5000);
	const search = query("search"), node = query("node"), st = query("state");
	const fits = (l) => (node === "" || l.node === node) &&
		(st === "" || l.state === st) &&
		(l.resource + " " + l.node).toLowerCase()
			.includes(search.toLowerCase());

	return html`<${Page} title=${t("nodes.locks")} wide>
		<${Tabs} at="locks" tabs=${node_tabs()} label=${t("nav.nodes")} />
		<p class="soft">${t("locks.what")}</p>
		<${Loaded} of=${list}>${(d) => html`
			${list.error && html`<${Failed} error=${list.error}
				again=${list.reload} />`}
			<${Card} id="kinds" title=${t("locks.kinds")}><${Kinds}
				locks=${d.items} /><//>
			<div class="bar">
				<${Search} value=${search} label=${t("locks.search")}
					onSearch=${(s) => set_query({ search: s })} />
				<${FilterChoice} name="node" value=${node}
					label=${t("lock.node")} options=${[...new Set(
						d.items.map((l) => l.node).filter(Boolean))]
						.map((n) => [n, n])} />
				<${FilterChoice} name="state" value=${st}
					label=${t("lock.state")}
					options=${Object.keys(kinds).map((k) =>
						[k, t("lock.is." + k)])} /></div>
			<${Table} label=${t("nodes.locks")}
				rows=${d.items.filter(fits).sort((a, b) =>
					lock_kind(a.resource).localeCompare(
						lock_kind(b.resource), "en") ||
					a.resource.localeCompare(b.resource, "en",
						{ numeric: true }))}
				columns=${columns()} row_key=${(l) => l.resource}
				empty=${html`<${Empty} title=${t("locks.none")} />`}
				/>`}<//>
	<//>`;
}
