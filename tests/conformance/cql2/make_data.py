#!/usr/bin/env python3
"""Natural Earth (public domain) as the lines of JSON that test_cql2 reads.

    make_data.py geopackage FILE.gpkg FOLDER   all three layers of the standard's test data
    make_data.py debian FOLDER FOLDER          what Debian's python3-geopandas has of them:
                                               countries and places, their names and positions

The second made the files in data/. Its places are of a later edition: four names are put back to
what the standard's predicates ask for. What the standard's authors made up (dates, times and a flag
of three cities) is added.
"""

import json
import os
import sqlite3
import struct
import sys

TABLES = {"countries": "ne_110m_admin_0_countries", "places": "ne_110m_populated_places_simple",
          "rivers": "ne_110m_rivers_lake_centerlines"}
MADE_UP = {
    "Kyiv": {"name": "Kiev"},
    "Nur-Sultan": {"name": "Astana"},
    "Chi?in?u": {"name": "Chișinău"},  # the package's encoding lost the letters
    "?saka": {"name": "Ōsaka"},
    "København": {"date": "2021-04-16", "boolean": True,
                  "start": "2021-04-16T10:15:59Z", "end": "2022-04-16T10:16:06Z"},
    "Berlin": {"date": "2023-04-16", "boolean": True,
               "start": "2022-04-16T10:13:19Z", "end": "2024-02-22T09:37:52Z"},
    "Athens": {"date": "2022-04-16", "boolean": False,
               "start": "2022-04-16T10:15:10Z", "end": "2022-12-16T10:14:53Z"},
}


class Wkb:
    """A reader of little- and big-endian two-dimensional WKB."""

    def __init__(self, data):
        self.data, self.at, self.order = data, 0, "<"

    def take(self, form):
        values = struct.unpack_from(self.order + form, self.data, self.at)
        self.at += struct.calcsize(self.order + form)
        return values if len(values) > 1 else values[0]

    def points(self):
        return [list(self.take("dd")) for _ in range(self.take("I"))]

    def geometry(self):
        self.order = "<" if self.data[self.at] == 1 else ">"
        self.at += 1
        kind = self.take("I") % 1000
        if kind == 1:
            return {"type": "Point", "coordinates": list(self.take("dd"))}
        if kind == 2:
            return {"type": "LineString", "coordinates": self.points()}
        if kind == 3:
            return {"type": "Polygon",
                    "coordinates": [self.points() for _ in range(self.take("I"))]}
        parts = [self.geometry()["coordinates"] for _ in range(self.take("I"))]
        return {"type": {4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon"}[kind],
                "coordinates": parts}


def from_geopackage(path):
    source = sqlite3.connect(path)
    source.row_factory = sqlite3.Row
    for name, table in TABLES.items():
        for row in source.execute(f"select * from {table} order by fid"):
            blob = row["geom"]
            start = 8 + (0, 32, 48, 48, 64)[blob[3] >> 1 & 7]
            record = {key: row[key] for key in row.keys() if key not in ("fid", "geom")}
            for key in ("start", "end"):
                if record.get(key):
                    record[key] = record[key][:19] + "Z"
            if record.get("boolean") is not None:
                record["boolean"] = bool(record["boolean"])
            yield name, record, Wkb(blob[start:]).geometry()


def shapes(path):
    """Points and polygons of a shapefile, with the rings of each grouped round its shells."""
    with open(path, "rb") as file:
        data = file.read()
    at = 100
    while at < len(data):
        length = struct.unpack_from(">i", data, at + 4)[0] * 2
        body = data[at + 8:at + 8 + length]
        at += 8 + length
        if struct.unpack_from("<i", body)[0] == 1:
            yield {"type": "Point", "coordinates": list(struct.unpack_from("<dd", body, 4))}
            continue
        n_parts, n_points = struct.unpack_from("<ii", body, 36)
        starts = list(struct.unpack_from(f"<{n_parts}i", body, 44)) + [n_points]
        points = [list(struct.unpack_from("<dd", body, 44 + 4 * n_parts + 16 * i))
                  for i in range(n_points)]
        polygons = []
        for first, end in zip(starts, starts[1:]):
            ring = points[first:end]
            area = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:]))
            if area < 0:
                polygons.append([ring])
            else:
                polygons[-1].append(ring)
        yield {"type": "MultiPolygon", "coordinates": polygons}


def records(path, encoding):
    with open(path, "rb") as file:
        data = file.read()
    count, header, width = struct.unpack_from("<IHH", data, 4)
    fields, at = [], 32
    while data[at] != 0x0D:
        fields.append((data[at:at + 11].split(b"\0")[0].decode(), data[at + 16]))
        at += 32
    for i in range(count):
        at, record = header + i * width + 1, {}
        for name, size in fields:
            record[name] = data[at:at + size].decode(encoding).strip(" \0")
            at += size
        yield record


def from_debian(folder):
    base = os.path.join(folder, "naturalearth_lowres", "naturalearth_lowres")
    for record, shape in zip(records(base + ".dbf", "iso-8859-1"), shapes(base + ".shp")):
        yield "countries", {"NAME": record["name"], "POP_EST": float(record["pop_est"])}, shape
    base = os.path.join(folder, "naturalearth_cities", "naturalearth_cities")
    for record, shape in zip(records(base + ".dbf", "iso-8859-1"), shapes(base + ".shp")):
        yield "places", {"name": record["name"], **MADE_UP.get(record["name"], {})}, shape


def within_the_world(coordinates):
    """Natural Earth has positions that are past the antimeridian by a rounding."""
    if isinstance(coordinates[0], list):
        return [within_the_world(part) for part in coordinates]
    lon, lat = coordinates
    return [min(180.0, max(-180.0, lon)), min(90.0, max(-90.0, lat))]


def main():
    source, place, target = sys.argv[1:]
    files = {}
    for name, record, geometry in {"geopackage": from_geopackage,
                                   "debian": from_debian}[source](place):
        if name not in files:
            files[name] = open(os.path.join(target, name + ".jsonl"), "w", encoding="utf-8")
        geometry["coordinates"] = within_the_world(geometry["coordinates"])
        kept = {key: value for key, value in record.items() if value is not None}
        json.dump({"properties": kept, "geometry": geometry}, files[name], ensure_ascii=False,
                  separators=(",", ":"))
        files[name].write("\n")
    for file in files.values():
        file.close()


main()
