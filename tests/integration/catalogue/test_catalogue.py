"""The catalogue, requests for data, and grants that end by themselves."""
import json
import os
import subprocess
import unittest

import platform_shared
from platform_shared import NOW, PASSWORD, QIONGSHAN, XIUYING, Shared

RECORDS = "/catalogue/collections/resources/items"
SPEC = "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/"
FIELDS = ["filling_no", "filled_at", "net_kg"]


def ids(document):
    return [feature["id"] for feature in document["features"]]


def link(document, rel):
    return next((each["href"] for each in document["links"] if each["rel"] == rel), None)


def setUpModule():
    Shared.start()


class Catalogue(Shared):
    def test_every_resource_of_the_manifest_has_its_record(self):
        manifest = next(each for each in self.good("admin", "/admin/api/plugins")["plugins"] if each["id"] == "lpg")
        wanted = set(manifest["registered"]["layers"]) | set(manifest["registered"]["analyses"])
        for layer in manifest["registered"]["layers"]:
            if self.ask("province", "/collections/%s/tiles" % layer)[0] == 200:
                wanted.add(layer + ".tiles")
        told = self.good("province", RECORDS + "?limit=1000")
        self.assertEqual(wanted, set(ids(told)))
        self.assertEqual((len(wanted), len(wanted)), (told["numberMatched"], told["numberReturned"]))

    def test_it_is_ogc_api_records(self):
        landing = self.good("province", "/catalogue")
        conformance = self.good("province", "/catalogue/conformance")["conformsTo"]
        for name in ("record-core", "record-collection", "record-core-query-parameters", "records-api", "sorting", "json", "html"):
            self.assertIn(SPEC + name, conformance)
        self.assertTrue(link(landing, "data").endswith("/catalogue/collections"))
        listed = self.good("province", "/catalogue/collections")["collections"]
        self.assertEqual([("resources", "record")], [(each["id"], each["itemType"]) for each in listed])
        record = self.good("province", RECORDS + "/lpg.stations")
        self.assertEqual(("Feature", "dataset"), (record["type"], record["properties"]["type"]))
        for key in ("title", "keywords", "themes", "contacts", "formats", "language", "externalIds", "iso19115"):
            self.assertTrue(record["properties"][key], key)
        self.assertIn("text/html", self.host.get(RECORDS + "?f=html", self.host.token("province"))[1]["Content-Type"])

    def test_core_items_of_a_government_catalogue(self):
        catalog = self.good("province", RECORDS + "/lpg.fillings")["properties"]["catalog"]
        self.assertEqual({"code", "provider", "class", "format", "sharing", "open", "update", "items"}, set(catalog))
        self.assertEqual(("conditional", "液化石油气专题", "realtime"),
                         (catalog["sharing"]["type"], catalog["class"], catalog["update"]))
        self.assertEqual({"name": "net_kg", "title": "净重（kg）", "type": "number", "required": False,
                          "sensitive": False, "unit": "kg"}["type"],
                         next(item for item in catalog["items"] if item["name"] == "net_kg")["type"])

    def test_search_type_order_and_pages(self):
        self.assertIn("lpg.fillings", ids(self.good("province", RECORDS + "?q=%E5%85%85%E8%A3%85")))
        self.assertEqual([], ids(self.good("province", RECORDS + "?q=nothing-of-the-kind")))
        either = ids(self.good("province", RECORDS + "?q=nothing-of-the-kind,lpg.fillings"))
        self.assertEqual(["lpg.fillings"], either)
        processes = self.good("province", RECORDS + "?type=process&limit=1000")
        self.assertIn("lpg.siting", ids(processes))
        self.assertEqual({"process"}, {each["properties"]["type"] for each in processes["features"]})
        self.assertEqual(["lpg.roads", "lpg.stations"], ids(self.good("province", RECORDS + "?ids=lpg.stations,lpg.roads")))
        code = self.good("province", RECORDS + "/lpg.roads")["properties"]["externalIds"][0]["value"]
        self.assertEqual(["lpg.roads"], ids(self.good("province", RECORDS + "?externalIds=" + code)))
        seen, page = [], self.good("province", RECORDS + "?sortby=-id&limit=7")
        while True:
            seen += ids(page)
            if link(page, "next") is None:
                break
            page = self.good("province", link(page, "next").split("/catalogue", 1)[1].join(["/catalogue", ""]))
        self.assertEqual(sorted(seen, reverse=True), seen)
        self.assertEqual(len(seen), page["numberMatched"])
        for query, param in (("sortby=colour", "sortby"), ("limit=0", "limit"), ("offset=-1", "offset"), ("bbox=1,2", "bbox"),
                             ("datetime=x", "datetime"), ("colour=red", "colour")):
            self.refused(400, param, "province", RECORDS + "?" + query)

    def test_place_and_time_of_what_one_may_read(self):
        admin = self.good("admin", RECORDS + "?datetime=2026-11-27T00:00:00Z/..&limit=1000")
        self.assertIn("lpg.fillings", ids(admin))
        self.assertNotIn("lpg.fillings", ids(self.good("province", RECORDS + "?datetime=../2020-01-01T00:00:00Z&limit=1000")))
        self.host.get("/collections/lpg.places/items", self.host.token("admin"), "POST", json.dumps({
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [110.3, 20.0]},
            "properties": {"name": "甲", "class": "town", "area_code": "460107"}}).encode(),
            {"Content-Type": "application/geo+json"})
        self.assertIn("lpg.places", ids(self.good("province", RECORDS + "?bbox=110,19.5,111,20.5")))
        self.assertNotIn("lpg.places", ids(self.good("province", RECORDS + "?bbox=100,1,101,2")))
        record = self.good("province", RECORDS + "/lpg.places")
        self.assertEqual([110.3, 20.0], record["geometry"]["coordinates"][0][0])

    def test_who_may_not_read_sees_that_it_exists_and_no_more(self):
        record = self.good("granter", RECORDS + "/lpg.fillings")
        self.assertEqual((None, None, False), (record["geometry"], record["time"], record["properties"]["x-cim-readable"]))
        self.assertFalse({"updated", "lineage"} & set(record["properties"]))
        self.assertIsNotNone(link(record, "request"))
        self.assertIsNone(link(record, "items"))
        self.assertEqual(403, self.ask("granter", RECORDS + "/lpg.fillings/quality")[0])
        self.assertEqual(404, self.ask("granter", RECORDS + "/lpg.recordings")[0], "not shared: not known")
        self.assertNotIn("lpg.recordings", ids(self.good("granter", RECORDS + "?limit=1000")))
        self.assertEqual(200, self.ask("province", RECORDS + "/lpg.recordings")[0])
        self.assertEqual(401, self.ask(None, RECORDS)[0])

    def test_quality_is_measured_within_ones_scope(self):
        for who, n, named in (("province", QIONGSHAN + XIUYING, 7), ("xiuying", XIUYING, 3)):
            told = self.good(who, RECORDS + "/lpg.fillings/quality")
            fields = {each["field"]: each for each in told["fields"]}
            self.assertEqual(n, told["records"], who)
            self.assertEqual((n, 1), (fields["filling_no"]["present"], fields["filling_no"]["completeness"]))
            self.assertEqual((named, n - named), (fields["enterprise_name"]["present"], fields["enterprise_name"]["missing"]))

    def test_lineage_names_file_way_and_who_without_counts(self):
        lineage = self.good("xiuying", RECORDS + "/lpg.fillings")["properties"]["lineage"]
        self.assertEqual([("fillings.csv", "command", "cim-host")],
                         [(each["source"], each["way"], each["by"]) for each in lineage])
        self.assertEqual({"at", "by", "way", "job", "source"}, set(lineage[0]))


