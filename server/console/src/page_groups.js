/* page_groups.js - groups: addresses that lead to their members */
import { html } from "./lib.js";
import { kinds, List } from "./page_lists.js";

export default function Groups() {
	return html`<${List} kind=${kinds.group} />`;
}
