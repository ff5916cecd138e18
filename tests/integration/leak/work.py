"""Ways out that work for somebody or keep what was done: analyses, jobs, batches, imports, search, the stream, the
answers of an idempotency key. What others have there is planted first; then nobody else may be told of it."""
import datetime
import http.client
import json
import time
import urllib.parse
import uuid

import canaries
import host
from host import URL, get
from walk import LAYERS, must, send

ASYNC = "respond-async"
MINE = {}  # what others keep: name -> id
IMPORTED = LAYERS["lpg.risk-elements"]
SOON = (datetime.date.today() + datetime.timedelta(30)).isoformat()


# ---- what the analyses are asked ----

def line_through(points):
    """Positions through all points, in steps that a route may take."""
    line = [points[0]]
    for at in points[1:]:
        before = line[-1]
        steps = 1 + int(max(abs(at[0] - before[0]), abs(at[1] - before[1])) / 0.2)
        line += [[before[k] + (at[k] - before[k]) * i / steps for k in (0, 1)] for i in range(1, steps + 1)]
    return line


def first_position(geometry):
    at = geometry["coordinates"]
    while isinstance(at[0], list):
        at = at[0]
    return at


# On the one day on which the canaries are in force.
ROUTE = {"as_of": "2026-01-15", "depart_at": "2026-01-15T01:00:00+08:00", "distance_m": 50, "route": {
    "type": "LineString", "coordinates": line_through([
        [value + (0.001 if layer == "lpg.restricted-zones" else 0) for value in first_position(record.geometry)]
        for layer in ("lpg.risk-elements", "lpg.end-users", "lpg.restricted-zones") for record in LAYERS[layer].records])}}


def check_route_hazards(walk, way, answer):
    """Elements, households and zones of the answer are those that the person sees, and all of those."""
    def uids(layer):
        return sorted(record.uid for record in walk.visible(LAYERS[layer]))
    told = {name: each.get("value", each) if isinstance(each, dict) else each for name, each in answer.json.items()}
    walk.expect(way + " elements", uids("lpg.risk-elements"), sorted(each["id"] for each in told["elements"]["features"]))
    walk.expect(way + " households", len(uids("lpg.end-users")), told["exposed_population"]["households"])
    walk.expect(way + " zones", uids("lpg.restricted-zones"),
                sorted({each["zone"] for each in told["restrictions"] if each["restriction"] == "zone"}))


def ask_route_hazards(walk, way, run):
    for record in LAYERS["lpg.transport-routes"].records:
        for name, own in ((record.values["route_no"], record.tokens["route_no"]), (record.uid, record.uid.encode())):
            answer = run({"route": name, "as_of": "2026-01-15"}, own=[own])
            if not walk.person.sees(record) and answer.status == 200:
                walk.leaks.append("%s: %s goes along a hidden route of %s" % (way, walk.person.name, record.area))
    run({"route": {"type": "LineString", "coordinates": [[109, 19]]}})


# The canaries of the rules are one and the same: class Ⅰ keeps 500 m from open flames; each building has one.
def place_of(record):
    return {"type": "Point", "coordinates": first_position(record.geometry)}


WHY_NOT = {"as_of": "2026-01-15", "station_class": "I", "point": place_of(LAYERS["lpg.buildings"].records[0])}
COMPLIANCE = {"as_of": "2026-01-15"}


def around(record):
    lon, lat = first_position(record.geometry)
    ring = [[lon - 0.002, lat - 0.002], [lon + 0.002, lat - 0.002], [lon + 0.002, lat + 0.002],
            [lon - 0.002, lat + 0.002], [lon - 0.002, lat - 0.002]]
    return {"type": "Polygon", "coordinates": [ring]}


SITING = dict(WHY_NOT, land_use="ignore", area=around(LAYERS["lpg.buildings"].records[0]))
del SITING["point"]