class Requests(Shared):
    """The market bureau asks for three fields of the fillings of Qiongshan, to the end of the month."""

    @classmethod
    def setUpClass(cls):
        cls.must("POST", "/admin/api/orgs", {"code": "qs-market", "name": "琼山区市场监管局", "kind": "market", "area": "460107"})
        for name, title in (("market", "市场监管"), ("nosy", "旁人")):
            cls.must("POST", "/admin/api/users", {"username": name, "display_name": title, "org": "qs-market",
                                                  "password": PASSWORD})
        cls.must("POST", "/admin/api/users", {"username": "market-gis", "display_name": "市场监管 QGIS", "org": "qs-market",
                                              "kind": "service"})
        cls.program = cls.must("POST", "/admin/api/users/market-gis/tokens", {"name": "QGIS", "until": "2027-01-31"})["token"]

    @classmethod
    def must(cls, method, path, body):
        status, document = cls.ask("admin", path, method, body)
        assert status == 201, (path, document)
        return document

    def request(self, who="market", **more):
        return self.good(who, "/catalogue/requests", "POST", dict(
            {"resource": "lpg.fillings", "for": "org", "fields": FIELDS, "areas": ["460107"], "until": "2026-11-30",
             "reason": "核对十一月充装量"}, **more), 201)

    def gdal(self, where):
        env = dict(os.environ, GDAL_HTTP_HEADERS="Authorization: Bearer " + self.program)
        return subprocess.run(["ogrinfo", "-al", "OAPIF:" + self.host.url.rstrip("/"), where], env=env, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)

    def test_a_request_becomes_a_grant_that_ends_by_itself(self):
        self.assertEqual(403, self.ask(self.program, "/collections/lpg.fillings/items")[0])
        asked = self.request()
        self.assertEqual(("waiting", "market", "org", "qs-market"),
                         tuple(asked[key] for key in ("state", "requester", "holder_kind", "holder")))
        # Nobody else's business, and decided only by who administers grants there.
        self.assertEqual([], self.good("nosy", "/catalogue/requests")["requests"])
        self.assertEqual(404, self.ask("nosy", "/catalogue/requests/" + asked["uid"])[0])
        self.assertEqual([], self.good("sanya", "/admin/api/requests")["requests"])
        self.refused(403, "areas", "sanya", "/admin/api/requests/%s/approve" % asked["uid"], "POST", {})
        self.assertEqual(403, self.ask("market", "/admin/api/requests/%s/approve" % asked["uid"], "POST", {})[0])
        listed = self.good("granter", "/admin/api/requests?state=waiting")["requests"]
        self.assertIn(asked["uid"], [each["uid"] for each in listed])
        done = self.good("granter", "/admin/api/requests/%s/approve" % asked["uid"], "POST", {"why": "履职所需"})
        self.assertEqual(("approved", "granter"), (done["state"], done["decided_by"]))
        self.refused(409, "uid", "granter", "/admin/api/requests/%s/refuse" % asked["uid"], "POST", {"why": "晚了"})

        page = self.good(self.program, "/collections/lpg.fillings/items?limit=100")
        self.assertEqual(QIONGSHAN, page["numberMatched"])
        for feature in page["features"]:
            told = {key for key, value in feature["properties"].items() if value is not None}
            self.assertEqual(set(FIELDS), told & {"filling_no", "filled_at", "net_kg", "tag_no", "model", "enterprise_name",
                                                  "source", "result"})
            self.assertEqual("460107", feature["properties"]["area_code"])
        gdal = self.gdal("lpg.fillings")
        self.assertIn("Feature Count: %d" % QIONGSHAN, gdal.stdout, gdal.stdout)
        self.assertIn("filling_no (String) = F460107000", gdal.stdout)
        self.assertNotIn("F460105", gdal.stdout)
        self.assertNotRegex(gdal.stdout, r"(tag_no|model|enterprise_name) \(String\) = [^(]")
        self.assertEqual(403, self.ask(self.program, "/collections/lpg.fillings/items?export=true")[0], "reading alone")
        self.assertEqual(403, self.ask(self.program, "/collections/lpg.sales/items")[0])

        self.restart("2026-11-30T15:59:59Z")  # the last second of the month in Beijing
        self.assertEqual(200, self.ask(self.program, "/collections/lpg.fillings/items")[0])
        self.restart("2026-11-30T16:00:00Z")
        self.assertEqual(403, self.ask(self.program, "/collections/lpg.fillings/items")[0])
        self.assertNotIn("F460107", self.gdal("lpg.fillings").stdout)
        self.assertEqual("expired", self.good("market", "/catalogue/requests/" + asked["uid"])["state"])

        renewed = self.good("market", "/catalogue/requests/%s/renew" % asked["uid"], "POST",
                            {"until": "2026-12-31", "reason": "十二月同样核对"}, 201)
        self.assertEqual((asked["uid"], FIELDS, ["460107"]), (renewed["renews"], renewed["fields"], renewed["areas"]))
        self.good("granter", "/admin/api/requests/%s/approve" % renewed["uid"], "POST", {"until": "2026-12-05"})
        self.assertEqual(200, self.ask(self.program, "/collections/lpg.fillings/items")[0])
        self.restart("2026-12-05T16:00:00Z")
        self.assertEqual(403, self.ask(self.program, "/collections/lpg.fillings/items")[0])
        self.restart(NOW)

    def test_refusals_carry_a_reason_and_withdrawn_ones_are_gone(self):
        asked = self.request(areas=["460107"], fields=["net_kg"])
        self.refused(400, "why", "granter", "/admin/api/requests/%s/refuse" % asked["uid"], "POST", {})
        told = self.good("granter", "/admin/api/requests/%s/refuse" % asked["uid"], "POST", {"why": "用途不明"})
        self.assertEqual(("refused", "用途不明"), (told["state"], told["decision"]))
        self.assertEqual("用途不明", self.good("market", "/catalogue/requests/" + asked["uid"])["decision"])
        self.refused(409, "uid", "market", "/catalogue/requests/%s/renew" % asked["uid"], "POST",
                     {"until": "2026-12-31", "reason": "再试"})
        asked = self.request()
        self.assertEqual("withdrawn", self.good("market", "/catalogue/requests/%s/withdraw" % asked["uid"], "POST")["state"])
        self.refused(409, "uid", "granter", "/admin/api/requests/%s/approve" % asked["uid"], "POST", {})

    def test_nobody_approves_beyond_his_reach_or_for_himself(self):
        wide = self.request(areas=["460107", "460200"])
        self.refused(403, "areas", "granter", "/admin/api/requests/%s/approve" % wide["uid"], "POST", {})
        self.good("market", "/catalogue/requests/%s/withdraw" % wide["uid"], "POST")
        own = self.good("granter", "/catalogue/requests", "POST", {
            "resource": "lpg.fillings", "areas": ["460107"], "until": "2026-11-30", "reason": "自批"}, 201)
        self.refused(403, "uid", "granter", "/admin/api/requests/%s/approve" % own["uid"], "POST", {})
        later = self.request()
        self.refused(400, "until", "granter", "/admin/api/requests/%s/approve" % later["uid"], "POST", {"until": "2027-01-01"})

    def test_bad_requests_are_refused_by_name(self):
        base = {"resource": "lpg.fillings", "areas": ["460107"], "until": "2026-11-30", "reason": "x"}
        for change, param, status in (
                ({"resource": "lpg.nothing"}, "resource", 404), ({"resource": "lpg.recordings"}, "resource", 404),
                ({"resource": "lpg.*"}, "resource", 404), ({"fields": ["nothing"]}, "fields", 400),
                ({"fields": ["net_kg", "net_kg"]}, "fields", 400), ({"areas": ["469999"]}, "areas", 400),
                ({"areas": []}, "areas", 400), ({"until": "2026-11-01"}, "until", 400), ({"until": "2036-11-01"}, "until", 400),
                ({"until": "soon"}, "until", 400), ({"reason": ""}, "reason", 400), ({"for": "you"}, "for", 400),
                ({"colour": "red"}, "colour", 400), ({"export": "yes"}, "export", 400)):
            self.refused(status, param, "market", "/catalogue/requests", "POST", dict(base, **change))
        self.refused(400, "for", "granter", "/catalogue/requests", "POST", dict(base, **{"for": "org"}))
        self.assertEqual(401, self.ask(None, "/catalogue/requests", "POST", base)[0])

    def test_each_step_is_in_the_audit(self):
        asked = self.request(reason="留痕")
        self.good("granter", "/admin/api/requests/%s/refuse" % asked["uid"], "POST", {"why": "留痕"})
        deadline = 100
        for action in ("request.ask", "request.refused"):
            for _ in range(deadline):
                entries = self.good("auditor", "/admin/api/audit?action=%s&limit=200" % action)
                if asked["uid"] in json.dumps(entries):
                    break
                platform_shared.test_host.time.sleep(0.1)
            self.assertIn(asked["uid"], json.dumps(entries), action)


if __name__ == "__main__":
    platform_shared.main()
