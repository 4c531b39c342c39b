/* account_passwords.js - what an account logs in with */
import { ask, may, path } from "./api.js";
import { useGet } from "./data.js";
import { Dialog, Done, confirm } from "./dialog.js";
import { Field, Form, NewPassword, make_password, useForm } from "./form.js";
import { html, useState } from "./lib.js";
import { change as change_of, Once } from "./parts.js";
import { Table } from "./table.js";
import { t } from "./texts.js";
import { Button, Card, Empty, Facts, Loaded, When, toast } from "./ui.js";

export function SetPassword({ where, it }) {
	const [setting, set] = useState(false);
	const a = it.data;
	const out = async () => {
		if (!await confirm({ action: t("shell.out_all"),
			title: t("account.out_title", { name: a.address }),
			text: t("account.out_text") }))
			return;
		await change_of(it, "POST", where + "/sign-out");
		toast(t("account.is_out"));
	};
	const no_totp = () => confirm({ action: t("account.totp_remove"),
		danger: true, title: t("account.totp_remove_title"),
		text: t("account.totp_remove_text"),
		run: () => change_of(it, "DELETE", where + "/totp") });
	const none = () => confirm({ action: t("account.take_password"),
		danger: true, title: t("account.take_password_title",
			{ name: a.address }),
		text: t("account.take_password_text"),
		run: () => change_of(it, "PUT", where + "/password",
			{ password: null }) });

	return html`<${Card} title=${t("signin.password")} id="password"
		actions=${may("accounts", true) && html`
			${a.totp && html`<${Button} kind="small" onClick=${no_totp}
				>${t("account.totp_remove")}<//>`}
			<${Button} kind="small" onClick=${out}
				>${t("shell.out_all")}<//>
			${a.password_changed && html`<${Button} kind="small"
				onClick=${none}>${t("account.take_password")}<//>`}
			<${Button} kind="small primary" onClick=${() => set(true)}
				>${t("account.set_password")}<//>`}>
		<${Facts} rows=${[
			[t("account.password_changed"), html`<${When}
				at=${a.password_changed}
				none=${t("account.no_password")} />`],
			[t("account.totp"), t(a.totp ? "ui.yes" : "ui.no")],
		]} />
		${setting && html`<${NewOne} where=${where} it=${it}
			onClose=${() => set(false)} />`}<//>`;
}

function NewOne({ where, it, onClose }) {
	const [done, finish] = useState(null);
	const form = useForm({
		initial: { password: make_password() },
		check: (v) => v.password === "" && { password: t("form.needed") },
		save: async (v) => {
			await change_of(it, "PUT", where + "/password",
				{ password: v.password });
			return { data: v.password };
		},
		saved: finish,
	});

	return html`<${Dialog} title=${t("account.set_password")}
		onClose=${onClose}>${done === null ? html`
		<${Form} form=${form} action=${t("account.set_password")}
			cancel=${onClose}>
			<${NewPassword} form=${form} name="password"
				label=${t("account.new_password")}
				hint=${t("account.new_password_hint")} /><//>`
		: html`<p>${t("account.made_password")}</p>
			<${Once} text=${done} label=${t("signin.password")} />
			<${Done} onClose=${onClose} autofocus />`}<//>`;
}

/* Of an account. One's own are made otherwise: me_security.js. */
export function AppPasswords({ where, change }) {
	const [making, make] = useState(false);
	const it = useGet(where);
	const button = change && html`<button type="button" class="button small"
		onClick=${() => make(true)}>${t("app.new")}</button>`;
	const remove = async (p) => {
		if (await confirm({ danger: true, action: t("domain.remove"),
			title: t("domain.remove_title", { name: p.label }),
			text: t("app.remove_text"), run: () => ask("DELETE",
				where + path`/${p.id}`, { tag: "*" }) }))
			it.reload();
	};

	return html`<${Card} title=${t("app.title")} id="apps" actions=${button}>
		<p class="soft">${t("app.text")}</p>
		<${Loaded} of=${it}>${(data) => html`<${Table}
			label=${t("app.title")} rows=${data.items}
			row_key=${(p) => p.id}
			empty=${html`<${Empty} title=${t("app.none")} />`}
			columns=${[
				{ title: t("app.label"), render: (p) => p.label },
				{ title: t("domain.created"), render: (p) => html`
					<${When} at=${p.created} />` },
				{ title: t("app.expires"), render: (p) => html`
					<${When} at=${p.expires}
						none=${t("ui.never")} />` },
				{ title: "", class: "figures", render: (p) => change &&
					html`<${Button} kind="small quiet danger-quiet"
						onClick=${() => remove(p)}
						aria-label=${t("app.remove",
							{ label: p.label })}
						>${t("domain.remove")}<//>` },
			]} />`}<//>
		${making && html`<${NewApp} where=${where} onClose=${() =>
			make(false)} done=${it.reload} />`}<//>`;
}

/* The end of a day, where one is who chose it. */
const end_of = (day) => new Date(day + "T23:59:59");

function NewApp({ where, onClose, done }) {
	const [made, set] = useState(null);
	const form = useForm({
		initial: { label: "", expires: "" },
		check: (v) => ({
			...v.label.trim() === "" && { label: t("form.needed") },
			...v.expires && Number.isNaN(+end_of(v.expires)) &&
				{ expires: t("form.wrong") },
		}),
		save: (v) => ask("POST", where, { body: { label: v.label.trim(),
			...v.expires && { expires: end_of(v.expires)
				.toISOString().replace(/\.\d+/, "") } } }),
		saved: (p) => {
			set(p);
			done();
		},
	});

	return html`<${Dialog} title=${t("app.new")} onClose=${onClose}>
		${made === null ? html`<${Form} form=${form}
			action=${t("app.make")} cancel=${onClose}>
			<${Field} form=${form} name="label" required autoFocus
				label=${t("app.label")} hint=${t("app.label_hint")} />
			<${Field} form=${form} name="expires" type="date"
				label=${t("app.expires")} class="short"
				hint=${t("app.expires_hint")} /><//>`
		: html`<p>${t("app.made")}</p><${Once} text=${made.password}
				label=${t("signin.password")} />
			<${Done} onClose=${onClose} autofocus />`}<//>`;
}
