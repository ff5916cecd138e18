"""The running host as the tests see it: addresses, sign-in, requests, areas."""
import csv
import json
import os
import pathlib
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ["CIM_URL"]
WORK = os.environ["CIM_TEST_WORK"]
PASSWORD = os.environ["CIM_DEMO_PASSWORD"]
_FOLDER = pathlib.Path(__file__).resolve().parents[3] / "layers"
DEFINITIONS = {path.stem: json.loads(path.read_text()) for path in sorted(_FOLDER.glob("*.json"))
               if path.stem != "codes"}
LAYERS = tuple(DEFINITIONS)
GEOGRAPHIC = tuple(name for name in LAYERS if DEFINITIONS[name]["geometry"] != "None")

_tokens = {}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


def token(who):
    if who not in _tokens:
        body = json.dumps({"username": who, "password": PASSWORD}).encode()
        request = urllib.request.Request(URL + "/auth/token", data=body,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            _tokens[who] = json.load(answer)["access_token"]
    return _tokens[who]


def get(path, who="province", headers=None, **query):
    """GET as an account; who=None: nobody. Parameters with '_' for '-'."""
    url = path if path.startswith("http") else URL + path
    if query:
        pairs = {name.replace("__", "-"): value for name, value in query.items()}
        url += ("&" if "?" in url else "?") + urllib.parse.urlencode(pairs)
    request = urllib.request.Request(url, headers=dict(headers or {}))
    if who is not None:
        request.add_header("Authorization", "Bearer " + token(who))
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as answer:
        return Answer(answer.code, answer.headers, answer.read())


def items(layer, who="province", **query):
    answer = get("/collections/lpg.%s/items" % layer, who, **query)
    if answer.status != 200:
        raise AssertionError("%s %s: %d %s" % (layer, query, answer.status, answer.text[:400]))
    return answer.json


def filled(layers=LAYERS):
    """Those that the demonstration data have records of."""
    return [layer for layer in layers if items(layer, limit=1)["numberMatched"] > 0]


def link(document, rel):
    return next((each["href"] for each in document["links"] if each["rel"] == rel), None)


def all_pages(layer, who="province", **query):
    """Every feature, by following next links; and how many the first page said there are."""
    page = items(layer, who, **query)
    matched, features = page["numberMatched"], page["features"]
    while link(page, "next"):
        page = get(link(page, "next"), who).json
        assert page["numberMatched"] == matched, (page["numberMatched"], matched)
        features += page["features"]
    return matched, features


def areas():
    """code -> set of itself and all its ancestors."""
    parents = {}
    with open(os.environ["CIM_TEST_AREAS"], encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            parents[row["code"]] = row["parent"]
    above = {}
    for code in parents:
        chain, at = set(), code
        while at:
            chain.add(at)
            at = parents.get(at, "")
        above[code] = chain
    return above
