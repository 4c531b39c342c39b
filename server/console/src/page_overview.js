/* overview.js - what is wrong, and how much is going on */
import { may } from "./api.js";
import { useGet } from "./data.js";
import { number } from "./format.js";
import { html, useMemo } from "./lib.js";
import { t, t_if } from "./texts.js";
import { Badge, Card, Empty, Loaded, Num, Old, Page, When } from "./ui.js";
import { Chart } from "./chart.js";
import { columns, totals } from "./chart_model.js";
import { Latency, milliseconds, NodeState, Storage } from "./nodes_parts.js";
import { sorted } from "./nodes_model.js";
import { where, words } from "./overview_model.js";

const REFRESH_MS = 5000;

const Problems = ({ problems }) => problems.length === 0
	? html`<${Card} class="calm"><p class="calm-words"><${Badge} kind="ok"
		>${t("overview.fine")}<//></p><//>`
	: html`<${Card} id="problems" title=${t("overview.problems",
		{ n: problems.length })}>
		<ul class="problems">${problems.map((p) => html`<${Problem}
			key=${p.code + (p.object ?? "")} p=${p} />`)}</ul><//>`;

function Problem({ p }) {
	const to = where(p, may);

	return html`<li class=${p.level}>
		<${Badge} kind=${p.level === "bad" ? "bad" : "warn"}
			>${t("level." + (p.level === "bad" ? "bad" : "warn"))}<//>
		<span class="words">${words(p, t_if)}</span>
		${to !== null && html`<a href=${to.href}>${t(to.key)}</a>`}</li>`;
}

const Tile = ({ label, value, more, href }) => html`<div class="tile">
	<dt>${href ? html`<a href=${href}>${label}</a>` : label}</dt>
	<dd><strong class="figure">${value}</strong>
		${more && html`<span class="soft">${more}</span>`}</dd></div>`;

const rate = (n) => t("rate.second", { n: number(n, 1) });

function Tiles({ o }) {
	const r = o.rates ?? {};
	const q = o.queue;	// null: it cannot be read now
	const failing = q?.failing_domains ?? [];

	return html`<dl class="tiles">
		<${Tile} label=${t("overview.nodes")} href="/nodes"
			value=${t("overview.nodes_ready", { ready: o.nodes.ready,
				total: o.nodes.total })}
			more=${t("overview.nodes_alive", { n: o.nodes.alive })} />
		<${Tile} label=${t("rate.messages_in")}
			value=${rate(r.messages_in)}
			more=${t("overview.rejected", { n: rate(r.rejected) })} />
		<${Tile} label=${t("rate.delivered")} value=${rate(r.delivered)}
			more=${t("overview.relayed", { n: rate(r.relayed) })} />
		<${Tile} label=${t("rate.logins")} value=${rate(r.logins)}
			more=${t("overview.logins_failed",
				{ n: rate(r.logins_failed) })} />
		<${Tile} label=${t("overview.queue")} href=${may("queue")
			? "/queue" : null} value=${q ? number(q.messages) : "–"}
			more=${q?.messages > 0 && html`${t("overview.held",
				{ n: q.held })}, ${t("overview.oldest")} <${When}
				at=${q.oldest} />`} />
		<${Tile} label=${t("overview.accounts")} href=${may("accounts")
			? "/accounts" : null} value=${number(o.accounts)}
			more=${t("overview.domains", { n: o.domains })} />
	</dl>
	${failing.length > 0 && html`<p class="failing">${t("overview.failing")}
		${" "}${failing.map((d, i) => html`${i > 0 && ", "}<a
			href=${"/queue?domain=" + encodeURIComponent(d)}
			>${d}</a>`)}</p>`}`;
}

