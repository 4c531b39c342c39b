/* domain_dkim.js - a domain's keys: made, announced, used, retired */
import { ask, may, path } from "./api.js";
import { useGet } from "./data.js";
import { Dialog, confirm } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html, useState } from "./lib.js";
import { change } from "./parts.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Badge, Button, Card, Copy, Empty, Loaded, When, toast } from "./ui.js";

const kinds = { new: "info", active: "ok", retired: "idle" };

export function DkimKeys({ name }) {
	const where = path`/domains/${name}/dkim`;
	const keys = useGet(where);
	const [making, make] = useState(false);
	const write = may("domains", true);
	const button = write && html`<button type="button"
		class="button primary" onClick=${() => make(true)}
		>${t("dkim.new")}</button>`;

	return html`<${Loaded} of=${keys}>${(data) => html`
		<${Card} title=${t("dkim.title")} id="dkim"
			actions=${data.items.length > 0 && button}>
			<p class="soft">${t("dkim.text")}</p>
			<${Table} label=${t("dkim.title")} rows=${data.items}
				row_key=${(k) => k.selector}
				columns=${columns(write && { where, keys })}
				empty=${html`<${Empty} title=${t("dkim.none")}
					actions=${button}>${t("dkim.none_text")}<//>`} />
		<//>
		${making && html`<${NewKey} where=${where}
			first=${data.items.length === 0}
			onClose=${() => make(false)} done=${keys.reload} />`}`}<//>`;
}

const columns = (doing) => [
	{ title: t("dkim.selector"), render: (k) => html`
		<code>${k.selector}</code>` },
	{ title: t("dkim.stage"), render: (k) => html`<${Badge}
		kind=${kinds[k.stage]}>${t("dkim.stage_" + k.stage)}<//>` },
	{ title: t("dkim.algorithm"), render: (k) => k.algorithm },
	{ title: t("dkim.node"), render: (k) => k.node || t("dkim.all_nodes") },
	{ title: t("dkim.since"), render: (k) => html`<${When}
		at=${k.retired || k.activated || k.created} />` },
	{ title: "", render: (k) => html`<div class="row">
		<${Copy} text=${k.record} label=${t("dkim.record_of",
			{ selector: k.selector })} />
		${doing && html`<${Doings} k=${k} ...${doing} />`}</div>` },
];

function Doings({ k, where, keys }) {
	const at = where + path`/${k.selector}`;
	const order = (name) => async () => {
		await change(keys, "POST", at + "/" + name);
		toast(t("dkim.done_" + name, { selector: k.selector }));
	};
	const activate = async () => {
		if (await confirm({ title: t("dkim.activate_title",
			{ selector: k.selector }), text: t("dkim.activate_text"),
			action: t("dkim.activate") }))
			await order("activate")();
	};
	const remove = () => confirm({ danger: true, action: t("dkim.remove"),
		title: t("dkim.remove_title", { selector: k.selector }),
		text: t("dkim.remove_text"), run: () => change(keys, "DELETE", at) });

	return html`
		${k.stage === "new" && html`<${Button} kind="small"
			onClick=${activate}>${t("dkim.activate")}<//>`}
		${k.stage === "active" && html`<${Button} kind="small"
			onClick=${order("retire")}>${t("dkim.retire")}<//>`}
		${k.stage !== "active" && html`<${Button}
			kind="small quiet danger-quiet" onClick=${remove}
			>${t("dkim.remove")}<//>`}`;
}

function NewKey({ where, first, onClose, done }) {
	const form = useForm({
		initial: { algorithm: "rsa", selector: "", active: first },
		save: (v) => ask("POST", where, { body: { algorithm: v.algorithm,
			active: v.active,
			...v.selector && { selector: v.selector.trim() } } }),
		saved: () => {
			toast(t("dkim.made"));
			onClose();
			done();
		},
	});

	return html`<${Dialog} title=${t("dkim.new")} onClose=${onClose}>
		<${Form} form=${form} action=${t("dkim.make")} cancel=${onClose}>
			<${Field} form=${form} name="algorithm" type="choice"
				label=${t("dkim.algorithm")} options=${[
					["rsa", "RSA"], ["ed25519", "Ed25519"]]}
				hint=${t("dkim.algorithm_hint")} />
			<${Field} form=${form} name="selector"
				label=${t("dkim.selector")}
				placeholder=${t("dkim.made_up")} />
			<${Field} form=${form} name="active" type="check"
				label=${t("dkim.active_now")}
				hint=${t("dkim.active_hint")} />
		<//><//>`;
}
