#!/usr/bin/python3
"""Processes and jobs as a client meets them: OWSLib, plain HTTP, the command line.

usage: test_jobs.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "host"))
import test_host  # noqa: E402
from owslib.ogcapi.processes import Processes  # noqa: E402

OGC = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"


class JobsTest(unittest.TestCase):
    """One platform for all: every test uses accounts of its own."""

    @classmethod
    def setUpClass(cls):
        cls.host = test_host.Platform(ARGS.plugins)
        for name, roles in (("admin", "platform-admin"), ("ann", "note-reader"), ("bob", "note-reader"),
                            ("eve", "breaker")):
            cls.host.run("user", "add", name, "--roles", roles, "--areas=*", "--password-file=-",
                         stdin=test_host.PASSWORD + "\n")
        for plugin in cls.enabled:
            cls.host.run("plugin", "enable", plugin)
        cls.host.serve(*cls.flags)
        cls.tokens = {name: cls.host.token(name) for name in ("admin", "ann", "bob", "eve")}

    enabled = ("template",)
    flags = ()

    @classmethod
    def tearDownClass(cls):
        cls.host.close()

    def ask(self, path, who="ann", method="GET", body=None, headers=None):
        """Status, headers and the document (text where it is none)."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        status, heads, text = self.host.get(path, self.tokens.get(who), method, body, headers)
        try:
            return status, heads, json.loads(text)
        except ValueError:
            return status, heads, text.decode()

    def execute(self, body, who="ann", process="template.echo", **headers):
        return self.ask("/processes/%s/execution" % process, who, "POST", body,
                        {name.replace("_", "-"): value for name, value in headers.items()})

    def submit(self, body, who="ann", process="template.echo"):
        status, headers, job = self.execute(body, who, process, Prefer="respond-async")
        self.assertEqual(201, status, job)
        self.assertEqual(self.host.url.rstrip("/") + "/jobs/" + job["jobID"], headers["Location"])
        return job["jobID"]

    def wait(self, job, state, who="ann", seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            status, _, doc = self.ask("/jobs/" + job, who)
            self.assertEqual(200, status, doc)
            if doc["status"] == state:
                return doc
            time.sleep(0.02)
        self.fail("job %s is %s and not %s" % (job, doc, state))


class Descriptions(JobsTest):
    def test_owslib_lists_and_describes(self):
        client = Processes(self.host.url, headers={"Authorization": "Bearer " + self.tokens["ann"]})
        listed = client.processes()["processes"]
        self.assertEqual(["template.echo"], [one["id"] for one in listed])
        self.assertEqual(["async-execute", "sync-execute"], listed[0]["jobControlOptions"])
        self.assertEqual(["value"], listed[0]["outputTransmission"])
        described = client.process("template.echo")
        self.assertEqual("1.0.0", described["version"])
        self.assertEqual({"message", "wait_ms"}, set(described["inputs"]))
        self.assertEqual(0, described["inputs"]["wait_ms"]["minOccurs"])
        self.assertEqual("integer", described["inputs"]["wait_ms"]["schema"]["type"])
        self.assertEqual({"echo", "run"}, set(described["outputs"]))
        self.assertTrue(any(link["rel"].endswith("/execute") for link in described["links"]))

    def test_languages_and_pages(self):
        self.assertEqual("回声", self.ask("/processes/template.echo?lang=zh")[2]["title"])
        self.assertEqual("Echo", self.ask("/processes/template.echo?lang=en")[2]["title"])
        for path in ("/processes", "/processes/template.echo", "/jobs"):
            status, headers, text = self.ask(path + "?f=html")
            self.assertEqual(200, status)
            self.assertIn("text/html", headers["Content-Type"])
            self.assertIn("<h1", text)

    def test_only_who_may_run_sees(self):
        self.assertEqual([], self.ask("/processes", "admin")[2]["processes"])
        self.assertEqual(403, self.ask("/processes/template.echo", "admin")[0])
        self.assertEqual(403, self.execute({"inputs": {"message": "x"}}, "admin")[0])
        self.assertEqual(401, self.ask("/processes", None)[0])
        self.assertEqual(401, self.execute({"inputs": {"message": "x"}}, None)[0])

    def test_conformance_and_landing_page(self):
        classes = self.ask("/conformance")[2]["conformsTo"]
        for name in ("core", "ogc-process-description", "json", "html", "oas30", "job-list", "dismiss"):
            self.assertIn("http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/" + name, classes)
        rels = [link["rel"] for link in self.ask("/")[2]["links"]]
        self.assertIn("http://www.opengis.net/def/rel/ogc/1.0/processes", rels)
        self.assertIn("http://www.opengis.net/def/rel/ogc/1.0/job-list", rels)

    def test_openapi_has_the_paths(self):
        paths = self.ask("/api?f=json")[2]["paths"]
        for path, methods in (("/processes", {"get"}), ("/processes/{id}", {"get"}),
                              ("/processes/{id}/execution", {"post"}), ("/jobs", {"get"}),
                              ("/jobs/{id}", {"get", "delete"}), ("/jobs/{id}/results", {"get"})):
            self.assertEqual(methods, set(paths[path]), path)


class Running(JobsTest):
    def test_within_the_request(self):
        status, headers, doc = self.execute({"inputs": {"message": "你好"}})
        self.assertEqual((200, "你好"), (status, doc))
        self.assertIn("application/json", headers["Content-Type"])
        status, _, doc = self.execute({"inputs": {"message": {"value": "x"}}, "response": "document"})
        self.assertEqual(200, status)
        self.assertEqual("x", doc["echo"])
        run = doc["run"]["value"]
        self.assertEqual(("template.echo", "1.0.0"), (run["process"], run["version"]))
        self.assertEqual({"message": "x", "wait_ms": 0}, run["inputs"])
        self.assertGreaterEqual(run["pos"], 0)
        self.assertEqual([], [job for job in self.ask("/jobs")[2]["jobs"] if job["x-cim-owner"] != "ann"])

    def test_as_a_job_with_the_same_bytes(self):
        body = {"inputs": {"message": "twice", "wait_ms": 0}, "response": "document"}
        sync = self.host.get("/processes/template.echo/execution", self.tokens["ann"], "POST",
                             json.dumps(body).encode(), {"Content-Type": "application/json"})[2]
        job = self.submit(body)
        done = self.wait(job, "successful")
        self.assertEqual(100, done["progress"])
        self.assertEqual("process", done["type"])
        self.assertEqual("template.echo", done["processID"])
        for key in ("created", "started", "finished", "updated"):
            self.assertRegex(done[key], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(sync, self.host.get("/jobs/%s/results" % job, self.tokens["ann"])[2])

    def test_progress_and_dismissal_within_a_second(self):
        job = self.submit({"inputs": {"message": "slow", "wait_ms": 30000}})
        self.wait(job, "running")
        deadline = time.monotonic() + 10
        while self.ask("/jobs/" + job)[2].get("message") is None and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual("waiting", self.ask("/jobs/" + job + "?lang=en")[2]["message"])
        status, _, problem = self.ask("/jobs/%s/results" % job)
        self.assertEqual((404, OGC + "result-not-ready"), (status, problem["type"]))
        status, _, doc = self.ask("/jobs/" + job, method="DELETE")
        self.assertEqual((200, "dismissed"), (status, doc["status"]))
        began = time.monotonic()
        after = self.submit({"inputs": {"message": "next"}})  # one of an owner runs at once
        self.wait(after, "successful")
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual("dismissed", self.ask("/jobs/" + job)[2]["status"])
        self.assertEqual(404, self.ask("/jobs/%s/results" % job)[0])

    def test_what_is_over_is_forgotten(self):
        job = self.submit({"inputs": {"message": "x"}})
        self.wait(job, "successful")
        self.assertTrue(os.path.exists(os.path.join(self.host.var, "jobs", job, "result.json")))
        self.assertEqual(200, self.ask("/jobs/" + job, method="DELETE")[0])
        status, _, problem = self.ask("/jobs/" + job)
        self.assertEqual((404, OGC + "no-such-job"), (status, problem["type"]))
        self.assertFalse(os.path.exists(os.path.join(self.host.var, "jobs", job)))

    def test_others_do_not_see_a_job(self):
        job = self.submit({"inputs": {"message": "secret"}})
        self.wait(job, "successful")
        for path, method in (("/jobs/" + job, "GET"), ("/jobs/" + job, "DELETE"),
                             ("/jobs/%s/results" % job, "GET")):
            self.assertEqual(404, self.ask(path, "bob", method)[0])
        self.assertNotIn(job, [one["jobID"] for one in self.ask("/jobs", "bob")[2]["jobs"]])
        self.assertIn(job, [one["jobID"] for one in self.ask("/jobs?limit=1000", "admin")[2]["jobs"]])
        self.assertEqual(403, self.ask("/jobs/%s/results" % job, "admin")[0])

    def test_list_filters_and_pages(self):
        mine = [self.submit({"inputs": {"message": str(i)}}, "bob") for i in range(5)]
        for job in mine:
            self.wait(job, "successful", "bob")
        seen, path = [], "/jobs?limit=2&status=successful,failed&processID=template.echo&type=process"
        while path:
            page = self.ask(path, "bob")[2]
            self.assertLessEqual(len(page["jobs"]), 2)
            seen += [job["jobID"] for job in page["jobs"]]
            following = [link["href"] for link in page["links"] if link["rel"] == "next"]
            path = following[0][len(self.host.url) - 1:] if following else None
        self.assertEqual(mine[::-1], seen)
        for query in ("status=running", "processID=template.other", "datetime=../2020-01-01T00:00:00Z",
                      "minDuration=3600"):
            self.assertEqual([], self.ask("/jobs?" + query, "bob")[2]["jobs"], query)
        for query, named in (("status=done", "status"), ("limit=x", "limit"), ("type=import", "type"),
                             ("minDuration=soon", "minDuration"), ("colour=red", "colour")):
            status, _, problem = self.ask("/jobs?" + query, "bob")
            self.assertEqual((400, named), (status, problem["param"]), query)


class Document(JobsTest):
    def test_commands_of_the_page_run_and_answer_as_printed(self):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs/processes.md"),
                  encoding="utf-8") as file:
            blocks = re.findall(r"```(sh|text)\n(.*?)```", file.read(), re.S)
        script = "".join(text for kind, text in blocks if kind == "sh")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True,
                              timeout=60, env=dict(os.environ, CIM_URL=self.host.url.rstrip("/"),
                                                   TOKEN=self.tokens["ann"]))
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertEqual("".join(text for kind, text in blocks if kind == "text"), done.stdout)


