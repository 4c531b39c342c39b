/* page_signin.js - who are you? */
import { Problem, said, sign_in } from "./api.js";
import { html, useEffect, useId, useRef, useState } from "./lib.js";
import { t } from "./texts.js";
import { Note } from "./ui.js";

export const Brand = () => html`<p class="alone-brand"><svg viewBox="0 0 32 32"
	aria-hidden="true"><path d="M1 11c4-5 10-5 14 0-4 5-10 5-14 0z"/><path
	d="M14 11l5-4v8z"/><path d="M11 21c4-5 10-5 14 0-4 5-10 5-14 0z"/><path
	d="M24 21l6-4v8z"/></svg>Shoal</p>`;

export function SignIn() {
	useEffect(() => {
		document.title = t("signin.title") + " · Shoal";
	});
	return html`<section class="card alone-card">
		<${Brand} />
		<h1>${t("signin.title")}</h1>
		<${SignInForm} />
	</section>`;
}

/* Where it says that the code of the second factor is wanted, too, it asks for
 * that; name and password are not typed again. */
export function SignInForm({ login: known }) {
	const [login, set_login] = useState(known || "");
	const [password, set_password] = useState("");
	const [totp, set_totp] = useState("");
	const [step, set_step] = useState("password");
	const [error, fail] = useState("");
	const [busy, set_busy] = useState(false);
	const first = useRef();
	const id = useId();

	useEffect(() => first.current?.focus(), [step]);
	const submit = async (e) => {
		e.preventDefault();
		if (busy)
			return;
		set_busy(true);
		fail("");
		try {
			await sign_in(login.trim(), password, step === "totp"
				? totp.replace(/\s/g, "") : "");
			return;
		} catch (p) {
			if (p instanceof Problem && p.code === "totp_required")
				set_step("totp");
			else {
				fail(["denied", "totp_wrong"].includes(p.code)
					? t("error." + p.code) : said(p));
				if (p.code === "denied") {
					set_step("password");
					set_totp("");
				}
				first.current?.select();
			}
		}
		set_busy(false);
	};

	return html`<form class="form" onSubmit=${submit}>
		${step === "password" ? html`
			<div class="field"><label for=${id + "l"}
				>${t("signin.login")}</label>
			<input id=${id + "l"} ref=${known ? undefined : first}
				name="login" autocomplete="username" required
				autocapitalize="none" spellcheck=${false}
				readOnly=${!!known} autofocus=${!known}
				value=${login}
				onInput=${(e) => set_login(e.target.value)} />
			</div>
			<div class="field"><label for=${id + "p"}
				>${t("signin.password")}</label>
			<input id=${id + "p"} ref=${known ? first : undefined}
				name="password" type="password" required
				autocomplete="current-password"
				autofocus=${!!known} value=${password}
				onInput=${(e) => set_password(e.target.value)} />
			</div>`
		: html`
			<div class="field"><label for=${id + "t"}
				>${t("signin.totp")}</label>
			<input id=${id + "t"} ref=${first} name="totp" required
				class="short" inputmode="numeric"
				autocomplete="one-time-code" maxlength="8"
				aria-describedby=${id + "h"} value=${totp}
				onInput=${(e) => set_totp(e.target.value)} />
			<p class="hint" id=${id + "h"}>${t("signin.totp_hint")}</p>
			</div>`}
		${error !== "" && html`<${Note} kind="bad">${error}<//>`}
		<div class="form-foot">
			${step === "totp" && html`<button type="button"
				class="button" onClick=${() => set_step("password")}
				>${t("ui.back")}</button>`}
			<button type="submit" class="button primary"
				aria-busy=${busy ? "true" : undefined}
				>${t("signin.action")}</button></div>
	</form>`;
}
