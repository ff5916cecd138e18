#!/usr/bin/env python3
"""cim-host as an operator meets it: verbs, lock, settings, serving, metrics, stopping.

usage: test_host.py --host CIM_HOST --plugins DIR --template DIR --unruly DIR [unittest arguments]
"""
import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

ARGS = None
PASSWORD = "Test-only-1!"
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("CIM_")}


class Platform:
    """A data directory, the verbs over it, and at most one serving process."""

    def __init__(self, plugins=None):
        self.var = tempfile.mkdtemp(prefix="cim-host-")
        self.plugins = plugins or ARGS.plugins
        self.process = None
        self.url = None
        self.log = os.path.join(self.var, "serve.log")

    def run(self, *words, stdin=None, env=None, fails=False):
        done = subprocess.run(
            [ARGS.host, words[0], "--var", self.var, "--plugins.dirs", self.plugins,
             "--log.format=text", *words[1:]],
            input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, text=True,
            env=dict(CLEAN, **(env or {})))
        if (done.returncode != 0) != fails:
            raise AssertionError("%s left with %d:\n%s%s" % (words, done.returncode, done.stdout, done.stderr))
        return done.stdout + done.stderr

    def serve(self, *flags):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [ARGS.host, "serve", "--var", self.var, "--plugins.dirs", self.plugins, "--port=0",
                 "--log.format=json", *flags],
                stdout=subprocess.PIPE, stderr=log, text=True, env=CLEAN)
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise AssertionError("no address printed:\n" + self.read_log())
        for _ in range(200):
            if self.get("/ready")[0] == 200:
                return
            time.sleep(0.05)
        raise AssertionError("never ready:\n" + self.read_log())

    def read_log(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def get(self, path, token=None, method="GET", body=None, headers=None):
        request = urllib.request.Request(self.url.rstrip("/") + path, method=method, data=body,
                                         headers=headers or {})
        if token:
            request.add_header("Authorization", "Bearer " + token)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()

    def token(self, username="admin"):
        body = json.dumps({"username": username, "password": PASSWORD}).encode()
        status, _, text = self.get("/auth/token", method="POST", body=body,
                                   headers={"Content-Type": "application/json"})
        assert status == 200, text
        return json.loads(text)["access_token"]

    def stop(self, number=signal.SIGTERM, timeout=60):
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.process = None
        return code

    def close(self):
        try:
            code = self.stop()
            if code != 0:
                raise AssertionError("the host left with %d:\n%s" % (code, self.read_log()))
        finally:
            shutil.rmtree(self.var)


class HostTest(unittest.TestCase):
    plugins = None

    def setUp(self):
        self.host = Platform(self.plugins)
        self.addCleanup(self.host.close)

    def add_admin(self, roles="platform-admin"):
        self.host.run("user", "add", "admin", "--roles", roles, "--areas=*", "--password-file=-",
                      stdin=PASSWORD + "\n")


class Verbs(HostTest):
    def test_help_names_every_verb_in_both_languages(self):
        text = self.host.run("--help")
        for verb in ("serve", "migrate", "plugin", "areas", "import", "export", "user", "token", "audit", "batch",
                     "retention", "doctor"):
            self.assertRegex(text, r"(?m)^  %s +\S*[\u4e00-\u9fff].* / [a-zA-Z]" % verb)
            self.assertRegex(self.host.run(verb, "--help"), "[\u4e00-\u9fff]")
        self.assertRegex(subprocess.run([ARGS.host, "--version"], stdout=subprocess.PIPE, text=True).stdout,
                         r"^cim-host \d+\.\d+\.\d+$")

    def test_unknown_verb_option_and_setting_are_named(self):
        for words, named in ((("fly",), "fly"),
                             (("plugin", "--wings"), "--wings"),
                             (("migrate", "--http.sport=1"), "http.sport"),
                             (("migrate", "--http.port=1x"), "http.port"),
                             (("migrate", "--retention.audit_days=179"), "retention.audit_days"),
                             (("import", "x.json"), "--layer"),
                             (("user", "add"), "user add NAME")):
            self.assertIn(named, self.host.run(*words, fails=True))
        self.assertIn("CIM_HTTP_SPORT", self.host.run("migrate", env={"CIM_HTTP_SPORT": "1"}, fails=True))
        config = os.path.join(self.host.var, "bad.json")
        with open(config, "w", encoding="utf-8") as f:
            f.write('{"http.port": 80,\n "http.workers" 4}')
        text = self.host.run("migrate", "--config", config, fails=True)
        self.assertIn(config, text)
        self.assertIn("line 2", text)

    def test_migrate_twice_changes_nothing(self):
        self.assertIn("0001_identity.sql", self.host.run("migrate"))
        self.assertNotIn(".sql", self.host.run("migrate"))
        self.assertEqual(0o600, os.stat(os.path.join(self.host.var, "platform.db")).st_mode & 0o777)

    def test_accounts(self):
        self.add_admin()
        self.assertIn("platform-admin", self.host.run("user", "list"))
        self.assertIn("8", self.host.run("user", "add", "weak", "--roles=platform-admin", "--password-file=-",
                                         stdin="short\n", fails=True))
        self.assertNotIn("weak", self.host.run("user", "list"))
        self.assertIn("nobody", self.host.run("user", "passwd", "nobody", "--password-file=-",
                                              stdin=PASSWORD + "\n", fails=True))
        self.host.run("user", "passwd", "admin", "--password-file=-", stdin="Another-1!\n")
        token = self.host.run("token", "admin", "--hours=1").split("\n")[0].strip()
        self.assertRegex(token, "^[0-9a-f]{64}$")
        self.host.serve()
        self.assertEqual(200, self.host.get("/auth/me", token)[0])
        self.assertEqual(401, self.host.get("/auth/me", token[:-1] + "x")[0])
        body = json.dumps({"username": "admin", "password": PASSWORD}).encode()
        self.assertEqual(401, self.host.get("/auth/token", method="POST", body=body)[0])

    def test_there_are_no_default_accounts(self):
        """Nobody is let in before the operator makes the first account, also not with the plugins on."""
        self.host.run("migrate")
        self.host.run("plugin", "enable", "lpg")
        with sqlite3.connect(os.path.join(self.host.var, "platform.db")) as db:
            self.assertEqual(0, db.execute("select count(*) from cim_account").fetchone()[0])
        self.host.serve()
        for name in ("admin", "root", "cim", "system"):
            for path in ("/auth/token", "/auth/login"):
                body = json.dumps({"username": name, "password": name}).encode()
                self.assertEqual(401, self.host.get(path, None, "POST", body, {"Content-Type": "application/json"})[0])
        # And who is asked listens at one port, for this machine alone.
        self.assertEqual([self.host.url.split("//")[1].rstrip("/")], self.listening())

    def listening(self):
        """Addresses on which the host and its worker take connections."""
        def children(pid):
            with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
                return [each for child in file.read().split() for each in (int(child), *children(int(child)))]
        sockets = set()
        for pid in (self.host.process.pid, *children(self.host.process.pid)):
            for name in os.listdir("/proc/%d/fd" % pid):
                with contextlib.suppress(OSError):
                    sockets.add(os.readlink("/proc/%d/fd/%s" % (pid, name)))
        found = []
        for family in ("tcp", "tcp6"):
            with open("/proc/net/" + family, encoding="ascii") as file:
                for line in file.read().splitlines()[1:]:
                    words = line.split()
                    if words[3] == "0A" and "socket:[%s]" % words[9] in sockets:
                        host, port = words[1].split(":")
                        found.append("%s:%d" % (socket.inet_ntop(
                            socket.AF_INET if family == "tcp" else socket.AF_INET6, bytes.fromhex(host)[::-1]), int(port, 16)))
        return found

    def test_one_process_has_the_data_directory(self):
        self.host.serve()
        for words in (("migrate",), ("user", "list"), ("token", "x")):
            text = self.host.run(*words, fails=True)
            self.assertIn(str(self.host.process.pid), text)
            self.assertIn("cim-host serve", text)
        self.assertIn(str(self.host.process.pid), self.host.run("doctor"))
        self.host.process.kill()
        self.host.process.wait()
        self.host.process.stdout.close()
        self.host.process = None
        self.host.run("migrate")  # a killed host leaves no lock behind

    def test_plugins_are_listed_enabled_and_disabled(self):
        self.assertRegex(self.host.run("plugin", "list"), r"lpg +\S+ +disabled")
        self.assertIn("lpg", self.host.run("plugin", "enable", "lpg"))
        self.assertRegex(self.host.run("plugin", "list"), r"lpg +\S+ +enabled")
        self.host.run("plugin", "disable", "lpg")
        self.assertRegex(self.host.run("plugin", "list"), r"lpg +\S+ +disabled")
        self.assertIn("nothing", self.host.run("plugin", "enable", "nothing", fails=True))

    def test_areas_are_imported_whole_or_not_at_all(self):
        path = os.path.join(self.host.var, "areas.csv")
        head = "code,name,level,parent,aliases,valid_from,valid_to,managed_by\n"
        with open(path, "w", encoding="utf-8") as f:
            f.write(head + "460000,海南省,province,,,,,\n460100,海口市,city,460000,,,,\n")
        self.assertIn("2", self.host.run("areas", "import", path))
        with open(path, "w", encoding="utf-8") as f:
            f.write(head + "460000,海南省,province,,,,,\n460200,三亚市,city,469999,,,,\n")
        self.assertIn("469999", self.host.run("areas", "import", path, fails=True))
        self.assertIn("areas: 2", self.host.run("doctor"))


class Control(HostTest):
    """What the command line may do while the platform serves."""

    def test_plugins_are_switched_through_the_running_platform(self):
        self.add_admin("platform-admin,regulator")
        self.host.serve()
        token = self.host.token()
        self.assertRegex(self.host.run("plugin", "list"), r"lpg +\S+ +disabled")
        text = self.host.run("plugin", "enable", "lpg", "--dry-run")
        self.assertIn("0001_base.sql", text)
        self.assertIn("nothing was changed", text)
        self.assertRegex(self.host.run("plugin", "list"), r"lpg +\S+ +disabled")
        with sqlite3.connect(os.path.join(self.host.var, "cim.gpkg")) as other:
            self.assertEqual([], other.execute("select name from sqlite_schema where name = 'lpg_station'").fetchall())
        text = self.host.run("plugin", "enable", "lpg")
        self.assertRegex(text, r"1/\d+ 0001_base.sql")
        self.assertEqual(200, self.host.get("/collections/lpg.stations/items", token)[0])
        text = self.host.run("plugin", "disable", "lpg")
        self.assertLess(text.index("Kept: all records"), text.index("is disabled"))
        self.assertEqual(503, self.host.get("/collections/lpg.stations/items", token)[0])
        self.assertIn("no plugin nothing", self.host.run("plugin", "enable", "nothing", fails=True))
        self.assertEqual(0o600, os.stat(os.path.join(self.host.var, "cim-host.sock")).st_mode & 0o777)
        self.host.stop()
        self.assertFalse(os.path.exists(os.path.join(self.host.var, "cim-host.sock")))

    def test_rubbish_on_the_socket_is_refused_and_nothing_else_happens(self):
        self.host.serve("--no-supervisor")
        path = os.path.join(self.host.var, "cim-host.sock")
        for sent in (b"\n", b"plugin\n", b"plugin enable\n", b"\xff\x00\n", b"x" * 9000 + b"\n", b"fly away\n", b""):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                answer = client.recv(9000)
                self.assertTrue(answer == b"" or answer.startswith(b"error "), (sent[:20], answer))
        self.assertIn("without a supervisor", self.host.run("upgrade", fails=True))
        self.assertEqual(200, self.host.get("/health")[0])

    def test_upgrade_from_the_command_line(self):
        self.host.serve()
        self.host.run("upgrade")
        for _ in range(400):
            if "has drained" in self.host.read_log():
                break
            time.sleep(0.05)
        self.assertIn("has drained", self.host.read_log())
        self.assertEqual(200, self.host.get("/ready")[0])
        self.assertIn("disabled", self.host.run("plugin", "list"))


class Signatures(HostTest):
    """Only what a trusted key signed is enabled, where keys are named."""

    def setUp(self):
        self.bundle = tempfile.mkdtemp(prefix="cim-signed-")
        self.addCleanup(shutil.rmtree, self.bundle)
        self.plugin = os.path.join(self.bundle, "unruly")
        self.keys = os.path.join(self.bundle, "keys")
        shutil.copytree(ARGS.unruly, self.plugin)
        os.mkdir(self.keys)
        self.plugins = self.plugin
        super().setUp()
        for name in ("ours", "theirs"):
            self.openssl("genpkey", "-algorithm", "ed25519", "-out", self.at(name))
        self.openssl("pkey", "-in", self.at("ours"), "-pubout", "-out", os.path.join(self.keys, "ours.pem"))
        self.manifest = os.path.join(self.plugin, "plugin.manifest")
        with open(self.manifest, encoding="utf-8") as f:
            self.text = json.load(f)
        self.text["checksums"] = {"unruly.so": self.sum("unruly.so")}
        self.write()

    def at(self, name):
        return os.path.join(self.bundle, name + ".key")

    def openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sum(self, name):
        with open(os.path.join(self.plugin, name), "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()

    def write(self):
        with open(self.manifest, "w", encoding="utf-8") as f:
            json.dump(self.text, f)

    def sign(self, key):
        self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.at(key), "-in", self.manifest,
                     "-out", self.manifest + ".sig")

    def enable(self, refused=None):
        text = self.host.run("plugin", "enable", "unruly", "--plugins.keys=" + self.keys, fails=refused is not None)
        self.assertIn(refused or "is enabled", text)

    def test_signed_by_a_trusted_key_or_not_at_all(self):
        self.enable("expected the manifest's Ed25519 signature")
        self.sign("theirs")
        self.enable("no signature of this manifest by a trusted key")
        self.sign("ours")
        self.enable()
        self.host.run("plugin", "disable", "unruly")
        self.text["version"] = "1.0.1"
        self.write()
        self.enable("no signature of this manifest by a trusted key")

    def test_what_the_signature_does_not_cover_is_refused(self):
        self.sign("ours")
        extra = os.path.join(self.plugin, "layers", "more.json")
        os.mkdir(os.path.dirname(extra))
        with open(extra, "w", encoding="utf-8") as f:
            f.write("{}")
        self.enable("layers/more.json is not in the manifest's checksums")
        os.remove(extra)
        with open(os.path.join(self.plugin, "unruly.so"), "ab") as f:
            f.write(b"x")
        self.enable("has SHA-256")

    def test_keys_that_are_none_are_named(self):
        self.sign("ours")
        with open(os.path.join(self.keys, "a.pem"), "w", encoding="utf-8") as f:
            f.write("rubbish")
        self.enable("a.pem is no Ed25519 public key")
        shutil.rmtree(self.keys)
        self.enable("expected 1 to 100 public keys")


class Serving(HostTest):
    def test_health_ready_and_what_needs_sign_in(self):
        self.add_admin()
        self.host.serve()
        status, headers, body = self.host.get("/health")
        self.assertEqual((200, "ok"), (status, json.loads(body)["status"]))
        self.assertEqual("nosniff", headers["X-Content-Type-Options"])
        self.assertEqual(200, self.host.get("/ready")[0])
        for path in ("/metrics", "/collections", "/styles", "/basemaps", "/auth/me"):
            self.assertEqual(401, self.host.get(path)[0], path)
        for path in ("/", "/conformance", "/api"):
            self.assertEqual(200, self.host.get(path)[0], path)

    def test_metrics_count_what_was_asked(self):
        self.add_admin()
        self.host.serve()
        token = self.host.token()
        for _ in range(3):
            self.host.get("/health")
        self.host.get("/none")
        text = self.host.get("/metrics", token)[2].decode()
        values = dict(re.findall(r"(?m)^(\S+(?:\{[^}]*\})?) (\S+)$", text))
        self.assertGreaterEqual(int(values["cim_http_requests_total"]), 6)
        self.assertGreaterEqual(int(values["cim_http_errors_4xx_total"]), 1)
        self.assertEqual("3", values['cim_http_request_seconds_count{method="GET",route="/health"}'])
        self.assertEqual("3", values['cim_http_request_seconds_bucket{method="GET",route="/health",le="+Inf"}'])
        for line in text.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) cim_\w+ .+|cim_\w+(\{[^}]*\})? -?[0-9.]+)$")

    def test_access_log_has_a_line_per_request_without_the_query(self):
        self.host.serve()
        self.host.get("/health?name=somebody", headers={"X-Request-Id": "integration-1"})
        self.host.stop()
        lines = [json.loads(line) for line in self.host.read_log().splitlines()]
        mine = [line for line in lines if line.get("request_id") == "integration-1"]
        self.assertEqual(1, len(mine))
        self.assertEqual(("/health", 200, "GET"), (mine[0]["path"], mine[0]["status"], mine[0]["method"]))
        self.assertNotIn("somebody", self.host.read_log())

    def test_stops_with_slow_clients_connected(self):
        self.host.serve("--http.stop_grace_ms=300")
        address = self.host.url.split("//")[1].rstrip("/").split(":")
        held = []
        for text in (b"GET /health HTTP/1.1\r\nHo", b"POST /auth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{",
                     b""):
            client = socket.create_connection((address[0], int(address[1])))
            client.sendall(text)
            held.append(client)
        time.sleep(0.2)
        started = time.monotonic()
        self.assertEqual(0, self.host.stop())
        self.assertLess(time.monotonic() - started, 15)
        self.assertIn("stopped", self.host.read_log())
        for client in held:
            client.close()

    def test_interrupt_stops(self):
        self.host.serve()
        self.assertEqual(0, self.host.stop(signal.SIGINT))

    def test_taken_port_is_said(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            text = self.host.run("serve", "--port=%d" % port, fails=True)
            self.assertIn("127.0.0.1:%d" % port, text)
            self.assertIn("EADDRINUSE", text)


class Audit(HostTest):
    def set_up_places(self):
        with open(os.path.join(self.host.var, "areas.csv"), "w", encoding="utf-8") as f:
            f.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n"
                    "460000,海南省,province,,,,,\n460100,海口市,city,460000,,,,\n")
        self.host.run("areas", "import", f.name)
        self.host.run("plugin", "enable", "lpg")
        for name, roles in (("admin", "platform-admin"), ("editor", "data-manager,regulator"),
                            ("auditor", "auditor")):
            self.host.run("user", "add", name, "--roles", roles, "--areas=*", "--password-file=-",
                          stdin=PASSWORD + "\n")

    def entries(self, token, query=""):
        """Newest first, once the last of them has been chained."""
        for _ in range(50):
            before = json.loads(self.host.get("/admin/api/audit?limit=1", token)[2])["entries"]
            time.sleep(0.6)
            status, _, body = self.host.get("/admin/api/audit" + query, token)
            self.assertEqual(200, status, body)
            if before == json.loads(self.host.get("/admin/api/audit?limit=1", token)[2])["entries"]:
                return json.loads(body)
        raise AssertionError("entries never settle")

    def test_who_did_what_is_found_and_a_change_of_it_too(self):
        self.set_up_places()
        self.host.serve("--audit.anchor_ms=1000")
        editor, auditor = self.host.token("editor"), self.host.token("auditor")
        place = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [110.3, 20]},
                 "properties": {"name": "镇", "class": "town", "area_code": "460100"}}
        kind = {"Content-Type": "application/geo+json", "X-Request-Id": "audit-test-1"}
        status, headers, body = self.host.get("/collections/lpg.places/items", editor, "POST",
                                              json.dumps(place).encode(), kind)
        self.assertEqual(201, status, body)
        item = "/collections/lpg.places/items/%s" % json.loads(body)["id"]
        self.assertEqual(200, self.host.get(item, editor, "PATCH",
                                            json.dumps({"properties": {"name": "新镇"}}).encode(),
                                            {"Content-Type": "application/merge-patch+json"})[0])
        self.assertEqual(200, self.host.get("/collections/lpg.places/items?export=true", editor)[0])
        self.assertEqual(401, self.host.get("/auth/token", None, "POST",
                                            b'{"username":"editor","password":"wrong"}')[0])
        admin = self.host.token()
        self.assertEqual(403, self.host.get("/admin/api/audit", admin)[0])  # not by running it
        found = self.entries(auditor, "?principal=editor")["entries"]
        self.assertEqual(["token", "export", "update", "create", "token"],
                         [each["action"] for each in found])
        self.assertEqual(("refused", {"reason": "password"}), (found[0]["result"], found[0]["detail"]))
        update, create = found[2], found[3]
        self.assertEqual(("lpg.places", {"fields": ["name"]}, "127.0.0.1"),
                         (update["layer"], update["detail"], update["address"]))
        self.assertEqual(("audit-test-1", "460100", update["uid"]),
                         (create["request_id"], create["area_code"], create["uid"]))
        self.assertEqual([], self.entries(auditor, "?principal=editor&to=2020-01-01T00:00:00Z")["entries"])
        page = self.entries(auditor, "?limit=2")
        self.assertEqual(1096, page["retention_days"])
        rest = self.entries(auditor, "?limit=2&before=%d" % page["next"])
        self.assertEqual(page["entries"][1]["seq"] - 1, rest["entries"][0]["seq"])
        status, _, body = self.host.get("/admin/api/audit?limit=5000", auditor)
        self.assertEqual(400, status)
        self.assertEqual(("limit", "5000"), (json.loads(body)["param"], json.loads(body)["value"]))
        # Beside the serving platform, and after it.
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))
        lines = self.host.run("audit", "export", "--action=plugin.enable").splitlines()
        self.assertEqual([("cim-host", "lpg")], [(json.loads(line)["principal"], json.loads(line)["layer"])
                                                 for line in lines if line.startswith("{")])
        metrics = self.host.get("/metrics", admin)[2].decode()
        self.assertIn("cim_audit_anchor_failures_total 0", metrics)
        self.assertEqual(0, self.host.stop())
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))
        self.check_what_is_found(update["seq"])

    def check_what_is_found(self, seq):
        """Each thing that somebody with the file may do to the entry `seq` is found, and called what it is."""
        sound = self.keep_store()
        with contextlib.closing(sqlite3.connect(os.path.join(self.host.var, "cim.gpkg"))) as db:
            last = db.execute("select max(seq) from cim_audit").fetchone()[0]
            columns = ", ".join(name for _, name, *_ in db.execute("pragma table_info(cim_audit)") if name != "seq")
        swap = ["update cim_audit set seq = -%d where seq = %d" % (at, to) for at, to in ((seq, seq + 1), (seq + 1, seq))]
        for found, statements in (
                ("changed %d" % seq, ["update cim_audit set principal = 'admin' where seq = %d" % seq]),
                ("removed %d" % seq, ["delete from cim_audit where seq = %d" % seq]),
                ("removed %d" % seq, ["delete from cim_audit where seq = %d" % seq,  # the rest numbered anew
                                      "update cim_audit set seq = 1 - seq where seq > %d" % seq,
                                      "update cim_audit set seq = -seq where seq < 0"]),
                ("inserted %d" % seq, ["update cim_audit set seq = -1 - seq where seq >= %d" % seq,
                                       "update cim_audit set seq = -seq where seq < 0",
                                       "insert into cim_audit (seq, {0}) select {1}, {0} from cim_audit where seq = {2}".format(
                                           columns, seq, seq - 1),
                                       "update cim_audit set principal = 'admin' where seq = %d" % seq]),
                (r"reordered %d-\d+" % seq, swap + ["update cim_audit set seq = -seq where seq < 0"]),
                ("truncated %d-%d" % (seq, last), ["delete from cim_audit where seq >= %d" % seq]),
                ("truncated 1-%d" % last, ["delete from cim_audit",
                                           "update cim_audit_head set seq = 0, mac = '', proof = ''"])):
            self.put_store(sound)
            self.tamper(*statements)
            self.assertRegex(self.host.run("audit", "verify", fails=True), "(?m)^!! %s: " % found)
        # Somebody with the key as well: another chain from here on, sound in itself.
        self.put_store(sound)
        self.host.run("plugin", "disable", "lpg")
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))
        self.put_store(sound)
        self.host.run("user", "add", "other", "--roles=regulator", "--areas=*", "--password-file=-", stdin=PASSWORD + "\n")
        self.assertRegex(self.host.run("audit", "verify", fails=True), r"(?m)^!! rewritten \d+: ")

    def keep_store(self):
        with open(os.path.join(self.host.var, "cim.gpkg"), "rb") as file:
            return file.read()

    def put_store(self, content):
        for end in ("-wal", "-shm"):
            if os.path.exists(os.path.join(self.host.var, "cim.gpkg" + end)):
                os.remove(os.path.join(self.host.var, "cim.gpkg" + end))
        with open(os.path.join(self.host.var, "cim.gpkg"), "wb") as file:
            file.write(content)

    def tamper(self, *statements):
        """As somebody with the file and SQLite does; every start of the host renews the guards."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.host.var, "cim.gpkg"))) as db, db:
            for trigger in db.execute("select name from sqlite_schema where type = 'trigger' and "
                                      "tbl_name in ('cim_audit', 'cim_audit_head')").fetchall():
                db.execute('drop trigger "%s"' % trigger[0])
            for statement in statements:
                db.execute(statement)

    def test_lost_key_is_not_replaced(self):
        self.add_admin()
        key = os.path.join(self.host.var, "audit.key")
        self.assertEqual(0o600, os.stat(key).st_mode & 0o777)
        os.rename(key, key + ".kept")
        self.assertIn("audit.key", self.host.run("user", "list", fails=True))
        os.rename(key + ".kept", key)
        self.host.run("user", "list")


class WithPlugin(HostTest):
    def test_ten_thousand_grants_of_one_person(self):
        """However they differ he is answered, or told in words that they are too many; and soon."""
        self.host.run("plugin", "enable", "lpg")
        path = os.path.join(self.host.var, "areas.csv")
        codes = ["4601%02d" % n for n in range(5, 55)]
        with open(path, "w", encoding="utf-8") as f:
            f.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n460000,海南省,province,,,,,\n")
            f.writelines("%s,区%s,county,460000,,,,\n" % (code, code) for code in codes)
        self.host.run("areas", "import", path)
        for name in ("areas", "owners"):
            self.host.run("user", "add", name, "--roles=", "--areas=460105", "--password-file=-", stdin=PASSWORD + "\n")
        with sqlite3.connect(os.path.join(self.host.var, "platform.db")) as db:
            for name in ("areas", "owners"):
                db.executemany(
                    "insert into cim_grant (uid, holder_kind, holder, kind, name, content, areas, from_ms, until_ms, granted_by, "
                    "granted_ms) values (?, 'user', ?, 'resource', 'lpg.places', ?, ?, 0, ?, 'test', 0)",
                    (("%s-%d" % (name, n), name, json.dumps(dict(
                        {"resource": "lpg.places", "actions": ["read"]}, **({"owner": "O%d" % n} if name == "owners" else {}))),
                      codes[n % len(codes)], 2 ** 52) for n in range(10000)))
        self.host.serve()
        took = {}
        for name, wanted in (("areas", (200,)), ("owners", (200, 400, 413))):
            token = self.host.token(name)
            for when in ("first", "next"):
                began = time.monotonic()
                status, _, body = self.host.get("/collections/lpg.places/items", token)
                took[name, when] = time.monotonic() - began
                self.assertIn(status, wanted, body[:300])
            if status != 200:
                self.assertRegex(json.loads(body)["detail"], "[\u4e00-\u9fff]")
        self.assertLess(max(took.values()), 10)
        self.assertLess(took["areas", "next"], 1)
        print("10 000 grants: %s" % ", ".join("%s %s %.3f s" % (*which, s) for which, s in took.items()), file=sys.stderr)

    def test_altered_table_takes_its_layer_out_of_service_and_no_other(self):
        """Another program drops a table of cim.gpkg: which one is said everywhere, the rest is served."""
        self.host.run("plugin", "enable", "lpg")
        self.add_admin("platform-admin,regulator")
        self.host.serve()
        token = self.host.token()

        def listed():
            status, _, body = self.host.get("/collections", token)
            self.assertEqual(200, status, body)
            return {each["id"] for each in json.loads(body)["collections"]}

        def beside(sql):
            other = sqlite3.connect(os.path.join(self.host.var, "cim.gpkg"))
            other.executescript(sql)
            other.close()

        def until_degraded(layer):
            for _ in range(200):
                ready = json.loads(self.host.get("/ready")[2])
                if layer in [each["layer"] for each in ready.get("layers", [])]:
                    return ready
                time.sleep(0.05)
            raise AssertionError("/ready never said " + layer)

        whole = listed()
        beside("alter table lpg_camera rename column name to label")
        ready = until_degraded("lpg.cameras")
        self.assertEqual("degraded", ready["status"])
        self.assertIn("lpg_camera lacks the column name", ready["layers"][0]["detail_en"])
        self.assertIn("lpg_camera", ready["layers"][0]["detail"])
        self.assertEqual(whole - {"lpg.cameras"}, listed())
        for path in ("", "/items", "/tiles/WebMercatorQuad/5/13/26"):
            status, headers, body = self.host.get("/collections/lpg.cameras" + path, token)
            self.assertEqual((503, "application/problem+json"), (status, headers["Content-Type"]), path)
            self.assertIn("lpg_camera lacks the column name", json.loads(body)["detail_en"])
        self.assertEqual(200, self.host.get("/collections/lpg.stations/items", token)[0])
        beside("drop table lpg_vehicle")
        until_degraded("lpg.vehicles")
        self.assertEqual(whole - {"lpg.cameras", "lpg.vehicles"}, listed())
        beside("alter table lpg_camera rename column label to name")
        for _ in range(200):
            if "lpg.cameras" in listed():
                break
            time.sleep(0.05)
        self.assertEqual(whole - {"lpg.vehicles"}, listed())
        self.host.stop()
        self.assertIn("lpg_vehicle", self.host.read_log())
        text = self.host.run("doctor", fails=True)
        self.assertIn("cim.gpkg has no table lpg_vehicle", text)
        self.assertIn("没有数据表 lpg_vehicle", text)
        self.assertNotIn("lpg_camera", text)

    def test_records_go_in_by_verb_and_come_out_by_http(self):
        path = os.path.join(self.host.var, "towns.geojson")
        features = [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [110.3 + i / 100, 20]},
                     "properties": {"name": "镇%d" % i, "area_code": "460100"}} for i in range(20)]
        with open(path, "w", encoding="utf-8") as f:
            json.dump({"type": "FeatureCollection", "features": features}, f, ensure_ascii=False)
        with open(os.path.join(self.host.var, "areas.csv"), "w", encoding="utf-8") as f:
            f.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n"
                    "460000,海南省,province,,,,,\n460100,海口市,city,460000,,,,\n")
        self.host.run("areas", "import", f.name)
        self.host.run("plugin", "enable", "lpg")
        text = self.host.run("import", path, "--layer=lpg.places", fails=True)
        self.assertIn("row 20: class", text)  # every refusal by row and field
        text = self.host.run("import", path, "--layer=lpg.places", "--set=class=hamlet", fails=True)
        self.assertRegex(text, r"(?m)^cim-host import: expected one of.*\(class 'hamlet'\)$")
        self.assertIn("written 20,", self.host.run("import", path, "--layer=lpg.places", "--set=class=town"))
        self.add_admin("platform-admin,regulator")
        self.host.serve()
        token = self.host.token()
        status, _, body = self.host.get("/collections/lpg.places/items?limit=5", token)
        self.assertEqual(200, status, body)
        page = json.loads(body)
        self.assertEqual((20, 5), (page["numberMatched"], page["numberReturned"]))
        self.assertEqual(401, self.host.get("/collections/lpg.places/items")[0])
        # Out of service and back, while serving.
        for action, items in (("disable", 503), ("enable", 200)):
            status, _, body = self.host.get("/admin/api/plugins/lpg/" + action, token, "POST", b"")
            self.assertEqual(200, status, body)
            self.assertIn(self.host.get("/collections/lpg.places/items", token)[0],
                          (items, 404) if items == 503 else (items,))

    def test_area_picker_holds_what_the_caller_may_see(self):
        """The base map covers the province for everybody; the list of areas does not."""
        with open(os.path.join(self.host.var, "areas.csv"), "w", encoding="utf-8") as f:
            f.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n"
                    "460000,海南省,province,,,,,\n460100,海口市,city,460000,,,,\n"
                    "460105,秀英区,county,460100,,,,\n460200,三亚市,city,460000,,,,\n")
        self.host.run("areas", "import", f.name)
        self.host.run("plugin", "enable", "lpg")
        accounts = {"haikou": ("regulator,base-map", "460100"), "province": ("regulator,base-map", "*")}
        for name, (roles, areas) in accounts.items():
            self.host.run("user", "add", name, "--roles", roles, "--areas", areas, "--password-file=-",
                          stdin=PASSWORD + "\n")
        self.host.serve()
        for name, seen in (("haikou", ["460000", "460100", "460105"]),
                           ("province", ["460000", "460100", "460105", "460200"])):
            status, _, body = self.host.get("/apps/lpg/api/areas", self.host.token(name))
            self.assertEqual(200, status, body)
            self.assertEqual(seen, [area["code"] for area in json.loads(body)["areas"]], name)

    def test_plugin_is_switched_under_load(self):
        """Whatever is in flight gets an answer, and the next enable serves again."""
        path = os.path.join(self.host.var, "towns.geojsonl")
        with open(path, "w", encoding="utf-8") as f:
            for i in range(500):
                f.write(json.dumps({"type": "Feature", "properties": {"name": "t%d" % i, "area_code": "460100"},
                                    "geometry": {"type": "Point", "coordinates": [110 + i / 1000, 20]}}) + "\n")
        with open(os.path.join(self.host.var, "areas.csv"), "w", encoding="utf-8") as f:
            f.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n460100,海口市,city,,,,,\n")
        self.host.run("areas", "import", f.name)
        self.host.run("plugin", "enable", "lpg")
        self.host.run("import", path, "--layer=lpg.places", "--set=class=town")
        self.add_admin("platform-admin,regulator,data-manager")
        self.host.serve()
        token = self.host.token()
        paths = ("/collections/lpg.places/items?limit=500", "/collections", "/apps/lpg/api/areas",
                 "/collections/lpg.places/tiles/WebMercatorQuad/8/113/206", "/styles", "/health")
        seen, failures, over, written = {}, [], threading.Event(), []
        tile = self.host.get(paths[3], token)[2]

        def is_right(path, status, body):
            """The whole answer as ever; or, of what is the plugin's, that the plugin is not enabled."""
            if status == 503:
                return path.startswith(("/collections/lpg", "/apps/lpg")) and json.loads(body)["detail_en"] != ""
            if path == paths[0]:
                return status == 200 and len(json.loads(body)["features"]) == 500
            return status == 200 and (path != paths[3] or body == tile)

        def ask(first):
            n = first
            while not over.is_set():
                path = paths[n % len(paths)]
                try:
                    status, _, body = self.host.get(path, token)
                    seen[status] = seen.get(status, 0) + 1
                    if not is_right(path, status, body):
                        failures.append((path, status, body[:200]))
                except OSError as e:
                    failures.append((path, repr(e)))
                n += 1

        def write():
            n = 0
            while not over.is_set():
                n += 1
                fix = {"type": "Feature", "geometry": None, "properties": {
                    "position_id": "w%d" % n, "vehicle_no": "V", "fixed_at": "2026-11-26T00:00:00Z", "lon": 110.3, "lat": 20,
                    "area_code": "460100"}}
                status, _, body = self.host.get("/collections/lpg.vehicle-positions/items", token, "POST",
                                                json.dumps(fix).encode(), {"Content-Type": "application/geo+json"})
                if status == 201:
                    written.append("w%d" % n)
                elif status != 503:
                    failures.append(("write", status, body[:200]))

        askers = [threading.Thread(target=ask, args=(i,)) for i in range(6)] + [threading.Thread(target=write)]
        for asker in askers:
            asker.start()
        try:
            for _ in range(4):
                for action in ("disable", "enable"):
                    status, _, body = self.host.get("/admin/api/plugins/lpg/" + action, token, "POST", b"")
                    self.assertEqual(200, status, body)
                    time.sleep(0.2)
        finally:
            over.set()
            for asker in askers:
                asker.join()
        self.assertEqual([], failures[:3])
        self.assertGreater(seen.get(200, 0), 20)
        self.assertEqual(200, self.host.get(paths[0], token)[0])
        stored = json.loads(self.host.get("/collections/lpg.vehicle-positions/items?limit=10000", token)[2])["features"]
        stored = [each["properties"]["position_id"] for each in stored]
        self.assertGreater(len(written), 3)
        self.assertEqual([], [name for name in written if name not in stored], "acknowledged and not stored")


def main():
    global ARGS
    parser = argparse.ArgumentParser()
    for name in ("host", "plugins", "template", "unruly"):
        parser.add_argument("--" + name, required=True)
    ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0]] + rest, verbosity=2)


if __name__ == "__main__":
    main()
