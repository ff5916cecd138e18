#!/usr/bin/env python3
"""Plugins come and go: installed and upgraded from a bundle, rolled back, uninstalled, purged.

usage: test_plugins.py --host CIM_HOST --plugins DIR --template DIR --unruly DIR [unittest arguments]
"""
import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import threading
import time

import test_host
from test_host import HostTest


class Uninstall(HostTest):
    """A plugin of its own folder, so that it may go."""

    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.host.var, "installed", "template")
        shutil.copytree(test_host.ARGS.template, self.folder)
        self.host.plugins = os.path.dirname(self.folder)
        self.add_admin("platform-admin,auditor")
        self.host.run("plugin", "enable", "template")

    def tables(self):
        with sqlite3.connect(os.path.join(self.host.var, "cim.gpkg")) as other:
            return [row[0] for row in other.execute(
                "select table_name from gpkg_contents where table_name like 'template%' union all "
                "select name from sqlite_schema where name like '%template_note%'")]

    def test_says_what_goes_and_what_stays_and_asks(self):
        text = self.host.run("plugin", "uninstall", "template", stdin="no\n", fails=True)
        self.assertRegex(text, r"Gone: the files of plugin template\.")
        self.assertRegex(text, "Kept: the tables below")
        self.assertRegex(text, r"(?m)^template_note +0$")
        self.assertIn("nothing was done", text)
        self.assertIn("enabled", self.host.run("plugin", "list"))
        self.assertIn("no plugin nothing", self.host.run("plugin", "uninstall", "nothing", "--yes", fails=True))
        self.assertIn("is uninstalled", self.host.run("plugin", "uninstall", "template", stdin="template\n"))
        self.assertFalse(os.path.exists(self.folder))
        self.assertIn("template_note", self.tables())
        shutil.copytree(test_host.ARGS.template, self.folder)  # it goes on where it was
        self.assertIn("disabled", self.host.run("plugin", "list"))
        self.host.run("plugin", "enable", "template")
        text = self.host.run("plugin", "uninstall", "template", "--purge", "--yes")
        self.assertRegex(text, "Gone: the files of plugin template, the tables below")
        self.assertEqual([], self.tables())
        self.assertFalse(os.path.exists(self.folder))
        shutil.copytree(test_host.ARGS.template, self.folder)
        self.assertIn("0001_notes.sql", self.host.run("plugin", "enable", "template"))
        text = self.host.run("audit", "list")
        self.assertIn("plugin.uninstall", text)
        self.assertIn("plugin.purge", text)

    def test_by_the_admin_api_while_it_serves(self):
        self.host.serve()
        token = self.host.token()

        def ask(action, body=b"", method="POST"):
            status, _, text = self.host.get("/admin/api/plugins/template/" + action, token, method, body or None,
                                            {"Content-Type": "application/json"})
            return status, json.loads(text)

        self.assertEqual((200, {"tables": [{"table": "template_note", "rows": 0}]}), ask("tables", method="GET"))
        self.assertEqual((200, {"migrations": []}), ask("rehearse", b"{}"))
        for body, param in ((b"{", None), (b"{}", "confirm"), (b'{"confirm":"lpg"}', "confirm"),
                            (b'{"confirm":"template","purge":1}', "purge")):
            status, problem = ask("uninstall", body)
            self.assertEqual(400, status, problem)
            if param:
                self.assertEqual(param, problem["param"])
        self.assertEqual(200, self.host.get("/admin/api/plugins/template", token)[0])
        self.assertEqual((200, {"status": "uninstalled"}), ask("uninstall", b'{"confirm":"template","purge":true}'))
        self.assertEqual(404, self.host.get("/admin/api/plugins/template", token)[0])
        self.assertEqual(404, ask("enable", b"{}")[0])
        self.assertEqual([], self.tables())
        self.assertEqual(200, self.host.get("/collections", token)[0])
        self.assertIn("template", self.host.run("plugin", "enable", "template", fails=True))


