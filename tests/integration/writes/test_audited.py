#!/usr/bin/env python3
"""What has to be in the audit is there, and is found by who, what and when. On both stores.

usage: test_audited.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import datetime
import json
import os
import sys
import time
import unittest
import urllib.parse

from platform_places import PASSWORD, PlacesTest, test_host

STAFF = "/collections/lpg.staff/items"
PHONE = "13712340001"
JSON = "application/json"


class Audited(PlacesTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.stop()
        with open(os.path.join(cls.host.var, "areas.csv"), "a", encoding="utf-8") as file:
            file.write("460200,三亚市,city,460000,,,,\n")
        cls.host.run("areas", "import", file.name)
        for name, roles, areas in (("haikou", "access-admin", "460100"), ("owner", "enterprise", "*"),
                                   ("looker", "regulator", "*"), ("meilan", "regulator", "460100")):
            cls.host.run("user", "add", name, "--roles", roles, "--areas=" + areas, "--org=E0001", "--password-file=-",
                         stdin=PASSWORD + "\n")
        cls.host.serve(*cls.flags)

    def entries(self, action, wanted=1, **filters):
        """Of an action, the newest first; waits for so many, since entries are chained within a second."""
        words = ["--%s=%s" % each for each in filters.items()]
        for _ in range(100):
            text = self.host.run("audit", "list", "--action=" + action, *words)
            found = [json.loads(line) for line in text.splitlines()]
            if len(found) >= wanted:
                return found
            time.sleep(0.05)
        return found

    def post(self, who, path, body, method="POST"):
        status, _, text = self.send(method, path, self.token(who), body, JSON)
        return status, json.loads(text) if text else None

    def refused(self, operation, who, path, body, method="POST"):
        before = len(self.entries("access.refused", 0))
        status, answer = self.post(who, path, body, method)
        self.assertEqual(403, status, answer)
        entry = self.entries("access.refused", before + 1)[0]
        self.assertEqual((who, "cim.access", "refused", operation, answer["param"]),
                         (entry["principal"], entry["layer"], entry["result"], entry["detail"]["operation"],
                          entry["detail"]["param"]), entry)
        self.assertTrue(entry["detail"]["why"] and entry["request_id"] == answer["request_id"], entry)
        return entry

    def test_what_administrators_are_refused(self):
        grant = {"holder_kind": "user", "holder": "meilan", "kind": "role", "name": "regulator", "areas": ["460200"],
                 "why": "试"}
        self.assertEqual("460200", self.refused("createGrant", "haikou", "/admin/api/grants", grant)["detail"]["value"])
        self.refused("createUser", "haikou", "/admin/api/users",
                     {"username": "sanya", "display_name": "三亚", "password": PASSWORD, "area": "460200",
                      "roles": ["regulator"], "areas": ["460200"]})
        entry = self.refused("endUser", "haikou", "/admin/api/users/haikou/end", {"why": "试"})
        self.assertEqual("haikou", entry["uid"])
        self.refused("createOrg", "haikou", "/admin/api/orgs",
                     {"code": "sanya", "name": "三亚分公司", "kind": "gas", "area": "460200"})
        self.refused("createRole", "haikou", "/admin/api/roles",
                     {"id": "own-sanya", "zh": "三亚", "en": "Sanya", "area": "460200", "content": {
                         "grants": [{"resource": "lpg.places", "actions": ["read"], "sensitive": "masked"}]}})

    def test_a_function_point_that_is_not_held(self):
        self.assertEqual(403, self.post("looker", "/admin/api/erasures", {"layer": "lpg.staff", "fid": 1})[0])
        entry = self.entries("function", principal="looker")[0]
        self.assertEqual(("refused", {"reason": "cim.admin.erasures"}), (entry["result"], entry["detail"]))

    def test_clear_readings_and_those_refused(self):
        status, _, body = self.send("POST", STAFF, self.token("owner"), {
            "type": "Feature", "geometry": None, "properties": {
                "staff_no": "R1", "name": "覃小莲", "phone": PHONE, "post": "deliverer", "state": "active",
                "area_code": "460100", "owner_org": "E0001"}})
        self.assertEqual(201, status, body)
        fid = json.loads(body)["id"]
        query = "?" + urllib.parse.urlencode({"reveal": "phone", "reason": "核对联系电话"})
        told = {"fields": ["phone"], "reason": "核对联系电话"}
        status, _, body = self.send("GET", "%s/%d%s" % (STAFF, fid, query), self.token("owner"))
        self.assertEqual((200, PHONE), (status, json.loads(body)["properties"]["phone"]))
        entry = self.entries("reveal", principal="owner")[0]
        self.assertEqual(("lpg.staff", fid, "ok", told),
                         (entry["layer"], entry["fid"], entry["result"], entry["detail"]))
        self.assertEqual(403, self.send("GET", "%s/%d%s" % (STAFF, fid, query), self.token("looker"))[0])
        entry = self.entries("reveal", principal="looker")[0]
        self.assertEqual(("lpg.staff", fid, "refused", told),
                         (entry["layer"], entry["fid"], entry["result"], entry["detail"]))

    def test_sign_ins_that_fail_and_tokens_that_are_issued(self):
        before = len(self.entries("token", principal="editor"))
        for name, password in (("editor", "wrong-Pass-1"), ("editor", PASSWORD)):
            self.host.get("/auth/token", None, "POST", json.dumps({"username": name, "password": password}).encode(),
                          {"Content-Type": JSON})
        found = self.entries("token", before + 2, principal="editor")[:2]
        self.assertEqual(["ok", "refused"], [each["result"] for each in found], found)
        self.assertTrue(all(each["address"] for each in found), found)
        self.assertNotIn("wrong-Pass-1", self.host.run("audit", "export"))
        self.assertEqual(0, self.host.stop())
        token = self.host.run("token", "editor", "--hours=3").strip()
        self.host.serve(*self.flags)
        self.tokens.clear()
        entry = self.entries("token.issue")[0]
        self.assertEqual(("cim-host", "editor", {"hours": 3}), (entry["principal"], entry["uid"], entry["detail"]))
        self.assertNotIn(token, self.host.run("audit", "export"))

    def test_who_becomes_an_administrator(self):
        added = [each for each in self.entries("account.put") if each["uid"] == "admin"][0]
        self.assertEqual(("cim-host", {"subject": "admin", "roles": "platform-admin", "areas": "*"}),
                         (added["principal"], added["detail"]))
        status, answer = self.post("admin", "/admin/api/grants", {
            "holder_kind": "user", "holder": "looker", "kind": "role", "name": "access-admin", "areas": ["460100"],
            "why": "新的授权管理员"})
        self.assertEqual(201, status, answer)
        entry = self.entries("grant.create")[0]
        self.assertEqual(("admin", "looker", {"subject": "looker", "more": "access-admin"}),
                         (entry["principal"], entry["uid"], entry["detail"]))
        status, answer = self.post("admin", "/admin/api/grants/%s/end" % answer["uid"], {"why": "不再"})
        self.assertIn(status, (200, 204), answer)
        self.assertEqual("admin", self.entries("grant.end")[0]["principal"])

    def test_found_by_who_what_and_when(self):
        def moment(shift_s=0):
            now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=shift_s)
            return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        start = moment()
        self.send("POST", "/collections/lpg.places/items", self.editor, {
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [110.3, 20]},
            "properties": {"name": "甲", "class": "town", "area_code": "460100"}})
        self.assertEqual(1, len(self.entries("create", principal="editor", **{"from": start})))
        end = moment()
        self.assertEqual([], self.entries("create", 0, principal="other", **{"from": start}))
        self.assertEqual([], self.entries("delete", 0, principal="editor", **{"from": start}))
        self.assertEqual([], self.entries("create", 0, principal="editor", **{"from": end}))
        self.assertEqual(1, len(self.entries("create", 1, principal="editor", **{"from": start, "to": end})))
        exported = self.host.run("audit", "export", "--principal=editor", "--action=create", "--from=" + start,
                                 "--to=" + end).splitlines()
        self.assertEqual(["editor"], [json.loads(each)["principal"] for each in exported])
        query = urllib.parse.urlencode({"principal": "editor", "action": "create", "from": start, "to": end})
        status, _, body = self.host.get("/admin/api/audit?" + query, self.token("auditor"))
        self.assertEqual((200, 1), (status, json.loads(body)["numberReturned"]), body)
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], "-v", *rest])


if __name__ == "__main__":
    main()
