#!/usr/bin/env python3
"""Erasing a person, on both stores: gone from what is read, found and undone, and from a backup that comes back.

usage: test_erase.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import itertools
import json
import os
import re
import shutil
import sqlite3
import sys
import time
import unittest
import urllib.parse

from platform_places import PASSWORD, PlacesTest, lines, psql, test_host

STAFF = "/collections/lpg.staff/items"
PHONE, OTHER_PHONE = "13712340001", "13712340002"
ID_NO = "460100199003077719"
REASON = "本人书面申请删除"
ERASED = "已删除"
NUMBERS = itertools.count(1)


def person(number, name, phone, **more):
    return {"type": "Feature", "geometry": None,
            "properties": {"staff_no": number, "name": name, "phone": phone, "post": "deliverer", "state": "active",
                           "area_code": "460100", **more}}


class Erasure(PlacesTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.stop()
        # May update and erase; may erase, but not update.
        for name, roles in (("officer", "platform-admin,data-manager,regulator"), ("clerk", "platform-admin")):
            cls.host.run("user", "add", name, "--roles", roles, "--areas=*", "--password-file=-", stdin=PASSWORD + "\n")
        cls.host.serve(*cls.flags)

    def setUp(self):
        super().setUp()
        self.prefix = "S%d-" % next(NUMBERS)
        status, _, body = self.send("POST", STAFF, self.token("editor"), lines(
            person(self.prefix + "1", "覃小莲", PHONE, id_no=ID_NO), person(self.prefix + "2", "符大山", PHONE)),
            "application/x-ndjson")
        self.assertEqual(201, status, body)
        self.batch = json.loads(body)["batch"]
        self.fid, self.other = [each["id"] for each in self.found()]

    def found(self, **query):
        query = dict({"limit": 100, "sortby": "staff_no"}, **query)
        status, _, body = self.host.get(STAFF + "?" + urllib.parse.urlencode(query), self.token("officer"))
        self.assertEqual(200, status, body)
        return [each for each in json.loads(body)["features"] if each["properties"]["staff_no"].startswith(self.prefix)]

    def shown(self, fid, who="officer"):
        status, _, body = self.host.get("%s/%d" % (STAFF, fid), self.token(who))
        self.assertEqual(200, status, body)
        return json.loads(body)["properties"]

    def erase(self, who="officer", **body):
        body = dict({"layer": "lpg.staff", "fid": self.fid, "reason": REASON}, **body)
        body = {name: value for name, value in body.items() if value is not None}
        status, _, text = self.send("POST", "/admin/api/erasures", self.token(who), body, "application/json")
        return status, json.loads(text)

    def sql(self, text):
        """As somebody with the database does."""
        if "CIM_TEST_PG" in os.environ:
            return psql(test_host.CLEAN["CIM_STORE_URL"].split("///")[1].split("?")[0], text).strip()
        with sqlite3.connect(os.path.join(self.host.var, "cim.gpkg"), timeout=30) as db:
            row = db.execute(text).fetchone()
            return "" if row is None else str(row[0])

    def entries(self, action):
        for _ in range(100):  # chained within a second
            listed = [json.loads(line) for line in self.host.run("audit", "list", "--action=" + action).splitlines()]
            listed = [each for each in listed if each["fid"] == self.fid]
            if listed:
                return listed
            time.sleep(0.05)
        return []

    def test_erased_for_everybody_and_told_in_the_audit(self):
        status, answer = self.erase()
        self.assertEqual((200, "lpg.staff", self.fid), (status, answer["layer"], answer["fid"]), answer)
        for who in ("officer", "editor"):
            self.assertEqual([ERASED] * 3, [self.shown(self.fid, who)[name] for name in ("name", "phone", "id_no")])
        self.assertNotEqual(ERASED, self.shown(self.other)["phone"])
        self.assertEqual([], [each for each in self.found(q="覃小莲")])
        self.assertEqual("e1:erased", self.sql("select phone from lpg_staff where fid = %d" % self.fid))
        entry = self.entries("erase")[0]
        self.assertEqual(("officer", "lpg.staff", answer["uid"], "460100", {"reason": REASON}),
                         tuple(entry[name] for name in ("principal", "layer", "uid", "area_code", "detail")))
        text = self.host.run("audit", "export")
        for value in (PHONE, ID_NO, "覃小莲"):
            self.assertNotIn(value, text)

    def back_up(self):
        """What puts the store back as it is now; keys stay, which have their own backup."""
        if "CIM_TEST_PG" in os.environ:
            kept = self.sql("select phone from lpg_staff where fid = %d" % self.fid)
            return lambda: self.sql("update lpg_staff set phone = '%s' where fid = %d" % (kept, self.fid))
        path = os.path.join(self.host.var, "cim.gpkg")
        self.assertEqual(0, self.host.stop())
        shutil.copy(path, path + ".backup")
        self.host.serve(*self.flags)
        self.tokens.clear()
        return lambda: os.replace(path + ".backup", path)

    def test_a_backup_that_comes_back_shows_nothing(self):
        restore = self.back_up()
        self.assertEqual(200, self.erase()[0])
        self.assertEqual(0, self.host.stop())
        self.assertEqual("e1:erased", self.sql("select phone from lpg_staff where fid = %d" % self.fid))
        restore()
        self.assertIn("e1:1:", self.sql("select phone from lpg_staff where fid = %d" % self.fid))
        self.host.serve(*self.flags)
        self.tokens.clear()
        self.assertEqual(ERASED, self.shown(self.fid)["phone"])
        self.assertIn("*", self.shown(self.other)["phone"])

    def test_a_backup_with_its_keys_is_put_back_and_she_stays_erased(self):
        """Elsewhere the keys of the backup serve; here those that are here stay."""
        env = {"CIM_BACKUP_WITH_KEYS": "true"}
        self.assertEqual(0, self.host.stop())  # one that serves has settings of its own
        folder = os.path.join(self.host.var, "backups",
                              re.search(r"(?m)^(\d{8}T\d{6}Z)  ", self.host.run("backup", env=env))[1])
        self.assertIn("data.keys.persons", os.listdir(folder))
        self.host.serve(*self.flags)
        self.tokens.clear()
        self.assertEqual(200, self.erase()[0])
        self.assertEqual(0, self.host.stop())
        before = test_host.CLEAN.get("CIM_STORE_URL")
        other = test_host.Platform()
        self.addCleanup(other.close)
        for platform, phone in ((other, "137****0001"), (self.host, ERASED)):
            env = {}
            if before is not None:
                database = "erase_%d_%d" % (os.getpid(), next(NUMBERS))
                psql("postgres", "create database %s template cim_template" % database)
                env = {"CIM_STORE_URL": "postgresql:///%s?host=%s&user=cim" % (database, os.environ["CIM_TEST_PG"])}
            test_host.CLEAN.update(env)
            told = platform.run("restore", folder, *(["--replace"] if platform is self.host else []))
            self.assertNotIn("cannot start", told)
            platform.serve(*self.flags)
            status, _, body = platform.get("%s/%d" % (STAFF, self.fid), platform.token("officer"))
            self.assertEqual((200, phone), (status, json.loads(body)["properties"]["phone"]), body)
            if platform is other:
                self.assertEqual(0, platform.stop())
        self.tokens.clear()  # the tests after this one go on in what was put back

    def test_an_undo_brings_nobody_back(self):
        """Deleted and restored, so that a batch has images of both; then one of them is erased."""
        officer = self.token("officer")
        status, _, body = self.host.get("/admin/api/batches/%s/undo" % self.batch, officer, "POST", b"")
        self.assertEqual(200, status, body)
        deleted = json.loads(body)["batch"]
        images = "select count(*) from cim_batch_row where batch = '%s' and record_fid = %d" % (deleted, self.fid)
        self.assertEqual("1", self.sql(images))
        status, _, body = self.host.get("/admin/api/batches/%s/undo" % deleted, officer, "POST", b"")
        self.assertEqual((200, 2), (status, json.loads(body)["written"]), body)
        self.assertEqual("1", self.sql(images))
        self.assertIn("*", self.shown(self.fid)["phone"])
        self.assertEqual(200, self.erase()[0])
        self.assertEqual("0", self.sql(images))
        self.assertEqual("1", self.sql(images.replace("= %d" % self.fid, "= %d" % self.other)))

    def test_the_record_goes_on(self):
        self.assertEqual(200, self.erase()[0])
        status, _, body = self.send("PATCH", "%s/%d" % (STAFF, self.fid), self.token("editor"),
                                    {"properties": {"name": "王新", "phone": OTHER_PHONE}},
                                    "application/merge-patch+json")
        self.assertEqual(200, status, body)
        self.assertEqual("137****0002", self.shown(self.fid)["phone"])

    def test_what_is_refused_leaves_everything(self):
        for status, param, query in ((400, "reason", {"reason": None}), (400, "reason", {"reason": "不知道"}),
                                     (400, "fid", {"fid": None}), (400, "fid", {"uid": "x"}),
                                     (400, "layer", {"layer": "lpg.places"}), (400, "phone", {"phone": PHONE}),
                                     (404, "fid", {"fid": 999999})):
            got, answer = self.erase(**query)
            self.assertEqual((status, param), (got, answer["param"]), (query, answer))
        self.assertEqual(403, self.erase("editor")[0])  # no function point
        self.assertIn(self.erase("clerk")[0], (403, 404))  # no grant to update
        self.assertEqual(401, self.send("POST", "/admin/api/erasures", None, {}, "application/json")[0])
        self.assertIn("*", self.shown(self.fid)["phone"])
        self.assertEqual([], self.entries("erase"))

    def test_the_operator_does_it_too(self):
        uid = self.shown(self.fid)["uid"]
        words = ("erase", "--layer=lpg.staff", "--uid=" + uid)
        self.assertIn("serve", self.host.run(*words, "--reason=" + REASON, fails=True))
        self.assertEqual(0, self.host.stop())
        self.assertIn("reason", self.host.run(*words, fails=True))
        self.assertIn(uid, self.host.run(*words, "--reason=" + REASON))
        self.host.serve(*self.flags)
        self.tokens.clear()
        self.assertEqual(ERASED, self.shown(self.fid)["phone"])
        self.assertEqual("cim-host", self.entries("erase")[0]["principal"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], "-v", *rest])


if __name__ == "__main__":
    main()
