/* page_certificates.js - TLS certificates that are kept in the state */
import { ask, may, path } from "./api.js";
import { useList } from "./data.js";
import { Dialog } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html, useId, useState } from "./lib.js";
import { CERT_SOON_DAYS, days } from "./nodes_model.js";
import { settings_tabs } from "./page_settings.js";
import { remove_row } from "./parts.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Badge, Button, Empty, Page, Tabs, When } from "./ui.js";

function Until({ at }) {
	const left = days(at, Date.now());

	return html`<${Badge} kind=${left === null ? "idle" : left < 0 ? "bad"
		: left < CERT_SOON_DAYS ? "warn" : "ok"}>${t(left !== null &&
		left < 0 ? "certificate.over" : "certificate.until")} <${When}
		at=${at} /><//>`;
}

/* PEM, pasted or from a file of this computer. */
function Pem({ form, name, label, hint }) {
	const id = useId();
	const read = async (e) => {
		const [file] = e.target.files;

		if (file === undefined)
			return;
		if (file.size > 200000)
			form.set_error(name, t("certificate.large"));
		else
			form.set(name, await file.text());
	};

	return html`<${Field} form=${form} name=${name} type="area" rows="5"
		label=${label} hint=${hint} spellcheck=${false} required
		placeholder="-----BEGIN ..." />
		<div class="field"><label for=${id}>${t("certificate.file",
			{ what: label })}</label><input id=${id} type="file"
			accept=".pem,.crt,.cer,.key,.txt" onChange=${read} /></div>`;
}

function Add({ close, changed }) {
	const form = useForm({ initial: { chain: "", key: "" },
		check: (v) => Object.fromEntries(["chain", "key"]
			.filter((k) => v[k].trim() === "")
			.map((k) => [k, t("form.needed")])),
		save: (v) => ask("POST", "/certificates", { body: v }),
		saved: () => {
			changed();
			close();
		}, done_text: t("certificate.added") });

	return html`<${Dialog} title=${t("certificate.add")} onClose=${close} wide>
		<p>${t("certificate.add_what")}</p>
		<${Form} form=${form} action=${t("certificate.add")} cancel=${close}>
			<${Pem} form=${form} name="chain"
				label=${t("certificate.chain")}
				hint=${t("certificate.chain_hint")} />
			<${Pem} form=${form} name="key"
				label=${t("certificate.key")}
				hint=${t("certificate.key_hint")} /><//><//>`;
}

export default function Certificates() {
	const list = useList("/certificates");
	const [adding, add] = useState(false);
	const write = may("settings", true);
	const remove = (c) => remove_row(list, path`/certificates/${c.id}`, {
		tag: "*", title: t("certificate.remove_title",
			{ names: c.names.join(", ") }),
		text: t("certificate.remove_what"),
		done: t("certificate.removed") });
	const columns = [
		{ title: t("certificate.names"), class: "long", render: (c) =>
			html`<strong>${c.names.join(", ") || "–"}</strong>` },
		{ title: t("certificate.expires"), render: (c) => html`<${Until}
			at=${c.expires} />` },
		{ title: t("list.created"), render: (c) => html`<${When}
			at=${c.created} />` },
		{ title: t("certificate.id"), render: (c) => html`<code
			>${c.id}</code>` },
		write && { title: t("ui.actions"), render: (c) => html`<${Button}
			kind="small quiet danger-quiet" aria-label=${t(
				"ui.remove_what", { what: c.names.join(", ") })}
			onClick=${() => remove(c)}>${t("list.remove")}<//>` },
	].filter(Boolean);
	const button = write && html`<button type="button"
		class="button primary" onClick=${() => add(true)}
		>${t("certificate.add")}</button>`;

	return html`<${Page} title=${t("nav.certificates")} actions=${button}>
		<${Tabs} at="certificates" tabs=${settings_tabs()}
			label=${t("nav.settings")} />
		<p class="soft">${t("certificates.what")}</p>
		<${Table} label=${t("nav.certificates")} list=${list}
			columns=${columns} row_key=${(c) => c.id}
			empty=${html`<${Empty} title=${t("certificates.none")}
				actions=${button}>${t("certificates.none_what")}<//>`} />
		${adding && html`<${Add} close=${() => add(false)}
			changed=${list.reload} />`}
	<//>`;
}
