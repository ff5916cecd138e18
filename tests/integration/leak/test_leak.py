"""The leak test: every way out, as every kind of person, searched byte by byte for what that person must not see.

The routes come from the OpenAPI document; one that the table below does not know fails, so a new way out is not
forgotten. A way is asked with good questions, with questions about what is hidden, and with rubbish.
"""
import concurrent.futures
import functools
import json
import os
import re
import unittest
import urllib.parse

import canaries
import host
import work
from host import DEFINITIONS, URL, get
from walk import ADMIN, GRANT, LAYERS, PEOPLE, SURVEYOR, Walk, must, send, tile_counts, tile_rates

NOTES = "template.notes"  # of the template, which is enabled beside the plugin; without records
FORMATS = ("json", "html", "csv", "geojsonl")
# Files of exports: of each layer in one of them, that all are asked for.
FILES = ("gpkg", "shp", "gdb", "kml", "kmz", "gml", "dxf", "xlsx")


# ---- the ways out of a layer ----

def way_collection(walk, layer):
    way = "/collections/{id}"
    send("GET", "/collections/" + layer.id, "admin")
    answer = walk.ask(way, "/collections/" + layer.id)
    walk.ask(way, "/collections/%s?f=html" % layer.id)
    walk.expect(way + " status", walk.person.reads(layer.id), answer.status == 200)
    if answer.status != 200 or layer.geometry == "None":
        return
    extent = answer.json.get("extent", {}).get("spatial", {}).get("bbox", [None])[0]
    places = [point for record in walk.visible(layer) for point in corners(record.geometry)]
    if extent is not None and places:
        wanted = (min(p[0] for p in places), min(p[1] for p in places), max(p[0] for p in places),
                  max(p[1] for p in places))
        walk.expect(way + " extent", [round(n, 3) for n in wanted], [round(n, 3) for n in extent])
    elif not places and extent is not None:
        walk.leaks.append("%s extent: %s sees nothing and is told %r" % (way, walk.person.name, extent))


def corners(geometry):
    found = []

    def walk(at):
        if isinstance(at[0], (int, float)):
            found.append(at)
        else:
            for each in at:
                walk(each)
    walk(geometry["coordinates"])
    return found


def way_schema(walk, layer):
    for name in ("schema", "queryables"):
        answer = walk.ask("/collections/{id}/" + name, "/collections/%s/%s" % (layer.id, name))
        if answer.status == 200 and name == "queryables":
            for field in layer.fields.values():
                if any(walk.person.mode(r, field) < canaries.CLEAR for r in walk.visible(layer)):
                    walk.expect("/collections/{id}/queryables offers " + field["name"], False,
                                field["name"] in answer.json["properties"])


def way_items(walk, layer):
    way = "/collections/{id}/items"
    base = "/collections/%s/items" % layer.id
    mine = walk.visible(layer)
    for form in FORMATS:
        walk.ask("%s?f=%s" % (way, form), "%s?f=%s&limit=100" % (base, form))
    send("GET", base + "?limit=1", "admin")  # what he counted and left in a cache is not told to others
    answer = walk.ask(way, base + "?limit=1")
    if answer.status != 200:
        return walk.expect(way + " status", walk.person.reads(layer.id), False)
    walk.expect(way + " numberMatched", len(mine), answer.json["numberMatched"])
    walk.expect(way + " hits", len(mine), walk.ask(way, base + "?limit=100").json["numberReturned"])
    after = host.link(answer.json, "next")
    if after is not None:
        walk.ask(way + " next", after.replace(URL, ""))
    for extra in ("sortby=-updated_at", "bbox=108,18,112,21", "datetime=2020-01-01T00:00:00Z/..", "area=460203",
                  "export=true", "export=true&f=csv", "skipGeometry=true", "crs=http://www.opengis.net/def/crs/EPSG/0/4490"):
        walk.ask(way + " " + extra.split("=")[0], "%s?limit=100&%s" % (base, extra))
    for form in ("geojsonl", "csv"):
        answer = walk.ask("%s export" % way, "%s?export=true&f=%s" % (base, form))
        walk.expect("%s export as %s status" % (way, form), walk.person.reads(layer.id, "export"), answer.status == 200)
        if answer.status == 200:
            walk.expect("%s export as %s" % (way, form), len(walk.visible(layer, "export")),
                        answer.text.count("\n") - (form == "csv"))


    form = FILES[sorted(LAYERS).index(layer.id) % len(FILES)]
    answer = walk.ask("%s export" % way, "%s?export=true&f=%s" % (base, form))
    walk.expect("%s export as %s status" % (way, form), walk.person.reads(layer.id, "export"), answer.status == 200)
    if layer.geometry in ("Polygon", "MultiPolygon"):
        walk.ask("%s export" % way, base + "?export=true&f=txt&crs=http://www.opengis.net/def/crs/EPSG/0/4525")


