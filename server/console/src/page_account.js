/* page_account.js - /accounts/<address>: one account, and all that is done to it
 */
import { ask, get, may, path } from "./api.js";
import { AppPasswords, SetPassword } from "./account_passwords.js";
import { Addresses, Forwarding } from "./account_addresses.js";
import { useGet, useList } from "./data.js";
import { confirm } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html } from "./lib.js";
import { Status } from "./page_accounts.js";
import { change, folder_columns, no_login } from "./parts.js";
import { go } from "./router.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { TestMessage } from "./trial_message.js";
import { Button, Card, Empty, Facts, Loaded, Note, Num, Page, QuotaBar, Tabs,
	When, toast } from "./ui.js";

export default function Account({ params: { address, tab = "account" } }) {
	const where = path`/accounts/${address}`;
	const it = useGet(where);
	const a = it.data;
	const tabs = ["account", "passwords", "addresses", "folders"].map((id) =>
		[id, id === "account" ? where : where + "/" + id,
			t("account.tab_" + id)]);

	return html`<${Page} title=${a?.address || address}
		crumbs=${[["/accounts", t("nav.accounts")]]}
		actions=${a && may("accounts", true) && html`
			<${Doings} where=${where} it=${it} />`}>
		<${Loaded} of=${it}>${() => a.status === "removed" ? html`
			<${Removed} a=${a} />` : html`
			<${Tabs} at=${tab} tabs=${tabs} label=${a.address} />
			${a.status === "suspended" && html`<${Note} kind="warn"
				title=${t("account.is_suspended")}
				>${t("account.is_suspended_text")}<//>`}
			${tab === "passwords" ? html`
				<${SetPassword} where=${where} it=${it} />
				<${AppPasswords} where=${where + "/app-passwords"}
					change=${may("accounts", true)} />`
			: tab === "addresses" ? html`
				<${Addresses} where=${where} it=${it} />
				<${Forwarding} where=${where + "/forwarding"}
					it=${it} change=${may("accounts", true)} />`
			: tab === "folders" ? html`
				<${Folders} where=${where + "/folders"} />`
			: html`<${Overview} where=${where} it=${it} />`}`}<//>
	<//>`;
}

/* --- what is done to it --- */

function Doings({ where, it }) {
	const a = it.data;
	const suspend = async () => {
		const active = a.status === "active";

		if (active && !await confirm({ action: t("domain.suspend"),
			title: t("domain.suspend_title", { name: a.address }),
			text: t("account.suspend_text") }))
			return;
		const r = await change(it, "PATCH", where, { status: active
			? "suspended" : "active" });
		it.set(r.data, r.tag);
		toast(t(active ? "account.suspended" : "account.resumed"));
	};
	const remove = async () => {
		if (await confirm({ danger: true, action: t("domain.remove"),
			title: t("domain.remove_title", { name: a.address }),
			text: t("account.remove_text"),
			run: () => change(it, "DELETE", where) })) {
			toast(t("domain.removed", { name: a.address }));
			go("/accounts", true);
		}
	};
	const purge = async () => {
		if (await confirm({ danger: true, typed: a.address,
			action: t("account.purge"),
			title: t("account.purge_title", { name: a.address }),
			text: t("account.purge_text"), run: () => change(it,
				"DELETE", where, undefined, { purge: true }) })) {
			toast(t("account.is_purged", { name: a.address }));
			go("/accounts", true);
		}
	};
	const restore = async () => {
		await change(it, "POST", where + "/restore");
		toast(t("account.restored", { name: a.address }));
		go(path`/accounts/${a.address}`, true);
	};

	if (a.status === "removed")
		return html`
			<${Button} kind="primary" onClick=${restore}
				>${t("account.restore")}<//>
			<${Button} kind="danger-quiet" onClick=${purge}
				>${t("account.purge")}<//>`;
	return html`
		<${Button} onClick=${suspend}>${t(a.status === "active"
			? "domain.suspend" : "domain.resume")}<//>
		<${Button} kind="danger-quiet" onClick=${remove}
			>${t("domain.remove")}<//>`;
}

