#!/usr/bin/env python3
"""The machine's clock is set forwards and back while people write: order is by position, versions only grow, keys and
sessions hold, and the audit stays sound.

usage: test_clock.py --host CIM_HOST --plugins DIR --shift CLOCK_SHIFT_SO [unittest arguments]
"""
import argparse
import json
import os
import sqlite3
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import pg  # noqa: E402  pylint: disable=wrong-import-position
from platform_places import ITEMS, PlacesTest, lines, place, psql, test_host  # noqa: E402  pylint: disable=wrong-import-position

SHIFT = None
MINUTE, HOUR, DAY = 60, 3600, 86400


class Stepped(PlacesTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.stop()
        cls.file = os.path.join(cls.host.var, "clock")
        cls.set_clock(0)
        cls.serve()

    @classmethod
    def serve(cls):
        """Under the clock that the test sets."""
        test_host.CLEAN.update(LD_PRELOAD=SHIFT, CLOCK_SHIFT_FILE=cls.file,
                               ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        try:
            cls.host.serve(*cls.flags)
        finally:
            for name in ("LD_PRELOAD", "CLOCK_SHIFT_FILE", "ASAN_OPTIONS"):
                del test_host.CLEAN[name]

    @classmethod
    def set_clock(cls, seconds):
        with open(cls.file, "r+b" if os.path.exists(cls.file) else "w+b") as file:
            file.write(struct.pack("=q", seconds * 10 ** 9))

    def rows(self, sql):
        if "CIM_STORE_URL" in test_host.CLEAN:
            database = test_host.CLEAN["CIM_STORE_URL"].split("///")[1].split("?")[0]
            return [tuple(line.split("|")) for line in psql(database, sql).splitlines()]
        store = sqlite3.connect("file:%s?mode=ro" % os.path.join(self.host.var, "cim.gpkg"), uri=True)
        try:
            return [tuple(str(value) for value in row) for row in store.execute(sql)]
        finally:
            store.close()

    def test_order_versions_keys_and_sessions_hold(self):
        workers = pg.descendants(self.host.process.pid)
        status, headers, body = self.send("POST", ITEMS, self.editor, place("钟"))
        self.assertEqual(201, status, body)
        record, tag, version = ITEMS + "/" + str(json.loads(body)["id"]), headers["ETag"], 1
        first, keys, seen = self.editor, [], []
        for number, offset in enumerate((0, HOUR, -HOUR, -DAY, DAY, MINUTE, -2 * HOUR, 0)):
            self.set_clock(offset)
            with self.subTest(offset=offset):
                if offset in (HOUR, -HOUR, -DAY):
                    self.assertEqual(200, self.send("GET", ITEMS + "?limit=1", first)[0], "a session goes on")
                self.tokens.clear()
                self.editor = self.token("editor")
                status, headers, body = self.send("POST", ITEMS, self.editor, place("钟%d" % number),
                                                  Idempotency_Key="clock-%d" % number)
                self.assertEqual(201, status, body)
                keys.append((number, offset, headers["Location"]))
                status, _, body = self.send("POST", ITEMS, self.editor, lines(*(place("批%d" % i) for i in range(5))),
                                            "application/x-ndjson")
                self.assertEqual(201, status, body)
                # One version after the other, and who saw an older one is refused.
                status, headers, body = self.send("PATCH", record, self.editor, {"properties": {"name": "钟点%d" % number}},
                                                  "application/merge-patch+json", If_Match=tag)
                self.assertEqual(200, status, body)
                version += 1
                self.assertEqual(412, self.send("PATCH", record, self.editor, {"properties": {"name": "旧"}},
                                                "application/merge-patch+json", If_Match=tag)[0])
                tag = headers["ETag"]
                self.assertEqual('"%d-' % version, tag[:len('"%d-' % version)])
                # What was done under a key within its day is done, also when that is yet to come.
                for key, made, location in keys:
                    if offset - made >= DAY:
                        continue
                    status, headers, body = self.send("POST", ITEMS, self.editor, place("钟%d" % key),
                                                      Idempotency_Key="clock-%d" % key)
                    self.assertEqual((201, "true", location), (status, headers["Idempotency-Replayed"], headers["Location"]), body)
                seen.append(self.total())
        self.assertEqual([self.before + 1 + 6 * (i + 1) for i in range(8)], seen)
        # Positions are dense and in the order of writing, whatever time each change has.
        changes = self.rows("select pos, at from cim_change where layer = 'lpg.places' order by pos")
        positions = [int(pos) for pos, _ in changes]
        self.assertEqual(1 + 8 * 7, len(positions))
        whole = [int(pos) for pos, in self.rows("select pos from cim_change order by pos")]
        self.assertEqual(list(range(1, len(whole) + 1)), whole)
        times = [at for _, at in changes]
        self.assertGreaterEqual(len({at[:10] for at in times}), 3, "the clock did step: days before, now and after")
        self.assertNotEqual(sorted(times), times, "and back")
        self.assertEqual(workers, pg.descendants(self.host.process.pid), "nobody took it for a hang")
        self.assertEqual(0, self.host.stop())
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))
        self.serve()

    def test_what_is_over_is_over(self):
        """A token's time passes by the clock that is set."""
        token = self.token("other")
        self.set_clock(3 * DAY)
        self.assertEqual(401, self.send("GET", ITEMS + "?limit=1", token)[0])
        self.set_clock(0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    parser.add_argument("--shift", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    SHIFT = test_host.ARGS.shift
    unittest.main(argv=sys.argv[:1] + rest, verbosity=2)
