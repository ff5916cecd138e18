#!/usr/bin/env python3
"""What imports tell: topology rules name row, field, the record at fault and the reason, within a layer and between
layers; checks that warn let the value pass. Mappings that are kept for the next file, and areas that have ended.

usage: test_imports.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import json
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../host"), os.path.join(HERE, "../writes")]
import test_host  # noqa: E402  pylint: disable=wrong-import-position
from platform_places import PASSWORD, PlacesTest  # noqa: E402  pylint: disable=wrong-import-position


def box(west, south, east, north, multi=True):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "MultiPolygon", "coordinates": [[ring]]} if multi else {"type": "Polygon", "coordinates": [ring]}


def feature(geometry, **properties):
    return {"type": "Feature", "geometry": geometry, "properties": dict(properties, area_code="460100")}


def building(no, west, south, east, north):
    return feature(box(west, south, east, north, False), building_no=no, use="dwelling")


def parcel(no, west, south, east, north):
    return feature(box(west, south, east, north), parcel_no=no, code="0701", state="current")


def project(no, west, south, east, north):
    return feature(box(west, south, east, north), project_no=no, name=no, use="school", stage="approved",
                   approved_on="2026-01-05")


def control_line(no, effect, west, south, east, north):
    return feature(box(west, south, east, north), line_no=no, kind="farmland", effect=effect, name="田" + no)


class Imports(PlacesTest):
    """People of two organisations may import; 旧县 has ended."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        assert cls.host.stop() == 0
        for name, org in (("a1", "A"), ("a2", "A"), ("b1", "B")):
            cls.host.run("user", "add", name, "--roles", "data-manager,regulator", "--areas=*", "--org", org,
                         "--password-file=-", stdin=PASSWORD + "\n")
        with open(os.path.join(cls.host.var, "areas.csv"), "a", encoding="utf-8") as file:
            file.write("460199,旧县,county,460100,,2000-01-01,2020-12-31,\n"
                       "460105,甲县,county,460100,,,,\n460106,乙县,county,460100,,,,\n")
        cls.host.run("areas", "import", file.name)
        cls.host.serve()
        cls.manager = cls.host.token("editor")

    @classmethod
    def import_now(cls, layer, *features, **query):
        body = json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()
        path = "/admin/api/imports?layer=%s&crs=cgcs2000" % layer + "".join("&%s=%s" % pair for pair in query.items())
        status, _, text = cls.host.get(path, cls.manager, "POST", body)
        answer = json.loads(text)
        assert status in (200, 400, 422), text
        return answer

    def named(self, findings):
        for each in findings:
            self.assertEqual(each["field"], "geom")
            self.assertTrue(each["zh"] and each["en"] and each["zh"] != each["en"])
        return [(each["row"], each["value"]) for each in findings]

    def count(self, layer):
        return json.loads(self.host.get("/collections/%s/items?limit=1" % layer, self.manager)[2])["numberMatched"]

    def ask(self, method, path, body=None, who=None, status=200):
        headers = {"Content-Type": "application/json"}
        got, _, text = self.host.get(path, self.token(who) if who else self.manager, method,
                                     json.dumps(body).encode() if body is not None else None, headers)
        self.assertEqual(got, status, text)
        return json.loads(text) if text else None


