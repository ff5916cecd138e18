#!/usr/bin/env python3
"""To any moment: the logs of the embedded stores, archived while people write, processes are exchanged and killed.

usage: test_archive.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import datetime
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "writes"))
from platform_places import ITEMS, PlacesTest, place, test_host  # noqa: E402  pylint: disable=wrong-import-position

def beijing(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone(datetime.timedelta(hours=8))).isoformat()


class Archive(PlacesTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="cim-archive-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.settings = ("--backup.archive_folder=" + cls.folder, "--backup.archive_log_pages=200")
        cls.flags = cls.settings
        super().setUpClass()

    def write_until(self, stop, written):
        """(id, began, acknowledged) of each record; what the platform refused while it changed hands is tried again."""
        while not stop.is_set():
            began = time.time()
            try:
                status, _, text = self.send("POST", ITEMS, self.editor, place("同时"))
            except OSError:
                time.sleep(0.05)
                continue
            if status == 201:
                written.append((json.loads(text)["id"], began, time.time()))

    def archived(self):
        """Up to when; 0 while the platform changes hands."""
        try:
            text = self.host.get("/metrics", self.host.token("admin"))[2]
            found = re.search(rb"^cim_archive_last_seconds (\d+)", text, re.M)
            return int(found[1]) if found else 0
        except (OSError, AssertionError):
            return 0

    def wait_for_archive(self, moment):
        """Up to when it then is."""
        until = time.monotonic() + 60
        while (known := self.archived()) <= moment:
            self.assertLess(time.monotonic(), until, self.host.read_log()[-2000:])
            time.sleep(0.1)
        return known

    def restored(self, backup, until):
        other = test_host.Platform()
        self.addCleanup(other.close)
        os.makedirs(os.path.join(other.var, "keys"), mode=0o700, exist_ok=True)
        shutil.copy(os.path.join(self.host.var, "audit.key"), other.var)
        for name in ("data.keys", "data.keys.persons"):
            shutil.copy(os.path.join(self.host.var, "keys", name), os.path.join(other.var, "keys"))
        self.assertIn("brought forward", other.run("restore", backup, "--until=" + until, self.settings[0]))
        # Anchors of the backup are older than the audit that was brought forward.
        self.assertIn(" 0 faults", other.run("audit", "verify"))
        other.serve()
        self.addCleanup(other.stop)
        token, there, after = other.token("editor"), set(), "?limit=1000"
        while after:
            page = json.loads(other.get(ITEMS + after, token)[2])
            there.update(each["id"] for each in page["features"])
            links = [each["href"] for each in page["links"] if each["rel"] == "next"]
            after = re.sub(r"^.*/items", "", links[0]) if links else None
        return other, there

    def test_any_moment_and_the_last_second(self):
        stop, written = threading.Event(), []
        threads = [threading.Thread(target=self.write_until, args=(stop, written)) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            time.sleep(2)
            text = self.host.run("backup")
            backup = os.path.join(self.host.var, "backups", re.search(r"^(\d{8}T\d{6}Z) ", text, re.M)[1])
            self.wait_for_archive(time.time())
            self.host.run("upgrade")  # two processes have the stores open for a while
            known, middle = self.wait_for_archive(time.time()), time.time()
            time.sleep(1)
            worker = int(re.findall(r'"pid (\d+)|ready on port \d+, pid (\d+)', self.host.read_log())[-1][1])
            os.kill(worker, 9)
            time.sleep(1)
            self.wait_for_archive(time.time())
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.wait_for_archive(time.time())
        self.host.process.kill()  # with its disk, for all we know
        self.host.process.wait()
        self.host.process.stdout.close()
        self.host.process = None

        _, there = self.restored(backup, beijing(middle))
        early = {name for name, _, acknowledged in written if acknowledged < known}
        late = {name for name, began, _ in written if began > middle}
        self.assertGreater(len(early), 20)
        self.assertGreater(len(late), 20)
        self.assertEqual(set(), early - there)
        self.assertEqual(set(), late & there)

        other, there = self.restored(backup, "now")
        self.assertEqual(set(), {name for name, _, _ in written} - there)
        # The log was begun anew on the way, more than once.
        self.assertGreater(sum(len(files) for _, _, files in os.walk(self.folder)), 2)
        # It goes on from there, with an archive of its own.
        status, _, made = other.get(ITEMS, other.token("editor"), "POST", json.dumps(place("之后")).encode(),
                                    {"Content-Type": "application/geo+json"})
        self.assertEqual(201, status, made)

        told = self.host.run("restore", backup, "--until=2020-01-01T00:00:00", "--replace", *self.settings, fails=True)
        self.assertIn("was not finished by that moment", told)
        told = self.host.run("restore", backup, "--until=yesterday", "--replace", *self.settings, fails=True)
        self.assertIn("expected a moment", told)
        told = self.host.run("restore", backup, "--until=now", "--replace", fails=True)
        self.assertIn("backup.archive_folder", told)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], "-v", *rest])


if __name__ == "__main__":
    main()
