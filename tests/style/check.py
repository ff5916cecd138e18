#!/usr/bin/env python3
"""Checks of the sources that no compiler makes.

usage: check.py CHECK [--root DIR] [--commands compile_commands.json]

Each check prints `path:line: what is wrong` and leaves with 1 when it found anything. Without --commands the
newest build below build/ tells what is compiled.
"""
import argparse
import fnmatch
import glob
import json
import os
import re
import shutil
import subprocess
import sys

C_ENDS = (".c", ".h")
CODE_DIRS = ("plugin/", "sdk-shim/", "tests/")
LONGEST_FILE_LINES = 800


class Tree:
    def __init__(self, root, commands):
        self.root = os.path.realpath(root)
        self.commands = commands or self._newest_commands()
        self.paths = self._list()

    def _newest_commands(self):
        found = glob.glob(os.path.join(self.root, "build", "*", "compile_commands.json"))
        return max(found, key=os.path.getmtime, default=None)

    def _list(self):
        """What is committed, or about to be; without git, every file outside generated folders."""
        if os.path.exists(os.path.join(self.root, ".git")) and shutil.which("git"):
            out = subprocess.run(
                ["git", "-c", "safe.directory=*", "-C", self.root, "ls-files", "-z",
                 "--cached", "--others", "--exclude-standard"],
                check=True, stdout=subprocess.PIPE).stdout.decode()
            found = [p for p in out.split("\0") if p]
        else:
            found = []
            for folder, dirs, files in os.walk(self.root):
                dirs[:] = [d for d in dirs if d not in (".git", "node_modules", "dist", "build", "var")]
                found += [os.path.relpath(os.path.join(folder, f), self.root) for f in files]
        return sorted(p for p in set(found) if os.path.isfile(os.path.join(self.root, p)))

    def ending(self, *ends, under=("",)):
        return [p for p in self.paths if p.endswith(ends) and p.startswith(tuple(under))]

    def text(self, path):
        with open(os.path.join(self.root, path), "rb") as f:
            data = f.read()
        return "" if b"\0" in data[:8000] else data.decode("utf-8", "replace")

    def compiled(self):
        """path -> compile command, of the sources that the build knows."""
        if not self.commands or not os.path.exists(self.commands):
            sys.exit("this check needs --commands with an existing compile_commands.json")
        with open(self.commands, encoding="utf-8") as f:
            entries = json.load(f)
        return {os.path.relpath(os.path.realpath(os.path.join(e["directory"], e["file"])), self.root):
                e.get("command") or " ".join(e["arguments"]) for e in entries}


TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def bare_c(text):
    """C without comments and literals, on the same lines."""
    return TOKENS.sub(lambda m: '""' + "\n" * m.group().count("\n"), text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def calls(names):
    return re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(names))


BANNED = calls("sprintf vsprintf strcpy strcat strncpy gets strtok atoi atol atoll atof "
               "setlocale localtime gmtime rand srand alloca".split())
# Its last argument. A program built for release ends when that buffer is smaller, however short the path.
REALPATH = re.compile(r"\brealpath\s*\([^;{}]*?,\s*([^,;{}()]+?)\s*\)")
# A library must not start programs or end the process of the one that loaded it.
BANNED_IN_LIBRARIES = calls("system popen exit abort".split())
LIBRARIES = ("plugin/", "sdk-shim/kit/", "sdk-shim/host/")


def is_program(path):
    return os.path.basename(path) in ("main.c", "demo.c") or "/demo/" in path


def check_banned(tree):
    for path in tree.ending(*C_ENDS, under=CODE_DIRS):
        text = bare_c(tree.text(path))
        wanted = [BANNED]
        if path.startswith(LIBRARIES) and not is_program(path):
            wanted.append(BANNED_IN_LIBRARIES)
        for pattern in wanted:
            for m in pattern.finditer(text):
                yield path, line_of(text, m.start()), "%s is not used here" % m.group(1)
        for m in REALPATH.finditer(text):
            buffer = m.group(1)
            if buffer != "NULL" and not re.search(r"\bchar %s\[PATH_MAX\]" % re.escape(buffer), text):
                yield path, line_of(text, m.start()), "realpath writes into PATH_MAX bytes, or into NULL"
        if path.startswith(("plugin/", "sdk-shim/host/")):
            for m in re.finditer(r"\btypedef\s+(struct|union)\b", text):
                yield path, line_of(text, m.start()), "no typedef of a %s" % m.group(1)


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
# What may be included from where: folder -> folders whose headers it must never reach.
FORBIDDEN_ARROWS = (
    ("plugin/", ("sdk-shim/host/", "sdk-shim/console/")),
    ("sdk-shim/host/", ("plugin/",)),
    ("sdk-shim/kit/", ("plugin/", "sdk-shim/host/")),
    ("sdk-shim/include/", ("plugin/", "sdk-shim/host/", "sdk-shim/kit/")),
    ("sdk-shim/template/", ("plugin/", "sdk-shim/host/")),
) + tuple(("plugin/%s/" % a, tuple("plugin/%s/" % b for b in ("map", "analysis", "supervise", "safety") if b != a))
          for a in ("map", "analysis", "supervise", "safety"))
