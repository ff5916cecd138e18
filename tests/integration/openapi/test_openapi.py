#!/usr/bin/python3
"""Every operation of the platform's OpenAPI document, with values from its schemas and hostile ones.

Whatever is asked: never a 500, what is refused says so in a problem document that names no inner thing, what is
answered has a status and a form that the document knows, no header is injected, and the platform lives on.
Cases follow from --seed; CIM_TEST_LONG asks many more.

CIM_TEST_PG (tests/support/pg.py) names a server whose store is asked instead of the embedded one.

usage: test_openapi.py --host CIM_HOST --plugins DIR [--seed N] [--cases N] [unittest arguments]
"""
import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import time
import unittest
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "host"))
import test_host  # noqa: E402

HOSTILE = (
    b"", b" ", b"%", b"%00", b"\x00", b"..", b"../../etc/passwd", b"/", b"//evil.example/", b"\\", b"*", b"'", b'"',
    b"' OR '1'='1", b"1;DROP TABLE x", b"--", b"<script>alert(1)</script>", b"{{7*7}}", b"$(id)", b"`id`", b"%s%n%x",
    b"a\r\nX-Injected: yes", b"\xff\xfe", b"\xed\xa0\x80", "安全".encode(), "\u202e\u0000".encode(), "１２".encode(),
    b"0", b"-0", b"-1", b"1", b"2", b"0.5", b"1e309", b"-1e309", b"NaN", b"Infinity", b"9223372036854775807",
    b"9223372036854775808", b"-9223372036854775809", b"4294967296", b"0x10", b"1,2", b"1,2,3,4", b"180,90,-180,-90",
    b"109,18,111,20", b"109,18,0,111,20,9", b"true", b"null", b"[]", b"{}", b"2026-11-27", b"2026-13-41T99:99:99Z",
    b"2026-11-27T00:00:00Z/..", b"../..", b"urn:ogc:def:crs:OGC:1.3:CRS84", b"http://www.opengis.net/def/crs/EPSG/0/4490",
    b"EPSG:4490", b"name = 'x'", b"((((((((((1=1", b"NOT " * 300 + b"a=1", b"a" * 5000, "名".encode() * 700)
JUNK = (b"", b"{", b"[]", b"null", b"1", b'"a"', b"{}", b"\xff\xfe\x00", b'{"a":1,"a":2}', b'{"\\ud800":"\\udfff"}',
        b"[" * 20000, b'{"a":' * 600 + b"1" + b"}" * 600, b'{"a":1e999}', b"<a/>", b"PK\x03\x04", b"%PDF-1.7", b"\x00" * 3000,
        b"a,b\r\n1,2\r\n", b'{"type":"FeatureCollection","features":[]}',
        b'{"type":"Feature","geometry":{"type":"Point","coordinates":[110,20]},"properties":{}}',
        b'{"inputs":{}}', b'{"inputs":{"point":{"type":"Point","coordinates":[1e308,-1e308]}}}')
# What a name often means, so that some cases get past the first check.
LIKELY = {"username": ("eve", "new.person"), "password": (test_host.PASSWORD,), "layer": ("lpg.stations", "lpg.risk-elements"),
          "layers": ("lpg.stations",), "resource": ("lpg.stations", "lpg.*"), "roles": (["regulator"], ["no"]),
          "areas": (["*"], ["460000"]), "tms": ("WebMercatorQuad", "WorldCRS84Quad"), "z": (0, 5), "row": (0, 1), "col": (0, 1),
          "fid": (1, 2, 99999), "bbox": ("109,18,111,20",), "width": (64, 5000), "height": (64, -1), "crs": ("4490", "EPSG:4490"),
          "f": ("json", "html", "csv", "shp"), "style": ("lpg-stations",), "name": ("某", "a.csv"), "code": ("E1", "460000"),
          "from": ("2026-01-01",), "to": ("2026-12-31",), "filter": ("fid > 1", "name LIKE '%a%'"), "dry_run": ("true",)}
OUTSIDE = {"installBundle", "importFile", "uploadImportFile"}  # their bodies are files
SPARED = {"upgradePlatform"}  # acts on the process that is being asked
PROBLEM = "application/problem+json"
INSIDE = re.compile(r"SQLITE|sqlite3?_|\bPG(?:RES|_)|\.c:\d+|SELECT |0x[0-9a-f]{8}|malloc|\(null\)")


