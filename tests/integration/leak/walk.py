"""A person on the way: asks, and searches every byte of the answer for what that person must not see."""
import gzip
import io
import json
import os
import urllib.error
import urllib.request
import zipfile

import canaries
import host
from host import URL

LAYERS = canaries.load_layers()
# consultant: by a grant of his own, staff of one enterprise in one county of Sanya, in clear until 2099.
GRANT = {"resource": "lpg.staff", "actions": ["read", "export"], "sensitive": "clear", "owner": "E0001"}


def only(layer, field, *numbers):
    """A grant to read those of a layer's records, by a row filter."""
    values = [LAYERS[layer].records[n].values[field] for n in numbers]
    return {"resource": layer, "actions": ["read", "export"],
            "filter": {"op": "in", "args": [{"property": field}, values]}}


# surveyor: by row filters some points, lines, areas, one by a field that he sees masked; of enterprises all, in two
# terms that show different fields; he may ask why a place will not do, and read some of the rules that say so.
SURVEYOR = [
    (only("lpg.stations", "name", 0, 2), ["460000"]),
    (only("lpg.risk-elements", "name", 3), ["460000"]),
    (only("lpg.emergency-resources", "contact", 1, 2), ["460105"]),
    (only("lpg.roads", "name", 1, 2), ["460000"]),
    (only("lpg.land-use", "parcel_no", 0), ["460100"]),
    (dict(only("lpg.staff", "phone", 3), sensitive="masked"), ["460203"]),
    ({"resource": "lpg.enterprises", "actions": ["read", "export"],
      "fields": {"name": "absent", "org_code": "masked", "kind": "absent"}}, ["460000"]),
    (dict(only("lpg.enterprises", "uscc", 0, 1), owner="E0001"), ["460105"]),
    ({"resource": "lpg.buildings", "actions": ["read"], "fields": {"name": "absent"}}, ["460100"]),
    ({"resource": "lpg.why-not", "actions": ["run"]}, ["460000"]),
    (only("lpg.separation-rules", "rule_no", 0, 1), ["460000"]),
]
PEOPLE = canaries.load_people(os.environ["CIM_TEST_ACCOUNTS"],
                              {"consultant": [(GRANT, ["460203"])], "surveyor": SURVEYOR})
ADMIN = next(person for person in PEOPLE if person.name == "admin")
JSON = {"Content-Type": "application/json"}


def unpacked(body, encoding=None):
    """The bytes as they would be read: gzip undone, archives opened."""
    if encoding == "gzip" or body[:2] == b"\x1f\x8b":
        body = gzip.decompress(body)
    if body[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return b"".join(name.encode() + unpacked(archive.read(name)) for name in archive.namelist())
    return body


def send(method, path, who, body=None, headers=None):
    request = urllib.request.Request(URL + path, data=body, method=method, headers=dict(headers or {}))
    request.add_header("Accept-Encoding", "gzip")
    if who is not None:
        request.add_header("Authorization", "Bearer " + host.token(who))
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return host.Answer(answer.status, answer.headers, unpacked(answer.read(), answer.headers["Content-Encoding"]))
    except urllib.error.HTTPError as answer:
        return host.Answer(answer.code, answer.headers, unpacked(answer.read(), answer.headers["Content-Encoding"]))


def must(method, path, body, who="admin", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = send(method, path, who, json.dumps(body).encode(), dict(JSON, **named))
    if answer.status not in (200, 201, 409):  # 409: planted by a run before, on a host that still serves
        raise AssertionError("%s %s: %d %s" % (method, path, answer.status, answer.text))
    return answer.json


def tile_features(data):
    """(layer, {attribute: number or None}) of each feature of a vector tile."""
    def varint(at):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value, at

    def fields(at, end):
        while at < end:
            key, at = varint(at)
            if key & 7 == 2:
                size, at = varint(at)
                yield key >> 3, (at, at + size)
                at += size
            elif key & 7 == 0:
                value, at = varint(at)
                yield key >> 3, value
            else:
                at += 8 if key & 7 == 1 else 4

    for number, layer in fields(0, len(data)):
        if number != 3:
            continue
        name, keys, values, features = None, [], [], []
        for inner, place in fields(*layer):
            if inner == 1:
                name = data[place[0]:place[1]].decode()
            elif inner == 3:
                keys.append(data[place[0]:place[1]].decode())
            elif inner == 4:
                values.append(next((v for _, v in fields(*place) if not isinstance(v, tuple)), None))
            elif inner == 2:
                features.append(place)
        for place in features:
            tags = []
            for inner, packed in fields(*place):
                if inner == 2:
                    at = packed[0]
                    while at < packed[1]:
                        tag, at = varint(at)
                        tags.append(tag)
            yield name, {keys[key]: values[value] for key, value in zip(tags[::2], tags[1::2])}


def tile_counts(data, layer):
    """Records that the layer of a tile stands for: its features, clusters by their count."""
    return sum(attributes.get("count") or 1 for name, attributes in tile_features(data) if name == layer)


def tile_rates(data, layer):
    """The most records that a rate of the layer's hexagons, or of its areas, is out of."""
    sums = {}
    for name, attributes in tile_features(data):
        if name in (layer + ".hexagons", layer + ".areas"):
            for key, value in attributes.items():
                if key.endswith("_of"):
                    sums[name, key] = sums.get((name, key), 0) + (value or 0)
    return max(sums.values(), default=0)


class Walk:
    """One person on the way; `leaks` names way and canary."""

    def __init__(self, person):
        self.person = person
        self.forbidden = person.forbidden(LAYERS)
        self.leaks = []
        self.asked = 0

    def look(self, way, answer, own=()):
        """Searches an answer. `own`: tokens that the question itself held."""
        self.asked += 1
        seen = set(canaries.TOKEN.findall(answer.body))
        for value in answer.headers.values():
            seen.update(canaries.TOKEN.findall(value.encode()))
        for token in sorted(seen.intersection(self.forbidden) - set(own)):
            self.leaks.append("%s: %s is told %s (%s)" % (way, self.person.name, token.decode(), self.forbidden[token]))
        if answer.status >= 500:
            self.leaks.append("%s: %s is answered %d" % (way, self.person.name, answer.status))
        return answer

    def ask(self, way, path, method="GET", body=None, headers=None, own=()):
        return self.look(way, send(method, path, self.person.name, body, headers), own)

    def post(self, way, path, body, headers=None, own=()):
        return self.ask(way, path, "POST", json.dumps(body).encode(), dict(JSON, **headers or {}), own)

    def expect(self, way, truth, got):
        if truth != got:
            self.leaks.append("%s: %s counts %r, %r are his" % (way, self.person.name, got, truth))

    def visible(self, layer, action="read"):
        return [record for record in layer.records if self.person.sees(record, action)]

    def hidden(self, layer):
        return [record for record in layer.records if not self.person.sees(record)]
