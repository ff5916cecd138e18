#!/usr/bin/env python3
"""PostgreSQL goes, stands still, or has no more room while people write: what was acknowledged is there, nothing is
there twice or by half, whoever asks meanwhile is told, and the platform goes on by itself.

usage: test_outage.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import collections
import contextlib
import itertools
import json
import os
import signal
import sys
import threading
import time
import unittest
import urllib.error

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import pg  # noqa: E402  pylint: disable=wrong-import-position
from platform_places import ITEMS, PlacesTest, lines, place, psql, test_host  # noqa: E402  pylint: disable=wrong-import-position

BATCH = 20  # records of a batch
HELD_UP = {503, 507}  # what a writer may be told


def wait_for(test, true, what, seconds=60):
    until = time.monotonic() + seconds
    while not true():
        test.assertLess(time.monotonic(), until, what)
        time.sleep(0.05)


class Writers:
    """Threads that write one thing after the other, every fourth of them batches, each under a key of its own until it
    is acknowledged."""

    runs = itertools.count()

    def __init__(self, test, n=16):
        self.test, self.stop, self.run = test, False, next(self.runs)
        self.acknowledged = set()  # names of things
        self.told = collections.Counter()  # statuses
        self.last = {}  # status -> headers and body
        self.threads = [threading.Thread(target=self.write, args=(i,)) for i in range(n)]
        for thread in self.threads:
            thread.start()

    def write(self, number):
        count = 0
        while not self.stop:
            name = "%s%d.%02d-%04d" % ("b" if number % 4 == 0 else "s", self.run, number, count)
            count += 1
            while not self.post(name) and not self.stop:
                time.sleep(0.05)

    def post(self, name):
        body, kind = place(name), "application/geo+json"
        if name[0] == "b":
            body, kind = lines(*(place("%s-%d" % (name, i)) for i in range(BATCH))), "application/x-ndjson"
        try:
            status, headers, text = self.test.send("POST", ITEMS, self.test.editor, body, kind, Idempotency_Key=name)
        except (OSError, urllib.error.URLError):
            return False
        self.told[status] += 1
        self.last[status] = headers, text
        if status == 201:
            self.acknowledged.add(name)
        return status == 201

    def go_on(self, n=20):
        """Waits until that much more is acknowledged."""
        wanted = len(self.acknowledged) + n
        wait_for(self.test, lambda: len(self.acknowledged) >= wanted, self)

    def end(self):
        self.stop = True
        for thread in self.threads:
            thread.join()

    def __str__(self):
        return "%d acknowledged, told %s, last %s" % (
            len(self.acknowledged), dict(self.told), {status: text for status, (_, text) in self.last.items() if status != 201})


class OutageTest(PlacesTest):
    """A cluster of its own for each class."""
    settings = ()
    size = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = pg.Cluster(cls.size)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start(*cls.settings)
        os.environ["CIM_TEST_PG"] = cls.cluster.folder
        super().setUpClass()
        cls.database = test_host.CLEAN["CIM_STORE_URL"].split("///")[1].split("?")[0]

    def setUp(self):
        super().setUp()
        self.sql("delete from lpg_place")

    def sql(self, text):
        return psql(self.database, text).strip()

    def check(self, writers):
        """All that was acknowledged is there, once; of a batch all or nothing; each record has its change, each change
        its place."""
        names = collections.Counter(self.sql("select name from lpg_place").split())
        self.assertEqual({}, {name: n for name, n in names.items() if n > 1})
        rows = collections.Counter(name.rsplit("-", 1)[0] for name in names if name[0] == "b")
        self.assertEqual({}, {name: n for name, n in rows.items() if n != BATCH})
        self.assertEqual(set(), writers.acknowledged - set(rows) - set(names), writers)
        wait_for(self, lambda: self.sql("select count(*) from cim_change_pending") == "0", "changes without a place")
        self.assertEqual("1|0", self.sql("select min(pos), max(pos) - count(*) from cim_change"))
        self.assertEqual("0", self.sql("select count(*) from lpg_place p where (select count(*) from cim_change c where "
                                       "c.layer = 'lpg.places' and c.fid = p.fid) <> 1"))
        self.assertEqual(self.sql("select max(pos) from cim_change where layer = 'lpg.places'"),
                         self.sql("select pos from cim_layer_pos where layer = 'lpg.places'"))

    def check_told(self, writers, *statuses):
        """Nobody was told anything else, and these with words for people and when to come again."""
        self.assertEqual(set(), set(writers.told) - HELD_UP - {201}, writers)
        for status in statuses:
            headers, text = writers.last[status]
            problem = json.loads(text)
            self.assertEqual(status, problem["status"])
            self.assertIn("数据库", problem["detail"], text)
            self.assertIn("database", problem["detail_en"], text)
            self.assertEqual(status == 503, "Retry-After" in headers)


class Killed(OutageTest):
    def test_killed_again_and_again(self):
        writers = Writers(self)
        try:
            for _ in range(5):
                writers.go_on()
                self.cluster.kill()
                for path, status in (("/health", 200), (ITEMS + "?limit=1", 503)):
                    self.assertEqual(status, self.host.get(path, self.editor)[0])
                self.cluster.serve()
            writers.go_on()
        finally:
            writers.end()
        self.check_told(writers, 503)
        self.check(writers)
        self.assertEqual(0, self.host.stop())
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))
        self.host.serve(*self.flags)


class StandsStill(OutageTest):
    """Processes that are stopped answer nothing, not even that they should stop what they do."""
    flags = ("--store.write_timeout_ms=1000", "--store.read_timeout_ms=1000", "--supervisor.hang_ms=4000",
             "--http.workers=6")
    address = "&connect_timeout=2"

    @contextlib.contextmanager
    def stopped(self, pids):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def held_up(self, pids, n_told, *read):
        writers = Writers(self)
        worker = pg.descendants(self.host.process.pid)
        try:
            writers.go_on()
            with self.stopped(pids()):
                wait_for(self, lambda: writers.told[503] >= n_told, writers)
                status, headers, text = self.host.get(ITEMS + "?limit=1", self.editor)
                self.assertEqual(read, (status, "Retry-After" in headers), text)
                self.assertEqual(200, self.host.get("/health")[0])
            writers.go_on()
        finally:
            writers.end()
        self.check_told(writers, 503)
        self.check(writers)
        self.assertEqual(worker, pg.descendants(self.host.process.pid), "who waits for the database is not stuck")

    def test_its_connections_stand_still(self):
        self.held_up(lambda: [int(pid) for pid in self.sql(
            "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()").split()], 1, 200, False)

    def test_the_machine_stands_still(self):
        self.held_up(self.cluster.processes, 8, 503, True)


class FullDisk(OutageTest):
    size = "400m"
    settings = ("min_wal_size=32MB", "max_wal_size=64MB")

    @contextlib.contextmanager
    def full(self):
        path = self.cluster.inside("filler")
        with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        try:
            yield
        finally:
            os.unlink(path)

    def test_no_room_for_records(self):
        writers = Writers(self)
        try:
            writers.go_on()
            with self.full():
                wait_for(self, lambda: writers.told[507] >= 3, writers)
                self.assertEqual(200, self.host.get(ITEMS + "?limit=1", self.editor)[0])  # reading goes on
            writers.go_on()
        finally:
            writers.end()
        self.check_told(writers, 507)
        self.check(writers)

    def test_no_room_for_the_log(self):
        """PostgreSQL ends, and does not start before there is room."""
        writers = Writers(self)
        try:
            writers.go_on()
            with self.full():
                while self.cluster.server.poll() is None:
                    with contextlib.suppress(AssertionError):
                        psql("postgres", "select pg_switch_wal()")
                wait_for(self, lambda: writers.told[503] >= 3, writers)
            self.cluster.serve(*self.settings)
            writers.go_on()
        finally:
            writers.end()
        self.check_told(writers, 503)
        self.check(writers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    unittest.main(argv=[sys.argv[0], "-v", *rest])


if __name__ == "__main__":
    main()
