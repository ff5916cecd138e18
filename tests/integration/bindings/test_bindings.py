#!/usr/bin/env python3
"""Input roles bound to datasets: a collection of a second platform, a feature type of MapServer's WFS, a table, a
file. The layer is the source's equal after a refresh, and the last good copy while the source is down or wrong.

usage: test_bindings.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import contextlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../host"), os.path.join(HERE, "../writes")]
import test_host  # noqa: E402  pylint: disable=wrong-import-position
from platform_places import PASSWORD, psql  # noqa: E402  pylint: disable=wrong-import-position

AREAS = ("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n"
         "460000,海南省,province,,,,,\n460100,海口市,city,460000,,,,\n")
ROLE = "lpg.buildings"
API = "/admin/api/bindings"
ITEMS = "/collections/lpg.buildings/items"
N = 2300  # three pages
MAPFILE = """MAP
  NAME "wfs"
  EXTENT 108 18 112 21
  PROJECTION "init=epsg:4326" END
  WEB METADATA "wfs_title" "WFS" "wfs_onlineresource" "%s" "wfs_srs" "EPSG:4326" "wfs_enable_request" "*" END END
  LAYER
    NAME "houses"
    TYPE POLYGON
    STATUS ON
    CONNECTIONTYPE OGR
    CONNECTION "%s"
    DATA "houses"
    PROJECTION "init=epsg:4326" END
    METADATA "wfs_title" "houses" "gml_include_items" "all" "gml_featureid" "no" END
  END
END
"""


def square(i, size=0.0001):
    x, y = 110.0 + (i % 100) * 0.001, 20.0 + (i // 100) * 0.001
    return {"type": "Polygon", "coordinates": [[[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]]}


def building(i, **more):
    properties = {"building_no": "B%05d" % i, "use": "dwelling", "storeys": 3 + i % 7, "area_code": "460100"}
    return {"type": "Feature", "geometry": square(i), "properties": dict(properties, **more)}


def collection(*features, **more):
    return dict({"type": "FeatureCollection", "features": list(features)}, **more)


class Answers(http.server.BaseHTTPRequestHandler):
    """A server that says what the test has put at a path: (status, headers, text)."""
    pages = {}
    asked = []

    def do_GET(self):  # pylint: disable=invalid-name
        Answers.asked.append((self.path, self.headers.get("Authorization")))
        status, headers, text = self.pages.get(self.path.partition("?")[0], (404, {}, "{}"))
        body = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class MapServer(http.server.BaseHTTPRequestHandler):
    """MapServer's CGI program behind a socket."""
    mapfile = ""

    def do_GET(self):  # pylint: disable=invalid-name
        done = subprocess.run(["mapserv"], stdout=subprocess.PIPE, check=True, env=dict(
            os.environ, MS_MAPFILE=self.mapfile, REQUEST_METHOD="GET", QUERY_STRING=self.path.partition("?")[2],
            MAPSERVER_CONFIG_FILE=os.path.join(os.path.dirname(self.mapfile), "mapserver.conf")))
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        self.send_response(200)
        for line in head.decode().splitlines():
            self.send_header(*line.split(": ", 1))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, "http://127.0.0.1:%d" % server.server_port


def start(flags=()):
    host = test_host.Platform()
    with open(host.var + "/areas.csv", "w", encoding="utf-8") as file:
        file.write(AREAS)
    host.run("areas", "import", file.name)
    host.run("plugin", "enable", "lpg")
    for name, roles in (("admin", "platform-admin,data-manager,regulator"), ("reader", "regulator"),
                        ("auditor", "auditor")):
        host.run("user", "add", name, "--roles", roles, "--areas=*", "--password-file=-", stdin=PASSWORD + "\n")
    host.serve(*flags)
    return host


