/* node.js - one machine: what it does, and leaving or serving */
import { ask, may, path, Problem } from "./api.js";
import { useGet } from "./data.js";
import { confirm } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { duration, number } from "./format.js";
import { html, useEffect, useMemo, useState } from "./lib.js";
import { go } from "./router.js";
import { t } from "./texts.js";
import { Badge, Button, Card, Facts, Failed, Loaded, Note, Num, Page, When }
	from "./ui.js";
import { Chart } from "./chart.js";
import { columns } from "./chart_model.js";
import { Certificate, Latency, milliseconds, NodeState } from
	"./nodes_parts.js";
import { orders, progress } from "./nodes_model.js";

async function order(n, drain, reload) {
	const done = await confirm({
		title: t(drain ? "node.drain_title" : "node.serve_title",
			{ name: n.name }),
		text: drain ? [t("node.drain_what"), n.self
			? t("node.drain_self") : ""].filter(Boolean)
			: t("node.serve_what"),
		action: t(drain ? "node.drain" : "node.serve"), danger: drain,
		run: () => ask("PATCH", path`/nodes/${n.id}`,
			{ body: { drain }, tag: "*" }) });

	if (done)
		reload();
}

const remove = async (n) => await confirm({
	title: t("node.remove_title", { name: n.name }),
	text: [t("node.remove_what"), n.life === "silent"
		? t("node.remove_silent") : ""].filter(Boolean),
	typed: n.name, action: t("node.remove"), danger: true,
	run: () => ask("DELETE", path`/nodes/${n.id}`, { tag: "*" }) }) &&
	go("/nodes", true);

/* Of the most sessions that were seen since the page was opened. */
function Drain({ n }) {
	const [began, begin] = useState(0);

	useEffect(() => {
		begin((x) => n.drain ? Math.max(x, n.sessions) : 0);
	}, [n.drain, n.sessions]);
	if (!n.drain || n.life !== "alive")
		return null;
	const part = progress(n, began) ?? 1;

	return html`<${Note} kind="warn" title=${t("node.draining_title")}>
		<p role="status">${n.sessions > 0 ? t("node.draining",
			{ n: n.sessions }) : t("node.drained")}</p>
		<progress max="1" value=${part} aria-label=${t(
			"node.draining_title")}>${number(part * 100)} %</progress>
	<//>`;
}

const Rates = ({ rates }) => rates === null ? html`<p class="soft"
	>${t("node.no_rates")}</p>`
	: html`<dl class="tiles small">${["messages_in", "delivered", "relayed",
		"rejected", "deferred", "logins", "logins_failed"].map((k) => html`
		<div class="tile"><dt>${t("rate." + k)}</dt><dd><strong
			class="figure">${t("rate.second",
				{ n: number(rates[k], 2) })}</strong></dd></div>`)}</dl>`;

function History({ id }) {
	const h = useGet("/nodes/history", undefined, 30000);
	const mine = useMemo(() => h.data && { step_s: h.data.step_s,
		nodes: h.data.nodes.filter((n) => n.id === id) }, [h.data, id]);
	const charts = useMemo(() => mine && [
		["chart.sessions", columns(mine, "sessions"), number, 5],
		["chart.latency", columns(mine, (s) => s.nfs_latency_us / 1000),
			milliseconds, 5],
		["chart.load", columns(mine, "load"), (v) => number(v, 2), 1],
	], [mine]);

	return mine && mine.nodes.length > 0 && html`<div class="charts">
		${charts.map(([key, c, format, least]) => html`<${Card} key=${key}>
			<${Chart} title=${t(key)} columns=${c} format=${format}
				least=${least} /><//>`)}</div>`;
}

function NodeNote({ n, tag, changed }) {
	const where = path`/nodes/${n.id}`;
	const form = useForm({ initial: { note: n.note }, tag,
		save: async (values, tag_then) => {
			const r = await ask("PATCH", where, { body: values,
				tag: tag_then });

			changed(r.data, r.tag);
			return { data: { note: r.data.note }, tag: r.tag };
		},
		load: async () => {
			const r = await ask("GET", where);

			return { data: { note: r.data.note }, tag: r.tag };
		}, done_text: t("ui.saved") });

	return html`<${Form} form=${form} action=${t("ui.save")} guard
		names=${{ note: t("node.note") }}>
		<${Field} form=${form} name="note" label=${t("node.note")}
			hint=${t("node.note_hint")} /><//>`;
}

