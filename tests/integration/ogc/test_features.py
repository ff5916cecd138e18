"""OGC API Features Part 1, 2 and 5 on the demonstration data."""
import csv
import io
import json
import subprocess
import unittest

import host
from host import all_pages, get, items

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/%d"


def transform(epsg, points):
    """Positions by GDAL's own program: easting before northing, whatever the code says."""
    text = "\n".join("%.10f %.10f" % (lon, lat) for lon, lat in points)
    out = subprocess.run(["gdaltransform", "-s_srs", "EPSG:4490", "-t_srs", "EPSG:%d" % epsg,
                          "-output_xy"], input=text, capture_output=True, text=True, check=True)
    return [tuple(map(float, line.split()[:2])) for line in out.stdout.splitlines()]


class Documents(unittest.TestCase):
    def test_every_document_is_json_and_a_page(self):
        paths = ["/", "/conformance", "/api", "/collections", "/styles", "/basemaps",
                 "/tileMatrixSets", "/tileMatrixSets/WebMercatorQuad", "/styles/basemap"]
        for layer in host.LAYERS:
            base = "/collections/lpg." + layer
            paths += [base, base + "/schema", base + "/queryables", base + "/items"]
        for layer in host.GEOGRAPHIC:
            base = "/collections/lpg." + layer
            paths += [base + "/tiles", base + "/tiles/WebMercatorQuad"]
        for layer in host.filled():
            paths += ["/collections/lpg." + layer + "/items/1"]
        for path in paths:
            with self.subTest(path=path):
                answer = get(path, f="json")
                self.assertEqual(answer.status, 200, answer.body[:300])
                self.assertIn("json", answer.headers["Content-Type"])
                self.assertTrue(answer.json)
                page = get(path, headers={"Accept": "text/html,*/*;q=0.1"})
                self.assertEqual(page.status, 200, page.body[:300])
                self.assertTrue(page.text.startswith("<!DOCTYPE html>"))
                self.assertNotIn("<script", page.text)

    def test_links_lead_somewhere(self):
        for path in ("/", "/collections/lpg.stations", "/collections/lpg.stations/items",
                     "/collections/lpg.stations/tiles/WebMercatorQuad"):
            for each in get(path, f="json").json["links"]:
                if not each.get("templated"):
                    self.assertEqual(get(each["href"]).status, 200, each)

    def test_collections_describe_themselves(self):
        on_the_map = host.filled(host.GEOGRAPHIC)
        for one in get("/collections").json["collections"]:
            if one["id"][4:] not in on_the_map:
                continue
            self.assertEqual(one["crs"][0], CRS84)
            self.assertEqual(one["storageCrs"], EPSG % 4490)
            west, south, east, north = one["extent"]["spatial"]["bbox"][0]
            self.assertTrue(105 < west < east < 120 and 2 < south < north < 21, one["extent"])
            self.assertEqual(get("/collections/" + one["id"]).json, one)

    def test_schema_holds_what_features_hold(self):
        for layer in host.filled():
            geometry = {"geometry"} if layer in host.GEOGRAPHIC else set()
            schema = get("/collections/lpg.%s/schema" % layer).json["properties"]
            feature = items(layer, limit=1)["features"][0]
            self.assertEqual(set(feature["properties"]) | {"fid"} | geometry, set(schema), layer)
            roles = {p["x-ogc-role"] for p in schema.values() if "x-ogc-role" in p}
            self.assertEqual(roles, {"id", "primary-instant"} |
                             {"primary-geometry" for _ in geometry}, layer)
            for name, value in feature["properties"].items():
                kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
                if value is not None:
                    self.assertIsInstance(value, kinds[schema[name]["type"]], (layer, name))
                if value is not None and "enum" in schema[name]:
                    self.assertIn(value, schema[name]["enum"], (layer, name))


