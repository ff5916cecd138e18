#!/usr/bin/env python3
"""ST_AsMVT over the points that bench_map wrote, on the cluster of tests/support/pg.py.

    postgis.py POINTS ADDRESSES

Clustered zooms group by cell and kind, single ones give each point. Time of the server, per tile."""
import os
import statistics
import struct
import subprocess
import sys


def psql(sql, stdin=None):
    return subprocess.run(["psql", "-h", os.environ["CIM_TEST_PG"], "-U", "cim", "-d", "cim_bench", "-qAtX",
                           "-v", "ON_ERROR_STOP=1", "-c", sql], input=stdin, capture_output=True, check=True).stdout.decode()


subprocess.run(["createdb", "-h", os.environ["CIM_TEST_PG"], "-U", "cim", "-T", "cim_template", "cim_bench"], check=True)
data = open(sys.argv[1], "rb").read()
rows = "".join("%d\t%r\t%r\tk%d\n" % (i + 1, lon, lat, int(kind))
               for i, (lon, lat, kind) in enumerate(struct.iter_unpack("<ddd", data))).encode()
psql("create table t (id int primary key, lon float8, lat float8, kind text)")
psql("copy t from stdin", rows)
psql("create table p as select id, kind, st_transform(st_setsrid(st_makepoint(lon, lat), 4326), 3857) as g from t;"
     "create index on p using gist (g); analyze p")
CLUSTERED = """with e as (select st_tileenvelope({z},{x},{y}) as b),
  c as (select st_snaptogrid(g, st_xmin(b), st_ymin(b), (st_xmax(b)-st_xmin(b))/8, (st_xmax(b)-st_xmin(b))/8) as cell,
               kind, count(*) as n, avg(st_x(g)) as x, avg(st_y(g)) as y from p, e where g && b group by 1, 2),
  d as (select cell, sum(n) as count, jsonb_object_agg('n_kind_' || kind, n) as kinds,
               st_setsrid(st_makepoint(sum(x*n)/sum(n), sum(y*n)/sum(n)), 3857) as g from c group by 1)
  select st_asmvt(m) from (select st_asmvtgeom(d.g, e.b, 4096, 0) as geom, count, kinds from d, e) m"""
SINGLE = """with e as (select st_tileenvelope({z},{x},{y}) as b)
  select st_asmvt(m) from (select st_asmvtgeom(p.g, e.b, 4096, 0) as geom, id, kind from p, e where g && b) m"""
times = {}
for line in open(sys.argv[2]):
    z, x, y = (int(word) for word in line.split())
    sql = (CLUSTERED if z < 14 else SINGLE).format(z=z, x=x, y=y)
    out = psql("explain (analyze, timing off, summary on) " + sql)
    ms = [float(line.split()[2]) for line in out.splitlines() if line.startswith("Execution Time")][0]
    times.setdefault(z, []).append(ms)
for z, list_ in times.items():
    print("PostGIS ST_AsMVT z %d: %.2f ms" % (z, statistics.median(list_)))
