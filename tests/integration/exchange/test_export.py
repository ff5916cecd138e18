#!/usr/bin/env python3
"""Layers into files of every format that is written, looked at by GDAL and brought back: equal, value by value.

usage: test_export.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import json
import os
import re
import sys
import unittest
import urllib.error
import urllib.parse
import urllib.request

import test_exchange
from test_exchange import PASSWORD, Platform, base, run_program

# Of the record itself; a copy has its own.
OWN = ("fid", "uid", "version", "owner_org", "updated_at")
ACCIDENTS = [
    {"accident_no": "A%03d" % n, "title": "液化气泄漏 “%d”, 第%d起" % (n, n), "kind": "leak", "grade": "general", "state": "closed",
     "occurred_at": "2026-01-%02dT16:30:00.000Z" % n, "area_code": "460100",
     **({} if n % 3 == 0 else {"place": "秀英区 <%d> & 号" % n, "deaths": n, "loss_cny_10k": n / 8, "made_up": n % 2 == 0,
                               "reported_county_at": "2026-02-%02dT03:04:05.000Z" % n,
                               "closed_on": "2026-%02d-%02d" % (n % 12 + 1, n)})} for n in range(1, 29)]
ACCIDENTS[1].update(closed_on="1898-12-30")  # which neither a sheet nor a geodatabase counts as others do
MILLISECONDS = "2026-02-05T03:04:05.678Z"
LAND = [("B1", "0807", "一号地块", "2026-03-01", [[[110.2, 20], [110.21, 20], [110.21, 20.01], [110.2, 20.01], [110.2, 20]],
                                               [[110.203, 20.003], [110.203, 20.006], [110.206, 20.006], [110.203, 20.003]]]),
        ("B2", "0701", None, None, [[[110.3, 20.1], [110.31, 20.1], [110.3, 20.11], [110.3, 20.1]]])]


def collection(features):
    return json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": geometry, "properties": properties} for geometry, properties in features]})


def records(platform, layer, name="out.geojsonl"):
    path = platform.path(name)
    platform.run("export", layer, path)
    with open(path, encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    os.unlink(path)
    for each in found:
        each["properties"] = {key: value for key, value in each["properties"].items() if key not in OWN}
    return found


def seen_by_gdal(path):
    """Records and the types of their fields, as ogrinfo tells them."""
    done = run_program(["ogrinfo", "-so", "-al", path])
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return (sum(int(n) for n in re.findall(r"^Feature Count: (\d+)", done.stdout, re.M)),
            dict(re.findall(r"^(\w+): (\w+)[ (]", done.stdout, re.M)))


class RoundTrips(unittest.TestCase):
    """What is exported and imported into a layer that is empty is what was there before."""

    @classmethod
    def setUpClass(cls):
        cls.platform = Platform(base())
        cls.addClassCleanup(cls.platform.end)
        accidents = [({"type": "Point", "coordinates": [110 + n / 700, 19 + n / 300]}, properties)
                     for n, properties in enumerate(ACCIDENTS)]
        cls.platform.run("import", cls.platform.path("accidents.geojson", collection(accidents)), "--layer=lpg.accidents")
        land = [({"type": "MultiPolygon", "coordinates": [rings]},
                 {"parcel_no": number, "code": code, "name": name, "state": "current", "valid_from": day})
                for number, code, name, day, rings in LAND]
        cls.platform.run("import", cls.platform.path("land.geojson", collection(land)), "--layer=lpg.land-use")
        roads = [({"type": "LineString", "coordinates": [[110, 19], [110.1, 19.05 + n / 7]]},
                  {"name": "县道 %d" % n if n else None, "class": "county", "length_km": n / 3}) for n in range(5)]
        cls.platform.run("import", cls.platform.path("roads.geojson", collection(roads)), "--layer=lpg.roads")

    def brought_back(self, layer, name, *options, export=()):
        path = self.platform.path(name)
        self.platform.run("export", layer, path, *export)
        copy = Platform(base())
        self.addCleanup(copy.end)
        copy.run("import", path, "--layer=" + layer, *options)
        return path, records(copy, layer)

    def check(self, before, after, within_deg=0.0, names=None):
        self.assertEqual(len(after), len(before))
        for old, new in zip(before, after):
            for key in names or old["properties"]:
                was, comes = old["properties"][key], new["properties"][key]
                if isinstance(was, float) and comes is not None:  # formats of text have 15 digits
                    was, comes = float("%.15g" % was), float("%.15g" % comes)
                self.assertEqual(comes, was, "%s of %s" % (key, old["properties"]))
            if not within_deg:
                self.assertEqual(new["geometry"], old["geometry"])
                continue
            left, right = (test_exchange.positions(each["geometry"]) for each in (old, new))
            self.assertEqual(len(left), len(right))
            for a, b in zip(sorted(left), sorted(right)):
                self.assertAlmostEqual(a[0], b[0], delta=within_deg)
                self.assertAlmostEqual(a[1], b[1], delta=within_deg)

    # file, options of the import, how near the positions come back, types that GDAL tells
    FILES = (
        ("a.geojson", (), 1e-7, {"deaths": "Integer"}),
        ("a.csv", ("--crs=cgcs2000",), 0, {}),
        ("a.gpkg", (), 0, {"closed_on": "Date", "occurred_at": "DateTime", "deaths": "Integer64", "made_up": "Integer"}),
        ("a.gdb", (), 1e-8, {"closed_on": "DateTime", "occurred_at": "DateTime", "loss_cny_10k": "Real"}),
        ("a.kml", (), 1e-9, {}),
        ("a.kmz", (), 1e-9, {"place": "String"}),
        ("a.gml", (), 1e-9, {}),
        ("a.xlsx", ("--crs=cgcs2000",), 0, {"occurred_at": "DateTime", "reported_county_at": "DateTime", "deaths": "Integer"}),
    )

    def test_points_with_every_type_of_field(self):
        before = records(self.platform, "lpg.accidents")
        for name, options, within, types in self.FILES:
            with self.subTest(file=name):
                path, after = self.brought_back("lpg.accidents", name, *options)
                self.check(before, after, within)
                count, found = seen_by_gdal(path)
                self.assertEqual(count, len(ACCIDENTS))
                self.assertEqual({key: found.get(key) for key in types}, types)

    def test_dates_of_a_sheet_are_dates(self):
        """Where every one of them lies in the time that sheets count; in Beijing's time, to the millisecond."""
        platform = Platform(base())
        self.addCleanup(platform.end)
        accident = dict(ACCIDENTS[4], reported_county_at=MILLISECONDS, occurred_at="2026-01-31T16:00:00.000Z", closed_on="2026-03-01")
        empty = {key: ACCIDENTS[2][key] for key in ("accident_no", "title", "kind", "grade", "state", "occurred_at", "area_code")}
        point = {"type": "Point", "coordinates": [110.3, 20]}
        platform.run("import", platform.path("two.geojson", collection([(point, empty), (point, accident)])),
                     "--layer=lpg.accidents")
        path = platform.path("days.xlsx")
        platform.run("export", "lpg.accidents", path)
        _, types = seen_by_gdal(path)
        self.assertEqual((types["closed_on"], types["occurred_at"], types["reported_county_at"], types["updated_at"]),
                         ("Date", "DateTime", "DateTime", "DateTime"))
        told = run_program(["ogrinfo", "-al", path]).stdout
        for line in ("closed_on (Date) = 2026/03/01", "occurred_at (DateTime) = 2026/02/01 00:00:00",
                     "reported_county_at (DateTime) = 2026/02/05 11:04:05.678"):
            self.assertIn(line, told)
        copy = Platform(base())
        self.addCleanup(copy.end)
        copy.run("import", path, "--layer=lpg.accidents", "--crs=cgcs2000")
        self.check(records(platform, "lpg.accidents"), records(copy, "lpg.accidents"))

    def test_a_shapefile_keeps_what_its_names_tell_apart(self):
        before = records(self.platform, "lpg.accidents")
        names = [name for name in before[0]["properties"]
                 if sum(name[:10] == other[:10] for other in before[0]["properties"]) == 1]
        self.assertIn("closed_on", names)
        for name, export in (("b.shp", ()), ("c.zip", ("--encoding=GBK",))):
            with self.subTest(file=name):
                path, after = self.brought_back("lpg.accidents", name, export=export)
                self.check(before, after, 0, names)
                self.assertEqual(seen_by_gdal(path if name.endswith("shp") else "/vsizip/" + path)[0], len(ACCIDENTS))

    def test_lines_and_areas(self):
        for layer in ("lpg.roads", "lpg.land-use"):
            before = records(self.platform, layer)
            for name, options, within, _ in self.FILES:
                if name not in ("a.gdb", "a.kmz", "a.xlsx"):
                    continue
                with self.subTest(layer=layer, file=name):
                    name = layer[4:] + name
                    path, after = self.brought_back(layer, name, *options)
                    self.check(before, after, within)
                    self.assertEqual(seen_by_gdal(path)[0], len(before))
            with self.subTest(layer=layer, file="dxf"):
                self.platform.run("export", layer, self.platform.path(layer[4:] + ".dxf"), "--crs=EPSG:4546")
                self.assertEqual(seen_by_gdal(self.platform.path(layer[4:] + ".dxf"))[0], len(before))

    def test_parcels_go_out_and_come_back_as_they_stand(self):
        before = records(self.platform, "lpg.land-use")
        columns = "地块编号=parcel_no,地块名称=name,地类编码=code"
        files = []
        for name, crs in (("three.txt", "EPSG:4525"), ("six.txt", "EPSG:4508")):
            with self.subTest(crs=crs):
                path, after = self.brought_back("lpg.land-use", name, "--map=" + columns, "--set=state=current",
                                                export=("--crs=" + crs, "--map=" + columns))
                self.check(before, after, 6e-9, ("parcel_no", "name", "code"))
                copy = Platform(base())
                self.addCleanup(copy.end)
                copy.run("import", path, "--layer=lpg.land-use", "--map=" + columns, "--set=state=current")
                copy.run("export", "lpg.land-use", copy.path("again.txt"), "--crs=" + crs, "--map=" + columns)
                with open(path, "rb") as first, open(copy.path("again.txt"), "rb") as second:
                    files.append(first.read())
                    self.assertEqual(files[-1], second.read())  # to the last digit
        self.assertIn("一号地块".encode(), files[0])
        out = self.platform.run("export", "lpg.land-use", self.platform.path("no.txt"), fails=True)
        self.assertIn("crs", out)
        out = self.platform.run("export", "lpg.accidents", self.platform.path("no.txt"), "--crs=EPSG:4525", fails=True)
        self.assertIn("面状", out)