# Which database and which HTTP library run is the host's business.
FORBIDDEN_HEADERS = (("plugin/", ("sqlite3.h", "libpq-fe.h", "microhttpd.h")),
                     ("sdk-shim/kit/", ("sqlite3.h", "libpq-fe.h", "microhttpd.h")))


def check_includes(tree):
    headers = tree.ending(".h")
    for path in tree.ending(*C_ENDS, under=("plugin/", "sdk-shim/")):
        text = tree.text(path)
        for m in INCLUDE.finditer(text):
            name, line = m.group(2), line_of(text, m.start())
            for folder, names in FORBIDDEN_HEADERS:
                if path.startswith(folder) and name in names:
                    yield path, line, "%s is not for %s" % (name, folder)
            if m.group(1) == "<" and not name.startswith("cim/"):
                continue
            beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
            plain = os.path.normpath(name).lstrip("./")
            if beside in headers:
                meant = [beside]
            else:
                meant = [h for h in headers if h.endswith("/" + plain) or h == plain]
            home = [h for h in meant if h.split("/")[:2] == path.split("/")[:2]]
            for folder, banned in FORBIDDEN_ARROWS:
                if not path.startswith(folder):
                    continue
                reached = [h for h in (home or meant) if h.startswith(banned)]
                if reached:
                    yield path, line, "%s must not include %s" % (folder, reached[0])
    for path, command in tree.compiled().items():
        # Include folders of the build tree mirror the source tree: build/x/sdk-shim/host/include.
        for side, other in (("plugin/", "/sdk-shim/host/"), ("sdk-shim/host/", "/plugin/")):
            if path.startswith(side):
                for word in re.findall(r"-(?:I|isystem|iquote)\s*(\S+)", command):
                    reached = os.path.relpath(os.path.realpath(word), tree.root)
                    if other in "/" + reached + "/":
                        yield path, 1, "is compiled with the include path %s" % reached


def check_sources(tree):
    """A source that no target compiles is dead, and warnings never reach it."""
    compiled = tree.compiled()
    # Benchmarks and libFuzzer targets are built only when asked for.
    unbuilt = tuple(d for d in ("tests/bench/", "tests/fuzz/")
                    if not any(p.startswith(d) for p in compiled))
    for path in tree.ending(".c", under=CODE_DIRS):
        if path not in compiled and not (unbuilt and path.startswith(unbuilt)):
            yield path, 1, "no target compiles it"


def check_format(tree):
    files = [p for p in tree.ending(*C_ENDS, under=CODE_DIRS)]
    for first in range(0, len(files), 50):
        done = subprocess.run(["clang-format-14", "--dry-run", "-Werror"] + files[first:first + 50],
                              cwd=tree.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for m in re.finditer(r"^(\S+?):(\d+):\d+: error: (.*)$", done.stdout.decode(), re.M):
            yield m.group(1), int(m.group(2)), m.group(3)
        if done.returncode != 0 and b" error: " not in done.stdout:
            yield "clang-format-14", 0, done.stdout.decode().strip()


def check_size(tree):
    for path in tree.ending(".c", ".h", ".ts", ".vue", ".py", ".sql", ".css"):
        lines = tree.text(path).count("\n")
        if lines > LONGEST_FILE_LINES:
            yield path, lines, "is longer than %d lines" % LONGEST_FILE_LINES


MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|farm|root|home/\w+)/")
LOCK_ADDRESS = re.compile(r'"resolved"\s*:\s*"[a-z]+:')
MARKS = re.compile(r"\b(?:%s)\b" % "|".join(("TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK")))


