/* page_home.js - "/": where one belongs */
import { may } from "./api.js";
import { html, useEffect } from "./lib.js";
import { pages } from "./pages.js";
import { go } from "./router.js";
import { Busy, Empty } from "./ui.js";
import { t } from "./texts.js";

export default function Home() {
	const first = pages.find((p) => p.nav && (p.area === null ||
		may(p.area)));

	useEffect(() => {
		if (first)
			go(first.path, true);
	}, []);
	return first ? html`<${Busy} />`
		: html`<${Empty} title=${t("home.nothing")} />`;
}