class OverHttp(unittest.TestCase):
    """Each format from /collections/{id}/items, of what the caller may see; refusals are problems, not broken files."""

    saves = 0
    FORMATS = {"gpkg": "gpkg", "shp": "zip", "gdb": "gdb.zip", "kml": "kml", "kmz": "kmz", "gml": "gml", "dxf": "dxf",
               "xlsx": "xlsx"}

    @classmethod
    def setUpClass(cls):
        cls.platform = Platform(base())
        cls.addClassCleanup(cls.platform.end)
        rows = "".join("镇%d,town,%.4f,%.4f\n" % (n, 109 + n % 97 / 97, 19 + n % 53 / 53) for n in range(1700))
        cls.platform.run("import", cls.platform.path("p.csv", "name,class,lon,lat\n" + rows), "--layer=lpg.places", "--crs=cgcs2000")
        cls.platform.run("import", cls.platform.path("land.csv", "parcel_no,code,state,wkt\n" + "".join(
            'C%d,0701,current,"POLYGON((110.%d 20,110.%d 20.01,110.%d1 20,110.%d 20))"\n' % ((n,) * 5) for n in range(9))),
                         "--layer=lpg.land-use", "--crs=cgcs2000")
        password = cls.platform.path("password", PASSWORD)
        for name, roles in (("admin", "platform-admin,data-manager"), ("viewer", "base-map")):
            cls.platform.run("user", "add", name, "--roles=" + roles, "--areas=*", "--password-file=" + password)
        cls.platform.serve()
        cls.tokens = {name: cls.platform.token(name) for name in ("admin", "viewer")}

    def get(self, layer, who="admin", **query):
        path = "/collections/lpg.%s/items?%s" % (layer, urllib.parse.urlencode(query))
        request = urllib.request.Request(self.platform.url + path, headers={"Authorization": "Bearer " + self.tokens[who]})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, json.load(answer)

    def saved(self, ending, layer, **query):
        status, headers, body = self.get(layer, export="true", **query)
        self.assertEqual(status, 200, body)
        self.assertEqual(headers["Content-Disposition"], 'attachment; filename="lpg.%s.%s"' % (layer, ending))
        self.saves += 1  # GDAL keeps what it found in a GML beside it
        return self.platform.path("%s%d.%s" % (layer, self.saves, ending), body)

    def test_every_format_has_every_record(self):
        for form, ending in self.FORMATS.items():
            with self.subTest(format=form):
                path = self.saved(ending, "places", f=form)
                self.assertEqual(seen_by_gdal("/vsizip/" + path if ending == "zip" else path)[0], 1700)
                path = self.saved(ending, "places", f=form, name="镇7")
                self.assertEqual(seen_by_gdal("/vsizip/" + path if ending == "zip" else path)[0], 1)
        self.assertEqual(os.listdir(os.path.join(self.platform.var, "spool")), [])

    def test_parcels_and_projected_files(self):
        crs = "http://www.opengis.net/def/crs/EPSG/0/"
        path = self.saved("txt", "land-use", f="txt", crs=crs + "4525", map="地类编码=code", encoding="GBK")
        with open(path, encoding="gbk") as file:
            text = file.read()
        self.assertEqual((text.count(",@"), "带号=37" in text, ",C3,C3,面,,,0701,@" in text), (9, True, True))
        path = self.saved("gpkg", "land-use", f="gpkg", crs=crs + "4546")
        told = run_program(["ogrinfo", "-so", "-al", path]).stdout
        self.assertIn('ID["EPSG",4546]', told)
        west = float(re.search(r"Extent: \(([\d.]+)", told).group(1))
        self.assertTrue(385000 < west < 400000, west)  # 110.0 is 104.6 km west of 111

    def test_what_is_refused(self):
        for query, status, param in (({"export": "true", "f": "txt"}, 400, "format"),
                                     ({"f": "gpkg"}, 400, "f"),
                                     ({"export": "true", "f": "mdb"}, 400, "f"),
                                     ({"export": "true", "f": "shp", "encoding": "Big5"}, 400, "encoding"),
                                     ({"export": "true", "f": "kmz", "crs": "http://www.opengis.net/def/crs/EPSG/0/4546"}, 400, "crs")):
            with self.subTest(**query):
                got, _, problem = self.get("places", **query)
                self.assertEqual((got, problem["param"]), (status, param), problem)
                self.assertTrue(problem["detail"] and problem["detail_en"])
        got, _, problem = self.get("land-use", export="true", f="txt")
        self.assertEqual((got, problem["param"]), (400, "crs"), problem)
        self.assertEqual(self.get("places", who="viewer", export="true", f="gpkg")[0], 403)
        self.assertEqual(os.listdir(os.path.join(self.platform.var, "spool")), [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_exchange.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0]] + rest)
