#!/usr/bin/env python3
"""The worker process dies, hangs and grows, and the platform stays up.

usage: test_supervisor.py --host CIM_HOST --plugins DIR --template DIR --unruly DIR [unittest arguments]
"""
import http.client
import json
import os
import signal
import sqlite3
import sys
import threading
import time
import unittest

import test_host
from test_host import HostTest

LONG_ROWS = 80000  # takes about twice hang_ms under the sanitizers
SOON_S = 20  # a loaded machine; what it really takes is printed


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read()


class Supervised(HostTest):
    def setUp(self):
        self.plugins = test_host.ARGS.unruly
        super().setUp()

    def worker(self):
        pid = self.host.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            return next((int(each) for each in f.read().split()), None)

    def until(self, what, ask):
        end = time.monotonic() + SOON_S
        while time.monotonic() < end:
            try:
                found = ask()
                if found:
                    return found
            except (OSError, http.client.HTTPException):
                pass  # the worker is away
            time.sleep(0.02)
        raise AssertionError("%s never came:\n%s" % (what, self.host.read_log()[-3000:]))

    def status(self, path, token=None):
        return self.host.get(path, token)[0]

    def provoke(self, path, token):
        """Asks for what takes the worker down; how it is answered does not matter."""
        try:
            self.host.get(path, token)
        except (OSError, http.client.HTTPException):
            pass

    def unruly_state(self, token):
        return json.loads(self.host.get("/admin/api/plugins/unruly", token)[2])

    def begin(self, *flags):
        self.host.run("plugin", "enable", "unruly")
        self.add_admin()
        self.host.serve(*flags)
        return self.host.token()


class Replaced(Supervised):
    def test_crash_of_the_worker_is_replaced_at_once(self):
        token = self.begin()
        before = self.worker()
        started = time.monotonic()
        os.kill(before, signal.SIGSEGV)
        self.until("a worker", lambda: self.worker() != before and self.status("/apps/unruly/api/ok", token) == 200)
        print("back after %.2f s" % (time.monotonic() - started), file=sys.stderr)
        self.assertEqual([], self.unruly_state(token)["failures"], "nobody was inside the plugin")

    def test_hung_workers_are_replaced_and_the_plugin_is_named(self):
        token = self.begin("--supervisor.hang_ms=5000", "--http.workers=2", "--http.request_timeout_ms=60000")
        before = self.worker()
        askers = [threading.Thread(target=self.provoke, args=("/apps/unruly/api/hang", token)) for _ in range(4)]
        for asker in askers:
            asker.start()
        self.until("a worker", lambda: self.worker() != before and self.status("/apps/unruly/api/ok", token) == 200)
        for asker in askers:
            asker.join()
        failures = self.unruly_state(token)["failures"]
        self.assertEqual(["hang"], [each["kind"] for each in failures])

    def test_one_slow_call_is_no_hang(self):
        token = self.begin("--supervisor.hang_ms=5000", "--http.workers=3", "--http.stop_grace_ms=100")
        before = self.worker()
        threading.Thread(target=self.provoke, args=("/apps/unruly/api/hang", token), daemon=True).start()
        for _ in range(65):
            self.assertEqual(200, self.status("/apps/unruly/api/ok", token))
            time.sleep(0.1)
        self.assertEqual(before, self.worker())
        self.host.process.kill()  # a handler that hangs is waited for at a stop
        self.host.process.wait()
        self.host.process.stdout.close()
        self.host.process = None

    def test_a_long_import_is_no_hang(self):
        """All workers wait for the store's writer, which is at work for longer than the limit."""
        self.host.plugins = test_host.ARGS.plugins
        with open(os.path.join(self.host.var, "areas.csv"), "w", encoding="utf-8") as f:
            f.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n460100,海口市,city,,,,,\n")
        self.host.run("areas", "import", f.name)
        self.host.run("plugin", "enable", "lpg")
        self.add_admin("platform-admin,data-manager,regulator")
        self.host.serve("--supervisor.hang_ms=5000", "--http.workers=2", "--http.request_timeout_ms=120000")
        token, before = self.host.token(), self.worker()
        line = json.dumps({"type": "Feature", "geometry": {"type": "Point", "coordinates": [110.3, 20]},
                           "properties": {"name": "t", "class": "town", "area_code": "460100"}}) + "\n"
        head = {"Content-Type": "application/x-ndjson"}
        seen = []

        def post(lines):
            started = time.monotonic()
            status = self.host.get("/collections/lpg.places/items", token, "POST", (line * lines).encode(), head)[0]
            seen.append((status, time.monotonic() - started))

        posts = [threading.Thread(target=post, args=(n,)) for n in (LONG_ROWS, 1, 1, 1, 1)]
        for each in posts:
            each.start()
            time.sleep(0.1)
        for each in posts:
            each.join()
        self.assertEqual([201] * 5, [status for status, _ in seen])
        self.assertEqual(before, self.worker())
        print("the longest took %.1f s" % max(took for _, took in seen), file=sys.stderr)

    def test_memory_over_the_limit_replaces_the_worker(self):
        self.begin()
        with open("/proc/%d/statm" % self.worker(), encoding="ascii") as f:
            used_mib = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
        self.host.stop()
        self.host.serve("--supervisor.memory_mib=%d" % (used_mib + 150))
        token = self.host.token()
        before = self.worker()
        self.provoke("/apps/unruly/api/leak", token)
        self.until("a worker", lambda: self.worker() != before and self.status("/apps/unruly/api/ok", token) == 200)
        failure = self.unruly_state(token)["failures"][0]
        self.assertEqual("memory", failure["kind"])
        self.assertGreater(failure["number"], used_mib + 150)


