#!/usr/bin/env python3
"""Writes the seeds of the kit's and the data module's fuzz targets, each named after what it is."""
import base64
import json
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))


def seed(target, name, content):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode("utf-8"))


def definition(**changes):
    d = {"id": "a.b", "title": {"zh": "甲"}, "table": "t", "geometry": "Point",
         "fields": [{"name": "x", "type": "text", "title": {"zh": "乙"}, "required": True},
                    {"name": "k", "type": "code", "codes": "kind", "title": {"zh": "丙"}},
                    {"name": "n", "type": "number", "min": 0, "max": 9, "title": {"zh": "丁"}}],
         "tiles": {"attributes": ["x"], "count_by": ["k"], "min_zoom": 1, "max_zoom": 9},
         "popup": ["x"], "style": "s", "retention": "10y", "clauses": ["1"],
         "catalogue": {"class": "c", "update": "daily"}}
    d.update(changes)
    return json.dumps(d, ensure_ascii=False)


GOOD = definition()
seed("kit_definition", "whole", GOOD)
seed("kit_definition", "missing_comma", GOOD.replace('"table"', ' "table"', 1).replace(", ", " ", 1))
seed("kit_definition", "trailing_comma", GOOD[:-1] + ",}")
seed("kit_definition", "unknown_key", definition(colour="red"))
seed("kit_definition", "key_twice", GOOD[:-1] + ', "id": "a.c"}')
seed("kit_definition", "field_twice", definition(fields=[
    {"name": "x", "type": "text", "title": {"zh": "x"}}] * 2))
seed("kit_definition", "name_is_sql", definition(table="t; drop table t"))
seed("kit_definition", "no_such_codes", GOOD.replace('"kind"', '"kinds"'))
seed("kit_definition", "cut_off", GOOD[:200])
seed("kit_definition", "not_utf8", GOOD.encode("utf-8").replace("甲".encode("utf-8"), b"\xff"))
seed("kit_definition", "nested_deep", "[" * 200)
seed("kit_definition", "empty", "")

CODES = '{"a": {"title": {"zh": "x"}, "values": [{"value": "1", "zh": "x", "en": "y"}]}}'
seed("kit_codes", "whole", CODES)
seed("kit_codes", "value_twice", CODES.replace("}]", '}, {"value": "1", "zh": "x"}]'))
seed("kit_codes", "no_values", CODES.replace('{"value": "1", "zh": "x", "en": "y"}', ""))
seed("kit_codes", "title_is_text", CODES.replace('{"zh": "x"}', '"x"', 1))
seed("kit_codes", "nul_in_text", CODES.replace('"1"', '"\\u0000"'))

for name, text in {
        "utc": "2026-11-22T05:08:02.123Z", "offset": "2026-11-22T13:08:02+08:00",
        "no_offset": "2026-11-22 13:08", "date": "2024-02-29", "no_such_day": "2023-02-29",
        "leap_second": "2016-12-31T23:59:60Z", "before_year_0": "0000-01-01T00:00:00+01:00",
        "after_year_9999": "9999-12-31T23:59:60Z", "long_fraction": "2026-11-22T05:08:02.1234567890Z",
        "cut_off": "2026-11-22T05:"}.items():
    seed("kit_time", name, text)

for name, text in {
        "select": "select {wkb geom}, {ms at} from t where a = :a and {bbox t} limit 10",
        "script": "-- x\ncreate table t ({record});\n{layer t Point};\ninsert into t values (';');",
        "open_quote": "select 'a", "open_comment": "select /* a", "open_macro": "select {wkb geom",
        "two_statements": "select 1; drop table t", "double_quotes": 'select "a" from t',
        "double_colon": "select a::text", "brackets": "select [a]", "limit_comma": "limit 1, 2",
        "quote_in_macro": "select {wkb 'a'}"}.items():
    seed("kit_sql", name, text)
    seed("store_select", name, text)

for name, text in {
        "alias": "select {ms a.b} as c, count(*) n, cast(x as integer) from t", "star": "select *, {wkb geom} from t",
        "returning": "insert into t (a) values (1) returning {ms at}", "union": "select {wkb g} union select 1",
        "with": "with x as (select 1) select max({ms at}), avg(z) from x", "cast_alone": "select cast(",
        "extreme_open": "select max({ms", "nothing": "select", "many": "select " + "a," * 20 + "a from t"}.items():
    seed("store_select", name, text)