def way_questions(walk, layer):
    """Filters, sort keys and searches: what is hidden answers no question."""
    base = "/collections/%s/items" % layer.id
    hidden = walk.hidden(layer)[:1] + walk.visible(layer)[:1]
    for record in hidden:
        # All that can be searched or is masked, and two of the others.
        telling = [name for name in record.tokens if record.tokens[name] in walk.forbidden]
        telling.sort(key=lambda name: not (layer.fields[name].get("sensitive") or layer.fields[name].get("search")))
        special = sum(1 for name in telling if layer.fields[name].get("sensitive") or layer.fields[name].get("search"))
        for name in telling[:special + 2]:
            token = record.tokens[name]
            text = urllib.parse.quote(token.decode())
            queries = {"filter on " + name: "%s=%s" % (name, text),
                       "cql2 on " + name: "filter-lang=cql2-text&filter=" + urllib.parse.quote("%s='%s'" % (name, token.decode()))}
            if layer.fields[name].get("search") or layer.fields[name].get("sensitive"):
                queries["q"] = "q=" + text
            for what, query in queries.items():
                way = "/collections/{id}/items " + what.split(" ")[0]
                answer = walk.ask(way, "%s?%s" % (base, query), own=[token])
                if answer.status == 200 and answer.json["numberMatched"] != 0:
                    walk.leaks.append("%s: %s finds %d by %s of %s" % (way, walk.person.name, answer.json["numberMatched"],
                                                                     name, walk.forbidden[token]))
    for name, field in layer.fields.items():
        below = [r for r in walk.visible(layer) if walk.person.mode(r, field) < canaries.CLEAR]
        if field.get("sensitive") or below:
            answer = walk.ask("/collections/{id}/items sortby", "%s?sortby=%s" % (base, name))
            if below and answer.status == 200:
                walk.leaks.append("/collections/{id}/items sortby: %s sorts by %s, which is masked" % (walk.person.name, name))
            walk.ask("/collections/{id}/items properties", "%s?properties=%s" % (base, name))


def way_item(walk, layer):
    way = "/collections/{id}/items/{fid}"
    for record in layer.records:
        path = "/collections/%s/items/%d" % (layer.id, record.fid)
        for form in ("json", "html"):
            answer = walk.ask(way, "%s?f=%s" % (path, form))
            walk.expect("%s status of %s %s" % (way, record.area, record.owner), walk.person.sees(record), answer.status == 200)
        for name in [name for name, field in layer.fields.items() if field.get("sensitive")][:2]:
            answer = walk.ask(way + " reveal", "%s?reveal=%s&reason=%s" % (path, name, urllib.parse.quote("核对身份信息")))
            if "lpg.reveal" not in walk.person.functions or not walk.person.sees(record):
                walk.expect(way + " reveal", False, answer.status == 200)


def way_edit(walk, layer):
    """Writing: rubbish, and records that are hidden; the refusal tells nothing."""
    way = "/collections/{id}/items"
    base = "/collections/%s/items" % layer.id
    hidden = walk.hidden(layer)[:1]
    for record in hidden:
        path = "%s/%d" % (base, record.fid)
        rubbish = json.dumps({"properties": {"nothing": 1}}).encode()
        patch = {"Content-Type": "application/merge-patch+json"}
        for method in ("PATCH", "PUT"):
            walk.ask(way + "/{fid} " + method, path, method, rubbish, patch if method == "PATCH" else
                     {"Content-Type": "application/geo+json"})
        answer = walk.ask(way + "/{fid} DELETE", path, "DELETE", headers={"If-Match": '"1"'})
        if answer.status < 400 or answer.status == 412:
            walk.leaks.append("%s/{fid} DELETE: %s is answered %d of a hidden record" % (way, walk.person.name, answer.status))
        # Values of a hidden record that must be unique: the refusal may say that one is taken, no more.
        if not any(layer.fields[name].get("unique") for name in record.tokens):
            continue
        feature = {"type": "Feature", "geometry": record.geometry,
                   "properties": dict(record.values, area_code="460105", owner_org="E0009")}
        own = list(record.tokens.values())
        walk.ask(way + " POST", base, "POST", json.dumps(feature).encode(), {"Content-Type": "application/geo+json"}, own)


def way_tiles(walk, layer):
    base = "/collections/%s/tiles" % layer.id
    walk.ask("/collections/{id}/tiles", base)
    walk.ask("/collections/{id}/tiles/{tms}", base + "/WebMercatorQuad?f=tilejson")
    walk.ask("/collections/{id}/tiles/{tms}", base + "/WebMercatorQuad")
    way = "/collections/{id}/tiles/{tms}/{z}/{row}/{col}"
    for place in ("0/0/0", "7/56/103", "7/57/103"):
        path = "%s/WebMercatorQuad/%s" % (base, place)
        # First as one who sees more: what he left in a cache, or its ETag, opens nothing.
        warm = send("GET", path, "admin")
        answer = walk.ask(way, path, headers={"If-None-Match": warm.headers.get("ETag") or '"x"'})
        different = len(walk.visible(layer)) != len(layer.records)
        if answer.status == 304 and different:
            walk.leaks.append("%s: the ETag of another opens it to %s" % (way, walk.person.name))
        if place == "0/0/0" and answer.status in (200, 204):
            got, mine = tile_counts(answer.body, layer.id), len(walk.visible(layer))
            # Lines and areas too small for the world are left out of it.
            walk.expect(way + " records", mine, got if layer.geometry == "Point" else max(got, mine))
            walk.expect(way + " rates", mine, max(mine, tile_rates(answer.body, layer.id)))
    many = "/tiles/{tms}/{z}/{row}/{col}"
    for path in ("/tiles/WorldCRS84Quad/0/0/1", "/tiles/CGCS2000Quad/8/49/206"):
        path += "?collections=" + layer.id
        warm = send("GET", path, "admin")
        answer = walk.ask(many, path, headers={"If-None-Match": warm.headers.get("ETag") or '"x"'})
        if answer.status == 304 and len(walk.visible(layer)) != len(layer.records):
            walk.leaks.append("%s: the ETag of another opens it to %s" % (many, walk.person.name))
    walk.ask("/tiles/{tms}", "/tiles/WorldCRS84Quad?f=tilejson&collections=" + layer.id)