function Nodes({ list }) {
	const nodes = sorted(list.filter((n) => n.life !== "left" &&
		n.life !== "ended"));

	return html`<${Card} id="nodes" title=${t("nav.nodes")}
		actions=${html`<a href="/nodes">${t("overview.all_nodes")}</a>`}>
		<div class="table-box"><table aria-label=${t("nav.nodes")}><thead><tr>
			<th scope="col">${t("node.name")}</th>
			<th scope="col">${t("node.state")}</th>
			<th scope="col" class="figures">${t("node.sessions")}</th>
			<th scope="col" class="figures">${t("node.load")}</th>
			<th scope="col" class="figures">${t("node.latency")}</th>
			<th scope="col" class="figures">${t("rate.messages_in")}</th>
			<th scope="col" class="figures">${t("rate.delivered")}</th>
		</tr></thead><tbody>${nodes.map((n) => html`<tr key=${n.id}>
			<td><a class="row-link" href=${"/nodes/" +
				encodeURIComponent(n.id)}>${n.name}</a></td>
			<td data-title=${t("node.state")}><${NodeState} node=${n} /></td>
			<td class="figures" data-title=${t("node.sessions")}
				><${Num} n=${n.sessions} /></td>
			<td class="figures" data-title=${t("node.load")}
				><${Num} n=${n.load} digits=${2} /></td>
			<td class="figures" data-title=${t("node.latency")}
				><${Latency} us=${n.life === "alive"
				? n.nfs_latency_us : null} /></td>
			<td class="figures" data-title=${t("rate.messages_in")}
				>${n.rates ? rate(n.rates.messages_in) : "–"}</td>
			<td class="figures" data-title=${t("rate.delivered")}
				>${n.rates ? rate(n.rates.delivered) : "–"}</td>
		</tr>`)}</tbody></table></div><//>`;
}

function Charts({ history }) {
	const messages = useMemo(() => totals(history,
		["messages_in", "delivered", "relayed", "rejected"].map((m) =>
			({ metric: m, name: t("rate." + m) }))), [history]);
	const sessions = useMemo(() => columns(history, "sessions"), [history]);
	const latency = useMemo(() => columns(history, (s) =>
		s.nfs_latency_us / 1000), [history]);

	return html`<div class="charts">
		<${Card}><${Chart} title=${t("chart.messages")}
			columns=${messages} /><//>
		<${Card}><${Chart} title=${t("chart.sessions")}
			columns=${sessions} least=${5} format=${(n) => number(n)} /><//>
		<${Card}><${Chart} title=${t("chart.latency")}
			columns=${latency} least=${5} format=${milliseconds} /><//>
	</div>`;
}

export default function Overview() {
	const o = useGet("/overview", undefined, REFRESH_MS);
	const nodes = useGet("/nodes", { limit: 1000 }, REFRESH_MS);
	const history = useGet("/nodes/history", undefined, 30000);

	return html`<${Page} title=${t("nav.overview")} wide>
		<${Loaded} of=${o}>${(d) => html`
			<${Old} of=${o} />
			<${Problems} problems=${d.problems} />
			<${Tiles} o=${d} />
			<${Card} id="storage" title=${t("storage.title")}
				actions=${html`<a href="/nodes/share">${t("storage.more")}</a>`}>
				${d.storage.total_bytes === null
					? html`<p>${t("storage.unknown")}</p>`
					: html`<${Storage} free=${d.storage.free_bytes}
						total=${d.storage.total_bytes} />`}<//>`}<//>
		<${Old} of=${nodes} />
		<${Loaded} of=${nodes}>${(d) => d.items.length > 0
			? html`<${Nodes} list=${d.items} />`
			: html`<${Empty} title=${t("nodes.none")} />`}<//>
		<${Old} of=${history} />
		<${Loaded} of=${history}>${(d) => html`<${Charts} history=${d}
			/>`}<//>
		${o.data && html`<p class="soft">${t("overview.answers",
			{ node: o.data.answers, entry: o.data.state.entry,
				schema: o.data.state.schema })}</p>`}
	<//>`;
}
