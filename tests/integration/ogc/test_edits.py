"""Writing over HTTP: one feature, collections, streams, versions, rights, bad input."""
import http.client
import json
import os
import re
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid

import host
from host import Answer, get, items, token

KIND = "integrated"
HAIKOU, SANYA = (110.33, 20.03), (109.51, 18.25)
TILE = "/collections/lpg.enterprises/tiles/WebMercatorQuad/0/0/0"
COLLECTION = "/collections/lpg.enterprises/items"


def send(method, path, body=None, who="admin", kind="application/geo+json", **headers):
    url = path if path.startswith("http") else host.URL + path
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    request.add_header("Authorization", "Bearer " + token(who))
    if data is not None:
        request.add_header("Content-Type", kind)
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as answer:
        return Answer(answer.code, answer.headers, answer.read())


def feature(at=HAIKOU, area="460100", **properties):
    properties.setdefault("name", "写入测试 " + uuid.uuid4().hex[:12])
    properties.setdefault("org_code", "T" + uuid.uuid4().hex[:16])
    properties.setdefault("kind", KIND)
    properties.setdefault("licence_state", "valid")
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": list(at)},
            "properties": dict(properties, area_code=area)}


def lines(features):
    return "".join(json.dumps(each) + "\n" for each in features).encode()


def total(who="admin", **query):
    return items("enterprises", who, limit=1, **query)["numberMatched"]


class Edits(unittest.TestCase):
    def create(self, *args, **kwargs):
        answer = send("POST", COLLECTION, feature(*args, **kwargs))
        self.assertEqual(answer.status, 201, answer.text)
        return answer

    def wait_for(self, holds, seconds=10):
        until = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), until, "it did not come true")
            time.sleep(0.05)

    def assert_problem(self, answer, status, param=None):
        self.assertEqual(answer.status, status, answer.text[:600])
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        if param is not None:
            self.assertEqual(answer.json["param"], param, answer.text)
        return answer.json


def square(west, south, size=0.001):
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