def way_summary(walk, layer):
    way = "/apps/lpg/api/summary"
    for name, field in layer.fields.items():
        if field["type"] == "code" or field.get("sensitive"):
            answer = walk.ask(way, "%s?layer=%s&by=%s" % (way, layer.id, name))
            if answer.status == 200:
                walk.expect("%s of %s by %s" % (way, layer.id, name), len(walk.visible(layer)), answer.json["total"])


def way_cluster(walk, layer):
    """All of Hainan is in one cell of zoom 3: column 6, row 3."""
    way = "/apps/lpg/api/cluster"
    answer = walk.ask(way, "%s?layer=%s&id=%d&limit=1000" % (way, layer.id, 3 << 40 | 0b011110))
    if answer.status == 200:
        mine = {record.fid for record in walk.visible(layer)}
        walk.expect("%s of %s counts" % (way, layer.id), len(mine), answer.json["count"])
        walk.expect("%s of %s" % (way, layer.id), mine, set(answer.json["fids"]))


def way_import(walk, layer):
    way = "/admin/api/imports"
    record = (walk.hidden(layer) or layer.records)[0]
    body = json.dumps({"type": "FeatureCollection", "features": [{
        "type": "Feature", "geometry": record.geometry,
        "properties": dict(record.values, uid=record.uid, area_code="460105", owner_org="E0009")}]}).encode()
    own = list(record.tokens.values()) + [record.uid.encode()]
    for extra in ("", "&row_wise=1"):
        walk.ask(way, "%s?layer=%s&crs=cgcs2000&dry_run=1%s" % (way, layer.id, extra), "POST", body,
                 {"Content-Type": "application/geo+json"}, own)


def first_place(coordinates):
    while isinstance(coordinates[0], list):
        coordinates = coordinates[0]
    return coordinates[:2]


def way_map(walk, layer):
    """Pictures are drawn from the tiles; what stands in them is told as text, so that it can be searched."""
    way = "/collections/{id}/map"
    box = "bbox=108.5,18.0,111.2,20.3&width=600&height=600"
    for place in (box, "width=1200"):
        path = "/collections/%s/map?f=json&%s" % (layer.id, place)
        send("GET", path, "admin")
        answer = walk.ask(way, path)
        if not walk.visible(layer) and answer.status == 200:
            walk.expect(way + " drawn", [], answer.json["drawn"])
    # Around a record, hidden if there is one, and so near that every layer has tiles there: elsewhere the picture of a
    # layer is empty for everybody, and so the same.
    lon, lat = first_place(((walk.hidden(layer) or layer.records)[0].geometry or {"coordinates": [110.3, 20.0]})["coordinates"])
    around = "bbox=%f,%f,%f,%f&width=600&height=600" % (lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01)
    picture = "/collections/%s/map?f=png&%s" % (layer.id, around)
    warm = send("GET", picture, "admin")
    answer = walk.ask(way, picture, headers={"If-None-Match": warm.headers.get("ETag") or '"x"'})
    if answer.status == 304 and len(walk.visible(layer)) != len(layer.records):
        walk.leaks.append("%s: the ETag of another opens it to %s" % (way, walk.person.name))
    walk.ask("/collections/{id}/legend", "/collections/%s/legend" % layer.id)
    small = "/collections/%s/thumbnail" % layer.id
    warm = send("GET", small, "admin")
    answer = walk.ask("/collections/{id}/thumbnail", small, headers={"If-None-Match": warm.headers.get("ETag") or '"x"'})
    if answer.status == 304 and len(walk.visible(layer)) != len(layer.records):
        walk.leaks.append("%s: the thumbnail of another is shown to %s" % (small, walk.person.name))
    info = ("SERVICE=WMS&VERSION=1.3.0&REQUEST=GetFeatureInfo&CRS=CRS:84&BBOX=108.5,18.0,111.2,20.3&WIDTH=8&HEIGHT=8"
            "&LAYERS=%s&QUERY_LAYERS=%s&FEATURE_COUNT=100" % (layer.id, layer.id))
    for place in ("I=4&J=4&INFO_FORMAT=application/json", "I=6&J=1&INFO_FORMAT=text/plain"):
        walk.ask("/wms", "/wms?%s&%s" % (info, place))
    walk.ask("/wms", "/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetLegendGraphic&FORMAT=image/png&LAYER=%s" % layer.id)
    walk.ask("/wmts/1.0.0/{layer}/{style}/{grid}/{level}/{row}/{file}", "/wmts/1.0.0/%s/default/c/8/49/206.png" % layer.id)
    way = "/map"
    walk.ask(way, "/map?f=json&styles=%s&%s" % (layer.id.split(".")[1], box))


SEA = (112.0, 17.0)  # south-east of all records
WMTS_LEVEL = 14      # of the grid c; a tile is a fiftieth of a degree