def ask_why_not(walk, way, run):
    """At each building: only who sees it is told that there is a flame."""
    for record in LAYERS["lpg.buildings"].records:
        answer = run(dict(WHY_NOT, point=place_of(record)))
        if answer.status != 200:  # he may not read all of the rules, or no building
            walk.expect(way + " is refused", False, walk.person.reads("lpg.buildings") and
                        len(walk.visible(LAYERS["lpg.separation-rules"])) == 4)
            continue
        walk.expect(way + " rules that keep apart", 4, len(walk.visible(LAYERS["lpg.separation-rules"])))
        told = answer.json["rules"]["value"] if isinstance(answer.json["rules"], dict) else answer.json["rules"]
        walk.expect("%s finds the flame in %s" % (way, record.area), walk.person.sees(record),
                    any(line["violating"] > 0 for line in told))


def ask_siting(walk, way, run):
    """Around each building: only who sees it loses land to its flame."""
    for record in LAYERS["lpg.buildings"].records:
        answer = run(dict(SITING, area=around(record)))
        if answer.status == 200:
            told = answer.json["rules"].get("value") if isinstance(answer.json["rules"], dict) else answer.json["rules"]
            walk.expect("%s loses land in %s" % (way, record.area), walk.person.sees(record),
                        any(line["takes_m2"] > 0 for line in told))


CONSEQUENCE = {"as_of": "2026-01-15", "scenario": "fireball", "mass_kg": 14.9,
               "point": place_of(LAYERS["lpg.buildings"].records[0])}


def ask_consequence(walk, way, run):
    """At each school: only who sees it is told of it."""
    for record in LAYERS["lpg.risk-elements"].records:
        answer = run(dict(CONSEQUENCE, point=place_of(record)))
        if answer.status == 200:
            told = answer.json["rings"].get("value", answer.json["rings"])["features"]
            schools = {each["uid"] for ring in told for each in ring["properties"]["schools"]}
            walk.expect("%s tells of the school in %s" % (way, record.area),
                        [record.uid] if walk.person.sees(record) else [], sorted(schools))


# The canaries of the roads are closed to dangerous goods and nowhere near each other.
def along(record):
    line = record.geometry["coordinates"]
    ends = [{"type": "Point", "coordinates": position} for position in (line[0], line[-1])]
    return {"as_of": "2026-01-15", "vehicle": "emergency", "from": ends[0], "to": ends[1]}


def ask_safer_route(walk, way, run):
    """Along each road: only who sees it gets there."""
    for record in LAYERS["lpg.roads"].records:
        answer = run(along(record))
        if walk.person.reads("lpg.roads") and walk.person.reads("lpg.risk-elements"):
            walk.expect("%s goes along the road in %s" % (way, record.area), walk.person.sees(record), answer.status == 200)
        else:
            walk.expect(way + " is refused", 403, answer.status)


def points_at(*positions):
    return {"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": position}, "properties": {}}
        for position in positions]}


SERVICE_AREA = {"as_of": "2026-01-15", "by": "straight", "ranges": [1],
                "facilities": points_at(first_position(LAYERS["lpg.end-users"].records[0].geometry))}


def ask_service_area(walk, way, run):
    """At each end user, whom it serves; on each road, whether there is one."""
    def features(answer, name):
        return answer.json[name].get("value", answer.json[name])["features"]
    for record in LAYERS["lpg.end-users"].records:
        answer = run(dict(SERVICE_AREA, facilities=points_at(first_position(record.geometry))))
        if answer.status == 200:
            walk.expect("%s serves the user in %s" % (way, record.area), int(walk.person.sees(record)),
                        features(answer, "areas")[0]["properties"]["served"])
    for record in LAYERS["lpg.roads"].records:
        place = points_at(first_position(record.geometry))
        answer = run({"by": "length", "vehicle": "emergency", "ranges": [5], "facilities": place, "demand": place})
        if answer.status == 200:
            walk.expect("%s knows the road in %s" % (way, record.area), walk.person.sees(record),
                        features(answer, "facilities")[0]["properties"]["on_network"])


