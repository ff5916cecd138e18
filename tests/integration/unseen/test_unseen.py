#!/usr/bin/env python3
"""A kind of record that nobody has seen: a definition, a table and a style dropped into the built plugin's
folder serve everything that the known kinds do, and nothing is built for it.

usage: test_unseen.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import csv
import glob
import io
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../host"), os.path.join(HERE, "../writes")]
import test_host  # noqa: E402  pylint: disable=wrong-import-position
from platform_places import PASSWORD, psql  # noqa: E402  pylint: disable=wrong-import-position

LAYER = "lpg.lighthouses"
COLLECTION = "/collections/" + LAYER
ITEMS = COLLECTION + "/items"
GEOJSON = "application/geo+json"
USCC = "91350100M000100Y43"  # the example of GB 32100
PHONE = "13800001234"
KINDS = {"title": {"zh": "灯塔类型", "en": "Kind of lighthouse"},
         "values": [{"value": "tower", "zh": "塔", "en": "Tower"}, {"value": "float", "zh": "灯船", "en": "Light ship"},
                    {"value": "beacon", "zh": "灯桩", "en": "Beacon"}]}
# Reads what the layer's sensitive field says, and may write; the roles of the manifest know it not.
KEEPER = {"id": "keeper", "title": {"zh": "守塔人", "en": "Keeper"}, "functions": ["lpg.export", "lpg.reveal"],
          "grants": [{"resource": LAYER, "actions": ["read", "export", "create", "update", "delete"],
                      "sensitive": "clear"}]}
AREAS = ("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n"
         "460000,海南省,province,,,,,\n460100,海口市,city,460000,,,,\n460105,秀英区,county,460100,,,,\n"
         "460200,三亚市,city,460000,,,,\n")


def drop_in(folder):
    """The definition, its table and its style beside those that were built, and their ids in the manifest."""
    here = os.path.join(HERE, "definition")
    numbers = [int(os.path.basename(each)[:4]) for each in glob.glob(folder + "/migrations/*.sql")]
    shutil.copy(here + "/layer.json", folder + "/layers/lighthouses.json")
    shutil.copy(here + "/table.sql", folder + "/migrations/%04d_lighthouses.sql" % (max(numbers) + 1))
    shutil.copy(here + "/style.json", folder + "/styles/lighthouses.json")
    edit(folder + "/layers/codes.json", lambda codes: codes.update(lighthouse_kind=KINDS))

    def allow(manifest):
        manifest["resources"]["layers"].append(LAYER)
        manifest["roles"].append(KEEPER)
    edit(folder + "/plugin.manifest", allow)


def edit(path, change):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    change(document)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False)


def light(light_no, x=110.3, y=20.05, area="460100", **more):
    properties = {"light_no": light_no, "name": "灯塔" + light_no, "kind": "tower", "lit": True, "area_code": area}
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [x, y]},
            "properties": dict(properties, **more)}


FULL = {"name": "秀英灯塔", "kind": "beacon", "height_m": 63.25, "lamps": 3, "lit": False, "unlit_reason": "更换灯具",
        "built_on": "1891-05-04", "overhauled_on": "2019-11-30", "seen_at": "2026-01-02T03:04:05.678Z",
        "operator_code": USCC, "keeper_phone": PHONE}


def unpacked(body):
    """The bytes of a file, or of those in an archive."""
    if body[:4] != b"PK\x03\x04":
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


class Unseen(unittest.TestCase):
    """Accounts: keeper has the layer in clear; manager writes, imports and administers, masked; haikou reads
    the areas of Haikou, masked, and exports; nobody has no grant for it."""

    @classmethod
    def setUpClass(cls):
        test_host.CLEAN.pop("CIM_STORE_URL", None)
        if "CIM_TEST_PG" in os.environ:
            database = "unseen_%d" % os.getpid()
            psql("postgres", "create database %s template cim_template" % database)
            test_host.CLEAN["CIM_STORE_URL"] = "postgresql:///%s?host=%s&user=cim" % (
                database, os.environ["CIM_TEST_PG"])
        cls.folder = tempfile.mkdtemp(prefix="cim-unseen-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        shutil.copytree(test_host.ARGS.plugins + "/lpg", cls.folder + "/lpg", symlinks=True)
        drop_in(cls.folder + "/lpg")
        cls.host = test_host.Platform(cls.folder)
        cls.addClassCleanup(cls.host.close)
        with open(cls.host.var + "/areas.csv", "w", encoding="utf-8") as file:
            file.write(AREAS)
        cls.host.run("areas", "import", file.name)
        cls.host.run("plugin", "enable", "lpg")
        for name, roles, areas in (("keeper", "keeper", "*"), ("manager", "platform-admin,data-manager,regulator", "*"),
                                   ("haikou", "regulator", "460100"), ("nobody", "base-map", "*")):
            cls.host.run("user", "add", name, "--roles", roles, "--areas", areas, "--password-file=-",
                         stdin=PASSWORD + "\n")
        cls.host.serve()
        cls.tokens = {name: cls.host.token(name) for name in ("keeper", "manager", "haikou", "nobody")}

    def tearDown(self):
        for each in self.ok(ITEMS + "?limit=1000")["features"]:
            self.assertEqual(self.send("DELETE", "%s/%s" % (ITEMS, each["id"]))[0], 204)

    def send(self, method, path, body=None, who="keeper", kind=GEOJSON, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["Content-Type"] = kind
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.host.get(path, self.tokens[who], method, body, headers)

    def ok(self, path, who="keeper", method="GET", body=None, status=200, **more):
        got, _, text = self.send(method, path, body, who, **more)
        self.assertEqual(got, status, text[:800])
        return json.loads(text)

    def create(self, *lights):
        return [self.ok(ITEMS, method="POST", body=each, status=201) for each in lights]

    def found(self, who="keeper", **query):
        page = self.ok(ITEMS + "?" + urllib.parse.urlencode(query), who)
        self.assertEqual(page["numberMatched"], len(page["features"]))
        return [each["properties"]["light_no"] for each in page["features"]]

    def refused(self, field, value, **properties):
        status, _, text = self.send("POST", ITEMS, light(**dict({"light_no": "R1"}, **properties)))
        problem = json.loads(text)
        self.assertEqual((status, problem["param"]), (409 if field == "light_no" else 400, field), text)
        if value is not None:
            self.assertEqual(problem["value"], value)
        self.assertTrue(problem["detail"] and problem["detail_en"])

    def test_every_type_is_kept_as_it_was_sent(self):
        made = self.create(light("L1", **FULL))[0]
        item = "%s/%d" % (ITEMS, made["id"])
        read = self.ok(item)
        # The phone lies encrypted, and is told to those who say why.
        self.assertEqual({name: read["properties"][name] for name in FULL}, dict(FULL, keeper_phone="138****1234"))
        clear = self.ok(item + "?reveal=keeper_phone&reason=" + urllib.parse.quote("核对看守电话"))
        self.assertEqual({name: clear["properties"][name] for name in FULL}, FULL)
        self.assertEqual(read["geometry"]["coordinates"], [110.3, 20.05])
        self.assertEqual((read["properties"]["version"], read["properties"]["area_code"]), (1, "460100"))
        patched = self.ok(item, method="PATCH", body={"properties": {"lamps": 4, "height_m": None}},
                          kind="application/merge-patch+json", If_Match='"1-0"')
        self.assertEqual((patched["properties"]["lamps"], patched["properties"]["height_m"],
                          patched["properties"]["name"], patched["properties"]["version"]), (4, None, "秀英灯塔", 2))
        self.assertEqual(self.send("PATCH", item, {"properties": {"lamps": 5}}, kind="application/merge-patch+json",
                                   If_Match='"1-0"')[0], 412)
        replaced = self.ok(item, method="PUT", body=light("L1", 110.31, lit=True))
        self.assertEqual((replaced["properties"]["lamps"], replaced["geometry"]["coordinates"]), (None, [110.31, 20.05]))
        self.assertEqual(self.send("DELETE", item)[0], 204)
        self.assertEqual(self.send("GET", item)[0], 404)

    def test_what_its_definition_forbids_is_refused_by_name(self):
        self.create(light("R1"))
        self.refused("light_no", "R1")  # unique
        for field, value, properties in (
                ("name", None, {"name": None}), ("name", None, {"name": "长" * 61}), ("kind", "lantern", {"kind": "lantern"}),
                ("height_m", None, {"height_m": 200.5}), ("height_m", None, {"height_m": -1}),
                ("lamps", None, {"lamps": 1.5}), ("lit", None, {"lit": "maybe"}), ("unlit_reason", None, {"lit": False}),
                ("overhauled_on", "2000-01-01", {"built_on": "2000-01-02", "overhauled_on": "2000-01-01"}),
                ("built_on", "2000-02-30", {"built_on": "2000-02-30"}), ("seen_at", "noon", {"seen_at": "noon"}),
                ("operator_code", USCC[:-1] + "I", {"operator_code": USCC[:-1] + "I"}),
                ("keeper_phone", None, {"keeper_phone": "12"}), ("colour", None, {"colour": "red"}),
                ("area_code", "469999", {"area_code": "469999"})):
            with self.subTest(field=field, **properties):
                self.refused(field, value, **dict({"light_no": "R2"}, **properties))
        self.assertEqual(self.found(), ["R1"])

    def test_filters_sorts_and_finds(self):
        self.create(light("L1", **FULL), light("L2", 109.5, 18.2, "460200", height_m=20, name="三亚湾灯塔",
                                                built_on="1999-12-31"),
                    light("L3", 110.6, 19.9, "460105", name="白沙门", kind="float", lamps=1))
        for query, wanted in (({"kind": "float"}, ["L3"]), ({"lit": "false"}, ["L1"]), ({"area": "460100"}, ["L1", "L3"]),
                              ({"area": "460105"}, ["L3"]), ({"bbox": "109,18,110,19"}, ["L2"]),
                              ({"filter": "height_m > 20 and built_on < DATE('1900-01-01')"}, ["L1"]),
                              ({"filter": "lamps is null or name like '白沙%'"}, ["L2", "L3"]),
                              ({"filter": "kind in ('tower', 'float') and s_intersects(geom, POLYGON((109 18, 110 18, 110 19, "
                                          "109 19, 109 18)))"}, ["L2"]),
                              ({"filter": "seen_at >= TIMESTAMP('2026-01-02T03:04:05.678Z')"}, ["L1"]),
                              ({"filter": json.dumps({"op": "=", "args": [{"property": "light_no"}, "L3"]}),
                                "filter-lang": "cql2-json"}, ["L3"]),
                              ({"datetime": "2026-01-01T00:00:00Z/.."}, ["L1"]),
                              ({"q": "三亚"}, ["L2"]), ({"q": "baishamen"}, ["L3"]), ({"q": "syw"}, ["L2"])):
            with self.subTest(query=query):
                self.assertEqual(sorted(self.found(**query)), wanted)
        self.assertEqual(self.found(sortby="-height_m"), ["L1", "L2", "L3"])
        self.assertEqual(self.found(sortby="name"), ["L3", "L2", "L1"])  # by pinyin: bai, san, xiu
        first = self.ok(ITEMS + "?limit=2&sortby=light_no")
        following = next(each["href"] for each in first["links"] if each["rel"] == "next")
        rest = self.ok(following[following.index("/collections"):])
        self.assertEqual([each["properties"]["light_no"] for each in first["features"] + rest["features"]],
                         ["L1", "L2", "L3"])
        hits = self.ok("/search?q=" + urllib.parse.quote("秀英灯塔"))
        self.assertIn(LAYER, json.dumps(hits))
        self.assertIn("秀英灯塔", json.dumps(hits, ensure_ascii=False))

    def test_its_tiles_count_and_show(self):
        self.create(light("L1", **FULL), light("L2", 110.302), light("L3", 109.5, 18.2, "460200"))
        self.assertEqual(sorted((each["name"], each["kind"], each["lit"]) for each in self.tile(14, 110.301, 20.05)),
                         [("灯塔L2", "tower", True), ("秀英灯塔", "beacon", False)])
        for who, count in (("keeper", 3), ("haikou", 2)):
            cluster, = self.tile(0, 110.3, 20.05, who)
            self.assertEqual([cluster[name] for name in ("count", "n_kind_tower", "n_kind_beacon", "n_lit_true")],
                             [count, count - 1, 1, count - 1], cluster)
        self.assertEqual(self.send("GET", COLLECTION + "/tiles/WebMercatorQuad/0/0/0", who="nobody")[0], 403)

    def tile(self, zoom, lon, lat, who="keeper"):
        """The properties of the tile's features, read by GDAL."""
        n = 2 ** zoom
        column = int((lon + 180) / 360 * n)
        row = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)
        status, _, text = self.send("GET", COLLECTION + "/tiles/WebMercatorQuad/%d/%d/%d" % (zoom, row, column), who=who)
        self.assertEqual(status, 200, text[:300])
        path = os.path.join(self.folder, "tile.mvt")
        with open(path, "wb") as file:
            file.write(text)
        done = subprocess.run(["ogr2ogr", "-f", "GeoJSON", "/vsistdout/", path, LAYER], check=True, capture_output=True)
        return [each["properties"] for each in json.loads(done.stdout)["features"]]

    def imported(self, body, **query):
        query = urllib.parse.urlencode(dict(query, layer=LAYER, row_wise="1"))
        return self.ok("/admin/api/imports?" + query, "manager", "POST", body.encode(), kind="application/octet-stream")

    def test_files_come_in_and_go_out(self):
        report = self.imported("灯标编号,灯塔名称,灯塔类型,在用,灯高,建成日期,lon,lat,area_code\n"
                               "C1,木栏头灯塔,塔,是,72.12,1995-01-10,110.68,20.16,460100\n"
                               "C2,临高角灯塔,灯房,是,22,1893-06-01,109.71,20.01,460100\n"
                               "C3,兵马角,tower,true,,,109.26,19.9,460100\n", crs="cgcs2000")
        self.assertEqual((report["read"], report["written"], report["refused_total"]), (3, 2, 1), report)
        self.assertEqual([(each["row"], each["field"], each["value"]) for each in report["refused"]], [(2, "kind", "灯房")])
        features = [light("G1", name="景山灯塔"), light("G2", height_m=900), light("C1")]
        report = self.imported(json.dumps({"type": "FeatureCollection", "features": features}))
        self.assertEqual([(each["row"], each["field"]) for each in report["refused"]], [(2, "height_m"), (3, "light_no")],
                         report)
        self.assertEqual(self.found(sortby="light_no"), ["C1", "C3", "G1"])
        kept = self.ok(ITEMS + "?light_no=C1")["features"][0]
        self.assertEqual((kept["properties"]["height_m"], kept["properties"]["kind"], kept["properties"]["lit"],
                          kept["geometry"]["coordinates"]), (72.12, "tower", True, [110.68, 20.16]))
        status, _, text = self.send("GET", ITEMS + "?export=true&f=csv&sortby=light_no")
        self.assertEqual(status, 200, text)
        rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
        self.assertEqual([row["light_no"] for row in rows], ["C1", "C3", "G1"])
        self.assertEqual((rows[0]["height_m"], rows[0]["name"], rows[0]["built_on"]), ("72.12", "木栏头灯塔", "1995-01-10"))
        status, _, text = self.send("GET", ITEMS + "?export=true&f=geojsonl")
        self.assertEqual(status, 200, text)
        self.assertEqual(sorted(json.loads(each)["properties"]["name"] for each in text.splitlines() if each.strip()),
                         ["兵马角", "景山灯塔", "木栏头灯塔"])

    def test_it_is_described(self):
        self.create(light("L1", **FULL))
        listed = {each["id"] for each in self.ok("/collections")["collections"]}
        self.assertEqual(listed, {LAYER})  # all that the keeper may read
        entry = self.ok(COLLECTION)
        self.assertEqual((entry["x-cim-title"], entry["x-cim-geometry"], entry["x-cim-label"]),
                         ({"zh": "灯塔", "en": "Lighthouses"}, "Point", "name"))
        self.assertEqual(entry["extent"]["spatial"]["bbox"], [[110.3, 20.05, 110.3, 20.05]])
        self.assertEqual(entry["x-cim-popup"], ["light_no", "name", "kind", "height_m", "keeper_phone"])
        form = self.ok(COLLECTION + "/schema")
        self.assertEqual({"light_no", "name", "kind", "lit"}, set(form["required"]) - {"geom"})
        fields = form["properties"]
        self.assertEqual((fields["lamps"]["type"], fields["height_m"]["maximum"], fields["built_on"]["format"],
                          fields["seen_at"]["format"], fields["lit"]["type"], fields["name"]["maxLength"]),
                         ("integer", 200, "date", "date-time", "boolean", 60))
        self.assertEqual(sorted(each["const"] for each in fields["kind"]["oneOf"]) if "oneOf" in fields["kind"]
                         else sorted(fields["kind"]["enum"]), ["beacon", "float", "tower"])
        self.assertIn("keeper_phone", self.ok(COLLECTION + "/queryables")["properties"])
        self.assertEqual(self.ok("/styles/lighthouses")["layers"][0]["id"], "lpg.lighthouses:mark")
        self.assertEqual(self.ok(COLLECTION + "/tiles/WebMercatorQuad?f=tilejson")["vector_layers"][0]["id"], LAYER)
        self.assertIn(LAYER, json.dumps(self.ok("/api")))

    def test_its_rights_are_those_of_its_definition(self):
        self.create(light("L1", **FULL), light("L2", 109.5, 18.2, "460200", keeper_phone=PHONE))
        self.assertEqual(self.found("keeper", keeper_phone=PHONE, sortby="light_no"), ["L1", "L2"])
        self.assertEqual(self.found("haikou"), ["L1"])  # the other lies in Sanya
        masked = self.ok(ITEMS, "haikou")["features"][0]["properties"]["keeper_phone"]
        self.assertRegex(masked, r"^138\*+1234$")
        for way in ("?f=csv", "?f=html", "?f=geojsonl", "?f=csv&export=true"):
            status, _, text = self.send("GET", ITEMS + way, who="haikou")
            self.assertEqual(status, 200, text[:300])
            self.assertNotIn(PHONE, text.decode())
        item = "%s/%d" % (ITEMS, self.ok(ITEMS, "haikou")["features"][0]["id"])
        self.assertEqual(self.send("GET", item + "?reveal=keeper_phone&reason=because", who="haikou")[0], 403)
        for query in ("keeper_phone=" + PHONE, "sortby=keeper_phone", "filter=keeper_phone%20is%20not%20null"):
            self.assertEqual(self.send("GET", ITEMS + "?" + query, who="haikou")[0], 403, query)
        self.assertNotIn("keeper_phone", self.ok(COLLECTION + "/queryables", "haikou")["properties"])
        for who, status in (("haikou", 403), ("nobody", 403)):
            self.assertEqual(self.send("POST", ITEMS, light("L9"), who)[0], status)
        for path in (ITEMS, COLLECTION, COLLECTION + "/schema"):
            self.assertEqual(self.send("GET", path, who="nobody")[0], 403, path)

    RECORDS = "/catalogue/collections/resources/items"

    def test_it_is_in_the_catalogue(self):
        self.create(light("L1", **FULL))
        record = self.ok(self.RECORDS + "/" + LAYER, "haikou")
        told = record["properties"]
        self.assertEqual((record["id"], told["type"], told["title"], told["x-cim-title"]["en"]), (LAYER, "dataset", "灯塔", "Lighthouses"))
        self.assertEqual(told["themes"][0]["concepts"][0]["id"], "测试专题")
        catalog, iso = told["catalog"], told["iso19115"]
        self.assertEqual((catalog["class"], catalog["format"], catalog["sharing"]["type"]), ("测试专题", "vector", "conditional"))
        items = {each["name"]: each for each in catalog["items"]}
        with open(HERE + "/definition/layer.json", encoding="utf-8") as file:
            self.assertEqual(list(items), [field["name"] for field in json.load(file)["fields"]])
        self.assertEqual((items["height_m"]["title"], items["height_m"]["type"], items["height_m"]["unit"]), ("灯高", "number", "m"))
        self.assertEqual([name for name in items if items[name]["sensitive"]], ["keeper_phone"])
        self.assertEqual({name: iso[name] for name in ("metadataStandardName", "spatialRepresentationType", "geometryType",
                                                       "referenceSystem", "maintenanceFrequency", "retention")},
                         {"metadataStandardName": "ISO 19115-1:2014", "spatialRepresentationType": "vector", "geometryType": "Point",
                          "referenceSystem": "EPSG:4490", "maintenanceFrequency": "yearly", "retention": "10y"})
        quality = self.ok("%s/%s/quality" % (self.RECORDS, LAYER), "haikou")
        self.assertIn("light_no", json.dumps(quality))
        hits = self.ok(self.RECORDS + "?q=" + urllib.parse.quote("灯塔"), "haikou")
        self.assertEqual({each["id"] for each in hits["features"]}, {LAYER, LAYER + ".tiles"})

    def picture(self, path, who="keeper"):
        """Width, and the colour at each of the places asked for, as GDAL reads the picture."""
        status, headers, body = self.send("GET", path, who=who)
        self.assertEqual((status, headers["Content-Type"]), (200, "image/png"), body[:300])
        name = os.path.join(self.folder, "picture.png")
        with open(name, "wb") as file:
            file.write(body)

        def at(x, y):
            done = subprocess.run(["gdallocationinfo", "-valonly", name, str(x), str(y)], check=True, capture_output=True, text=True)
            return tuple(int(each) for each in done.stdout.split())
        return at

    def test_its_pictures_are_drawn(self):
        blue = (0x1f, 0x6f, 0xeb)
        self.create(light("L1", 110.3, 20.05), light("L2", 109.5, 18.2, "460200"))
        near = "bbox=110.2,20,110.4,20.1&width=400&height=200&f=png"
        for path in ("%s/map?%s&crs=CRS84" % (COLLECTION, near), "/styles/lighthouses/map?%s&crs=CRS84" % near,
                     "/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&LAYERS=%s&STYLES=&CRS=CRS:84&BBOX=110.2,20,110.4,20.1&WIDTH=400"
                     "&HEIGHT=200&FORMAT=image/png&TRANSPARENT=TRUE" % LAYER):
            with self.subTest(path=path):
                at = self.picture(path)
                self.assertEqual(at(200, 100)[:3], blue)  # the middle of the box
                self.assertNotEqual(at(40, 40)[:3], blue)
        sanya = "%s/map?bbox=109.4,18.15,109.6,18.25&width=400&height=200&f=png&crs=CRS84" % COLLECTION
        self.assertEqual(self.picture(sanya)(200, 100)[:3], blue)
        self.assertNotEqual(self.picture(sanya, "haikou")(200, 100)[:3], blue)  # not of his area
        self.picture(COLLECTION + "/thumbnail")
        self.picture("/styles/lighthouses/legend")
        self.picture(COLLECTION + "/legend")
        self.assertEqual(self.send("GET", COLLECTION + "/map?" + near, who="nobody")[0], 403)

    def test_it_is_in_the_capabilities(self):
        self.create(light("L1"))
        for path in ("/wms?SERVICE=WMS&REQUEST=GetCapabilities", "/wmts?SERVICE=WMTS&REQUEST=GetCapabilities"):
            for who, there in (("keeper", True), ("haikou", True), ("nobody", False)):
                status, _, text = self.send("GET", path, who=who)
                self.assertEqual((status, LAYER in text.decode(), "灯塔" in text.decode()), (200, there, there), (path, who))
        path = ("/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetFeatureInfo&LAYERS=%s&QUERY_LAYERS=%s&STYLES=&CRS=CRS:84&BBOX=110.2,20,"
                "110.4,20.1&WIDTH=400&HEIGHT=200&I=200&J=100&INFO_FORMAT=application/json&FORMAT=image/png" % (LAYER, LAYER))
        self.assertEqual(self.ok(path)["features"][0]["properties"]["light_no"], "L1")
        self.picture("/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetLegendGraphic&FORMAT=image/png&LAYER=" + LAYER)

    def test_exports_in_every_format_are_masked(self):
        self.create(light("L1", **FULL), light("L2", 109.5, 18.2, "460200", name="三亚湾灯塔", keeper_phone=PHONE))
        for form in ("json", "geojsonl", "csv", "gpkg", "shp", "gdb", "kml", "kmz", "gml", "dxf", "xlsx"):
            with self.subTest(format=form):
                status, _, body = self.send("GET", "%s?export=true&f=%s" % (ITEMS, form), who="haikou")
                self.assertEqual(status, 200, body[:300])
                told = unpacked(body)
                self.assertNotIn(PHONE.encode(), told)
                self.assertNotIn("三亚湾灯塔".encode(), told)  # of another area
                if form != "dxf":  # which has no attributes
                    self.assertIn("秀英灯塔".encode(), told)
                    self.assertIn(b"138****1234", told)
                self.assertEqual(self.send("GET", "%s?export=true&f=%s" % (ITEMS, form), who="nobody")[0], 403)
        path = os.path.join(self.folder, "lights.gpkg")
        with open(path, "wb") as file:
            file.write(self.send("GET", ITEMS + "?export=true&f=gpkg")[2])
        done = subprocess.run(["ogrinfo", "-al", path], check=True, capture_output=True, text=True).stdout
        self.assertIn("Feature Count: 2", done)
        for line in ("light_no (String) = L1", "built_on (Date) = 1891/05/04", "lit (Integer(Boolean)) = 0",
                     "seen_at (DateTime) = 2026/01/02 03:04:05.678+00", "height_m (Real) = 63.25"):
            self.assertIn(line, done)

    def test_nothing_was_built_for_it(self):
        with open(test_host.ARGS.plugins + "/lpg/lpg.so", "rb") as built, open(self.folder + "/lpg/lpg.so", "rb") as used:
            library = used.read()
            self.assertEqual(built.read(), library)
        self.assertNotIn(b"lighthouse", library)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0]] + rest)
