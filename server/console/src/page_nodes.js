/* nodes.js - the machines of the cluster */
import { ask, may } from "./api.js";
import { useGet } from "./data.js";
import { Dialog } from "./dialog.js";
import { number } from "./format.js";
import { html, useState } from "./lib.js";
import { t } from "./texts.js";
import { Badge, Button, Copy, Empty, Failed, Loaded, Note, Num, Page, Tabs,
	When } from "./ui.js";
import { Table } from "./table.js";
import { Certificate, Latency, NodeState, node_tabs } from "./nodes_parts.js";
import { sorted } from "./nodes_model.js";

const columns = () => [
	{ title: t("node.name"), render: (n) => html`${n.name}${n.self &&
		html` <span class="soft">${t("node.self")}</span>`}` },
	{ title: t("node.state"), render: (n) => html`<${NodeState} node=${n} />
		${n.life === "silent" && html` <span class="soft"><${When}
			at=${new Date(Date.now() - n.age_s * 1000).toISOString()}
			/></span>`}` },
	{ title: t("node.version"), render: (n) => n.version || "–" },
	{ title: t("node.sessions"), figure: true, render: (n) =>
		html`<${Num} n=${n.sessions} />` },
	{ title: t("node.load"), figure: true, render: (n) =>
		html`<${Num} n=${n.load} digits=${2} />` },
	{ title: t("node.latency"), figure: true, render: (n) => html`<${Latency}
		us=${n.life === "alive" ? n.nfs_latency_us : null} />` },
	{ title: t("rate.messages_in"), figure: true, render: (n) => n.rates
		? t("rate.second", { n: number(n.rates.messages_in, 1) }) : "–" },
	{ title: t("node.certificate"), render: (n) => html`<${Certificate}
		node=${n} />` },
	{ title: t("node.note"), class: "long", render: (n) => n.note || "–" },
];

/* The code is a secret for a while: made on demand, shown once. */
function Invite({ close }) {
	const [code, got] = useState(null);
	const [error, failed] = useState(null);
	const command = "shoald -c /etc/shoal/shoal.conf --join " + code?.code;

	return html`<${Dialog} title=${t("nodes.invite")} onClose=${close} wide>
		<p>${t("nodes.invite_what")}</p>
		${error && html`<${Failed} error=${error} />`}
		${code === null ? html`<div class="dialog-foot"><${Button}
			kind="primary" failed=${failed} onClick=${async () => {
				got((await ask("POST", "/nodes/invites")).data);
				failed(null);
			}}>${t("nodes.invite_make")}<//></div>`
		: html`<p>${t("nodes.invite_run")}</p>
			<div class="once"><code>${command}</code>
				<${Copy} text=${command}
					label=${t("nodes.command")} /></div>
			<p>${t("nodes.invite_code")}</p>
			<div class="once"><code>${code.code}</code>
				<${Copy} text=${code.code}
					label=${t("nodes.code")} /></div>
			<${Note} kind="warn">${t("nodes.invite_until")} <${When}
				at=${code.expires} />.<//>`}
	<//>`;
}

export default function Nodes() {
	const list = useGet("/nodes", { limit: 1000 }, 5000);
	const [inviting, invite] = useState(false);

	return html`<${Page} title=${t("nav.nodes")} wide
		actions=${may("nodes", true) && html`<button type="button"
			class="button primary" onClick=${() => invite(true)}
			>${t("nodes.invite")}</button>`}>
		<${Tabs} at="nodes" tabs=${node_tabs()} label=${t("nav.nodes")} />
		<${Loaded} of=${list}>${(d) => html`
			${list.error && html`<${Failed} error=${list.error}
				again=${list.reload} />`}
			<${Summary} nodes=${d.items} />
			<${Table} label=${t("nav.nodes")} rows=${sorted(d.items)}
				columns=${columns()} row_key=${(n) => String(n.id)}
				href=${(n) => "/nodes/" + encodeURIComponent(n.id)}
				empty=${html`<${Empty} title=${t("nodes.none")} />`}
				/>`}<//>
		${inviting && html`<${Invite} close=${() => invite(false)} />`}
	<//>`;
}

function Summary({ nodes }) {
	const versions = new Set(nodes.filter((n) => n.life === "alive")
		.map((n) => n.version));

	return versions.size > 1 && html`<p><${Badge} kind="warn"
		>${t("nodes.versions", { list: [...versions].join(", ") })}<//></p>`;
}
