#!/usr/bin/python3
"""Callbacks of OGC API Processes, with a receiver that is a real HTTP server.

usage: test_callbacks.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import signal
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "host"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_host  # noqa: E402
import test_jobs  # noqa: E402

SECRET = "shared-with-the-receiver"


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what was posted; `answers` are statuses for the next requests, 200 after them."""

    def __init__(self):
        super().__init__(("127.0.0.2", 0), Handler)
        self.got, self.answers, self.moved_to = [], [], None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path):
        return "http://127.0.0.2:%d/%s" % (self.server_port, path)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.server.got.append((self.path.strip("/"), status, dict(self.headers), body))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.moved_to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Callbacks(test_jobs.JobsTest):
    flags = ("--jobs.callback_networks=127.0.0.2/32", "--jobs.callback_secret=" + SECRET)

    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.server_close)
        self.addCleanup(self.receiver.shutdown)

    def subscriber(self):
        return {"%sUri" % name: self.receiver.url(name) for name in ("success", "failed", "inProgress")}

    def told(self, n, seconds=30):
        """The first n messages."""
        until = time.monotonic() + seconds
        while len(self.receiver.got) < n:
            self.assertLess(time.monotonic(), until, "told: %s" % self.receiver.got)
            time.sleep(0.02)
        return self.receiver.got[:n]

    def test_progress_then_results_signed(self):
        job = self.submit({"inputs": {"message": "你好", "wait_ms": 1500}, "response": "document",
                           "subscriber": self.subscriber()})
        (first, _, _, running), (second, _, headers, results) = self.told(2)
        self.assertEqual(("inProgress", "success"), (first, second))
        running = json.loads(running)
        self.assertEqual((job, "running"), (running["jobID"], running["status"]))
        self.assertEqual(self.host.url + "jobs/%s?f=json" % job, running["links"][0]["href"])
        self.assertEqual(self.host.get("/jobs/%s/results" % job, self.tokens["ann"])[2], results)
        self.assertEqual("application/json", headers["Content-Type"])
        self.assertEqual(job + "-successful", headers["webhook-id"])
        self.assertLess(abs(time.time() - int(headers["webhook-timestamp"])), 60)
        signed = "%s.%s." % (headers["webhook-id"], headers["webhook-timestamp"])
        mac = hmac.new(SECRET.encode(), signed.encode() + results, hashlib.sha256).digest()
        self.assertEqual("v1," + base64.b64encode(mac).decode(), headers["webhook-signature"])
        time.sleep(1.5)
        self.assertEqual(2, len(self.receiver.got))  # each once

    def test_a_receiver_that_fails_is_asked_again(self):
        self.receiver.answers = [500, 503]
        job = self.submit({"inputs": {"message": "x"}, "subscriber": {"successUri": self.receiver.url("success")}})
        got = self.told(3)
        self.assertEqual([500, 503, 200], [status for _, status, _, _ in got])
        self.assertEqual({job + "-successful"}, {headers["webhook-id"] for _, _, headers, _ in got})
        self.assertEqual([b'"x"'] * 3, [body for _, _, _, body in got])

    def test_failed_and_dismissed(self):
        job = self.submit({"inputs": {"mode": "refuse"}, "subscriber": self.subscriber()}, "eve", "rogue.alone")
        self.wait(job, "failed", "eve")
        path, _, _, body = self.told(1)[-1]
        if path == "inProgress":
            path, _, _, body = self.told(2)[-1]
        self.assertEqual(("failed", "failed", job), (path, json.loads(body)["status"], json.loads(body)["jobID"]))
        del self.receiver.got[:]
        job = self.submit({"inputs": {"message": "x", "wait_ms": 60000},
                           "subscriber": {key: url for key, url in self.subscriber().items() if key[0] != "i"}})
        self.wait(job, "running")
        self.ask("/jobs/" + job, method="DELETE")
        path, _, _, body = self.told(1)[0]
        self.assertEqual(("failed", "dismissed"), (path, json.loads(body)["status"]))

    def test_redirects_are_not_followed_and_gone_ends_it(self):
        other = Receiver()
        self.addCleanup(other.server_close)
        self.addCleanup(other.shutdown)
        self.receiver.moved_to = other.url("elsewhere")
        self.receiver.answers = [302, 410]
        self.submit({"inputs": {"message": "x"}, "subscriber": {"successUri": self.receiver.url("success")}})
        self.told(2)
        time.sleep(5)  # a third attempt would be due
        self.assertEqual(([302, 410], []), ([status for _, status, _, _ in self.receiver.got], other.got))

    def test_a_name_that_leads_inside_is_not_called(self):
        """Addresses are judged as they are called: nothing is amiss with a name but where it leads."""
        inside = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        inside.got, inside.answers = [], []
        threading.Thread(target=inside.serve_forever, daemon=True).start()
        self.addCleanup(inside.server_close)
        self.addCleanup(inside.shutdown)
        for url in ("http://127.0.0.1:%d/x" % inside.server_port, "http://[::1]:%d/x" % inside.server_port,
                    "http://[::ffff:127.0.0.1]/x", "http://10.0.0.1/x", "http://169.254.169.254/latest/meta-data",
                    "http://2130706433/x", "http://0x7f.0.0.3/x", "http://192.168.1.1:8080/"):
            status, _, problem = self.execute({"inputs": {"message": "x"}, "subscriber": {"successUri": url}},
                                              Prefer="respond-async")
            self.assertEqual((400, "subscriber.successUri", url), (status, problem["param"], problem["value"]))
            self.assertIn("jobs.callback_networks", problem["detail_en"])
            self.assertRegex(problem["detail"], "[\u4e00-\u9fff]")
        name = "http://localhost:%d/x" % inside.server_port
        job = self.submit({"inputs": {"message": "x"}, "subscriber": {"successUri": name}})
        until = time.monotonic() + 30
        while job + ": given up" not in self.host.read_log():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        self.assertEqual([], inside.got)

    def test_what_is_no_subscriber(self):
        good = self.receiver.url("success")
        for subscriber, param in (("x", "subscriber"), ({}, "subscriber"), ({"failedUri": good}, "subscriber"),
                                  ({"successUri": 5}, "subscriber.successUri"),
                                  ({"successUri": "ftp://example.org/x"}, "subscriber.successUri"),
                                  ({"successUri": "file:///etc/passwd"}, "subscriber.successUri"),
                                  ({"successUri": "http://me@example.org/"}, "subscriber.successUri"),
                                  ({"successUri": "http://"}, "subscriber.successUri"),
                                  ({"successUri": "http://example.org/" + "x" * 2000}, "subscriber.successUri"),
                                  ({"successUri": good, "moreUri": good}, "subscriber.moreUri"),
                                  ({"successUri": good, "failedUri": "nonsense://x"}, "subscriber.failedUri")):
            status, _, problem = self.execute({"inputs": {"message": "x"}, "subscriber": subscriber},
                                              Prefer="respond-async")
            self.assertIn(status, (400, 413), problem)
            self.assertEqual(param, problem["param"])
        status, _, problem = self.execute({"inputs": {"message": "x"}, "subscriber": {"successUri": good}})
        self.assertEqual((400, "subscriber"), (status, problem["param"]))
        self.assertIn("respond-async", problem["detail_en"])
        self.assertEqual([], self.receiver.got)
        self.assertIn("http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/callback",
                      self.ask("/conformance")[2]["conformsTo"])

    def test_a_message_outlives_the_platform(self):
        self.receiver.answers = [500]
        job = self.submit({"inputs": {"message": "x"}, "subscriber": {"successUri": self.receiver.url("success")}})
        self.told(1)
        self.host.process.send_signal(signal.SIGKILL)
        self.host.process.wait()
        self.host.process.stdout.close()
        self.host.serve(*self.flags)
        self.assertEqual([500, 200], [status for _, status, _, _ in self.told(2, 60)])
        self.assertEqual("successful", self.ask("/jobs/" + job)[2]["status"])

    enabled = ("template", "rogue")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    ARGS, rest = parser.parse_known_args()
    test_jobs.ARGS = test_host.ARGS = ARGS
    unittest.main(argv=[sys.argv[0]] + rest, verbosity=2)
