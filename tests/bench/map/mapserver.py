#!/usr/bin/env python3
"""MapServer over the points that bench_map wrote, from a FlatGeobuf file with its index: every point as MVT, and as PNG.

    mapserver.py POINTS ADDRESSES FOLDER

It has no counts per kind over a grid; what it draws is every point. Processor time of the program for a tile, less
that of one far out at sea asked for next, which is what starting it takes."""
import os
import resource
import statistics
import struct
import subprocess
import sys

TILES = 5  # of a zoom: each starts the program
points, addresses, folder = sys.argv[1:4]
data = open(points, "rb").read()
csv = os.path.join(folder, "points.csv")
with open(csv, "w") as file:
    file.write("id,lon,lat,kind\n")
    file.writelines("%d,%r,%r,k%d\n" % (i + 1, lon, lat, int(kind))
                    for i, (lon, lat, kind) in enumerate(struct.iter_unpack("<ddd", data)))
subprocess.run(["ogr2ogr", "-f", "FlatGeobuf", os.path.join(folder, "points.fgb"), csv, "-oo", "X_POSSIBLE_NAMES=lon",
                "-oo", "Y_POSSIBLE_NAMES=lat", "-s_srs", "EPSG:4326", "-t_srs", "EPSG:3857"], check=True)
mapfile = os.path.join(folder, "points.map")
with open(mapfile, "w") as file:
    file.write("""MAP
  NAME "bench"
  SIZE 512 512
  EXTENT -20037508 -20037508 20037508 20037508
  PROJECTION "init=epsg:3857" END
  OUTPUTFORMAT NAME mvt DRIVER MVT EXTENSION pbf FORMATOPTION "EXTENT=4096" FORMATOPTION "EDGE_BUFFER=0" END
  OUTPUTFORMAT NAME png DRIVER AGG/PNG IMAGEMODE RGBA END
  SYMBOL NAME dot TYPE ELLIPSE POINTS 1 1 END FILLED TRUE END
  LAYER
    NAME "stations" TYPE POINT STATUS ON
    CONNECTIONTYPE OGR CONNECTION "%s" DATA "points"
    PROJECTION "init=epsg:3857" END
    METADATA gml_include_items "id,kind" END
    CLASS STYLE SYMBOL dot SIZE 8 COLOR 220 40 40 END END
  END
END
""" % os.path.join(folder, "points.fgb"))
config = os.path.join(folder, "mapserver.conf")
with open(config, "w") as file:
    file.write('CONFIG ENV MS_MAP_PATTERN "." END END\n')
environment = dict(os.environ, MAPSERVER_CONFIG_FILE=config)


def cost_ms(kind, z, x, y):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(["mapserv", "-nh", "QUERY_STRING=map=%s&layers=stations&mode=tile&tilemode=gmap&tile=%d+%d+%d&map.imagetype=%s" %
                           (mapfile, x, y, z, kind)], env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if b"<HTML>" in done.stdout[:100]:
        sys.exit(done.stdout.decode("utf-8", "replace"))
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), len(done.stdout)


for kind in ("mvt", "png"):
    times, sizes = {}, {}
    for line in open(addresses):
        z, x, y = (int(word) for word in line.split())
        if len(times.setdefault(z, [])) < TILES:
            ms, size = cost_ms(kind, z, x, y)
            times[z].append(ms - cost_ms(kind, 10, 0, 0)[0])
            sizes.setdefault(z, []).append(size)
    for z, list_ in times.items():
        print("MapServer %s z %d: %.1f ms, %d bytes" % (kind, z, statistics.median(list_), statistics.median(sizes[z])))