class Rules(Edits):
    """What a definition says of geometries holds for edits as for imports."""
    AT_SEA = (112.5, 19.0)

    def area(self, layer, ring, **properties):
        multi = host.DEFINITIONS[layer]["geometry"] == "MultiPolygon"
        return {"type": "Feature", "properties": dict(properties, area_code="460100"),
                "geometry": {"type": "MultiPolygon" if multi else "Polygon",
                             "coordinates": [[ring]] if multi else [ring]}}

    def building(self, ring):
        return self.area("buildings", ring, building_no="B" + uuid.uuid4().hex[:12], use="office")

    def parcel(self, ring):
        return self.area("land-use", ring, parcel_no="P" + uuid.uuid4().hex[:12], code="01",
                         state="current")

    def post(self, layer, body, **headers):
        return send("POST", f"/collections/lpg.{layer}/items", body, **headers)

    def test_a_rule_refuses(self):
        self.assertGreater(items("districts", "admin", limit=1)["numberMatched"], 0)
        problem = self.assert_problem(self.post("buildings", self.building(square(*self.AT_SEA))),
                                      400, "geometry")
        self.assertIn("lpg.districts", problem["detail"] + problem["value"])
        made = self.post("buildings", self.building(square(*HAIKOU)))
        self.assertEqual(made.status, 201, made.text)
        item = made.headers["Location"]
        moved = {"geometry": self.building(square(*self.AT_SEA))["geometry"]}
        patch = "application/merge-patch+json"
        self.assert_problem(send("PATCH", item, moved, kind=patch), 400, "geometry")
        self.assert_problem(send("PUT", item, self.building(square(*self.AT_SEA))), 400, "geometry")
        self.assertEqual(send("PATCH", item, {"properties": {"storeys": 3}}, kind=patch).status,
                         200)
        self.assertEqual(get(item, "admin").json["geometry"]["coordinates"][0][0],
                         square(*HAIKOU)[0])
        send("DELETE", item)

    def test_one_of_many(self):
        good, bad = self.building(square(*HAIKOU)), self.building(square(*self.AT_SEA))
        both = {"type": "FeatureCollection", "features": [good, bad]}
        for answer in (self.post("buildings", both),
                       self.post("buildings", lines([good, bad]), kind="application/x-ndjson")):
            problem = self.assert_problem(answer, 400)
            self.assertEqual([(each["row"], each["field"]) for each in problem["errors"]],
                             [(2, "geometry")])
        report = self.post("buildings", both, Prefer="handling=lenient").json
        self.assertEqual((report["read"], report["written"]), (2, 1))
        self.assertEqual(report["errors"][0]["row"], 2)

    def test_a_rule_warns(self):
        west, south = self.AT_SEA[0] + 0.1, self.AT_SEA[1]
        first = self.post("land-use", self.parcel(square(west, south)))
        self.assertEqual(first.status, 201, first.text)
        self.assertNotIn("warnings", first.json)
        second = self.post("land-use", self.parcel(square(west + 0.0005, south)))
        self.assertEqual(second.status, 201, second.text)
        self.assertEqual(second.json["warnings"][0]["field"], "geometry")
        self.assertEqual(second.json["warnings"][0]["value"],
                         first.json["properties"]["parcel_no"])
        # A record does not overlap itself, as it was; one beside it shares a border.
        again = send("PUT", first.headers["Location"], self.parcel(square(west - 0.0005, south)))
        self.assertEqual(again.status, 200, again.text)
        self.assertNotIn("warnings", again.json)
        for made in (first, second):
            send("DELETE", made.headers["Location"])

    def test_features_of_one_edit_among_each_other(self):
        west, south = self.AT_SEA[0] + 0.2, self.AT_SEA[1]
        features = [self.parcel(square(west + x, south)) for x in (0, 0.002, 0.0025)]
        report = self.post("land-use", {"type": "FeatureCollection", "features": features})
        self.assertEqual(report.status, 201, report.text)
        self.assertEqual([each["row"] for each in report.json["warnings"]], [3])

    def test_an_area_is_valid(self):
        west, south = self.AT_SEA
        bow = [[west, south], [west + 0.01, south + 0.01], [west + 0.01, south],
               [west, south + 0.01], [west, south]]
        problem = self.assert_problem(self.post("land-use", self.parcel(bow)), 400, "geometry")
        self.assertIn("112.505", problem["detail"])


