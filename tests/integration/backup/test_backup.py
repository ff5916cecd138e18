#!/usr/bin/env python3
"""Backups: made while people write, checked, damaged, put back; on the store that the environment names.

usage: test_backup.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "writes"))
import platform_places  # noqa: E402  pylint: disable=wrong-import-position
from platform_places import ITEMS, PlacesTest, place, psql, test_host  # noqa: E402  pylint: disable=wrong-import-position

ON_PG = "CIM_TEST_PG" in os.environ
NAME = re.compile(r"^(\d{8}T\d{6}Z) ", re.M)


class Backup(PlacesTest):
    @classmethod
    def setUpClass(cls):
        cls.copies = tempfile.mkdtemp(prefix="cim-copies-")
        cls.addClassCleanup(shutil.rmtree, cls.copies, ignore_errors=True)
        cls.flags = ("--backup.copy_folder=" + cls.copies, "--backup.copy_keep=1")
        super().setUpClass()

    def backup(self):
        """Its folder; a name has the second it was made in."""
        time.sleep(1.1)
        text = self.host.run("backup")
        return os.path.join(self.host.var, "backups", NAME.search(text)[1])

    def manifest(self, folder):
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            return json.load(file)

    def tables(self, folder, store=1):
        return {each["name"]: (each["rows"], each["sha256"]) for each in self.manifest(folder)["stores"][store]["tables"]}

    def post(self, name):
        status, _, text = self.send("POST", ITEMS, self.editor, place(name))
        self.assertEqual(201, status, text)
        return json.loads(text)["id"]

    def elsewhere(self):
        """A data directory of its own with the keys of this one, and its database."""
        other = test_host.Platform()
        self.addCleanup(other.close)
        os.makedirs(os.path.join(other.var, "keys"), mode=0o700, exist_ok=True)
        shutil.copy(os.path.join(self.host.var, "audit.key"), other.var)
        for name in ("data.keys", "data.keys.persons"):
            shutil.copy(os.path.join(self.host.var, "keys", name), os.path.join(other.var, "keys"))
        return other

    def fresh_database(self):
        if not ON_PG:
            return {}
        database = "restored_%d_%d" % (os.getpid(), next(platform_places._numbers))  # pylint: disable=protected-access
        psql("postgres", "create database %s template cim_template" % database)
        return {"CIM_STORE_URL": "postgresql:///%s?host=%s&user=cim" % (database, os.environ["CIM_TEST_PG"])}

    def serve_with(self, platform, env):
        before = dict(test_host.CLEAN)
        test_host.CLEAN.update(env)
        self.addCleanup(lambda: (test_host.CLEAN.clear(), test_host.CLEAN.update(before)))
        platform.serve()

    def test_what_is_put_back_is_what_was_there(self):
        self.post("备份前")
        folder = self.backup()
        other, env = self.elsewhere(), self.fresh_database()
        told = other.run("restore", folder, env=env)
        self.assertIn("compared", told)
        self.assertNotIn("cannot start", told)
        self.serve_with(other, env)
        token = other.token("editor")
        _, _, text = other.get(ITEMS + "?limit=1000&sortby=fid", token)
        _, _, own = self.host.get(ITEMS + "?limit=1000&sortby=fid", self.editor)
        strip = re.compile(rb'"timeStamp":"[^"]*"|http://[^"]*')
        self.assertEqual(strip.sub(b"", own), strip.sub(b"", text))
        self.assertGreater(len(json.loads(text)["features"]), 0)
        # Sessions of before are no sessions of after.
        self.assertEqual(401, other.get("/auth/me", self.editor)[0])
        # Writing goes on, with numbers that were never given out.
        status, _, made = other.get(ITEMS, token, "POST", json.dumps(place("之后")).encode(),
                                    {"Content-Type": "application/geo+json"})
        self.assertEqual(201, status, made)
        self.assertNotIn(json.loads(made)["id"], [each["id"] for each in json.loads(own)["features"]])
        other.stop()
        self.assertIn(" 0 faults", other.run("audit", "verify", env=env))
        self.assertIn('"restore"', other.run("audit", "list", "--action=restore", env=env))

    def admin_asks(self, method="GET", path=""):
        status, _, text = self.host.get("/admin/api/backups" + path, self.host.token("admin"), method)
        return status, json.loads(text)

    def settled(self, what):
        """What the platform tells once it is at nothing and `what` holds."""
        until = time.monotonic() + 60
        while True:
            told = self.admin_asks()[1]
            if told["doing"] is None and what(told):
                return told
            self.assertLess(time.monotonic(), until, told)
            time.sleep(0.2)

    def test_made_checked_and_copied_when_asked(self):
        self.assertEqual(403, self.host.get("/admin/api/backups", self.editor, "POST")[0])
        self.assertEqual(404, self.admin_asks("POST", "/20200101T000000Z/check")[0])
        self.post("网页备份")
        self.assertEqual(202, self.admin_asks("POST")[0])
        told = self.settled(lambda told: told["last"] and told["last"]["work"] == "copy")
        self.assertNotIn("error", told["last"], told)
        newest = told["backups"][0]
        self.assertEqual((newest["name"], True, True), (told["last"]["name"], newest["here"], newest["copied"]))
        copy = os.path.join(self.copies, newest["name"])
        self.assertIn("sound", self.host.run("backup", "check", copy))
        self.assertEqual(self.manifest(os.path.join(self.host.var, "backups", newest["name"])), self.manifest(copy))
        metrics = self.host.get("/metrics", self.host.token("admin"))[2].decode()
        self.assertGreater(int(re.search(r"^cim_backup_copied_last_seconds (\d+)", metrics, re.M)[1]), 0)
        # Old copies go, and one that was damaged here is found when it is checked.
        time.sleep(1.1)
        self.assertEqual(202, self.admin_asks("POST")[0])
        self.settled(lambda now: now["last"]["work"] == "copy" and now["last"]["name"] > newest["name"])
        self.assertEqual(1, len(os.listdir(self.copies)))
        with open(os.path.join(self.host.var, "backups", newest["name"], "platform.db"), "r+b") as file:
            file.truncate(4096)
        self.assertEqual(202, self.admin_asks("POST", "/%s/check" % newest["name"])[0])
        told = self.settled(lambda told: told["last"]["work"] == "check")
        self.assertIn("platform.db", told["last"]["error"]["en"])
        for action in ("backup.ask", "backup.check.ask", "backup.check", "backup.copy"):
            self.assertIn('"%s"' % action, self.host.run("audit", "list", "--action=" + action))

    def test_as_of_one_moment_while_people_write(self):
        acknowledged, stop, failures = [], threading.Event(), []

        def write():
            while not stop.is_set():
                try:
                    acknowledged.append(self.post("同时"))
                except Exception as error:  # pylint: disable=broad-except
                    failures.append(error)
                    return

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            while len(acknowledged) < 20 and not failures:
                time.sleep(0.02)
            before = list(acknowledged)
            folder = self.backup()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual([], failures)
        self.assertGreater(len(acknowledged), len(before))  # they went on while it was made
        data = self.manifest(folder)["stores"][1]
        rows = self.tables(folder)
        other, env = self.elsewhere(), self.fresh_database()
        other.run("restore", folder, env=env)
        self.serve_with(other, env)
        _, _, text = other.get(ITEMS + "?limit=1000&sortby=-fid", other.token("editor"))
        answer = json.loads(text)
        there = {each["id"] for each in answer["features"]}
        self.assertLessEqual(set(before), there)
        self.assertEqual(rows["lpg_place"][0], answer["numberMatched"])
        # Each record with its change: neither is there without the other.
        if ON_PG:
            found = psql(env["CIM_STORE_URL"].split("/")[3].split("?")[0],
                         "select count(*) from lpg_place p where not exists (select 1 from cim_change c "
                         "where c.layer = 'lpg.places' and c.fid = p.fid)")
            self.assertEqual(0, int(found))
        else:
            self.assertGreaterEqual(data["pos"], len(before))

    def test_in_its_own_place_only_when_asked_and_nothing_is_lost(self):
        if ON_PG:
            self.skip_own_place()
            return
        kept = self.post("恢复后仍在")
        folder = self.backup()
        lost = self.post("恢复后不在")
        self.assertIn("serve", self.host.run("restore", folder, "--replace", fails=True))
        self.host.stop()
        self.assertIn("--replace", self.host.run("restore", folder, fails=True))
        self.host.run("restore", folder, "--replace")
        self.host.serve(*self.flags)
        self.tokens.clear()
        token = self.token("editor")
        self.assertEqual(200, self.host.get("%s/%s" % (ITEMS, kept), token)[0])
        self.assertEqual(404, self.host.get("%s/%s" % (ITEMS, lost), token)[0])
        aside = [name for name in os.listdir(self.host.var) if name.startswith("replaced-")]
        self.assertEqual(1, len(aside))
        self.assertIn("cim.gpkg", os.listdir(os.path.join(self.host.var, aside[0])))

    def skip_own_place(self):
        """With PostgreSQL the database that is in use is never touched: a restore wants an empty one."""
        folder = self.backup()
        self.host.stop()
        told = self.host.run("restore", folder, "--replace", fails=True)
        self.assertIn("empty", told)
        self.host.serve(*self.flags)
        self.tokens.clear()

    def test_damage_is_named_and_nothing_is_put_back(self):
        folder = self.backup()
        data = self.manifest(folder)["stores"][1]["file"]
        whole = folder + "-copy"

        def damaged(change):
            shutil.rmtree(whole, ignore_errors=True)
            shutil.copytree(folder, whole)
            change()
            other = test_host.Platform()
            self.addCleanup(other.close)
            told = self.host.run("backup", "check", whole, fails=True)
            self.assertEqual(told.split("cim-host backup:")[1],
                             other.run("restore", whole, env=self.fresh_database(),
                                       fails=True).split("cim-host restore:")[1])
            self.assertEqual([], [name for name in os.listdir(other.var) if name.endswith((".db", ".gpkg"))])
            return told

        def flip(name):
            with open(os.path.join(whole, name), "r+b") as file:
                file.seek(os.path.getsize(file.name) // 2)
                byte = file.read(1)
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([byte[0] ^ 1]))

        def rewrite(change):
            manifest = self.manifest(whole)
            change(manifest)
            with open(os.path.join(whole, "manifest.json"), "w", encoding="utf-8") as file:
                json.dump(manifest, file)

        self.addCleanup(shutil.rmtree, whole, ignore_errors=True)
        self.assertIn(data, damaged(lambda: flip(data)))
        self.assertIn("platform.db", damaged(lambda: os.truncate(os.path.join(whole, "platform.db"), 4096)))
        self.assertIn("audit.anchor", damaged(lambda: os.remove(os.path.join(whole, "audit.anchor"))))
        self.assertIn("manifest.json", damaged(lambda: os.remove(os.path.join(whole, "manifest.json"))))
        self.assertIn("name", damaged(lambda: rewrite(lambda m: m["files"][0].update(name="../platform.db"))))
        self.assertIn("format", damaged(lambda: rewrite(lambda m: m.update(format="other/9"))))
        def wrong(manifest):
            next(each for each in manifest["stores"][1]["tables"] if each["name"] == "lpg_place").update(rows=99)

        if not ON_PG:  # there the archive's hash proves it, and the comparison after the restore
            self.assertIn("lpg_place", damaged(lambda: rewrite(wrong)))
        self.assertIn("sound", self.host.run("backup", "check", folder))

    def test_by_itself_checked_audited_and_old_ones_go(self):
        parent = os.path.join(self.host.var, "elsewhere")
        self.addCleanup(self.restart)
        self.host.stop()
        self.host.serve("--backup.every_hours=1", "--backup.keep=2", "--backup.folder=" + parent)
        self.tokens.clear()
        until = time.monotonic() + 120
        while not (os.path.isdir(parent) and any(NAME.match(name + " ") for name in os.listdir(parent))):
            self.assertLess(time.monotonic(), until, self.host.read_log()[-2000:])
            time.sleep(0.2)
        until = time.monotonic() + 60
        while b"\ncim_backups_total 1\n" not in self.host.get("/metrics", self.token("admin"))[2]:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.2)
        made = [name for name in os.listdir(parent)]
        self.assertEqual(1, len(made), made)
        self.assertEqual(0o700, os.stat(os.path.join(parent, made[0])).st_mode & 0o777)
        for name in os.listdir(os.path.join(parent, made[0])):
            self.assertEqual(0o600, os.stat(os.path.join(parent, made[0], name)).st_mode & 0o777, name)
        self.assertNotIn("data.keys", os.listdir(os.path.join(parent, made[0])))
        until = time.monotonic() + 30  # an entry is there when it is chained
        while made[0].encode() not in self.host.get("/admin/api/audit?action=backup", self.token("auditor"))[2]:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.2)

    def test_killed_on_the_way_leaves_none(self):
        parent = os.path.join(self.host.var, "killed")
        self.host.stop()
        process = subprocess.Popen(
            [test_host.ARGS.host, "backup", "--var", self.host.var, "--plugins.dirs", self.host.plugins,
             "--to=" + parent], env=test_host.CLEAN, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while process.poll() is None and not os.path.isdir(parent) and time.monotonic() < until:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = [name for name in os.listdir(parent) if not name.endswith(".part")]
        self.assertEqual([], found)
        self.assertIn("no backup", self.host.run("backup", "list", "--to=" + parent))
        self.host.serve(*self.flags)
        self.tokens.clear()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], "-v", *rest])


if __name__ == "__main__":
    main()