class BadInput(JobsTest):
    def test_names_the_input_the_value_and_what_was_expected(self):
        for inputs, param, value, says in (
                ({}, "inputs.message", "", "missing"),
                ({"message": ""}, "inputs.message", '""', "at least 1"),
                ({"message": 5}, "inputs.message", "5", "a text"),
                ({"message": "x" * 1001}, "inputs.message", None, "at most 1000"),
                ({"message": "x", "wait_ms": -1}, "inputs.wait_ms", "-1", "at least 0"),
                ({"message": "x", "wait_ms": 1e9}, "inputs.wait_ms", None, "at most 60000"),
                ({"message": "x", "wait": 1}, "inputs.wait", "", "has no input wait"),
                ({"message": {"href": "http://127.0.0.1/"}}, "inputs.message", "", "not followed")):
            for headers in ({}, {"Prefer": "respond-async"}):
                status, _, problem = self.execute({"inputs": inputs}, **headers)
                self.assertIn(status, (400, 501), problem)
                self.assertEqual(param, problem["param"])
                if value is not None:
                    self.assertEqual(value, problem["value"])
                self.assertIn(says, problem["detail_en"])
                self.assertRegex(problem["detail"], "[\u4e00-\u9fff]")

    def test_bodies_that_are_none(self):
        for body, mime, status in ((b"", "application/json", 400), (b"{", "application/json", 400),
                                   (b"[]", "application/json", 400),
                                   (b'{"inputs":{"message":"x","message":"y"}}', "application/json", 400),
                                   (b'{"inputs":{"message":"x","wait_ms":NaN}}', "application/json", 400),
                                   (b'{"inputs":{"message":"x"},"modus":1}', "application/json", 400),
                                   (b"<x/>", "text/xml", 415)):
            found, _, problem = self.execute(body, Content_Type=mime)
            self.assertEqual(status, found, (body, problem))
            self.assertTrue(problem["detail_en"])

    def test_unknown_names(self):
        status, _, problem = self.execute({"inputs": {}}, process="template.nothing")
        self.assertEqual((404, OGC + "no-such-process"), (status, problem["type"]))
        self.assertEqual(404, self.ask("/processes/template.nothing")[0])
        status, _, problem = self.ask("/jobs/0198f000-0000-7000-8000-000000000000/results")
        self.assertEqual((404, OGC + "no-such-job"), (status, problem["type"]))
        self.assertIn(self.ask("/jobs/..%2Fplatform.db")[0], (400, 404))

    def test_too_many_jobs_are_asked_to_wait(self):
        jobs = [self.submit({"inputs": {"message": "x", "wait_ms": 60000}})]
        self.wait(jobs[0], "running")
        while True:
            status, headers, doc = self.execute({"inputs": {"message": "x"}}, Prefer="respond-async")
            if status != 201:
                break
            jobs.append(doc["jobID"])
        self.assertEqual((503, 51), (status, len(jobs)), doc)
        self.assertIn("50 jobs waiting", doc["detail_en"])
        self.assertTrue(headers["Retry-After"])
        for job in jobs:
            self.assertEqual(200, self.ask("/jobs/" + job, method="DELETE")[0])