for name, text in {
        "name": "张小三", "phone": "13800138000", "address": "海口市滨海大道32号", "quote": 'a"b\\c\n',
        "nul": b"a\0b", "surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\x80", "cut_off": b"\xe6\xb5",
        "json": '{"a": [1, 2.5e3, null, "x"]}', "json_nan": "[NaN]", "json_zero": "[012]",
        "json_quote": "{'a': 1}", "json_depth": "[" * 100}.items():
    seed("kit_text", name, text)


def point(x, y, order="<"):
    return struct.pack(order + "BIdd", 1 if order == "<" else 0, 1, x, y)


def line(*xy, order="<"):
    return struct.pack(order + "BII%dd" % len(xy), 1 if order == "<" else 0, 2, len(xy) // 2, *xy)


def polygon(*rings):
    out = struct.pack("<BII", 1, 3, len(rings))
    for ring in rings:
        out += struct.pack("<I%dd" % len(ring), len(ring) // 2, *ring)
    return out


def multi(kind, *parts):
    return struct.pack("<BII", 1, kind, len(parts)) + b"".join(parts)


SQUARE = (109, 18, 110, 18, 110, 19, 109, 19, 109, 18)
GEOMETRIES = {
    "point": point(110.3, 20.0), "point_big_endian": point(110.3, 20.0, ">"),
    "point_z": struct.pack("<BIddd", 1, 1001, 110, 20, 5),
    "point_empty": point(float("nan"), float("nan")), "point_infinite": point(float("inf"), 0),
    "point_out_of_range": point(200, 20), "line": line(109, 18, 110, 19),
    "line_of_one_point": line(109, 18), "polygon": polygon(SQUARE),
    "ring_not_closed": polygon(SQUARE[:-1] + (18.5,)), "ring_of_three": polygon(SQUARE[:6]),
    "polygon_without_rings": polygon(), "multi_polygon": multi(6, polygon(SQUARE), polygon(SQUARE)),
    "multi_polygon_of_one": multi(6, polygon(SQUARE)), "multi_line": multi(5, line(1, 2, 3, 4)),
    "part_of_another_type": multi(4, line(1, 2, 3, 4)),
    "collection": multi(7, point(1, 2), multi(4, point(3, 4))),
    "collection_of_one": multi(7, line(1, 2, 3, 4)),
    "nested_deep": multi(7, multi(7, multi(7, multi(7, multi(7, point(1, 2)))))),
    "lying_count": struct.pack("<BII", 1, 2, 0xFFFFFFFF) + b"\0" * 32,
    "bytes_after_the_end": point(1, 2) + b"\0", "cut_off": polygon(SQUARE)[:50],
    "unknown_type": struct.pack("<BI", 1, 99) + b"\0" * 32,
    "reference_system": struct.pack("<BIIdd", 1, 0x20000001, 4490, 1, 2), "empty": b""}
for name, content in GEOMETRIES.items():
    seed("kit_wkb", name, content)
    seed("store_geometry", name, content)
    seed("store_geometry", "blob_" + name, b"GP\0\1\x8a\x11\0\0" + content)
    seed("store_geometry", "boxed_" + name, b"GP\0\3\x8a\x11\0\0" + struct.pack("<4d", 1, 2, 3, 4) + content)
    seed("data_geometry", name, content)


def op(name, *args):
    return {"op": name, "args": list(args)}


def prop(name):
    return {"property": name}


for name, value in {
        "all_operators": op("and", op("=", prop("name"), "甲"), op("<>", prop("n"), 1),
                            op("<", prop("size"), 1.5), op("<=", 2, prop("n")),
                            op(">", prop("made"), {"date": "2026-01-31"}),
                            op(">=", prop("seen"), {"timestamp": "2026-01-31T08:00:00Z"}),
                            op("between", prop("n"), 1, 2), op("in", prop("kind"), ["a", "b"]),
                            op("like", prop("name"), "a\\%_!%"), op("isNull", prop("size")),
                            op("not", op("or", op("=", prop("yes"), True), False))),
        "unknown_operator": op("s_intersects", prop("geom"), {}),
        "unknown_property": op("=", prop("nothing"), 1), "casei": op("=", op("casei", prop("name")), "a"),
        "wrong_type": op("=", prop("n"), "1"), "no_arguments": op("and"), "empty_list": op("in", prop("n"), []),
        "sql_in_property": op("=", prop("name = '' or 1 = 1"), 1),
        "sql_in_value": op("=", prop("name"), "'; drop table t; --"),
        "true": True, "number": 5, "list": [1]}.items():
    seed("data_filter", name, json.dumps(value, ensure_ascii=False))
deep = True
for _ in range(17):
    deep = op("not", deep)
seed("data_filter", "nested_deep", json.dumps(deep))
seed("data_filter", "cut_off", '{"op":"=","args":[')


def token(kind, *values):
    """Values as the layer a.b ordered by name, -size, seen would have them."""
    h = 2166136261
    for b in b"a.b":
        h = (h ^ b) * 16777619 & 0xFFFFFFFF
    for name, direction in ((b"name", 1), (b"size", 2), (b"seen", 1)):
        h = (h ^ direction) * 16777619 & 0xFFFFFFFF
        for b in name:
            h = (h ^ b) * 16777619 & 0xFFFFFFFF
    out = struct.pack("<BIq", kind, h, 42)
    for value in values:
        out += b"\0" if value is None else value
    return base64.urlsafe_b64encode(out).rstrip(b"=")


def text_value(text):
    return struct.pack("<BH", 2, len(text)) + text


NUMBER = struct.pack("<Bd", 1, 2.5)
WHOLE = token(1, text_value("甲".encode("utf-8")), NUMBER, struct.pack("<Bq", 1, 1769846400000))
seed("data_token", "whole", WHOLE)
seed("data_token", "absent_values", token(1, None, None, None))
seed("data_token", "cut_off", WHOLE[:20])
seed("data_token", "more_than_the_keys", token(1, None, None, None, None))
seed("data_token", "text_for_a_number", token(1, text_value(b"a"), text_value(b"b"), None))
seed("data_token", "lying_length", token(1, struct.pack("<BH", 2, 60000) + b"a", None, None))
seed("data_token", "unknown_tag", token(1, b"\x07", None, None))
seed("data_token", "of_another_order", b"AQAAAAAqAAAAAAAAAA")
seed("data_token", "no_base64", b"!!!!")
seed("data_token", "odd_bits", WHOLE + b"_")

seed("kit_cql2", "logic", "a=1 or b<>2 and not (c>=3.5e2 or d is not null)")
seed("kit_cql2", "texts", "casei(名称) like accenti('O''N\\'_%') and \"a.b\" not in ('x','y')")
seed("kit_cql2", "arithmetic", "a between -b*2^3 and 7 div 2 % c - (+1)")
seed("kit_cql2", "times", "T_METBY(INTERVAL(a,'..'),TIMESTAMP('2026-01-31T00:00:00Z')) or t=DATE('2026-01-31')")
seed("kit_cql2", "polygon", "S_WITHIN(geom,POLYGON Z((0 0 1,1 0 1,1 1 1,0 0 1)))")
seed("kit_cql2", "collection", "s_crosses(g,GEOMETRYCOLLECTION(POINT(1 2),MULTIPOINT(1 2,(3 4))))")
seed("kit_cql2", "box", "s_disjoint(BBOX(150,-90,-150,90),geom)")
seed("kit_cql2", "array", "a_containedBy(t,('x',1,(true)))")
seed("kit_cql2", "open_text", "a='x\\'")
seed("kit_cql2", "too_deep", "(" * 60 + "1")
seed("kit_cql2", "no_utf8", b"a=\xff")
seed("kit_cql2", "huge_number", "a=1" + "0" * 60)
seed("data_filter", "space", '{"op":"not","args":[{"op":"s_within","args":[{"bbox":[170,1,-170,2]},{"property":"geom"}]}]}')
seed("data_filter", "collection", '{"op":"s_touches","args":[{"property":"geometry"},{"type":"GeometryCollection",'
     '"geometries":[{"type":"Point","coordinates":[1,2]}]}]}')
seed("data_filter", "time", '{"op":"t_overlaps","args":[{"interval":[{"property":"made"},".."]},'
     '{"interval":["2026-01-01","2026-01-31T00:00:00Z"]}]}')
seed("data_filter", "arithmetic", '{"op":"<","args":[{"op":"^","args":[{"property":"n"},2]},{"op":"%","args":[7,'
     '{"property":"size"}]}]}')
seed("data_filter", "pattern", '{"op":"like","args":[{"op":"accenti","args":[{"property":"name"}]},'
     '{"op":"accenti","args":["a\\\\%!"]}]}')
