/*
 * pack.mjs --out FILE.c --work DIR - the console's files as one C file
 * pack.mjs --files DIR --work DIR - the same files as files, to look at
 *
 * Nothing is bundled or rewritten but the names in imports: what a browser gets
 * are the modules below src/ and those of three libraries, which npm brings as
 * package-lock.json says (hashes included).  All lie in one directory,
 * /console/<hash>/, whose name changes when anything in it does; so they may be
 * kept for ever, and only the index is asked for again.
 *
 * DIR keeps the libraries between runs.  Several builds in one directory do not
 * meet: everything is made under a name of one's own and renamed.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync,
	renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const here = path.dirname(fileURLToPath(import.meta.url));
const src = path.join(here, "src");

/* What is taken from the libraries.  uPlot has no small ES module: its script
 * for the page becomes one. */
const libraries = [
	{ name: "preact", from: "preact/dist/preact.mjs", to: "lib/preact.js" },
	{ name: "preact/hooks", from: "preact/hooks/dist/hooks.mjs",
		to: "lib/hooks.js" },
	{ name: "htm", from: "htm/dist/htm.module.js", to: "lib/htm.js" },
	{ name: "lean-qr", from: "lean-qr/nano.mjs", to: "lib/qr.js" },
	{ name: "uplot", from: "uplot/dist/uPlot.iife.min.js",
		to: "lib/uplot.js", end: "\nexport default uPlot;\n" },
	{ from: "uplot/dist/uPlot.min.css", to: "lib/uplot.css" },
];
const licences = ["preact/LICENSE", "htm/LICENSE", "lean-qr/LICENSE",
	"uplot/LICENSE"];

const types = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
};

function argument(name) {
	const i = process.argv.indexOf("--" + name);

	return i < 0 || i + 1 >= process.argv.length ? null
		: path.resolve(process.argv[i + 1]);
}

const sha256 = (data) => createHash("sha256").update(data).digest("hex");

/* A registry may be slow, and others wait for this build: not for ever. */
function npm_ci(where) {
	for (let tries = 2; tries > 0; tries--) {
		try {
			execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit",
				"--no-fund", "--omit=dev", "--prefer-offline",
				"--loglevel=error"],
				{ cwd: where, stdio: ["ignore", 2, 2],
					timeout: 180000, killSignal: "SIGKILL" });
			return;
		} catch (e) {
			if (tries === 1)
				throw e;
			console.error("npm ci: " + e.message + "; once more");
		}
	}
}

/* The directory node_modules that belongs to package-lock.json. */
function modules(work) {
	const lock = readFileSync(path.join(here, "package-lock.json"));
	const kept = path.join(work, "npm-" + sha256(lock).slice(0, 16));

	if (!existsSync(kept)) {
		const mine = mkdtempSync(path.join(work, "new-"));

		for (const name of ["package.json", "package-lock.json"])
			cpSync(path.join(here, name), path.join(mine, name));
		npm_ci(mine);
		try {
			renameSync(mine, kept);
		} catch (e) {
			/* another was quicker */
			rmSync(mine, { recursive: true });
			if (!existsSync(kept))
				throw e;
		}
	}
	return path.join(kept, "node_modules");
}

