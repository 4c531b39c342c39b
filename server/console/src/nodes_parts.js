/* nodes_parts.js - what several pages show of a node */
import { number, size } from "./format.js";
import { html } from "./lib.js";
import { t } from "./texts.js";
import { Badge, When } from "./ui.js";
import { certificate, SLOW_US, state } from "./nodes_model.js";

export function NodeState({ node }) {
	const s = state(node);

	return html`<${Badge} kind=${s.tone}>${t("node.is." + s.key)}<//>`;
}

export function Latency({ us }) {
	if (us === null || us === undefined)
		return "–";
	if (us < 1000)
		return t("unit.less_ms");
	return us >= SLOW_US
		? html`<${Badge} kind="warn">${milliseconds(us / 1000)}<//>`
		: html`<span class="figure">${milliseconds(us / 1000)}</span>`;
}

export function Certificate({ node }) {
	const c = certificate(node, Date.now());

	if (c.key !== "until")
		return c.tone === "idle" ? "–" : html`<${Badge} kind=${c.tone}
			>${t("node.certificate." + c.key)}<//>`;
	if (c.days === null)
		return t("node.certificate." + node.certificate);
	return html`<${Badge} kind=${c.tone}>${t(c.days < 0
		? "node.certificate.over" : "node.certificate.until")}
		${" "}<${When} at=${node.cert_expires} /><//>`;
}

export const milliseconds = (v) =>
	t("unit.ms", { n: number(v, v < 10 ? 1 : 0) });

export function Storage({ free, total }) {
	const part = total > 0 ? (total - free) / total : 0;
	const kind = part >= 0.99 ? "bad" : part >= 0.95 ? "warn" : "ok";
	const words = t("storage.words", { free: size(free), total: size(total),
		percent: number(part * 100) });

	return html`<div class="quota"><div class="quota-track" role="meter"
		aria-label=${t("storage.label")} aria-valuemin="0"
		aria-valuemax="100" aria-valuenow=${Math.round(part * 100)}
		aria-valuetext=${words}><div class=${"quota-fill " + kind}
			style=${{ width: part * 100 + "%" }}></div></div>
		<span class="quota-words">${words}</span></div>`;
}

/* The tabs of /nodes. */
export const node_tabs = () => [["nodes", "/nodes", t("nav.nodes")],
	["locks", "/nodes/locks", t("nodes.locks")],
	["share", "/nodes/share", t("nodes.share")]];