def picture_paths(layer, lon, lat):
    """way -> picture of the layer around a place, and the box that it shows."""
    box = (lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01)
    span = 360 / 2 ** WMTS_LEVEL
    row, col = int((90 - lat) / span), int((lon + 180) / span)
    tile = (col * span - 180, 90 - (row + 1) * span, (col + 1) * span - 180, 90 - row * span)
    return {
        "/collections/{id}/map": ("/collections/%s/map?f=png&width=300&height=300&bbox=%f,%f,%f,%f" % ((layer.id,) + box), box),
        "/wms GetMap": ("/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap&STYLES=&FORMAT=image/png&TRANSPARENT=TRUE&CRS=CRS:84"
                        "&WIDTH=300&HEIGHT=300&LAYERS=%s&BBOX=%f,%f,%f,%f" % ((layer.id,) + box), box),
        "/wmts": ("/wmts/1.0.0/%s/default/c/%d/%d/%d.png" % (layer.id, WMTS_LEVEL, row, col), tile)}


def way_pictures(walk, layer):
    """Where nothing lies but what is hidden, a picture is as empty as that of the sea; else it is not."""
    def near(record, box):
        return any(box[0] - 0.008 < lon < box[2] + 0.008 and box[1] - 0.008 < lat < box[3] + 0.008
                   for lon, lat in corners(record.geometry))
    records = walk.hidden(layer)[:1] or layer.records[:1]
    if layer.geometry == "None" or not walk.person.reads(layer.id):
        return
    lon, lat = first_place(records[0].geometry["coordinates"])
    sea = picture_paths(layer, *SEA)
    for way, (path, box) in picture_paths(layer, lon, lat).items():
        empty, answer = walk.ask(way, sea[way][0]), walk.ask(way, path)
        if (empty.status, answer.status) != (200, 200):
            continue  # a layer without a style
        if not any(near(record, box) for record in walk.visible(layer)):
            walk.expect("%s of %s draws what is hidden" % (way, layer.id), False, answer.body != empty.body)
        elif layer.id == "lpg.stations" and walk.person.name == "admin":
            walk.expect("%s of %s draws" % (way, layer.id), True, answer.body != empty.body)


OF_LAYERS = {
    "/collections/{id}": (way_collection,),
    "/collections/{id}/schema": (way_schema,),
    "/collections/{id}/queryables": (),
    "/collections/{id}/items": (way_items, way_questions, way_edit),
    "/collections/{id}/items/{fid}": (way_item,),
    "/collections/{id}/tiles": (way_tiles,),
    "/collections/{id}/tiles/{tms}": (),
    "/collections/{id}/tiles/{tms}/{z}/{row}/{col}": (),
    "/tiles/{tms}": (), "/tiles/{tms}/{z}/{row}/{col}": (),
    "/collections/{id}/map": (way_map, way_pictures), "/collections/{id}/legend": (), "/collections/{id}/thumbnail": (),
    "/apps/lpg/api/summary": (way_summary,),
    "/apps/lpg/api/cluster": (way_cluster,),
    "/admin/api/imports": (way_import,),
}


# ---- the other ways ----

def plain(*paths):
    def ask(walk, pattern):
        for path in paths or (pattern,):
            walk.ask(pattern, path)
    return ask


def posting(path, *bodies):
    def ask(walk, pattern):
        for body in bodies:
            walk.ask(pattern + " POST", path, "POST", json.dumps(body).encode(), {"Content-Type": "application/json"})
    return ask


def way_collections(walk, pattern):
    answer = walk.ask(pattern, "/collections")
    walk.ask(pattern, "/collections?f=html")
    if answer.status == 200:
        walk.expect(pattern + " listed", sorted(name for name in list(LAYERS) + [NOTES] if walk.person.reads(name)),
                    sorted(each["id"] for each in answer.json["collections"]))


def way_api(walk, pattern):
    """The document names the layers that may be read, and no others."""
    walk.ask(pattern, "/api?f=html")
    named = set(re.findall(r"lpg\.[a-z-]+", json.dumps(walk.ask(pattern, "/api").json))).intersection(LAYERS)
    walk.expect(pattern + " names", sorted(layer.id for layer in LAYERS.values() if walk.person.reads(layer.id)), sorted(named))


def way_capabilities(walk, pattern):
    """Capabilities name the layers that may be read, and their extent is that of what is seen."""
    for path in ("/wms?SERVICE=WMS&REQUEST=GetCapabilities", "/wmts/1.0.0/WMTSCapabilities.xml"):
        answer = walk.ask(pattern, path)
        named = set(re.findall(r">(lpg\.[a-z-]+)<", answer.text)) if answer.status == 200 else set()
        walk.expect(pattern + " names others", [], sorted(name for name in named if not walk.person.reads(name)))


def is_at_home_in(person_areas, city):
    return all(city in canaries.ABOVE.get(area, (area,)) for area in person_areas.split(","))


# Who granter of Haikou administers.
OF_HAIKOU = {line.split("|")[0] for line in os.environ["CIM_TEST_ACCOUNTS"].splitlines()
             if is_at_home_in(line.split("|")[2], "460100")}


