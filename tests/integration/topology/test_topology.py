#!/usr/bin/env python3
"""Topology rules of layer definitions: imports name row, field, the record at fault and the reason, within a layer
and between layers.

usage: test_topology.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../host"), os.path.join(HERE, "../writes")]
import test_host  # noqa: E402  pylint: disable=wrong-import-position
from platform_places import PlacesTest  # noqa: E402  pylint: disable=wrong-import-position


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


class Topology(PlacesTest):
    """Two counties side by side: 110–110.1 and 110.1–110.2, 20–20.1."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = cls.host.token("editor")
        report = cls.import_now("lpg.districts", feature(box(110, 20, 110.1, 20.1), name="甲县", code="460105", level="county"),
                                feature(box(110.1, 20, 110.2, 20.1), name="乙县", code="460106", level="county"))
        assert report["written"] == 2, report

    @classmethod
    def import_now(cls, layer, *features, **query):
        body = json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()
        path = "/admin/api/imports?layer=%s&crs=cgcs2000" % layer + "".join("&%s=%s" % pair for pair in query.items())
        status, _, text = cls.host.get(path, cls.manager, "POST", body)
        answer = json.loads(text)
        assert status in (200, 400), text
        return answer

    def named(self, findings):
        for each in findings:
            self.assertEqual(each["field"], "geom")
            self.assertTrue(each["zh"] and each["en"] and each["zh"] != each["en"])
        return [(each["row"], each["value"]) for each in findings]

    def count(self, layer):
        return json.loads(self.host.get("/collections/%s/items?limit=0" % layer, self.manager)[2])["numberMatched"]

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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=sys.argv[:1] + rest)


if __name__ == "__main__":
    main()
