/* page_me.js - one's own things: mailbox, forwarding, sign-in, tokens */
import { ask, session } from "./api.js";
import { useGet, useList } from "./data.js";
import { Field, Form, useForm } from "./form.js";
import { html } from "./lib.js";
import { Security } from "./me_security.js";
import { folder_columns, no_login } from "./parts.js";
import { Tokens } from "./tokens.js";
import { t } from "./texts.js";
import { Card, Empty, Facts, Loaded, Note, Page, QuotaBar, Tabs, When }
	from "./ui.js";
import { Table } from "./table.js";

const is_admin = () => session.get().role !== "user";

/* The first is open; an administrator need not have a mailbox. */
const tabs = (me) => [me.account && ["", "/me", t("me.tab.mailbox")],
	me.account && ["forwarding", "/me/forwarding", t("me.tab.forwarding")],
	["security", "/me/security", t("me.tab.security")],
	is_admin() && ["tokens", "/me/tokens", t("me.tab.tokens")],
].filter(Boolean);

function Mailbox({ me }) {
	const list = useList("/me/folders");

	return html`<${Card} id="me" title=${t("me.title")}><${Facts} rows=${[
		[t("me.login"), me.login], me.name && [t("me.name"), me.name],
		[t("me.role"), t("role." + me.role) + (me.domain
			? " · " + me.domain : "")],
		[t("me.address"), me.account.address],
		[t("me.last_login"), me.account.last_login
			? html`<${When} at=${me.account.last_login.at} /> ${t(
				"me.last_login_by", { protocol: me.account.last_login
					.protocol.toUpperCase(),
				ip: me.account.last_login.ip })}`
			: no_login(me.account)],
	]} /><//>
	<${Card} id="quota" title=${t("me.quota")}>
		<${QuotaBar} used=${me.account.used_bytes}
			quota=${me.account.quota_bytes} />
		<p class="soft">${me.account.messages !== null && t(
			"me.messages", { n: me.account.messages })}</p>
	<//>
	<${Card} id="folders" title=${t("me.folders")}><${Table}
		label=${t("me.folders")} list=${list} columns=${folder_columns()}
		row_key=${(f) => f.name} empty=${html`<${Empty}
			title=${t("me.no_folders")} />`} /><//>`;
}

function ForwardingForm({ f, tag }) {
	const where = "/me/forwarding";
	const form = useForm({ initial: { targets: f.targets, keep: f.keep }, tag,
		save: (v, then) => ask("PUT", where, { body: v, tag: then }),
		load: () => ask("GET", where), done_text: t("ui.saved") });

	return html`<${Form} form=${form} action=${t("ui.save")} guard
		names=${{ targets: t("forwarding.targets"),
			keep: t("forwarding.keep") }}>
		<${Field} form=${form} name="targets" type="lines"
			label=${t("forwarding.targets")}
			hint=${t("forwarding.targets_hint")} />
		<${Field} form=${form} name="keep" type="check"
			label=${t("forwarding.keep")} />
		${form.values.targets.length > 0 && !form.values.keep &&
			html`<${Note} kind="warn">${t("forwarding.not_kept")}<//>`}
	<//>`;
}

function Forwarding() {
	const of = useGet("/me/forwarding");

	return html`<${Card} id="forwarding" title=${t("forwarding.title")}>
		<${Loaded} of=${of}>${(f) => html`<${ForwardingForm} f=${f}
			tag=${of.tag} />`}<//><//>`;
}

function MyTokens() {
	const list = useList("/me/tokens");

	return html`<p class="soft">${t("token.what")}</p>
		<${Tokens} list=${list} where="/me/tokens" create />`;
}

export default function Me({ params }) {
	const of = useGet("/me");
	const shown = (me, tab) => html`
		<${Tabs} at=${tab} tabs=${tabs(me)} label=${t("nav.me")} />
		${!tabs(me).some(([id]) => id === tab) ? html`<${Empty}
			title=${t("shell.no_page")} />`
		: tab === "forwarding" ? html`<${Forwarding} />`
		: tab === "security" ? html`<${Security} me=${me} of=${of} />`
		: tab === "tokens" ? html`<${MyTokens} />`
		: html`<${Mailbox} me=${me} />`}`;

	return html`<${Page} title=${t("nav.me")}>
		<${Loaded} of=${of}>${(me) => shown(me, params.tab ??
			tabs(me)[0][0])}<//><//>`;
}