def way_people(walk, pattern):
    """Lists of the administration: only who and what lies in the caller's areas."""
    # Who administers grants is told what they say, with the values of their row filters.
    own = [str(value).encode() for grant, _ in SURVEYOR for value in grant.get("filter", {"args": [0, []]})["args"][1]]
    for query in ("", "?limit=1000", "?q=kz", "?ended=1&limit=1000", "?expiring_days=3660"):
        answer = walk.ask(pattern, pattern + query, own=own if pattern == "/admin/api/grants" else ())
        if walk.person.name == "granter":
            for word in (b"kzsanya", b"sanya-office"):
                if word in answer.body:
                    walk.leaks.append("%s: granter of Haikou is told %s" % (pattern, word.decode()))
            if pattern == "/admin/api/sessions":
                told = {each["username"] for each in answer.json["sessions"]}
                walk.expect(pattern + " of others", [], sorted(told - OF_HAIKOU))
                walk.expect(pattern + " of his own", True, query == "?q=kz" or "granter" in told)


def way_why(walk, pattern):
    """Explanations: of oneself about hidden records, of others by who may grant somewhere else."""
    for layer in (LAYERS["lpg.staff"], LAYERS["lpg.enterprises"]):
        for record in layer.records:
            # Who administers grants there is told which record it is; no more.
            there = pattern != "/auth/why" and walk.person.name == "granter" and "460100" in canaries.ABOVE[record.area]
            for action in ("read", "export"):
                answer = walk.ask(pattern, "%s?resource=%s&fid=%d&action=%s&principal=xiuying" % (
                    pattern, layer.id, record.fid, action), own=[record.uid.encode()] if there else ())
                if pattern == "/auth/why":
                    walk.expect(pattern + " status", walk.person.sees(record), answer.status == 200)
                elif answer.status == 200 and walk.person.name == "granter":
                    walk.expect(pattern + " tells of " + record.area, True, "460100" in canaries.ABOVE[record.area])


def way_request(walk, pattern):
    """A request for data is its requester's, and who may decide on it has another way to it."""
    path = "/catalogue/requests/" + work.MINE["request"]
    answers = {"": walk.ask(pattern, path)}
    if walk.person.name != "surveyor":
        answers["/withdraw"] = walk.post(pattern + "/withdraw", path + "/withdraw", {})
        answers["/renew"] = walk.post(pattern + "/renew", path + "/renew", {"until": work.SOON, "reason": "x"})
        for end, answer in answers.items():
            walk.expect("%s%s of another" % (pattern, end), True, answer.status in (401, 404))


def way_decision(walk, pattern):
    """Who administers somewhere else decides on nothing here."""
    if walk.person.name != "admin":  # he may
        path = pattern.replace("{uid}", work.MINE["request"])
        walk.expect(pattern, True, walk.post(pattern, path, {"why": "x"}).status in (401, 403, 404))


def way_styles(walk, pattern):
    """Styles of layers that may be read, and the base map's; a variant says whose it is (stations-areas)."""
    style_of = {each["id"]: each.get("style") for each in DEFINITIONS.values()}
    mine = {style for layer, style in style_of.items() if walk.person.reads(layer)} | {"basemap"}
    others = set(style_of.values()) - mine - {None}
    answer = walk.ask(pattern, pattern)
    if answer.status == 200:
        walk.expect(pattern + " listed", [], sorted({each["id"] for each in answer.json["styles"]} & others))


def way_style(walk, pattern):
    """The style of a layer that may not be read is not there, neither it nor a variant."""
    for each in DEFINITIONS.values():
        for style in (each["style"], each["style"] + "-night") if "style" in each else ():
            answer = walk.ask(pattern, "/styles/" + style)
            if answer.status != 401:
                walk.expect("%s of %s" % (pattern, each["id"]), 200 if walk.person.reads(each["id"]) else 404, answer.status)
    walk.ask(pattern, "/styles/basemap")


def way_reach(walk, pattern):
    for name in ("xiuying", "kzsanya1", "granter"):
        answer = walk.ask(pattern, "%s?principal=%s" % (pattern, name))
        if walk.person.name == "granter" and name == "kzsanya1":
            walk.expect(pattern + " of one elsewhere", 403, answer.status)


def changing(path, method="POST"):
    def ask(walk, pattern):
        walk.ask(pattern, path, method, b"{}", {"Content-Type": "application/json"})
    return ask


def refused(path):
    def ask(walk, pattern):
        if "cim.admin.plugins" not in walk.person.functions:
            walk.expect(pattern, True, walk.post(pattern, path, {}).status in (401, 403))
    return ask


def way_mappings(walk, pattern):
    """One's own, of layers that one may import into; nobody has any here."""
    for layer in ("lpg.buildings", "lpg.staff"):
        answer = walk.ask(pattern, pattern + "?layer=" + layer)
        walk.expect(pattern + " " + layer, walk.person.reads(layer, "create"), answer.status == 200)
        walk.ask(pattern, pattern + "?name=x&layer=" + layer, "DELETE")


def way_bindings(walk, pattern):
    """Sources with their addresses, and samples of their records: for administrators alone."""
    role = "/admin/api/bindings/lpg.roads"
    for path, at, method in (("", "/admin/api/bindings", "GET"), ("/{role}", role, "GET"), ("/{role}", role, "DELETE"),
                             ("/{role}/refresh", role + "/refresh", "POST"), ("/{role}/test", role + "/test", "POST")):
        answer = walk.ask(pattern + path, at, method)
        if "cim.admin.plugins" not in walk.person.functions:
            walk.expect("%s %s refused" % (method, pattern + path), True, answer.status in (401, 403))