class OneFeature(Edits):
    def test_a_life(self):
        before = total()
        made = self.create(name="琼山一站")
        where, first = made.headers["Location"], made.headers["ETag"]
        self.assertEqual(total(), before + 1)
        read = get(where, "admin")
        self.assertEqual(read.headers["ETag"], first)
        self.assertEqual(read.json["properties"], made.json["properties"])
        self.assertEqual(read.json["geometry"]["coordinates"], list(HAIKOU))
        self.assertEqual(read.json["properties"]["version"], 1)

        patched = send("PATCH", where, {"properties": {"name": "琼山二站"}},
                       kind="application/merge-patch+json", If_Match=first)
        self.assertEqual(patched.status, 200, patched.text)
        self.assertEqual(patched.json["properties"]["name"], "琼山二站")
        self.assertEqual(patched.json["properties"]["version"], 2)
        self.assertEqual(patched.json["geometry"], read.json["geometry"])

        stale = send("PATCH", where, {"properties": {"name": "过期"}},
                     kind="application/merge-patch+json", If_Match=first)
        self.assert_problem(stale, 412)
        self.assert_problem(send("PUT", where, feature(), If_Match=first), 412)
        self.assert_problem(send("DELETE", where, If_Match=first), 412)
        self.assertEqual(get(where, "admin").json["properties"]["name"], "琼山二站")

        replaced = send("PUT", where, feature(SANYA, "460200", name="三亚站"),
                        If_Match=patched.headers["ETag"])
        self.assertEqual(replaced.status, 200, replaced.text)
        self.assertEqual(replaced.json["properties"]["area_code"], "460200")
        self.assertEqual(replaced.json["geometry"]["coordinates"], list(SANYA))
        self.assertEqual(replaced.headers["ETag"], get(where, "admin").headers["ETag"])

        gone = send("DELETE", where, If_Match=replaced.headers["ETag"])
        self.assertEqual((gone.status, gone.body), (204, b""))
        self.assertEqual(get(where, "admin").status, 404)
        self.assert_problem(send("DELETE", where), 404)
        self.assertEqual(total(), before)

    def test_tiles_follow(self):
        def counted():
            tile = get(TILE, "admin").body
            path = os.path.join(host.WORK, "edit.mvt")
            with open(path, "wb") as file:
                file.write(tile)
            out = subprocess.run(["ogrinfo", "-al", path], capture_output=True, text=True,
                                 check=True).stdout
            features = out.split("OGRFeature(")[1:]
            found = [re.search(r"\bcount \(\w+\) = (\d+)", each) for each in features]
            return sum(int(each.group(1)) if each else 1 for each in found)
        before = counted()
        where = self.create().headers["Location"]
        self.wait_for(lambda: counted() == before + 1)
        send("DELETE", where)
        self.wait_for(lambda: counted() == before)

    def test_what_reading_gives_can_be_sent_back(self):
        where = self.create().headers["Location"]
        document = get(where, "admin").json
        answer = send("PUT", where, document)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(answer.json["properties"]["version"], 2)
        # The version in the properties counts as the one that was read.
        self.assert_problem(send("PUT", where, document), 412)
        send("DELETE", where)

    def test_a_record_is_found_by_its_uid(self):
        uid = str(uuid.uuid4())
        made = self.create(uid=uid)
        self.assertEqual(made.json["properties"]["uid"], uid)
        self.assert_problem(send("POST", COLLECTION, feature(uid=uid)), 409, "uid")
        self.assertEqual(send("DELETE", COLLECTION + "/" + uid).status, 204)
        self.assertEqual(get(made.headers["Location"], "admin").status, 404)

    def test_latitude_first_where_the_header_says_so(self):
        document = feature()
        document["geometry"]["coordinates"].reverse()
        uri = "<http://www.opengis.net/def/crs/EPSG/0/4490>"
        made = send("POST", COLLECTION, document, Content_Crs=uri)
        self.assertEqual(made.json["geometry"]["coordinates"], list(HAIKOU))
        send("DELETE", made.headers["Location"])
        other = "<http://www.opengis.net/def/crs/EPSG/0/4546>"
        self.assert_problem(send("POST", COLLECTION, feature(), Content_Crs=other), 400,
                            "Content-Crs")

    def test_two_writers_one_wins(self):
        for _ in range(5):
            made = self.create()
            answers = []

            def write(name, made=made, answers=answers):
                answers.append(send("PATCH", made.headers["Location"], {"properties": {"name": name}},
                                    kind="application/merge-patch+json",
                                    If_Match=made.headers["ETag"]).status)
            threads = [threading.Thread(target=write, args=("写者 %d" % i,)) for i in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(answers), [200, 412])
            send("DELETE", made.headers["Location"])


