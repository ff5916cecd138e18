"""Grants at work: explanations, and what happens to an answer under way when a grant ends."""
import http.client
import json
import os
import time
import unittest
import urllib.parse

import canaries
import host
import work
from host import URL, get
from test_leak import setUpModule  # noqa: F401: the module's set-up is unittest's to call
from walk import JSON, LAYERS, must, send

ROWS = 20000
LAYER = "lpg.cylinder-events"


def why(who, layer, area, owner, action="read", asker="admin"):
    record = next(r for r in LAYERS[layer].records if (r.area, r.owner) == (area, owner))
    query = urllib.parse.urlencode({"principal": who, "resource": layer, "uid": record.uid, "action": action})
    answer = get("/admin/api/why?" + query, asker)
    return answer.status, answer.json


def missing(answer):
    return sorted({each["what"] for term in answer["terms"] for each in term["missing"]})


class Why(unittest.TestCase):
    def test_it_says_what_covers_and_what_is_missing(self):
        self.assertEqual(missing(why("xiuying", "lpg.staff", "460105", "E0001")[1]), [])
        self.assertTrue(why("xiuying", "lpg.staff", "460105", "E0001")[1]["visible"])
        for who, layer, area, owner, action, wanted in (
                ("xiuying", "lpg.staff", "460203", "E0001", "read", ["area"]),
                ("xiuying", "lpg.staff", "460105", "E0001", "delete", ["action"]),
                ("enterprise", "lpg.staff", "460105", "E0002", "read", ["owner"]),
                ("consultant", "lpg.staff", "460105", "E0002", "read", ["area", "owner"]),
                ("granter", "lpg.staff", "460105", "E0001", "read", ["pass_on"]),
                ("granter", "lpg.staff", "460203", "E0001", "read", ["area", "pass_on"])):
            status, answer = why(who, layer, area, owner, action)
            self.assertEqual((status, answer["visible"], missing(answer)), (200, False, wanted), (who, area, owner))
            self.assertRegex(answer["summary"]["zh"], "[\u4e00-\u9fff]")
        self.assertEqual(why("planner", "lpg.staff", "460105", "E0001")[1]["terms"], [])

    def test_it_agrees_with_what_is_served(self):
        """What /admin/api/why says of a record is what reading it does."""
        for layer in ("lpg.staff", "lpg.stations"):
            for record in LAYERS[layer].records:
                for who in ("province", "haikou", "planner", "enterprise", "station", "xiuying", "consultant"):
                    status = get("/collections/%s/items/%d" % (layer, record.fid), who).status
                    told = why(who, layer, record.area, record.owner)[1]
                    self.assertEqual(told["visible"], status == 200, (who, layer, record.area, record.owner))

    def test_a_row_filter_is_judged_on_the_record(self):
        mine = LAYERS["lpg.stations"].records[0]
        content = {"actions": ["read"], "filter": {"op": "=", "args": [{"property": "name"}, mine.values["name"]]}}
        grant = {"holder_kind": "user", "holder": "consultant", "kind": "resource", "name": "lpg.stations",
                 "areas": ["460105"], "why": "x", "content": content}
        uid = must("POST", "/admin/api/grants", grant)["uid"]
        self.assertEqual(why("consultant", "lpg.stations", "460105", mine.owner)[1]["visible"], True)
        self.assertEqual(missing(why("consultant", "lpg.stations", "460105", "E0002")[1]), ["filter"])
        seen = get("/collections/lpg.stations/items", "consultant").json["features"]
        self.assertEqual([f["properties"]["uid"] for f in seen], [mine.uid])
        self.assertEqual(send("POST", "/admin/api/grants/%s/end" % uid, "admin", b"{}").status, 200)
        self.assertEqual(get("/collections/lpg.stations/items", "consultant").status, 403)
        for bad, param in (({"op": "=", "args": [{"property": "nmae"}, "x"]}, "nmae"), ({"op": "<>"}, None)):
            grant["content"] = {"actions": ["read"], "filter": bad}
            answer = send("POST", "/admin/api/grants", "admin", json.dumps(grant).encode())
            self.assertEqual(answer.status, 400, answer.text)

    def test_a_city_is_told_of_its_own(self):
        self.assertEqual(why("xiuying", "lpg.staff", "460105", "E0001", asker="granter")[0], 200)
        self.assertEqual(why("xiuying", "lpg.staff", "460203", "E0001", asker="granter")[0], 404)
        self.assertEqual(get("/admin/api/reach?principal=kzsanya1", "granter").status, 403)
        self.assertEqual(get("/admin/api/reach?principal=xiuying", "haikou").status, 403)

    def test_reach_names_layers_areas_fields_and_ends(self):
        told = get("/admin/api/reach?principal=consultant", "admin").json
        staff = next(term for term in told["terms"] if term["resource"] == "lpg.staff")
        self.assertEqual(staff["layers"], ["lpg.staff"])
        self.assertEqual([area["code"] for area in staff["areas"]], ["460203"])
        self.assertEqual((staff["owner"], staff["sensitive"], staff["until"]), ("E0001", "clear", "2099-12-31T16:00:00.000Z"))