class OutOfService(Supervised):
    def test_plugin_that_keeps_crashing_is_put_out_and_the_platform_stays(self):
        token = self.begin()
        for i in range(5):
            self.assertEqual("enabled", self.unruly_state(token)["state"])
            before = self.worker()
            self.provoke("/apps/unruly/api/crash", token)
            self.until("a worker", lambda: self.worker() not in (before, None) and self.status("/health") == 200)
            failures = self.until("history", lambda: self.unruly_state(token)["failures"])
            self.assertEqual(i + 1, len(failures), self.host.read_log()[-4000:])
        out = self.unruly_state(token)
        self.assertEqual("failed", out["state"])
        self.assertIn("5", out["reason"])
        self.assertEqual(["crash"] * 5, [each["kind"] for each in out["failures"]])
        self.assertEqual([signal.SIGSEGV] * 5, [each["number"] for each in out["failures"]])
        self.assertEqual(503, self.status("/apps/unruly/api/ok", token))
        self.assertEqual(200, self.status("/ready"))
        self.host.stop()
        self.assertRegex(self.host.run("plugin", "list"), r"unruly +\S+ +failed +.*5")
        self.host.serve()
        self.assertEqual(503, self.status("/apps/unruly/api/ok", token), "out of service after a restart too")
        self.assertEqual(200, self.host.get("/admin/api/plugins/unruly/enable", token, "POST", b"")[0])
        self.assertEqual(200, self.status("/apps/unruly/api/ok", token))


class UnderLoad(Supervised):
    """Six clients that keep their connections write and read; the worker is killed or replaced."""

    def setUp(self):
        super().setUp()
        self.host.plugins = test_host.ARGS.plugins
        with open(os.path.join(self.host.var, "areas.csv"), "w", encoding="utf-8") as f:
            f.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n460100,海口市,city,,,,,\n")
        self.host.run("areas", "import", f.name)
        self.host.run("plugin", "enable", "lpg")
        self.add_admin("platform-admin,data-manager,regulator")
        self.host.serve("--http.workers=4")
        self.token = self.host.token()
        self.over, self.acknowledged, self.wrong, self.cut = threading.Event(), [], [], []
        self.clients = [threading.Thread(target=self.work, args=(i,)) for i in range(6)]

    def work(self, first):
        n, connection = first, None
        address = self.host.url.split("//")[1].rstrip("/")
        head = {"Authorization": "Bearer " + self.token, "Content-Type": "application/geo+json"}
        while not self.over.is_set():
            n += 10
            feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [110.3, 20]},
                       "properties": {"name": "t%d" % n, "class": "town", "area_code": "460100"}}
            try:
                connection = connection or http.client.HTTPConnection(address, timeout=30)
                connection.request("POST", "/collections/lpg.places/items", json.dumps(feature), head)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 201:
                    self.acknowledged.append("t%d" % n)
                else:
                    self.wrong.append((answer.status, body))
                connection.request("GET", "/collections/lpg.places/items?limit=3", headers=head)
                answer = connection.getresponse()
                page = json.loads(answer.read())
                if answer.status != 200 or page["numberMatched"] < len(page["features"]):
                    self.wrong.append((answer.status, page))
            except (OSError, http.client.HTTPException) as e:
                self.cut.append(repr(e))
                connection = None
        if connection is not None:
            connection.close()

    def go(self, disturb, times):
        for client in self.clients:
            client.start()
        try:
            for _ in range(times):
                time.sleep(1)
                before, done = self.worker(), len(self.acknowledged)
                started = time.monotonic()
                disturb(before)
                self.until("a write", lambda: self.worker() not in (before, None) and
                           not os.path.exists("/proc/%d" % before) and len(self.acknowledged) > done + 6)
                print("over and written again after %.2f s" % (time.monotonic() - started), file=sys.stderr)
        finally:
            self.over.set()
            for client in self.clients:
                client.join()
        self.assertEqual([], self.wrong[:3])
        status, _, body = self.host.get("/collections/lpg.places/items?limit=10000", self.token)
        self.assertEqual(200, status)
        stored = [each["properties"]["name"] for each in json.loads(body)["features"]]
        self.assertEqual(len(stored), len(set(stored)))
        self.assertEqual([], [name for name in self.acknowledged if name not in set(stored)])
        self.assertGreater(len(self.acknowledged), 50)
        with sqlite3.connect(os.path.join(self.host.var, "cim.gpkg")) as other:
            n, first, last = other.execute("select count(*), min(pos), max(pos) from cim_change").fetchone()
        self.assertEqual(n, last - first + 1, "positions have gaps")

    def test_nothing_acknowledged_is_lost_when_the_worker_is_killed(self):
        self.go(lambda worker: os.kill(worker, signal.SIGKILL), 3)

    def test_upgrade_loses_nothing_in_flight(self):
        self.go(lambda worker: self.host.process.send_signal(signal.SIGHUP), 3)
        self.assertEqual([], self.cut, "a connection was cut")

    def test_upgrade_by_the_admin_api(self):
        self.go(lambda worker: self.assertEqual(
            202, self.host.get("/admin/api/platform/upgrade", self.token, "POST", b"")[0]), 1)
        self.assertEqual([], self.cut, "a connection was cut")


