"""/stream: who is told of which change, in what order, and what a client that comes back missed."""
import http.client
import json
import socket
import threading
import time
import unittest
import urllib.parse
import urllib.request

import host
from host import PASSWORD, get, token
from test_edits import COLLECTION, HAIKOU, SANYA, feature, lines, send

LAYER = "lpg.enterprises"


class Stream:
    """An open stream, read by a thread of its own; `events` grows: (id, event, data)."""

    def __init__(self, who, headers=None, **query):
        address = urllib.parse.urlsplit(host.URL)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        path = "/stream" + ("?" + urllib.parse.urlencode(query) if query else "")
        sent = dict(headers or {})
        if who is not None:
            sent["Authorization"] = "Bearer " + token(who)
        self.connection.request("GET", path, headers=sent)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.events = []
        self.ended = threading.Event()
        if self.status != 200:
            self.answer.read()
            self.ended.set()
        else:
            threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        fields = {}
        try:
            for line in self.answer:
                line = line.decode().rstrip("\n")
                if line == "":
                    if "event" in fields:
                        self.events.append((int(fields.get("id", -1)), fields["event"],
                                            json.loads(fields["data"])))
                    fields = {}
                elif not line.startswith(":"):
                    name, value = line.split(": ", 1)
                    fields[name] = value
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass  # closed, by us or by the host
        self.ended.set()

    def changes(self, layer=LAYER):
        return [(id, data) for id, event, data in list(self.events)
                if event == "change" and data["layer"] == layer]

    def made(self):
        """Fids of new records. The clock job may write to a record soon after it was made."""
        return [data["fid"] for _, data in self.changes() if data["op"] == "create"]

    def wait(self, holds, seconds=10):
        until = time.monotonic() + seconds
        while not holds(self):
            if time.monotonic() > until:
                raise AssertionError("it did not come true; seen: %s" % self.events)
            time.sleep(0.01)
        return self

    def wait_for_hello(self):
        return self.wait(lambda s: any(event == "hello" for _, event, _ in s.events))

    def wait_for_fid(self, fid):
        return self.wait(lambda s: any(data.get("fid") == fid for _, data in s.changes()))

    def close(self):
        """The reader holds the lock of its file while it waits, so the connection goes first."""
        if self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.ended.wait(10)
        self.answer.close()
        self.connection.close()


class Streams(unittest.TestCase):
    def open(self, who, headers=None, **query):
        stream = Stream(who, headers, **query)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        self.assertEqual(stream.answer.headers["Content-Type"], "text/event-stream; charset=utf-8")
        return stream.wait_for_hello()

    def make(self, *args, **kwargs):
        answer = send("POST", COLLECTION, feature(*args, **kwargs))
        self.assertEqual(answer.status, 201, answer.text)
        return int(answer.headers["Location"].rsplit("/", 1)[1])

    def assert_problem(self, status, param, headers=None, who="province", **query):
        answer = get("/stream", who, headers, **query)
        self.assertEqual(answer.status, status, answer.text[:300])
        self.assertEqual(answer.json.get("param") or None, param)


