#!/usr/bin/env python3
"""Gathers the whole SQL statements that stand in our C files, as the preprocessor leaves them, and runs
COMMAND with them in a file: one after the other, each ended by a NUL. Those that are put together at run
time are tried where they are made.

  statements.py COMPILE_COMMANDS_JSON ROOT COMMAND...
"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

# What the drivers ask is their own database's SQL.
DRIVERS = ("sdk-shim/host/store/sqlite/", "sdk-shim/host/store/pg/")
FOLDERS = ("sdk-shim/host/", "plugin/")
LEAST = 150  # fewer: the pattern below finds them no more
LITERALS = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*')
STATEMENT = re.compile(r"\s*(select\s.*\sfrom\s|insert into\s|update\s+\w+\s+set\s|delete from\s|with\s+\w+\s+as\s)", re.I | re.S)
CUT_OFF = re.compile(r"(\s|\(|=|,|\b(and|or|where|from|set|values|in|by|limit))\s*$", re.I)


def preprocessed(entry):
    words = [w for w in shlex.split(entry["command"]) if not w.endswith("ccache")]
    at = words.index("-o")
    words = [w for w in words[:at] + words[at + 2:] if w not in ("-c", "-MD")]
    words = [w for i, w in enumerate(words) if w not in ("-MT", "-MF") and (i == 0 or words[i - 1] not in ("-MT", "-MF"))]
    done = subprocess.run(words + ["-E", "-P"], cwd=entry["directory"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def statements(text):
    for match in LITERALS.finditer(text):
        sql = "".join(re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], part[1:-1])
                      for part in re.findall(r'"(?:[^"\\]|\\.)*"', match.group()))
        whole = STATEMENT.match(sql) and "%" not in sql.replace("%%", "") and not CUT_OFF.search(sql)
        if whole and sql.count("(") == sql.count(")"):
            yield sql


def main():
    entries, root, command = json.load(open(sys.argv[1])), os.path.realpath(sys.argv[2]), sys.argv[3:]
    found = {}
    for entry in entries:
        path = os.path.relpath(os.path.realpath(entry["file"]), root)
        if path.startswith(FOLDERS) and not path.startswith(DRIVERS):
            with open(entry["file"]) as f:
                if not re.search(r'"\s*(select|insert into|update|delete from|with) ', f.read()):
                    continue
            for sql in statements(preprocessed(entry)):
                found.setdefault(sql, path)
    if len(found) < LEAST:
        sys.exit("only %d statements were found" % len(found))
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as out:
        for sql, path in found.items():
            out.write("%s\n%s\0" % (path, sql))
        out.flush()
        sys.exit(subprocess.run(command + [out.name], check=False).returncode)


main()
