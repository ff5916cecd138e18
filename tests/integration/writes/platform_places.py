"""A running platform with one layer that people write to, on the store that the environment names."""
import itertools
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../host"))
import test_host  # noqa: E402  pylint: disable=wrong-import-position

PASSWORD = test_host.PASSWORD
ITEMS = "/collections/lpg.places/items"
GEOJSON = "application/geo+json"
_numbers = itertools.count(1)


def psql(database, text):
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                           os.environ["CIM_TEST_PG"], "-U", "cim", "-d", database, "-c", text],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout)
    return done.stdout


class PlacesTest(unittest.TestCase):
    """One platform for all tests of a class. Accounts: editor and other may write lpg.places, admin
    administers, auditor audits."""
    flags = ()
    address = ""  # what else the address of the database says

    @classmethod
    def setUpClass(cls):
        test_host.CLEAN.pop("CIM_STORE_URL", None)
        if "CIM_TEST_PG" in os.environ:
            database = "writes_%d_%d" % (os.getpid(), next(_numbers))
            psql("postgres", "create database %s template cim_template" % database)
            test_host.CLEAN["CIM_STORE_URL"] = "postgresql:///%s?host=%s&user=cim%s" % (
                database, os.environ["CIM_TEST_PG"], cls.address)
        cls.host = test_host.Platform()
        cls.addClassCleanup(cls.host.close)
        with open(os.path.join(cls.host.var, "areas.csv"), "w", encoding="utf-8") as f:
            f.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n"
                    "460000,海南省,province,,,,,\n460100,海口市,city,460000,,,,\n")
        cls.host.run("areas", "import", f.name)
        cls.host.run("plugin", "enable", "lpg")
        for name, roles in (("admin", "platform-admin"), ("editor", "data-manager,regulator"),
                            ("other", "data-manager,regulator"), ("auditor", "auditor")):
            cls.host.run("user", "add", name, "--roles", roles, "--areas=*", "--password-file=-",
                         stdin=PASSWORD + "\n")
        cls.host.serve(*cls.flags)
        cls.tokens = {}

    def setUp(self):
        self.editor = self.token("editor")
        self.before = self.total()

    def token(self, name):
        if name not in self.tokens:
            self.tokens[name] = self.host.token(name)
        return self.tokens[name]

    def restart(self, *flags, kill=False):
        if kill:
            self.host.process.kill()
            self.host.process.wait()
            self.host.process.stdout.close()
            self.host.process = None
        else:
            self.assertEqual(0, self.host.stop())
        self.host.serve(*self.flags, *flags)
        self.tokens.clear()  # the clock may have moved

    def send(self, method, path, token, body=None, kind=GEOJSON, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["Content-Type"] = kind
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.host.get(path, token, method, body, headers)

    def total(self):
        return json.loads(self.host.get(ITEMS + "?limit=1", self.editor)[2])["numberMatched"]

    def added(self):
        """Records since the test began."""
        return self.total() - self.before


def place(name, x=110.3, **more):
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [x, 20]},
            "properties": {"name": name, "class": "town", "area_code": "460100", **more}}


def collection(*places):
    return {"type": "FeatureCollection", "features": list(places)}


def lines(*places):
    return b"".join(json.dumps(each).encode() + b"\n" for each in places)