class Told(Streams):
    def test_a_change_is_told_to_those_who_may_see_the_record(self):
        streams = {who: self.open(who) for who in ("province", "haikou", "enterprise", "station")}
        in_haikou = self.make(HAIKOU, "460105")
        in_sanya = self.make(SANYA, "460200")
        last = self.make(HAIKOU, "460106", owner_org="E0001")
        for stream in streams.values():
            stream.wait(lambda s: s is streams["station"] or any(
                data.get("fid") == last for _, data in s.changes()))
        seen = {who: stream.made() for who, stream in streams.items()}
        self.assertEqual(seen["province"], [in_haikou, in_sanya, last])
        self.assertEqual(seen["haikou"], [in_haikou, last])
        self.assertEqual(seen["enterprise"], [last])
        self.assertEqual(seen["station"], [], "a role without the layer")

    def test_what_is_told(self):
        stream = self.open("province", layers=LAYER)
        fid = self.make(HAIKOU, "460105")
        path = "%s/%d" % (COLLECTION, fid)
        self.assertEqual(send("PATCH", path, {"properties": {"name": "改名"}},
                              kind="application/merge-patch+json").status, 200)
        self.assertEqual(send("DELETE", path).status, 204)
        own = lambda: [data for _, data in stream.changes() if data.get("fid") == fid]
        stream.wait(lambda _: own() and own()[-1]["op"] == "delete")
        told = own()
        self.assertEqual({data.pop("op") for data in told[1:-1]}, {"update"})
        self.assertEqual((told[0].pop("op"), told[-1].pop("op")), ("create", "delete"))
        self.assertEqual(told, [{"layer": LAYER, "fid": fid, "area_code": "460105"}] * len(told))
        ids = [id for id, _, _ in stream.events]
        self.assertEqual(ids, sorted(ids))

    def test_a_record_that_leaves_an_area_is_told_there(self):
        fid = self.make(HAIKOU, "460105")
        stream = self.open("haikou")
        answer = send("PATCH", "%s/%d" % (COLLECTION, fid), {"properties": {"area_code": "460200"}},
                      kind="application/merge-patch+json")
        self.assertEqual(answer.status, 200, answer.text)
        stream.wait_for_fid(fid)
        self.assertNotIn("460200", json.dumps(stream.events))

    def test_many_at_once_are_told_as_one(self):
        stream = self.open("haikou", layers=LAYER)
        many = [feature(HAIKOU, "460105") for _ in range(1200)]
        answer = send("POST", COLLECTION, lines(many), kind="application/geo+json-seq")
        self.assertIn(answer.status, (200, 201), answer.text[:300])
        stream.wait(lambda s: s.changes())
        self.assertEqual(stream.changes()[0][1], {"layer": LAYER, "op": "bulk"})
        self.assertEqual(stream.made(), [])

    def test_only_the_layers_asked_for(self):
        other = self.open("province", layers="lpg.stations,lpg.vehicles")
        mine = self.open("province", layers=LAYER)
        mine.wait_for_fid(self.make(HAIKOU, "460105"))
        time.sleep(0.2)
        self.assertEqual(other.changes(), [])

    def test_many_are_told_at_once(self):
        streams = [self.open(who) for who in ("province", "haikou", "admin") for _ in range(15)]
        fid = self.make(HAIKOU, "460105")
        for stream in streams:
            stream.wait_for_fid(fid)


class ComingBack(Streams):
    def test_what_was_missed_comes_first_and_once(self):
        stream = self.open("haikou")
        first = self.make(HAIKOU, "460105")
        stream.wait_for_fid(first)
        last_id = stream.changes()[-1][0]
        stream.close()
        missed = [self.make(HAIKOU, "460105") for _ in range(5)]
        self.make(SANYA, "460200")
        again = self.open("haikou", {"Last-Event-ID": str(last_id)})
        after = self.make(HAIKOU, "460105")
        again.wait_for_fid(after)
        self.assertEqual(again.made(), missed + [after])

    def test_from_the_beginning_of_the_log(self):
        newest = max(id for id, _, _ in self.open("province").events)
        stream = self.open("province", {"Last-Event-ID": "0"})
        stream.wait(lambda s: s.events[-1][0] >= newest)
        self.assertNotIn("resync", [event for _, event, _ in stream.events])

    def test_a_position_that_never_was(self):
        stream = self.open("province", {"Last-Event-ID": "999999999"})
        stream.wait(lambda s: any(event == "resync" for _, event, _ in s.events))
        stream.wait_for_fid(self.make(HAIKOU, "460105"))


class Refused(Streams):
    def test_nobody(self):
        stream = Stream(None)
        stream.close()
        self.assertEqual(stream.status, 401)

    def test_wrong_parameters(self):
        self.assert_problem(400, "layers", layers="lpg.stations,,x")
        self.assert_problem(400, "layers", layers=",".join("lpg.x%d" % i for i in range(65)))
        for text in ("-1", "abc", "1.5", "1 2", "99999999999999999999"):
            self.assert_problem(400, "Last-Event-ID", {"Last-Event-ID": text})

    def test_more_than_an_account_may_have(self):
        streams = [self.open("planner") for _ in range(20)]
        one_more = Stream("planner")
        self.assertEqual(one_more.status, 503)
        self.assertEqual(one_more.answer.headers["Retry-After"], "2")
        one_more.close()
        streams.pop().close()
        until = time.monotonic() + 10
        while one_more.status != 200:
            self.assertLess(time.monotonic(), until, "a place was never free again")
            time.sleep(0.1)
            one_more = Stream("planner")
            one_more.close()

    def test_signing_out_ends_it(self):
        body = json.dumps({"username": "inspector", "password": PASSWORD}).encode()
        request = urllib.request.Request(host.URL + "/auth/login", data=body,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            cookie = answer.headers["Set-Cookie"].split(";")[0]
        me = get("/auth/me", None, {"Cookie": cookie}).json
        stream = self.open(None, {"Cookie": cookie})
        request = urllib.request.Request(host.URL + "/auth/logout", data=b"", method="POST",
                                         headers={"Cookie": cookie, "X-CSRF-Token": me["csrf"]})
        urllib.request.urlopen(request, timeout=30).close()
        self.assertTrue(stream.ended.wait(15), "it goes on")
        self.assertEqual(stream.events[-1][1], "signed-out")


if __name__ == "__main__":
    unittest.main()
