/* app.js - the frame around every page */
import { away, compare_session, expired, look_session, lost, may, session,
	sign_out } from "./api.js";
import { Confirms, Dialog, confirm } from "./dialog.js";
import { html, kept, render, store, useEffect, useRef, useState } from "./lib.js";
import { SignIn, SignInForm } from "./page_signin.js";
import { pages } from "./pages.js";
import { find, listen, place } from "./router.js";
import { choose_language, language, languages, t } from "./texts.js";
import { Above, Busy, Button, Empty, Failed, Page, Toasts } from "./ui.js";

const themes = ["system", "light", "dark"];
const theme = store(kept.get("theme", "system"));

function choose_theme(name) {
	kept.set("theme", name);
	theme.set(name);
	if (name === "system")
		delete document.documentElement.dataset.theme;
	else
		document.documentElement.dataset.theme = name;
}

/* --- header --- */

const Choices = () => html`
	<label class="choice">${t("shell.language")}
		<select value=${language.use()}
			onChange=${(e) => choose_language(e.target.value)}>
			${Object.entries(languages).map(([l, name]) => html`
				<option value=${l} lang=${l} selected=${l ===
					language.get()}>${name}</option>`)}
		</select></label>
	<label class="choice">${t("shell.theme")}
		<select value=${theme.use()}
			onChange=${(e) => choose_theme(e.target.value)}>
			${themes.map((x) => html`<option value=${x}
				selected=${x === theme.get()}
				>${t("theme." + x)}</option>`)}
		</select></label>`;

function Person({ who }) {
	const box = useRef();
	const out = async (everywhere) => {
		box.current.open = false;
		if (everywhere && !await confirm({ title: t("shell.out_all"),
			text: t("shell.out_all_text"),
			action: t("shell.out_all") }))
			return;
		await sign_out(everywhere);
	};

	useEffect(() => {
		const outside = (e) => {
			if (!box.current?.contains(e.target) || e.key === "Escape") {
				const had = box.current?.contains(
					document.activeElement);

				if (box.current?.open) {
					box.current.open = false;
					if (had)
						box.current.firstElementChild
							.focus();
				}
			}
		};

		document.addEventListener("pointerdown", outside);
		document.addEventListener("keydown", outside);
		return () => {
			document.removeEventListener("pointerdown", outside);
			document.removeEventListener("keydown", outside);
		};
	}, []);
	return html`<details class="menu" ref=${box}>
		<summary><span class="who">${who.name || who.login}</span>
			<span class="role">${t("role." + who.role)}${who.domain
				? " · " + who.domain : ""}${" · "}${who.node
				}</span></summary>
		<div class="menu-body">
			<p class="menu-line">${t("shell.signed_in", {
				login: who.login })}</p>
			<p class="menu-line">${t("shell.node", { node: who.node,
				version: who.version })}</p>
			<div class="menu-choices"><${Choices} /></div>
			<${Button} onClick=${() => out(false)}
				>${t("shell.out")}<//>
			<${Button} onClick=${() => out(true)}
				>${t("shell.out_all")}<//>
		</div></details>`;
}

function Navigation({ at }) {
	const groups = [];

	for (const p of pages)
		if (p.nav && (p.area === null || may(p.area))) {
			if (groups.at(-1)?.[0].group !== p.group)
				groups.push([]);
			groups.at(-1).push(p);
		}
	const root = "/" + at.split("/")[1];

	return html`<nav id="nav" class="nav" aria-label=${t("shell.nav")}>
		${groups.map((g) => html`<div class="nav-group">
			<p class="nav-title">${t("nav.group." + g[0].group)}</p>
			${g.map((p) => html`<a href=${p.path}
				aria-current=${p.path === root ? "page"
					: undefined}>${t(p.nav)}</a>`)}</div>`)}
	</nav>`;
}

/* --- pages --- */

const loaded = new Map();