class Cases:
    """Values for the operations; what a problem says that it expected is tried next."""

    def __init__(self, seed, document):
        self.random = random.Random(seed)
        self.operations = []
        self.fields = {}
        for path, methods in sorted(document["paths"].items()):
            for method, operation in sorted(methods.items()):
                if operation["operationId"] not in SPARED:
                    self.operations.append((method.upper(), path, operation))

    def value(self, name, schema):
        """As bytes, mostly what the schema allows."""
        pick = self.random.random()
        if pick < 0.3:
            return self.random.choice(HOSTILE)
        if name in LIKELY and pick < 0.7:
            return self.text(self.random.choice(LIKELY[name]))
        if "enum" in schema:
            return self.text(self.random.choice(schema["enum"]))
        if schema.get("type") in ("integer", "number"):
            low, high = schema.get("minimum", -2), schema.get("maximum", 100000)
            return self.text(self.random.choice((low, high, low - 1, high + 1, self.random.randint(int(low), int(high)))))
        if "default" in schema:
            return self.text(schema["default"])
        return self.random.choice(HOSTILE)

    @staticmethod
    def text(value):
        return (value if isinstance(value, str) else json.dumps(value)).encode()

    def json_value(self, name, depth=0):
        if name in LIKELY and self.random.random() < 0.6:
            return self.random.choice(LIKELY[name])
        kind = self.random.randrange(8 if depth < 3 else 6)
        if kind < 2:
            return self.random.choice(HOSTILE).decode("utf-8", "replace")
        if kind == 2:
            return self.random.choice((0, 1, -1, 2 ** 63, -2 ** 63, 1e308, 0.1))
        if kind < 6:
            return (None, True, [])[kind - 3]
        if kind == 6:
            return [self.json_value(name, depth + 1) for _ in range(self.random.randrange(4))]
        return {key: self.json_value(key, depth + 1) for key in self.random.sample(sorted(LIKELY), 3)}

    def body(self, operation):
        content = operation.get("requestBody", {}).get("content")
        if content is None:
            return None, None
        name = operation["operationId"]
        mime = self.random.choice(sorted(content)) if self.random.random() < 0.95 else "text/plain"
        if name in OUTSIDE or self.random.random() < 0.3:
            return mime, self.random.choice(JUNK)
        known = sorted(self.fields.get(name, ())) or sorted(LIKELY)
        chosen = self.random.sample(known, self.random.randint(1, len(known)) if self.fields.get(name) else 2)
        return mime, json.dumps({key: self.json_value(key) for key in chosen}).encode()

    def learn(self, operation, problem):
        """Which members a body has."""
        known = self.fields.setdefault(operation["operationId"], set())
        told = re.search(r"expected (\w+(?:, \w+)+)", problem.get("detail_en", ""))
        known.update(told.group(1).split(", ") if told else ())
        if re.fullmatch(r"[a-z_]+", problem.get("param") or ""):
            known.add(problem["param"])

    def request(self, path, operation):
        query, headers = [], {}
        for parameter in operation.get("parameters", ()):
            name, value = parameter["name"], self.value(parameter["name"], parameter.get("schema", {}))
            if parameter["in"] == "path":
                path = path.replace("{%s}" % name, urllib.parse.quote_from_bytes(value, safe="") or "%20")
            elif self.random.random() < 0.4 or parameter.get("required"):
                if parameter["in"] == "query":
                    query.append(urllib.parse.quote(name) + "=" + urllib.parse.quote_from_bytes(value, safe=",:/"))
                else:
                    headers[name] = re.sub(rb"[\x00-\x1f\x7f]", b"", value)[:1000].decode("latin-1")
        if self.random.random() < 0.05:
            query.append("no-such-parameter=1")
        if query and self.random.random() < 0.05:
            query.append(query[0])
        headers["Accept-Language"] = self.random.choice(("zh", "en"))
        mime, body = self.body(operation)
        if mime is not None:
            headers["Content-Type"] = mime
        return path + ("?" + "&".join(query) if query else ""), headers, body


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if "CIM_TEST_PG" in os.environ:
            folder = os.environ["CIM_TEST_PG"]
            subprocess.run(["createdb", "-h", folder, "-U", "cim", "-T", "cim_template", "openapi"], check=True)
            test_host.CLEAN["CIM_STORE_URL"] = "postgresql:///openapi?host=%s&user=cim" % folder
        cls.host = test_host.Platform(ARGS.plugins)
        for name, roles in (("admin", "platform-admin,data-manager,regulator"), ("ann", "regulator"), ("eve", "regulator")):
            cls.host.run("user", "add", name, "--roles", roles, "--areas=*", "--password-file=-",
                         stdin=test_host.PASSWORD + "\n")
        cls.host.run("plugin", "enable", "lpg")
        areas = os.path.join(cls.host.var, "areas.csv")
        with open(areas, "w", encoding="utf-8") as file:
            file.write("code,name,level,parent,aliases,valid_from,valid_to,managed_by\n460000,海南省,province,,,,,\n")
        cls.host.run("areas", "import", areas)
        elements = os.path.join(cls.host.var, "elements.geojson")
        with open(elements, "w", encoding="utf-8") as file:
            json.dump({"type": "FeatureCollection", "features": [{
                "type": "Feature", "geometry": {"type": "Point", "coordinates": [110 + i / 100, 20]}, "properties": {
                    "name": "校%d" % i, "kind": "school", "element_group": "crowd", "persons": 100,
                    "area_code": "460000"}} for i in range(20)]}, file)
        cls.host.run("import", elements, "--layer=lpg.risk-elements", "--crs=cgcs2000")
        cls.host.serve("--supervisor.enabled=false")
        cls.names = ["admin", "ann", None]
        cls.tokens = [cls.host.token("admin"), cls.host.token("ann"), None]
        cls.document = json.loads(cls.host.get("/api", cls.tokens[0])[2])

    @classmethod
    def tearDownClass(cls):
        cls.host.close()

    def exchange(self, method, path, headers, body, token):
        """Status, headers and body of an answer; of a stream that does not end, its beginning."""
        address = urllib.parse.urlsplit(self.host.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        if token is not None:
            headers = dict(headers, Authorization="Bearer " + token)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            endless = answer.headers.get_content_type() == "text/event-stream"
            return answer.status, answer.headers, b"" if endless else answer.read()
        finally:
            connection.close()

    def check(self, operation, status, headers, body, told):
        self.assertNotIn(status, (500, 501, 502, 505), told)
        self.assertNotIn("X-Injected", headers, told)
        mime = headers.get_content_type()
        if status == 503:
            self.assertIn("Retry-After", headers, told)
        if status >= 400 and mime not in ("text/xml", "application/xml", "text/html"):  # OGC's own, pages of errors
            self.assertEqual(PROBLEM, mime, told)
            problem = json.loads(body)
            self.assertEqual(status, problem["status"], told)
            for member in ("type", "title", "title_en", "detail", "detail_en", "request_id"):
                self.assertIsInstance(problem.get(member), str, told)
            self.assertRegex(problem["detail"] + problem["title"], "[\u4e00-\u9fff]", told)
            self.assertNotRegex(problem["detail"] + problem["detail_en"], INSIDE, told)
            return problem
        if status >= 400:
            self.assertNotRegex(body.decode("utf-8", "replace"), INSIDE, told)
        if status < 300 and status != 204 and mime.endswith("json") and body:
            json.loads(body)
        if status < 300:
            self.assertIn(str(status), operation["responses"].keys() | {"204", "202"}, told)
        return None

    def test_every_operation(self):
        cases = Cases(ARGS.seed, self.document)
        counts = {}
        self.assertGreater(len(cases.operations), 100)
        for _ in range(ARGS.cases):
            for method, path, operation in cases.operations:
                target, headers, body = cases.request(path, operation)
                who = cases.random.choices((0, 1, 2), (6, 3, 1))[0]
                token = self.tokens[who]
                told = "seed %d: %s %s %r %.300r as %s" % (ARGS.seed, method, target, headers, body, self.names[who])
                try:
                    status, heads, text = self.exchange(method, target, headers, body, token)
                except (OSError, http.client.HTTPException) as error:
                    self.fail("%s: %r, left with %s\n%s" % (told, error, self.host.process.poll(),
                                                            self.host.read_log()[-3000:]))
                if status == 401 and token is not None:  # one of the operations ended it
                    self.tokens[who] = self.host.token(self.names[who])
                problem = self.check(operation, status, heads, text, "%s\n%d %.600r" % (told, status, text))
                if problem is not None:
                    cases.learn(operation, problem)
                counts[status] = counts.get(status, 0) + 1
        print("seed %d, answers by status: %s" % (ARGS.seed, dict(sorted(counts.items()))))
        self.assertEqual(200, self.host.get("/health")[0])
        self.assertEqual(200, self.host.get("/collections", self.tokens[0])[0])
        self.assertGreater(counts[200], len(cases.operations) * ARGS.cases // 10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--plugins", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=300 if os.environ.get("CIM_TEST_LONG") else 3)
    ARGS, rest = parser.parse_known_args()
    test_host.ARGS = ARGS
    if os.environ.get("CIM_TEST_LONG") and "--seed" not in sys.argv:
        ARGS.seed = int(time.time())
    unittest.main(argv=[sys.argv[0]] + rest, verbosity=2)
