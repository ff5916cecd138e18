#!/usr/bin/python3
"""Two hosts on one PostgreSQL that share vector tiles in Redis: what one has drawn the other takes, each account what it
may see, nothing from before an edit or of another history of the store; and without Redis the maps are as they were.

usage: tests/support/pg.py -- test_tiles.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import json
import os
import pathlib
import random
import signal
import sys
import time
import unittest
import uuid

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1] / "host"), str(HERE.parents[2] / "support")]
import mvt  # noqa: E402
import test_host  # noqa: E402
from test_shared import JSON, Redis, sql  # noqa: E402

AREAS = "code,name,level,parent\n460000,海南省,province,\n460100,海口市,city,460000\n460200,三亚市,city,460000\n"
ITEMS = "/collections/lpg.enterprises/items"
TILE = "/collections/lpg.enterprises/tiles/WebMercatorQuad/%d/%d/%d"
PLACES = {"460100": (110.33, 20.03), "460200": (109.51, 18.25)}
EDITS = 40
SOON_S = 10


def enterprise(area):
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": PLACES[area]},
            "properties": {"name": "企业" + uuid.uuid4().hex[:8], "org_code": uuid.uuid4().hex[:16], "kind": "integrated",
                           "licence_state": "valid", "area_code": area}}


def count(tile):
    return sum(f["tags"].get("count", 1) for f in mvt.read(tile).get("lpg.enterprises", ()))


class Tiles(unittest.TestCase):
    def setUp(self):
        self.database = "shared_" + uuid.uuid4().hex[:12]
        sql("create database %s template cim_template" % self.database)
        self.redis = Redis()
        self.addCleanup(self.redis.close)
        self.redis.start()
        self.hosts = [test_host.Platform(ARGS.plugins) for _ in range(2)]
        var = self.hosts[0].var
        self.flags = ("--store.url=postgresql://cim@/%s?host=%s" % (self.database, os.environ["CIM_TEST_PG"].replace("/", "%2F")),
                      "--supervisor.enabled=false", "--audit.key_file=" + os.path.join(var, "a.key"),
                      "--crypt.key_file=" + os.path.join(var, "c.key"), "--tiles.redis_url=" + self.redis.url)
        areas = pathlib.Path(var, "areas.csv")
        areas.write_text(AREAS)
        self.tokens = {}
        for host in self.hosts:
            self.addCleanup(host.close)
            if host is self.hosts[0]:
                host.run("migrate", *self.flags)
                host.run("areas", "import", str(areas), *self.flags)
            host.run("plugin", "enable", "lpg", *self.flags)
            for name, roles, where in (("ann", "platform-admin,data-manager,base-map", "*"), ("bob", "base-map,regulator", "460100")):
                host.run("user", "add", name, "--roles=" + roles, "--areas=" + where, "--password-file=-", *self.flags,
                         stdin=test_host.PASSWORD + "\n")
            host.serve(*self.flags)
        self.fids = [self.create(0, area) for area in PLACES for _ in range(5)]

    def ask(self, at, path, who="ann", **how):
        if (at, who) not in self.tokens:
            self.tokens[at, who] = self.hosts[at].token(who)
        return self.hosts[at].get(path, self.tokens[at, who], **how)

    def create(self, at, area):
        status, headers, text = self.ask(at, ITEMS, method="POST", body=json.dumps(enterprise(area)).encode(),
                                         headers={"Content-Type": "application/geo+json"})
        self.assertEqual(201, status, text)
        return int(headers["Location"].rsplit("/", 1)[1])

    def delete(self, at, fid):
        status, _, text = self.ask(at, "%s/%d" % (ITEMS, fid), method="DELETE")
        self.assertEqual(204, status, text)

    def tile(self, at, who="ann", place=(0, 0, 0)):
        status, _, body = self.ask(at, TILE % place, who)
        self.assertIn(status, (200, 204), body[:300])
        return body

    def until(self, what, holds):
        end = time.monotonic() + SOON_S
        while not holds():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def both_count(self, n):
        for at in (0, 1):
            self.until("host %d tells %d" % (at, n), lambda: count(self.tile(at)) == n)

    def hits(self):
        return int(next(line for line in self.redis.say("INFO", "stats").splitlines()
                        if line.startswith("keyspace_hits:")).split(":")[1])

    def names(self):
        return self.redis.say("--raw", "KEYS", "cim:tile:*").split()

    def again(self, at):
        """The same host with nothing in its memory."""
        self.assertEqual(0, self.hosts[at].stop())
        self.hosts[at].serve(*self.flags)
        self.tokens.clear()

    def test_what_one_has_drawn_the_other_takes(self):
        self.both_count(10)
        place = (3, 3, 6)
        first = self.tile(0, place=place)
        names, before = self.names(), self.hits()
        self.assertEqual(first, self.tile(1, place=place))
        self.assertEqual(before + 1, self.hits())
        self.assertEqual(names, self.names())
        theirs = self.tile(0, "bob", place)
        self.assertEqual(5, count(theirs))
        self.assertEqual(len(names) + 1, len(self.names()))
        self.assertEqual(theirs, self.tile(1, "bob", place))
        self.assertEqual(before + 2, self.hits())
        for name in self.names():
            self.assertTrue(0 < int(self.redis.say("PTTL", name)) <= 3600000)

    def test_no_host_shows_a_tile_from_before_an_edit(self):
        chance = random.Random(20261128)
        seen = self.hits()
        for _ in range(EDITS):
            at = chance.randrange(2)
            if len(self.fids) < 4 or chance.random() < 0.5:
                self.fids.append(self.create(at, chance.choice(list(PLACES))))
            else:
                self.delete(at, self.fids.pop(chance.randrange(len(self.fids))))
            # Who wrote it sees it at once; the other as soon as it hears of it, and from then on.
            self.assertEqual(len(self.fids), count(self.tile(at)))
            self.both_count(len(self.fids))
            for who in (0, 1):
                self.assertEqual(len(self.fids), count(self.tile(who, place=(1, 0, 1))))
        self.assertGreater(self.hits(), seen)

    def test_what_is_damaged_or_of_another_history_is_not_taken(self):
        places = [(z, (1 << z) * 14 // 32, (1 << z) * 51 // 64) for z in range(8)]
        right = [self.tile(0, place=place) for place in places]
        for i, name in enumerate(self.names()):
            if i % 3 == 0:
                self.redis.say("SETRANGE", name, "12", "????")
            elif i % 3 == 1:
                self.redis.say("SET", name, "")
            else:
                self.redis.say("DEL", name)
                self.redis.say("RPUSH", name, "no", "text")
        self.assertEqual(right, [self.tile(1, place=place) for place in places])
        for name in self.names():
            self.redis.say("DEL", name)
        self.again(0)
        self.assertEqual(right, [self.tile(0, place=place) for place in places])
        before = self.hits()
        self.again(1)
        self.assertEqual(right, [self.tile(1, place=place) for place in places])
        self.assertEqual(before + len(places), self.hits())
        # The same positions in a store that was set back and went on otherwise.
        sql("update cim_change set at = at + interval '1 second'", self.database)
        self.again(1)
        before = self.hits()
        self.assertEqual(right, [self.tile(1, place=place) for place in places])
        self.assertEqual(before, self.hits())

    def test_without_redis_maps_are_as_they_were(self):
        self.both_count(10)
        self.redis.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        self.assertEqual(10, count(self.tile(0, place=(1, 0, 1))))
        self.assertLess(time.monotonic() - began, 2)
        self.redis.stop()
        for at in (0, 1):
            self.fids.append(self.create(at, "460100"))
            self.both_count(len(self.fids))
            began = time.monotonic()
            self.assertEqual(len(self.fids), count(self.tile(at, place=(2, 1, 3))))
            self.assertLess(time.monotonic() - began, 2)
        self.redis.start()
        self.redis.say("FLUSHALL")
        z = iter(range(3, 12))
        self.until("tiles are shared again", lambda: (lambda at: self.tile(0, place=(at, 0, 0)))(next(z, 11)) is not None
                   and (time.sleep(0.3) or self.names()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    ARGS, rest = parser.parse_known_args()
    test_host.ARGS = ARGS
    unittest.main(argv=[sys.argv[0], "-v", *rest])
