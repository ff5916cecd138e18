#!/usr/bin/python3
"""Jobs on PostgreSQL: two hosts with one queue, and jobs in a process of their own.

usage: tests/support/pg.py -- test_hosts.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "host"))
import test_host  # noqa: E402

DEAD_S = 10  # HOST_JOB_DEAD_MS


def sql(text, database="postgres"):
    """Rows as text."""
    return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", os.environ["CIM_TEST_PG"],
                           "-U", "cim", "-d", database, "-c", text], stdout=subprocess.PIPE, check=True,
                          text=True).stdout.strip()


class Hosts(unittest.TestCase):
    n_hosts = 2
    flags = ()

    def setUp(self):
        self.database = "jobs_%s" % self._testMethodName[-40:]
        sql("create database %s template cim_template" % self.database)
        url = "postgresql://cim@/%s?host=%s" % (self.database, os.environ["CIM_TEST_PG"].replace("/", "%2F"))
        self.hosts = [test_host.Platform(ARGS.plugins) for _ in range(self.n_hosts)]
        self.shared = ("--store.url=" + url, "--jobs.dir=" + os.path.join(self.hosts[0].var, "shared"),
                       "--supervisor.enabled=false", "--audit.key_file=" + os.path.join(self.hosts[0].var, "a.key"),
                       "--crypt.key_file=" + os.path.join(self.hosts[0].var, "c.key"))
        self.tokens = []
        for host in self.hosts:
            self.addCleanup(host.close)
            for name, roles in (("ann", "note-reader"), ("bob", "note-reader"), ("eve", "breaker")):
                host.run("user", "add", name, "--roles", roles, "--areas=*", "--password-file=-", *self.shared,
                         stdin=test_host.PASSWORD + "\n")
            for plugin in ("template", "rogue"):
                host.run("plugin", "enable", plugin, *self.shared)
            host.serve(*self.shared, *self.flags)
            self.tokens.append({name: host.token(name) for name in ("ann", "bob", "eve")})

    def ask(self, at, path, who="ann", method="GET", body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        status, _, text = self.hosts[at].get(path, self.tokens[at][who], method, body, headers)
        return status, json.loads(text)

    def submit(self, at, inputs, who="ann", process="template.echo"):
        status, job = self.ask(at, "/processes/%s/execution" % process, who, "POST", {"inputs": inputs},
                               Prefer="respond-async")
        self.assertEqual(201, status, job)
        return job["jobID"]

    def wait(self, at, job, states, who="ann", seconds=40):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            status, doc = self.ask(at, "/jobs/%s?lang=en" % job, who)
            self.assertEqual(200, status, doc)
            if doc["status"] in states:
                return doc
            time.sleep(0.05)
        self.fail("job %s is %s" % (job, doc))

    def begun(self, job):
        """On which hosts it was begun, by their logs."""
        return [at for at, host in enumerate(self.hosts)
                for line in host.read_log().splitlines() if job + ": begins" in line]


class OneQueue(Hosts):
    flags = ("--jobs.running_per_owner_max=2", "--jobs.workers=2")

    def test_each_job_is_run_once_by_one_of_them(self):
        jobs = [(self.submit(i % 2, {"message": "%d" % i, "wait_ms": 150}, who), who)
                for i in range(12) for who in ("ann", "bob")]
        for number, (job, who) in enumerate(jobs):
            done = self.wait(number % 2, job, ("successful", "failed"), who, 90)
            self.assertEqual(("successful", 1), (done["status"], done["x-cim-attempts"]), done)
        ran = [self.begun(job) for job, _ in jobs]
        self.assertEqual({1}, {len(each) for each in ran}, ran)
        self.assertEqual({0, 1}, {each[0] for each in ran})
        for at in (0, 1):  # either host has the results
            status, text = self.ask(at, "/jobs/%s/results" % jobs[3][0], jobs[3][1])
            self.assertEqual((200, "1"), (status, text))
        self.assertEqual("0", sql("select count(*) from cim_job where host <> ''", self.database))

    def test_a_job_is_cancelled_through_the_other_host(self):
        job = self.submit(0, {"message": "x", "wait_ms": 60000})
        self.wait(1, job, ("running",))
        status, doc = self.ask(1, "/jobs/" + job, method="DELETE")
        self.assertEqual((200, "dismissed"), (status, doc["status"]))
        until = time.monotonic() + 20
        while sql("select count(*) from cim_job where host <> ''", self.database) != "0":
            self.assertLess(time.monotonic(), until)  # whoever ran it has let go
            time.sleep(0.05)
        self.assertEqual("dismissed", self.ask(0, "/jobs/" + job)[1]["status"])

    def test_what_a_killed_host_ran_is_taken_up(self):
        jobs = [self.submit(0, {"message": "%d" % i, "wait_ms": 4000}, who)
                for i, who in enumerate(("ann", "ann", "bob", "bob"))]
        until = time.monotonic() + 20
        while not all(self.begun(job) for job in jobs):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        lost = [job for job in jobs if self.begun(job) == [1]]
        self.assertTrue(lost)
        self.hosts[1].process.send_signal(signal.SIGKILL)
        self.hosts[1].process.wait()
        self.hosts[1].process.stdout.close()
        self.hosts[1].process = None
        for job, who in zip(jobs, ("ann", "ann", "bob", "bob")):
            done = self.wait(0, job, ("successful", "failed"), who, DEAD_S + 40)
            self.assertEqual(("successful", 2 if job in lost else 1), (done["status"], done["x-cim-attempts"]), done)
        self.assertEqual("1", sql("select count(*) from cim_job_host where name <> ''", self.database))


class Isolated(Hosts):
    n_hosts = 1
    flags = ("--jobs.isolated_memory_mb=400",)

    def test_read_only_and_within_limits(self):
        def ends(mode):
            return self.wait(0, self.submit(0, {"mode": mode}, "eve", "rogue.alone"), ("successful", "failed"), "eve")

        self.assertEqual("successful", ends("ok")["status"])
        self.assertIn("read-only", ends("write")["message"])
        self.assertIn("inside the platform", ends("sneak")["message"])
        self.assertIn("read takes a select only", self.hosts[0].read_log())  # SQLSTATE 25006: PostgreSQL refuses
        self.assertIn("jobs.isolated_memory_mb", ends("leak")["message"])



if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    ARGS, rest = parser.parse_known_args()
    test_host.ARGS = ARGS
    unittest.main(argv=[sys.argv[0]] + rest, verbosity=2)