class Pages(unittest.TestCase):
    def test_union_of_pages_is_everything_once(self):
        for layer, limit in (("stations", 7), ("end-users", 1999), ("districts", 10)):
            for sort in (None, "-updated_at", "area_code,-fid"):
                query = {"limit": limit, "skipGeometry": "true"}
                if sort:
                    query["sortby"] = sort
                matched, features = all_pages(layer, **query)
                self.assertEqual(len(features), matched)
                self.assertEqual(len({f["id"] for f in features}), matched)

    def test_an_export_is_the_pages_in_every_format(self):
        matched, features = all_pages("stations", limit=100)
        whole = items("stations", export="true")
        self.assertEqual([f["id"] for f in whole["features"]], [f["id"] for f in features])
        self.assertEqual(whole["numberMatched"], matched)
        lines = get("/collections/lpg.stations/items", export="true", f="geojsonl")
        self.assertEqual([json.loads(line) for line in lines.text.splitlines()], whole["features"])
        table = get("/collections/lpg.stations/items", export="true", f="csv")
        self.assertIn("attachment", table.headers["Content-Disposition"])
        rows = list(csv.DictReader(io.StringIO(table.body.decode("utf-8-sig"))))
        self.assertEqual(len(rows), matched)
        for row, feature in zip(rows, whole["features"]):
            self.assertEqual(row["name"], feature["properties"]["name"])
            self.assertEqual([float(row["lon"]), float(row["lat"])],
                             feature["geometry"]["coordinates"])

    def test_sorting_orders_by_value_with_absent_last(self):
        _, features = all_pages("stations", limit=50, sortby="-full_volume_l,name")
        keys = [(f["properties"]["full_volume_l"] is None, -(f["properties"]["full_volume_l"] or 0),
                 f["properties"]["name"].encode()) for f in features]
        self.assertEqual(keys, sorted(keys))

    def test_limit_above_the_maximum_is_cut(self):
        page = items("end-users", limit=50000, skipGeometry="true", properties="kind")
        self.assertEqual(page["numberReturned"], 10000)
        self.assertIsNotNone(host.link(page, "next"))


