"""Canary values: a token of their own for every field of every record, and who may see which.

What a person may see is worked out here once more, from the manifest's roles and the accounts, record by record and
field by field, without a line of the code under test.
"""
import datetime
import itertools
import json
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
# County and owner of each record; two of Haikou, two of Sanya, two enterprises.
PLACES = (("460105", "E0001"), ("460105", "E0002"), ("460203", "E0001"), ("460203", "E0002"))
ABOVE = {"460105": ("460105", "460100", "460000"), "460203": ("460203", "460200", "460000")}
TOKEN = re.compile(rb"kz[0-9a-z]{5}zk|1380[0-9]{7}|[0-9a-f]{8}-0000-7000-8000-[0-9a-f]{12}|460105199001[0-9]{5}[0-9X]"
                   rb"|4601050000132[0-9]{7}|14000[0-9]{8}|91460[0-9]{8}[0-9A-Z]{5}|\xe7\x90\xbcA[0-9]{5}")
ABSENT, MASKED, CLEAR = 0, 1, 2
MODES = {"absent": ABSENT, "masked": MASKED, "clear": CLEAR}

AREA_CODES = itertools.cycle(("460105", "460106", "460107", "460108", "460202", "460203", "460204", "460205"))

_number = 0


def _next():
    global _number
    _number += 1
    return _number


def _base36(n, width):
    text = ""
    for _ in range(width):
        text = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36] + text
        n //= 36
    return text


def _uscc(n):
    letters = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = "91460%08d0000" % n
    total, weight = 0, 1
    for char in body:
        total += letters.index(char) * weight
        weight = weight * 3 % 31
    return body + letters[(31 - total % 31) % 31]


def _id_card(n):
    body = "460105199001%05d" % n
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(c) * w for c, w in zip(body, weights)) % 11]


def value_of(field, codes):
    """A value that the field takes, and the token in it to look for (None: nobody could tell it from others)."""
    n, kind, check = _next(), field["type"], field.get("check")
    if kind == "code":
        return codes[field["codes"]][0], None
    if field.get("unique") and kind in ("integer", "number", "date"):
        return ((datetime.date(1990, 1, 1) + datetime.timedelta(n)).isoformat() if kind == "date" else n), None
    if kind in ("integer", "number"):
        return field.get("min", 1), None
    if kind == "boolean":
        return True, None
    if kind == "date":
        return "2026-01-15", None
    if kind == "time":
        return "2026-01-15T00:00:00Z", None
    made = {"phone": "1380%07d" % n, "uscc": _uscc(n), "id_card": _id_card(n), "plate": "琼A%05d" % n,
            "gb28181": "4601050000132%07d" % n, "iot_sim": "14000%08d" % n}.get(check)
    if check == "hour_minute":
        return "08:30", None
    if check == "area_code":
        return next(AREA_CODES), None
    if made is None:
        made = "kz%szk" % _base36(n, 5)
        if field.get("max_length", 99) < len(made):
            return ("x" if field.get("required") else None), None
    return made, made.encode()