def check_compliance(walk, way, answer):
    told = answer.json["stations"].get("value", answer.json["stations"])
    walk.expect(way + " stations", sorted(record.uid for record in walk.visible(LAYERS["lpg.stations"])),
                sorted(each["id"] for each in told["features"]))


# Over any layer: whoever may not read it is refused, whoever may is told of his records, and of nobody else's.
BUFFER = {"features": "lpg.end-users", "distance_m": 20}
EVERYWHERE = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"no": 1}, "geometry": {
    "type": "Polygon", "coordinates": [[[100, 10], [120, 10], [120, 25], [100, 25], [100, 10]]]}}]}
OVERLAY = {"a": "lpg.buildings", "b": EVERYWHERE, "operation": "intersection"}
TOPOLOGY = {"features": "lpg.stations", "with": "lpg.roads", "rules": ["within"]}
DENSITY = {"features": "lpg.risk-elements", "bandwidth_m": 200000, "cell_m": 20000}
VIEWSHED = {"point": place_of(LAYERS["lpg.buildings"].records[0])}


def told_of(answer, key):
    return answer.json[key].get("value", answer.json[key]) if isinstance(answer.json[key], dict) else answer.json[key]


def check_uids(layer, key):
    def check(walk, way, answer):
        walk.expect("%s %s" % (way, layer), sorted(record.uid for record in walk.visible(LAYERS[layer])),
                    sorted(each["properties"]["uid"] for each in told_of(answer, key)["features"]))
    return check


def ask_buffer(walk, way, run):
    for layer in ("lpg.enterprises", "lpg.land-use"):
        answer = run({"features": layer, "distance_m": 20})
        if answer.status == 200:
            check_uids(layer, "buffers")(walk, way, answer)


def check_density(walk, way, answer):
    walk.expect(way + " weighs", len(walk.visible(LAYERS["lpg.risk-elements"])), answer.json["total_weight"])


def check_words(walk, way, answer):
    walk.expect(way + " makes words anew", True, walk.person.reads("lpg.stations", "update"))
    walk.expect(way + " counts", len(walk.visible(LAYERS["lpg.stations"])), answer.json[0]["records"])


# What addresses are matched with, and the field that names it.
NAMED = (("lpg.address-points", "address"), ("lpg.stations", "name"), ("lpg.risk-elements", "name"),
         ("lpg.buildings", "name"), ("lpg.places", "name"))


def ask_geocode(walk, way, run):
    """By each name: only who sees the record, and its name in clear, finds it."""
    for layer, field in NAMED:
        for record in LAYERS[layer].records:
            answer = run({"address": record.values[field]}, own=[record.tokens[field]])
            found = [each["uid"] for feature in told_of(answer, "matches")["features"]
                     for each in feature["properties"]["candidates"]]
            seen = walk.person.sees(record) and walk.person.mode(record, LAYERS[layer].fields[field]) == canaries.CLEAR
            walk.expect("%s finds %s in %s" % (way, layer, record.area), seen, record.uid in found)


def ask_reverse_geocode(walk, way, run):
    """At each address: only who sees it is told of it."""
    for record in LAYERS["lpg.address-points"].records:
        answer = run({"point": place_of(record)})
        told = answer.json if isinstance(answer.json, list) else told_of(answer, "places")
        walk.expect("%s tells of the door in %s" % (way, record.area), record.uid if walk.person.sees(record) else None,
                    told[0]["door"] and told[0]["door"]["uid"])