class Bundles(HostTest):
    """A plugin that serves is replaced by its next version, and comes back."""

    def setUp(self):
        super().setUp()
        self.folder = os.path.join(self.host.var, "installed", "template")
        shutil.copytree(test_host.ARGS.template, self.folder)
        self.host.plugins = os.path.dirname(self.folder)
        self.add_admin("platform-admin,note-reader")
        self.host.run("plugin", "enable", "template")

    def bundle(self, version, migrations, kind="tar.gz", spoil=None):
        """A bundle as cpack makes it: files below a prefix, checksums in the manifest."""
        root = os.path.join(self.host.var, "made-" + version)
        inside = os.path.join(root, "lib", "cim", "plugins", "template")
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(test_host.ARGS.template, inside)
        for name, text in migrations.items():
            with open(os.path.join(inside, "migrations", name), "w", encoding="utf-8") as file:
                file.write(text)
        with open(os.path.join(inside, "plugin.manifest"), encoding="utf-8") as file:
            manifest = json.load(file)
        before, manifest["version"] = manifest["version"], version
        library = os.path.join(inside, manifest["library"])
        with open(library, "rb") as file:
            code = file.read()
        with open(library, "wb") as file:
            file.write(code.replace(before.encode() + b"\0", version.encode() + b"\0"))
        manifest["checksums"] = {}
        for path, _, names in os.walk(inside):
            for name in names:
                at = os.path.join(path, name)
                if name != "plugin.manifest":
                    with open(at, "rb") as file:
                        manifest["checksums"][os.path.relpath(at, inside)] = hashlib.sha256(file.read()).hexdigest()
        with open(os.path.join(inside, "plugin.manifest"), "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        if spoil:
            spoil(inside)
        return shutil.make_archive(root, {"tar.gz": "gztar", "zip": "zip"}[kind], root)

    more = {"0002_more.sql": "alter table template_note add column more {text};\n"}

    def test_command_line_while_nothing_serves(self):
        for kind in ("tar.gz", "zip"):
            text = self.host.run("plugin", "install", self.bundle("0.2.0", self.more, kind), "--dry-run")
            self.assertIn("migration 0002_more.sql", text)
            self.assertRegex(text, r"template 0\.1\.0 -> 0\.2\.0.*rehearsed")
            self.assertRegex(self.host.run("plugin", "list"), r"template +0\.1\.0 +enabled")
        self.host.run("plugin", "install", self.bundle("0.1.5", {}, "zip"))
        self.assertRegex(self.host.run("plugin", "list"), r"template +0\.1\.5 +enabled")
        self.assertIn("0.1.5 -> 0.1.0", self.host.run("plugin", "rollback", "template"))
        self.assertRegex(self.host.run("plugin", "list"), r"template +0\.1\.0 +enabled")
        self.assertEqual(["template"], [name for name in os.listdir(self.host.plugins) if name[0] != "."])
        self.assertEqual([], [name for name in os.listdir(self.host.plugins) if name.startswith((".staged", ".rolled"))])

    def test_what_is_no_bundle_changes_nothing(self):
        def without_manifest(inside):
            os.remove(os.path.join(inside, "plugin.manifest"))

        def changed(inside):
            with open(os.path.join(inside, "layers", "notes.json"), "a", encoding="utf-8") as file:
                file.write(" ")

        rubbish = os.path.join(self.host.var, "rubbish.zip")
        with open(rubbish, "wb") as file:
            file.write(b"PK nothing")
        outside = os.path.join(self.host.var, "outside.tar.gz")
        with tarfile.open(outside, "w:gz") as tar:
            tar.add(os.path.join(test_host.ARGS.template, "plugin.manifest"), "../../evil/plugin.manifest")
        cut = self.bundle("0.2.0", {})
        with open(cut, "rb") as file:
            half = file.read()[:20000]
        with open(cut + ".cut", "wb") as file:
            file.write(half)
        for path, says in ((rubbish, "whole plugin bundle"), (outside, "bundle"), (cut + ".cut", ""),
                           (self.bundle("0.2.1", {}, spoil=without_manifest), "no plugin.manifest"),
                           (self.bundle("0.2.2", {}, spoil=changed), "layers/notes.json"),
                           (self.bundle("0.2.3", {"0002_bad.sql": "create tabel x (a {int});\n"}), "0002_bad.sql"),
                           (self.bundle("0.2.4", {"0001_notes.sql": "create table other (a {int});\n"}), "0001_notes.sql")):
            self.assertIn(says, self.host.run("plugin", "install", path, fails=True))
            self.assertRegex(self.host.run("plugin", "list"), r"template +0\.1\.0 +enabled")
            self.assertEqual(["template"], os.listdir(self.host.plugins))
        self.assertFalse(os.path.exists(os.path.join(self.host.var, "evil")))
        self.assertIn("no version before", self.host.run("plugin", "rollback", "template", fails=True))

    def test_upgrade_over_the_admin_api_while_it_answers(self):
        self.host.serve()
        token = self.host.token()
        kind = {"Content-Type": "application/json"}
        over, wrong, n_right = threading.Event(), [], [0]

        def ask():
            while not over.is_set():
                try:
                    status, _, body = self.host.get("/processes/template.echo/execution", token, "POST",
                                                    b'{"inputs":{"message":"x","wait_ms":20}}', kind)
                    if (status, body) == (200, b'"x"'):
                        n_right[0] += 1
                    else:
                        wrong.append((status, body))
                except OSError as e:
                    wrong.append(repr(e))

        def post(path, body=b"{}"):
            status, _, text = self.host.get("/admin/api/plugins/" + path, token, "POST", body)
            return status, json.loads(text)

        def until_version(version):
            for _ in range(600):
                status, _, text = self.host.get("/admin/api/plugins/template", token)
                if status == 200 and (json.loads(text)["version"], json.loads(text)["state"]) == (version, "enabled"):
                    return
                time.sleep(0.1)
            self.fail("never %s:\n%s" % (version, self.host.read_log()))

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        try:
            with open(self.bundle("0.2.0", self.more), "rb") as file:
                bundle = file.read()
            status, report = post("bundles?dry_run=true", bundle)
            self.assertEqual(200, status, report)
            self.assertEqual((200, ["migration 0002_more.sql"], "0.2.0", "0.1.0", False), (
                status, report["changes"], report["version"], report["from"], report["takes_over"]))
            status, report = post("bundles", bundle)
            self.assertEqual((200, True), (status, report["takes_over"]), report)
            until_version("0.2.0")
            self.assertEqual(409, post("template/rollback")[0])  # its tables are newer than the version before
            with open(self.bundle("0.3.0", self.more), "rb") as file:
                self.assertEqual(200, post("bundles", file.read())[0])
            for _ in range(2):  # asked while a worker is about to take over: the last word counts
                self.assertEqual(200, post("template/rollback")[0])
            until_version("0.3.0")
            self.assertEqual(200, post("template/rollback")[0])
            until_version("0.2.0")
            self.assertEqual(400, post("bundles", b"nothing")[0])
        finally:
            over.set()
            for asker in askers:
                asker.join()
        self.assertEqual([], wrong[:3])
        self.assertGreater(n_right[0], 20)
        with sqlite3.connect(os.path.join(self.host.var, "cim.gpkg")) as other:
            self.assertIn("more", [row[1] for row in other.execute("pragma table_info(template_note)")])


if __name__ == "__main__":
    test_host.main()
