"""rules.py RULE ROOT - check one rule about the source; list - name them;
self-test RULE - show that the rule can be broken."""

import ast
import fnmatch
import os
import re
import subprocess
import sys
import tempfile

# Includes run one way: a file sees its own layer and those above it here.
LAYERS = ["base", "mime", "storage/share", "storage", "locking", "server"]

# A library's headers, and the only files that may include them.
DOORS = {
    "nfsc/*": ["storage/share/share_nfs*"],
    "sqlite3*.h": ["storage/state*"],
    "event2/*": ["base/loop.c"],
    "event.h": [],
    "openssl/*": ["base/crypto*", "server/net/tls*"],
    "jansson.h": ["base/json*"],
    "utf8proc.h": ["base/unicode*"],
    "idn2.h": ["base/unicode*"],
    "crypt.h": ["storage/password*"],
    "liboath/*": ["server/auth/totp.c"],
    "libpsl.h": ["server/mailauth/dmarc_psl.c"],
    "iconv.h": ["mime/charset.c"],
    "confuse.h": ["server/conf*"],
    "unbound.h": ["server/dns/dns*"],
    "seccomp.h": ["server/privs*"],
    "http_parser.h": ["server/http/http*"],
    "pthread.h": ["base/offload.c"],
    "setjmp.h": ["base/task_switch.c"],
    "ucontext.h": ["base/task_switch.c"],
    "sanitizer/*": ["base/asan.h", "base/task_switch.c"],
    "valgrind/*": ["base/task_switch.c"],
}

FILE_LINES = 1000
FUNCTION_LINES = 100

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCE = (".c", ".h", ".cc")


def files(root):
    """Every file of the project, without what is generated."""
    for base, dirs, names in os.walk(root):
        dirs[:] = sorted(d for d in dirs if not d.startswith("build")
                         and not d.startswith("shoal-")
                         and d not in (".git", "autom4te.cache", "_build",
                                       "__pycache__", ".deps"))
        for name in sorted(names):
            yield os.path.relpath(os.path.join(base, name), root)


def text(root, path):
    with open(os.path.join(root, path), errors="surrogateescape") as f:
        return f.read()


def layer(path):
    """The layer's number; None for what is no layer (tests, docs)."""
    best = None
    for i, name in enumerate(LAYERS):
        if path.startswith(name + "/"):
            if best is None or len(name) > len(LAYERS[best]):
                best = i
    return best


def includes(root):
    """(path, line number, '<' or '"', what) of every include of a layer."""
    for path in files(root):
        if not path.endswith(SOURCE) or layer(path) is None:
            continue
        for n, line in enumerate(text(root, path).split("\n"), 1):
            m = INCLUDE.match(line)
            if m:
                yield path, n, m.group(1), m.group(2)


def rule_layers(root):
    for path, n, quote, what in includes(root):
        if quote == "<":
            continue
        theirs = layer(what)
        if theirs is None:
            yield "%s:%d: %s is in no layer" % (path, n, what)
        elif theirs > layer(path):
            yield "%s:%d: %s lies above" % (path, n, what)


def rule_doors(root):
    for path, n, quote, what in includes(root):
        for header, doors in DOORS.items():
            if fnmatch.fnmatch(what, header) and \
                    not any(fnmatch.fnmatch(path, d) for d in doors):
                yield "%s:%d: <%s> belongs to %s" % (
                    path, n, what, ", ".join(doors) or "nobody")


def rule_file_length(root):
    for path in files(root):
        if path.endswith(SOURCE + (".py", ".sh", ".js", ".mjs", ".css")):
            n = text(root, path).count("\n")
            if n > FILE_LINES:
                yield "%s: %d lines" % (path, n)


def rule_function_length(root):
    """The style puts a function's braces, and only these, at the margin."""
    for path in files(root):
        # A model's step is one list of all that may happen next.
        if not path.endswith(SOURCE) or path.startswith("tests/models/"):
            continue
        start = None
        for n, line in enumerate(text(root, path).split("\n"), 1):
            if line == "{":
                start = n
            elif line == "}" and start is not None:
                if n - start - 1 > FUNCTION_LINES:
                    yield "%s:%d: %d lines" % (path, start, n - start - 1)
                start = None


# Where somebody happened to build this is nobody's business.
MACHINE = re.compile(r"""(?<![\w.$}*/-])/(?:home|root|work|tmp)/[A-Za-z]""")


