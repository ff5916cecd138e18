#!/usr/bin/python3
"""Two hosts on one PostgreSQL, with Redis between them: who has signed in at one is known at the other, wrong
passwords are counted together, and where Redis cannot be asked nobody gets in.

usage: tests/support/pg.py -- test_shared.py --host CIM_HOST --plugins DIR [unittest arguments]
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "host"))
import test_host  # noqa: E402

JSON = {"Content-Type": "application/json"}
SECRET = "only-for-this-test"
TRUST_S = 1  # HOST_SHARED_TRUST_MS


TOTP_S = 30


def totp(secret, step):
    """RFC 6238 with SHA-1 and six digits."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    return "%06d" % ((int.from_bytes(digest[at:at + 4], "big") & 0x7fffffff) % 1000000)


def sql(text, database="postgres"):
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", os.environ["CIM_TEST_PG"], "-U", "cim", "-d",
                    database, "-c", text], stdout=subprocess.DEVNULL, check=True)


class Redis:
    """A server of its own in a folder of its own, on a free port of this machine alone."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="cim-redis-")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = "redis://:%s@127.0.0.1:%d/3" % (SECRET, self.port)
        self.process = None

    def start(self):
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.dir, "--save", "",
                 "--appendonly", "yes", "--appendfsync", "always", "--requirepass", SECRET], stdout=log, stderr=log)
        for _ in range(200):
            if self.say("PING") == "PONG":
                return
            time.sleep(0.05)
        raise AssertionError("redis-server did not start")

    def say(self, *words):
        done = subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), "-n", "3", *words],
                              env=dict(os.environ, REDISCLI_AUTH=SECRET), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True)
        return done.stdout.strip()

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.dir)


class Shared(unittest.TestCase):
    def setUp(self):
        database = "shared_" + uuid.uuid4().hex[:12]
        sql("create database %s template cim_template" % database)
        self.redis = Redis()
        self.addCleanup(self.redis.close)
        self.redis.start()
        self.hosts = [test_host.Platform(ARGS.plugins) for _ in range(2)]
        var = self.hosts[0].var
        self.flags = ("--store.url=postgresql://cim@/%s?host=%s" % (database, os.environ["CIM_TEST_PG"].replace("/", "%2F")),
                      "--supervisor.enabled=false", "--audit.key_file=" + os.path.join(var, "a.key"),
                      "--crypt.key_file=" + os.path.join(var, "c.key"), "--session.redis_url=" + self.redis.url)
        for host in self.hosts:
            self.addCleanup(host.close)
            for name in ("ann", "bob"):
                host.run("user", "add", name, "--roles=auditor", "--areas=*", "--password-file=-", *self.flags,
                         stdin=test_host.PASSWORD + "\n")
            host.serve(*self.flags)

    def sign_in(self, at, who="ann", password=test_host.PASSWORD):
        body = json.dumps({"username": who, "password": password}).encode()
        return self.hosts[at].get("/auth/token", method="POST", body=body, headers=JSON)

    def token(self, at, who="ann"):
        status, _, text = self.sign_in(at, who)
        self.assertEqual(200, status, text)
        return json.loads(text)["access_token"]

    def me(self, at, token):
        return self.hosts[at].get("/auth/me", token)[0]

    def until(self, wanted, at, token):
        end = time.monotonic() + 10 * TRUST_S
        while self.me(at, token) != wanted:
            self.assertLess(time.monotonic(), end, "host %d never answers %d" % (at, wanted))
            time.sleep(0.05)

    def test_one_sign_in_for_both_until_it_ends(self):
        first, second = self.token(0), self.token(1)
        for at in (0, 1):
            self.assertEqual((200, 200), (self.me(at, first), self.me(at, second)))
        self.assertEqual(401, self.me(1, "0" * 64))
        self.assertEqual(200, self.hosts[1].get("/auth/logout", first, "POST", b"{}", JSON)[0] // 100 * 100)
        self.assertEqual(401, self.me(1, first))
        self.until(401, 0, first)
        self.assertEqual((200, 200), (self.me(0, second), self.me(1, second)))

    def test_all_that_one_has_are_seen_and_ended_anywhere(self):
        tokens = [self.token(at) for at in (0, 1)] + [self.token(0, "bob")]
        listed = json.loads(self.hosts[1].get("/auth/sessions", tokens[1])[2])["sessions"]
        self.assertEqual(2, len(listed))
        other = hashlib.sha256(tokens[0].encode()).hexdigest()[:16]
        self.assertIn(other, [each["id"] for each in listed])
        self.assertEqual(204, self.hosts[1].get("/auth/sessions/" + other, tokens[1], "DELETE")[0])
        self.assertEqual(401, self.me(1, tokens[0]))
        self.until(401, 0, tokens[0])
        # A new password ends all that are left, and nobody else's.
        self.assertEqual(0, self.hosts[0].stop())
        self.hosts[0].run("user", "passwd", "ann", "--password-file=-", *self.flags, stdin="Another-one-2!\n")
        self.hosts[0].serve(*self.flags)
        for at in (0, 1):
            self.until(401, at, tokens[1])
            self.assertEqual(200, self.me(at, tokens[2]))

    def test_a_sign_in_outlives_the_host(self):
        token = self.token(0)
        for host in self.hosts:
            self.assertEqual(0, host.stop())
        self.hosts[1].serve(*self.flags)
        self.assertEqual(200, self.me(1, token))

    def test_wrong_passwords_are_counted_together(self):
        for at in (0, 1, 0, 1, 0):
            self.assertEqual(401, self.sign_in(at, password="Wrong-1!")[0])
        for at in (0, 1):
            status, headers, _ = self.sign_in(at)
            self.assertEqual(429, status)
            self.assertIn("Retry-After", headers)
        self.assertEqual(200, self.sign_in(1, "bob")[0])

    def test_a_code_counts_once_for_both(self):
        """A code of a second factor that one host took is refused by the other, whose own store knows nothing of it."""
        sent = json.dumps({"username": "ann", "password": test_host.PASSWORD}).encode()
        _, headers, body = self.hosts[0].get("/auth/login", method="POST", body=sent, headers=JSON)
        signed = dict(JSON, Cookie=headers["Set-Cookie"].split(";")[0], **{"X-CSRF-Token": json.loads(body)["csrf"]})
        begun = self.hosts[0].get("/auth/factor/begin", None, "POST",
                                  json.dumps({"password": test_host.PASSWORD}).encode(), signed)
        secret = json.loads(begun[2])["secret"]
        now = int(time.time()) // TOTP_S
        confirmed = self.hosts[0].get("/auth/factor/confirm", None, "POST",
                                      json.dumps({"code": totp(secret, now - 1)}).encode(), signed)
        self.assertEqual(200, confirmed[0], confirmed[2])
        for host in self.hosts:
            self.assertEqual(0, host.stop())
        shutil.copy(os.path.join(self.hosts[0].var, "platform.db"), os.path.join(self.hosts[1].var, "platform.db"))
        for host in self.hosts:
            host.serve(*self.flags)
        now = int(time.time()) // TOTP_S
        for at, step, wanted in ((0, now, 200), (1, now, 401), (1, now - 1, 401), (1, now + 1, 200), (0, now + 1, 401)):
            body = json.dumps({"username": "ann", "password": test_host.PASSWORD, "code": totp(secret, step)}).encode()
            status, _, text = self.hosts[at].get("/auth/token", method="POST", body=body, headers=JSON)
            self.assertEqual(wanted, status, (at, step - now, text))

    def test_a_right_password_forgets_the_wrong_ones(self):
        for _ in range(3):
            for at in (0, 1):
                self.assertEqual(401, self.sign_in(at, password="Wrong-1!")[0])
            self.assertEqual(200, self.sign_in(0)[0])

    def test_without_redis_nobody_gets_in(self):
        token = self.token(0)
        for stop, start in ((lambda: self.redis.process.send_signal(signal.SIGSTOP),
                             lambda: self.redis.process.send_signal(signal.SIGCONT)), (self.redis.stop, self.redis.start)):
            stop()
            self.until(503, 0, token)
            self.until(503, 1, token)
            status, headers, text = self.sign_in(1)
            self.assertEqual(503, status, text)
            self.assertIn("Retry-After", headers)
            self.assertEqual(200, self.hosts[0].get("/health")[0])
            self.assertEqual(401, self.hosts[0].get("/auth/me")[0])  # nobody is nobody
            start()
            self.until(200, 0, token)
            self.until(200, 1, token)
        self.assertEqual(200, self.sign_in(1)[0])

    def test_tokens_do_not_lie_in_redis(self):
        token = self.token(0)
        keys = self.redis.say("KEYS", "*").split()
        self.assertEqual(2, len(keys), keys)
        everything = "".join(self.redis.say("GET", key) + self.redis.say("SMEMBERS", key) + key for key in keys)
        self.assertNotIn(token, everything)
        session = next(key for key in keys if key.startswith("cim:session:"))
        self.assertGreater(int(self.redis.say("PTTL", session)), 0)
        # What somebody else writes there is no session.
        self.redis.say("SET", session, "rubbish")
        self.until(401, 0, token)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    ARGS, rest = parser.parse_known_args()
    test_host.ARGS = ARGS
    unittest.main(argv=[sys.argv[0], "-v", *rest])
