/* domain_dns.js - the records a domain needs, and whether the world sees them */
import { path } from "./api.js";
import { useGet } from "./data.js";
import { html } from "./lib.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Badge, Busy, Button, Card, Copy, Failed, Note } from "./ui.js";

const kinds = { ok: "ok", missing: "bad", different: "warn", unknown: "idle",
	unchecked: "idle" };

/* What is known without asking the DNS is shown at once. */
export function useDns(name, every) {
	const where = path`/domains/${name}/dns`;
	const known = useGet(where);
	const checked = useGet(where, { check: true }, every);

	return { ...checked, data: checked.data || known.data,
		asking: checked.data === undefined && !checked.error,
		error: checked.error || known.error };
}

export function DnsRecords({ name, every }) {
	const dns = useDns(name, every);

	if (dns.data === undefined)
		return dns.error ? html`<${Failed} error=${dns.error}
			again=${dns.reload} />` : html`<${Busy} />`;
	return html`<${DnsTable} dns=${dns} name=${name} />`;
}

function DnsTable({ dns, name }) {
	const { items, hosts, keys } = dns.data;
	const bad = items.filter((r) => r.status === "missing" ||
		r.status === "different").length;
	const unknown = items.filter((r) => r.status === "unknown").length;

	return html`<div class="stack">
		${dns.error && html`<${Failed} error=${dns.error}
			again=${dns.reload} />`}
		${!hosts && html`<${Note} kind="warn">${t("dns.no_hosts")}<//>`}
		${!keys && html`<${Note} kind="warn">${t("dns.no_keys")}
			${" "}<a href=${path`/domains/${name}/dkim`}
			>${t("dns.to_keys")}</a><//>`}
		${dns.asking ? html`<${Busy} text=${t("dns.asking")} />`
		: bad > 0 ? html`<${Note} kind="warn">${t("dns.bad", { n: bad })}
			${" "}${t("dns.how")}<//>`
		: unknown === 0 ? html`<${Note} kind="ok">${t("dns.good")}<//>`
		: html`<${Note} kind="info">${t("dns.unknown", { n: unknown })}<//>`}
		<${Card} title=${t("dns.title")} id="dns" actions=${html`
			<${Copy} text=${items.map((r) => r.line).join("\n") + "\n"}
				words=${t("dns.all")} />
			<${Button} kind="small" onClick=${dns.reload}
				>${t("dns.again")}<//>`}>
			<${Table} label=${t("dns.title")} rows=${items}
				row_key=${(r) => r.name + " " + r.type + " " + r.data}
				columns=${columns()} />
		<//></div>`;
}

const columns = () => [
	{ title: t("dns.state"), render: (r) => html`<${Badge}
		kind=${kinds[r.status]}>${t("dns.status_" + r.status)}<//>` },
	{ title: t("dns.name"), class: "roomy", render: (r) => html`<code>${r.name}</code>` },
	{ title: t("dns.type"), render: (r) => r.type },
	{ title: t("dns.data"), render: (r) => html`
		<code class="clamp">${r.data}</code>
		${r.status === "different" && r.found.length > 0 && html`
			<p class="hint">${t("dns.found")}${" "}
			<code class="clamp">${r.found.join(" · ")}</code></p>`}` },
	{ title: "", class: "nowrap", render: (r) => html`<${Copy}
		text=${r.data} label=${r.type + " " + r.name} />` },
];
