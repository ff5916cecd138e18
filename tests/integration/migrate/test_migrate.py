#!/usr/bin/env python3
"""Moving the data store: everything arrives, the source stays, and work goes on where it stopped.

usage: test_migrate.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
for _name in ("writes", "leak"):
    sys.path.insert(0, os.path.join(FOLDER, "..", _name))
import canaries  # noqa: E402  pylint: disable=wrong-import-position
from platform_places import (  # noqa: E402  pylint: disable=wrong-import-position
    ITEMS, PASSWORD, lines, place, psql, test_host)

# Each type of field and of geometry, none at all, and fields that are masked.
LAYERS = ("lpg.places", "lpg.roads", "lpg.coastline", "lpg.land-use", "lpg.cylinders", "lpg.end-users", "lpg.vehicles")
NEWEST = "select coalesce(max(pos), 0), count(*) from cim_change"


def hash_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Move(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        test_host.CLEAN.pop("CIM_STORE_URL", None)
        cls.host = test_host.Platform()
        cls.addClassCleanup(cls.host.close)
        areas = os.path.join(cls.host.var, "areas.csv")
        with open(areas, "w", encoding="utf-8") as file:
            file.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n460000,海南省,province,,,,,\n")
            for code, name in (("460100", "海口市"), ("460200", "三亚市")):
                file.write("%s,%s,city,460000,,1988-04-26,,\n" % (code, name))
            for n in (105, 106, 107, 108, 202, 203, 204, 205):
                file.write("460%d,区%d,county,460%d00,,,,\n" % (n, n, n // 100))
        cls.host.run("areas", "import", areas)
        cls.host.run("plugin", "enable", "lpg")
        cls.host.run("user", "add", "editor", "--roles", "data-manager,regulator", "--areas=*", "--password-file=-",
                     stdin=PASSWORD + "\n")
        layers = canaries.load_layers()
        for layer in LAYERS:
            path = os.path.join(cls.host.var, layer + ".geojson")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(layers[layer].geojson(), file, ensure_ascii=False)
            cls.host.run("import", path, "--layer=" + layer, "--crs=cgcs2000")

    def send(self, method, path, body=None, kind="application/geo+json", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["Content-Type"] = kind
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.host.get(path, self.host.token("editor"), method, body, headers)

    def answers(self):
        """What people are shown of each layer, without addresses."""
        found = {}
        for layer in LAYERS:
            for query in ("?limit=500", "?limit=20&sortby=-updated_at&bbox=109,18,111,21"):
                status, _, text = self.send("GET", "/collections/%s/items%s" % (layer, query))
                answer = json.loads(text)
                self.assertEqual(200, status, text)
                found[layer + query] = [answer["numberMatched"],
                                        [{key: each[key] for key in ("id", "geometry", "properties")}
                                         for each in answer["features"]]]
        return found

    def settled(self):
        """The same, when the clock job, which looks each second, has nothing left to do."""
        until = time.monotonic() + 60
        shown = self.answers()
        while True:
            time.sleep(2.5)
            now = self.answers()
            if now == shown:
                return now
            self.assertLess(time.monotonic(), until)
            shown = now

    def move(self, target):
        text = self.host.run("migrate", "--to=" + target)
        tables = {}
        for name, before, after, digest in re.findall(r"^(\w+) +(\d+) +(\d+)  ([0-9a-f]{64})$", text, re.M):
            self.assertEqual(before, after, name)
            tables[name] = (int(before), digest)
        self.assertEqual(len(tables), int(re.search(r"(\d+) tables", text)[1]), text)
        return tables

    def sqlite(self, sql):
        with sqlite3.connect("file:%s?mode=ro" % os.path.join(self.host.var, "cim.gpkg"), uri=True) as db:
            return db.execute(sql).fetchone()

    def edit(self):
        """A little of everything that leaves a trace; returns what a key was answered, and the number of a record
        that is gone."""
        answer = self.send("POST", ITEMS, lines(*[place("镇%d" % i) for i in range(300)]), "application/x-ndjson",
                           Idempotency_Key="many")
        self.assertEqual(201, answer[0], answer[2])
        bare = dict(place("无坐标𠮷"), geometry=None)
        made = [json.loads(self.send("POST", ITEMS, body)[2])["id"] for body in (place("甲"), bare, place("乙"))]
        self.assertEqual(200, self.send("PATCH", "%s/%s" % (ITEMS, made[0]), {"properties": {"name": "改名 é 🚚"}},
                                        "application/merge-patch+json")[0])
        self.assertEqual(204, self.send("DELETE", "%s/%s" % (ITEMS, made[2]))[0])
        return answer, made[2]

    def go_on(self, answer, gone, newest):
        """The store serves as if nothing had happened; `newest`: reads the log's end."""
        again = self.send("POST", ITEMS, lines(*[place("镇%d" % i) for i in range(300)]), "application/x-ndjson",
                          Idempotency_Key="many")
        self.assertEqual("true", again[1]["Idempotency-Replayed"], again[2])
        self.assertEqual(answer[2], again[2])
        before = newest()
        status, _, text = self.send("POST", ITEMS, place("丙"))
        self.assertEqual(201, status, text)
        self.assertGreater(int(json.loads(text)["id"]), int(gone))
        self.assertEqual((before[0] + 1, before[1] + 1), tuple(newest()))
        return json.loads(text)["id"]

    def test_there_and_back(self):
        var = self.host.var
        database = "move_%d" % os.getpid()
        psql("postgres", "create database %s template cim_template" % database)
        url = "postgresql:///%s?host=%s&user=cim" % (database, os.environ["CIM_TEST_PG"])
        self.host.serve()
        answer, gone = self.edit()
        shown = self.settled()
        text = self.host.run("migrate", "--to=" + url, fails=True)
        self.assertIn("serve", text)  # who holds the data directory
        self.assertEqual(0, self.host.stop())

        kept = hash_of(os.path.join(var, "cim.gpkg"))
        log = self.sqlite(NEWEST)
        there = self.move(url)
        self.assertEqual(kept, hash_of(os.path.join(var, "cim.gpkg")))
        self.assertEqual(sum(each[0] for name, each in there.items() if name == "cim_change"), log[1])
        for name, (n_rows, _) in there.items():
            own = self.sqlite("select count(*) from " + name)
            self.assertEqual(own[0], n_rows, name)
        for name in ("cim_area", "cim_audit", "cim_batch", "cim_batch_row", "cim_change", "cim_idempotency",
                     "cim_data_key", "cim_layer_pos", "lpg_cylinder", "lpg_end_user"):
            self.assertGreater(there[name][0], 0, name)
        self.assertIn("empty", self.host.run("migrate", "--to=" + url, fails=True))

        test_host.CLEAN["CIM_STORE_URL"] = url
        self.addCleanup(test_host.CLEAN.pop, "CIM_STORE_URL", None)
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))
        self.host.serve()
        self.assertEqual(shown, self.answers())
        gone = self.go_on(answer, gone, lambda: [int(n) for n in psql(database, NEWEST).split("|")])
        self.assertEqual(204, self.send("DELETE", "%s/%s" % (ITEMS, gone))[0])
        shown = self.settled()
        self.assertEqual(0, self.host.stop())

        back = os.path.join(var, "back.gpkg")
        self.move(back)
        self.assertIn("back.gpkg", self.host.run("migrate", "--to=" + back, fails=True))
        del test_host.CLEAN["CIM_STORE_URL"]
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(os.path.join(var, "cim.gpkg" + suffix)):
                os.remove(os.path.join(var, "cim.gpkg" + suffix))
        shutil.move(back, os.path.join(var, "cim.gpkg"))
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))
        self.host.serve()
        self.assertEqual(shown, self.answers())
        self.go_on(answer, gone, lambda: self.sqlite(NEWEST))
        self.assertEqual(0, self.host.stop())
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))

    def test_stopped_on_the_way(self):
        kept = hash_of(os.path.join(self.host.var, "cim.gpkg"))
        target = os.path.join(self.host.var, "half.gpkg")
        process = subprocess.Popen(
            [test_host.ARGS.host, "migrate", "--var", self.host.var, "--plugins.dirs", self.host.plugins,
             "--to=" + target], env=test_host.CLEAN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 60
        while not os.path.exists(target) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        self.assertEqual(1, process.returncode, told)
        self.assertIn("cancelled", told)
        self.assertIn("remove " + target, told)
        self.assertEqual(kept, hash_of(os.path.join(self.host.var, "cim.gpkg")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], "-v", *rest])


if __name__ == "__main__":
    main()