RECORDS = "/catalogue/collections/resources/items"


def way_records(walk, pattern):
    """The catalogue tells that a resource exists; extent, changes, lineage and counts are those of what is seen."""
    send("GET", pattern + "?limit=1000", "admin")
    for query in ("?limit=1000", "?f=html&limit=1000", "?bbox=108,18,112,21&limit=1000", "?datetime=2020-01-01T00:00:00Z/..",
                  "?q=kz&sortby=-updated"):
        answer = walk.ask(pattern, pattern + query)
    for layer in LAYERS.values():
        answer = walk.ask(pattern + "/{recordId}", "%s/%s" % (pattern, layer.id))
        walk.ask(pattern + "/{recordId}", "%s/%s?f=html" % (pattern, layer.id))
        walk.ask(pattern + "/{recordId}", "%s/%s.tiles" % (pattern, layer.id))
        quality = walk.ask(pattern + "/{recordId}/quality", "%s/%s/quality" % (pattern, layer.id))
        reads = walk.person.reads(layer.id)
        walk.expect("%s of %s readable" % (pattern, layer.id), reads,
                    answer.status == 200 and answer.json["properties"]["x-cim-readable"])
        walk.expect("%s quality of %s" % (pattern, layer.id), reads, quality.status == 200)
        if quality.status == 200:
            walk.expect("%s quality counts of %s" % (pattern, layer.id), len(walk.visible(layer)), quality.json["records"])
        if answer.status == 200 and not reads:
            told = {"geometry", "time"} & {key for key, value in answer.json.items() if value is not None}
            told |= {"updated", "lineage"} & set(answer.json["properties"])
            walk.expect("%s of %s tells" % (pattern, layer.id), set(), told)
        if answer.status == 200 and reads and layer.geometry != "None":
            places = [point for record in walk.visible(layer) for point in corners(record.geometry)]
            ring = answer.json["geometry"] and answer.json["geometry"]["coordinates"][0]
            walk.expect("%s extent of %s" % (pattern, layer.id),
                        [round(f(p[i] for p in places), 3) for f in (min, max) for i in (0, 1)] if places else None,
                        [round(n, 3) for n in ring[0] + ring[2]] if ring else None)