class Bindings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        test_host.CLEAN.pop("CIM_STORE_URL", None)
        cls.folder = tempfile.mkdtemp(prefix="cim-bindings-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.source = start()  # embedded, whatever the other one is
        cls.addClassCleanup(cls.source.close)
        cls.source_token = cls.source.token()
        cls.fill_source()
        if "CIM_TEST_PG" in os.environ:
            cls.database = "bindings_%d" % os.getpid()
            psql("postgres", "create database %s template cim_template" % cls.database)
            test_host.CLEAN["CIM_STORE_URL"] = "postgresql:///%s?host=%s&user=cim" % (
                cls.database, os.environ["CIM_TEST_PG"])
        cls.answers, cls.answers_url = serve(Answers)
        cls.addClassCleanup(cls.answers.server_close)
        cls.addClassCleanup(cls.answers.shutdown)
        os.mkdir(cls.folder + "/open")
        cls.flags = ("--bindings.hosts=127.0.0.1, *.example.test:8080", "--bindings.dirs=" + cls.folder + "/open")
        cls.host = start(cls.flags)
        cls.addClassCleanup(cls.host.close)
        cls.token = cls.host.token()

    @classmethod
    def fill_source(cls):
        path = cls.folder + "/source.geojson"
        with open(path, "w", encoding="utf-8") as file:
            json.dump(collection(*(building(i) for i in range(N))), file)
        with open(path, "rb") as file:
            status, _, text = cls.source.get("/admin/api/imports?layer=lpg.buildings&crs=cgcs2000", cls.source_token,
                                             "POST", file.read())
        assert status == 200, text

    def tearDown(self):
        for each in self.ok(API)["bindings"]:
            if each["bound"]:
                self.assertEqual(self.send("DELETE", "%s/%s" % (API, each["role"]))[0], 204)
        Answers.pages.clear()
        Answers.asked.clear()

    def send(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        return self.host.get(path, token or self.token, method, json.dumps(body).encode() if body is not None else None,
                             headers)

    def ok(self, path, method="GET", body=None, status=200):
        got, _, text = self.send(method, path, body)
        self.assertEqual(got, status, text[:800])
        return json.loads(text)

    def ask(self, **more):
        return dict({"name": "省级建筑库", "kind": "ogcapi", "url": self.source.url, "dataset": ROLE,
                     "password": self.source_token}, **more)

    def fake(self, **more):
        return self.ask(**dict({"url": self.answers_url, "dataset": "b"}, **more))

    def bind(self, role=ROLE, **binding):
        before = self.ok(API + "/" + role)
        self.ok(API + "/" + role, "PUT", binding)
        return self.settle(role, before.get("tried"))

    def settle(self, role, tried=None):
        """The state once what is due was tried."""
        for _ in range(2400):
            state = self.ok(API + "/" + role)
            if state["tried"] != tried and state["state"] != "refreshing":
                return state
            time.sleep(0.05)
        raise AssertionError("%s\nthe end of what the host logged:\n%s" % (state, self.host.read_log()[-8000:]))

    def again(self, role=ROLE):
        tried = self.ok(API + "/" + role)["tried"]
        time.sleep(0.002)  # so that the time differs
        self.ok("%s/%s/refresh" % (API, role), "POST")
        return self.settle(role, tried)

    def records(self, **query):
        found, path = {}, ITEMS + "?limit=1000" + "".join("&%s=%s" % pair for pair in query.items())
        while path:
            page = self.ok(path)
            found.update((each["properties"]["building_no"], each) for each in page["features"])
            path = next((each["href"] for each in page["links"] if each["rel"] == "next"), None)
            path = path and path[len(self.host.url) - 1:]
        return found

    def refused(self, status, param, value=None, role=ROLE, **binding):
        got, _, text = self.send("PUT", API + "/" + role, binding)
        problem = json.loads(text)
        self.assertEqual((got, problem["param"]), (status, param), text)
        if value is not None:
            self.assertEqual(problem["value"], value)
        self.assertTrue(problem["detail"] and problem["detail_en"])
        return problem

    # ---- a second platform ----

    def test_layer_equals_the_source_and_only_what_changed_moves(self):
        state = self.bind(**self.ask())
        self.assertEqual((state["state"], state["records"], state["error"]), ("good", N, None))
        first = self.records()
        self.assertEqual(len(first), N)
        one = first["B00042"]
        self.assertEqual((one["properties"]["storeys"], one["properties"]["source"], one["properties"]["area_code"]),
                         (3 + 42 % 7, "省级建筑库", "460100"))
        self.assertEqual(one["geometry"]["coordinates"][0][0], [110.042, 20.0])
        state = self.again()
        self.assertEqual((state["created"], state["removed"], state["records"]), (0, 0, N))
        there = self.source.get(ITEMS + "?filter=building_no%20in%20('B00001','B00002')", self.source_token)
        fids = {each["properties"]["building_no"]: each["id"] for each in json.loads(there[2])["features"]}
        self.change_source("PATCH", fids["B00001"], {"storeys": 99})
        self.change_source("DELETE", fids["B00002"])
        self.change_source("POST", None, building(N))
        state = self.again()
        self.assertEqual((state["created"], state["removed"], state["records"]), (2, 2, N))
        second = self.records()
        self.assertEqual(second["B00001"]["properties"]["storeys"], 99)
        self.assertNotIn("B00002", second)
        self.assertIn("B%05d" % N, second)
        for number in set(second) - {"B00001", "B%05d" % N}:
            self.assertEqual(second[number]["id"], first[number]["id"])
            self.assertEqual(second[number]["properties"].get("updated_at"),
                             first[number]["properties"].get("updated_at"))

    def change_source(self, method, fid, body=None):
        path = ITEMS + ("/%s" % fid if fid is not None else "")
        if method == "PATCH":
            body = {"type": "Feature", "properties": body}
        status, _, text = self.source.get(path, self.source_token, method,
                                          json.dumps(body).encode() if body else None,
                                          {"Content-Type": "application/geo+json"})
        self.assertIn(status, (200, 201, 204), text)

    def test_own_records_go_or_stay_as_asked(self):
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(collection(building(9000))))
        headers = {"Content-Type": "application/geo+json"}
        own = json.dumps(building(9001, building_no="OWN1")).encode()
        self.host.get(ITEMS, self.token, "POST", own, headers)
        self.assertEqual(self.bind(**self.fake(others="keep"))["state"], "good")
        self.assertIn("OWN1", self.records())
        state = self.bind(**self.fake(others="remove"))
        self.assertEqual(set(self.records()), {"B09000"}, state)

    def test_copy_stays_while_the_source_is_down_or_wrong(self):
        good = (200, {}, json.dumps(collection(*(building(i) for i in range(5)), numberMatched=5)))
        Answers.pages["/collections/b/items"] = good
        self.bind(**self.fake(refresh_min=600))
        before = self.records()
        self.assertEqual(len(before), 5)
        for status, text, said in (
                (500, "{}", "HTTP 500"), (401, "{}", "账号密码"), (200, "<html>", "要素集合"), (200, "{}", "features"),
                (200, json.dumps(collection()), "没有记录"),
                (200, json.dumps(collection(building(1), numberMatched=7)), "只取得 1 条"),
                (200, json.dumps(collection(building(1), building(2, use="palace"))), "第 2 条"),
                (200, json.dumps(collection(building(1), building(2, building_no="B00001"))), "第 2 条"),
                (302, "{}", "转向")):
            with self.subTest(status=status, text=text[:60]):
                Answers.pages["/collections/b/items"] = (status, {"Location": self.source.url}, text)
                state = self.again()
                self.assertEqual(state["state"], "failing")
                self.assertIn(said, state["error"]["zh"])
                self.assertTrue(state["error"]["en"])
                self.assertEqual(state["records"], 5)
                self.assertEqual(self.records(), before)
        self.assertEqual(state["good"] < state["tried"], True)
        Answers.pages["/collections/b/items"] = good
        state = self.again()
        self.assertEqual((state["state"], state["error"], state["created"], state["removed"]), ("good", None, 0, 0))

    def test_wrong_records_are_left_out_on_demand(self):
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(
            collection(building(1), building(2, use="palace"), building(3))))
        state = self.bind(**self.fake(**{"import": {"row_wise": True}}))
        self.assertEqual((state["state"], state["records"], state["refused"]), ("good", 2, 1))
        self.assertEqual(set(self.records()), {"B00001", "B00003"})

    def test_fields_are_mapped(self):
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(collection(
            {"type": "Feature", "geometry": square(1), "properties": {"bh": "X1", "yt": "住宅楼", "cs": 6}})))
        state = self.bind(**self.fake(**{"import": {
            "map": [{"column": "bh", "field": "building_no"}, {"column": "yt", "field": "use"},
                    {"column": "cs", "field": "storeys"}],
            "values": [{"field": "use", "from": "住宅楼", "to": "dwelling"}],
            "set": [{"field": "area_code", "value": "460100"}]}}))
        self.assertEqual(state["state"], "good", state["error"])
        properties = self.records()["X1"]["properties"]
        self.assertEqual((properties["use"], properties["storeys"], properties["area_code"], properties["source"]),
                         ("dwelling", 6, "460100", "省级建筑库"))

    def test_source_is_printed_with_analyses(self):
        elements = collection({"type": "Feature", "geometry": {"type": "Point", "coordinates": [110.001, 20.0]},
                               "properties": {"name": "学校", "kind": "school", "element_group": "crowd", "area_code": "460100"}})
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(elements))
        state = self.bind("lpg.poi", **self.fake(name="省测绘局 POI"))
        self.assertEqual(state["state"], "good", state["error"])
        inputs = {"inputs": {"route": {"value": {"type": "LineString", "coordinates": [[110, 20], [110.01, 20]]}}}}
        run = self.run_analysis(inputs)
        self.assertEqual([(each["input"], each["name"], each["stale"]) for each in run["sources"]],
                         [("lpg.risk-elements", "省测绘局 POI", False)])
        self.assertEqual(run["sources"][0]["fetched"], state["good"])
        self.assertEqual(len(run["elements"]["features"]), 1)
        Answers.pages.clear()
        self.again("lpg.poi")
        run = self.run_analysis(inputs)
        self.assertEqual((run["sources"][0]["stale"], len(run["elements"]["features"])), (True, 1))

    def run_analysis(self, inputs):
        run = self.ok("/processes/lpg.route-hazards/execution", "POST", inputs)
        return {name: each["value"] if isinstance(each, dict) and "value" in each else each for name, each in run.items()}

    # ---- other sources ----

    def test_wfs_of_mapserver(self):
        path = self.folder + "/houses.json"
        with open(path, "w", encoding="utf-8") as file:
            json.dump(collection(*(building(i) for i in range(40))), file)
        subprocess.run(["ogr2ogr", "-f", "GPKG", "-nln", "houses", self.folder + "/houses.gpkg", path], check=True)
        server, url = serve(MapServer)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        MapServer.mapfile = self.folder + "/wfs.map"
        with open(MapServer.mapfile, "w", encoding="utf-8") as file:
            file.write(MAPFILE % (url, self.folder + "/houses.gpkg"))
        with open(self.folder + "/mapserver.conf", "w", encoding="utf-8") as file:
            file.write("CONFIG\n ENV\n END\nEND\n")
        state = self.bind(name="WFS", kind="wfs", url=url, dataset="houses")
        self.assertEqual((state["state"], state["records"]), ("good", 40), state["error"])
        one = self.records()["B00007"]
        self.assertEqual((one["properties"]["storeys"], one["properties"]["source"]), (3 + 7 % 7, "WFS"))
        xs = sorted(x for x, _ in one["geometry"]["coordinates"][0])
        self.assertAlmostEqual(xs[0], 110.007, 6)
        state = self.bind(name="WFS", kind="wfs", url=url, dataset="castles")
        self.assertEqual((state["state"], state["records"]), ("failing", 40))
        self.assertEqual(len(self.records()), 40)

    def test_file_is_read_from_listed_folders_alone(self):
        inside, outside = self.folder + "/open/b.geojson", self.folder + "/secret.geojson"
        for path in (inside, outside):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(collection(building(1)), file)
        os.symlink(outside, self.folder + "/open/link.geojson")
        state = self.bind(name="文件", kind="file", url=inside)
        self.assertEqual((state["state"], state["records"]), ("good", 1), state["error"])
        for path in (outside, self.folder + "/open/link.geojson", self.folder + "/open/../secret.geojson",
                     self.host.var + "/platform.db"):
            self.assertIn("bindings.dirs", self.refused(403, "url", path, name="文件", kind="file", url=path)["detail_en"])
        self.refused(404, "url", name="文件", kind="file", url=self.folder + "/open/none.geojson")

    def test_raster_is_kept_as_a_copy(self):
        path = self.folder + "/open/dem.tif"
        subprocess.run(["gdal_create", "-of", "GTiff", "-outsize", "4", "4", "-bands", "1", "-burn", "12", "-a_srs",
                        "EPSG:4490", "-a_ullr", "110", "20.1", "110.1", "20", path], check=True,
                       stdout=subprocess.DEVNULL)
        state = self.bind("lpg.dem", name="高程", kind="file", url=path)
        self.assertEqual((state["state"], state["layer"]), ("good", None), state["error"])
        copy = self.host.var + "/bindings/lpg.dem.tif"
        with open(path, "rb") as one, open(copy, "rb") as other:
            self.assertEqual(one.read(), other.read())
        with open(path, "w", encoding="utf-8") as file:
            file.write("no raster")
        self.assertEqual(self.again("lpg.dem")["state"], "failing")
        self.assertGreater(os.path.getsize(copy), 100)
        self.assertEqual(sorted(os.listdir(self.host.var + "/bindings")), ["lpg.dem.tif"])
        self.refused(400, "kind", role="lpg.dem", **self.ask())

    def test_table_of_the_platforms_database(self):
        binding = {"name": "表", "kind": "table", "url": "platform:", "dataset": "gis.houses"}
        if "CIM_TEST_PG" not in os.environ:
            self.assertIn("PostgreSQL", self.refused(400, "url", "platform:", **binding)["detail_en"])
            return
        psql(self.database, "create schema if not exists gis; drop table if exists gis.houses; create table gis.houses "
             "(id serial primary key, building_no text, use text, storeys int, area_code text, "
             "geom geometry(Polygon, 4490)); insert into gis.houses (building_no, use, storeys, area_code, geom) select "
             "'T' || n, 'office', n, '460100', st_makeenvelope(110 + n * 0.001, 20, 110.0001 + n * 0.001, 20.0001, 4490) "
             "from generate_series(1, 30) n")
        state = self.bind(**binding)
        self.assertEqual((state["state"], state["records"]), ("good", 30), state["error"])
        self.assertEqual(self.records()["T7"]["properties"]["storeys"], 7)
        psql(self.database, "delete from gis.houses where storeys > 20")
        state = self.again()
        self.assertEqual((state["records"], state["created"], state["removed"]), (20, 0, 10))
        psql(self.database, "drop table gis.houses")
        state = self.again()
        self.assertEqual((state["state"], state["records"]), ("failing", 20))
        for own in ("public.lpg_end_user", "pg_catalog.pg_authid", "information_schema.tables"):
            self.refused(403, "dataset", own, **dict(binding, dataset=own))
        self.refused(400, "dataset", "houses", **dict(binding, dataset="houses"))

    # ---- where it may reach, and who ----

    def test_only_listed_hosts_are_reached(self):
        for url, status in (("http://169.254.169.254/latest/meta-data", 403), ("http://localhost:1", 403),
                            ("http://[::1]:5432", 403), ("https://www.example.com/", 403),
                            ("http://x.example.test:81/", 403), ("http://example.test:8080/", 403),
                            ("file:///etc/passwd", 400), ("gopher://127.0.0.1/", 400), ("127.0.0.1", 400),
                            ("http://admin:secret@127.0.0.1/", 400)):
            with self.subTest(url=url):
                problem = self.refused(status, "url", **self.ask(url=url))
                self.assertNotIn("secret", json.dumps(problem))
        for url in ("postgresql://db.example.com/x", "postgresql://127.0.0.1/x?host=/run", "postgresql:///x",
                    "mysql://127.0.0.1/x"):
            self.refused(403 if "example" in url else 400, "url", **self.ask(kind="table", url=url, dataset="a.b"))
        self.ok(API + "/" + ROLE, "PUT", self.ask(url="http://tiles.example.test:8080/ogc"))

    def test_pages_stay_with_the_server(self):
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(collection(
            building(1), links=[{"rel": "next", "href": self.source.url + "collections/x/items"}])))
        state = self.bind(**self.fake())
        self.assertEqual((state["state"], state["error"]["param"]), ("failing", "url"))
        self.assertIn("another server", state["error"]["en"])
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(collection(
            building(1), links=[{"rel": "next", "href": "items/more"}])))
        Answers.pages["/collections/b/items/more"] = (200, {}, json.dumps(collection(building(2))))
        self.assertEqual(self.again()["records"], 2)

    def test_password_is_sealed_hidden_and_goes_to_its_address_alone(self):
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(collection(building(1))))
        secret = "S3cret-of-the-source"
        self.bind(**self.fake(username="u", password=secret))
        self.assertEqual(Answers.asked[-1][1], "Basic dTpTM2NyZXQtb2YtdGhlLXNvdXJjZQ==")
        text = self.send("GET", API)[2].decode() + self.send("GET", API + "/" + ROLE)[2].decode()
        self.assertNotIn(secret, text)
        self.assertTrue(self.ok(API + "/" + ROLE)["has_password"])
        for name in ("platform.db", "platform.db-wal"):
            with contextlib.suppress(FileNotFoundError), open(self.host.var + "/" + name, "rb") as file:
                self.assertNotIn(secret.encode(), file.read())
        self.assertNotIn(secret, self.host.read_log())
        without = self.fake(username="u")
        del without["password"]
        self.bind(**without)
        self.assertEqual(Answers.asked[-1][1], "Basic dTpTM2NyZXQtb2YtdGhlLXNvdXJjZQ==")
        other, url = serve(Answers)
        self.addCleanup(other.server_close)
        self.addCleanup(other.shutdown)
        self.bind(**dict(without, url=url))
        self.assertIsNone(Answers.asked[-1][1])
        self.assertFalse(self.ok(API + "/" + ROLE)["has_password"])

    def test_test_shows_and_stores_nothing(self):
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(collection(building(1, extra=1), building(2))))
        before = self.records()
        shown = self.ok(API + "/" + ROLE + "/test", "POST", self.fake())
        self.assertEqual({each["name"]: each["field"] for each in shown["columns"]}["building_no"], "building_no")
        self.assertIn("?limit=100", Answers.asked[-1][0])
        self.assertEqual(self.records(), before)
        self.assertFalse(self.ok(API + "/" + ROLE)["bound"])
        status, _, text = self.send("POST", API + "/" + ROLE + "/test", self.fake(dataset="none"))
        self.assertEqual((status, json.loads(text)["param"]), (409, "url"))
        self.assertEqual([each for each in os.listdir(self.host.var + "/bindings") if each.startswith("test")], [])

    def test_administrators_alone_and_audited(self):
        reader = self.host.token("reader")
        for method, path in (("GET", API), ("PUT", API + "/" + ROLE), ("DELETE", API + "/" + ROLE),
                             ("POST", API + "/" + ROLE + "/refresh"), ("POST", API + "/" + ROLE + "/test")):
            self.assertEqual(self.send(method, path, {} if method == "PUT" else None, reader)[0], 403)
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(collection(building(1))))
        self.bind(**self.fake())
        self.ok(API + "/lpg.castles", status=404)
        self.ok(API + "/lpg.roads/refresh", "POST", status=404)
        auditor, actions = self.host.token("auditor"), {}
        for _ in range(200):  # entries are chained within a second
            audit = json.loads(self.host.get("/admin/api/audit?limit=200", auditor)[2])
            actions = {each["action"]: each["principal"] for each in audit["entries"]}
            if "binding.refresh" in actions:
                break
            time.sleep(0.05)
        self.assertEqual(actions.get("binding.put"), "admin", actions)
        self.assertIn("binding.refresh", actions)

    def test_wrong_requests_name_the_field(self):
        for more, param in (({"kind": "ftp"}, "kind"), ({"name": ""}, "name"), ({"name": "x" * 201}, "name"),
                            ({"dataset": ""}, "dataset"), ({"others": "hide"}, "others"), ({"refresh_min": -1}, "refresh_min"),
                            ({"colour": 1}, "colour"), ({"import": {"map": [{"column": "a"}]}}, "map[0].field"),
                            ({"import": {"dry_run": True}}, "dry_run"), ({"url": "x" * 3000}, "url")):
            with self.subTest(more=more):
                self.refused(413 if more.get("url") else 400, param, **self.ask(**more))

    def test_verb_sets_refreshes_and_lists(self):
        Answers.pages["/collections/b/items"] = (200, {}, json.dumps(collection(building(1), building(2))))
        host = test_host.Platform()
        self.addCleanup(host.close)
        store = test_host.CLEAN.pop("CIM_STORE_URL", None)
        try:
            with open(host.var + "/areas.csv", "w", encoding="utf-8") as file:
                file.write(AREAS)
            host.run("areas", "import", file.name)
            host.run("plugin", "enable", "lpg")
            text = host.run("binding", "set", ROLE, "-", stdin=json.dumps(self.fake()), fails=True)
            self.assertIn("bindings.hosts", text)
            allow = {"CIM_BINDINGS_HOSTS": "127.0.0.1"}
            host.run("binding", "set", ROLE, "-", stdin=json.dumps(self.fake()), env=allow)
            self.assertIn("building_no", host.run("binding", "test", ROLE, env=allow))
            self.assertIn("2 records, 2 new", host.run("binding", "refresh", ROLE, env=allow))
            self.assertIn("省级建筑库", host.run("binding", "list"))
            Answers.pages.clear()
            self.assertIn("HTTP 404", host.run("binding", "refresh", ROLE, env=allow, fails=True))
            self.assertIn("HTTP 404", host.run("binding", "list"))
            host.run("binding", "remove", ROLE)
            self.assertIn("not bound", host.run("binding", "list"))
        finally:
            if store is not None:
                test_host.CLEAN["CIM_STORE_URL"] = store


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=sys.argv[:1] + rest)


if __name__ == "__main__":
    main()
