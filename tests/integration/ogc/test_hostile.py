"""Tiles and pictures asked for with what no client of ours would send: a clear problem or an answer that is the right one,
never a fault of the host's, never an address of the request's choosing, never a record more."""
import concurrent.futures
import pathlib
import socket
import sys
import unittest
from xml.etree import ElementTree

import host
from host import get

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import mvt

STATIONS = "/collections/lpg.stations/tiles/WebMercatorQuad"
GET_MAP = {"SERVICE": "WMS", "VERSION": "1.3.0", "REQUEST": "GetMap", "LAYERS": "lpg.stations", "STYLES": "", "CRS": "CRS:84",
           "BBOX": "109.9,19.7,110.7,20.1", "WIDTH": 200, "HEIGHT": 100, "FORMAT": "image/png"}
CLUSTER = "/apps/lpg/api/cluster"


def get_map(who="haikou", **change):
    return get("/wms", who, **{**GET_MAP, **change})


class Tiles(unittest.TestCase):
    def test_addresses_that_no_grid_has(self):
        huge = ("4294967296", "18446744073709551616", "-9223372036854775809", "9" * 400)
        for address in ["/%s/0/0" % n for n in huge] + ["/7/%s/0" % n for n in huge] + ["/7/0/%s" % n for n in huge] + [
                "/7/128/0", "/7/0/128", "/00/0/0x", "/7/1e1/0", "/7/%00/0", "/7/0/%2e%2e", "/ 7/0/0".replace(" ", "%20"),
                "/+7/0/0", "/7/NaN/0", "/32/4294967295/4294967295"]:
            answer = get(STATIONS + address)
            self.assertIn(answer.status, (400, 404), address)
            self.assertTrue(answer.json["detail"] and answer.json["detail_en"], address)
        for address in ("/wmts/1.0.0/basemap/default/WebMercatorQuad/99/0/0.png",
                        "/wmts/1.0.0/basemap/default/WebMercatorQuad/7/-1/0.png",
                        "/wmts/1.0.0/basemap/default/NoGrid/7/56/103.png",
                        "/wmts/1.0.0/basemap/../WebMercatorQuad/7/56/103.png",
                        "/tiles/NoGrid/7/56/103?collections=lpg.roads"):
            self.assertIn(get(address).status, (400, 404), address)

    def test_a_filter_is_no_statement(self):
        whole = mvt.read(get(STATIONS + "/7/56/103", "haikou").body)
        for text in ("' or 1=1 --", "licence_state = 'valid' or 1=1", "licence_state='valid'); drop table lpg_station; --",
                     "area_code='460200' or area_code<>''", "nothing = 1", "(" * 1000, "\x00"):
            self.assertEqual(get(STATIONS + "/7/56/103", "haikou", filter=text).status, 400, text[:60])
        for text in ("' or 1=1 --", "valid,' or ''='"):
            self.assertEqual(get(STATIONS + "/7/56/103", "haikou", licence_state=text).status, 400, text)
        self.assertEqual(mvt.read(get(STATIONS + "/7/56/103", "haikou").body), whole)

    def test_clusters_that_are_not_there(self):
        for number in ("-1", "0", "9007199254740992", "9223372036854775807", "9223372036854775808", "1.5", "x", "", "99999999999999"):
            answer = get(CLUSTER, "haikou", layer="lpg.stations", id=number)
            self.assertIn(answer.status, (400, 404), number)
        self.assertEqual(get(CLUSTER, "haikou", layer="lpg.nothing", id=1).status, 400)
        # One of a cell in which there is nothing, as after the last record of it went: of zoom 10, far out at sea.
        empty = get(CLUSTER, "haikou", layer="lpg.stations", id=(10 << 40) + 1)
        self.assertEqual((empty.status, empty.json["count"], empty.json["fids"]), (200, 0, []))

    def test_a_thousand_tiles_at_once(self):
        host.token("haikou")  # signed in once and not by each
        wanted = [(z, row, col) for z, n in ((9, 8), (11, 24), (12, 24)) for row in range(n) for col in range(n)][:1000]
        corner = {9: (224, 412), 11: (902, 1650), 12: (1804, 3302)}

        def one(at):
            z, row, col = at
            return get("%s/%d/%d/%d" % (STATIONS, z, corner[z][0] + row, corner[z][1] + col), "haikou").status

        with concurrent.futures.ThreadPoolExecutor(64) as many:
            seen = list(many.map(one, wanted))
        self.assertEqual(len(seen), 1000)
        self.assertLessEqual(set(seen), {200, 204})
        self.assertIn(200, seen)