OTHERS = {
    "/catalogue": plain("/catalogue", "/catalogue?f=html"), "/catalogue/conformance": plain(),
    "/catalogue/subscriptions": posting("/catalogue/subscriptions", {"url": "http://127.0.0.1:9/x", "layers": ["lpg.staff"]}),
    "/catalogue/subscriptions/{uid}": changing("/catalogue/subscriptions/nobody", "DELETE"),
    "/catalogue/subscriptions/{uid}/resume": changing("/catalogue/subscriptions/nobody/resume"),
    "/admin/api/users/sheet": changing("/admin/api/users/sheet"), "/admin/api/orgs/sheet": changing("/admin/api/orgs/sheet"),
    "/admin/api/directory": plain(), "/admin/api/directory/{run}/undo": changing("/admin/api/directory/x/undo"),
    "/admin/api/usage": plain("/admin/api/usage", "/admin/api/usage?resource=lpg.staff"),
    "/admin/api/monitor": plain(), "/admin/api/settings": plain(),
    "/admin/api/backups": plain(),
    "/admin/api/backups/{name}/check": changing("/admin/api/backups/20200101T000000Z/check"),
    "/catalogue/areas": plain(), "/catalogue/collections": plain(), "/catalogue/collections/resources": plain(),
    "/catalogue/collections/resources/sortables": plain(),
    RECORDS: way_records, RECORDS + "/{recordId}": None, RECORDS + "/{recordId}/quality": None,
    "/catalogue/requests": posting("/catalogue/requests", {"resource": "lpg.staff", "areas": ["460203"], "reason": "x"}),
    "/catalogue/requests/{uid}": way_request, "/catalogue/requests/{uid}/withdraw": None,
    "/catalogue/requests/{uid}/renew": None,
    "/admin/api/requests": way_people,
    "/admin/api/requests/{uid}/approve": way_decision, "/admin/api/requests/{uid}/refuse": way_decision,
    "/": plain("/", "/?f=html"), "/api": way_api, "/conformance": plain(), "/health": plain(),
    "/ready": plain(), "/metrics": plain(), "/styles": way_styles, "/styles/{style}": way_style,
    "/wms": way_capabilities, "/wmts": plain("/wmts?Service=WMTS&Request=GetCapabilities"),
    "/wmts/1.0.0/WMTSCapabilities.xml": way_capabilities,
    "/wmts/1.0.0/{layer}/{style}/{grid}/{level}/{row}/{file}": None,  # asked with each layer
    "/map": plain("/map?styles=basemap,hazards,stations&f=json", "/map?styles=basemap,hazards,stations"),
    "/styles/{style}/map": plain("/styles/stations/map?f=json", "/styles/basemap/map"),
    "/styles/{style}/legend": plain("/styles/stations/legend", "/styles/hazards/legend"),
    "/tiles": plain(), "/tileMatrixSets": plain(), "/tileMatrixSets/{tms}": plain("/tileMatrixSets/WebMercatorQuad"),
    "/basemaps": plain(), "/basemaps/tianditu/{layer}/{z}/{row}/{col}": plain("/basemaps/tianditu/vec/1/0/0"),
    "/collections": way_collections, "/apps/lpg/api/areas": plain(),
    "/auth/me": plain(), "/auth/token": posting("/auth/token", {"username": "kz", "password": "x"}),
    "/auth/login": posting("/auth/login", {"username": "kz", "password": "x"}),
    "/auth/logout": None,  # ends the walk's own token
    "/auth/sessions": plain(), "/auth/sessions/{id}": changing("/auth/sessions/0000000000000000", "DELETE"),
    "/auth/password": changing("/auth/password"), "/auth/factor": changing("/auth/factor"),
    "/auth/factor/begin": changing("/auth/factor/begin"), "/auth/factor/confirm": changing("/auth/factor/confirm"),
    "/auth/factor/remove": changing("/auth/factor/remove"),
    "/auth/step": plain(), "/auth/providers": plain(), "/auth/login/{provider}": plain("/auth/login/none"),
    "/auth/callback/{provider}": plain("/auth/callback/none?code=x&state=y"),
    "/auth/backchannel/{provider}": changing("/auth/backchannel/none"),
    "/admin/api/sessions": way_people,
    "/admin/api/users/{username}/sessions/{id}": changing("/admin/api/users/nobody/sessions/0000000000000000", "DELETE"),
    "/admin/api/users/{username}/tokens": changing("/admin/api/users/nobody/tokens"),
    "/admin/api/users/{username}/factor/remove": changing("/admin/api/users/nobody/factor/remove"),
    "/admin/api/plugins": plain(), "/admin/api/plugins/{id}": plain("/admin/api/plugins/lpg"),
    # Not as one who may: they would take the platform away from the others.
    "/admin/api/plugins/{id}/enable": refused("/admin/api/plugins/lpg/enable"),
    "/admin/api/plugins/{id}/disable": refused("/admin/api/plugins/lpg/disable"),
    "/admin/api/plugins/bundles": refused("/admin/api/plugins/bundles"),
    "/admin/api/plugins/{id}/rollback": refused("/admin/api/plugins/lpg/rollback"),
    "/admin/api/plugins/{id}/rehearse": refused("/admin/api/plugins/lpg/rehearse"),
    "/admin/api/plugins/{id}/uninstall": refused("/admin/api/plugins/lpg/uninstall"),
    "/admin/api/plugins/{id}/tables": plain("/admin/api/plugins/lpg/tables"),
    "/admin/api/platform/upgrade": refused("/admin/api/platform/upgrade"),
    "/admin/api/orgs": way_people, "/admin/api/users": way_people, "/admin/api/grants": way_people,
    "/stream": work.way_stream, "/processes": work.way_processes, "/processes/{id}": None, "/processes/{id}/execution": None,
    "/jobs": work.way_jobs, "/jobs/{id}": None, "/jobs/{id}/results": None,  # asked by the one above
    "/files/features": posting("/files/features?crs=cgcs2000", {"type": "Point", "coordinates": [110, 19]}),
    "/admin/api/audit": work.way_audit,
    "/admin/api/imports/files": posting("/admin/api/imports/files", {}),
    "/admin/api/imports/files/{file}": work.way_import_files, "/admin/api/imports/files/{file}/preview": None,
    "/admin/api/imports/mappings": way_mappings,
    "/admin/api/imports/jobs": work.way_import_jobs, "/admin/api/imports/jobs/{job}": None,
    "/admin/api/imports/jobs/{job}/cancel": None, "/admin/api/imports/jobs/{job}/files/{name}": None,
    "/admin/api/bindings": way_bindings, "/admin/api/bindings/{role}": None, "/admin/api/bindings/{role}/refresh": None,
    "/admin/api/bindings/{role}/test": None,
    "/admin/api/erasures": work.way_erasures,
    "/admin/api/batches": work.way_batches, "/admin/api/batches/{id}/undo": None, "/search": work.way_search,
    "/apps/template/api/count": plain(),
    "/admin/api/areas": plain(), "/admin/api/roles": way_people, "/admin/api/why": way_why, "/auth/why": way_why, "/admin/api/reach": way_reach,
    "/admin/api/orgs/{code}": changing("/admin/api/orgs/sanya-office", "PATCH"),
    "/admin/api/orgs/{code}/end": changing("/admin/api/orgs/nobody/end"),
    "/admin/api/users/{username}": changing("/admin/api/users/nobody", "PATCH"),
    "/admin/api/users/{username}/end": changing("/admin/api/users/nobody/end"),
    "/admin/api/users/{username}/password": changing("/admin/api/users/nobody/password"),
    "/admin/api/roles/{id}": changing("/admin/api/roles/nobody", "PATCH"),
    "/admin/api/roles/{id}/end": changing("/admin/api/roles/nobody/end"),
    "/admin/api/grants/{uid}": changing("/admin/api/grants/nobody", "PATCH"),
    "/admin/api/grants/{uid}/end": changing("/admin/api/grants/nobody/end"),
}


def patterns():
    """Routes of the OpenAPI document, those of a layer made one pattern."""
    found = set()
    for path in get("/api", "admin").json["paths"]:
        found.add(re.sub(r"^/collections/[a-z]+\.[a-z-]+", "/collections/{id}", path))
    return found