const Removed = ({ a }) => html`
	<${Note} kind="warn" title=${t("account.is_removed")}>
		${t("account.is_removed_text")}<//>
	<${Card}><${Facts} rows=${[
		[t("account.status"), html`<${Status} status=${a.status} />`],
		[t("account.name"), a.name || "–"],
		[t("account.removed"), html`<${When} at=${a.removed} />`],
		[t("account.purged"), html`<${When} at=${a.purge_after} />`],
	]} /><//>`;

/* --- first tab --- */

const names = () => ({ name: t("account.name"), quota_bytes:
	t("account.quota"), quota_messages: t("account.quota_messages"),
	status: t("account.status") });

function Overview({ where, it }) {
	const a = it.data;
	const write = may("accounts", true);

	return html`<div class="columns">
		<${Card} title=${t("account.now")} id="now">
			<${QuotaBar} used=${a.used_bytes} quota=${a.quota_bytes} />
			<${Facts} rows=${[
				[t("account.status"), html`<${Status}
					status=${a.status} />`],
				[t("account.messages"), html`<${Num} n=${a.messages} />
					${a.quota_messages > 0 && html`<span class="soft"
						> / <${Num} n=${a.quota_messages}
						/></span>`}`],
				[t("account.last_login"), a.last_login ? html`
					<${When} at=${a.last_login.at} />
					<span class="soft"> · ${a.last_login.protocol} ·
						${" "}${a.last_login.ip}</span>`
					: no_login(a)],
				[t("account.password_changed"), html`<${When}
					at=${a.password_changed}
					none=${t("account.no_password")} />`],
				[t("account.totp"), t(a.totp ? "ui.yes" : "ui.no")],
				a.admin_role && [t("account.admin"),
					t("role." + a.admin_role)],
				[t("domain.created"), html`<${When}
					at=${a.created} />`],
				[t("account.changed"), html`<${When}
					at=${a.changed} />`],
				[t("account.id"), html`<code>${a.id}</code>`],
			]} />
			${write && a.status === "active" && html`<${TestMessage}
				small where=${where} />`}
		<//>
		${write && html`<${Settings} where=${where} it=${it} />`}
	</div>`;
}

function Settings({ where, it }) {
	const a = it.data;
	const form = useForm({
		initial: a, tag: it.tag, done_text: t("ui.saved"),
		save: (values, tag, changes) => ask("PATCH", where,
			{ body: changes, tag }),
		load: async () => {
			const now = await get(where);

			it.set(now.data, now.tag);
			return now;
		},
		saved: (data, tag) => it.set({ ...a, ...data }, tag),
	});

	return html`<${Card} title=${t("account.settings")} id="settings">
		<${Form} form=${form} action=${t("ui.save")} guard names=${names()}>
			<${Field} form=${form} name="name"
				label=${t("account.name")} />
			<${Field} form=${form} name="quota_bytes" type="size"
				label=${t("account.quota")} empty=${0}
				none=${t("ui.unlimited")}
				hint=${t("account.quota_hint")} />
			<${Field} form=${form} name="quota_messages" type="number"
				label=${t("account.quota_messages")} empty=${0}
				none=${t("ui.unlimited")} />
		<//><//>`;
}

/* --- folders --- */

const inbox_first = (items) => [...items].sort((a, b) =>
	(b.name === "INBOX") - (a.name === "INBOX"));

function Folders({ where }) {
	const list = useList(where);

	return html`<${Table} label=${t("account.tab_folders")} list=${list}
		rows=${list.loaded ? inbox_first(list.items) : undefined}
		row_key=${(f) => f.name} columns=${folder_columns()}
		empty=${html`<${Empty} title=${t("account.no_folders")} />`} />`;
}