# id -> (inputs, what is expected of an answer, further questions); an analysis that is not here fails.
PROCESSES = {
    "lpg.route-hazards": (ROUTE, check_route_hazards, ask_route_hazards),
    "lpg.buffer": (BUFFER, check_uids("lpg.end-users", "buffers"), ask_buffer),
    "lpg.density": (DENSITY, check_density, None),
    "lpg.geocode": ({"address": "海口市国贸路12号"}, None, ask_geocode),
    "lpg.reverse-geocode": ({"point": VIEWSHED["point"]}, None, ask_reverse_geocode),
    "lpg.overlay": (OVERLAY, check_uids("lpg.buildings", "pieces"), None),
    "lpg.topology": (TOPOLOGY, None, None),
    "lpg.viewshed": (VIEWSHED, None, None),
    "lpg.consequence": (CONSEQUENCE, None, ask_consequence),
    "lpg.safer-route": (along(LAYERS["lpg.roads"].records[0]), None, ask_safer_route),
    "lpg.service-area": (SERVICE_AREA, None, ask_service_area),
    "lpg.search-words": ({"layer": "lpg.stations"}, check_words, None),
    "lpg.siting": (SITING, None, ask_siting),
    "lpg.station-compliance": (COMPLIANCE, check_compliance, None),
    "lpg.why-not": (WHY_NOT, None, ask_why_not),
    "template.echo": ({"message": "x"}, None, None),
}


def way_processes(walk, pattern):
    answer = walk.ask(pattern, "/processes")
    if answer.status == 200:
        listed = {each["id"] for each in answer.json["processes"]}
        walk.expect(pattern + " not walked yet", [], sorted(listed - set(PROCESSES)))
        walk.expect(pattern + " listed", sorted(name for name in PROCESSES if walk.person.reads(name, "run")),
                    sorted(listed))
    for name, (inputs, check, further) in list(PROCESSES.items()) + [("nothing", ({}, None, None))]:
        way = "/processes/{id}/execution"
        may = walk.person.reads(name, "run")
        walk.expect("/processes/{id} status", may, walk.ask("/processes/{id}", "/processes/" + name).status == 200)

        def run(given, own=(), name=name, way=way):
            answer = walk.post(way, "/processes/%s/execution" % name, {"inputs": given}, own=own)
            if answer.status == 201:  # one that is always a job
                finished(answer.json["jobID"], walk.person.name)
                if name == "lpg.buffer":
                    for form in ("geojson", "docx", "pdf"):
                        walk.ask(way, "/jobs/%s/results?f=%s" % (answer.json["jobID"], form), own=own)
                answer = walk.ask(way, "/jobs/%s/results" % answer.json["jobID"], own=own)
            return answer
        answer = run(inputs)
        if answer.status == 200:
            walk.expect(way + " of " + name, True, may)
            if check is not None:
                check(walk, way, answer)
        if may and further is not None:
            further(walk, way, run)


# ---- jobs ----

def finished(job, who, path="/jobs/%s", key="status"):
    for _ in range(600):
        state = get(path % job, who).json[key]
        if state not in ("accepted", "running"):
            return state
        time.sleep(0.05)
    raise AssertionError("job %s of %s does not end" % (job, who))


def way_jobs(walk, pattern):
    for path in ("/jobs", "/jobs?limit=100", "/jobs?limit=100&f=html", "/jobs/00000000-0000-7000-8000-000000000000"):
        answer = walk.ask(pattern, path)
        if path == "/jobs?limit=100" and answer.status == 200 and "cim.admin.jobs" not in walk.person.functions:
            others = sorted({job["x-cim-owner"] for job in answer.json["jobs"]} - {walk.person.name})
            walk.expect(pattern + " of others", [], others)
    for name, owner in (("job", "province"), ("import", "editor")):
        if walk.person.name == owner:
            continue
        administers = "cim.admin.jobs" in walk.person.functions
        for path in ("/jobs/%s", "/jobs/%s?f=html", "/jobs/%s/results"):
            answer = walk.ask("/jobs/{id}", path % MINE[name])
            refused = (401,) if walk.person.name is None else (403,) if "results" in path else (200,)
            walk.expect("%s: job of another" % path, True, answer.status in (refused if administers or walk.person.name is None
                                                                           else (404,)))
        if not administers:
            answer = walk.ask("/jobs/{id} DELETE", "/jobs/" + MINE[name], "DELETE")
            walk.expect("/jobs/{id} DELETE of another", True, answer.status in (401, 404))
    if walk.person.reads("lpg.route-hazards", "run") and walk.person.reads("lpg.risk-elements"):
        way = "/jobs/{id}/results"
        job = walk.post(way, "/processes/lpg.route-hazards/execution", {"inputs": ROUTE}, {"Prefer": ASYNC}).json["jobID"]
        walk.expect(way + " state", "successful", finished(job, walk.person.name))
        walk.ask("/jobs/{id}", "/jobs/" + job)
        check_route_hazards(walk, way, walk.ask(way, "/jobs/%s/results" % job))


