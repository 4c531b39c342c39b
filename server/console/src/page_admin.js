/* page_admin.js - one administrator */
import { ask, path, session } from "./api.js";
import { useGet, useList } from "./data.js";
import { confirm } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html } from "./lib.js";
import { check_role, role_body, RoleFields } from "./page_admins.js";
import { change } from "./parts.js";
import { go } from "./router.js";
import { t } from "./texts.js";
import { Badge, Button, Card, Facts, Loaded, Note, Page, toast, When }
	from "./ui.js";
import { Tokens } from "./tokens.js";

const fields = (a) => ({ name: a.name, role: a.role, domain: a.domain ?? "" });

function Edit({ a, tag, where, of }) {
	const form = useForm({ initial: fields(a), tag, check: check_role,
		save: async (v, then, changes) => {
			const r = await ask("PATCH", where, { tag: then, body: {
				...("name" in changes ? { name: v.name } : {}),
				...("role" in changes || "domain" in changes
					? role_body(v) : {}) } });

			of.set(r.data, r.tag);
			return { data: fields(r.data), tag: r.tag };
		},
		load: async () => {
			const r = await ask("GET", where);

			return { data: fields(r.data), tag: r.tag };
		}, done_text: t("ui.saved") });

	return html`<${Form} form=${form} action=${t("ui.save")} guard
		names=${{ name: t("admin.name"), role: t("admin.role"),
			domain: t("admin.domain") }}>
		<${Field} form=${form} name="name" label=${t("admin.name")} />
		<${RoleFields} form=${form} /><//>`;
}

function Safety({ a, where, of }) {
	const ends = async () => {
		if (await confirm({ title: t("admin.out_title", { login: a.login }),
			text: t("admin.out_what"), action: t("admin.out"),
			run: () => change(of, "POST", where + "/sign-out") }))
			toast(t("admin.out_done"));
	};
	const reset = async () => {
		if (await confirm({ title: t("admin.totp_title", { login: a.login }),
			text: t("admin.totp_what"), danger: true,
			action: t("admin.totp_reset"),
			run: () => change(of, "DELETE", where + "/totp") }))
			toast(t("admin.totp_done"));
	};

	return html`<${Card} id="safety" title=${t("admin.safety")}>
		<${Facts} rows=${[[t("admin.totp"), html`<${Badge} kind=${a.totp
			? "ok" : "warn"}>${t(a.totp ? "ui.on" : "ui.off")}<//>`],
		[t("list.created"), html`<${When} at=${a.created} />`]]} />
		<div class="actions orders"><${Button} onClick=${ends}
			>${t("admin.out")}<//>
		${a.totp && html`<${Button} kind="danger-quiet" onClick=${reset}
			>${t("admin.totp_reset")}<//>`}</div><//>`;
}

export default function Admin({ params }) {
	const where = path`/admins/${params.login}`;
	const of = useGet(where);
	const tokens = useList(where + "/tokens");
	const self = session.get().login === params.login;
	const remove = async () => {
		if (await confirm({ title: t("admin.remove_title",
			{ login: params.login }), text: t("admin.remove_what"),
			typed: params.login, danger: true, action: t("list.remove"),
			run: () => change(of, "DELETE", where) })) {
			toast(t("admin.removed"));
			go("/admins", true);
		}
	};

	return html`<${Page} title=${params.login} crumbs=${[["/admins",
		t("nav.admins")]]} actions=${of.data && !self && html`<${Button}
			kind="danger-quiet" onClick=${remove}
			>${t("list.remove")}<//>`}>
		<${Loaded} of=${of}>${(a) => html`
			${self && html`<${Note}>${t("admin.self")}<//>`}
			<div class="columns">
			<${Card} id="who" title=${t("admin.who")}><${Edit} a=${a}
				tag=${of.tag} where=${where} of=${of} /><//>
			<${Safety} a=${a} where=${where} of=${of} /></div>
			<${Tokens} list=${tokens} where=${where + "/tokens"}
				tag="*" />`}<//>
	<//>`;
}
