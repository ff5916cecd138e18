#!/usr/bin/env python3
"""What writing promises: done once however often it is sent, undone when asked, gone when its time is over.

usage: test_writes.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
import unittest
import urllib.parse

from platform_places import GEOJSON, ITEMS, PASSWORD, PlacesTest, collection, lines, place, psql, test_host


SHORT = "lpg.drills"  # kept for some years


@contextlib.contextmanager
def locked(table):
    """Another client has the table of the platform's database to itself."""
    database = test_host.CLEAN["CIM_STORE_URL"].split("///")[1].split("?")[0]
    holder = subprocess.Popen(["psql", "-X", "-q", "-h", os.environ["CIM_TEST_PG"], "-U", "cim", "-d", database, "-c",
                               "begin; lock table %s in exclusive mode; select pg_sleep(60)" % table],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while psql(database, "select count(*) from pg_locks where relation = '%s'::regclass and mode = 'ExclusiveLock' "
                   "and granted" % table).strip() == "0":
            time.sleep(0.05)
        yield
    finally:
        psql(database, "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and "
             "pid <> pg_backend_pid()")
        holder.wait()


def shown(answer):
    """Of an answer what must be the same when it is given again."""
    status, headers, body = answer
    return status, headers["ETag"], headers["Location"], headers["Content-Type"], body


class Idempotency(PlacesTest):
    flags = ("--password.max_age_days=0",)  # keys live longer than passwords do

    def assert_again(self, first, again, status):
        self.assertEqual(status, first[0], first[2])
        self.assertIsNone(first[1]["Idempotency-Replayed"])
        self.assertEqual("true", again[1]["Idempotency-Replayed"], again[2])
        self.assertEqual(shown(first), shown(again))

    def test_sent_twice_is_done_once(self):
        made = [self.send("POST", ITEMS, self.editor, place("甲"), Idempotency_Key='"k-1"') for _ in range(2)]
        self.assert_again(*made, 201)
        self.assertEqual(1, self.added())
        item = made[0][1]["Location"].split("//")[1].split("/", 1)[1]
        tag = made[0][1]["ETag"]
        for method, body, kind, status in (
                ("PATCH", {"properties": {"name": "乙"}}, "application/merge-patch+json", 200),
                ("PUT", place("丙"), GEOJSON, 200),
                ("DELETE", None, None, 204)):
            both = [self.send(method, "/" + item, self.editor, body, kind, If_Match=tag,
                              Idempotency_Key="k-" + method) for _ in range(2)]
            self.assert_again(*both, status)  # the second would fail: the version is stale by then
            tag = both[0][1]["ETag"]
        # What was done stays done, whatever happened to the record since.
        self.assertEqual(shown(made[0]), shown(self.send("POST", ITEMS, self.editor, place("甲"),
                                                         Idempotency_Key="k-1")))
        self.assertEqual(0, self.added())

    @unittest.skipUnless("CIM_TEST_PG" in os.environ, "a lock of another client is what a statement waits for")
    def test_what_takes_too_long_is_stopped_and_leaves_nothing(self):
        self.restart("--store.write_timeout_ms=300")
        try:
            editor = self.token("editor")
            with locked("lpg_place"):
                began = time.monotonic()
                status, headers, body = self.send("POST", ITEMS, editor, place("甲"), Idempotency_Key="slow")
                self.assertEqual((503, True), (status, "Retry-After" in headers), body)
                self.assertLess(time.monotonic() - began, 9)  # 10 s is what a lock is waited for without
                self.assertEqual(200, self.send("GET", ITEMS, editor)[0])
            again = self.send("POST", ITEMS, editor, place("甲"), Idempotency_Key="slow")
            self.assertEqual((201, None), (again[0], again[1]["Idempotency-Replayed"]), again[2])
        finally:
            self.restart()
        self.editor = self.token("editor")
        self.assertEqual(1, self.added())

    def test_many_rows_and_files_too(self):
        many = [place("镇%d" % i) for i in range(30)]
        for path, body, kind, status in (
                (ITEMS, collection(*many), GEOJSON, 201),
                (ITEMS, lines(*many), "application/x-ndjson", 201),
                ("/admin/api/imports?layer=lpg.places", collection(*many), GEOJSON, 200)):
            both = [self.send("POST", path, self.editor, body, kind, Idempotency_Key="m-" + kind + path[:3])
                    for _ in range(2)]
            self.assert_again(*both, status)
        self.assertEqual(90, self.added())

    def test_another_request_under_the_same_key_is_refused(self):
        made = self.send("POST", ITEMS, self.editor, place("甲"), Idempotency_Key="same-key")
        self.assertEqual(201, made[0])
        item = "%s/%s" % (ITEMS, json.loads(made[2])["id"])
        for method, path, body in (("POST", ITEMS, place("乙")), ("POST", ITEMS + "?row-wise=true", place("甲")),
                                   ("PUT", item, place("甲")), ("DELETE", item, None)):
            status, headers, text = self.send(method, path, self.editor, body, Idempotency_Key="same-key")
            problem = json.loads(text)
            self.assertEqual((422, "Idempotency-Key", "same-key"),
                             (status, problem["param"], problem["value"]), text)
            self.assertIn("POST " + ITEMS, problem["detail"])
            self.assertIn("expected that same request again, or another key", problem["detail_en"])
            self.assertEqual("application/problem+json", headers["Content-Type"].split(";")[0])
        self.assertEqual(1, self.added())
        # A key is its principal's own.
        other = self.token("other")
        self.assertEqual(201, self.send("POST", ITEMS, other, place("乙"), Idempotency_Key="same-key")[0])
        self.assertEqual(2, self.added())

    def test_of_several_at_once_one_writes(self):
        """Long enough that all of them have begun before the first has ended."""
        body = lines(*[place("镇%d" % i) for i in range(300)])
        answers = []

        def write():
            answers.append(self.send("POST", ITEMS, self.editor, body, "application/x-ndjson",
                                     Idempotency_Key="at-once"))

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(300, self.added())
        self.assertEqual({201}, {status for status, _, _ in answers})
        self.assertEqual(1, len({shown(answer) for answer in answers}))
        self.assertEqual(3, sum(headers["Idempotency-Replayed"] == "true" for _, headers, _ in answers))

    def test_of_several_that_saw_one_version_one_writes(self):
        _, headers, _ = self.send("POST", ITEMS, self.editor, place("甲"))
        where = urllib.parse.urlsplit(headers["Location"]).path
        for n in range(5):
            _, seen, _ = self.send("GET", where, self.editor)
            together = threading.Barrier(6)
            answers = []

            def write(i, seen=seen, together=together, answers=answers, n=n):
                together.wait()
                answers.append((self.send("PATCH", where, self.editor, {"properties": {"name": "甲%d%d" % (n, i)}},
                                          "application/merge-patch+json", If_Match=seen["ETag"])[0], "甲%d%d" % (n, i)))

            threads = [threading.Thread(target=write, args=(i,)) for i in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([200] + 5 * [412], sorted(status for status, _ in answers))
            kept = json.loads(self.send("GET", where, self.editor)[2])["properties"]["name"]
            self.assertEqual([kept], [name for status, name in answers if status == 200])

    def test_what_was_refused_leaves_its_key_free(self):
        wrong = place("甲", **{"class": "hamlet"})
        self.assertEqual(400, self.send("POST", ITEMS, self.editor, wrong, Idempotency_Key="free")[0])
        self.assertEqual(400, self.send("POST", ITEMS + "?row-wise=true", self.editor, wrong, Idempotency_Key="free")[0])
        dry = "/admin/api/imports?layer=lpg.places&dry_run=1"
        self.assertEqual(200, self.send("POST", dry, self.editor, collection(place("甲")), Idempotency_Key="free")[0])
        self.assertEqual(201, self.send("POST", ITEMS, self.editor, place("甲"), Idempotency_Key="free")[0])
        for key in ("", '""', "with space", "x" * 256, "ü"):
            status, _, text = self.send("POST", ITEMS, self.editor, place("乙"), Idempotency_Key=key.encode("utf-8"))
            self.assertEqual((400, "Idempotency-Key"), (status, json.loads(text)["param"]), key)
        self.assertEqual(1, self.added())

    def test_keys_outlive_the_host_and_not_their_time(self):
        answers = []
        for day, kill in ((27, False), (27, True), (29, False)):
            self.restart("--clock.fixed=2036-11-%dT00:00:00Z" % day, kill=kill)
            answers.append(self.send("POST", ITEMS, self.token("editor"), place("甲"),
                                     Idempotency_Key="day"))
        self.restart()
        # The address is another after each start: the answer names the one of its time.
        self.assertEqual(shown(answers[0]), shown(answers[1]))
        self.assertEqual(201, answers[2][0])
        self.assertNotEqual(answers[0][1]["Location"], answers[2][1]["Location"])


class Batches(PlacesTest):
    def make(self, n=30):
        status, _, body = self.send("POST", ITEMS, self.editor, lines(*[place("镇%d" % i) for i in range(n)]),
                                    "application/x-ndjson")
        self.assertEqual(201, status, body)
        return json.loads(body)["batch"]

    def undo(self, batch, who="editor", query=""):
        status, _, body = self.host.get("/admin/api/batches/%s/undo%s" % (batch, query), self.token(who), "POST", b"")
        return status, json.loads(body)

    def records(self):
        features = json.loads(self.host.get(ITEMS + "?limit=1000", self.editor)[2])["features"]
        return {each["id"]: each for each in features}

    def listed(self, who="editor", query=""):
        status, _, body = self.host.get("/admin/api/batches" + query, self.token(who))
        self.assertEqual(200, status, body)
        return json.loads(body)["batches"]

    def test_undone_and_undone_again(self):
        older = self.records()
        batch = self.make()
        made = {id: each for id, each in self.records().items() if id not in older}
        self.assertEqual(30, len(made))
        entry = self.listed()[0]
        self.assertEqual((batch, "create", 30, "lpg.places", "editor"),
                         tuple(entry[name] for name in ("id", "op", "records", "layer", "principal")))
        status, report = self.undo(batch)
        self.assertEqual((200, 30, 0), (status, report["written"], report["refused_total"]), report)
        self.assertEqual(older.keys(), self.records().keys())
        self.assertEqual((report["batch"], batch), (self.listed()[0]["id"], self.listed()[0]["undo_of"]))
        self.assertEqual(report["batch"], self.listed()[1]["undone_by"])
        self.assertEqual(409, self.undo(batch)[0])  # undone already
        # An undo is undone as well: the same records with fid and uid, under new versions.
        status, again = self.undo(report["batch"])
        self.assertEqual((200, 30), (status, again["written"]), again)
        back = {id: each for id, each in self.records().items() if id not in older}
        self.assertEqual(made.keys(), back.keys())
        for id, each in made.items():
            for name, value in each["properties"].items():
                if name not in ("version", "updated_at"):
                    self.assertEqual(value, back[id]["properties"][name], name)
            self.assertEqual(each["geometry"], back[id]["geometry"])
        status, last = self.undo(again["batch"])
        self.assertEqual((200, 30), (status, last["written"]), last)

    def test_what_was_changed_since_is_told_and_stays(self):
        batch = self.make(10)
        changed = max(self.records())
        self.assertEqual(200, self.send("PATCH", "%s/%d" % (ITEMS, changed), self.editor,
                                        {"properties": {"name": "改"}}, "application/merge-patch+json")[0])
        self.assertEqual(204, self.send("DELETE", "%s/%d" % (ITEMS, changed - 1), self.editor)[0])
        status, report = self.undo(batch)
        self.assertEqual(409, status, report)
        self.assertEqual({changed: "version", changed - 1: "fid"},
                         {each["fid"]: each["field"] for each in report["refused"]})
        self.assertEqual(9, self.added())  # nothing was written
        status, report = self.undo(batch, query="?row_wise=true")
        self.assertEqual((200, 8, 2), (status, report["written"], report["refused_total"]), report)
        self.assertEqual(1, self.added())
        self.assertEqual("改", self.records()[changed]["properties"]["name"])

    def test_imports_and_whose_they_are(self):
        status, _, body = self.send("POST", "/admin/api/imports?layer=lpg.places", self.editor,
                                    {"type": "FeatureCollection", "features": [place("甲"), place("乙")]})
        self.assertEqual(200, status, body)
        batch = json.loads(body)["batch"]
        self.assertNotIn(batch, [each["id"] for each in self.listed("other")])
        self.assertEqual(404, self.undo(batch, "other")[0])
        self.assertIn(batch, [each["id"] for each in self.listed("admin", "?layer=lpg.places")])
        self.assertEqual(403, self.undo(batch, "admin")[0])  # who runs the platform writes no records
        self.assertEqual(2, self.added())
        self.assertEqual(404, self.undo("01a21baa-dd3a-7109-8e62-20ed10084c30")[0])
        status, _, body = self.host.get("/admin/api/batches?limit=0", self.editor)
        self.assertEqual((400, "limit"), (status, json.loads(body)["param"]))
        self.assertEqual(0, self.host.stop())
        self.assertIn(batch, self.host.run("batch", "list", "--layer=lpg.places"))
        self.assertIn("written 2,", self.host.run("batch", "undo", batch))
        self.assertIn("already", self.host.run("batch", "undo", batch, fails=True))
        self.host.serve()
        self.assertEqual(0, self.added())
        # One record is no batch.
        self.assertEqual(201, self.send("POST", ITEMS, self.editor, place("甲"))[0])
        self.assertNotEqual(1, self.listed()[0]["records"])


class Retention(PlacesTest):
    flags = ("--clock.fixed=2026-11-27T00:00:00Z",)

    def retention(self, *words):
        text = self.host.run("retention", "run", *words, "--clock.fixed=2036-11-27T00:00:00Z")
        rows = [line.split() for line in text.splitlines() if re.search(" (gone|would go)$", line)]
        return {row[0]: int(row[3]) for row in rows}

    def test_what_is_past_its_time_goes_and_the_audit_stays_sound(self):
        with open(os.path.join(os.path.dirname(__file__), "../../../layers/codes.json"), encoding="utf-8") as file:
            kind = json.load(file)["plan_kind"]["values"][0]["value"]
        for number in range(3):
            drill = {"type": "Feature", "geometry": None, "properties": {
                "drill_no": "D%d" % number, "kind": kind, "held_on": "2026-01-01", "topic": "泄漏",
                "area_code": "460100"}}
            status, _, body = self.send("POST", "/collections/%s/items" % SHORT, self.editor, drill)
            self.assertEqual(201, status, body)
        status, _, body = self.send("POST", ITEMS, self.editor, lines(place("甲"), place("乙")),
                                    "application/x-ndjson", Idempotency_Key="old")
        self.assertEqual(201, status, body)
        self.assertEqual(0, self.host.stop())
        self.assertIn(" 0 faults", self.host.run("audit", "verify"))
        dry = self.retention("--dry-run")
        self.assertEqual((3, 1, 1), tuple(dry[name] for name in (SHORT, "batches", "idempotency-keys")))
        self.assertGreater(dry["changes"], 3)
        self.assertGreater(dry["audit"], 5)
        self.assertNotIn("lpg.places", dry)  # permanent
        self.assertNotIn("lpg.enterprises", dry)  # ten years, but a register of what exists
        gone = self.retention()
        self.assertEqual(dry[SHORT], gone[SHORT])
        self.assertGreaterEqual(gone["changes"], dry["changes"])
        # What went left its own entries, which are new; the chain begins where the old ones ended.
        self.assertRegex(self.host.run("audit", "verify"), r"(?m)entries \((?!1 )\d+ to \d+\).* 0 faults$")
        self.assertIn('"action":"retention"', self.host.run("audit", "list"))
        self.assertEqual({0}, set(self.retention("--dry-run").values()) - {1})
        self.host.serve()
        self.tokens.clear()
        self.editor = self.token("editor")
        self.assertEqual(2, self.added())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], "-v", *rest])


