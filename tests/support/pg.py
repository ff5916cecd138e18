#!/usr/bin/env python3
"""Runs programs, one after the other, beside a PostgreSQL cluster of their own.

    tests/support/pg.py PROGRAM…
    tests/support/pg.py -- COMMAND [ARGUMENT…]

The cluster lies in a temporary directory, listens on a Unix socket in it alone, and ends with the
programs. They find the socket's directory in CIM_TEST_PG; its user is `cim`, and the database
`cim_template` has PostGIS, so that tests copy it. All run, the first failure is told at the end. The cluster sorts in Chinese by default: a text
column that forgets to compare bytewise shows. Data reach the disk as in earnest (fsync is on).

PostgreSQL refuses to run as root; root runs it as the user `postgres`, or `nobody`. Without
PostgreSQL or PostGIS this fails.
"""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

START_S = 60
STOP_S = 30


def fail(text):
    sys.exit(f"pg.py: {text}")


def find_programs():
    for folder in sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=version_of, reverse=True):
        if os.access(os.path.join(folder, "postgres"), os.X_OK):
            return folder
    found = shutil.which("postgres")
    if found is None:
        fail("PostgreSQL is not installed (Debian: postgresql-15 postgresql-15-postgis-3)")
    return os.path.dirname(os.path.realpath(found))


def version_of(folder):
    name = folder.split("/")[-2]
    return int(name) if name.isdigit() else 0


def runner():
    """The words in front of a command that must not run as root, and the user's numbers."""
    if os.geteuid() != 0:
        return [], None
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        words = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
                 "--pdeathsig=QUIT"]
        return words, user
    fail("neither the user postgres nor nobody is there")
    return [], None


def descendants(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(each) for each in file.read().split()]
    except OSError:
        return []
    return children + [each for child in children for each in descendants(child)]


class Cluster:
    """`size`: the data directory is on a file system of its own, of that size as mount(8) takes it."""

    def __init__(self, size=None):
        self.programs = find_programs()
        self.words, self.user = runner()
        self.folder = tempfile.mkdtemp(prefix="cim-pg-")
        self.data = os.path.join(self.folder, "data")
        self.server = None
        self.holder = None
        os.chmod(self.folder, 0o700)
        os.mkdir(self.data, 0o700)
        for path in (self.folder, self.data):
            if self.user is not None:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        if size is not None:
            self.mount(size)

    def mount(self, size):
        """In a mount namespace that lasts as long as the process that holds it, not as the server; and that as long as
        this one, for it reads what never comes."""
        mine = [] if self.user is not None else ["--user", "--map-current-user", "--keep-caps"]
        owner = "" if self.user is None else f",uid={self.user.pw_uid},gid={self.user.pw_gid}"
        self.holder = subprocess.Popen(
            ["unshare", "--mount", *mine, "sh", "-c", 'mount -t tmpfs -o "$1" tmpfs "$2" && echo && exec cat',
             "sh", f"size={size},mode=700{owner}", self.data], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.holder.stdout.read(1) != b"\n":
            fail("no file system of its own can be mounted")
        self.words = ["nsenter", "--target", str(self.holder.pid), "--mount", "--root", "--wd",
                      *([] if self.user is not None else ["--user", "--preserve-credentials"]), *self.words]

    def inside(self, name):
        """A file beside the data, seen from outside."""
        root = f"/proc/{self.holder.pid}/root" if self.holder is not None else ""
        return root + os.path.join(self.data, name)

    def run(self, name, *arguments):
        done = subprocess.run(self.words + [os.path.join(self.programs, name), *arguments],
                              cwd=self.folder, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            fail(f"{name} {' '.join(arguments)}:\n{done.stdout}")

    def sql(self, database, text):
        self.run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "cim", "-d",
                 database, "-c", text)

    def start(self, *settings):
        self.run("initdb", "-D", self.data, "-U", "cim", "-A", "trust", "-E", "UTF8", "--no-sync",
                 "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=zh-CN")
        self.serve(*settings)
        self.sql("postgres", "create database cim_template")
        self.sql("cim_template", "create extension postgis")

    def serve(self, *settings):
        """Starts the server, also one that was killed."""
        named = ["listen_addresses=", "fsync=on", "max_connections=200", "shared_buffers=64MB", *settings]
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.server = subprocess.Popen(
                self.words + [os.path.join(self.programs, "postgres"), "-D", self.data, "-k", self.folder,
                              *(word for each in named for word in ("-c", each))],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while not os.path.exists(os.path.join(self.folder, ".s.PGSQL.5432")) or not self.answers():
            if self.server.poll() is not None or time.monotonic() > until:
                with open(os.path.join(self.folder, "log"), encoding="utf-8") as log:
                    fail("the server does not start:\n" + log.read())
            time.sleep(0.05)

    def answers(self):
        done = subprocess.run([os.path.join(self.programs, "pg_isready"), "-q", "-h", self.folder,
                               "-U", "cim"], check=False)
        return done.returncode == 0

    def processes(self):
        """The server's, the first that one which started the others."""
        return [self.server.pid, *descendants(self.server.pid)]

    def kill(self):
        """As if the machine had: all of its processes at once."""
        pids = self.processes()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.wait()
        while any(os.path.exists(f"/proc/{pid}/exe") for pid in pids):
            time.sleep(0.01)  # a server does not start while processes of the one before are there

    def stop(self):
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)  # fast: open connections are closed
            try:
                self.server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.server.send_signal(signal.SIGQUIT)
                self.server.wait()
        if self.holder is not None:
            self.holder.kill()
            self.holder.wait()
            self.holder.stdin.close()
            self.holder.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    if len(sys.argv) < 2:
        fail("usage: pg.py PROGRAM… or pg.py -- COMMAND [ARGUMENT…]")
    commands = [sys.argv[2:]] if sys.argv[1] == "--" else [[name] for name in sys.argv[1:]]
    codes = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cluster = Cluster()
    try:
        cluster.start()
        environment = dict(os.environ, CIM_TEST_PG=cluster.folder)
        for command in commands:
            code = subprocess.run(command, env=environment, check=False).returncode
            codes.append(code if code >= 0 else 128 - code)
    finally:
        cluster.stop()
    sys.exit(next((code for code in codes if code != 0), 0))


if __name__ == "__main__":
    main()
