/* page_list.js - one alias or group */
import { ask, may } from "./api.js";
import { useGet } from "./data.js";
import { confirm } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html } from "./lib.js";
import { check, kinds, poster_options } from "./page_lists.js";
import { Addresses, change } from "./parts.js";
import { go, place } from "./router.js";
import { t } from "./texts.js";
import { Button, Card, Facts, Loaded, Page, toast, When } from "./ui.js";

const trace_of = (a) => "/trace?q=" + encodeURIComponent(a);

/* What can be changed of it. */
const fields = (kind, o) => kind.name === "alias" ? { targets: o.targets }
	: { name: o.name, posters: o.posters, members: o.members };

function Edit({ kind, o, tag, where, of }) {
	const form = useForm({ initial: fields(kind, o), tag,
		check: check(kind),
		save: async (v, then, changes) => {
			const r = await ask("PATCH", where,
				{ body: changes, tag: then });

			of.set(r.data, r.tag);
			return { data: fields(kind, r.data), tag: r.tag };
		},
		load: async () => {
			const r = await ask("GET", where);

			return { data: fields(kind, r.data), tag: r.tag };
		}, done_text: t("ui.saved") });

	return html`<${Form} form=${form} action=${t("ui.save")} guard
		names=${{ targets: t("alias.list"), name: t("group.name"),
			posters: t("group.posters"), members: t("group.list") }}>
		${kind.name === "group" && html`<div class="two"><${Field}
			form=${form} name="name" label=${t("group.name")} />
		<${Field} form=${form} name="posters" type="choice"
			label=${t("group.posters")} options=${poster_options()}
			/></div>`}
		<${Field} form=${form} name=${kind.list} type="lines"
			label=${kind.say("list")}
			hint=${kind.say("list_hint")} /><//>`;
}

export default function ListPage({ params }) {
	const kind = kinds[place.get().startsWith("/groups") ? "group" : "alias"];
	const where = kind.path + "/" + encodeURIComponent(params.address);
	const of = useGet(where);
	const write = may("accounts", true);
	const remove = async () => {
		if (await confirm({ title: kind.say("remove_title",
			{ address: params.address }),
			text: kind.say("remove_what"), danger: true,
			action: t("list.remove"),
			run: () => change(of, "DELETE", where) })) {
			toast(kind.say("removed"));
			go(kind.path, true);
		}
	};

	return html`<${Page} title=${params.address} crumbs=${[[kind.path,
		kind.say("nav")]]} actions=${of.data && html`
		${may("trace") && html`<a class="button" href=${trace_of(
			params.address)}>${t("nav.trace")}</a>`}
		${write && html`<${Button} kind="danger-quiet" onClick=${remove}
			>${t("list.remove")}<//>`}`}>
		<${Loaded} of=${of}>${(o) => html`
			<${Card}><p class="soft">${kind.say("what")}</p>
			${write ? html`<${Edit} kind=${kind} o=${o} tag=${of.tag}
				where=${where} of=${of} />`
			: html`<${Facts} rows=${[
				kind.name === "group" && [t("group.name"), o.name || "–"],
				kind.name === "group" && [t("group.posters"),
					t("group.posters." + o.posters)],
				[kind.say("list"), html`<${Addresses}
					list=${o[kind.list]} />`]]} />`}
			<${Facts} rows=${[[t("list.created"), html`<${When}
				at=${o.created} />`]]} /><//>`}<//>
	<//>`;
}
