"""Exports everything, uploads a file of the given size, and watches the host's resident size."""
import http.client
import json
import math
import os
import pathlib
import sys
import time
import urllib.parse

LIMIT_KIB = 512 * 1024
URL = urllib.parse.urlsplit(os.environ["CIM_URL"])
PID = os.environ["CIM_HOST_PID"]


def peak_kib():
    for line in pathlib.Path(f"/proc/{PID}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise SystemExit("no VmHWM: the host is gone")


def cpu_s():
    fields = pathlib.Path(f"/proc/{PID}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(method, path, body=None, headers=None, timeout=3600):
    connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=timeout)
    connection.request(method, path, body=body, headers=headers or {})
    return connection.getresponse()


def token():
    body = json.dumps({"username": "admin", "password": os.environ["CIM_DEMO_PASSWORD"]})
    answer = ask("POST", "/auth/token", body, {"Content-Type": "application/json"})
    return json.load(answer)["access_token"]


def report(what, amount, started, cpu):
    wall = time.monotonic() - started
    print(f"{what}: {amount}, {wall:.1f} s, host CPU {cpu_s() - cpu:.1f} s, "
          f"peak resident {peak_kib() / 1024:.0f} MiB", flush=True)
    if peak_kib() > LIMIT_KIB:
        raise SystemExit(f"over {LIMIT_KIB // 1024} MiB")


def export(auth, form):
    started, cpu = time.monotonic(), cpu_s()
    answer = ask("GET", f"/collections/lpg.end-users/items?export=true&f={form}", headers=auth)
    if answer.status != 200:
        raise SystemExit(f"export: {answer.status} {answer.read(2000)}")
    size = lines = 0
    while True:
        piece = answer.read(1 << 20)
        if not piece:
            break
        size += len(piece)
        lines += piece.count(b"\n")
    report(f"export as {form}", f"{lines} lines, {size / 1e6:.0f} MB", started, cpu)


def polygon(number):
    """A ring of some 200 KB round its own centre."""
    n = 8000
    lon, lat = 112 + number % 90 * 0.01, 16 + number // 90 % 90 * 0.01
    ring = [[round(lon + 0.004 * math.cos(2 * math.pi * i / n), 9),
             round(lat + 0.004 * math.sin(2 * math.pi * i / n), 9)] for i in range(n)]
    ring.append(ring[0])
    return json.dumps({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]},
                       "properties": {"area_code": "460000", "owner_org": "test", "name": str(number),
                                      "kind": "islet"}}).encode() + b"\n"


def upload(auth, megabytes):
    size = megabytes << 20
    pieces = [polygon(i) for i in range(16)]

    def body():
        sent = i = 0
        while sent < size:
            piece = pieces[i % len(pieces)]
            i += 1
            sent += len(piece)
            yield piece

    started, cpu = time.monotonic(), cpu_s()
    answer = ask("POST", "/admin/api/imports?layer=lpg.coastline&crs=cgcs2000", body(),
                 {**auth, "Content-Type": "application/geo+json-seq"})
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(f"upload: {answer.status} {text[:2000]}")
    result = json.loads(text)
    report("upload", f"{megabytes} MB, {result['written']} written", started, cpu)
    if result["written"] == 0 or result["refused_total"] != 0:
        raise SystemExit(text[:2000])


def main():
    auth = {"Authorization": "Bearer " + token()}
    print(f"at rest: peak resident {peak_kib() / 1024:.0f} MiB", flush=True)
    for form in ("geojsonl", "csv", "json"):
        export(auth, form)
    upload(auth, int(sys.argv[1]))


main()
