"""Who sees what: the demonstration accounts against every way out."""
import itertools
import json
import os
import time
import unittest

import host
from host import all_pages, get, items

MAPS = {"address-points", "coastline", "districts", "places", "roads"}
EVERYTHING = set(host.LAYERS)
PLANS = {"buildings", "land-use", "control-lines", "planned-projects", "emergency-resources",
         "transport-routes", "restricted-zones"}
# Registers of a company, and those of them that its stations keep or read.
FIRM = {"assessments", "cases", "change-applications", "complaints", "credit-entries",
        "cylinder-tags", "cylinder-tests", "drills", "duty-rosters", "emergency-plans", "fillings",
        "lab-samples", "licences", "maintenance", "publications", "recordings", "staff",
        "staff-certificates", "supply-notices", "trainings", "transport-routes", "trips",
        "vehicle-papers"}
SHOP = {"connections", "cylinder-events", "cylinders", "detectors", "documents", "equipment",
        "hazard-steps", "inspection-items", "inspections", "orders", "price-lists",
        "residue-orders", "sales", "station-stocks", "tasks", "user-devices"}
# From the roles of plugin.manifest and the accounts of script/demo.sh.
READS = {
    "admin": EVERYTHING,
    "province": EVERYTHING,
    "haikou": EVERYTHING,
    "inspector": EVERYTHING,
    "planner": MAPS | PLANS | {"enterprises", "stations", "end-users", "risk-elements", "vehicles",
                              "separation-rules"},
    "enterprise": MAPS | FIRM | SHOP | {"enterprises", "stations", "end-users", "vehicles",
                                        "cameras", "hazards"},
    "station": MAPS | SHOP | {"stations", "end-users", "hazards"},
}
EXPORTS = {"province": EVERYTHING, "planner": PLANS | {"enterprises", "stations", "risk-elements"},
           "station": set(), "inspector": set()}
WAYS_OUT = ("/collections/lpg.%s", "/collections/lpg.%s/schema", "/collections/lpg.%s/queryables",
            "/collections/lpg.%s/items", "/collections/lpg.%s/items?f=csv",
            "/collections/lpg.%s/items?f=html", "/collections/lpg.%s/items/1",
            "/collections/lpg.%s/tiles", "/collections/lpg.%s/tiles/WebMercatorQuad",
            "/collections/lpg.%s/tiles/WebMercatorQuad/7/56/103",
            "/collections/lpg.%s/map", "/collections/lpg.%s/thumbnail",
            "/tiles/WorldCRS84Quad?f=tilejson&collections=lpg.%s",
            "/tiles/WorldCRS84Quad/6/24/103?collections=lpg.roads,lpg.%s")
PICTURES = ("lpg.%s", "/tiles", "/WebMercatorQuad", "/103", "/map", "/thumbnail")


class Matrix(unittest.TestCase):
    def test_listed_is_what_may_be_read(self):
        for who, wanted in READS.items():
            listed = {c["id"][4:] for c in get("/collections", who).json["collections"]}
            self.assertEqual(listed, wanted, who)

    def test_every_way_out_of_a_layer_is_closed_to_others(self):
        for who in ("planner", "station", "enterprise"):
            for layer in sorted(EVERYTHING - READS[who]):
                for way in WAYS_OUT:
                    if way != WAYS_OUT[0] and way.endswith(PICTURES) and layer not in host.GEOGRAPHIC:
                        continue
                    answer = get(way % layer, who)
                    self.assertEqual(answer.status, 403, (who, way % layer, answer.body[:200]))

    def test_nobody_sees_nothing(self):
        for way in WAYS_OUT + ("/collections", "/styles", "/styles/basemap", "/basemaps",
                               "/tileMatrixSets", "/basemaps/tianditu/vec/1/0/0"):
            path = way % "stations" if "%s" in way else way
            answer = get(path, None)
            self.assertEqual(answer.status, 401, path)
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        for path in ("/", "/conformance", "/api", "/health"):
            self.assertEqual(get(path, None).status, 200, path)

    def test_exports_need_their_own_right(self):
        for who, layers in EXPORTS.items():
            for layer in sorted(READS[who]):
                answer = get("/collections/lpg.%s/items?export=true&skipGeometry=true" % layer, who)
                self.assertEqual(answer.status, 200 if layer in layers | MAPS and
                                 (who == "province" or layer not in MAPS) else 403, (who, layer))

    def test_the_api_document_names_only_what_may_be_read(self):
        self.assertNotIn("lpg.stations", get("/api", None).text)
        text = get("/api", "planner").text
        self.assertIn("lpg.stations", text)
        self.assertNotIn("lpg.accidents", text)


