#!/usr/bin/env python3
"""What writing promises: done once however often it is sent.

usage: test_writes.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import json
import sys
import threading
import unittest

from platform_places import GEOJSON, ITEMS, PlacesTest, collection, lines, place, test_host


def shown(answer):
    """Of an answer what must be the same when it is given again."""
    status, headers, body = answer
    return status, headers["ETag"], headers["Location"], headers["Content-Type"], body


class Idempotency(PlacesTest):
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], "-v", *rest])


if __name__ == "__main__":
    main()