class Rights(Edits):
    def test_who_may_not_write_is_told_so(self):
        where = self.create().headers["Location"]
        for who in ("province", "planner", "inspector"):
            self.assert_problem(send("POST", COLLECTION, feature(), who), 403)
            self.assert_problem(send("PUT", where, feature(), who), 403)
            self.assert_problem(send("DELETE", where, who=who), 403)
        send("DELETE", where)

    def test_an_editor_of_haikou_writes_nothing_outside(self):
        before = total()
        inside = send("POST", COLLECTION, feature(area="460105"), "editor")
        self.assertEqual(inside.status, 201, inside.text)
        where = inside.headers["Location"]
        for area in ("460200", "469002", None):
            self.assert_problem(send("POST", COLLECTION, feature(area=area), "editor"), 403)
            # Nor may a record be moved out.
            patch = {"properties": {"area_code": area}}
            self.assert_problem(send("PATCH", where, patch, "editor",
                                     "application/merge-patch+json"), 403)
        outside = self.create(SANYA, "460200").headers["Location"]
        for answer in (send("DELETE", outside, who="editor"),
                       send("PUT", outside, feature(), "editor")):
            self.assert_problem(answer, 404)  # whether it exists is not theirs to know
        self.assertEqual(get(outside, "admin").json["properties"]["version"], 1)
        mixed = {"type": "FeatureCollection",
                 "features": [feature(), feature(SANYA, "460200")]}
        self.assert_problem(send("POST", COLLECTION, mixed, "editor"), 403)
        self.assertEqual(total(), before + 2)
        self.assertEqual(send("DELETE", where, who="editor").status, 204)
        send("DELETE", outside)

    def test_nobody_writes_nothing(self):
        request = urllib.request.Request(host.URL + COLLECTION, data=b"{}", method="POST",
                                         headers={"Content-Type": "application/geo+json"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=30)
        self.assertEqual(caught.exception.code, 401)


class Many(Edits):
    def tearDown(self):
        for each in items("enterprises", "admin", q="批量写入", limit=10000)["features"]:
            send("DELETE", "%s/%d" % (COLLECTION, each["id"]))

    def collection(self, n, *wrong):
        return {"type": "FeatureCollection",
                "features": [feature(name="批量写入 %d" % i) for i in range(n)] + list(wrong)}

    def test_a_collection_is_all_or_nothing(self):
        before = total()
        wrong = (feature(nmae="?"), feature(area="999999"), feature(at=(200, 20)))
        answer = send("POST", COLLECTION, self.collection(3, *wrong))
        problem = self.assert_problem(answer, 400)
        self.assertEqual([(e["row"], e["field"]) for e in problem["errors"]],
                         [(4, "nmae"), (5, "area_code"), (6, "geometry")])
        self.assertEqual(problem["errors_total"], 3)
        self.assertIn("licence_state", problem["errors"][0]["en"])
        self.assertEqual(total(), before)
        answer = send("POST", COLLECTION, self.collection(3))
        self.assertEqual((answer.status, answer.json["written"]), (201, 3), answer.text)
        self.assertEqual(total(), before + 3)

    def test_row_wise_writes_the_good_ones(self):
        wrong = (feature(nmae="?"), feature(area="999999"))
        for path, headers in ((COLLECTION + "?row-wise=true", {}),
                              (COLLECTION, {"Prefer": "handling=lenient"})):
            before = total()
            answer = send("POST", path, self.collection(2, *wrong), **headers)
            self.assertEqual(answer.status, 201, answer.text)
            self.assertEqual((answer.json["read"], answer.json["written"],
                              answer.json["errors_total"]), (4, 2, 2))
            self.assertEqual([e["row"] for e in answer.json["errors"]], [3, 4])
            self.assertEqual(total(), before + 2)

    def test_a_stream(self):
        before = total()
        features = self.collection(700)["features"]
        answer = send("POST", COLLECTION, lines(features), kind="application/x-ndjson")
        self.assertEqual((answer.status, answer.json["written"]), (201, 700), answer.text)
        self.assertEqual(total(), before + 700)
        sequence = b"".join(b"\x1e" + json.dumps(each, indent=1).encode() + b"\n"
                            for each in self.collection(3)["features"])
        answer = send("POST", COLLECTION, sequence, kind="application/geo+json-seq")
        self.assertEqual((answer.status, answer.json["written"]), (201, 3), answer.text)

    def test_a_stream_with_one_bad_line(self):
        before = total()
        features = self.collection(600)["features"]
        body = lines(features[:500]) + b'{"type":"Feature",\n' + lines(features[500:])
        answer = send("POST", COLLECTION, body, kind="application/x-ndjson")
        problem = self.assert_problem(answer, 400)
        self.assertEqual([e["row"] for e in problem["errors"]], [501])
        self.assertEqual(total(), before)
        answer = send("POST", COLLECTION + "?row-wise=true", body, kind="application/x-ndjson")
        self.assertEqual((answer.json["written"], answer.json["errors_total"]), (600, 1))
        self.assertEqual(total(), before + 600)

    def test_a_body_that_stops_half_way_leaves_nothing(self):
        before = total()
        body = lines(self.collection(50)["features"])
        parts = urllib.parse.urlsplit(host.URL)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        connection.putrequest("POST", COLLECTION)
        connection.putheader("Authorization", "Bearer " + token("admin"))
        connection.putheader("Content-Type", "application/x-ndjson")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body[:len(body) // 2])
        connection.close()
        self.assertEqual(get("/health", None).status, 200)
        self.assertEqual(total(), before)


class BadInput(Edits):
    def test_geometries(self):
        ring = [[110, 20], [110.1, 20], [110.1, 20.1], [110, 20]]
        for geometry in ({"type": "Point"}, {"type": "Point", "coordinates": []},
                         {"type": "Point", "coordinates": [110]},
                         {"type": "Point", "coordinates": ["110", "20"]},
                         {"type": "Point", "coordinates": [[110, 20]]},
                         {"type": "Point", "coordinates": [20, 110]},
                         {"type": "Point", "coordinates": [110, 20, 3, 4]},
                         {"type": "point", "coordinates": [110, 20]},
                         {"type": "GeometryCollection", "geometries": []},
                         {"type": "LineString", "coordinates": [[110, 20], [110.1, 20]]},
                         {"type": "Polygon", "coordinates": [ring]}, "POINT(110 20)", [110, 20], 7):
            document = dict(feature(), geometry=geometry)
            with self.subTest(geometry=geometry):
                self.assert_problem(send("POST", COLLECTION, document), 400, "geometry")

    def test_documents(self):
        good = json.dumps(feature()).encode()
        for body, param in ((b"", None), (b"{", None), (b"null", "body"), (b"[]", "type"),
                            (b'{"type":"Point","coordinates":[110,20]}', "type"),
                            (b'{"type":"FeatureCollection"}', "features"),
                            (good.replace(b'"name"', b'"\\u0000"'), None),
                            (good.replace(b"110.33", b"1e999"), "geometry"),
                            (good.replace(b"110.33", b"NaN"), None),
                            (b"[" * 100 + b"]" * 100, None)):
            with self.subTest(body=body[:60]):
                self.assert_problem(send("POST", COLLECTION, body), 400, param)
        self.assert_problem(send("POST", COLLECTION, good, kind="text/plain"), 415, "Content-Type")
        self.assert_problem(send("POST", COLLECTION, b" " * (8 << 20) + good), 413)
        self.assert_problem(send("POST", COLLECTION + "?rowwise=true", good), 400, "rowwise")
        self.assert_problem(send("POST", "/collections/lpg.nothing/items", good), 404)

    def test_values(self):
        for name, value in (("name", 7), ("name", ["a"]), ("name", None), ("uscc", "1"),
                            ("licence_state", "no such state"), ("contact_phone", "138****0000"),
                            ("uid", "1"), ("area_code", "1")):
            document = feature()
            document["properties"][name] = value
            with self.subTest(name=name, value=value):
                problem = self.assert_problem(send("POST", COLLECTION, document), 400, name)
                self.assertEqual(problem["errors"][0]["row"], 1)

    def test_entity_tags(self):
        where = self.create().headers["Location"]
        patch = {"properties": {"name": "标签"}}
        for tag, status in (("*", 200), ('"x"', 412), ('W/"2-0"', 412), ('"2-0", "3-0"', 400),
                            ('"99999-0"', 412), ('"2-0"', 200)):
            answer = send("PATCH", where, patch, kind="application/merge-patch+json", If_Match=tag)
            self.assertEqual(answer.status, status, (tag, answer.text))
        self.assert_problem(send("PATCH", where, {}, kind="application/merge-patch+json"), 400)
        self.assert_problem(send("PUT", COLLECTION + "/999999999", feature()), 404)
        send("DELETE", where)


if __name__ == "__main__":
    unittest.main()