/* A page's module is loaded when it is first looked at. */
function Shown({ page, params }) {
	const [, draw] = useState(0);
	const [failed, fail] = useState(false);
	const Component = loaded.get(page.load);

	useEffect(() => {
		let current = true;

		if (Component)
			return undefined;
		fail(false);
		page.load().then((m) => {
			loaded.set(page.load, m.default);
			if (current)
				draw((n) => n + 1);
		}, () => current && fail(true));
		return () => {
			current = false;
		};
	}, [page]);
	/* The node runs another version than the one this page came with. */
	if (failed)
		return html`<${Empty} title=${t("shell.updated")} actions=${html`
			<button type="button" class="button primary"
				onClick=${() => location.reload()}
				>${t("shell.reload")}</button>`} />`;
	return Component ? html`<${Component} params=${params}
		key=${Object.entries(params).filter(([k]) => k !== "tab")
			.map(([, v]) => v).join("/")} />` : html`<${Busy} />`;
}

const Nothing = ({ text }) => html`<${Page} title=${t("shell.nothing")}>
	<${Empty} title=${text} actions=${html`<a class="button" href="/"
		>${t("shell.home")}</a>`} /><//>`;

function Frame({ who, pathname }) {
	const [open, set_open] = useState(false);
	const found = find(pages, pathname);
	const failed = lost.use();

	useEffect(() => set_open(false), [pathname]);
	return html`
		<a class="skip" href="#main">${t("shell.skip")}</a>
		<header class="top">
			<button type="button" class="button nav-button"
				aria-expanded=${open ? "true" : "false"}
				aria-controls="nav" onClick=${() => set_open(!open)}
				>☰<span class="hidden">${t("shell.nav")}</span
				></button>
			<a class="brand" href="/"><svg viewBox="0 0 32 32"
				aria-hidden="true"><path
				d="M1 11c4-5 10-5 14 0-4 5-10 5-14 0z"/><path
				d="M14 11l5-4v8z"/><path
				d="M11 21c4-5 10-5 14 0-4 5-10 5-14 0z"/><path
				d="M24 21l6-4v8z"/></svg>Shoal</a>
			<span class="top-space"></span>
			<${Person} who=${who} />
		</header>
		<div class=${"frame" + (open ? " nav-open" : "")}>
			<${Navigation} at=${pathname} />
			<main id="main" tabindex="-1">
				${failed && html`<${Failed} error=${failed}
					again=${look_session} />`}
				${found === null ? html`<${Nothing}
					text=${t("shell.no_page")} />`
				: found.page.area !== null && found.page.area !==
				  "open" && !may(found.page.area) ? html`
					<${Nothing} text=${t("shell.not_yours")} />`
				: html`<${Shown} key=${found.page.path.replace(
					/\/:tab$/, "")} page=${found.page}
					params=${found.params} />`}
			</main>
		</div>
		${expired.use() && html`<${Dialog} stays
			title=${t("signin.again_title")}>
			<p>${t("signin.again")}</p>
			<${SignInForm} login=${who.login} /><//>`}`;
}

function App() {
	const who = session.use();
	const at = place.use().split("?")[0];
	const open = find(pages, at)?.page.area === "open";
	const gone = away.use();
	const failed = lost.use();

	language.use();
	return html`
		${gone && html`<${Above} class="away" role="status"><span
			class="spinner" aria-hidden="true"></span>
			<span>${t("shell.away")} ${gone.said && t("error.said",
				{ text: gone.said })}</span><//>`}
		${open ? html`<main class="alone"><${Shown}
				page=${find(pages, at).page} params=${{}} />
				<div class="alone-choices"><${Choices} /></div>
			</main>`
		: who === undefined ? failed ? html`<main class="alone">
			<${Failed} error=${failed} again=${look_session} />
			<div class="alone-choices"><${Choices} /></div></main>`
			: html`<${Busy} />`
		: who === null ? html`<main class="alone"><${SignIn} />
			<div class="alone-choices"><${Choices} /></div></main>`
		: html`<${Frame} who=${who} pathname=${at} />`}
		<${Confirms} /><${Toasts} />`;
}

addEventListener("focus", compare_session);
listen();
render(html`<${App} />`, document.getElementById("app"));
look_session();