def geometry_of(kind, n):
    lon, lat = 109.4 + (n % 40) * 0.02, 19.0 + (n // 40 % 40) * 0.02
    ring = [[lon, lat], [lon + 0.01, lat], [lon + 0.01, lat + 0.01], [lon, lat + 0.01], [lon, lat]]
    return {"Point": {"type": "Point", "coordinates": [lon, lat]},
            "LineString": {"type": "LineString", "coordinates": ring[:3]},
            "MultiLineString": {"type": "MultiLineString", "coordinates": [ring[:3]]},
            "Polygon": {"type": "Polygon", "coordinates": [ring]},
            "MultiPolygon": {"type": "MultiPolygon", "coordinates": [[ring]]}}.get(kind)


class Record:
    def __init__(self, layer, area, owner):
        self.layer, self.area, self.owner = layer, area, owner
        self.number = _next()
        self.uid = "%08x-0000-7000-8000-%012x" % (self.number, self.number)
        self.values = {}   # field -> value
        self.tokens = {}   # field -> token
        self.geometry = None
        self.fid = None    # known once it is planted


class Layer:
    def __init__(self, definition, codes):
        self.id = definition["id"]
        self.geometry = definition.get("geometry", "None")
        self.fields = {f["name"]: f for f in definition["fields"]}
        self.records = []
        for area, owner in PLACES:
            record = Record(self, area, owner)
            for name, field in self.fields.items():
                value, token = value_of(field, codes)
                if value is not None:
                    record.values[name] = value
                if token is not None:
                    record.tokens[name] = token
            record.geometry = geometry_of(self.geometry, record.number)
            self.records.append(record)

    def geojson(self):
        return {"type": "FeatureCollection", "features": [
            {"type": "Feature", "geometry": record.geometry,
             "properties": dict(record.values, uid=record.uid, area_code=record.area, owner_org=record.owner)}
            for record in self.records]}


def load_layers():
    folder = os.path.join(ROOT, "layers")
    with open(os.path.join(folder, "codes.json"), encoding="utf-8") as file:
        lists = json.load(file)
    lists = lists.get("codes", lists)
    codes = {}
    for each in lists.items() if isinstance(lists, dict) else ((c["id"], c) for c in lists):
        values = each[1]["values"] if isinstance(each[1], dict) else each[1]
        codes[each[0]] = [value["value"] for value in values]
    layers = []
    for name in sorted(name for name in os.listdir(folder) if name.endswith(".json")):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            definition = json.load(file)
        if "fields" in definition:
            layers.append(Layer(definition, codes))
    return {layer.id: layer for layer in layers}


# ---- who may see what ----

# Function points of the platform's own roles, those that open what others did.
PLATFORM = {"platform-admin": ("cim.admin.plugins", "cim.admin.jobs", "cim.admin.batches",
                               "cim.admin.erasures"), "auditor": ("cim.audit.read",)}


class Term:
    def __init__(self, grant, areas, org):
        self.resource, self.actions = grant["resource"], grant["actions"]
        self.areas = ["*"] if grant.get("all_areas") else areas
        self.owner = org if grant.get("own_org") else grant.get("owner")
        self.own = grant.get("own_org", False)
        self.sensitive = MODES[grant.get("sensitive", "masked")]
        self.fields = {name: MODES[mode] for name, mode in grant.get("fields", {}).items()}
        # A row filter is always "field in (values)" here.
        self.filter = grant.get("filter")

    def holds(self, record):
        if self.filter is None:
            return True
        field, values = self.filter["args"]
        return record.values.get(field["property"]) in values

    def covers(self, record, action):
        pattern = self.resource
        named = pattern in ("*", record.layer.id) or (pattern.endswith(".*") and
                                                      record.layer.id.startswith(pattern[:-1]))
        there = self.areas == ["*"] or any(area in ABOVE[record.area] for area in self.areas)
        return (named and there and action in self.actions and self.holds(record) and
                (not self.own or self.owner) and (self.owner is None or self.owner == record.owner))

    def mode(self, field):
        if field["name"] in self.fields:
            return self.fields[field["name"]]
        return self.sensitive if field.get("sensitive") else CLEAR


class Person:
    """Somebody who signs in; name None: nobody."""

    def __init__(self, name, terms, functions=()):
        self.name, self.terms, self.functions = name, terms, set(functions)

    def sees(self, record, action="read"):
        return any(term.covers(record, action) for term in self.terms)

    def reads(self, resource, action="read"):
        return any(term.resource in ("*", resource) or
                   (term.resource.endswith(".*") and resource.startswith(term.resource[:-1]))
                   for term in self.terms if action in term.actions and (not term.own or term.owner))

    def mode(self, record, field):
        return max((term.mode(field) for term in self.terms if term.covers(record, "read")), default=ABSENT)

    def forbidden(self, layers):
        """token -> "layer county owner field" of all that the person must never be sent."""
        found = {}
        for layer in layers.values():
            for record in layer.records:
                where = "%s of %s, owner %s" % (layer.id, record.area, record.owner)
                seen = self.sees(record)
                if not seen:
                    found[record.uid.encode()] = where + ": uid"
                for name, token in record.tokens.items():
                    if not seen or self.mode(record, layer.fields[name]) < CLEAR:
                        found[token] = "%s: %s" % (where, name)
        return found


def load_people(accounts, extra_terms):
    """From the lines of demo_accounts: name|roles|areas|organisation|display name."""
    roles = {}
    for folder in (("plugin",), ("sdk-shim", "template")):
        with open(os.path.join(ROOT, *folder, "plugin.manifest.in"), encoding="utf-8") as file:
            roles.update((role["id"], role) for role in json.load(file)["roles"])
    people = [Person(None, [])]
    for line in accounts.splitlines():
        name, held, areas, org, _ = line.split("|")
        terms = [Term(grant, areas.split(","), org or None)
                 for role in held.split(",") for grant in roles.get(role, {}).get("grants", ())]
        terms += [Term(grant, where, None) for grant, where in extra_terms.get(name, ())]
        people.append(Person(name, terms, [each for role in held.split(",") for each in
                                           PLATFORM.get(role, ()) + tuple(roles.get(role, {}).get("functions", ()))]))
    return people