def drop_seeds():
    """The separation rules that come with the plugin: canaries alone are left."""
    planted = {record.uid for record in LAYERS["lpg.separation-rules"].records}
    page = get("/collections/lpg.separation-rules/items?limit=1000", "admin").json
    for feature in page["features"]:
        if feature["properties"]["uid"] not in planted:
            answer = send("DELETE", "/collections/lpg.separation-rules/items/%d" % feature["id"], "admin",
                          headers={"If-Match": "*"})
            if answer.status != 204:
                raise AssertionError("DELETE of a rule: %d %s" % (answer.status, answer.text))


def setUpModule():
    drop_seeds()
    for layer in LAYERS.values():
        page = get("/collections/%s/items?limit=100" % layer.id, "admin").json
        by_uid = {feature["properties"]["uid"]: feature["id"] for feature in page["features"]}
        for record in layer.records:
            record.fid = by_uid[record.uid]
    for record in LAYERS["lpg.stations"].records + LAYERS["lpg.staff"].records:  # changes of single records, for /stream
        body = json.dumps({"properties": {"made_up": False}}).encode()
        answer = send("PATCH", "/collections/%s/items/%d" % (record.layer.id, record.fid), "admin", body,
                      {"Content-Type": "application/merge-patch+json", "If-Match": "*"})
        if answer.status not in (200, 204):
            raise AssertionError("PATCH %s: %d %s" % (record.layer.id, answer.status, answer.text))
    work.plant()
    must("POST", "/admin/api/orgs", {"code": "sanya-office", "name": "kzsanya", "kind": "gas", "area": "460200"})
    must("POST", "/admin/api/users", {"username": "kzsanya1", "display_name": "kzsanya", "org": "sanya-office",
                                      "password": host.PASSWORD})
    must("POST", "/admin/api/grants", {
        "holder_kind": "user", "holder": "kzsanya1", "kind": "role", "name": "regulator", "areas": ["460200"], "why": "x"})
    must("POST", "/admin/api/roles", {"id": "own-kzsanya", "zh": "kzsanya", "en": "kzsanya", "area": "460200", "content": {
        "grants": [{"resource": "lpg.places", "actions": ["read"], "sensitive": "masked"}]}})
    for who, grants in (("consultant", [(GRANT, ["460203"])]), ("surveyor", SURVEYOR)):
        for grant, areas in grants:
            must("POST", "/admin/api/grants", {
                "holder_kind": "user", "holder": who, "kind": "resource", "name": grant["resource"], "areas": areas,
                "until": "2099-12-31", "why": "抽查", "content": {key: grant[key] for key in grant if key != "resource"}})


class Leaks(unittest.TestCase):
    maxDiff = None

    def test_every_route_is_in_the_table(self):
        known = set(OF_LAYERS) | set(OTHERS)
        self.assertEqual(sorted(patterns() - known), [], "ways out that this test does not walk yet")
        self.assertEqual(sorted(known - patterns()), [], "ways in the table that are no more")

    def test_the_canaries_sing(self):
        """Who may see everything is told every token: a search that finds nothing would pass any leak."""
        told = set()
        for layer in LAYERS.values():
            told.update(canaries.TOKEN.findall(send("GET", "/collections/%s/items?export=true" % layer.id, "admin").body))
        wanted = {token for layer in LAYERS.values() for record in layer.records for name, token in record.tokens.items()
                  if ADMIN.mode(record, layer.fields[name]) == canaries.CLEAR}
        self.assertEqual(sorted(wanted - told), [])


# For seeded faults: only what matches is walked; of a layer as "/collections/{id}/items of lpg.staff".
ONLY = os.environ.get("CIM_TEST_LEAK_ONLY", "")


def is_walked(pattern):
    return re.search(ONLY, pattern) is not None


def walk_layer(walk, layer):
    for pattern, ways in OF_LAYERS.items():
        for way in ways if is_walked("%s of %s" % (pattern, layer.id)) else ():
            way(walk, layer)


def first_of_each(leaks):
    """Three of each way out: one that leaks everywhere must not hide another."""
    ways = {}
    for leak in leaks:
        ways.setdefault(leak.split(": ")[0], []).append(leak)
    return [leak for of_way in ways.values() for leak in of_way[:3]]


def walker(person):
    def test(self):
        walk = Walk(person)
        if person.name is not None:
            host.token(person.name)  # once, not by every thread
        others = [functools.partial(ask, walk, pattern) for pattern, ask in OTHERS.items()
                  if ask is not None and is_walked(pattern)]
        layers = [functools.partial(walk_layer, walk, layer) for layer in LAYERS.values()]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for done in [pool.submit(ask) for ask in others + layers]:
                done.result()
        if is_walked("Idempotency-Key"):
            work.way_keys(walk, "Idempotency-Key")  # last: it writes, and takes away again
        if not ONLY:
            self.assertGreater(walk.asked, 500)
        self.assertEqual(first_of_each(walk.leaks), [], "%d in all" % len(walk.leaks))
    return test


for each in PEOPLE:
    setattr(Leaks, "test_walk_of_%s" % (each.name or "nobody"), walker(each))


if __name__ == "__main__":
    unittest.main()