function Locks({ name }) {
	const locks = useGet("/locks", { limit: 1000 }, 10000);
	const mine = locks.data?.items.filter((l) => l.node === name) ?? [];

	return html`<p>${locks.error ? t("node.locks_unknown")
		: locks.data ? t("node.locks", { n: mine.length })
		: t("ui.loading")}
		${" "}<a href=${"/nodes/locks?node=" + encodeURIComponent(name)}
			>${t("nodes.locks_show")}</a></p>`;
}

function Shown({ n, tag, of }) {
	const can = orders(n);
	const write = may("nodes", true);

	return html`
		${of.error && html`<${Failed} error=${of.error}
			again=${of.reload} />`}
		${write && html`<div class="actions orders">
			${can.serve && html`<${Button} kind="primary" onClick=${() =>
				order(n, false, of.reload)}>${t("node.serve")}<//>`}
			${can.drain && html`<${Button} onClick=${() =>
				order(n, true, of.reload)}>${t("node.drain")}<//>`}
			${can.remove && html`<${Button} kind="danger" onClick=${() =>
				remove(n)}>${t("node.remove")}<//>`}</div>`}
		<${Drain} n=${n} />
		<div class="columns"><${Card} id="is" title=${t("node.is")}><${Facts} rows=${[
			[t("node.state"), html`<${NodeState} node=${n} />`],
			[t("node.version"), n.version || "–"],
			[t("node.sessions"), html`<${Num} n=${n.sessions} />`],
			[t("node.load"), html`<${Num} n=${n.load} digits=${2} />`],
			[t("node.latency"), html`<${Latency}
				us=${n.life === "alive" ? n.nfs_latency_us : null}
				/>`],
			[t("node.certificate"), html`<${Certificate} node=${n} />`],
			[t("node.joined"), html`<${When} at=${n.joined} />`],
			[t("node.id"), html`<code>${n.id}</code>`],
			[t("node.hint"), n.hint ? html`<code>${n.hint}</code>` : "–"],
			[t("node.format"), html`${n.format}`],
			[t("node.sends"), t(n.sends ? "ui.yes" : "ui.no")],
		]} /><//>
		<div class="stack"><${Card} id="lease" title=${t("node.lease")}>
			<p class="soft">${t("node.lease_what")}</p>
			<${Facts} rows=${[
				[t("node.lease_state"), html`<${Badge} kind=${n.life ===
					"alive" ? "ok" : n.life === "silent" ? "bad"
					: "idle"}>${t("node.life." + n.life)}<//>`],
				[t("node.lease_session"), n.session
					? html`<code>${n.session}</code>` : "–"],
				[t("node.lease_entry"), html`<${Num} n=${n.entry} />`],
				[t("node.lease_age"), n.age_s === null ? "–"
					: duration(n.age_s)]]} />
			<${Locks} name=${n.name} /><//>
		<${Card} id="rates" title=${t("node.rates")}><${Rates}
			rates=${n.rates} /><//></div></div>
		<${History} id=${n.id} />
		${write && html`<${Card}>
			<${NodeNote} key=${n.id} n=${n} tag=${tag}
				changed=${of.set} /><//>`}`;
}

export default function Node({ params }) {
	const of = useGet(path`/nodes/${params.id}`, undefined, 3000);
	const gone = of.error instanceof Problem && of.error.status === 404;

	return html`<${Page} title=${of.data?.name ?? params.id}
		crumbs=${[["/nodes", t("nav.nodes")]]}>
		${gone ? html`<${Note} kind="info">${t("node.gone")}<//>`
			: html`<${Loaded} of=${of}>${(n) => html`<${Shown} n=${n}
				tag=${of.tag} of=${of} />`}<//>`}<//>`;
}
