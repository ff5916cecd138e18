#!/usr/bin/env python3
"""Every vector file of the test data is imported on either store and read back equal: each geometry, each value.

What a file says is asked of GDAL; which field a column goes to is worked out here, from names and titles.

usage: test_data.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import csv
import functools
import glob
import io
import json
import os
import sys
import time
import unittest
import urllib.parse
import urllib.request
import zipfile

import test_exchange
from test_exchange import AREAS, PASSWORD, Platform, positions, run_program

DATA = os.environ.get("CIM_TEST_DATA", "")
LAYERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../layers")
DEGREES = 1e-9  # a tenth of a millimetre, where two programs reckon from a projected system


def real_areas():
    """The tree of the official codes; a city without districts counts once."""
    lines, seen = AREAS.splitlines()[:1], set()
    with open(os.path.join(DATA, "hainan", "hainan_admin_codes.csv"), encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row["code"] not in seen:
                seen.add(row["code"])
                level = {"prefecture": "city"}.get(row["level"], row["level"])
                lines.append("%s,%s,%s,%s,,,," % (row["code"], row["name"], level, row["parent_code"]))
    return "\n".join(lines) + "\n"


# file and layer in it: layer, columns that go to a field of another name, constants
HAINAN = {
    "hainan_airports_ports.geojson": ("places", {}, {"class": "town"}),
    "hainan_coastline.geojson": ("coastline", {}, {"kind": "islet"}),
    "hainan_counties.geojson": ("districts", {"adcode": "code", "parent_code": "parent"}, {"level": "county"}),
    "hainan_lakes.geojson": ("coastline", {}, {"kind": "islet"}),
    "hainan_places.geojson": ("places", {"adcode": "county_code"}, {"class": "town"}),
    "hainan_rivers.geojson": ("roads", {}, {"class": "county"}),
    "hainan_roads.geojson": ("roads", {}, {"class": "county"}),
    "hainan_roads_routable.geojson": ("roads", {}, {"class": "county"}),
    "hainan_sansha.geojson": ("districts", {"adcode": "code"}, {"level": "city"}),
    "hainan_urban_area_ne50m.geojson": ("coastline", {}, {"kind": "islet"}),
    "hainan_roads_raw.geojson": ("roads", {}, {"class": "county"}),
}
LAND = {"code": "01", "state": "current"}
FORMATS = {
    "shapefile/hainan_counties_utf8.shp": ("districts", {"adcode": "code"}, {"level": "county"}),
    "shapefile/hainan_places_gbk.shp": ("places", {"adcode": "county_code"}, {"class": "town"}),
    "shapefile/latin1-property.shp": ("places", {}, {"class": "town"}),
    "shapefile/qgis_points.shp": ("places", {"Class": "name"}, {"class": "town"}),
    "shapefile/qgis_lines.shp": ("roads", {"Name": "name"}, {"class": "county"}),
    "shapefile/qgis_buildings.shp": ("coastline", {}, {"kind": "islet"}),
    "filegdb/hainan.gdb counties": ("land-use", {"adcode": "parcel_no"}, LAND),
    "filegdb/hainan.gdb places": ("places", {}, {"class": "town"}),
    "filegdb/qgis_test.gdb polys": ("land-use", {"text": "parcel_no"}, LAND),
    "filegdb/qgis_test.gdb points": ("places", {"text": "name"}, {"class": "town"}),
    "gpkg/hainan.gpkg rivers": ("roads", {}, {"class": "county"}),
    "gpkg/hainan.gpkg counties": ("land-use", {"name": "parcel_no"}, LAND),
    "kml/hainan_places.kml": ("places", {}, {"class": "town"}),
    "kml/hainan_counties.kmz": ("control-lines", {"adcode": "line_no"}, {"kind": "ecological", "effect": "prohibited"}),
    "kml/qgis_multilayer.kml Layer2": ("places", {}, {"class": "town"}),
    "kml/togeojson_linestring.kml": ("roads", {}, {"class": "county"}),
    "gml/hainan_counties.gml": ("restricted-zones", {"adcode": "zone_no"}, {"kind": "key_area", "all_day": "true"}),
    "gml/qgis_airports.gml": ("places", {"NAME": "name"}, {"class": "town"}),
    "geojson/hainan_rivers_rfc7946.geojson": ("roads", {}, {"class": "county"}),
    "dxf/hainan_rivers_epsg4546.dxf": ("roads", {}, {"class": "county"}),
}
NOT_STORED = {
    "dxf/qgis_entities.dwg": "a closed format",
    "dxf/dxflib_demo.dxf": "a drawing that lies nowhere",
    "dxf/dxflib_hatch.dxf": "a drawing that lies nowhere",
    "dxf/qgis_points_lines_3d.dxf": "a drawing that lies nowhere",
    "filegdb/qgis_featuredataset.gdb": "its layers are empty",
    "shapefile/qgis_polys.shp": "no column numbers its records, as layers of several polygons ask",
}
# What GDAL has to be told to read what we find out.
GDAL = {"shapefile/hainan_places_gbk.shp": ["-oo", "ENCODING=CP936"],
        "dxf/hainan_rivers_epsg4546.dxf": ["-s_srs", "EPSG:4546", "-t_srs", "EPSG:4490"],
        "gml/qgis_airports.gml": ["-t_srs", "EPSG:4490"], "shapefile/qgis_buildings.shp": ["-t_srs", "EPSG:4490"]}


def features(path, *options):
    done = run_program(["ogr2ogr", "-f", "GeoJSON", "/vsistdout/", path, "-dim", "XY", "-lco", "COORDINATE_PRECISION=15",
                        *(options if "-t_srs" in options else ("-a_srs", "EPSG:4490", *options))])
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)["features"]


@functools.lru_cache(maxsize=None)
def source(folder, name):
    file, _, layer = name.partition(" ")
    return features(os.path.join(DATA, folder, file), *GDAL.get(name, ()), *([layer] if layer else ()))


@functools.lru_cache(maxsize=None)
def fields(layer):
    with open(os.path.join(LAYERS, layer + ".json"), encoding="utf-8") as file:
        return {field["name"]: field for field in json.load(file)["fields"]}


def field_of(layer, column, renamed):
    """By the caller's list, the name, or a title."""
    if column in renamed:
        return renamed[column]
    for name, field in fields(layer).items():
        if column.casefold() in (name, *(title.casefold() for title in field["title"].values())):
            return name
    return None


