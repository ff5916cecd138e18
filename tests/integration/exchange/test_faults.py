#!/usr/bin/env python3
"""Crafted faults in files of every format: each is found, and named by row, field and reason; good rows are not.

usage: test_faults.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import io
import json
import os
import sys
import unittest
import urllib.parse
import zipfile

import test_exchange
from test_exchange import PASSWORD, Platform, base, run_program

SQUARE = [[[110.1, 20.1], [110.2, 20.1], [110.2, 20.2], [110.1, 20.2], [110.1, 20.1]]]
COLUMNS = ("parcel_no", "code", "state", "name", "area_m2", "valid_from", "valid_to", "area_code")


def shifted(rings, lon, lat):
    return [[[x + lon, y + lat] for x, y in ring] for ring in rings]


def row(number, rings=None, **properties):
    values = dict({"parcel_no": "F%d" % number, "code": "0701", "state": "current"}, **properties)
    return {name: values.get(name) for name in COLUMNS}, rings or shifted(SQUARE, number / 10, 0)


# Rows from 1: what is wrong with each, by field and a part of what is said; None: nothing.
ROWS = (
    (row(1), None, None),
    (row(2, [[[110, 20], [111, 21], [111, 20], [110, 21], [110, 20]]]), "geom", "自相交"),
    (row(3, parcel_no=None), "parcel_no", "必填"),
    (row(4, parcel_no="F1"), "parcel_no", "重复"),
    (row(5, parcel_no="长" * 41), "parcel_no", "40"),
    (row(6, code="9999"), "code", "代码表"),
    (row(7, valid_from="2026-02-30"), "valid_from", "日期"),
    (row(8, [[[y, x] for x, y in SQUARE[0]]]), "geom", "颠倒"),
    (row(9, valid_from="2026-03-01", valid_to="2026-02-01"), "valid_to", "早于"),
    (row(10, area_m2="两亩"), "area_m2", "数"),
    (row(11, area_m2="-5"), "area_m2", "0"),
    (row(12, area_code="469999"), "area_code", "区划"),
    (row(13, shifted(SQUARE, 0, 3000)), "geom", "米"),
    (row(14, name="好", valid_from="2026-02-28", area_m2="12.5", area_code="460100"), None, None),
)
FAULTS = [(number, field, part) for number, (_, field, part) in enumerate(ROWS, 1) if field]
OUTSIDE = row(15, shifted(SQUARE, -60, 10))


def geojson(rows):
    return json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": rings}}
        for properties, rings in rows]}, ensure_ascii=False)


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()


class Faults(unittest.TestCase):
    # format, ending, what GDAL is told to write it so, parameters of the import
    FORMATS = (
        ("GeoJSON", "geojson", (), {}),
        ("GeoJSONSeq", "geojsonl", (), {}),
        ("GPKG", "gpkg", (), {}),
        ("OpenFileGDB", "gdb", (), {}),
        ("ESRI Shapefile", "shp", ("-lco", "ENCODING=UTF-8"), {}),
        ("ESRI Shapefile", "shp", ("-lco", "ENCODING=CP936"), {"encoding": "GBK"}),
        ("GML", "gml", ("-dsco", "FORMAT=GML3.2"), {}),
        ("KML", "kml", ("-dsco", "NameField=none"), {}),  # LIBKML does not write such faults
        ("KML", "kmz", ("-dsco", "NameField=none"), {}),
        ("CSV", "csv", ("-lco", "GEOMETRY=AS_WKT", "-lco", "STRING_QUOTING=IF_NEEDED"), {"crs": "cgcs2000"}),
        ("XLSX", "xlsx", (), {"crs": "cgcs2000"}),
    )

    @classmethod
    def setUpClass(cls):
        cls.platform = Platform(base())
        cls.addClassCleanup(cls.platform.end)
        cls.platform.run("user", "add", "admin", "--roles=platform-admin,data-manager", "--areas=*",
                         "--password-file=" + cls.platform.path("password", PASSWORD))
        cls.platform.serve()
        cls.token = cls.platform.token("admin")

    def tried(self, body, layer="land-use", **query):
        """A trial run, row by row: its report, or the problem that the file as a whole is."""
        query = urllib.parse.urlencode(dict(query, layer="lpg." + layer, row_wise="1", dry_run="1"))
        return self.platform.ask("/admin/api/imports?" + query, "POST", body if isinstance(body, bytes) else body.encode(),
                                 self.token)

    def made(self, driver, ending, options, rows):
        """The rows as a file of a format, as GDAL writes it; a sheet has its geometries as text."""
        source = self.platform.path("rows.geojson", geojson(rows))
        if ending == "xlsx":
            table = self.platform.path("rows.csv")
            self.ogr("CSV", table, source, "-lco", "GEOMETRY=AS_WKT", "-lco", "STRING_QUOTING=IF_NEEDED")
            source = table
        if ending == "geojsonl":  # which GDAL does not write with such faults
            return "".join(json.dumps(each) + "\n" for each in json.loads(geojson(rows))["features"])
        path = self.platform.path("rows%d.%s" % (len(os.listdir(self.platform.dir)), ending))
        self.ogr(driver, path, source, *options)
        if ending == "kmz":
            with open(path, "rb") as file:
                return zipped({"doc.kml": b"".join(line for line in file if b"Folder>" not in line)})
        if ending in ("gdb", "shp"):
            folder = path if ending == "gdb" else self.platform.dir
            stem = os.path.basename(path)[:-3]
            parts = [os.path.join(folder, each) for each in sorted(os.listdir(folder)) if ending == "gdb" or each.startswith(stem)]
            found = {}
            for each in parts:
                with open(each, "rb") as file:
                    found[os.path.relpath(each, self.platform.dir)] = file.read()
            return zipped(found)
        with open(path, "rb") as file:
            return file.read()

    def ogr(self, driver, path, source, *options):
        done = run_program(["ogr2ogr", "-f", driver, path, source, *options, "-fieldTypeToString", "Date",
                            *(() if driver == "XLSX" else ("-nlt", "POLYGON", "-a_srs", "EPSG:4490"))])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_fault_in_every_format_that_has_attributes(self):
        rows = [each for each, _, _ in ROWS]
        for driver, ending, options, query in self.FORMATS:
            with self.subTest(format=ending, **query):
                status, report = self.tried(self.made(driver, ending, options, rows), **query)
                self.assertEqual(status, 200, report)
                told = {(each["row"], each["field"]): each for each in report["refused"]}
                self.assertEqual(sorted(told), sorted((number, field) for number, field, _ in FAULTS))
                self.assertEqual((report["read"], report["refused_total"]), (len(ROWS), len(FAULTS)))
                for number, field, part in FAULTS:
                    self.assertIn(part, told[number, field]["zh"])
                    self.assertTrue(told[number, field]["en"])

    def test_what_lies_outside_of_china_is_told_and_taken(self):
        for driver, ending, options, query in self.FORMATS[:3]:
            with self.subTest(format=ending):
                status, report = self.tried(self.made(driver, ending, options, [row(1), OUTSIDE]), **query)
                self.assertEqual((status, report["refused_total"]), (200, 0), report)
                self.assertEqual([(each["row"], each["field"]) for each in report["warnings"]], [(2, "geom")])
                self.assertIn("中国范围之外", report["warnings"][0]["zh"])

    def test_geometries_that_are_none(self):
        head = "parcel_no,code,state,wkt\nA,0701,current,\"POLYGON((110 20,110 20.1,110.1 20.1,110 20))\"\n"
        for wkt, part in (("POLYGON((110 20,110 20.1,110.1 20.1))", "闭合"), ("POLYGON((110 20,nan 20.1,110.1 20.1,110 20))", ""),
                          ("POLYGON((110 20,110 20.1,110 20))", ""), ("POLYGON((110 20,110", "WKT"), ("LINESTRING(110 20,111 21)", "LINESTRING"),
                          ("POINT(110 20)", "POINT")):
            with self.subTest(wkt=wkt):
                status, report = self.tried(head + 'B,0701,current,"%s"\n' % wkt, crs="cgcs2000")
                self.assertEqual((status, report["refused_total"]), (200, 1), report)
                self.assertEqual((report["refused"][0]["row"], report["refused"][0]["field"] in ("geom", "wkt")), (2, True), report)
                self.assertIn(part, report["refused"][0]["zh"])
        status, report = self.tried(head + 'B,0701,current,"POLYGON EMPTY"\n', crs="cgcs2000")
        self.assertEqual((status, [(each["row"], each["field"]) for each in report["warnings"]]), (200, [(2, "geom")]), report)

        def feature(ring):
            return {"type": "Feature", "properties": row(2)[0], "geometry": {"type": "Polygon", "coordinates": ring}}
        for ring, part in (([[[110, 20], [110, 20.1], [110.1, 20.1]]], ""), ([[[110, 20], [110, None], [110.1, 20.1], [110, 20]]], "数"),
                           ([[[110, 20], [110, 20.1], [110.1, 20.1], [110.2, 20]]], "闭合")):
            with self.subTest(ring=ring):
                whole = json.loads(geojson([row(1)]))
                whole["features"].append(feature(ring))
                status, report = self.tried(json.dumps(whole))
                self.assertEqual((status, [(each["row"], each["field"]) for each in report["refused"]]), (200, [(2, "geom")]), report)
                self.assertIn(part, report["refused"][0]["zh"])

    def test_drawings_and_parcels(self):
        source = self.platform.path("d.geojson", json.dumps({"type": "FeatureCollection", "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "LineString", "coordinates": ring}} for ring in (
                [[300000, 2212000], [300100, 2212000], [300100, 2212100], [300000, 2212000]],
                [[300000, 2212000], [300100, 2212100], [300100, 2212000], [300000, 2212100], [300000, 2212000]],
                [[300000, 2212000], [300100, 2212100]])]}))
        path = self.platform.path("d.dxf")
        done = run_program(["ogr2ogr", "-f", "DXF", path, source])
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, "rb") as file:
            status, report = self.tried(file.read(), crs="EPSG:4546", set="parcel_no=x,code=0701,state=current")
        self.assertEqual((status, [(each["row"], each["field"]) for each in report["refused"]][:2]), (200, [(2, "geom"), (3, "geom")]), report)
        head = ("[属性描述]\n坐标系=2000国家大地坐标系\n几度分带=3\n计量单位=米\n带号=37\n[地块坐标]\n"
                "4,1.0,T1,一,面,,,0701,@\nJ1,1,2212000,37400000\nJ2,1,2212100,37400000\nJ3,1,2212100,37400100\nJ4,1,2212000,37400100\n"
                "4,1.0,T2,二,面,,,%s,@\n%s")
        points = ["J1,1,2212200,37400000\n", "J2,1,2212300,37400000\n", "J3,1,2212300,37400100\n", "J4,1,2212200,37400100\n"]
        query = {"map": "地块编号=parcel_no,地类编码=code", "set": "state=current"}
        status, report = self.tried(head % ("0701", "".join(points)), **query)
        self.assertEqual((status, report["read"], report["refused_total"]), (200, 2, 0), report)
        status, report = self.tried(head % ("9999", "".join(points)), **query)
        self.assertEqual([(each["row"], each["field"]) for each in report["refused"]], [(2, "code")])
        status, report = self.tried(head % ("0701", points[0] + points[2] + points[1] + points[3]), **query)
        self.assertEqual([(each["row"], each["field"]) for each in report["refused"]], [(2, "geom")])  # crosses itself
        for cut in range(4):  # a line is missing: the whole file is in doubt
            status, problem = self.tried(head % ("0701", "".join(points[:cut] + points[cut + 1:])), **query)
            self.assertEqual((status, problem["param"]), (400, "界址点数"), problem)
            self.assertIn("第 2 个地块", problem["detail"])

    def test_files_that_are_broken_or_in_another_encoding(self):
        good = self.made("ESRI Shapefile", "shp", ("-lco", "ENCODING=UTF-8"), [row(1, name="一号")])
        for body, param, part in ((good[:len(good) // 2], "file", "压缩包"), (good.replace(b"PK\x01\x02", b"PK\x09\x09"), "file", "压缩包")):
            status, problem = self.tried(body)
            self.assertEqual((status, problem["param"]), (400, param), problem)
            self.assertIn(part, problem["detail"])
        square = "POLYGON((110 20,110 20.1,110.1 20.1,110 20))"
        text = "parcel_no,code,state,name,wkt\nA,0701,current,一号,\"%s\"\nB,0701,current,二号,\"%s\"\n" % (square, square)
        status, report = self.tried(text.encode("gbk"), encoding="GBK", crs="cgcs2000")
        self.assertEqual((status, report.get("refused_total")), (200, 0), report)
        status, report = self.tried(text.encode("gbk"), encoding="UTF-8", crs="cgcs2000")
        self.assertEqual([(each["row"], each["field"]) for each in report["refused"]], [(1, "name"), (2, "name")], report)
        status, report = self.tried(text.encode("gbk").replace("二".encode("gbk"), b"\xff\xff"), encoding="GBK", crs="cgcs2000")
        self.assertEqual([(each["row"], each["field"]) for each in report["refused"]], [(2, "name")], report)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_exchange.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0]] + rest)
