/* page_domain.js - /domains/<name>: what holds for it, its DNS, its keys */
import { ask, get, may, path } from "./api.js";
import { useGet } from "./data.js";
import { confirm } from "./dialog.js";
import { DkimKeys } from "./domain_dkim.js";
import { DnsRecords } from "./domain_dns.js";
import { Field, Form, useForm } from "./form.js";
import { html } from "./lib.js";
import { change } from "./parts.js";
import { go } from "./router.js";
import { t } from "./texts.js";
import { Badge, Button, Card, Facts, Loaded, Note, Num, Page, Tabs, When, toast }
	from "./ui.js";

export default function Domain({ params: { name, tab = "settings" } }) {
	const where = path`/domains/${name}`;
	const it = useGet(where);
	const d = it.data;
	const tabs = [["settings", where, t("domain.tab_settings")],
		["dns", where + "/dns", t("domain.tab_dns")],
		["dkim", where + "/dkim", t("domain.tab_dkim")]];

	return html`<${Page} title=${d?.display || name}
		crumbs=${[["/domains", t("nav.domains")]]}
		actions=${d && may("domains", true) && html`
			<${Doings} where=${where} it=${it} />`}>
		<${Tabs} at=${tab} tabs=${tabs} label=${d?.display || name} />
		${d?.suspended && html`<${Note} kind="warn"
			title=${t("domain.is_suspended")}
			>${t("domain.is_suspended_text")}<//>`}
		${tab === "dns" ? html`<${DnsRecords} name=${name} />`
		: tab === "dkim" ? html`<${DkimKeys} name=${name} />`
		: html`<${Loaded} of=${it}>${() => html`<${Settings}
			key=${name} where=${where} it=${it} />`}<//>`}
	<//>`;
}

function Doings({ where, it }) {
	const d = it.data;
	const suspend = async () => {
		if (!d.suspended && !await confirm({
			title: t("domain.suspend_title", { name: d.display }),
			text: t("domain.suspend_text"),
			action: t("domain.suspend") }))
			return;
		const r = await change(it, "PATCH", where,
			{ suspended: !d.suspended });
		it.set(r.data, r.tag);
		toast(t(d.suspended ? "domain.resumed" : "domain.suspended"));
	};
	const remove = async () => {
		if (await confirm({
			title: t("domain.remove_title", { name: d.display }),
			text: t("domain.remove_text"), typed: d.name,
			action: t("domain.remove"), danger: true,
			run: () => change(it, "DELETE", where) })) {
			toast(t("domain.removed", { name: d.display }));
			go("/domains", true);
		}
	};

	return html`
		<${Button} onClick=${suspend}>${t(d.suspended ? "domain.resume"
			: "domain.suspend")}<//>
		<${Button} kind="danger-quiet" onClick=${remove}
			>${t("domain.remove")}<//>`;
}

const names = () => ({
	note: t("domains.note"), accounts_max: t("domain.accounts_max"),
	quota_default: t("domain.quota_default"),
	messages_default: t("domain.messages_default"),
	message_max: t("domain.message_max"),
	junk_keep: t("domain.junk_keep"), trash_keep: t("domain.trash_keep"),
	separators: t("domain.separators"),
	recipients_per_day: t("domain.recipients_per_day"),
	dmarc: t("domain.dmarc"), outgoing: t("domain.outgoing"),
	suspended: t("domains.suspended"),
});

/* What one sees who may not change it. */
function Read({ d }) {
	const per_setting = t("domain.as_setting");

	return html`<${Card}><${Facts} rows=${[
		[t("domains.note"), d.note || "–"],
		[t("domain.accounts_max"), d.accounts_max || t("ui.unlimited")],
		[t("domain.outgoing"), t(d.outgoing ? "ui.yes" : "ui.no")],
		[t("domain.recipients_per_day"), d.recipients_per_day ??
			per_setting],
		[t("domain.separators"), d.separators || "–"],
		[t("domain.dmarc"), t("domain.dmarc_" + d.dmarc)],
	]} /><//>`;
}

function Settings({ where, it }) {
	const d = it.data;
	const form = useForm({
		initial: d, tag: it.tag, done_text: t("ui.saved"),
		save: (values, tag, changes) => ask("PATCH", where,
			{ body: changes, tag }),
		load: () => get(where),
		saved: (data, tag) => it.set(data, tag),
	});
	const per_setting = t("domain.as_setting");
	const about = html`<${Card}><${Facts} rows=${[
		[t("domains.name"), d.display === d.name ? d.name
			: d.display + " (" + d.name + ")"],
		[t("domains.state"), d.suspended ? html`<${Badge} kind="warn"
			>${t("domains.suspended")}<//>` : html`<${Badge} kind="ok"
			>${t("domains.active")}<//>`],
		[t("domains.accounts"), html`<a href=${"/accounts?domain=" +
			encodeURIComponent(d.name)}><${Num} n=${d.accounts} /></a>`],
		[t("domain.created"), html`<${When} at=${d.created} />`],
	]} /><//>`;

	if (!may("domains", true))
		return html`<div class="columns">${about}<${Read} d=${d} /></div>`;
	return html`${about}<${Card} title=${t("domain.rules")} id="rules">
		<${Form} form=${form} action=${t("ui.save")} guard names=${names()}>
			<div class="two">
			<${Field} form=${form} name="note" label=${t("domains.note")}
				hint=${t("domains.note_hint")} />
			<${Field} form=${form} name="accounts_max" type="number"
				label=${t("domain.accounts_max")} empty=${0}
				none=${t("ui.unlimited")} />
			<${Field} form=${form} name="quota_default" type="size"
				label=${t("domain.quota_default")} empty=${0}
				none=${per_setting} />
			<${Field} form=${form} name="messages_default" type="number"
				label=${t("domain.messages_default")} empty=${0}
				none=${t("ui.unlimited")} />
			<${Field} form=${form} name="message_max" type="size"
				label=${t("domain.message_max")} empty=${0}
				none=${per_setting} />
			<${Field} form=${form} name="recipients_per_day"
				type="number" none=${per_setting}
				label=${t("domain.recipients_per_day")}
				hint=${t("domain.zero_unlimited")} />
			<${Field} form=${form} name="junk_keep" type="duration"
				label=${t("domain.junk_keep")} none=${per_setting}
				hint=${t("domain.zero_ever")} />
			<${Field} form=${form} name="trash_keep" type="duration"
				label=${t("domain.trash_keep")} none=${per_setting}
				hint=${t("domain.zero_ever")} />
			<${Field} form=${form} name="separators" class="short"
				label=${t("domain.separators")}
				hint=${t("domain.separators_hint")} maxlength="8" />
			<${Field} form=${form} name="dmarc" type="choice"
				label=${t("domain.dmarc")} options=${["published",
					"quarantine", "ignore"].map((x) =>
					[x, t("domain.dmarc_" + x)])} />
			</div>
			<${Field} form=${form} name="outgoing" type="check"
				label=${t("domain.outgoing_long")} />
		<//><//>`;
}
