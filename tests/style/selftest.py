#!/usr/bin/env python3
"""Every style check must find the fault planted for it, where it was planted, and nothing in the sound tree."""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
here = os.path.dirname(os.path.realpath(__file__))
CHECK = os.path.join(here, "check.py")

SOUND = {
    "plugin/entry.c": '#include "entry.h"\n\n#include <cim/plugin.h>\n\n/* strcpy( in a comment is no call */\n'
                      'const char *lpg_words = "atoi(1)";\n',
    "plugin/entry.h": "extern const char *lpg_words;\n",
    "sdk-shim/include/cim/plugin.h": "extern int cim_version;\n",
    "sdk-shim/host/serve.h": "extern int host_port;\n",
    "sdk-shim/host/main.c": '#include "serve.h"\n\nint host_port = 8080;\n',
    "layers/enterprises.json": "{}\n",
    "script/server": "#!/usr/bin/env bash\necho ready\n",
}
UNLISTED = "plugin/unlisted.c"
# check, or check/kind of fault -> file, its bad text, a line on which it must be found
FAULTS = {
    "banned": ("plugin/bad.c", "#include <string.h>\n\nvoid *lpg_bad(char *a, const char *b);\nvoid *\n"
               "lpg_bad(char *a, const char *b)\n{\n    return strcpy(a, b);\n}\n", 7),
    "banned/realpath": ("plugin/bad.c", "int lpg_bad(const char *path);\nint\nlpg_bad(const char *path)\n{\n"
                        "    char real[1000];\n    return realpath(path, real) != NULL;\n}\n", 6),
    "includes": ("plugin/bad.c", '#include "serve.h"\nint lpg_bad;\n', 1),
    "sources": (UNLISTED, "int lpg_unlisted;\n", 1),
    "format": ("plugin/bad.c", "int   lpg_bad;\n", 1),
    "size": ("plugin/bad.h", "int lpg_bad;\n" * 801, 801),
    "clean": ("docs/bad.md", "fine\nsee /" + "root/notes\n", 2),
    "json": ("layers/bad.json", '{"id": 1\n "x": 2}\n', 2),
    "titles": ("plugin/bad.process.json", '{"inputs": {}, "outputs": {\n"grid": {"schema": {"type": "object"}}}}\n', 2),
    "titles/languages": ("plugin/bad.process.json", '{"inputs": {}, "outputs": {\n"m": {"schema": {"x-members": '
                         '{"name": {"x-values": {"a": {"zh": "甲"}}}}}}}}\n', 2),
    "titles/values": ("plugin/bad.process.json", '{"outputs": {},\n"inputs": {"by": {"schema": {"enum": ["time"]}}}}\n', 2),
    "controls": ("docs/security.md", "## Controls of a kind\n\n| a | b | `no_such_test` |\n", 3),
    "shell": ("script/bad", "#!/usr/bin/env bash\necho $1\n", 2),
}


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as f:
        f.write(text)
    if path.startswith("script/"):
        os.chmod(full, 0o755)


def run(root, check):
    commands = os.path.join(root, "build", "compile_commands.json")
    os.makedirs(os.path.dirname(commands), exist_ok=True)
    with open(commands, "w", encoding="utf-8") as f:
        json.dump([{"directory": root, "file": p, "command": "cc -Isdk-shim/include -c " + p}
                   for p in ("plugin/entry.c", "plugin/bad.c", "sdk-shim/host/main.c")], f)
    done = subprocess.run([sys.executable, CHECK, check, "--root", root, "--commands", commands],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode()


def main():
    spec = importlib.util.spec_from_file_location("check", CHECK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    wrong = ["no fault is planted for %s" % c for c in module.CHECKS if c not in FAULTS]
    for fault, (path, text, line) in sorted(FAULTS.items()):
        check = fault.split("/")[0]
        with tempfile.TemporaryDirectory() as root:
            with open(os.path.join(here, "..", "..", ".clang-format"), encoding="utf-8") as f:
                write(root, ".clang-format", f.read())
            for sound_path, sound in SOUND.items():
                write(root, sound_path, sound)
            code, out = run(root, check)
            if code != 0:
                wrong.append("%s complains of a sound tree:\n%s" % (check, out))
            write(root, path, text)
            code, out = run(root, check)
            if code != 1 or "%s:%d: " % (path, line) not in out:
                wrong.append("%s did not find %s:%d:\n%s" % (check, path, line, out))
    for w in wrong:
        print(w)
    print("style.selftest: %d checks tried, %d wrong" % (len(FAULTS), len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
