#!/usr/bin/env python3
"""What was acknowledged is there: by witness, by kill -9, on a full disk. test_outage.py is about PostgreSQL.

usage: test_durable.py --host CIM_HOST --plugins DIR --witness WITNESS_SO [unittest arguments]
"""
import argparse
import json
import os
import random
import sys
import threading
import time
import unittest
import urllib.error

from platform_places import ITEMS, PlacesTest, place, test_host

WITNESS = None
ON_PG = "CIM_TEST_PG" in os.environ


class Writers:
    """Threads that post one record after the other and remember what was acknowledged."""

    def __init__(self, test, n=4):
        self.test, self.stop = test, False
        self.acknowledged, self.refused = [], []
        self.threads = [threading.Thread(target=self.write, args=(i,)) for i in range(n)]
        for thread in self.threads:
            thread.start()

    def write(self, number):
        count = 0
        while not self.stop:
            name = "mark-%02d%04d" % (number, count)
            count += 1
            try:
                status, _, body = self.test.send("POST", ITEMS, self.test.editor, place(name))
            except (OSError, urllib.error.URLError):
                time.sleep(0.02)
                continue
            if status == 201:
                self.acknowledged.append(json.loads(body)["id"])
            else:
                self.refused.append((status, body))

    def end(self):
        self.stop = True
        for thread in self.threads:
            thread.join()


def stored(test):
    """Ids of all records that are there."""
    ids, path = set(), ITEMS + "?limit=5000"
    while path:
        page = json.loads(test.host.get(path, test.editor)[2])
        ids.update(each["id"] for each in page["features"])
        following = [each["href"] for each in page["links"] if each["rel"] == "next"]
        path = "/" + following[0].split("//")[1].split("/", 1)[1] if following else None
    return ids


class Killed(PlacesTest):
    flags = ("--no-supervisor",)

    def test_host_killed_while_it_writes(self):
        for _ in range(3):
            writers = Writers(self)
            time.sleep(0.5 + random.random())
            self.host.process.kill()
            writers.end()
            self.host.process.wait()
            self.host.process.stdout.close()
            self.host.process = None
            self.host.serve(*self.flags)
            self.tokens.clear()
            self.editor = self.token("editor")
            self.assertGreater(len(writers.acknowledged), 0)
            self.assertEqual(set(), set(writers.acknowledged) - stored(self))


@unittest.skipIf(ON_PG, "the log is the embedded store's")
class Witnessed(PlacesTest):
    flags = ("--no-supervisor", "--http.workers=8")

    def test_every_acknowledgement_follows_the_sync_of_its_bytes(self):
        self.assertEqual(0, self.host.stop())
        path = os.path.join(self.host.var, "witness")
        test_host.CLEAN.update(LD_PRELOAD=WITNESS, WITNESS_FILE=path,
                               ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        try:
            self.host.serve(*self.flags)
        finally:
            for name in ("LD_PRELOAD", "WITNESS_FILE", "ASAN_OPTIONS"):
                del test_host.CLEAN[name]
        self.tokens.clear()
        self.editor = self.token("editor")
        writers = Writers(self, 6)
        time.sleep(3)
        writers.end()
        written, synced, checked = set(), set(), 0
        with open(path, encoding="ascii") as events:
            for line in events:
                event, mark = line[0], line[2:].strip()
                if event == "W":
                    written.add(mark)
                elif event == "S":
                    synced |= written
                elif mark not in synced:
                    self.fail("%s was acknowledged before its sync" % mark)
                else:
                    checked += 1
        self.assertGreaterEqual(checked, len(writers.acknowledged))
        self.assertGreater(len(writers.acknowledged), 10)


@unittest.skipIf(ON_PG, "the disk is the embedded store's")
class FullDisk(PlacesTest):
    """The host in a mount namespace of its own, its data directory on a small tmpfs."""

    def test_full_disk_is_said_and_nothing_is_lost(self):
        self.assertEqual(0, self.host.stop())
        filler = os.path.join(self.host.var, "filler")
        script = ("mount -t tmpfs -o size=64m tmpfs /mnt && cp -a \"$VAR\"/. /mnt/ && "
                  "mount --bind /mnt \"$VAR\" && exec \"$@\"")
        words = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        host, test_host.ARGS.host = test_host.ARGS.host, os.path.join(self.host.var, "in-tmpfs")
        with open(test_host.ARGS.host, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nVAR=%s exec %s sh -c '%s' sh %s \"$@\"\n" % (
                self.host.var, " ".join(words), script.replace("'", "'\\''"), host))
        os.chmod(test_host.ARGS.host, 0o755)
        try:
            self.host.serve("--no-supervisor")
        finally:
            test_host.ARGS.host = host
        self.tokens.clear()
        self.editor = self.token("editor")
        inside = "/proc/%d/root%s" % (self.host.process.pid, filler)
        writers = Writers(self, 2)
        time.sleep(1)
        try:
            with open(inside, "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 65536)
        except OSError:
            pass  # it is full, by this file or by what was written already
        for _ in range(100):
            if writers.refused:
                break
            time.sleep(0.1)
        self.assertTrue(writers.refused, "the disk never filled")
        status, body = writers.refused[-1]
        problem = json.loads(body)
        self.assertEqual(507, status, body)
        self.assertIn("磁盘", problem["detail"])
        self.assertEqual(200, self.host.get(ITEMS + "?limit=1", self.editor)[0])  # reading goes on
        os.unlink(inside)
        before = len(writers.acknowledged)
        for _ in range(100):
            if len(writers.acknowledged) > before + 2:
                break
            time.sleep(0.1)
        writers.end()
        self.assertGreater(len(writers.acknowledged), before, writers.refused[-2:])
        self.assertEqual(set(), set(writers.acknowledged) - stored(self))


def main():
    global WITNESS
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    parser.add_argument("--witness", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    WITNESS = os.path.abspath(test_host.ARGS.witness)
    unittest.main(argv=[sys.argv[0], "-v", *rest])


if __name__ == "__main__":
    main()