def rule_machine_paths(root):
    for path in files(root):
        if not tracked(root, path):
            continue
        for n, line in enumerate(text(root, path).split("\n"), 1):
            if MACHINE.search(line) and path != "tests/lint/rules.py":
                yield "%s:%d: %s" % (path, n, line.strip())


_TRACKED = {}


def tracked(root, path):
    """In a checkout, only what belongs to it; else everything."""
    if root not in _TRACKED:
        _TRACKED[root] = None
        if os.path.exists(os.path.join(root, ".git")):
            done = subprocess.run(
                ["git", "-c", "safe.directory=*", "-C", root, "ls-files"],
                capture_output=True, text=True)
            if done.returncode == 0:
                _TRACKED[root] = set(done.stdout.split("\n"))
    return _TRACKED[root] is None or path in _TRACKED[root]


def shell_of(root, path):
    if path.endswith(".sh"):
        return "bash"
    if os.path.splitext(path)[1]:
        return None
    first = text(root, path)[:64].split("\n")[0]
    if re.match(r"#! ?/(usr/)?bin/(env )?(ba)?sh\b", first):
        return "bash"
    return None


def rule_scripts(root):
    for path in files(root):
        if not tracked(root, path):
            continue
        if path.endswith(".py"):
            try:
                ast.parse(text(root, path))
            except SyntaxError as e:
                yield "%s: %s" % (path, e)
        elif shell_of(root, path):
            done = subprocess.run(["bash", "-n", os.path.join(root, path)],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                yield done.stderr.strip()


def rule_distributed(root):
    """Every file of the checkout is in the distribution: a header that nobody
    lists is found by whoever builds from the tarball."""
    listed = set()
    for path in files(root):
        if path.endswith("Makefile.inc") or path == "Makefile.am":
            listed.add(path)
            rules = re.sub(r"(?m)#.*$", "", text(root, path))
            for word in re.split(r"[\s=]+", rules):
                listed.add(word)
    given = {"configure.ac", "Makefile.am", ".gitignore"}
    for path in files(root):
        if tracked(root, path) and path not in listed and \
                path not in given and not path.startswith(".ci/") and \
                not any(path.startswith(d + "/") for d in listed if d):
            yield "%s is in no Makefile" % path


# --- the web console: texts in one catalogue, and nothing that a page's
# Content-Security-Policy would have to stop

CONSOLE = "server/console/src/"
STRING = r'"((?:[^"\\\n]|\\.)*)"'
TEXT_ROW = re.compile(STRING + r"\s*:\s*\[\s*" + STRING + r"\s*,\s*" + STRING +
                      r"\s*,?\s*\]\s*,?")
# t("a.key"), t(x ? "a.key" : "b.key"), t("a.prefix_" + x)
TEXT_USE = re.compile(STRING + r"(\s*\+)?")
FORBIDDEN = {
    r"\b(inner|outer)HTML\b|insertAdjacentHTML|dangerouslySet": "markup from text",
    r"\bdocument\.write|\beval\(|\bnew Function\b": "code from text",
    r"<\w[^<>]*\s(style|on[a-z]+)=[\"']": "inline style or script",
    r"<style|<script(?! (type=\"module\" )?src=)|javascript:": "inline style or "
                                                             "script",
    r"(src|href|import|from|fetch|url)\b[ =(]*[\"'`]?(https?:)?//[a-z]": "another "
                                                                      "host",
}


def console_texts(root):
    """({key: (path, languages' texts)}, what is no row)."""
    rows, wrong = {}, []
    for path in files(root):
        if not fnmatch.fnmatch(path, CONSOLE + "texts_*.js"):
            continue
        m = re.search(r"export const texts = \{(.*)\n\};", text(root, path),
                      re.S)
        if m is None:
            wrong.append("%s: no texts" % path)
            continue
        for row in TEXT_ROW.finditer(m[1]):
            if row[1] in rows:
                wrong.append("%s: %s is there twice" % (path, row[1]))
            rows[row[1]] = path, row.groups()[1:]
        rest = TEXT_ROW.sub("", re.sub(r"/\*.*?\*/", "", m[1], flags=re.S))
        if rest.strip():
            wrong.append("%s: not in every language: %s" % (
                path, rest.strip().split("\n")[0]))
    return rows, wrong


def rule_console_texts(root):
    """Every text is there in every language and with the same parameters,
    every one that is asked for is there, and none is there for nothing."""
    rows, wrong = console_texts(root)
    yield from wrong
    for key, (path, row) in rows.items():
        holes = {tuple(sorted(set(re.findall(r"\{(\w+)", x)))) for x in row}
        if len(holes) != 1 or not all(row):
            yield "%s: the languages of %s differ" % (path, key)
    used = set()
    for path in files(root):
        if not path.startswith(CONSOLE) or not path.endswith(".js") or \
                fnmatch.fnmatch(path, CONSOLE + "texts_*"):
            continue
        for n, line in enumerate(text(root, path).split("\n"), 1):
            for m in TEXT_USE.finditer(line):
                if m[2]:
                    used.update(k for k in rows if k.startswith(m[1]) and
                                "." in m[1])
                used.add(m[1])
            for key in re.findall(r"\bt\(" + STRING + r"\s*[,)]", line):
                if key not in rows:
                    yield "%s:%d: there is no text %s" % (path, n, key)
    for key, (path, _) in rows.items():
        if key not in used:
            yield "%s: nobody uses %s" % (path, key)


IMPORT = re.compile(r'import\s*\{([^}]*)\}\s*from\s*"\./([^"]+)"')
EXPORT = re.compile(r"(?m)^export (?:async )?(?:const|let|function|class) (\w+)"
                    r"|^export \{([^}]*)\}")


def rule_console_imports(root):
    """What one module takes from another is there (a browser would show an
    empty page), and used."""
    for path in files(root):
        if not path.startswith(CONSOLE) or not path.endswith(".js"):
            continue
        here = text(root, path)
        for m in IMPORT.finditer(here):
            there = os.path.join(os.path.dirname(path), m[2])
            if not os.path.exists(os.path.join(root, there)):
                continue                # pack.mjs says so
            given = set()
            for e in EXPORT.finditer(text(root, there)):
                given.update(re.findall(r"\w+", e[1] or e[2]))
            for name in m[1].split(","):
                if not name.strip():
                    continue
                theirs, _, ours = name.strip().partition(" as ")
                if theirs not in given:
                    yield "%s: %s has no %s" % (path, m[2], theirs)
                if not re.search(r"\b%s\b" % (ours or theirs),
                                 IMPORT.sub("", here)):
                    yield "%s: nobody uses %s" % (path, ours or theirs)


def rule_console_inert(root):
    for path in files(root):
        if not path.startswith(CONSOLE) or path.endswith(".svg"):
            continue
        for n, line in enumerate(text(root, path).split("\n"), 1):
            for what, why in FORBIDDEN.items():
                if re.search(what, line):
                    yield "%s:%d: %s: %s" % (path, n, why, line.strip())


# For each rule a tree that breaks it, and one that nearly does.
def body(lines):
    return "int\nf(void)\n{\n" + "\t;\n" * lines + "}\n"


TEXTS = "export const texts = {\n\t%s\n};\n"
BROKEN = {
    "layers": [{"base/a.c": '#include "mime/b.h"\n'},
               {"storage/share/a.c": '#include "storage/b.h"\n'},
               {"mime/a.h": '# include "storage/share/b.h"\n'},
               {"locking/a.c": '#include "server/ctl/b.h"\n'},
               {"base/a.c": '#include "tests/unit/b.h"\n'},
               {"base/a.c": '#include "b.h"\n'}],
    "doors": [{"storage/share/share_posix.c": "#include <nfsc/libnfs.h>\n"},
              {"server/ctl/a.c": "#include <sqlite3.h>\n"},
              {"storage/a.c": "#include <event2/event.h>\n"},
              {"storage/state.c": "#include <openssl/evp.h>\n"},
              {"server/ctl/a.c": "  #  include <jansson.h>\n"},
              {"mime/mime.c": "#include <iconv.h>\n"},
              {"storage/a.c": "#include <pthread.h>\n"}],
    "file_length": [{"base/a.c": "\n" * 1001}],
    "function_length": [{"base/a.c": body(101)}],
    "machine_paths": [{"docs/a.md": "see /home/" + "joe/x\n"},
                      {"base/a.c": '"/wo' + 'rk/x"\n'}],
    "scripts": [{"tests/a.py": "def f(:\n"},
                {"tests/run": "#!/bin/sh\nif true\n"}],
    "console_texts": [
        {CONSOLE + "texts_a.js": TEXTS % '"a.b": ["x"],',
         CONSOLE + "a.js": 't("a.b")'},
        {CONSOLE + "texts_a.js": TEXTS % '"a.b": ["x {n}", "y"],',
         CONSOLE + "a.js": 't("a.b")'},
        {CONSOLE + "texts_a.js": TEXTS % '"a.b": ["x", ""],',
         CONSOLE + "a.js": 't("a.b")'},
        {CONSOLE + "texts_a.js": TEXTS % '"a.b": ["x", "y"],',
         CONSOLE + "a.js": 't("a.b") + t("a.c", { n })'},
        {CONSOLE + "texts_a.js": TEXTS % '"a.b": ["x", "y"],',
         CONSOLE + "texts_b.js": TEXTS % '"a.b": ["x", "y"],',
         CONSOLE + "a.js": 't("a.b")'},
        {CONSOLE + "texts_a.js": TEXTS % '"a.b": ["x", "y"],'}],
    "console_imports": [
        {CONSOLE + "a.js": 'import { b, c } from "./b.js";\nb(c);\n',
         CONSOLE + "b.js": "export const b = 1;\nconst c = 2;\n"},
        {CONSOLE + "a.js": 'import { b } from "./b.js";\n',
         CONSOLE + "b.js": "export function b() {}\n"}],
    "console_inert": [
        {CONSOLE + "a.js": "x.innerHTML = y;\n"},
        {CONSOLE + "a.js": 'html`<p style="color: red">`\n'},
        {CONSOLE + "a.js": "html`<p onclick='x()'>`\n"},
        {CONSOLE + "a.js": "eval(x);\n"},
        {CONSOLE + "index.html": "<script>x()</script>\n"},
        {CONSOLE + "index.html": '<script src="//cdn.example/x.js">\n'},
        {CONSOLE + "style.css": "@import url(https://fonts.example/x);\n"}],
    "distributed": [{"Makefile.am": "x_SOURCES = base/a.c\n",
                     "base/a.c": "", "base/a.h": ""},
                    {"Makefile.am": "# for base and others\n",
                     "base/a.c": ""}],
}
WHOLE = {
    "layers": {"storage/a.c": '#include "base/a.h"\n#include "storage/b.h"\n'
                              '#include "storage/share/c.h"\n',
               "tests/unit/a.c": '#include "server/ctl/b.h"\n'},
    "doors": {"storage/share/share_nfs.c": "#include <nfsc/libnfs.h>\n",
              "tests/unit/a.c": "#include <sqlite3.h>\n",
              "base/loop.c": "#include <event2/event.h>\n"},
    "file_length": {"base/a.c": "\n" * 1000},
    "function_length": {"base/a.c": body(100) * 2},
    "machine_paths": {"docs/a.md": "https://example.org/home/joe $x/tmp/y\n"},
    "scripts": {"tests/a.py": "def f():\n\tpass\n",
                "tests/run": "#!/bin/sh\nif true; then :; fi\n"},
    "console_texts": {CONSOLE + "texts_a.js": TEXTS %
                      '"a.b": ["x {n|y|z}",\n\t\t"\\"u\\" {n|v|w}"],\n'
                      '\t"a.c_d": ["{x} {y}", "{y} {x}"],',
                      CONSOLE + "a.js": 't("a.b", { n }); t("a.c_" + d);'},
    "console_imports": {
        CONSOLE + "a.js": 'import { b, c as x,\n\td } from "./b.js";\n'
                          'b(x, d);\n',
        CONSOLE + "b.js": "export async function b() {}\nexport { c, d };\n"},
    "console_inert": {CONSOLE + "a.js": "html`<p style=${{ width }}>`\n"
                                        'html`<a href="/x" onClick=${f}>`\n'},
    "distributed": {"Makefile.am": "x_SOURCES = base/a.c base/a.h\n",
                    "base/a.c": "", "base/a.h": ""},
}


def self_test(name):
    rule = RULES[name]

    def breaks(tree):
        with tempfile.TemporaryDirectory() as root:
            for path, content in tree.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)) or root,
                            exist_ok=True)
                with open(os.path.join(root, path), "w") as f:
                    f.write(content)
            return list(rule(root))

    for tree in BROKEN[name]:
        if not breaks(tree):
            yield "%s does not notice %r" % (name, tree)
    for why in breaks(WHOLE[name]):
        yield "%s objects to what is right: %s" % (name, why)


RULES = {k[len("rule_"):]: v for k, v in sorted(globals().items())
         if k.startswith("rule_")}


def main(argv):
    if argv[1:] == ["list"]:
        print("\n".join(RULES))
        return 0
    if argv[1] == "self-test":
        found = list(self_test(argv[2]))
    else:
        found = list(RULES[argv[1]](argv[2]))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