class Isolated(JobsTest):
    """An analysis that misbehaves in its own process: the platform stays, the job says why."""
    enabled = ("template", "rogue")
    flags = ("--jobs.isolated_memory_mb=400", "--jobs.isolated_cpu_s=4", "--jobs.isolated_time_s=8")

    def begin(self, mode):
        return self.submit({"inputs": {"mode": mode}}, "eve", "rogue.alone")

    def failed(self, mode):
        doc = self.wait(self.begin(mode), "failed", "eve", 40)
        self.assertRegex(doc["message"], "[\u4e00-\u9fff]")
        return self.ask("/jobs/" + doc["jobID"] + "?lang=en", "eve")[2]["message"]

    def children(self):
        """Processes of jobs that the platform has: below the worker, which is below the supervisor."""
        found, parents = [], [self.host.process.pid]
        for parent in parents:
            for task in os.listdir("/proc/%d/task" % parent):
                with open("/proc/%d/task/%s/children" % (parent, task), encoding="ascii") as file:
                    parents += [int(pid) for pid in file.read().split()]
        for pid in parents:
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                found += [pid] if b"run-job" in file.read().split(b"\0") else []
        return found

    def test_good_work_comes_back(self):
        job = self.begin("ok")
        done = self.wait(job, "successful", "eve")
        self.assertEqual(100, done["progress"])
        self.assertIs(True, self.ask("/jobs/%s/results" % job, "eve")[2])

    def test_a_long_one_is_a_job_without_being_asked(self):
        status, headers, job = self.execute({"inputs": {"mode": "ok"}}, "eve", "rogue.alone")
        self.assertEqual(201, status)
        self.assertEqual(["async-execute"], self.ask("/processes/rogue.alone", "eve")[2]["jobControlOptions"])
        self.wait(job["jobID"], "successful", "eve")

    def test_limits_are_named(self):
        self.assertIn("more than 400 MB of memory (setting jobs.isolated_memory_mb)", self.failed("leak"))
        self.assertIn("longer than 8 s (setting jobs.isolated_time_s)", self.failed("sleep"))
        self.assertRegex(self.failed("spin"), r"\(setting jobs\.isolated_(cpu|time)_s\)")
        self.assertEqual([], self.children())

    def test_the_kernel_limits_the_address_space(self):
        with open(ARGS.host, "rb") as program:  # the shadow of a sanitizer takes terabytes of it: no limit there
            sanitized = b"__asan_init" in program.read()
        doc = self.wait(self.begin("reserve"), "successful" if sanitized else "failed", "eve", 40)
        if not sanitized:
            message = self.ask("/jobs/" + doc["jobID"] + "?lang=en", "eve")[2]["message"]
            self.assertIn("jobs.isolated_memory_mb", message)
            self.assertIn("more than 400 MB", message)

    def test_a_crash_a_refusal_a_wrong_answer_and_a_write(self):
        self.assertIn("crashed", self.failed("crash"))
        self.assertIn("will not do", self.failed("refuse"))
        self.assertIn("inside the platform", self.failed("garble"))
        self.assertIn("read-only", self.failed("write"))
        self.assertEqual(200, self.ask("/health")[0])

    def test_cancelled_within_a_second_whatever_it_does(self):
        for mode in ("spin", "sleep"):
            job = self.begin(mode)
            self.wait(job, "running", "eve")
            deadline = time.monotonic() + 20
            while self.ask("/jobs/" + job, "eve")[2]["progress"] != 25 and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertEqual(1, len(self.children()))
            began = time.monotonic()
            self.assertEqual(200, self.ask("/jobs/" + job, "eve", "DELETE")[0])
            while self.children() and time.monotonic() - began < 10:
                time.sleep(0.01)
            self.assertLess(time.monotonic() - began, 3)  # 0.5 s on a machine that is not loaded
            self.assertEqual("dismissed", self.ask("/jobs/" + job, "eve")[2]["status"])

    def test_code_that_does_not_heed_a_cancel_is_named(self):
        job = self.submit({"inputs": {"mode": "deaf"}}, "eve", "rogue.beside")
        self.wait(job, "running", "eve")
        self.assertEqual(200, self.ask("/jobs/" + job, "eve", "DELETE")[0])
        doc = self.ask("/jobs/" + job + "?lang=en", "eve")[2]
        self.assertEqual("dismissed", doc["status"])
        self.assertIn("has not stopped yet", doc["message"])
        self.assertEqual(409, self.ask("/jobs/" + job, "eve", "DELETE")[0])  # forgotten only when nobody works on it
        deadline = time.monotonic() + 20
        while "has not stopped" in self.ask("/jobs/" + job + "?lang=en", "eve")[2].get("message", "") and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertIn("rogue.beside went on for", self.host.read_log())
        self.assertEqual(200, self.ask("/jobs/" + job, "eve", "DELETE")[0])

    def test_it_goes_with_the_platform(self):
        self.wait(self.begin("sleep"), "running", "eve")
        deadline = time.monotonic() + 20
        while not self.children() and time.monotonic() < deadline:
            time.sleep(0.02)
        child = self.children()[0]
        self.host.process.kill()
        self.host.process.wait()
        self.host.process.stdout.close()
        deadline = time.monotonic() + 10
        while os.path.exists("/proc/%d/exe" % child) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertFalse(os.path.exists("/proc/%d/exe" % child))
        self.host.serve(*self.flags)


