"""A platform of two counties with fillings, an office that shares them, and a bureau that wants some."""
import argparse
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../writes"))
import platform_places  # noqa: E402  pylint: disable=wrong-import-position

test_host = platform_places.test_host
PASSWORD = test_host.PASSWORD
NOW = "2026-11-27T09:00:00Z"
AREAS = """code,name,level,parent,aliases,valid_from,valid_to,managed_by
460000,海南省,province,,,,,
460100,海口市,city,460000,,,,
460105,秀英区,county,460100,,,,
460107,琼山区,county,460100,,,,
460200,三亚市,city,460000,,,,
"""
QIONGSHAN, XIUYING = 7, 5  # fillings of each
FILLINGS = "filling_no,filled_at,tag_no,model,enterprise_name,source,net_kg,result,area_code,owner_org\n" + "".join(
    "F%s%03d,2026-11-%02dT02:00:00Z,T%s%03d,YSP35.5,%s,%s,14.5,filled,%s,E0001\n" % (
        area, i, i + 1, area, i, "" if i % 2 else "海口燃气", "rfid", area)
    for area, n in (("460107", QIONGSHAN), ("460105", XIUYING)) for i in range(n))


class Shared(unittest.TestCase):
    """One platform for all classes of a module: Shared.start() in its setUpModule()."""
    flags = ("--password.first_change=false",)
    tokens = {}

    @classmethod
    def start(cls):
        test_host.CLEAN.pop("CIM_STORE_URL", None)
        if "CIM_TEST_PG" in os.environ:
            database = "catalogue_%d" % os.getpid()
            platform_places.psql("postgres", "create database %s template cim_template" % database)
            test_host.CLEAN["CIM_STORE_URL"] = "postgresql:///%s?host=%s&user=cim" % (
                database, os.environ["CIM_TEST_PG"])
        cls.host = test_host.Platform()
        unittest.addModuleCleanup(cls.host.close)
        cls.host.run("areas", "import", cls.file("areas.csv", AREAS))
        cls.host.run("plugin", "enable", "lpg")
        for name, roles, areas in (("admin", "platform-admin,data-manager", "*"), ("granter", "access-admin", "460100"),
                                   ("sanya", "access-admin", "460200"), ("province", "regulator", "*"),
                                   ("xiuying", "regulator", "460105"), ("auditor", "auditor", "*")):
            cls.host.run("user", "add", name, "--roles", roles, "--areas=" + areas, "--password-file=-",
                         stdin=PASSWORD + "\n")
        cls.host.run("import", cls.file("fillings.csv", FILLINGS), "--layer=lpg.fillings", "--clock.fixed=" + NOW)
        cls.host.serve("--clock.fixed=" + NOW, *cls.flags)

    @classmethod
    def file(cls, name, text):
        path = os.path.join(cls.host.var, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @classmethod
    def restart(cls, now):
        assert cls.host.stop() == 0
        cls.host.serve("--clock.fixed=" + now, *cls.flags)
        cls.tokens.clear()

    @classmethod
    def ask(cls, who, path, method="GET", body=None, **headers):
        """The status and the document; `who` names an account, or is a token, or None: nobody."""
        token = who
        if who is not None and len(who) < 40:
            if who not in cls.tokens:
                cls.tokens[who] = cls.host.token(who)
            token = cls.tokens[who]
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        status, told, text = cls.host.get(path, token, method, body, headers)
        kind = told.get("Content-Type", "")
        return status, json.loads(text) if "json" in kind and text else text.decode()

    def good(self, who, path, method="GET", body=None, status=200):
        got, document = self.ask(who, path, method, body)
        self.assertEqual(status, got, (path, document))
        return document

    def until(self, what, ask, seconds=30):
        end = time.monotonic() + seconds
        while not ask():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.05)

    def refused(self, status, param, who, path, method="GET", body=None):
        got, document = self.ask(who, path, method, body)
        self.assertEqual((status, param), (got, document.get("param")), (path, body, document))
        return document


def main():
    parser = argparse.ArgumentParser()
    for name in ("host", "plugins"):
        parser.add_argument("--" + name, required=True)
    test_host.ARGS, rest = parser.parse_known_args()
    unittest.main(module="__main__", argv=[sys.argv[0], "-v", *rest])
