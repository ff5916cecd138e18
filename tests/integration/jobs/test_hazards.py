#!/usr/bin/python3
"""lpg.route-hazards against a platform that serves: bad input is named, what is cancelled or nobody waits for
stops within a second and frees its memory.

usage: test_hazards.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import json
import math
import os
import re
import socket
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
# Freed memory goes back at once: what is measured is what is held.
os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1:" + os.environ.get("ASAN_OPTIONS", "")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "host"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_host  # noqa: E402
import test_jobs  # noqa: E402

test_host.CLEAN["ASAN_OPTIONS"] = os.environ["ASAN_OPTIONS"]
STOP_S = 3  # a second on a machine that is not loaded


def wriggle(n, west=109.6):
    """A line of n positions that goes to and fro, some 20 m at a time."""
    return {"type": "LineString", "coordinates": [[round(west + 0.0002 * i + 0.00005 * math.sin(i), 5),
                                                   round(19.5 + 0.1 * math.sin(i / 50), 5)] for i in range(n)]}


# What the examples of docs/analyses.md are about.
EXAMPLE_RECORDS = {
    "roads": [("LineString", [[110.199, 19.98], [110.28, 20.0], [110.351, 20.02]], {"class": "county"})],
    "buildings": [("Polygon", [[[110.281, 20.0006], [110.2812, 20.0006], [110.2812, 20.0008], [110.281, 20.0008],
                                [110.281, 20.0006]]],
                   {"building_no": "B1", "use": "dwelling", "residents": 40, "households": 12, "height_m": 9})],
    "stations": [("Point", [110.2809, 20.0007], {"station_no": "S1", "name": "近站", "kind": "supply", "class": "II",
                                                 "licence_state": "valid", "full_volume_l": 3000})],
    "emergency-resources": [("Point", [110.29, 20.0], {"resource_no": "R1", "name": "消防站", "kind": "fire_station"})],
}

# Whose answers are looked at as files, too.
FILED = ("lpg.buffer", "lpg.overlay", "lpg.topology", "lpg.density", "lpg.siting")


class Hazards(test_jobs.JobsTest):
    enabled = ("lpg",)
    flags = ("--supervisor.enabled=false", "--http.max_body_bytes=33554432")

    @classmethod
    def setUpClass(cls):
        """Accounts as the others have, with the roles of this plugin."""
        cls.host = test_host.Platform(ARGS.plugins)
        for name, roles in (("admin", "platform-admin"), ("ann", "regulator")):
            cls.host.run("user", "add", name, "--roles", roles, "--areas=*", "--password-file=-",
                         stdin=test_host.PASSWORD + "\n")
        cls.host.run("plugin", "enable", "lpg")
        areas = os.path.join(cls.host.var, "areas.csv")
        with open(areas, "w", encoding="utf-8") as file:
            file.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n460000,海南省,province,,,,,\n")
        cls.host.run("areas", "import", areas)
        elements = os.path.join(cls.host.var, "elements.geojsonl")
        with open(elements, "w", encoding="utf-8") as file:
            for i in range(5000):
                file.write(json.dumps({"type": "Feature", "geometry": {"type": "Point", "coordinates": [
                    109.6 + 0.0001 * (i % 100), 19.4 + 0.004 * (i // 100)]}, "properties": {
                        "name": "校%d" % i, "kind": "school", "element_group": "crowd", "persons": 100,
                        "area_code": "460000"}}) + "\n")
        cls.host.run("import", elements, "--layer=lpg.risk-elements", "--crs=cgcs2000")
        for layer, features in EXAMPLE_RECORDS.items():
            path = os.path.join(cls.host.var, layer + ".geojson")
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"type": "FeatureCollection", "features": [
                    {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates},
                     "properties": dict(properties, area_code="460000")} for kind, coordinates, properties in features]}, file)
            cls.host.run("import", path, "--layer=lpg." + layer, "--crs=cgcs2000")
        cls.host.serve(*cls.flags)
        cls.tokens = {name: cls.host.token(name) for name in ("admin", "ann")}

    def run_hazards(self, inputs, **headers):
        return self.execute({"inputs": inputs}, process="lpg.route-hazards", **headers)

    def test_bad_input_is_named(self):
        line = {"type": "LineString", "coordinates": [[110.1, 19.9], [110.2, 19.9]]}

        def through(*positions):
            return {"type": "LineString", "coordinates": [list(position) for position in positions]}

        for inputs, status, param, says in (
                ({}, 400, "route", "either route"),
                ({"route": through((110, 19), (115, 19))}, 400, "route", "526.4 km from the one before"),
                ({"route": through((110, 19), (110, 19))}, 400, "route", "two different positions"),
                ({"route": through((110, 19))}, 400, "route", "at least two"),
                ({"route": through((19.9, 110.1), (19.9, 110.2))}, 400, "route", "[longitude, latitude]"),
                ({"route": wriggle(200001)}, 413, "route", "at most 200000"),
                ({"route": {"type": "LineString", "coordinates": [[110, 19]] * 1000000}}, 413, "route", "at most 200000"),
                ({"route": {"type": "Polygon", "coordinates": []}}, 400, "route", None),
                ({"route": "no-such-route"}, 404, "route", "no such route"),
                ({"route": {"vehicle": "V", "from": "2026-11-26T00:00:00Z", "to": "2026-11-27T00:00:00Z"}}, 404, "route",
                 "no driven track"),
                ({"route": line, "distance_m": 0}, 400, "inputs.distance_m", None),
                ({"route": line, "distance_m": -1}, 400, "inputs.distance_m", None),
                ({"route": line, "distance_m": 1e300}, 400, "inputs.distance_m", None),
                ({"route": line, "kinds": ["casino"]}, 400, "kinds[0]", "no such kind"),
                ({"routes": [line] * 1001}, 400, "inputs.routes", None),
                ({"routes": [line, through((110, 19), (120, 19))]}, 400, "routes[1]", "position 2")):
            found, _, problem = self.run_hazards(inputs)
            self.assertEqual((status, param), (found, problem.get("param")), problem)
            self.assertIn(says or "expected", problem["detail_en"])
            self.assertRegex(problem["detail"], "[\u4e00-\u9fff]")
        for number in (b"NaN", b"Infinity", b"1e999"):
            status, _, problem = self.execute(b'{"inputs":{"route":{"type":"LineString","coordinates":[[110,19],[%s,19]]}}}'
                                              % number, process="lpg.route-hazards")
            self.assertEqual(400, status, problem)

    def test_examples_of_the_document_run(self):
        """Those of docs/analyses.md that name their analysis, as they stand."""
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "docs", "analyses.md"),
                  encoding="utf-8") as file:
            examples = re.findall(r"^```json (lpg\.[a-z-]+)\n(.*?)^```$", file.read(), re.M | re.S)
        registered = {one["id"] for one in self.ask("/processes")[2]["processes"] if one["id"].startswith("lpg.")}
        self.assertEqual(registered, {name for name, _ in examples})
        answers = {}
        for name, body in examples:
            job = self.submit(json.loads(body), process=name)
            if name in ("lpg.viewshed", "lpg.search-words"):  # no elevation model here; not hers to change
                answers[name] = self.wait(job, "failed", seconds=60)
                continue
            self.wait(job, "successful", seconds=60)
            answer = self.ask("/jobs/%s/results" % job)[2]
            if isinstance(answer, dict):  # else the one output as it is
                answer = {output: value["value"] if isinstance(value, dict) and "mediaType" in value else value
                          for output, value in answer.items()}
            answers[name] = answer
            if name in FILED:
                self.check_files(job)
        self.assertEqual("layer", answers["lpg.search-words"]["x-cim-param"])
        self.assertEqual("lpg.dem", answers["lpg.viewshed"]["x-cim-param"])
        self.assertGreater(answers["lpg.route-hazards"]["length_m"], 15000)
        self.assertEqual(1, len(answers["lpg.safer-route"]["front"]))
        self.assertEqual([12, 12], [one["properties"]["served"] for one in answers["lpg.service-area"]["areas"]["features"]])
        self.assertEqual("to_confirm", answers["lpg.why-not"]["verdict"])
        self.assertEqual({"stations": 1, "violates": 0, "to_confirm": 1, "complies": 0},  # 10.5 m from a dwelling, 6 are asked
                         answers["lpg.station-compliance"]["totals"])
        self.assertEqual(1, len(answers["lpg.siting"]["chosen"]["features"]))
        self.assertEqual([80.6, 145.5], sorted(round(one["properties"]["radius_m"], 1) for one in
                                               answers["lpg.consequence"]["rings"]["features"]
                                               if one["properties"]["value"] in (4, 12.5)))
        self.assertGreater(answers["lpg.buffer"]["area_m2"], 785398)
        self.assertEqual(5000 * 100, answers["lpg.density"]["total_weight"])
        self.assertAlmostEqual(5000 * 100, answers["lpg.density"]["mass"], 3)
        self.assertEqual({"zone": "A"}, {key[2:]: value for key, value in
                                         answers["lpg.overlay"]["pieces"]["features"][0]["properties"].items()
                                         if key.startswith("b_")})
        self.assertEqual(0, answers["lpg.topology"]["n_findings"])
        self.assertEqual("海南省国贸路12号金山花园3栋2单元502室",
                         answers["lpg.geocode"]["matches"]["features"][0]["properties"]["standard"])
        self.assertIn("door", answers["lpg.reverse-geocode"][0])

    def file(self, path, status=200):
        request = urllib.request.Request(self.host.url.rstrip("/") + path,
                                         headers={"Authorization": "Bearer " + self.tokens["ann"]})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                self.assertEqual(status, answer.status)
                return answer.read(), answer.headers
        except urllib.error.HTTPError as answer:
            self.assertEqual(status, answer.code, answer.read())
            return b"", answer.headers

    def check_files(self, job):
        """The result as documents and as layers."""
        for form, begins, kind in (("pdf", b"%PDF-", "application/pdf"), ("docx", b"PK", "wordprocessingml"),
                                   ("geojson", b"{", "application/geo+json"), ("dxf", b"  0\n", "dxf")):
            if form in ("dxf", "geojson") and not self.ask("/jobs/%s/results?f=geojson" % job)[2]["features"]:
                continue  # nothing was found
            body, headers = self.file("/jobs/%s/results?f=%s" % (job, form))
            self.assertEqual(begins, body[:len(begins)])
            self.assertIn(kind, headers["Content-Type"])
            self.assertIn("attachment", headers["Content-Disposition"])
        self.file("/jobs/%s/results?f=xls" % job, 400)
        self.file("/jobs/%s/results?f=shp&output=none" % job, 404)

    def test_without_an_elevation_model_nothing_is_seen(self):
        job = self.submit({"inputs": {"point": {"type": "Point", "coordinates": [110.3, 20.0]}}}, process="lpg.viewshed")
        state = self.wait(job, "failed", seconds=60)
        self.assertEqual("lpg.dem", state["x-cim-param"])

    def test_a_line_that_crosses_itself_is_answered(self):
        eight = {"type": "LineString", "coordinates": [[110.1, 19.9], [110.2, 20.0], [110.2, 19.9], [110.1, 20.0]]}
        status, _, doc = self.run_hazards({"route": eight, "as_of": "2026-11-27"})
        self.assertEqual(200, status, doc)
        self.assertGreater(doc["length_m"], 30000)

    def memory_mib(self):
        with open("/proc/%d/status" % self.host.process.pid, encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

    def processor_s(self):
        with open("/proc/%d/stat" % self.host.process.pid, encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def heavy(self):
        """Takes far longer than this test waits: each route passes by all elements."""
        return {"routes": [wriggle(100, 109.58 + 0.0001 * i) for i in range(1000)], "distance_m": 10000}

    def wait_idle(self, since):
        """Until the platform computes nothing any more; seconds from `since`."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            before, at = self.processor_s(), time.monotonic()
            time.sleep(0.3)
            if self.processor_s() - before < 0.1:
                return at - since
        self.fail("it goes on computing")

    def test_a_cancelled_job_stops_and_frees_its_memory(self):
        body = self.heavy()
        held = []
        for _ in range(6):
            job = self.submit({"inputs": body}, process="lpg.route-hazards")
            self.wait(job, "running")
            time.sleep(0.5)
            self.assertEqual("running", self.ask("/jobs/" + job)[2]["status"])
            began = time.monotonic()
            self.assertEqual(200, self.ask("/jobs/" + job, method="DELETE")[0])
            while self.ask("/jobs/" + job, method="DELETE")[0] != 200:  # forgotten once nobody works on it
                self.assertLess(time.monotonic() - began, STOP_S)
                time.sleep(0.02)
            held.append(self.memory_mib())
        self.assertLess(held[-1], held[0] + 64, held)

    def test_nobody_waits_for_it(self):
        body = json.dumps({"inputs": self.heavy()}).encode()
        address = self.host.url.split("//")[1].strip("/").split(":")
        with socket.create_connection((address[0], int(address[1]))) as client:
            client.sendall(b"POST /processes/lpg.route-hazards/execution HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                           b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                           % (":".join(address).encode(), self.tokens["ann"].encode(), len(body)) + body)
            time.sleep(1.5)
            before = self.processor_s()
            time.sleep(0.5)
            self.assertGreater(self.processor_s() - before, 0.05)  # it is at work
        gone = time.monotonic()
        self.assertLess(self.wait_idle(gone), STOP_S + 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    ARGS, rest = parser.parse_known_args()
    test_jobs.ARGS = test_host.ARGS = ARGS
    unittest.main(argv=[sys.argv[0]] + rest, verbosity=2)