class CommandLine(unittest.TestCase):
    def test_run(self):
        host = test_host.Platform(ARGS.plugins)
        self.addCleanup(host.close)
        host.run("plugin", "enable", "template")
        path = os.path.join(host.var, "inputs.json")
        out = os.path.join(host.var, "out.json")

        def ask(text):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

        ask('{"inputs": {"message": "你好"}}')
        self.assertIn('"你好"\n', host.run("run", "template.echo", path))
        ask('{"inputs": {"message": "x"}, "response": "document"}')
        host.run("run", "template.echo", path, "--out", out)
        with open(out, encoding="utf-8") as file:
            self.assertEqual("template.echo", json.load(file)["run"]["value"]["process"])
        for text, named in (('{"inputs": {"message": ""}}', "inputs.message"), ("{}", "inputs"), ("{", path)):
            ask(text)
            self.assertIn(named, host.run("run", "template.echo", path, fails=True))
        ask('{"inputs": {"message": "x"}}')
        self.assertIn("template.nothing", host.run("run", "template.nothing", path, fails=True))
        self.assertIn("cim-host run ID", host.run("run", "template.echo", fails=True))

    def test_a_terminal_shows_progress_and_ctrl_c_cancels(self):
        host = test_host.Platform(ARGS.plugins)
        self.addCleanup(host.close)
        host.run("plugin", "enable", "template")
        path = os.path.join(host.var, "inputs.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"inputs": {"message": "x", "wait_ms": 60000}}')
        ours, theirs = pty.openpty()
        process = subprocess.Popen([ARGS.host, "run", "--var", host.var, "--plugins.dirs", host.plugins,
                                    "template.echo", path], stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        shown = b""
        while b"waiting" not in shown:
            shown += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        self.assertEqual(1, process.wait(30))
        os.close(ours)
        self.assertRegex(shown.decode(), r"\[#* +\] +\d+ %  正在等待  waiting")


class Restart(JobsTest):
    def test_a_job_outlives_its_client_a_stop_and_a_kill(self):
        job = self.submit({"inputs": {"message": "still here", "wait_ms": 6000}})
        self.wait(job, "running")
        self.host.stop()
        self.host.serve()
        self.wait(job, "running")
        self.host.process.kill()
        self.host.process.wait()
        self.host.process.stdout.close()
        self.host.serve()
        done = self.wait(job, "successful")
        self.assertEqual(3, done["x-cim-attempts"])
        self.assertEqual("still here", self.ask("/jobs/%s/results" % job)[2])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    ARGS, rest = parser.parse_known_args()
    test_host.ARGS = ARGS
    unittest.main(argv=[sys.argv[0]] + rest, verbosity=2)