# ---- imports ----

def feature_of(record, **others):
    return {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": record.geometry, "properties": dict(
        record.values, uid=record.uid, area_code=record.area, owner_org=record.owner, **others)}]}


def plant_import():
    """A file of the editor's, and an import of it, tried only, whose one row is refused."""
    record = IMPORTED.records[0]
    body = json.dumps(feature_of(record, buffer_m=-1)).encode()
    answer = send("POST", "/admin/api/imports/files?name=kz.geojson&layer=" + IMPORTED.id, "editor", body, {
        "Content-Type": "application/geo+json"})
    MINE["file"] = answer.json["file"]
    MINE["import"] = must("POST", "/admin/api/imports/jobs?file=" + MINE["file"],
                          {"layer": IMPORTED.id, "crs": "cgcs2000", "dry_run": True}, "editor")["job"]
    finished(MINE["import"], "editor", "/admin/api/imports/jobs/%s", "state")


def way_import_files(walk, pattern):
    base = "/admin/api/imports/files/"
    for name in (MINE["file"], "00000000-0000-7000-8000-000000000000", "..%2f..", "x"):
        for path, method in ((base + name, "GET"), (base + name + "/preview?layer=" + IMPORTED.id, "GET"),
                             (base + name, "DELETE")):
            if walk.person.name == "editor" and method == "DELETE":
                continue
            answer = walk.ask("%s %s" % (pattern, method), path, method)
            if walk.person.name != "editor":
                walk.expect("%s %s of another" % (pattern, method), True, answer.status >= 400)


def way_import_jobs(walk, pattern):
    answer = walk.ask(pattern, "/admin/api/imports/jobs")
    administers = "cim.admin.jobs" in walk.person.functions
    if answer.status == 200 and not administers:
        walk.expect(pattern + " of others", [], sorted({job["owner"] for job in answer.json["jobs"]} - {walk.person.name}))
    if walk.person.name == "editor":
        return
    for job in (MINE["import"], MINE["job"], "00000000-0000-7000-8000-000000000000"):
        base = "/admin/api/imports/jobs/" + job
        answer = walk.ask(pattern + "/{job}", base)
        walk.expect(pattern + "/{job} of another", administers and job == MINE["import"], answer.status == 200)
        for name in ("report.csv", "report.xlsx", "refused.csv", "inputs.json"):
            answer = walk.ask(pattern + "/{job}/files/{name}", "%s/files/%s" % (base, name))
            walk.expect(pattern + "/{job}/files/%s of another" % name, False, answer.status == 200)
        if not administers:
            answer = walk.post(pattern + "/{job}/cancel", base + "/cancel", {})
            walk.expect(pattern + "/{job}/cancel of another", True, answer.status in (401, 403, 404))


# ---- batches ----

def way_batches(walk, pattern):
    for query in ("", "?limit=1000", "?layer=lpg.staff"):
        answer = walk.ask(pattern, pattern + query)
        if answer.status == 200 and "cim.admin.batches" not in walk.person.functions:
            walk.expect(pattern + " of others", [], sorted({each["principal"] for each in answer.json["batches"]} -
                                                           {walk.person.name}))
    if walk.person.name != "admin":  # to him it would be done
        for row_wise in ("", "?row_wise=1"):
            answer = walk.post(pattern + "/{id}/undo", "%s/%s/undo%s" % (pattern, MINE["batch"], row_wise), {})
            walk.expect(pattern + "/{id}/undo of another", True, answer.status in (401, 403, 404))