def parts(geometry):
    """Kind and numbers, whether one or many."""
    kind = geometry["type"]
    return ((kind[5:], geometry["coordinates"]) if kind.startswith("Multi") and kind != "MultiPoint"
            else (kind, [geometry["coordinates"]]))


def shape(node):
    """How the numbers are nested, without them."""
    return len(node) if isinstance(node[0], (int, float)) else [shape(each) for each in node]


def wanted_value(field, raw):
    if raw is None or raw == "":
        return None
    if field["type"] in ("number", "integer"):
        return float(raw)
    if field["type"] == "boolean":
        return raw in (True, 1, "1", "true", "是")
    return str(raw).replace("/", "-") if field["type"] == "date" else str(raw)


class Data(unittest.TestCase):
    """CIM_TEST_PG names a cluster; without it the test of PostgreSQL fails."""

    def test_no_file_is_left_out(self):
        found = {os.path.basename(path) for path in glob.glob(os.path.join(DATA, "hainan", "*.geojson"))}
        self.assertEqual(found, set(HAINAN))
        folder = os.path.join(DATA, "formats")
        patterns = ("shapefile/*.shp", "filegdb/*.gdb", "gpkg/*.gpkg", "kml/*.km?", "gml/*.gml", "geojson/*.geojson",
                    "dxf/*.d??")
        found = {os.path.relpath(path, folder) for each in patterns for path in glob.glob(os.path.join(folder, each))}
        self.assertEqual(found, {name.split(" ")[0] for name in FORMATS} | set(NOT_STORED))

    def test_embedded(self):
        self.every_file(None)

    def test_postgresql(self):
        socket = os.environ["CIM_TEST_PG"]
        made = run_program(["psql", "-h", socket, "-U", "cim", "-d", "postgres", "-c",
                            "create database data template cim_template"])
        self.assertEqual(made.returncode, 0, made.stderr)
        self.every_file("postgresql:///data?host=%s&user=cim" % urllib.parse.quote(socket, safe=""))

    def every_file(self, url):
        self.platform = Platform(areas=real_areas(), url=url)
        self.addCleanup(self.platform.end)
        password = self.platform.path("password", PASSWORD)
        self.platform.run("user", "add", "admin", "--roles=platform-admin,data-manager", "--areas=*",
                          "--password-file=" + password)
        self.platform.serve()
        self.token = self.platform.token("admin")
        for folder, files in (("formats", FORMATS), ("hainan", HAINAN)):  # few records first: each is read back with those before
            for name, (layer, renamed, constants) in files.items():
                with self.subTest(file=name):
                    self.one_file(folder, name, layer, renamed, constants)
        with self.subTest(file="raw_gcj02"):
            self.gcj02_is_undone()

    def gcj02_is_undone(self):
        """The published counties in GCJ-02 come to lie where the corrected ones are: inland borders, which the clipping to
        the coast left alone, agree to the rounding of the correction."""
        def spots(found):
            return {(round(x, 5), round(y, 5)) for each in found for x, y in positions(each["geometry"])}
        name = "hainan_counties_gcj02_with_sea.geojson"
        report = self.imported(os.path.join(DATA, "hainan", "raw_gcj02", name), "lpg.districts", "", {"adcode": "code"},
                               {"level": "county"}, "gcj02")
        self.assertEqual((report["crs"], report["written"]), ("GCJ-02", 24))
        undone, corrected = spots(self.stored("lpg.districts", 24)), spots(source("hainan", "hainan_counties.geojson"))
        published = spots(source("hainan/raw_gcj02", name))
        self.assertGreater(len(undone & corrected), len(undone) / 4)
        self.assertLess(len(published & corrected), len(undone & corrected) / 20)

    def ask(self, path, method="GET", body=None):
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        status, answer = self.platform.ask(path, method, body, self.token)
        self.assertLess(status, 300, answer)
        return answer

    def handed_over(self, path, layer):
        """The file as it is, or zipped where it is several."""
        name = os.path.basename(path)
        whole = {path} if not path.endswith((".shp", ".gdb")) else {
            each for each in glob.glob(path[:-4] + ".*" if path.endswith(".shp") else path + "/*")}
        if path.endswith((".shp", ".gdb")):
            out, name = io.BytesIO(), name + ".zip"
            with zipfile.ZipFile(out, "w") as archive:
                for each in sorted(whole):
                    archive.write(each, os.path.relpath(each, os.path.dirname(path)))
            body = out.getvalue()
        else:
            with open(path, "rb") as file:
                body = file.read()
        query = urllib.parse.urlencode({"name": name, "layer": layer})
        return self.ask("/admin/api/imports/files?" + query, "POST", body)["file"]

    def imported(self, path, layer, inner, renamed, constants, crs=""):
        request = {"layer": layer, "geometry": "keep", "source_layer": inner, "crs": crs,
                   "map": [{"column": column, "field": field} for column, field in renamed.items()],
                   "set": [{"field": field, "value": value} for field, value in constants.items()]}
        file = self.handed_over(path, layer)
        job = self.ask("/admin/api/imports/jobs?file=" + file, "POST", request)
        for _ in range(1200):
            told = self.ask("/admin/api/imports/jobs/" + job["job"])
            if told["state"] not in ("accepted", "running"):
                break
            time.sleep(0.02)
        self.assertEqual(told["state"], "successful", told)
        self.ask("/admin/api/imports/files/" + file, "DELETE")
        return told["report"]

    def stored(self, layer, n):
        """The last n records, as the export to a GeoPackage has them."""
        request = urllib.request.Request("%s/collections/%s/items?export=true&f=gpkg" % (self.platform.url, layer),
                                         headers={"Authorization": "Bearer " + self.token})
        with urllib.request.urlopen(request, timeout=60) as answer:
            path = self.platform.path("stored.gpkg", answer.read())
        return features(path)[-n:]

    def one_file(self, folder, name, layer, renamed, constants):
        file, _, inner = name.partition(" ")
        before = source(folder, name)
        report = self.imported(os.path.join(DATA, folder, file), "lpg." + layer, inner, renamed, constants,
                               "EPSG:4546" if file.endswith("dxf") else "")
        self.assertEqual((report["read"], report["written"]), (len(before), len(before)))
        columns = {column: field_of(layer, column, renamed) for each in before for column in each["properties"]}
        self.assertEqual(set(report.get("ignored_columns", [])) & {c for c, field in columns.items() if field}, set())
        exact = "-t_srs" not in GDAL.get(name, ())
        after = self.stored("lpg." + layer, len(before))
        for old, new in zip(before, after):
            self.compare(old, new, {c: f for c, f in columns.items() if f and f not in constants}, layer, constants, exact)
            if layer == "districts":  # another file has the same codes
                self.ask("/collections/lpg.districts/items/" + new["properties"]["uid"], "DELETE")

    def compare(self, old, new, columns, layer, constants, exact):
        known = fields(layer)
        wanted = {**{column: None for column in known}, **{field: wanted_value(known[field], old["properties"].get(column))
                                                            for column, field in columns.items()},
                  **{field: wanted_value(known[field], value) for field, value in constants.items()}}
        got = {field: value for field, value in new["properties"].items() if field in known}
        got = {field: wanted_value(known[field], value) for field, value in got.items()}
        self.assertEqual(got, wanted)
        if exact:
            self.assertEqual(parts(new["geometry"]), parts(old["geometry"]))
            return
        left, right = parts(old["geometry"]), parts(new["geometry"])
        self.assertEqual((left[0], shape(left[1])), (right[0], shape(right[1])))
        for a, b in zip(positions(old["geometry"]), positions(new["geometry"])):
            self.assertAlmostEqual(a[0], b[0], delta=DEGREES)
            self.assertAlmostEqual(a[1], b[1], delta=DEGREES)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_exchange.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0]] + rest)