class Upgrade(Supervised):
    def test_slow_answers_come_from_the_old_worker(self):
        token = self.begin()
        before, answers = self.worker(), []
        slow = threading.Thread(target=lambda: answers.append(self.status("/apps/unruly/api/slow", token)))
        slow.start()
        time.sleep(0.5)
        self.host.process.send_signal(signal.SIGHUP)
        self.until("the new worker", lambda: "serves, %d drains" % before in self.host.read_log())
        self.assertEqual([], answers)
        self.assertEqual(200, self.status("/apps/unruly/api/ok", token))
        slow.join()
        self.assertEqual([200], answers)
        self.until("the end of the old worker", lambda: "worker %d has drained" % before in self.host.read_log())

    def test_event_streams_do_not_hold_the_old_worker(self):
        token = self.begin()
        before = self.worker()
        connection = http.client.HTTPConnection(self.host.url.split("//")[1].rstrip("/"), timeout=60)
        connection.request("GET", "/stream", headers={"Authorization": "Bearer " + token})
        answer = connection.getresponse()
        self.assertEqual(200, answer.status)
        self.host.process.send_signal(signal.SIGHUP)
        self.until("the end of the old worker", lambda: "worker %d has drained" % before in self.host.read_log())
        try:
            while answer.read1(1000):
                pass
        except (OSError, http.client.HTTPException):
            pass  # cut in the middle of a chunked answer: the client comes back
        connection.close()
        self.assertEqual(200, self.status("/apps/unruly/api/ok", token))

    def test_new_worker_that_cannot_start_leaves_the_old_one(self):
        config = os.path.join(self.host.var, "host.json")
        with open(config, "w", encoding="utf-8") as f:
            f.write("{}")
        token = self.begin("--config=" + config)
        before = self.worker()
        with open(config, "w", encoding="utf-8") as f:
            f.write('{"nobody.knows": 1}')
        self.host.process.send_signal(signal.SIGHUP)
        self.until("the refusal", lambda: "did not get ready" in self.host.read_log())
        self.assertEqual(before, self.worker())
        self.assertEqual(200, self.status("/apps/unruly/api/ok", token))


class Alone(Supervised):
    def test_without_supervisor_one_process_serves(self):
        self.add_admin()
        self.host.serve("--no-supervisor")
        pid = self.host.process.pid
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            self.assertEqual("", f.read().strip())
        self.assertEqual(0, self.host.stop())

    def test_a_worker_that_cannot_start_says_why_and_ends_it_all(self):
        text = self.host.run("serve", "--port=0", "--nobody.knows=1", fails=True)
        self.assertIn("nobody.knows", text)

    def test_a_supervisor_that_is_killed_takes_its_worker_along(self):
        self.host.serve()
        worker = self.worker()
        self.host.process.kill()
        self.host.process.wait()
        self.host.process.stdout.close()
        self.host.process = None
        self.until("the end of the worker", lambda: not os.path.exists("/proc/%d" % worker) or
                   ") Z" in read("/proc/%d/stat" % worker))
        self.host.run("migrate")


if __name__ == "__main__":
    test_host.main()
