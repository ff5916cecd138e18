#!/usr/bin/env python3
"""Files into layers and out again, through cim-host: verbs, the admin route, real data.

usage: test_exchange.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from workbook import workbook

ARGS = None
PASSWORD = "Test-only-1!"
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("CIM_")}
AREAS = "code,name,level,parent,aliases,valid_from,valid_to,managed_by\n" \
        "460000,海南省,province,,,,,\n460100,海口市,city,460000,,,,\n"


def run_program(words, **more):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300,
                          **more)


class Platform:
    """A data directory with the plugin enabled; copies of it are cheap."""

    def __init__(self, source=None, areas=AREAS, url=None):
        self.dir = tempfile.mkdtemp(prefix="cim-exchange-")
        self.var = os.path.join(self.dir, "var")
        self.process = None
        self.store = ["--store.url=" + url] if url else []
        if source is not None:
            shutil.copytree(source.var, self.var)
            return
        os.mkdir(self.var, 0o700)
        self.run("migrate")
        self.run("areas", "import", self.path("areas.csv", areas))
        self.run("plugin", "enable", "lpg")

    def path(self, name, text=None):
        path = os.path.join(self.dir, name)
        if text is not None:
            with open(path, "wb") as f:
                f.write(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, verb, *words, fails=False, stdin=None):
        done = run_program([ARGS.host, verb, "--var", self.var, "--plugins.dirs", ARGS.plugins,
                            "--log.level=error", *self.store, *words], env=CLEAN, input=stdin)
        if (done.returncode != 0) != fails:
            raise AssertionError("%s %s left with %d:\n%s%s" % (verb, words, done.returncode, done.stdout,
                                                               done.stderr))
        return done.stdout + done.stderr

    def sql(self, text):
        done = run_program(["sqlite3", "-readonly", os.path.join(self.var, "cim.gpkg"), text])
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout.strip()

    def serve(self):
        self.process = subprocess.Popen(
            [ARGS.host, "serve", "--var", self.var, "--plugins.dirs", ARGS.plugins, "--port=0", *self.store,
             "--log.level=error"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=CLEAN)
        self.url = self.process.stdout.readline().strip().rstrip("/")
        for _ in range(200):
            if self.ask("/ready")[0] == 200:
                return
            time.sleep(0.05)
        raise AssertionError("never ready")

    def ask(self, path, method="GET", body=None, token=None, mime="application/octet-stream", **more):
        headers = {"Content-Type": mime, **{name.replace("_", "-"): value for name, value in more.items()}}
        if token:
            headers["Authorization"] = "Bearer " + token
        request = urllib.request.Request(self.url + path, method=method, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as answer:
            return answer.code, json.load(answer)

    def token(self, name):
        status, answer = self.ask("/auth/token", "POST", mime="application/json", body=json.dumps(
            {"username": name, "password": PASSWORD}).encode())
        assert status == 200, answer
        return answer["access_token"]

    def end(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=30)
            self.process.stdout.close()
        shutil.rmtree(self.dir)


def positions(geometry):
    def walk(node):
        if isinstance(node[0], (int, float)):
            yield node
        else:
            for each in node:
                yield from walk(each)
    return list(walk(geometry["coordinates"])) if geometry and geometry["coordinates"] else []


BASE = None


def base():
    """One prepared platform for all tests; each takes a copy."""
    global BASE
    if BASE is None:
        BASE = Platform()
        unittest.addModuleCleanup(BASE.end)
    return BASE


def places(rows):
    return "name,class,lon,lat\n" + "".join("%s,town,%s,%s\n" % row for row in rows)


class Killed(unittest.TestCase):
    """An import whose process ends amid its slices: nothing of it is seen, on either store."""

    ROWS = 40000

    def check(self, raw, url=None):
        platform = Platform(url=url)
        self.addCleanup(platform.end)
        count = lambda: int(raw(platform, "select count(*) from lpg_place"))

        def seen():
            with open(platform.path("out.geojsonl")) as f:
                return sum(1 for _ in f)
        platform.run("import", platform.path("few.csv", "name,lon,lat\n甲,110.1,19.1\n乙,110.2,19.2\n"),
                     "--layer=lpg.places", "--crs=wgs84", "--set=class=town")
        lines = ["%d,%.5f,%.5f" % (i, 109 + i % 977 / 977, 19 + i % 487 / 974) for i in range(self.ROWS)]
        path = platform.path("many.csv", "name,lon,lat\n" + "\n".join(lines) + "\n")
        process = subprocess.Popen([ARGS.host, "import", "--var", platform.var, "--plugins.dirs", ARGS.plugins,
                                    *platform.store, path, "--layer=lpg.places", "--crs=wgs84", "--set=class=town"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=CLEAN)
        while process.poll() is None and count() <= 2:
            time.sleep(0.01)
        process.kill()
        process.wait()
        self.assertEqual(-9, process.returncode, "the import was over too soon")
        self.assertIn(count() - 2, range(2000, self.ROWS))  # slices lie in the table
        platform.run("export", "lpg.places", platform.path("out.geojsonl"))
        self.assertEqual(2, seen())
        platform.run("import", platform.path("more.csv", "name,lon,lat\n丙,110.3,19.3\n"), "--layer=lpg.places",
                     "--crs=wgs84", "--set=class=town")
        os.unlink(platform.path("out.geojsonl"))
        platform.run("export", "lpg.places", platform.path("out.geojsonl"))
        self.assertEqual(3, seen())
        self.assertEqual("3", raw(platform, "select count(*) from cim_change where layer = 'lpg.places'"))

    def test_embedded(self):
        self.check(Platform.sql)

    def test_postgresql(self):
        socket = os.environ["CIM_TEST_PG"]
        psql = ["psql", "-h", socket, "-U", "cim", "-At", "-d"]
        self.assertEqual(0, run_program([*psql, "postgres", "-c",
                                         "create database killed template cim_template"]).returncode)
        self.check(lambda platform, text: run_program([*psql, "killed", "-c", text]).stdout.strip(),
                   "postgresql:///killed?host=%s&user=cim" % urllib.parse.quote(socket, safe=""))


class SheetDates(unittest.TestCase):
    """Cells of a workbook are numbers of days, by many formats; 46054 is 1 February 2026."""

    def setUp(self):
        self.platform = Platform(base())
        self.addCleanup(self.platform.end)

    def bring(self, cells, *options, **how):
        path = self.platform.path("days.xlsx", workbook(cells, **{k: v for k, v in how.items() if k != "fails"}))
        return self.platform.run("import", path, "--layer=lpg.calendar-days", "--set=kind=holiday", *options,
                                 fails=how.get("fails", False))

    def test_days_of_every_format(self):
        self.bring([(46054, 14), (46055, 31), (46056, 57), (46057, 0), ("2026-02-05", None), ("46059.0", 0)])
        self.assertEqual(["2026-02-%02d" % day for day in range(1, 7)],
                         self.platform.sql("select day from lpg_calendar_day order by day").split())

    def test_numbers_that_are_no_day(self):
        out = self.bring([(46054, 14), (46054.5, 0), (2958466, 0), (59, 0), (-3, 0)], "--row-wise")
        self.assertIn("written 1, refused 4", out)
        for row, value in ((2, "46054.5"), (3, "2958466"), (4, "59"), (5, "-3")):
            self.assertRegex(out, r"row %d: .*day.*%s" % (row, value))

    def test_workbook_that_counts_from_1904(self):
        out = self.bring([(46054 - 1462, 14)], fails=True, counted_from_1904=True)
        self.assertIn("1904", out)
        self.assertEqual("0", self.platform.sql("select count(*) from lpg_calendar_day"))


class BadFiles(unittest.TestCase):
    """What is wrong is named; the store stays as it was."""

    def setUp(self):
        self.platform = Platform(base())
        self.addCleanup(self.platform.end)
        self.before = self.state()

    def state(self):
        return self.platform.sql("select (select count(*) from lpg_place), (select count(*) from "
                                 "rtree_lpg_place_geom), (select max(pos) from cim_change)")

    def refused(self, path, *options, part):
        out = self.platform.run("import", path, "--layer=lpg.places", *options, fails=True)
        self.assertIn(part, out)
        self.assertEqual(self.state(), self.before)
        left = [n for n in os.listdir(tempfile.gettempdir()) if n.startswith("cim-import-")]
        self.assertEqual([n for n in left if os.stat(os.path.join(tempfile.gettempdir(), n)).st_uid ==
                          os.getuid() and self.is_ours(n)], [])

    def is_ours(self, name):
        """A folder of an import that links to a file of this test."""
        folder = os.path.join(tempfile.gettempdir(), name)
        try:
            return any(os.readlink(os.path.join(folder, n)).startswith(self.platform.dir)
                       for n in os.listdir(folder) if os.path.islink(os.path.join(folder, n)))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def test_no_reference_system(self):
        path = self.platform.path("a.csv", places([("甲", 110.3, 20.0)]))
        self.refused(path, part="declares no reference system")

    def test_coordinates_out_of_range(self):
        path = self.platform.path("a.csv", places([("甲", 110.3, 20.0), ("乙", 20.0, 110.3), ("丙", 1e6, 2e6)]))
        self.refused(path, "--crs=wgs84", part="look swapped")
        out = self.platform.run("import", path, "--layer=lpg.places", "--crs=wgs84", "--row-wise")
        self.assertIn("read 3, written 1, refused 2", out)
        self.assertIn("row 2:", out)
        self.assertIn("row 3:", out)
        self.assertEqual(self.platform.sql("select name from lpg_place"), "甲")

    def test_one_bad_row_of_many_writes_nothing(self):
        rows = [("站%d" % i, 110 + i / 1e4, 19.5) for i in range(3000)]
        rows[2500] = ("", 110.1, 19.5)
        path = self.platform.path("a.csv", places(rows))
        self.refused(path, "--crs=wgs84", part="row 2501:")

    def test_dry_run_writes_nothing(self):
        path = self.platform.path("a.csv", places([("甲", 110.3, 20.0)]))
        out = self.platform.run("import", path, "--layer=lpg.places", "--crs=wgs84", "--dry-run")
        self.assertIn("dry run", out)
        self.assertEqual(self.state(), self.before)

    def test_truncated_and_lying_shapefiles(self):
        source = self.platform.path("a.csv", places([("甲%d" % i, 110.3, 20.0) for i in range(100)]))
        for part, size in (("shp", 500), ("dbf", 400), ("shx", 50)):
            folder = self.platform.path(part)
            os.mkdir(folder)
            done = run_program(["ogr2ogr", "-f", "ESRI Shapefile", folder + "/p.shp", source, "-oo",
                                "X_POSSIBLE_NAMES=lon", "-oo", "Y_POSSIBLE_NAMES=lat", "-a_srs", "EPSG:4490",
                                "-lco", "ENCODING=UTF-8"])
            self.assertEqual(done.returncode, 0, done.stderr)
            os.truncate("%s/p.%s" % (folder, part), size)
            self.refused(folder + "/p.shp", part="." + part)

    def test_what_is_no_file_of_ours(self):
        self.refused(self.platform.path("none.geojson"), part="there is no file")
        self.refused(self.platform.path("x.geojson", "{\"type\":\"FeatureCollection\",\"features\":[{"),
                     part="cannot be read as GeoJSON")
        self.refused(self.platform.path("x.bin", b"\x00\x01\x02\x03" * 100), part="not a known format")
        self.refused(self.platform.dir, part="regular file")

    def test_unknown_layer_field_and_value(self):
        path = self.platform.path("a.csv", places([("甲", 110.3, 20.0)]))
        self.assertIn("lpg.nothing", self.platform.run("import", path, "--layer=lpg.nothing", fails=True))
        self.refused(path, "--crs=wgs84", "--set=nothing=1", part="no field 'nothing'")
        self.refused(path, "--crs=wgs84", "--set=class=metropolis", part="metropolis")


class Admin(unittest.TestCase):
    """POST /admin/api/imports."""

    @classmethod
    def setUpClass(cls):
        cls.platform = Platform(base())
        password = cls.platform.path("password", PASSWORD)
        for name, roles in (("admin", "platform-admin,data-manager"), ("reader", "regulator")):
            cls.platform.run("user", "add", name, "--roles=" + roles, "--areas=*", "--name=" + name,
                             "--password-file=" + password)
        cls.platform.serve()

    @classmethod
    def tearDownClass(cls):
        cls.platform.end()

    def post(self, body, who="admin", **query):
        return self.platform.ask("/admin/api/imports?" + urllib.parse.urlencode(query), "POST", body.encode(),
                                 self.platform.token(who) if who else None)

    def test_report_of_a_good_file(self):
        status, report = self.post(places([("甲镇", 110.3, 20.0), ("乙镇", 110.4, 20.0)]), layer="lpg.places",
                                   crs="gcj02")
        self.assertEqual(status, 200, report)
        self.assertEqual((report["layer"], report["read"], report["written"], report["refused"],
                          report["refused_total"], report["crs"]), ("lpg.places", 2, 2, [], 0, "GCJ-02"))
        _, found = self.platform.ask("/collections/lpg.places/items?name=" + urllib.parse.quote("甲镇"),
                                     token=self.platform.token("admin"))
        lon, lat = found["features"][0]["geometry"]["coordinates"]
        self.assertAlmostEqual(lon, 110.2957, delta=0.001)
        self.assertAlmostEqual(lat, 20.0020, delta=0.001)

    def test_refused_rows_come_back(self):
        body = places([("丙镇", 110.3, 20.0), ("", 110.4, 20.0), ("丁镇", 200, 20.0)])
        status, report = self.post(body, layer="lpg.places", crs="wgs84")
        self.assertEqual(status, 422, report)
        self.assertEqual((report["written"], report["refused_total"]), (0, 2))
        self.assertEqual([(r["row"], r["field"]) for r in report["refused"]], [(2, "name"), (3, "geom")])
        self.assertTrue(all(r["zh"] and r["en"] for r in report["refused"]))
        status, report = self.post(body, layer="lpg.places", crs="wgs84", row_wise="1")
        self.assertEqual((status, report["written"], report["refused_total"]), (200, 1, 2))

    def test_wrong_requests(self):
        good = places([("戊镇", 110.3, 20.0)])
        for query, status, param in (({"crs": "wgs84"}, 400, "layer"),
                                     ({"layer": "lpg.places"}, 400, "crs"),
                                     ({"layer": "lpg.places", "crs": "wgs84", "colour": "red"}, 400, "colour"),
                                     ({"layer": "lpg.places", "crs": "wgs84", "row_wise": "x"}, 400, "row_wise"),
                                     ({"layer": "lpg.nothing", "crs": "wgs84"}, 404, None)):
            with self.subTest(query=query):
                got, problem = self.post(good, **query)
                self.assertEqual(got, status, problem)
                if param:
                    self.assertEqual(problem["param"], param)
        self.assertEqual(self.post(good, who=None, layer="lpg.places", crs="wgs84")[0], 401)
        self.assertEqual(self.post(good, who="reader", layer="lpg.places", crs="wgs84")[0], 403)
        self.assertEqual(self.post("", layer="lpg.places", crs="wgs84")[0], 400)
        self.assertEqual(self.platform.sql("select count(*) from lpg_place where name = '戊镇'"), "0")


class Jobs(unittest.TestCase):
    """/admin/api/imports/files and /jobs: hand over, look, check, run, read, repair, send again."""

    @classmethod
    def setUpClass(cls):
        cls.platform = Platform(base())
        password = cls.platform.path("password", PASSWORD)
        for name, roles in (("admin", "platform-admin,data-manager"), ("other", "data-manager"),
                            ("reader", "regulator")):
            cls.platform.run("user", "add", name, "--roles=" + roles, "--areas=*", "--name=" + name,
                             "--password-file=" + password)
        cls.platform.serve()
        cls.tokens = {name: cls.platform.token(name) for name in ("admin", "other", "reader")}

    @classmethod
    def tearDownClass(cls):
        cls.platform.end()

    def ask(self, path, method="GET", body=None, who="admin", mime="application/octet-stream"):
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        return self.platform.ask("/admin/api/imports" + path, method, body, self.tokens[who], mime)

    def upload(self, text, name="places.csv", who="admin"):
        status, answer = self.ask("/files?" + urllib.parse.urlencode({"name": name, "layer": "lpg.places"}), "POST",
                                  text.encode(), who)
        self.assertEqual(status, 201, answer)
        return answer["file"]

    def begin(self, file, who="admin", **request):
        status, answer = self.ask("/jobs?file=" + file, "POST", dict({"layer": "lpg.places"}, **request), who)
        self.assertEqual(status, 201, answer)
        for _ in range(300):
            status, job = self.ask("/jobs/" + answer["job"], who=who)
            self.assertEqual(status, 200, job)
            if job["state"] not in ("accepted", "running"):
                return job
            time.sleep(0.05)
        raise AssertionError("the import does not end: %s" % job)

    def fetch(self, job, name, who="admin"):
        request = urllib.request.Request("%s/admin/api/imports/jobs/%s/files/%s" % (self.platform.url, job, name),
                                         headers={"Authorization": "Bearer " + self.tokens[who]})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def test_from_the_file_to_the_repaired_rows(self):
        file = self.upload("镇名,经度,纬度,备注\n庚镇,110.3,20,a\n,110.4,20,b\n辛镇,500,20,c\n庚镇,110.3,20,d\n")
        status, seen = self.ask("/files/%s/preview?layer=lpg.places" % file)
        self.assertEqual(status, 200, seen)
        self.assertEqual((seen["format"], seen["count"], [q["param"] for q in seen["questions"]]),
                         ("CSV", 4, ["crs"]))
        self.assertEqual([c["name"] for c in seen["columns"]], ["镇名", "经度", "纬度", "备注"])
        self.assertEqual([c["position"] for c in seen["columns"]], [False, True, True, False])
        self.assertEqual(seen["rows"][0][1:5], ["庚镇", "110.3", "20", "a"])
        mapping = {"crs": "cgcs2000", "encoding": "", "source_layer": "", "name": "",
                   "map": [{"column": "镇名", "field": "name"}, {"column": "备注", "field": ""}],
                   "set": [{"field": "class", "value": "town"}], "row_wise": True, "compare": True}
        tried = self.begin(file, dry_run=True, **mapping)
        self.assertEqual(tried["state"], "successful", tried)
        report = tried["report"]
        self.assertEqual((report["read"], report["refused_total"], report["dry_run"]), (4, 2, True))
        self.assertEqual([(r["row"], r["field"], r["value"]) for r in report["refused"]],
                         [(2, "name", ""), (3, "geom", "500.000000 20.000000")])
        self.assertEqual([(r["row"], r["value"]) for r in report["warnings"]], [(4, "1")])
        self.assertEqual(report["ignored_columns"], ["备注"])
        count = "select count(*) from lpg_place where name in ('庚镇', '辛镇')"
        self.assertEqual(self.platform.sql(count), "0")
        done = self.begin(file, **mapping)
        self.assertEqual((done["state"], done["report"]["written"]), ("successful", 2))
        self.assertEqual(self.platform.sql(count), "2")
        self.assertEqual(done["files"], ["report.csv", "report.xlsx", "refused.csv"])
        rows = list(csv.reader(self.fetch(done["job"], "report.csv").decode("utf-8-sig").splitlines()))
        self.assertEqual([(r[0], r[2]) for r in rows[1:]], [("3", "geom"), ("4", "geom"), ("2", "name")])
        sheet = self.platform.path("report.xlsx", self.fetch(done["job"], "report.xlsx"))
        seen = run_program(["ogr2ogr", "-f", "CSV", "/vsistdout/", sheet]).stdout
        self.assertIn("500.000000 20.000000", seen)
        again = self.fetch(done["job"], "refused.csv").decode("utf-8-sig")
        lines = list(csv.reader(again.splitlines()))
        self.assertEqual(lines[0], ["_row", "_field", "_why", "镇名", "经度", "纬度", "备注"])
        self.assertEqual([line[0] for line in lines[1:]], ["2", "3"])
        repaired = again.replace('"","110.4"', '"壬镇","110.4"').replace('"500"', '"110.5"')
        sent = self.begin(self.upload(repaired, "refused.csv"), **mapping)
        self.assertEqual((sent["report"]["written"], sent["report"]["refused_total"]), (2, 0), sent)
        self.assertEqual(self.platform.sql("select count(*) from lpg_place where name in ('壬镇', '辛镇')"), "2")
        status, listed = self.ask("/jobs")
        self.assertEqual([j["job"] for j in listed["jobs"]][:3], [sent["job"], done["job"], tried["job"]])
        self.assertEqual(listed["jobs"][1]["request"]["layer"], "lpg.places")

    def test_a_key_begins_one_job(self):
        file = self.upload("name,lon,lat\n甲,110.1,19.1\n")
        def begin(key, **request):
            body = json.dumps(dict({"layer": "lpg.places", "crs": "wgs84"}, **request)).encode()
            return self.platform.ask("/admin/api/imports/jobs?file=" + file, "POST", body, self.tokens["admin"],
                                     Idempotency_Key=key)
        first = begin("import-1")
        self.assertEqual(201, first[0], first)
        self.assertEqual(first, begin("import-1"))  # also once the job has taken the file
        self.assertEqual(first[1]["job"], begin("import-1")[1]["job"])
        status, problem = begin("import-1", dry_run=True)
        self.assertEqual(422, status, problem)
        self.assertIn("Idempotency-Key", json.dumps(problem))
        status, problem = begin("no key\\")
        self.assertEqual(400, status, problem)
        jobs = [job for job in self.ask("/jobs")[1]["jobs"] if job["job"] == first[1]["job"]]
        self.assertEqual(1, len(jobs))

    def test_undone_by_the_batch_that_its_report_names(self):
        file = self.upload("name,class,lon,lat\n寅镇,town,110.3,20\n卯镇,town,110.4,20\n")
        count = "select count(*) from lpg_place where name in ('寅镇', '卯镇')"
        self.assertNotIn("batch", self.begin(file, crs="wgs84", dry_run=True)["report"])
        job = self.begin(file, crs="wgs84")
        self.assertEqual((job["report"]["written"], self.platform.sql(count)), (2, "2"), job)
        path = "/admin/api/batches/%s/undo" % job["report"]["batch"]
        status, other = self.platform.ask(path, "POST", b"", self.tokens["other"], "application/json")
        self.assertEqual((status, self.platform.sql(count)), (404, "2"), other)
        status, undone = self.platform.ask(path, "POST", b"", self.tokens["admin"], "application/json")
        self.assertEqual((status, undone["written"], self.platform.sql(count)), (200, 2, "0"), undone)

    def test_all_or_nothing_fails_with_its_report(self):
        job = self.begin(self.upload("name,class,lon,lat\n癸镇,town,110.3,20\n,town,110.4,20\n"), crs="wgs84")
        self.assertEqual(job["state"], "failed", job)
        self.assertEqual(job["report"]["refused_total"], 1)
        self.assertEqual(job["report"]["written"], 0)
        self.assertTrue(job["error"]["zh"] and job["error"]["en"])
        self.assertIn("refused.csv", job["files"])
        self.assertEqual(self.platform.sql("select count(*) from lpg_place where name = '癸镇'"), "0")

    def test_files_and_jobs_are_their_owners(self):
        file = self.upload("name,class,lon,lat\n子镇,town,110.3,20\n")
        self.assertEqual(self.ask("/files/%s/preview?layer=lpg.places" % file, who="other")[0], 404)
        status, problem = self.ask("/jobs?file=" + file, "POST", {"layer": "lpg.places", "crs": "wgs84"}, "other")
        self.assertEqual(status, 404, problem)
        job = self.begin(file, crs="wgs84", dry_run=True)["job"]
        self.assertEqual(self.ask("/jobs/" + job, who="other")[0], 404)
        self.assertEqual(self.ask("/jobs/%s/files/report.csv" % job, who="other")[0], 404)
        self.assertEqual(self.ask("/jobs/%s/cancel" % job, "POST", who="other")[0], 404)
        self.assertNotIn(job, [j["job"] for j in self.ask("/jobs", who="other")[1]["jobs"]])
        status, problem = self.ask("/files?name=x.csv&layer=lpg.places", "POST", b"name,lon,lat\n", "reader")
        self.assertEqual(status, 403, problem)
        status, problem = self.ask("/jobs?file=" + file, "POST", {"layer": "lpg.places"}, "reader")
        self.assertEqual(status, 403, problem)

    def test_files_of_one_person_have_a_limit(self):
        kept = [self.upload("name,lon,lat\nx,1,%d\n" % i, who="other") for i in range(20)]
        status, problem = self.ask("/files?layer=lpg.places&name=more.csv", "POST", b"name,lon,lat\n", "other")
        self.assertEqual((status, problem["param"]), (503, "file"), problem)
        self.upload("name,lon,lat\nx,1,2\n")  # those of another person are none of it
        for file in kept:
            self.assertEqual(self.ask("/files/" + file, "DELETE", who="other")[0], 204)
        self.upload("name,lon,lat\nx,1,2\n", who="other")

    def test_wrong_requests(self):
        file = self.upload("name,class,lon,lat\n丑镇,town,110.3,20\n")
        for request, param in (({"layer": "lpg.places", "colour": 1}, "colour"), ({"crs": "wgs84"}, "layer"),
                               ({"layer": "lpg.places", "geometry": "bend"}, "geometry"),
                               ({"layer": "lpg.places", "map": [{"column": "a"}]}, "map[0].field"),
                               ({"layer": "lpg.places", "map": {}}, "map")):
            with self.subTest(request=request):
                status, problem = self.ask("/jobs?file=" + file, "POST", request)
                self.assertEqual((status, problem["param"]), (400, param), problem)
        status, problem = self.ask("/jobs?file=" + file, "POST", b"{")
        self.assertEqual(status, 400, problem)
        for path in ("/files/../../platform.db/preview?layer=lpg.places",
                     "/files/%s/preview?layer=lpg.places" % ("0" * 32), "/jobs/nothing",
                     "/jobs/nothing/files/report.csv"):
            self.assertIn(self.ask(path)[0], (400, 404), path)
        status, problem = self.ask("/files?layer=lpg.places&name=plan.ecw", "POST", b"anything")
        self.assertEqual((status, problem["value"]), (415, "ECW"), problem)
        status, problem = self.ask("/files?layer=lpg.places&name=" + urllib.parse.quote("图.dwg"), "POST", b"AC1027\0\0\0\0")
        self.assertEqual(status, 415, problem)
        self.assertIn("DXF", problem["detail"])
        self.assertEqual(self.ask("/files?layer=lpg.places", "POST", b"x")[1]["param"], "name")
        self.assertEqual(self.ask("/files?name=x.csv", "POST", b"x")[1]["param"], "layer")
        self.ask("/files/" + file, "DELETE")
        self.assertEqual(self.ask("/files/%s/preview?layer=lpg.places" % file)[0], 404)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0]] + rest)