const importing = /((?<![.\w"'])from\s*|\bimport\s*\(\s*|\bimport\s*)(["'])([^"'\n]+)\2/g;

/* Imports by a library's name become relative; others must be there. */
function rewrite(name, text, names) {
	return text.replace(importing, (all, word, quote, what) => {
		const library = libraries.find((l) => l.name === what);
		let to = what;

		if (library !== undefined) {
			to = path.posix.relative(path.posix.dirname(name),
				library.to);
			if (!to.startsWith("."))
				to = "./" + to;
		}
		if (!/^\.{1,2}\//.test(to))
			throw new Error(name + ": imports " + what);
		const file = path.posix.join(path.posix.dirname(name), to);
		if (!names.has(file))
			throw new Error(name + ": there is no " + file);
		return word + quote + to + quote;
	});
}

/* Modules that `name` needs before it runs (not those it loads later). */
function needs(files, name, found = new Set()) {
	if (!found.has(name)) {
		found.add(name);
		for (const m of files.get(name).toString().matchAll(importing))
			if (!m[1].includes("("))
				needs(files, path.posix.join(
					path.posix.dirname(name), m[3]), found);
	}
	return found;
}

/* name below /console/<hash>/ -> bytes */
function gather(node_modules) {
	const files = new Map();
	const names = new Set(libraries.map((l) => l.to));

	for (const e of readdirSync(src))
		if (path.extname(e) in types)
			names.add(e);
	for (const name of [...names].sort()) {
		const l = libraries.find((x) => x.to === name);
		let text = readFileSync(l === undefined ? path.join(src, name)
			: path.join(node_modules, l.from), "utf8");

		text = text.replace(/^\/\/# sourceMappingURL=.*$/m, "");
		if (l !== undefined)
			text += l.end || "";
		if (name.endsWith(".js"))
			text = rewrite(name, text, names);
		files.set(name, Buffer.from(text));
	}
	files.set("lib/LICENSES.txt", Buffer.from(licences.map((l) =>
		l + "\n\n" + readFileSync(path.join(node_modules, l), "utf8"))
		.join("\n\n")));
	return files;
}

/* --- C --- */

function literal(bytes) {
	const lines = [];

	for (let i = 0; i < bytes.length; i += 20) {
		let line = "";

		for (const b of bytes.subarray(i, i + 20))
			line += b >= 0x20 && b < 0x7f && b !== 0x22 &&
				b !== 0x5c && b !== 0x3f
				? String.fromCharCode(b)
				: "\\" + b.toString(8).padStart(3, "0");
		lines.push("\t\"" + line + "\"");
	}
	return lines.join("\n") || "\t\"\"";
}

function c_file(served, roots) {
	let out = "/* console_files.c - made by server/console/pack.mjs */\n" +
		"#include \"server/http/static.h\"\n";

	served.sort((a, b) => (a.path < b.path ? -1 : 1));
	served.forEach((f, i) => {
		f.gzip = gzipSync(f.bytes, { level: 9 });
		out += "\nstatic const char plain_" + i + "[] =\n" +
			literal(f.bytes) + ";\nstatic const char gzip_" + i +
			"[] =\n" + literal(f.gzip) + ";\n";
	});
	out += "\nstatic const struct static_file files[] = {\n";
	served.forEach((f, i) => {
		out += "\t{ \"" + f.path + "\",\n\t    \"" + f.type +
			"\",\n\t    \"\\\"" + sha256(f.bytes).slice(0, 32) +
			"\\\"\", " + f.immutable + ",\n\t    { plain_" + i +
			", " + f.bytes.length + " }, { gzip_" + i + ", " +
			f.gzip.length + " } },\n";
	});
	out += "};\nstatic const char *const roots[] = {\n" +
		roots.map((r) => "\t\"" + r + "\",\n").join("") + "};\n" +
		"const struct static_site console_site = {\n" +
		"\tfiles, sizeof(files) / sizeof(files[0]), roots,\n" +
		"\tsizeof(roots) / sizeof(roots[0]),\n};\n";
	return out;
}

async function write_c(out, served) {
	/* Paths that the console's own router knows begin with these. */
	const { pages } = await import(pathToFileURL(path.join(src, "pages.js")));
	const roots = [...new Set(pages.map((p) => p.path.split("/")[1]))]
		.filter((r) => r !== "").sort();
	const mine = out + "." + process.pid + ".tmp";

	mkdirSync(path.dirname(out), { recursive: true });
	writeFileSync(mine, c_file(served, roots));
	renameSync(mine, out);
}

function write_files(dir, served) {
	rmSync(dir, { recursive: true, force: true });
	for (const f of served) {
		const to = path.join(dir, f.path === "/" ? "index.html" : f.path);

		mkdirSync(path.dirname(to), { recursive: true });
		writeFileSync(to, f.bytes);
	}
}

async function main() {
	const out = argument("out");
	const dir = argument("files");
	const work = argument("work");

	if (work === null || (out === null) === (dir === null))
		throw new Error("--work, and either --out or --files");
	mkdirSync(work, { recursive: true });
	const files = gather(modules(work));
	let index = files.get("index.html").toString();

	files.delete("index.html");
	const all = createHash("sha256");
	for (const [name, bytes] of [...files].sort())
		all.update(name + "\0" + sha256(bytes) + "\n");
	const base = "/console/" + all.digest("hex").slice(0, 16) + "/";

	index = index.replaceAll("%BASE%", base).replace("%PRELOAD%",
		[...needs(files, "app.js")].sort().map((n) =>
			"<link rel=\"modulepreload\" href=\"" + base + n + "\">")
			.join("\n"));
	const served = [...files].map(([name, bytes]) => ({
		path: base + name, type: types[path.extname(name)],
		immutable: true, bytes }));
	served.push({ path: "/", type: types[".html"], immutable: false,
		bytes: Buffer.from(index) });

	if (out !== null)
		await write_c(out, served);
	else
		write_files(dir, served);
	const first = ["app.js", "boot.js", "style.css"];
	const sum = (names) => names.reduce((n, name) =>
		n + gzipSync(files.get(name), { level: 9 }).length, 0);
	console.log("console: " + served.length + " files, " +
		(sum([...new Set([...first, ...needs(files, "app.js")])]) / 1000)
			.toFixed(0) + " kB before the first page");
}

main().catch((e) => {
	console.error("pack.mjs: " + e.message);
	process.exit(1);
});
