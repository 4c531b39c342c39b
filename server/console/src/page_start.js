/* page_start.js - /start: from nothing to a message that has arrived */
import { ask, get, may, path } from "./api.js";
import { useGet } from "./data.js";
import { DnsRecords } from "./domain_dns.js";
import { Field, Form } from "./form.js";
import { html, useEffect, useState } from "./lib.js";
import { NewAccountFields, useNewAccount } from "./page_accounts.js";
import { useNewDomain } from "./page_domains.js";
import { Once } from "./parts.js";
import { place, query, set_query } from "./router.js";
import { TestMessage } from "./trial_message.js";
import { t } from "./texts.js";
import { Busy, Button, Card, Empty, Failed, Page } from "./ui.js";

/* Where one is belongs to the address, so that coming back goes on there. */
const steps = ["domain", "dns", "account", "test"];

const go_on = (step, more) => {
	set_query({ step, ...more });
	scrollTo(0, 0);
};

export default function Start() {
	const [password, keep] = useState("");
	const [made, make] = useState("");
	place.use();
	const domain = query("domain"), account = query("account");
	const wanted = steps.indexOf(query("step"));
	const at = Math.max(0, domain === "" ? 0 : account === "" ?
		Math.min(wanted, 2) : wanted);

	if (!may("domains", true))
		return html`<${Page} title=${t("start.title")}><${Empty}
			title=${t("shell.not_yours")} /><//>`;
	return html`<${Page} title=${t("start.title")}
		actions=${html`<a class="button" href="/">${t("start.skip")}</a>`}>
		<p class="soft">${t("start.text")}</p>
		<ol class="steps">${steps.map((s, i) => html`<li
			class=${i < at ? "done" : ""}
			aria-current=${i === at ? "step" : undefined}>
			<span class="n" aria-hidden="true">${i < at ? "✓"
				: i + 1}</span>${t("start.step_" + s)}</li>`)}</ol>
		${at === 0 ? html`<${FirstDomain} made=${make} />`
		: at === 1 ? html`<${Dns} domain=${domain}
			made=${domain === made} />`
		: at === 2 ? html`<${FirstAccount} domain=${domain}
			keep=${keep} />`
		: html`<${Test} domain=${domain} account=${account}
			password=${password} />`}
	<//>`;
}

function FirstDomain({ made }) {
	const there = useGet("/domains", { limit: 10 });
	const form = useNewDomain((d) => {
		made(d.name);
		go_on("dns", { domain: d.name });
	});
	const have = there.data?.items || [];

	return html`<${Card} class="narrow" title=${t("start.step_domain")}
		id="step">
		${have.length > 0 && html`<p>${t("start.have_domain")}</p>
			<div class="row">${have.map((d) => html`<button
				type="button" class="button" onClick=${() =>
				go_on("dns", { domain: d.name })}>${d.display}</button>`
			)}</div>`}
		<${Form} form=${form} action=${t("start.make_domain")}>
			<${Field} form=${form} name="name" required autoFocus
				label=${t("domains.name")}
				hint=${t("domains.name_hint")}
				placeholder="example.org" /><//><//>`;
}

/* made: the domain has just been made here, and its first key is, too, so that
 * what is sent is trusted: no question to ask.  Another's key is nothing that
 * opening a page may change. */
function Dns({ domain, made }) {
	const where = path`/domains/${domain}/dkim`;
	const [state, set] = useState("busy");
	const [error, fail] = useState(null);
	const [round, again] = useState(0);
	const make = async () => {
		await ask("POST", where, { body: { algorithm: "rsa",
			active: true } });
		set("ready");
	};

	useEffect(() => {
		const stop = new AbortController();

		fail(null);
		(async () => {
			try {
				const keys = await get(where, {}, stop.signal);

				if (keys.data.items.length > 0)
					set("ready");
				else if (made)
					await make();
				else
					set("no key");
			} catch (e) {
				if (!stop.signal.aborted)
					fail(e);
			}
		})();
		return () => stop.abort();
	}, [where, round]);
	return html`
		<p>${t("start.dns_text", { domain })}</p>
		${error ? html`<${Failed} error=${error}
			again=${() => again((n) => n + 1)} />`
		: state === "busy" ? html`<${Busy}
			text=${made ? t("start.making_key") : undefined} />`
		: html`${state === "no key" && html`<div><${Button}
				onClick=${make}>${t("start.make_key")}<//></div>`}
			<${DnsRecords} key=${state} name=${domain} every=${10000} />`}
		<div class="form-foot"><button type="button"
			class="button primary" onClick=${() => go_on("account")}
			>${t("ui.next")}</button></div>`;
}

function FirstAccount({ domain, keep }) {
	const form = useNewAccount({ address: "@" + domain }, (made) => {
		keep(made.password);
		go_on("test", { account: made.account.address });
	});

	return html`<${Card} class="narrow" title=${t("start.step_account")}
		id="step">
		<p class="soft">${t("start.account_text")}</p>
		<${Form} form=${form} action=${t("start.make_account")}>
			<${NewAccountFields} form=${form} /><//><//>`;
}

function Test({ domain, account, password }) {
	return html`
		${password !== "" && html`<${Card} title=${t("account.made_title")}
			id="made">
			<p>${t("account.made", { address: account })}${" "}
				${t("account.made_password")}</p>
			<${Once} text=${password}
				label=${t("signin.password")} /><//>`}
		<${Card} title=${t("start.step_test")} id="step">
			<p>${t("start.test_text", { account })}</p>
			<${TestMessage} where=${path`/accounts/${account}`} />
		<//>
		<div class="form-foot">
			<a class="button" href=${path`/domains/${domain}/dns`}
				>${t("start.to_domain")}</a>
			<a class="button primary" href="/">${t("start.done")}</a>
		</div>`;
}