def check_clean(tree):
    """Nothing of one machine, no download address in a lock file, no mark of unfinished work."""
    for path in tree.paths:
        text = tree.text(path)
        lock = os.path.basename(path) == "package-lock.json"
        for n, line in enumerate(text.split("\n"), 1):
            if MACHINE_PATH.search(line):
                yield path, n, "names a path of one machine"
            if lock and LOCK_ADDRESS.search(line):
                yield path, n, "names the address of a package"
            if not lock and MARKS.search(line):
                yield path, n, "is marked as unfinished"
        if os.path.basename(path) == ".npmrc" and re.search(r"registry\s*=", text):
            yield path, 1, "sets a package registry"


def check_json(tree):
    for path in tree.ending(".json", "plugin.manifest", under=("layers/", "styles/", "plugin/", "sdk-shim/", "CMake")):
        try:
            json.loads(tree.text(path))
        except ValueError as e:
            yield path, getattr(e, "lineno", 1), str(e)


def untitled(name, schema, is_output):
    """What a report or a form would show by the name that programs know."""
    kinds = schema.get("oneOf", [schema])
    said = {key for key in schema if key.startswith("x-")}
    if is_output and not said & {"x-columns", "x-members", "x-properties-of", "x-report"}:
        for kind in kinds:
            if kind.get("format") == "geojson-feature-collection" or kind.get("type") == "array" and "items" not in kind:
                yield "%s: no x-columns" % name
            elif kind.get("type") == "object" and "format" not in kind:
                yield "%s: no x-members" % name
    for one in (schema, schema.get("items", {})):
        if any(len(value) > 2 for value in one.get("enum", [])) and "x-values" not in one:
            yield "%s: no x-values" % name
        for value, named in one.get("x-values", {}).items():
            if not {"zh", "en"} <= named.keys():
                yield "%s: %s has no name in one of the languages" % (name, value)
    for member, named in schema.get("x-members", {}).items():
        yield from untitled("%s.%s" % (name, member), named, False)


def check_titles(tree):
    for path in tree.ending(".process.json", under=("plugin/",)):
        text = tree.text(path)
        process = json.loads(text)
        for part in ("inputs", "outputs"):
            for name, described in process[part].items():
                for what in untitled(name, described["schema"], part == "outputs"):
                    yield path, line_of(text, text.index('"%s": {' % name)), what


def check_shell(tree):
    files = [p for p in tree.paths
             if p.startswith(("script/", ".ci/", "tests/")) and
             (p.endswith(".sh") or tree.text(p)[:20].startswith(("#!/usr/bin/env bash", "#!/bin/bash", "#!/bin/sh")))]
    done = subprocess.run(["shellcheck", "-x", "-f", "gcc"] + files, cwd=tree.root, stdout=subprocess.PIPE)
    for line in done.stdout.decode().splitlines():
        m = re.match(r"(\S+?):(\d+):\d+: (.*)", line)
        if m:
            yield m.group(1), int(m.group(2)), m.group(3)
    for path in files:
        if tree.text(path).startswith("#!") and not os.access(os.path.join(tree.root, path), os.X_OK):
            yield path, 1, "has no run bit"


def check_controls(tree):
    """Each test that docs/security.md names for a control is one of CTest's."""
    path, heading = "docs/security.md", "## Controls "
    if path not in tree.paths:
        return
    listed = subprocess.run(["ctest", "--test-dir", os.path.dirname(tree.commands), "-N"], stdout=subprocess.PIPE)
    tests = re.findall(r"Test +#\d+: (\S+)", listed.stdout.decode())
    text = tree.text(path)
    at = text.index(heading) if heading in text else len(text)
    for n, line in enumerate(text[at:].split("\n"), text[:at].count("\n") + 1):
        cells = line.strip("|").split("|")
        for name in re.findall(r"`([a-z][a-z0-9_.*]*)`", cells[2]) if line.startswith("|") and len(cells) == 3 else ():
            if not fnmatch.filter(tests, name):
                yield path, n, "no test is called %s" % name


CHECKS = {name[6:]: f for name, f in list(globals().items()) if name.startswith("check_")}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("check", choices=sorted(CHECKS))
    args.add_argument("--root", default=os.path.join(os.path.dirname(__file__), "..", ".."))
    args.add_argument("--commands")
    given = args.parse_args()
    found = list(CHECKS[given.check](Tree(given.root, given.commands)))
    for path, line, what in found:
        print("%s:%d: %s" % (path, line, what))
    print("style.%s: %d found" % (given.check, len(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