class Jobs(unittest.TestCase):
    def test_a_result_is_given_out_for_what_its_owner_may_see_now(self):
        """Another grant, fewer or more: the result was made for what he could see then."""
        answer = send("POST", "/processes/lpg.route-hazards/execution", "province", json.dumps({"inputs": work.ROUTE}).encode(),
                      dict(JSON, Prefer="respond-async"))
        self.assertEqual(answer.status, 201, answer.text)
        path = "/jobs/" + answer.json["jobID"]
        for _ in range(100):
            if get(path, "province").json["status"] not in ("accepted", "running"):
                break
            time.sleep(0.1)
        self.assertEqual(get(path + "/results", "province").status, 200)
        grant = {"holder_kind": "user", "holder": "province", "kind": "resource", "name": "lpg.staff", "areas": ["460105"],
                 "why": "x", "content": {"actions": ["read"], "sensitive": "clear"}}
        uid = must("POST", "/admin/api/grants", grant)["uid"]
        refused = get(path + "/results", "province")
        self.assertEqual(403, refused.status, refused.text[:300])
        self.assertEqual("jobID", refused.json["param"])
        self.assertEqual(get(path, "province").status, 200)
        self.assertEqual(send("POST", "/admin/api/grants/%s/end" % uid, "admin", b"{}").status, 200)
        self.assertEqual(get(path + "/results", "province").status, 200)


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        record = LAYERS[LAYER].records[0]
        rows = [{"type": "Feature", "geometry": None,
                 "properties": dict({name: value for name, value in record.values.items()
                                     if not LAYERS[LAYER].fields[name].get("unique")},
                                    area_code="460105", owner_org="E0001",
                                    **{name: "s%d" % n for name, field in LAYERS[LAYER].fields.items() if field.get("unique")})}
                for n in range(ROWS)]
        body = json.dumps({"type": "FeatureCollection", "features": rows}).encode()
        answer = send("POST", "/admin/api/imports?layer=%s&crs=cgcs2000" % LAYER, "admin", body)
        assert answer.status == 200 and answer.json["written"] == ROWS, answer.text[:500]

    def export(self, meanwhile):
        """Starts an export, calls `meanwhile` after its first bytes, and reads on: rows, and whether it ended well."""
        grant = {"holder_kind": "user", "holder": "consultant", "kind": "resource", "name": LAYER, "areas": ["460105"],
                 "why": "x", "content": {"actions": ["read", "export"]}}
        uid = must("POST", "/admin/api/grants", grant)["uid"]
        at = urllib.parse.urlparse(URL)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
        connection.request("GET", "/collections/%s/items?export=true&f=geojsonl" % LAYER,
                           headers={"Authorization": "Bearer " + host.token("consultant")})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        text = answer.read(1000)
        meanwhile(uid)
        try:
            text += answer.read()
            whole = True
        except (http.client.IncompleteRead, ConnectionError) as broken:
            text += getattr(broken, "partial", b"")
            whole = False
        connection.close()
        send("POST", "/admin/api/grants/%s/end" % uid, "admin", b"{}")
        return text.count(b"\n"), whole

    def test_an_export_goes_through_while_others_change(self):
        def other(uid):
            must("POST", "/admin/api/orgs", {"code": "stream-%s" % uid[-6:], "name": "x", "kind": "gas", "area": "460100"})
        self.assertEqual(self.export(other), (ROWS + 2, True))  # and the two canaries of that county

    def test_an_export_breaks_off_when_its_grant_ends(self):
        rows, whole = self.export(lambda uid: send("POST", "/admin/api/grants/%s/end" % uid, "admin", b"{}"))
        self.assertFalse(whole, "%d of %d rows came, and the answer looks whole" % (rows, ROWS))
        self.assertLess(rows, ROWS)


if __name__ == "__main__":
    unittest.main()
