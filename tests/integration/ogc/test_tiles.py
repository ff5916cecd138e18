"""OGC API Tiles, styles and base maps."""
import gzip
import json
import os
import pathlib
import subprocess
import sys
import unittest

import host
from host import get

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import mvt

TILES = "/collections/lpg.%s/tiles/WebMercatorQuad"


def layers_of(tile):
    """Layer -> number of features, read by GDAL."""
    path = os.path.join(host.WORK, "tile.mvt")
    with open(path, "wb") as file:
        file.write(tile)
    out = subprocess.run(["ogrinfo", "-al", "-so", path], capture_output=True, text=True, check=True)
    found, name = {}, None
    for line in out.stdout.splitlines():
        if line.startswith("Layer name: "):
            name = line[12:]
        if line.startswith("Feature Count: "):
            found[name] = int(line[15:])
    return found


class Tiles(unittest.TestCase):
    def test_every_layer_has_tiles_that_gdal_reads(self):
        for layer in host.GEOGRAPHIC:
            answer = get((TILES % layer) + "/7/56/103")
            if answer.status == 204:
                continue
            self.assertEqual(answer.status, 200, answer.body[:200])
            self.assertEqual(answer.headers["Content-Type"], "application/vnd.mapbox-vector-tile")
            found = layers_of(answer.body)
            # The names of polygons stand on points of their own, in a layer beside them.
            polygons = "Polygon" in host.DEFINITIONS[layer]["geometry"]
            names = ["lpg.%s.labels" % layer] if polygons else []
            if "rates" in host.DEFINITIONS[layer]["tiles"]:
                names = ["lpg.%s.%s" % (layer, what) for what in
                         ("hexagons", "hexagons.labels", "areas", "areas.labels")]
            self.assertEqual(list(found), ["lpg." + layer] + names)
            self.assertGreater(found["lpg." + layer], 0)

    def test_the_reader_of_browsers_finds_what_ours_does_and_rings_wound_as_the_standard_says(self):
        files, tiles = [], []
        for layer in host.GEOGRAPHIC:
            for place in ("7/56/103", "10/454/825", "14/7277/13212"):
                answer = get((TILES % layer) + "/" + place)
                if answer.status != 200:
                    continue
                files.append(os.path.join(host.WORK, "%s-%s.mvt" % (layer, place.replace("/", "-"))))
                tiles.append(mvt.read(answer.body))
                pathlib.Path(files[-1]).write_bytes(answer.body)
        out = subprocess.run(["node", "read_tiles.mjs", *files], capture_output=True, text=True)
        self.assertEqual(out.returncode, 0, out.stderr)
        read = [json.loads(line) for line in out.stdout.splitlines()]
        self.assertEqual(len(read), len(tiles))
        polygons = 0
        for file, ours, theirs in zip(files, tiles, read):
            self.assertEqual(list(theirs), list(ours), file)
            for name, features in ours.items():
                self.assertEqual(len(theirs[name]), len(features), (file, name))
                for one, other in zip(features, theirs[name]):
                    self.assertEqual(other["tags"], one["tags"], (file, name))
                    self.assertEqual(other["paths"], [[list(p) for p in path] for path in one["paths"]], (file, name))
                    self.assertEqual(other["polygons"] > 0, other["type"] == 3, (file, name, other["tags"]))
                    polygons += other["polygons"]
        self.assertGreater(polygons, 100)

    def test_tags_spare_the_second_transfer(self):
        path = (TILES % "stations") + "/7/56/103"
        first = get(path)
        again = get(path, headers={"If-None-Match": first.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        filtered = get(path, licence_state="valid", headers={"If-None-Match": first.headers["ETag"]})
        self.assertEqual(filtered.status, 200)
        other = get(path, "haikou", headers={"If-None-Match": first.headers["ETag"]})
        self.assertEqual(other.status, 200)
        self.assertNotEqual(other.body, first.body)

    def test_gzip_holds_the_same_bytes(self):
        path = (TILES % "districts") + "/7/56/103"
        plain = get(path)
        packed = get(path, headers={"Accept-Encoding": "gzip"})
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertLess(len(packed.body), len(plain.body))

    def test_empty_ocean_and_bad_addresses(self):
        self.assertEqual(get((TILES % "stations") + "/10/0/0").status, 204)
        for address, status in (("/23/0/0", 404), ("/1/2/0", 404), ("/1/0/2", 404),
                                ("/x/0/0", 400), ("/1/-1/0", 400), ("/1/0/1.5", 400),
                                ("/1/0/0?nothing=1", 400), ("/1/0/0?licence_state=golden", 400),
                                ("/1/0/0?area=000000", 400)):
            self.assertEqual(get((TILES % "stations") + address).status, status, address)

    def test_filters_by_area_leave_out_the_rest(self):
        path = (TILES % "stations") + "/14/%d/%d"
        west, south, east, north = get("/collections/lpg.stations",
                                       "haikou").json["extent"]["spatial"]["bbox"][0]
        self.assertTrue(west < east and south < north)
        whole = get((TILES % "stations") + "/7/56/103").body
        part = get((TILES % "stations") + "/7/56/103", area="460100").body
        self.assertNotEqual(whole, part)
        self.assertTrue(path)


ACCOUNTS = ("admin", "province", "haikou", "planner", "inspector", "enterprise", "station")
SINGLE_ZOOM = 15  # every point stands by itself
ZOOM = SINGLE_ZOOM if os.environ.get("CIM_TEST_LONG") else 9
POINTS = [layer for layer in host.GEOGRAPHIC if host.DEFINITIONS[layer]["geometry"] == "Point"]


def tiles_by_zoom(layer, who, zoom, **query):
    """Of each zoom down to this one the tiles that hold something, found from the top."""
    found = [(0, 0, 0, get((TILES % layer) + "/0/0/0", who, **query))]
    for z in range(zoom + 1):
        yield [mvt.read(answer.body) for *_, answer in found if answer.status == 200]
        below = [(z + 1, 2 * row + r, 2 * col + c) for _, row, col, answer in found
                 if answer.status == 200 and z < zoom for r in (0, 1) for c in (0, 1)]
        found = [(*at, get((TILES % layer) + "/%d/%d/%d" % at, who, **query)) for at in below]


def tiles_at(layer, who, zoom, **query):
    *_, last = tiles_by_zoom(layer, who, zoom, **query)
    return last


def records_of(layer, tiles):
    return sum(f["tags"].get("count", 1) for tile in tiles for f in tile.get("lpg." + layer, ()))


class Sums(unittest.TestCase):
    def test_the_tiles_of_any_zoom_add_up_to_the_records_that_an_account_may_see(self):
        world = "-180,-90,180,90"
        seen = 0
        for who in ACCOUNTS:
            for layer in POINTS:
                answer = get("/collections/lpg.%s/items" % layer, who, limit=1, bbox=world)
                if answer.status != 200:
                    self.assertIn(answer.status, (403, 404))
                    self.assertIn(get((TILES % layer) + "/0/0/0", who).status, (403, 404))
                    continue
                matched = answer.json["numberMatched"]
                seen += matched
                for zoom, tiles in enumerate(tiles_by_zoom(layer, who, ZOOM if matched > 0 else 0)):
                    self.assertEqual(records_of(layer, tiles), matched, (who, layer, zoom))
        self.assertGreater(seen, 0)
        for who in ("province", "haikou"):
            matched = host.items("stations", who, limit=1, bbox=world)["numberMatched"]
            for zoom, tiles in enumerate(tiles_by_zoom("stations", who, SINGLE_ZOOM)):
                self.assertEqual(records_of("stations", tiles), matched, (who, zoom))

    def test_tiles_of_an_interval_add_up_to_its_records(self):
        _, hazards = host.all_pages("hazards", "province", limit=1000)
        found = sorted(h["properties"]["found_at"] for h in hazards)
        due = sorted(h["properties"]["rectify_by"] for h in hazards if h["properties"]["rectify_by"])
        speeds = sorted(v["properties"]["speed_km_h"] for v in host.all_pages("vehicles", "province", limit=1000)[1]
                        if v["properties"]["speed_km_h"] is not None)
        for layer, name, values in (("hazards", "found_at", found), ("hazards", "rectify_by", due),
                                    ("vehicles", "speed_km_h", speeds)):
            low, high = values[len(values) // 4], values[len(values) // 2]
            for text, within in (("%s/%s" % (low, high), lambda v: low <= v <= high), ("%s/.." % low, lambda v: v >= low),
                                 ("../%s" % high, lambda v: v <= high)):
                expected = sum(within(v) for v in values)
                self.assertTrue(0 < expected)
                matched = host.items(layer, "province", limit=1, **{name: text})["numberMatched"]
                self.assertEqual(matched, expected, (layer, name, text))
                drawn = host.items(layer, "province", limit=1, bbox="-180,-90,180,90", **{name: text})["numberMatched"]
                for zoom, tiles in enumerate(tiles_by_zoom(layer, "province", 3, **{name: text})):
                    self.assertEqual(records_of(layer, tiles), drawn, (layer, name, text, zoom))
        for text in ("../..", "x/..", "1/2/3", "/"):
            answer = get((TILES % "vehicles") + "/0/0/0", speed_km_h=text)
            self.assertEqual((answer.status, answer.json["param"]), (400, "speed_km_h"), text)

    def test_rates_are_those_of_the_records_by_hexagon_and_by_area(self):
        rate = host.DEFINITIONS["end-users"]["tiles"]["rates"][0]
        for who in ("province", "haikou"):
            _, users = host.all_pages("end-users", who, limit=1000)
            states = [u["properties"]["inspection_state"] for u in users if u["geometry"]]
            expected = (sum(s in rate["numerator"] for s in states),
                        sum(s in rate["denominator"] for s in states))
            self.assertGreater(expected[1], expected[0])
            for zoom in (5, 9):
                tiles = tiles_at("end-users", who, zoom)
                for what in ("hexagons.labels", "areas.labels"):
                    told = [f["tags"] for t in tiles for f in t.get("lpg.end-users." + what, ())]
                    self.assertEqual((sum(t["inspected_n"] for t in told),
                                      sum(t["inspected_of"] for t in told)), expected, (who, what))
                    for tags in told:
                        share = 100 * tags["inspected_n"] / tags["inspected_of"]
                        self.assertTrue(0 <= share - tags["inspected_pct"] < 0.1001, tags)
                for tile in tiles:
                    centres = {f["id"] for f in tile.get("lpg.end-users.hexagons.labels", ())}
                    hexes = {f["id"] for f in tile.get("lpg.end-users.hexagons", ())}
                    self.assertTrue(centres <= hexes)

    def test_rates_by_area_show_the_areas_that_the_caller_may_see(self):
        names = {f["tags"]["code"] for t in tiles_at("end-users", "haikou", 7)
                 for f in t.get("lpg.end-users.areas", ())}
        self.assertTrue(names)
        self.assertTrue(all(code.startswith("4601") for code in names), names)


class Grids(unittest.TestCase):
    def test_the_grids_in_degrees_hold_the_same_records(self):
        for who in ("province", "haikou"):
            for layer in ("stations", "end-users"):
                matched = host.items(layer, who, limit=1, bbox="-180,-90,180,90")["numberMatched"]
                for grid, zoom, n in (("WorldCRS84Quad", 0, 1), ("WorldCRS84Quad", 2, 4),
                                      ("CGCS2000Quad", 1, 1), ("CGCS2000Quad", 3, 4)):
                    path = "/collections/lpg.%s/tiles/%s/%d" % (layer, grid, zoom)
                    answers = [get("%s/%d/%d" % (path, row, col), who)
                               for row in range(n) for col in range(2 * n)]
                    tiles = [mvt.read(a.body) for a in answers if a.status == 200]
                    self.assertEqual(records_of(layer, tiles), matched, (who, layer, grid, zoom))
                    self.assertEqual(get("%s/%d/0" % (path, n), who).status, 404)

    def test_a_record_lies_where_the_grid_says(self):
        station = host.items("stations", limit=1)["features"][0]
        lon, lat = station["geometry"]["coordinates"]
        for grid, zoom, side in (("WorldCRS84Quad", 15, 180 / 2 ** 15), ("CGCS2000Quad", 16, 180 / 2 ** 15)):
            row, col = int((90 - lat) / side), int((lon + 180) / side)
            tile = mvt.read(get("/collections/lpg.stations/tiles/%s/%d/%d/%d" % (grid, zoom, row, col)).body)
            found = next(f for f in tile["lpg.stations"] if f["tags"]["fid"] == station["id"])
            x, y = found["paths"][0][0]
            self.assertAlmostEqual(lon, -180 + (col + x / 4096) * side, delta=side / 4096 * 1.01)
            self.assertAlmostEqual(lat, 90 - (row + y / 4096) * side, delta=side / 4096 * 1.01)

    def test_several_collections_in_one_tile(self):
        both = get("/tiles/WebMercatorQuad/7/56/103", collections="lpg.roads,lpg.stations")
        alone = [get((TILES % layer) + "/7/56/103") for layer in ("roads", "stations")]
        self.assertEqual(both.body, b"".join(a.body for a in alone))
        self.assertEqual(set(mvt.read(both.body)), {"lpg.roads", "lpg.stations"})
        again = get("/tiles/WebMercatorQuad/7/56/103", collections="lpg.roads,lpg.stations",
                    headers={"If-None-Match": both.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        other = get("/tiles/WebMercatorQuad/7/56/103", "haikou", collections="lpg.roads,lpg.stations",
                    headers={"If-None-Match": both.headers["ETag"]})
        self.assertEqual(other.status, 200)
        for query in ("", "?collections=", "?collections=lpg.roads,", "?collections=lpg.roads,lpg.roads",
                      "?collections=lpg.roads&area=000000", "?collections=lpg.roads&kind=1"):
            self.assertEqual(get("/tiles/WebMercatorQuad/7/56/103" + query).status, 400, query)
        self.assertEqual(get("/tiles/WebMercatorQuad/7/56/103?collections=lpg.nothing").status, 404)
        doc = get("/tiles/WorldCRS84Quad", f="tilejson", collections="lpg.roads,lpg.districts").json
        self.assertEqual([layer["id"] for layer in doc["vector_layers"]],
                         ["lpg.roads", "lpg.districts", "lpg.districts.labels"])
        url = doc["tiles"][0].replace("{z}", "6").replace("{y}", "24").replace("{x}", "103")
        self.assertEqual(set(mvt.read(get(url).body)),
                         {"lpg.roads", "lpg.districts", "lpg.districts.labels"})
        self.assertEqual(len(get("/tiles").json["tilesets"]), 3)


class Descriptions(unittest.TestCase):
    def test_tilejson(self):
        doc = get(TILES % "stations", f="tilejson", area="460100").json
        self.assertEqual(doc["tilejson"], "3.0.0")
        self.assertTrue(doc["tiles"][0].endswith("/{z}/{y}/{x}?area=460100"))
        self.assertEqual(doc["vector_layers"][0]["id"], "lpg.stations")
        url = doc["tiles"][0].replace("{z}", "7").replace("{y}", "56").replace("{x}", "103")
        self.assertEqual(get(url).status, 200)

    def test_limits_hold_the_extent(self):
        doc = get(TILES % "stations", f="json").json
        self.assertEqual(doc["dataType"], "vector")
        seven = next(x for x in doc["tileMatrixSetLimits"] if x["tileMatrix"] == "7")
        self.assertTrue(seven["minTileRow"] <= 56 <= seven["maxTileRow"])
        self.assertTrue(seven["minTileCol"] <= 103 <= seven["maxTileCol"])

    def test_every_style_is_one_and_its_sources_answer(self):
        styles = get("/styles").json["styles"]
        self.assertGreaterEqual(len(styles), 12)
        for style in styles:
            doc = get("/styles/" + style["id"]).json
            self.assertEqual(doc["version"], 8)
            for source in doc["sources"].values():
                if "url" in source:
                    self.assertTrue(source["url"].startswith(host.URL), source)
                    self.assertEqual(get(source["url"]).status, 200, source)

    def test_base_maps_without_a_key_are_offline_only(self):
        doc = get("/basemaps").json
        self.assertEqual([b["id"] for b in doc["basemaps"]], ["offline"])
        self.assertEqual(doc["basemaps"][0]["note"], "示意图 非公开发布")
        self.assertEqual(get("/basemaps/tianditu/vec/1/0/0").status, 404)


if __name__ == "__main__":
    unittest.main()