# ---- erasing ----

def way_erasures(walk, pattern):
    """Nobody's is erased here: of the walk's people none has both what it takes. Hidden records and none at all are
    refused alike."""
    hidden = [record.uid for record in LAYERS["lpg.staff"].records if not walk.person.sees(record, "update")]
    for layer, uid in [("lpg.staff", each) for each in hidden[:2]] + [
            ("lpg.staff", "00000000-0000-4000-8000-00000000dead"), ("lpg.places", "x"), ("nothing", "x")]:
        answer = walk.post(pattern, pattern, {"layer": layer, "uid": uid, "reason": "核对删除申请"})
        walk.expect(pattern + " of %s %s" % (layer, uid), True, answer.status in (400, 401, 403, 404))
    if "cim.admin.erasures" not in walk.person.functions:
        for record in LAYERS["lpg.staff"].records[:1]:
            answer = walk.post(pattern, pattern, {"layer": "lpg.staff", "uid": record.uid, "reason": "核对删除申请"})
            walk.expect(pattern + " without the function point", True, answer.status in (401, 403))


# ---- the audit ----

def way_audit(walk, pattern):
    """Who reads the audit is told which record was changed, never what stood in it."""
    uids = [record.uid.encode() for layer in LAYERS.values() for record in layer.records]
    reads = "cim.audit.read" in walk.person.functions
    for query in ("", "?limit=1000", "?layer=lpg.staff"):
        answer = walk.ask(pattern, pattern + query, own=uids if reads else ())
        walk.expect(pattern + " status", reads, answer.status == 200)


# ---- search ----

def way_search(walk, pattern):
    """Words of what is hidden, or masked, find nothing; words of all records find those that are seen."""
    for words in ("kz", "1380", "460105199001", "&f=html"):
        answer = walk.ask(pattern, "/search?limit=50&q=" + words)
        if answer.status != 200 or words != "kz":
            continue
        found = {group["id"]: sorted(each["uid"] for each in group["features"]) for group in answer.json["groups"]}
        for layer in LAYERS.values():
            searched = [field for field in layer.fields.values() if field.get("search")]
            named = any(field["name"] in record.tokens and record.tokens[field["name"]].startswith(b"kz")
                        for field in searched for record in layer.records)
            masked = any(field.get("sensitive") for field in searched) or any(
                walk.person.mode(record, field) < canaries.CLEAR for field in searched for record in walk.visible(layer))
            if named and not masked:
                walk.expect("%s in %s" % (pattern, layer.id), sorted(record.uid for record in walk.visible(layer)),
                            found.get(layer.id, []))
    for layer in (LAYERS["lpg.staff"], LAYERS["lpg.enterprises"]):
        for record in walk.hidden(layer)[:1] + walk.visible(layer)[:1]:
            for name, field in layer.fields.items():
                token = record.tokens.get(name)
                if (field.get("search") or field.get("sensitive")) and token in walk.forbidden:
                    answer = walk.ask(pattern, "/search?q=" + urllib.parse.quote(token.decode()), own=[token])
                    if answer.status == 200:
                        walk.expect("%s by %s of %s" % (pattern, name, walk.forbidden[token]), [], answer.json["groups"])


# ---- the stream ----

