/* account_addresses.js - which addresses lead to an account, which it may use,
 * and where its mail goes on to */
import { ask, get, may, path } from "./api.js";
import { confirm } from "./dialog.js";
import { Field, Form, useForm } from "./form.js";
import { html } from "./lib.js";
import { change, check_address } from "./parts.js";
import { t } from "./texts.js";
import { Button, Card } from "./ui.js";

const List = ({ items, none, render }) => items.length === 0
	? html`<p class="soft">${none}</p>`
	: html`<ul>${items.map((x) => html`<li key=${x}>${render(x)}</li>`)}</ul>`;

export function Addresses({ where, it }) {
	const a = it.data;
	const link = (kind) => (x) => html`<a href=${"/" + kind + "/" +
		encodeURIComponent(x)}>${x}</a>`;

	return html`<div class="columns">
		<${Card} title=${t("address.leads")} id="leads">
			<h3>${t("address.aliases")}</h3>
			<${List} items=${a.aliases} none=${t("address.none")}
				render=${link("aliases")} />
			<h3>${t("address.groups")}</h3>
			<${List} items=${a.groups} none=${t("address.none")}
				render=${link("groups")} />
		<//>
		<${Identities} where=${where} it=${it} />
	</div>`;
}

function Identities({ where, it }) {
	const write = may("accounts", true);
	const form = useForm({
		initial: { address: "" },
		check: check_address,
		save: (v) => change(it, "POST", where + "/identities",
			{ address: v.address.trim() }),
		saved: () => form.undo(),
	});
	const remove = (x) => confirm({ danger: true, action: t("domain.remove"),
		title: t("domain.remove_title", { name: x }),
		text: t("address.identity_remove_text"),
		run: () => change(it, "DELETE", where + path`/identities/${x}`) });

	return html`<${Card} title=${t("address.identities")} id="identities">
		<p class="soft">${t("address.identities_text")}</p>
		<${List} items=${it.data.identities} none=${t("address.none")}
			render=${(x) => html`<span class="row">${x}
				${write && html`<${Button}
				kind="small quiet danger-quiet"
				onClick=${() => remove(x)}
				aria-label=${t("address.remove", { address: x })}
				>${t("domain.remove")}<//>`}</span>`} />
		${write && html`<${Form} form=${form} kind="plain"
			action=${t("address.add")}>
			<${Field} form=${form} name="address"
				label=${t("address.add_identity")}
				placeholder="sales@example.org" /><//>`}
	<//>`;
}

export const Forwarding = ({ where, it, change: write }) => html`
	<${Card} title=${t("forward.title")} id="forwarding">
		<${ForwardingForm} where=${where} it=${it} write=${write} /><//>`;

const same = (a, b) => a.keep === b.keep &&
	a.targets.join() === b.targets.join();

/* The tag is the whole account's, and not every order beside the form answers
 * with the new one: what leaves the forwarding as it was is no collision. */
async function put(where, tag, was, body) {
	try {
		return await ask("PUT", where, { tag, body });
	} catch (e) {
		const now = e.code === "precondition_failed" && await get(where);

		if (!now || !same(now.data, was))
			throw e;
		return ask("PUT", where, { tag: now.tag, body });
	}
}

function ForwardingForm({ where, it, write }) {
	const f = it.data.forwarding;
	const form = useForm({
		initial: f, tag: it.tag, done_text: t("ui.saved"),
		save: (v, tag) => put(where, tag, form.base, {
			targets: v.targets, keep: v.targets.length === 0 ||
				v.keep }),
		load: () => get(where),
		saved: (data, tag) => {
			it.set({ ...it.data, forwarding: data }, tag);
			it.reload();
		},
	});

	if (!write)
		return f.targets.length === 0
			? html`<p class="soft">${t("forward.none")}</p>`
			: html`<ul>${f.targets.map((x) => html`
				<li>${x}</li>`)}</ul><p>${t(f.keep
					? "forward.keeps" : "forward.gone")}</p>`;
	return html`<${Form} form=${form} action=${t("ui.save")} guard
		names=${{ targets: t("forward.targets"), keep: t("forward.keep") }}>
		<${Field} form=${form} name="targets" type="lines"
			label=${t("forward.targets")}
			hint=${t("forward.targets_hint")} />
		${form.values.targets.length > 0 && html`<${Field} form=${form}
			name="keep" type="check" label=${t("forward.keep")} />`}
	<//>`;
}