class Pictures(unittest.TestCase):
    def test_sizes_and_boxes(self):
        for change, status in (({"WIDTH": 2 ** 31}, 413), ({"WIDTH": 2 ** 64}, 400), ({"HEIGHT": -1}, 400), ({"WIDTH": "1e3"}, 400),
                               ({"WIDTH": 4096, "HEIGHT": 99999}, 413), ({"WIDTH": 0}, 400), ({"WIDTH": ""}, 400),
                               ({"BBOX": "nan,nan,nan,nan"}, 400), ({"BBOX": "inf,-inf,inf,inf"}, 400),
                               ({"BBOX": "110.7,20.1,109.9,19.7"}, 400), ({"BBOX": "110,20,110,20"}, 400),
                               ({"BBOX": "1,2,3"}, 400), ({"BBOX": "1,2,3,4,5,6"}, 400), ({"BBOX": "1,2,3," + "9" * 500}, 400),
                               ({"CRS": "EPSG:999999"}, 400), ({"CRS": "AUTO2:42001,1,110,20"}, 400), ({"CRS": "../../etc/passwd"}, 400),
                               ({"VERSION": "1.1.1", "SRS": "EPSG:4326"}, 400), ({"LAYERS": ",".join(["lpg.stations"] * 33)}, 413),
                               ({"LAYERS": "lpg.stations,,lpg.roads"}, 404), ({"LAYERS": "x" * 5000}, 404),
                               ({"STYLES": "stations,stations"}, 400), ({"BGCOLOR": "url(http://127.0.0.1/)"}, 400)):
            with self.subTest(change):
                answer = get_map(**change)
                self.assertEqual(answer.status, status, answer.body[:300])
                one = ElementTree.fromstring(answer.body).find("{http://www.opengis.net/ogc}ServiceException")
                self.assertIn(one.get("locator"), [*change, "VERSION"], answer.text)

    def test_the_world_and_beyond_is_drawn_within_bounds(self):
        for change in ({"BBOX": "-180,-90,180,90"}, {"BBOX": "-1e300,-1e300,1e300,1e300"}, {"CRS": "EPSG:3857", "BBOX": "-20037508,-20037508,20037508,20037508"},
                       {"BBOX": "110.3,20.0,110.30000001,20.00000001"}, {"WIDTH": 1, "HEIGHT": 1}, {"WIDTH": 4096, "HEIGHT": 1}):
            self.assertEqual(get_map(**change).body[:4], b"\x89PNG", change)

    def test_twenty_layers_at_once(self):
        named = [name for name in host.GEOGRAPHIC if get("/collections/lpg." + name, "admin").status == 200][:20]
        self.assertEqual(len(named), 20)
        self.assertEqual(get_map("admin", LAYERS=",".join("lpg." + name for name in named)).body[:4], b"\x89PNG")

    def test_what_is_not_asked_for_changes_nothing(self):
        """SLD, filters and times of other vendors are no part of what is offered: the host goes nowhere and leaves nothing out."""
        first = get_map().body
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(0.5)
            place = "http://127.0.0.1:%d/style.sld" % listening.getsockname()[1]
            for more in ({"SLD": place}, {"SLD_BODY": "<!DOCTYPE x [<!ENTITY e SYSTEM '%s'>]><x>&e;</x>" % place},
                         {"CQL_FILTER": "1=1"}, {"FILTER": "<Filter/>"}, {"TIME": "9999-12-31"}, {"ELEVATION": "1e9"}):
                answer = get_map(**more)
                self.assertTrue(answer.body == first or answer.status == 400, (more, answer.body[:200]))
            with self.assertRaises(TimeoutError):
                listening.accept()


if __name__ == "__main__":
    unittest.main()