class Filters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stations = items("stations", export="true")["features"]

    def ids(self, test):
        return {f["id"] for f in self.stations if test(f)}

    def found(self, **query):
        page = items("stations", limit=10000, **query)
        self.assertEqual(page["numberMatched"], page["numberReturned"])
        return {f["id"] for f in page["features"]}

    def test_boxes_in_any_reference_system(self):
        west, south, east, north = 110.2, 19.9, 110.45, 20.1

        def inside(feature):
            lon, lat = feature["geometry"]["coordinates"]
            return west <= lon <= east and south <= lat <= north
        wanted = self.ids(inside)
        self.assertTrue(0 < len(wanted) < len(self.stations))
        self.assertEqual(self.found(bbox="%s,%s,%s,%s" % (west, south, east, north)), wanted)
        self.assertEqual(self.found(bbox="%s,%s,-10,%s,%s,500" % (west, south, east, north)), wanted)
        for epsg in (4490, 4326):
            self.assertEqual(self.found(bbox="%s,%s,%s,%s" % (south, west, north, east),
                                        bbox__crs=EPSG % epsg), wanted)
        (x0, y0), (x1, y1) = transform(3857, [(west, south), (east, north)])
        self.assertEqual(self.found(bbox="%f,%f,%f,%f" % (x0, y0, x1, y1), bbox__crs=EPSG % 3857),
                         wanted)

    def test_values_of_every_kind(self):
        for name, convert in (("licence_state", str), ("kind", str), ("over_volume", None),
                              ("full_volume_l", None), ("owner_org", str), ("version", None)):
            value = next(f["properties"][name] for f in self.stations
                         if f["properties"].get(name) is not None)
            text = convert(value) if convert else json.dumps(value)
            self.assertEqual(self.found(**{name: text}),
                             self.ids(lambda f: f["properties"][name] == value), name)
        first = self.stations[0]["properties"]
        self.assertEqual(
            self.found(licence_state=first["licence_state"], kind=first["kind"]),
            self.ids(lambda f: (f["properties"]["licence_state"], f["properties"]["kind"]) ==
                     (first["licence_state"], first["kind"])))

    def test_areas_with_all_below_them(self):
        above = host.areas()
        for code in ("460100", "460000", "460105"):
            self.assertEqual(self.found(area=code),
                             self.ids(lambda f: code in above[f["properties"]["area_code"]]))

    def test_words(self):
        self.assertEqual(self.found(q="示例"),
                         self.ids(lambda f: any("示例" in str(v)
                                                for v in f["properties"].values())))

    def test_words_by_pinyin_and_across_layers(self):
        name = next(f["properties"]["name"] for f in self.stations
                    if "供应站" in f["properties"]["name"])
        self.assertIn(name, {f["properties"]["name"]
                             for f in host.items("stations", q="gyz", limit=10000)["features"]})
        groups = host.get("/search", q=name, limit=3).json["groups"]
        found = next(g for g in groups if g["id"] == "lpg.stations")["features"]
        self.assertTrue(0 < len(found) <= 3)
        self.assertEqual(found[0]["label"], name)
        self.assertEqual(found[0]["geometry"]["type"], "Point")
        for wrong in ({"q": " "}, {}, {"q": "x", "limit": 0}, {"q": "x", "bbox": "1"}):
            self.assertEqual(host.get("/search", **wrong).status, 400)

    def test_words_across_layers_stay_within_the_scope(self):
        above = host.areas()
        groups = host.get("/search", "haikou", q="示例", limit=50).json["groups"]
        codes = {f["area_code"] for g in groups for f in g["features"]}
        self.assertTrue(codes)
        self.assertEqual([c for c in codes if "460100" not in above[c]], [])

    def test_filters_in_cql2(self):
        first = self.stations[0]
        lon, lat = first["geometry"]["coordinates"]
        text = "name = '%s' and s_intersects(geometry, BBOX(%r,%r,%r,%r))" % (
            first["properties"]["name"].replace("'", "''"), lon - 1e-6, lat - 1e-6, lon + 1e-6,
            lat + 1e-6)
        self.assertIn(first["id"], self.found(filter=text))
        near = {f["id"] for f in self.stations
                if (f["geometry"]["coordinates"][0] - lon) ** 2 < 0.04 and
                (f["geometry"]["coordinates"][1] - lat) ** 2 < 0.04}
        box = "s_within(geometry, POLYGON((%(w)r %(s)r, %(e)r %(s)r, %(e)r %(n)r, %(w)r %(n)r, %(w)r %(s)r)))" % {
            "w": lon - 0.2, "e": lon + 0.2, "s": lat - 0.2, "n": lat + 0.2}
        self.assertEqual(self.found(filter=box), near)
        self.assertEqual(self.found(filter="not (%s)" % box),
                         {f["id"] for f in self.stations} - near)
        answer = host.get("/collections/lpg.stations/items", filter="name = ")
        self.assertEqual(answer.status, 400)
        self.assertIn("character 8", answer.text)

    def test_times(self):
        stamps = sorted(f["properties"]["updated_at"] for f in self.stations)
        middle = stamps[len(stamps) // 2]
        for interval, test in (("%s/.." % middle, lambda s: s >= middle),
                               ("../%s" % middle, lambda s: s <= middle),
                               (middle, lambda s: s == middle),
                               ("1999-01-01/1999-12-31", lambda s: False)):
            self.assertEqual(self.found(datetime=interval),
                             self.ids(lambda f: test(f["properties"]["updated_at"])), interval)

    def test_chosen_properties_and_no_geometry(self):
        feature = items("stations", limit=1, properties="name,kind", skipGeometry="true")["features"][0]
        self.assertIsNone(feature["geometry"])
        self.assertEqual(set(feature["properties"]), {"uid", "version", "owner_org", "area_code",
                                                      "updated_at", "name", "kind"})


class Reference(unittest.TestCase):
    def test_coordinates_in_axis_order(self):
        plain = items("stations", limit=20)["features"]
        points = [f["geometry"]["coordinates"] for f in plain]
        for epsg, north_first in ((4490, True), (4326, True), (3857, False), (4546, True),
                                  (4547, True), (4508, True)):
            answer = get("/collections/lpg.stations/items", limit=20, crs=EPSG % epsg)
            self.assertEqual(answer.headers["Content-Crs"], "<%s>" % (EPSG % epsg))
            tolerance = 1e-8 if epsg in (4490, 4326) else 0.001
            for feature, (east, north) in zip(answer.json["features"], transform(epsg, points)):
                wanted = (north, east) if north_first else (east, north)
                for a, b in zip(feature["geometry"]["coordinates"], wanted):
                    self.assertAlmostEqual(a, b, delta=tolerance)
        self.assertEqual(get("/collections/lpg.stations/items").headers["Content-Crs"],
                         "<%s>" % CRS84)

    def test_polygons_keep_their_rings(self):
        plain = items("districts", limit=1)["features"][0]["geometry"]
        swapped = items("districts", limit=1, crs=EPSG % 4490)["features"][0]["geometry"]
        self.assertEqual(plain["type"], "MultiPolygon")
        self.assertEqual([[[[y, x] for x, y in ring] for ring in part]
                          for part in plain["coordinates"]], swapped["coordinates"])


class OneFeature(unittest.TestCase):
    def test_by_fid_and_uid_with_an_etag(self):
        page = items("enterprises", limit=1)["features"][0]
        one = get("/collections/lpg.enterprises/items/%d" % page["id"])
        self.assertEqual(one.json["properties"], page["properties"])
        self.assertEqual(one.json["geometry"], page["geometry"])
        same = get("/collections/lpg.enterprises/items/" + page["properties"]["uid"])
        self.assertEqual(same.json["id"], page["id"])
        self.assertTrue(one.headers["ETag"].startswith('"%d-' % page["properties"]["version"]))
        again = get("/collections/lpg.enterprises/items/%d" % page["id"],
                    headers={"If-None-Match": one.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        for key in ("99999999", "0", "-1", "x", "019e59d6-c0aa-7a58-873a-000000000000"):
            self.assertEqual(get("/collections/lpg.enterprises/items/" + key).status, 404, key)


class BadInput(unittest.TestCase):
    CASES = (
        ("bbox=1,2,3", "bbox"), ("bbox=a,b,c,d", "bbox"), ("bbox=20,110,21,111", "bbox"),
        ("bbox=110,21,111,20", "bbox"), ("bbox=1,2,3,4,5", "bbox"),
        ("bbox=1,2,3,4&bbox-crs=EPSG:0", "bbox-crs"), ("crs=nonsense", "crs"),
        ("crs=EPSG:5737", "crs"), ("crs=EPSG:99999", "crs"),
        ("limit=0", "limit"), ("limit=-5", "limit"), ("limit=ten", "limit"), ("limit=", "limit"),
        ("datetime=tomorrow", "datetime"), ("datetime=2026-02-30", "datetime"),
        ("datetime=2026-02-02/2026-01-01", "datetime"), ("datetime=../..", "datetime"),
        ("cursor=abc", "cursor"), ("cursor=5.abc", "cursor"),
        ("sortby=nothing", "sortby"), ("properties=nothing", "properties"),
        ("nothing=1", "nothing"), ("LIMIT=1", "LIMIT"),
        ("licence_state=golden", "licence_state"), ("over_volume=maybe", "over_volume"),
        ("full_volume_l=much", "full_volume_l"), ("fid=one", "fid"),
        ("area=000000", "area"), ("limit=1&limit=2", "limit"), ("f=xml", "f"),
        ("export=1", "export"), ("lang=fr", "lang"), ("q=", "q"),
    )

    def test_each_is_a_problem_that_names_the_place(self):
        for query, param in self.CASES:
            with self.subTest(query=query):
                answer = get("/collections/lpg.stations/items?" + query)
                self.assertEqual(answer.status, 400, answer.body[:300])
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                problem = answer.json
                self.assertEqual(problem["param"], param)
                self.assertTrue(problem["detail"] and problem["detail_en"])
                self.assertNotEqual(problem["detail"], problem["detail_en"])
                self.assertTrue(problem["request_id"])

    def test_other_documents_refuse_too(self):
        for path, status in (("/collections/lpg.nothing", 404), ("/collections/..%2f", 400),
                             ("/collections?bbox=1", 400), ("/styles/nothing", 404),
                             ("/tileMatrixSets/Other", 404), ("/conformance?f=pdf", 400)):
            self.assertEqual(get(path).status, status, path)
        self.assertEqual(get("/collections", headers={"Accept": "image/png"}).status, 406)


if __name__ == "__main__":
    unittest.main()