class Rows(unittest.TestCase):
    def test_a_county_sees_its_own_and_only_its_own(self):
        above = host.areas()
        for layer in ("enterprises", "stations", "hazards", "accidents"):
            _, everything = all_pages(layer, "province", limit=5000)
            matched, mine = all_pages(layer, "haikou", limit=5000)
            wanted = {f["id"] for f in everything
                      if "460100" in above.get(f["properties"]["area_code"], ())}
            self.assertEqual({f["id"] for f in mine}, wanted, layer)
            self.assertEqual(matched, len(wanted))
            hidden = next((f["id"] for f in everything if f["id"] not in wanted), None)
            if hidden is not None:
                for path in ("/items/%d" % hidden, "/items/%d?f=html" % hidden):
                    self.assertEqual(get("/collections/lpg.%s%s" % (layer, path), "haikou").status,
                                     404)
                self.assertEqual(items(layer, "haikou", fid=str(hidden))["numberMatched"], 0)

    def test_the_area_picker_offers_a_county_its_own_and_what_is_above(self):
        above = host.areas()
        offered = {area["code"] for area in get("/apps/lpg/api/areas", "haikou").json["areas"]}
        self.assertEqual(offered, {code for code in above if "460100" in above[code]}
                         | above["460100"])
        everything = {area["code"] for area in get("/apps/lpg/api/areas", "province").json["areas"]}
        self.assertEqual(everything, set(above))

    def test_a_company_sees_its_own_stations(self):
        for layer in ("stations", "end-users", "vehicles"):
            _, features = all_pages(layer, "enterprise", limit=5000)
            self.assertTrue(features)
            self.assertEqual({f["properties"]["owner_org"] for f in features}, {"E0001"})

    def test_the_extent_tells_nothing_of_what_is_hidden(self):
        _, features = all_pages("stations", "haikou", limit=5000)
        lons = [f["geometry"]["coordinates"][0] for f in features]
        lats = [f["geometry"]["coordinates"][1] for f in features]
        west, south, east, north = get("/collections/lpg.stations",
                                       "haikou").json["extent"]["spatial"]["bbox"][0]
        for got, wanted in ((west, min(lons)), (south, min(lats)), (east, max(lons)),
                            (north, max(lats))):
            self.assertAlmostEqual(got, wanted, delta=1e-6)


def own_phone():
    """The phone of the enterprise that the account of that name belongs to, in clear."""
    return get("/collections/lpg.enterprises/items", "enterprise",
               export="true").json["features"][0]["properties"]["contact_phone"]