class Areas(PlacesTest):
    """An old district of Haikou, with another code of its own, whose last day is 2026-12-31 in Beijing."""
    flags = ("--clock.fixed=2026-12-31T15:59:59Z",)

    def named(self, name, status, **properties):
        got, _, text = self.send("POST", ITEMS, self.token("editor"), place(name, **properties))
        self.assertEqual(status, got, text)
        return json.loads(text)

    def found(self, who="editor", **query):
        page = json.loads(self.host.get(ITEMS + "?" + urllib.parse.urlencode(query), self.token(who))[2])
        return sorted(each["properties"]["name"] for each in page["features"])

    def test_other_codes_and_a_last_day(self):
        self.assertEqual(0, self.host.stop())
        with open(self.host.var + "/areas.csv", "w", encoding="utf-8") as file:
            file.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n460000,海南省,province,,,,,\n"
                       "460100,海口市,city,460000,,,,\n460121,旧琼山,county,460100,460003 460199,,2026-12-31,460100\n"
                       "yangpu,洋浦经济开发区,park,460000,,2027-01-01,,460000\n")
        self.host.run("areas", "import", file.name)
        self.host.run("user", "add", "old", "--roles", "data-manager,regulator", "--areas", "460121",
                      "--password-file=-", stdin=PASSWORD + "\n")
        self.host.serve(*self.flags)
        self.tokens.clear()
        kept = self.named("甲", 201, area_code="460121")
        self.assertEqual("460121", self.named("乙", 201, area_code="460199")["properties"]["area_code"])
        self.named("丙", 201, area_code="460100")
        for code in ("460121", "460003", "460199"):
            self.assertEqual(["乙", "甲"], self.found(area=code))
        self.assertEqual(["乙", "甲"], self.found("old"))
        self.assertEqual("area_code", self.named("丁", 400, area_code="yangpu")["param"])
        self.restart("--clock.fixed=2026-12-31T16:00:00Z")  # the new year in Beijing
        self.named("丁", 201, area_code="yangpu")
        refusal = self.named("戊", 400, area_code="460199")
        self.assertEqual(("area_code", "460121"), (refusal["param"], refusal["value"]), refusal)
        self.assertIn("no new records", refusal["detail_en"])
        self.assertEqual(["乙", "甲"], self.found(area="460003"))
        self.assertEqual(["丙", "乙", "甲"], self.found(area="460100"))
        self.assertEqual([], self.found("old"))
        item = "%s/%d" % (ITEMS, kept["id"])
        # A record of old may be corrected where it is, and leaves for good.
        for code, status in (("460121", 200), ("460100", 200), ("460121", 400)):
            answer = self.send("PUT", item, self.token("editor"), place("甲二", area_code=code))
            self.assertEqual(status, answer[0], answer[2])


if __name__ == "__main__":
    main()