def way_stream(walk, pattern):
    """The changes from the beginning: those of records that the person sees, and all of those."""
    at = urllib.parse.urlparse(URL)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=1)
    headers = {"Last-Event-ID": "0"}
    if walk.person.name is not None:
        headers["Authorization"] = "Bearer " + host.token(walk.person.name)
    connection.request("GET", "/stream", headers=headers)
    answer = connection.getresponse()
    walk.expect(pattern + " status", walk.person.name is not None, answer.status == 200)
    text = b""
    try:
        while answer.status == 200:
            line = answer.readline()
            if not line:
                break
            text += line
    except TimeoutError:
        pass  # all that there is was sent
    connection.close()
    walk.look(pattern, host.Answer(200, {}, text))
    if answer.status == 200:
        of_fid = {(record.layer.id, record.fid): record for layer in LAYERS.values() for record in layer.records}
        changes = [json.loads(line[6:]) for line in text.splitlines() if line.startswith(b"data: {\"layer\"")]
        told = {of_fid.get((change["layer"], change.get("fid"))) for change in changes} - {None}
        walk.expect(pattern + " records", [], sorted(record.uid for record in told if not walk.person.sees(record)))
        walk.expect(pattern + " changed records", sorted(record.uid for record in MINE["changed"] if walk.person.sees(record)),
                    sorted(record.uid for record in told.intersection(MINE["changed"])))
        layers = {change["layer"] for change in changes}
        walk.expect(pattern + " layers", [], sorted(name for name in layers.intersection(LAYERS)
                                                    if not walk.person.reads(name)))


# ---- the answers of an idempotency key ----

KEYED = "lpg.hazards"


def keyed(who, key):
    """Writes one hazard under a key, as one who may, and takes it away again."""
    record = LAYERS[KEYED].records[0]
    feature = {"type": "Feature", "geometry": record.geometry, "properties": dict(
        {name: value for name, value in record.values.items() if name not in record.tokens or
         LAYERS[KEYED].fields[name].get("required")}, area_code="460105", owner_org="E0002", **MINE["unique"])}
    answer = send("POST", "/collections/%s/items" % KEYED, who, json.dumps(feature).encode(), {
        "Content-Type": "application/geo+json", "Idempotency-Key": key})
    if answer.status == 201 and answer.headers["Idempotency-Replayed"] is None:
        send("DELETE", urllib.parse.urlparse(answer.headers["Location"]).path, "admin", headers={"If-Match": "*"})
    return answer


def way_keys(walk, pattern):
    """The key of another, with the same request: his answer is not told."""
    if walk.person.name == "editor":
        return
    answer = walk.look("Idempotency-Key", keyed(walk.person.name, MINE["key"]))
    walk.expect("Idempotency-Key of another is replayed", None, answer.headers["Idempotency-Replayed"])
    walk.expect("Idempotency-Key of another: same record", False, answer.headers["Location"] == MINE["location"])


def plant():
    for record in LAYERS["lpg.separation-rules"].records:  # as they are planted they would keep nothing apart
        answer = send("PATCH", "/collections/lpg.separation-rules/items/%d" % record.fid, "admin",
                      json.dumps({"properties": {"metres": 500, "band_upto": 20}}).encode(),
                      {"Content-Type": "application/merge-patch+json", "If-Match": "*"})
        if answer.status not in (200, 204):
            raise AssertionError("PATCH of a rule: %d %s" % (answer.status, answer.text))
    MINE["job"] = must("POST", "/processes/lpg.route-hazards/execution", {"inputs": ROUTE}, "province", Prefer=ASYNC)["jobID"]
    assert finished(MINE["job"], "province") == "successful"
    plant_import()
    batches = get("/admin/api/batches?limit=1000&layer=lpg.staff", "admin").json["batches"]
    MINE["batch"] = next(each["id"] for each in batches if each["op"] == "create")
    MINE["request"] = must("POST", "/catalogue/requests", {
        "resource": "lpg.staff", "areas": ["460203"], "reason": "kzsanya 抽查", "until": SOON}, "surveyor")["uid"]
    MINE["key"] = str(uuid.uuid4())
    unique = [name for name, field in LAYERS[KEYED].fields.items() if field.get("unique")]
    MINE["unique"] = {name: "T-" + MINE["key"][:8] for name in unique}
    answer = keyed("editor", MINE["key"])
    if answer.status != 201:
        raise AssertionError("%d %s" % (answer.status, answer.text))
    MINE["location"] = answer.headers["Location"]
    MINE["changed"] = set(LAYERS["lpg.stations"].records + LAYERS["lpg.staff"].records)