class Reveals(unittest.TestCase):
    def setUp(self):
        self.feature = items("enterprises", "enterprise", limit=1)["features"][0]
        self.path = "/collections/lpg.enterprises/items/%d" % self.feature["id"]

    def ask(self, who="enterprise", reveal="contact_phone", **more):
        return get(self.path, who, reveal=reveal, **more)

    def test_lists_are_masked_for_everybody(self):
        phone = own_phone()
        for path in (self.path, self.path + "?f=html", "/collections/lpg.enterprises/items",
                     "/collections/lpg.enterprises/items?f=csv",
                     "/collections/lpg.enterprises/items?f=html"):
            answer = get(path, "enterprise")
            self.assertEqual(answer.status, 200, path)
            self.assertNotIn(phone, answer.text, path)
        self.assertIn("*", self.feature["properties"]["contact_phone"])
        found = items("enterprises", "enterprise", contact_phone=phone)["features"]
        self.assertEqual([f["id"] for f in found], [self.feature["id"]])

    def test_one_is_read_clear_with_a_reason_that_is_kept(self):
        answer = self.ask(reason="核对联系电话")
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(answer.json["properties"]["contact_phone"], own_phone())
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        entries = []
        for _ in range(50):  # chained within a second
            time.sleep(0.1)
            entries = entries or get("/admin/api/audit", "auditor", action="reveal").json["entries"]
        entry = entries[0]
        self.assertEqual((entry["principal"], entry["layer"], entry["uid"], entry["detail"]),
                         ("enterprise", "lpg.enterprises", self.feature["properties"]["uid"],
                          {"fields": ["contact_phone"], "reason": "核对联系电话"}))

    def test_what_is_not_allowed_is_refused(self):
        for status, param, query in ((400, "reason", {}), (400, "reason", {"reason": "四个字啊"}),
                                     (400, "reason", {"reason": "x" * 201}),
                                     (400, "reveal", {"reason": "核对联系电话", "reveal": "name"}),
                                     (400, "reveal", {"reason": "核对联系电话", "reveal": "nothing"}),
                                     (403, "reveal", {"reason": "核对联系电话", "who": "province"})):
            answer = self.ask(**query)
            self.assertEqual(answer.status, status, (query, answer.text))
            self.assertEqual(answer.json["param"], param, query)
        self.assertEqual(get(self.path, "enterprise", reason="核对联系电话").status, 400)


class AtRest(unittest.TestCase):
    def test_encrypted_values_lie_nowhere(self):
        """What the whole platform has written so far, byte by byte: stores, their logs, what the host logs."""
        values = []
        for layer, definition in host.DEFINITIONS.items():
            names = [field["name"] for field in definition["fields"]
                     if field.get("sensitive") in ("id", "phone", "address")]
            path = os.path.join(os.path.dirname(os.environ["CIM_TEST_AREAS"]), layer + ".geojsonl")
            if names and os.path.exists(path):
                with open(path, "rb") as lines:
                    records = [json.loads(line)["properties"] for line in itertools.islice(lines, 20)]
                values += [record[name].encode() for record in records for name in names if record.get(name)]
        self.assertGreater(len(values), 60)
        read = 0
        for folder, _, names in os.walk(host.WORK):
            for path in (os.path.join(folder, name) for name in names):
                if not os.path.isfile(path):
                    continue  # the control socket
                with open(path, "rb") as file:
                    data = file.read()
                read += len(data)
                found = [value.decode() for value in values if value in data]
                self.assertEqual(found[:3], [], path)
        self.assertGreater(read, 1 << 20)


class Masks(unittest.TestCase):
    def test_phones_are_masked_unless_granted(self):
        masked = items("enterprises", "province", limit=1, org_code="E0001")["features"][0]
        phone = own_phone()
        shown = masked["properties"]["contact_phone"]
        self.assertNotIn("*", phone)
        self.assertIn("*", shown)
        for way in ("?f=csv", "?f=html", "?f=json", "?f=geojsonl"):
            answer = get("/collections/lpg.enterprises/items" + way, "province")
            self.assertEqual(answer.status, 200)
            self.assertNotIn(phone, answer.text)

    def test_what_is_masked_neither_filters_nor_sorts(self):
        phone = own_phone()
        base = "/collections/lpg.enterprises/"
        for path in ("items?contact_phone=" + phone, "items?sortby=contact_phone",
                     "tiles/WebMercatorQuad/7/56/103?contact_phone=" + phone):
            self.assertEqual(get(base + path, "province").status, 403, path)
        self.assertEqual(get(base + "items?contact_phone=" + phone, "enterprise").status, 200)
        queryables = get(base + "queryables", "province").json["properties"]
        self.assertNotIn("contact_phone", queryables)
        self.assertIn("contact_phone", get(base + "queryables", "enterprise").json["properties"])
        self.assertEqual(items("enterprises", "province", q=phone)["numberMatched"], 0)


if __name__ == "__main__":
    unittest.main()
