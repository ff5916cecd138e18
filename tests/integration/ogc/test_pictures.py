"""Maps as pictures: OGC API Maps, WMS 1.3.0 and WMTS 1.0.0, also as GDAL, OWSLib and QGIS read them."""
import json
import os
import struct
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree
import zlib

from owslib.wms import WebMapService
from owslib.wmts import WebMapTileService

import host
from host import get

BOX = (109.9, 19.7, 110.7, 20.1)  # west, south, east, north of Haikou
WMS = dict(SERVICE="WMS", VERSION="1.3.0", STYLES="", FORMAT="image/png")


def box(*numbers):
    return ",".join("%.9f" % each for each in numbers)


def pixels(png):
    """Width, height and rows of (r, g, b, a) of a PNG as we write them."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:200]
    at, data, header = 8, b"", None
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at:at + 8])
        if kind == b"IHDR":
            header = struct.unpack(">IIBB", png[at + 8:at + 18])
        if kind == b"IDAT":
            data += png[at + 8:at + 8 + size]
        at += 12 + size
    width, height, depth, kind = header
    assert depth == 8 and kind in (2, 6), header
    step, raw, rows = 3 if kind == 2 else 4, zlib.decompress(data), []
    before = bytearray(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        mode, line = raw[start], bytearray(raw[start + 1:start + 1 + width * step])
        for i in range(len(line)):
            left, up = line[i - step] if i >= step else 0, before[i]
            corner = before[i - step] if i >= step else 0
            near = left + up - corner
            paeth = min((left, up, corner), key=lambda v: abs(near - v))
            line[i] = (line[i] + (0, left, up, (left + up) // 2, paeth)[mode]) & 255
        rows.append([tuple(line[x * step:x * step + step]) + ((255,) if step == 3 else ()) for x in range(width)])
        before = line
    return width, height, rows


def get_map(who="haikou", **query):
    return get("/wms", who, **{**WMS, "REQUEST": "GetMap", "WIDTH": 400, "HEIGHT": 200, **query})


class Maps(unittest.TestCase):
    def test_a_picture_shows_what_is_told_of_it(self):
        query = dict(bbox=box(*BOX), width=600)
        told = get("/collections/lpg.stations/map", "haikou", f="json", **query).json
        png = get("/collections/lpg.stations/map", "haikou", f="png", **query)
        self.assertEqual(png.headers["Content-Type"], "image/png")
        width, height, rows = pixels(png.body)
        self.assertEqual((width, height), (told["width"], told["height"]))
        marks = [each for each in told["drawn"] if each["kind"] in ("icon", "circle")]
        self.assertGreater(len(marks), 0)
        for mark in marks:
            x, y = int(mark["x"]), int(mark["y"])
            around = [rows[v][u] for v in range(max(0, y - 4), min(height, y + 5)) for u in range(max(0, x - 4), min(width, x + 5))]
            self.assertTrue(any(pixel[3] == 255 for pixel in around), mark)  # some symbols have a hole in the middle
        self.assertEqual(rows[2][2][3], 0)  # nothing there, and no ground

    def test_scope_and_filters_hold_in_pictures(self):
        query = dict(bbox="108.5,18,111.2,20.3", width=700, f="json")

        def records(who, **more):
            drawn = get("/collections/lpg.stations/map", who, **query, **more).json["drawn"]
            counts = [int(each["text"]) for each in drawn if each["layer"].endswith(":count")]
            return sum(counts) + sum(1 for each in drawn if each["layer"].endswith(":mark") and each["kind"] == "icon")

        for who in ("province", "haikou", "enterprise"):
            self.assertEqual(records(who), host.items("stations", who, limit=1)["numberMatched"], who)
        valid = host.items("stations", "province", licence_state="valid", limit=1)["numberMatched"]
        self.assertEqual(records("province", licence_state="valid"), valid)
        self.assertEqual(records("province", area="460100"), records("haikou"))
        self.assertEqual(get("/collections/lpg.stations/map", None).status, 401)
        self.assertEqual(get("/styles/end-users/map", "planner").status,
                         get("/collections/lpg.end-users/items", "planner").status)

    def test_pictures_change_with_records_and_not_otherwise(self):
        path = "/collections/lpg.hazards/map?f=png&width=300&bbox=108.6,18.1,111.1,20.2"  # the same view for everybody
        first = get(path, "haikou")
        again = get(path, "haikou", headers={"If-None-Match": first.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        other = get(path, "province", headers={"If-None-Match": first.headers["ETag"]})
        self.assertEqual(other.status, 200)
        self.assertNotEqual(other.body, first.body)

    def test_wrong_requests_are_problems_that_name_it(self):
        for query, status, param in (("width=0", 400, "width"), ("width=5000", 413, "width"), ("bbox=1,2", 400, "bbox"),
                                     ("crs=EPSG:4546", 400, "crs"), ("colour=red", 400, "colour"),
                                     ("f=jpeg", 400, "f"), ("bbox=110,20,109,21", 400, "bbox")):
            answer = get("/collections/lpg.stations/map?" + query)
            self.assertEqual((answer.status, answer.json.get("param")), (status, param), answer.text[:300])
            self.assertTrue(answer.json["detail"] and answer.json["detail_en"])
        self.assertEqual(get("/styles/nothing/map").status, 404)

    def test_what_there_is_instead_is_told_once(self):
        known = get("/collections/lpg.stations/map?nope=1").json["detail_en"].split(": ")[-1].split(", ")
        self.assertEqual(sorted(set(known)), sorted(known))

    def test_every_style_has_a_picture_and_a_legend(self):
        for style in get("/styles", "admin").json["styles"]:
            for what in ("map?width=200&f=png", "legend"):
                answer = get("/styles/%s/%s" % (style["id"], what), "admin")
                self.assertEqual((answer.status, answer.body[:4]), (200, b"\x89PNG"), style["id"] + answer.text[:300]
                                 if answer.status != 200 else style["id"])


class Thumbnails(unittest.TestCase):
    def test_a_collection_is_shown_in_small_as_far_as_the_caller_sees_it(self):
        links = get("/collections/lpg.hazards", "haikou").json["links"]
        link = next(each for each in links if each["rel"] == "preview")
        path = link["href"][len(host.URL):] if link["href"].startswith("http") else link["href"]
        own = get(path, "haikou")
        width, height, rows = pixels(own.body)
        self.assertEqual((width, height), (320, 200))
        self.assertGreater(len({pixel for row in rows for pixel in row}), 20)
        again = get(path, "haikou", headers={"If-None-Match": own.headers["ETag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        other = get(path, "province", headers={"If-None-Match": own.headers["ETag"]})
        self.assertEqual(other.status, 200)
        self.assertNotEqual(other.body, own.body)

    def test_every_map_has_one_and_what_is_no_map_none(self):
        for one in get("/collections", "admin").json["collections"]:
            has = any(each["rel"] == "preview" for each in one["links"])
            answer = get("/collections/%s/thumbnail" % one["id"], "admin")
            self.assertEqual(answer.status, 200 if has else 404, one["id"] + answer.body[:300].decode("utf-8", "replace"))


class Variants(unittest.TestCase):
    """styles/variants/night.json over every style, for every way of asking."""

    def test_the_night_is_dark_and_shows_the_same_records(self):
        query = dict(bbox=box(*BOX), width=600)
        for style in ("basemap", "stations", "hazards"):
            day, night = (get("/styles/%s/map" % name, "haikou", f="json", **query).json for name in (style, style + "-night"))
            self.assertEqual(day, night)
        bright = {}
        for style in ("basemap", "basemap-night"):
            _, _, rows = pixels(get("/styles/%s/map" % style, "haikou", f="png", **query).body)
            bright[style] = sum(sum(pixel[:3]) for row in rows for pixel in row) / (3 * sum(len(row) for row in rows))
        self.assertLess(3 * bright["basemap-night"], bright["basemap"])
        self.assertEqual(get("/styles/stations-noon", "haikou").status, 404)
        self.assertEqual(get("/styles/stations-night/map", None).status, 401)

    def test_wms_and_wmts_offer_it_by_name(self):
        capabilities = ElementTree.fromstring(get("/wms?SERVICE=WMS&REQUEST=GetCapabilities", "haikou").body)
        space = {"w": "http://www.opengis.net/wms"}
        layer = next(each for each in capabilities.iterfind(".//w:Layer/w:Layer", space)
                     if each.find("w:Name", space).text == "lpg.hazards")
        names = [each.text for each in layer.iterfind("w:Style/w:Name", space)]
        self.assertEqual(names, ["hazards", "hazards-night", "hazards-heat", "hazards-heat-night"])
        pictures = {name: get_map(LAYERS="lpg.hazards", STYLES=name, CRS="CRS:84", BBOX=box(*BOX)) for name in names}
        self.assertEqual({each.status for each in pictures.values()}, {200})
        self.assertEqual(len({each.body for each in pictures.values()}), 4 - 1)  # heat has no colours of the night
        self.assertEqual(get_map(LAYERS="lpg.hazards", STYLES="stations-night", CRS="CRS:84", BBOX=box(*BOX)).status, 404)
        legends = {get_map(REQUEST="GetLegendGraphic", LAYER="lpg.hazards", STYLE=name).body for name in names[:2]}
        self.assertEqual(len(legends), 2)
        tiles = {get("/wmts/1.0.0/basemap/%s/WebMercatorQuad/7/56/103.png" % name, "haikou").body
                 for name in ("default", "basemap", "basemap-night")}
        self.assertEqual(len(tiles), 2)


class Wms(unittest.TestCase):
    def test_the_same_box_in_every_axis_order_is_the_same_picture(self):
        west, south, east, north = BOX
        first = get_map(LAYERS="basemap,lpg.stations", CRS="CRS:84", BBOX=box(west, south, east, north))
        self.assertEqual(first.status, 200, first.body[:300])
        for crs in ("EPSG:4490", "EPSG:4326"):
            swapped = get_map(LAYERS="basemap,lpg.stations", CRS=crs, BBOX=box(south, west, north, east))
            self.assertEqual(swapped.body, first.body, crs)
            # In the wrong order it is another place, if any.
            self.assertNotEqual(get_map(LAYERS="basemap", CRS=crs, BBOX=box(west, south, east, north)).body, first.body)
        metres = (12234011.9, 2237489.0, 12323067.4, 2284844.0)
        mercator = get_map(LAYERS="lpg.stations", CRS="EPSG:3857", BBOX=box(*metres), TRANSPARENT="TRUE")
        maps = get("/collections/lpg.stations/map", "haikou", f="png", bbox=box(*metres), width=400, height=200,
                   bbox__crs="http://www.opengis.net/def/crs/EPSG/0/3857")
        self.assertEqual(mercator.body, maps.body)

    def test_capabilities_follow_the_schema_and_the_caller(self):
        for who in ("haikou", "admin", "planner"):
            answer = get("/wms?SERVICE=WMS&REQUEST=GetCapabilities", who)
            path = os.path.join(host.WORK, "wms.xml")
            with open(path, "wb") as file:
                file.write(answer.body)
            done = subprocess.run(["xmllint", "--noout", "--relaxng", "wms.rng", path], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr[:2000])
            named = {each.text for each in ElementTree.fromstring(answer.body).iter("{http://www.opengis.net/wms}Name")}
            may = {each["id"] for each in get("/collections", who).json["collections"]}
            self.assertEqual({each for each in named if each.startswith("lpg.")} - may, set())
            self.assertEqual("lpg.stations" in named, "lpg.stations" in may)

    def test_exceptions_have_codes_and_both_tongues(self):
        good = dict(LAYERS="lpg.stations", CRS="CRS:84", BBOX=box(*BOX))
        for change, status, code in (({"LAYERS": "lpg.nothing"}, 404, "LayerNotDefined"),
                                     ({"STYLES": "fancy"}, 404, "StyleNotDefined"),
                                     ({"CRS": "EPSG:4546"}, 400, "InvalidCRS"),
                                     ({"FORMAT": "image/gif"}, 400, "InvalidFormat"),
                                     ({"REQUEST": "GetRid"}, 400, "OperationNotSupported"),
                                     ({"WIDTH": 9999}, 413, None), ({"VERSION": "1.1.1"}, 400, None)):
            answer = get_map(**{**good, **change})
            self.assertEqual(answer.status, status, answer.text)
            one = ElementTree.fromstring(answer.body).find("{http://www.opengis.net/ogc}ServiceException")
            self.assertEqual(one.get("code"), code, answer.text)
            self.assertEqual(one.get("locator"), next(iter(change)))
            self.assertRegex(one.text, "[\u4e00-\u9fff].* / .*[a-z]")

    def test_a_pixel_tells_its_records_masked(self):
        query = dict(bbox=box(*BOX), width=600, height=300)
        drawn = get("/collections/lpg.stations/map", "haikou", f="json", **query).json["drawn"]
        mark = next(each for each in drawn if each["layer"] == "lpg.stations:mark")
        west, south, east, north = BOX
        # The same pixel of the same box; /map is in Mercator, so the row is reckoned anew.
        answer = get_map(REQUEST="GetFeatureInfo", LAYERS="lpg.stations", QUERY_LAYERS="lpg.stations", CRS="EPSG:4490",
                         BBOX=box(south, west, north, east), WIDTH=600, HEIGHT=300, I=int(mark["x"]), J=int(mark["y"]),
                         INFO_FORMAT="application/json", FEATURE_COUNT=10)
        self.assertEqual(answer.status, 200, answer.text[:300])
        found = answer.json["features"]
        self.assertIn(mark["id"], [each["id"] for each in found])
        item = get("/collections/lpg.stations/items/%d" % mark["id"], "haikou").json
        same = next(each for each in found if each["id"] == mark["id"])
        self.assertEqual(same["properties"], item["properties"])
        plain = get_map(REQUEST="GetFeatureInfo", LAYERS="lpg.stations", QUERY_LAYERS="lpg.stations", CRS="EPSG:4490",
                        BBOX=box(south, west, north, east), WIDTH=600, HEIGHT=300, I=int(mark["x"]), J=int(mark["y"]),
                        INFO_FORMAT="text/plain", FEATURE_COUNT=10)
        self.assertIn(item["properties"]["name"], plain.text)
        for change, code in (({"QUERY_LAYERS": "lpg.hazards"}, "LayerNotQueryable"), ({"I": 600}, "InvalidPoint")):
            wrong = get_map(**{**dict(REQUEST="GetFeatureInfo", LAYERS="lpg.stations", QUERY_LAYERS="lpg.stations",
                                      CRS="CRS:84", BBOX=box(*BOX), WIDTH=600, HEIGHT=300, I=1, J=1,
                                      INFO_FORMAT="text/plain"), **change})
            self.assertIn(code, wrong.text)


class Clients(unittest.TestCase):
    def headers(self, who="haikou"):
        return {"Authorization": "Bearer " + host.token(who)}

    def gdal(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, env=dict(
            os.environ, GDAL_HTTP_HEADERS="Authorization: Bearer " + host.token("haikou"), GDAL_ENABLE_WMS_CACHE="NO"))
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout[-2000:])
        return done.stdout

    def test_owslib_reads_wms(self):
        wms = WebMapService(host.URL + "/wms", version="1.3.0", headers=self.headers())
        self.assertIn("lpg.stations", wms.contents)
        layer = wms["lpg.stations"]
        self.assertEqual(set(layer.crsOptions) >= {"EPSG:4490", "EPSG:4326", "EPSG:3857"}, True)
        west, south, east, north = layer.boundingBoxWGS84
        self.assertTrue(109 < west < east < 112 and 19 < south < north < 21, layer.boundingBoxWGS84)
        # OWSLib itself puts latitude first for EPSG:4326.
        image = wms.getmap(layers=["basemap", "lpg.stations"], srs="EPSG:4326", bbox=BOX, size=(400, 200),
                           format="image/png").read()
        ours = get_map(LAYERS="basemap,lpg.stations", CRS="CRS:84", BBOX=box(*BOX)).body
        self.assertEqual(pixels(image), pixels(ours))

    def test_owslib_reads_wmts(self):
        wmts = WebMapTileService(host.URL + "/wmts/1.0.0/WMTSCapabilities.xml", headers=self.headers())
        self.assertEqual(set(wmts.tilematrixsets), {"WebMercatorQuad", "WorldCRS84Quad", "c"})
        by_name = get("/wmts", "haikou", Service="WMTS", Request="GetTile", Version="1.0.0", Layer="basemap", Style="",
                      Format="image/png", TileMatrixSet="c", TileMatrix=10, TileRow=199, TileCol=825)
        by_path = get("/wmts/1.0.0/basemap/default/WorldCRS84Quad/9/199/825.png", "haikou")
        self.assertEqual(by_name.status, 200, by_name.body[:300])
        self.assertEqual(by_name.body, by_path.body)
        self.assertEqual(pixels(by_name.body)[:2], (256, 256))
        for path, status, code in (("/wmts/1.0.0/basemap/default/c/0/0/0.png", 404, "TileOutOfRange"),
                                   ("/wmts?Service=WMTS&Request=GetTile", 400, "MissingParameterValue"),
                                   ("/wmts/1.0.0/nothing/default/c/1/0/0.png", 404, "InvalidParameterValue")):
            answer = get(path, "haikou")
            self.assertEqual(answer.status, status, answer.text)
            self.assertIn('exceptionCode="%s"' % code, answer.text)

    def test_gdal_opens_wms_and_renders(self):
        listed = self.gdal("gdalinfo", "WMS:%s/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetCapabilities" % host.URL)
        self.assertIn("LAYERS=lpg.stations", listed)
        name = next(line.split("_NAME=")[1] for line in listed.splitlines() if "_NAME=" in line and "LAYERS=basemap" in line)
        out = os.path.join(host.WORK, "wms.tif")
        west, south, east, north = BOX
        self.gdal("gdal_translate", "-q", "-outsize", "400", "200", "-projwin", str(west), str(north), str(east), str(south),
                  name + "&FORMAT=image/png&STYLES=", out)
        told = self.gdal("gdalinfo", "-stats", out)
        self.assertIn("Size is 400, 200", told)
        self.assertNotIn("StdDev=0\n", told.replace(" ", ""))
        # Sea in the north-west of the box, land in the south-east.
        for at, color in (((5, 5), "207\n227\n241"), ((300, 180), "248\n244\n238")):
            seen = self.gdal("gdallocationinfo", "-valonly", out, str(at[0]), str(at[1]))
            near = all(abs(int(a) - int(b)) < 8 for a, b in zip(seen.split(), color.split()))
            self.assertTrue(near, (at, seen))

    def test_qgis_opens_counts_and_renders(self):
        home = os.path.join(host.WORK, "qgis")
        os.makedirs(home, mode=0o700, exist_ok=True)
        done = subprocess.run(["/usr/bin/python3", "open_in_qgis.py", host.URL, host.token("haikou"), home,
                               os.path.join(os.environ["CIM_VAR"], "cim.gpkg")], capture_output=True, text=True,
                              timeout=240, env=dict(os.environ, HOME=home, XDG_RUNTIME_DIR=home, QT_QPA_PLATFORM="offscreen"))
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        found = json.loads(done.stdout.splitlines()[-1])
        for name in ("wms", "wms night", "wmts", "wmts night", "oapif", "gpkg"):
            self.assertTrue(found[name]["valid"], found)
            self.assertGreater(found[name]["colours"], 10, found)
        for name in ("wms", "wmts"):
            self.assertLess(2 * found[name + " night"]["brightness"], found[name]["brightness"], found)
        self.assertEqual(found["oapif"]["count"], host.items("stations", "haikou", limit=1)["numberMatched"])
        # The file itself knows no scopes.
        self.assertEqual(found["gpkg"]["count"], host.items("stations", "admin", limit=1)["numberMatched"])

    def test_gdal_opens_wmts_and_renders(self):
        out = os.path.join(host.WORK, "wmts.tif")
        self.gdal("gdal_translate", "-q", "-outsize", "256", "256", "-projwin", "12190000", "2300000", "12330000", "2190000",
                  "WMTS:%s/wmts/1.0.0/WMTSCapabilities.xml,layer=basemap,tilematrixset=WebMercatorQuad" % host.URL, out)
        self.assertNotIn("StdDev=0\n", self.gdal("gdalinfo", "-stats", out).replace(" ", ""))


if __name__ == "__main__":
    unittest.main()
