"""A worker that is killed: the map goes on from the file of a layer, with the edits that came after it."""
import os
import pathlib
import signal
import time
import unittest
import urllib.error

import host
from test_edits import COLLECTION, feature, lines, send, total
from test_tiles import mvt, records_of, tiles_by_zoom

MANY = 1200  # more than a layer needs to be worth a file
FILE = pathlib.Path(os.environ["CIM_VAR"], "cache", "lpg", "lpg.enterprises.mercator.map")
LOG = pathlib.Path(host.WORK, "host.log")
SUPERVISOR = os.environ["CIM_TEST_HOST_PID"]


def workers():
    return set(pathlib.Path("/proc", SUPERVISOR, "task", SUPERVISOR, "children").read_text().split())


class Restart(unittest.TestCase):
    def until(self, what, holds, seconds=120):
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.05)

    def told(self):
        return LOG.read_text().count("lpg.enterprises: ")

    def kill_worker(self):
        before = workers()
        (worker,) = before
        os.kill(int(worker), signal.SIGKILL)
        began = time.monotonic()

        def serves():
            try:
                return workers() and workers() != before and host.get("/ready").status == 200
            except (OSError, urllib.error.URLError):
                return False
        self.until("another worker", serves)
        return began

    def assert_sums(self, matched):
        for zoom, tiles in enumerate(tiles_by_zoom("enterprises", "admin", 6)):
            self.assertEqual(records_of("enterprises", tiles), matched, zoom)

    def test_after_a_kill_tiles_are_whole_and_have_the_edits_since(self):
        world = "-180,-90,180,90"
        answer = send("POST", COLLECTION, lines([feature() for _ in range(MANY)]), kind="application/x-ndjson")
        self.assertIn(answer.status, (200, 201), answer.text[:400])
        one = send("POST", COLLECTION, feature())
        self.assert_sums(total(bbox=world))
        self.until("a file of the layer", FILE.exists)
        self.assertEqual(FILE.stat().st_mode & 0o777, 0o600)
        moved = send("PATCH", one.headers["Location"], {"properties": {"licence_state": "suspended"}},
                     kind="application/merge-patch+json")
        self.assertIn(moved.status, (200, 204), moved.text[:400])
        for _ in range(3):
            self.assertEqual(send("POST", COLLECTION, feature()).status, 201)
        gone = send("POST", COLLECTION, feature())
        self.assertEqual(send("DELETE", gone.headers["Location"]).status, 204)
        matched = total(bbox=world)
        before = mvt.read(host.get("/collections/lpg.enterprises/tiles/WebMercatorQuad/0/0/0", "admin").body)
        told = self.told()
        began = self.kill_worker()
        after = mvt.read(host.get("/collections/lpg.enterprises/tiles/WebMercatorQuad/0/0/0", "admin").body)
        print("first tile %.2f s after the kill" % (time.monotonic() - began))
        self.assertEqual(after, before)
        self.assert_sums(matched)
        self.assertGreater(self.told(), told, "the layer was read from the store")

        cut = FILE.with_suffix(".cut")  # not in place: the worker has the file mapped
        cut.write_bytes(FILE.read_bytes()[:-1])
        cut.replace(FILE)
        self.kill_worker()
        self.assert_sums(matched)
        self.assertIn("is damaged", LOG.read_text())


if __name__ == "__main__":
    unittest.main()