class Topology(Imports):
    """Two counties side by side: 110–110.1 and 110.1–110.2, 20–20.1."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        report = cls.import_now("lpg.districts", feature(box(110, 20, 110.1, 20.1), name="甲县", code="460105", level="county"),
                                feature(box(110.1, 20, 110.2, 20.1), name="乙县", code="460106", level="county"))
        assert report["written"] == 2, report


    def test_buildings_lie_within_one_county(self):
        rows = (building("B1", 110.01, 20.01, 110.02, 20.02), building("B2", 110.09, 20.01, 110.11, 20.02),
                building("B3", 110.3, 20.01, 110.31, 20.02), building("B4", 110.1, 20.03, 110.12, 20.05))
        report = self.import_now("lpg.buildings", *rows)
        self.assertEqual(self.named(report["refused"]), [(2, "lpg.districts"), (3, "lpg.districts")])
        self.assertIn("不在图层 lpg.districts", report["refused"][0]["zh"])
        self.assertEqual((report["written"], self.count("lpg.buildings")), (0, 0))
        report = self.import_now("lpg.buildings", *rows, row_wise="true")
        self.assertEqual((report["written"], self.count("lpg.buildings")), (2, 2))

    def test_parcels_that_overlap_are_told_also_with_those_before(self):
        report = self.import_now("lpg.land-use", parcel("P1", 110.01, 20.01, 110.02, 20.02),
                                 parcel("P2", 110.02, 20.01, 110.03, 20.02),  # shares a border
                                 parcel("P3", 110.025, 20.01, 110.04, 20.02))
        self.assertEqual(report["written"], 3)
        self.assertEqual(self.named(report["warnings"]), [(3, "第 2 行 / row 2")])
        self.assertRegex(report["warnings"][0]["zh"], r"重叠约 5\d{5}\.\d 平方米")
        report = self.import_now("lpg.land-use", parcel("P4", 110.015, 20.015, 110.018, 20.018))
        self.assertEqual(self.named(report["warnings"]), [(1, "P1")])

    def test_many_rows_find_their_one_overlap(self):
        grid = [parcel("G%d" % i, 110.05 + i % 40 * 0.001, 20.05 + i // 40 * 0.001, 110.051 + i % 40 * 0.001,
                       20.051 + i // 40 * 0.001) for i in range(1000)]
        report = self.import_now("lpg.land-use", *grid, parcel("G1000", 110.0602, 20.0602, 110.0604, 20.0604))
        self.assertEqual(self.named(report["warnings"]), [(1001, "第 411 行 / row 411")])

    def test_layers_are_held_against_each_other_with_a_filter(self):
        report = self.import_now("lpg.control-lines", control_line("K1", "prohibited", 110.15, 20.01, 110.16, 20.02),
                                 control_line("K2", "restricted", 110.17, 20.01, 110.18, 20.02),
                                 control_line("K3", "restricted", 110.05, 20.06, 110.15, 20.07),  # both counties cover it
                                 control_line("K4", "restricted", 110.19, 20.06, 110.21, 20.07))
        self.assertEqual(self.named(report["warnings"]), [(4, "lpg.districts")])
        self.assertIn("完全覆盖", report["warnings"][0]["zh"])
        report = self.import_now("lpg.planned-projects", project("X1", 110.155, 20.015, 110.158, 20.018),
                                 project("X2", 110.175, 20.015, 110.178, 20.018),
                                 project("X3", 110.16, 20.01, 110.165, 20.02))  # shares a border
        self.assertEqual(self.named(report["warnings"]), [(1, "田K1")])
        self.assertEqual(report["written"], 3)


class Warnings(Imports):
    GOOD, WRONG, SHORT = "91350100M000100Y43", "91350100M000100Y4X", "9135"

    def licence(self, no, code):
        return {"type": "Feature", "geometry": None, "properties": {
            "licence_no": no, "kind": "gas_business", "holder_kind": "enterprise", "holder_name": "某公司", "holder_uscc": code,
            "valid_from": "2025-01-01", "valid_to": "2027-12-31", "state": "valid", "area_code": "460100"}}

    def test_import_stores_the_value_and_names_it(self):
        report = self.import_now("lpg.licences", self.licence("L1", self.GOOD), self.licence("L2", self.WRONG),
                                 self.licence("L7", self.SHORT))
        self.assertEqual((report["written"], report["refused"], report["warned_total"]), (3, [], 2))
        self.assertEqual([(each["row"], each["field"], each["value"]) for each in report["warnings"]],
                         [(2, "holder_uscc", self.WRONG), (3, "holder_uscc", self.SHORT)])
        self.assertIn("校验位", report["warnings"][0]["zh"])
        self.assertIn("check digit", report["warnings"][0]["en"])
        found = self.ask("GET", "/collections/lpg.licences/items?licence_no=L2")["features"]
        self.assertEqual([each["properties"]["holder_uscc"] for each in found], [self.WRONG])

    def test_answers_of_edits_hold_warnings(self):
        items = "/collections/lpg.licences/items"
        post = lambda body: self.host.get(items, self.manager, "POST", json.dumps(body).encode(),  # noqa: E731
                                          {"Content-Type": "application/geo+json"})
        status, _, text = post(self.licence("L3", self.WRONG))
        one = json.loads(text)
        self.assertEqual((status, one["warnings_total"], one["properties"]["holder_uscc"]), (201, 1, self.WRONG))
        self.assertEqual((one["warnings"][0]["row"], one["warnings"][0]["field"]), (1, "holder_uscc"))
        status, _, text = post(self.licence("L4", self.GOOD))
        self.assertEqual((status, json.loads(text).get("warnings")), (201, None))
        status, _, text = post({"type": "FeatureCollection", "features": [
            self.licence("L5", self.GOOD), self.licence("L6", self.WRONG)]})
        report = json.loads(text)
        self.assertEqual((status, report["written"], report["warnings_total"], report["warnings"][0]["row"]), (201, 2, 1, 2))

    def test_form_still_refuses_where_the_layer_does_not_warn(self):
        def firm(code):
            return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [110, 20]}, "properties": {
                "org_code": "E1", "name": "甲", "kind": "retail", "uscc": code, "licence_state": "valid",
                "area_code": "460100"}}
        report = self.import_now("lpg.enterprises", firm(self.SHORT))
        self.assertEqual((report["written"], report["refused"][0]["field"]), (0, "uscc"))
        report = self.import_now("lpg.enterprises", firm(self.WRONG))
        self.assertEqual((report["written"], report["warnings"][0]["field"]), (1, "uscc"))


class Mappings(Imports):
    PATH = "/admin/api/imports/mappings"
    LIST = PATH + "?layer=lpg.buildings"
    REQUEST = {"crs": "gcj02", "map": [{"column": "编号", "field": "building_no"}, {"column": "备注", "field": ""}],
               "set": [{"field": "area_code", "value": "460100"}], "values": [{"field": "use", "from": "住", "to": "dwelling"}]}

    def names(self, who):
        return [(each["name"], each["owner"], each["own"], each["shared"]) for each in
                self.ask("GET", self.LIST, who=who)["mappings"]]

    def test_kept_for_oneself_or_the_organisation(self):
        put = {"layer": "lpg.buildings", "name": "住建局表", "request": self.REQUEST}
        self.ask("PUT", self.PATH, put, "a1", 204)
        self.assertEqual((self.names("a1"), self.names("a2")), ([("住建局表", "a1", True, False)], []))
        self.assertEqual(self.ask("GET", self.LIST, who="a1")["mappings"][0]["request"], self.REQUEST)
        self.ask("PUT", self.PATH, dict(put, shared=True), "a1", 204)
        self.assertEqual(self.names("a2"), [("住建局表", "a1", False, True)])
        self.assertEqual(self.names("b1"), [])
        self.ask("DELETE", self.LIST + "&name=%E4%BD%8F%E5%BB%BA%E5%B1%80%E8%A1%A8", who="a2", status=404)
        self.ask("DELETE", self.LIST + "&name=%E4%BD%8F%E5%BB%BA%E5%B1%80%E8%A1%A8", who="a1", status=204)
        self.assertEqual(self.names("a2"), [])
        actions = set()
        for _ in range(200):  # entries are chained within a second
            audit = json.loads(self.host.get("/admin/api/audit?limit=200", self.token("auditor"))[2])
            actions = {(each["action"], each["principal"]) for each in audit["entries"]}
            if ("import.mapping.remove", "a1") in actions:
                break
            time.sleep(0.05)
        self.assertLessEqual({("import.mapping.put", "a1"), ("import.mapping.remove", "a1")}, actions)

    def test_wrong_mappings_name_what_is_wrong(self):
        put = {"layer": "lpg.buildings", "name": "x", "request": self.REQUEST}
        for body, who, status, param in ((dict(put, shared=True), "editor", 409, "shared"),
                                         (dict(put, name=""), "a1", 400, "name"),
                                         (dict(put, name="x" * 201), "a1", 400, "name"),
                                         (dict(put, request={"map": [{"column": "a"}]}), "a1", 400, "map[0].field"),
                                         (dict(put, request={"dry_run": True}), "a1", 400, "request.dry_run"),
                                         (dict(put, layer="lpg.castles"), "a1", 404, "collectionId"),
                                         (put, "auditor", 403, None)):
            problem = self.ask("PUT", self.PATH, body, who, status)
            self.assertEqual(problem.get("param"), param, problem)
        self.ask("GET", self.PATH, who="a1", status=400)


class EndedAreas(Imports):
    def test_lists_tell_when_an_area_ended(self):
        for path, who in (("/apps/lpg/api/areas", "editor"), ("/admin/api/areas", "admin")):
            areas = {each["code"]: each.get("ended") for each in self.ask("GET", path, who=who)["areas"]}
            self.assertEqual((areas["460199"], areas["460100"]), ("2020-12-31", None), path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=sys.argv[:1] + rest)


if __name__ == "__main__":
    main()
