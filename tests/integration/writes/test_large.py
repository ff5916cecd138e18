#!/usr/bin/env python3
"""A body of 100 MB: all of it or nothing, in memory that does not grow with it.

usage: test_large.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import http.client
import json
import math
import os
import socket
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import pg  # noqa: E402  pylint: disable=wrong-import-position
from platform_places import PlacesTest, test_host  # noqa: E402  pylint: disable=wrong-import-position

ITEMS = "/collections/lpg.restricted-zones/items"
BODY_BYTES = 100 * 10 ** 6
CORNERS = 4000  # of an area: few records and many bytes, so that the sanitizers leave the test short
CIRCLE = [(0.008 * math.cos(2 * math.pi * i / CORNERS), 0.008 * math.sin(2 * math.pi * i / CORNERS)) for i in range(CORNERS)]
# What the worker may take more than before, in KiB: pieces of 256 records on their way (16 MiB and copies of it), and on
# the embedded store the pages that a transaction has written, of which SQLite keeps 128 MiB before it lets them go.
GROWTH_MAX_KIB = (128 << 10) + (0 if "CIM_TEST_PG" in os.environ else 128 << 10)


def zone(number):
    """A line of some 115 KB."""
    x, y = 109.5 + number % 40 * 0.02, 19.2 + number // 40 * 0.02
    ring = ["[%.9f,%.9f]" % (x + dx, y + dy) for dx, dy in CIRCLE]
    return ('{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[[%s]]]},"properties":{"zone_no":"Z-%06d","name":"区%d",'
            '"area_code":"460100","kind":"key_area","all_day":true}}\n' % (",".join(ring + ring[:1]), number, number)).encode()


class Large(PlacesTest):
    def setUp(self):
        self.editor = self.token("editor")

    def worker(self):
        return (pg.descendants(self.host.process.pid) or [self.host.process.pid])[-1]

    def high_water_kib(self):
        with open("/proc/%d/status" % self.worker(), encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

    def stored(self):
        return json.loads(self.host.get(ITEMS + "?limit=1&skipGeometry=true", self.editor)[2])["numberMatched"]

    def connect(self, length):
        parts = urllib.parse.urlsplit(self.host.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=300)
        connection.putrequest("POST", ITEMS)
        for name, value in (("Authorization", "Bearer " + self.editor), ("Content-Type", "application/x-ndjson"),
                            ("Content-Length", str(length))):
            connection.putheader(name, value)
        connection.endheaders()
        return connection

    def test_all_of_it_in_little_memory(self):
        lines, size = [], 0
        while size < BODY_BYTES:
            lines.append(zone(len(lines)))
            size += len(lines[-1])
        # Half a line is missing at the end, and the client is gone.
        connection = self.connect(size)
        for line in lines[:20]:
            connection.send(line)
        connection.send(lines[20][:len(lines[20]) // 2])
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
        self.assertEqual(0, self.stored())
        before = self.high_water_kib()
        connection = self.connect(size)
        for line in lines:
            connection.send(line)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.assertEqual(201, answer.status, text[:2000])
        self.assertEqual(len(lines), self.stored())
        grown = self.high_water_kib() - before
        print("%d bytes, %d records: %d KiB more at the most" % (size, len(lines), grown), file=sys.stderr)
        self.assertLess(grown, GROWTH_MAX_KIB)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    test_host.CLEAN["ASAN_OPTIONS"] = "quarantine_size_mb=8"
    unittest.main(argv=sys.argv[:1] + rest, verbosity=2)
