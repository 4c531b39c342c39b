/* page_invite.js - /invite#code: the first thing an administrator sees */
import { Problem, ask, became } from "./api.js";
import { Form, NewPassword, Field, useForm } from "./form.js";
import { html, useEffect, useState } from "./lib.js";
import { Brand } from "./page_signin.js";
import { go } from "./router.js";
import { t } from "./texts.js";
import { Busy, Note, When } from "./ui.js";

/* Behind '#', so that it is sent to nobody; and not kept in view, but where a
 * reload finds it. */
function found_code() {
	const hash = location.hash.slice(1);

	if (hash === "")
		return history.state?.code ?? "";
	try {
		return decodeURIComponent(hash);
	} catch {
		return hash;
	}
}

export default function Invite() {
	const [code] = useState(found_code);
	const [invite, set] = useState(undefined);
	const [error, fail] = useState(null);

	useEffect(() => {
		document.title = t("invite.title") + " · Shoal";
		history.replaceState({ code }, "", "/invite");
		ask("POST", "/invites/check", { body: { code }, password: true })
			.then((r) => set(r.data), fail);
	}, []);
	return html`<section class="card alone-card">
		<${Brand} />
		<h1>${t("invite.title")}</h1>
		${error ? html`<${Note} kind="bad" title=${t("invite.bad_title")}>
				${error instanceof Problem && error.status === 404
				|| error.status === 422 || code === ""
				? t("invite.bad") : error.text?.()}<//>
			<p><a href="/">${t("invite.to_signin")}</a></p>`
		: invite === undefined ? html`<${Busy} />`
		: html`<${Accept} code=${code} invite=${invite} />`}
	</section>`;
}

function Accept({ code, invite }) {
	const form = useForm({
		initial: { login: invite.login || "", name: "", password: "" },
		check: (v) => ({
			...v.login.trim() === "" && { login: t("form.needed") },
			...v.password === "" && { password: t("form.needed") },
		}),
		save: (v) => ask("POST", "/invites/accept", { password: true,
			body: { code, login: v.login.trim(), name: v.name.trim(),
				password: v.password } }),
		saved: async (s) => {
			became(s);
			await go(s.role === "system" ? "/start" : "/", true);
		},
	});

	return html`<p>${t("invite.text", { role: t("role." + invite.role) })}
			${invite.domain && html` <strong>${invite.domain}</strong>`}
			${" "}${t("invite.ends")} <${When} at=${invite.expires} />.</p>
		<${Form} form=${form} action=${t("invite.action")}>
			<${Field} form=${form} name="login" autoFocus required
				label=${t("invite.login")} autocomplete="username"
				hint=${t("invite.login_hint")}
				readOnly=${!!invite.login} />
			<${Field} form=${form} name="name" autocomplete="name"
				label=${t("invite.name")} />
			<${NewPassword} form=${form} name="password" required
				label=${t("signin.password")}
				hint=${t("form.password_hint")} />
		<//>`;
}
