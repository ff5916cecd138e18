"""Standard clients read the layers: GDAL, OWSLib, an OpenAPI validator."""
import os
import re
import subprocess
import unittest

import host
from host import get, items
from owslib.ogcapi.features import Features


def ogrinfo(*args):
    env = dict(os.environ, GDAL_HTTP_HEADERS="Authorization: Bearer " + host.token("province"))
    return subprocess.run(["ogrinfo", *args], env=env, capture_output=True, text=True, check=True,
                          timeout=120).stdout


class Gdal(unittest.TestCase):
    def test_lists_the_layers(self):
        out = ogrinfo("OAPIF:" + host.URL)
        for layer in host.LAYERS:
            self.assertIn("lpg." + layer, out)

    def test_counts_and_reads_features(self):
        for layer in ("stations", "districts", "roads"):
            out = ogrinfo("-al", "-so", "OAPIF:" + host.URL, "lpg." + layer)
            count = int(re.search(r"Feature Count: (\d+)", out).group(1))
            self.assertEqual(count, items(layer, limit=1)["numberMatched"], layer)
        out = ogrinfo("-q", "OAPIF:" + host.URL, "lpg.stations", "-where", "licence_state='valid'")
        wanted = items("stations", limit=1, licence_state="valid")["numberMatched"]
        self.assertEqual(out.count("OGRFeature(lpg.stations)"), wanted)

    def test_pages_through_everything(self):
        out = ogrinfo("-q", "-oo", "PAGE_SIZE=50", "OAPIF:" + host.URL, "lpg.stations")
        self.assertEqual(out.count("OGRFeature(lpg.stations)"),
                         items("stations", limit=1)["numberMatched"])


class Owslib(unittest.TestCase):
    def setUp(self):
        self.service = Features(host.URL, headers={"Authorization": "Bearer " + host.token("province")})

    def test_conformance_and_collections(self):
        self.assertIn("http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
                      self.service.conformance()["conformsTo"])
        self.assertEqual(set(self.service.feature_collections()),
                         {"lpg." + layer for layer in host.LAYERS})

    def test_items_and_one_item(self):
        page = self.service.collection_items("lpg.stations", limit=5, bbox=[109, 18, 111, 21])
        self.assertEqual(len(page["features"]), 5)
        one = self.service.collection_item("lpg.stations", str(page["features"][0]["id"]))
        self.assertEqual(one["properties"], page["features"][0]["properties"])

    def test_queryables(self):
        doc = self.service.collection_queryables("lpg.stations")
        self.assertIn("licence_state", doc["properties"])


class OpenApi(unittest.TestCase):
    def test_the_document_is_valid(self):
        for who in (None, "province"):
            path = os.path.join(host.WORK, "api.json")
            with open(path, "wb") as file:
                file.write(get("/api", who, f="json").body)
            done = subprocess.run(["node", "validate.mjs", path], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_path_without_parameters_answers(self):
        document = get("/api", f="json").json
        for path, item in document["paths"].items():
            # /stream never ends; test_stream.py asks it.
            if "get" in item and "{" not in path and "/admin/" not in path and path != "/stream":
                self.assertNotIn(get(path).status, (404, 405, 500), path)


if __name__ == "__main__":
    unittest.main()
