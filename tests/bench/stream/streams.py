"""Opens many streams, edits a record again and again, and says what that costs."""
import json
import os
import selectors
import socket
import sys
import time
import urllib.parse
import urllib.request

URL, PID = os.environ["CIM_URL"], os.environ["CIM_HOST_PID"]
EDITS = 20
AT_ONCE = 250  # as many as one token may have under way (http.client_max); more are answered 429


def ask(method, path, body, **headers):
    request = urllib.request.Request(URL + path, data=json.dumps(body).encode(), method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers, answer.read()


def resident_kib():
    with open("/proc/%s/status" % PID, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def cpu_s():
    with open("/proc/%s/stat" % PID, encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def token(name):
    body = {"username": name, "password": os.environ["CIM_DEMO_PASSWORD"]}
    return json.loads(ask("POST", "/auth/token", body, **{"Content-Type": "application/json"})[1])["access_token"]


def open_streams(n, bearer, selector):
    address = urllib.parse.urlsplit(URL)
    head = "GET /stream HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n" % (address.netloc, bearer)
    for _ in range(n):
        stream = socket.create_connection((address.hostname, address.port))
        stream.sendall(head.encode())
        stream.setblocking(False)
        selector.register(stream, selectors.EVENT_READ)


def wait_for(selector, word, n):
    """Seconds until each of n streams has received `word`: all of them, sorted."""
    began, seen, other = time.monotonic(), {}, b""
    while len(seen) < n:
        for key, _ in selector.select(10):
            told = key.fileobj.recv(65536)
            if word in told:
                seen.setdefault(key.fd, time.monotonic() - began)
            else:
                other = told or other
        if time.monotonic() - began > 60:
            sys.exit("only %d of %d streams were told; another got %r" % (len(seen), n, other[:400]))
    return sorted(seen.values())


def main():
    n = int(sys.argv[1])
    admin = {"Authorization": "Bearer " + token("admin"), "Content-Type": "application/geo+json"}
    record = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [110.33, 20.03]},
              "properties": {"name": "推送", "org_code": "STREAM", "kind": "integrated", "licence_state": "valid",
                             "area_code": "460105"}}
    where = urllib.parse.urlsplit(ask("POST", "/collections/lpg.enterprises/items", record, **admin)[0]["Location"]).path
    selector = selectors.DefaultSelector()
    before = resident_kib()
    bearer = token("province")
    for opened in range(0, n, AT_ONCE):
        open_streams(min(AT_ONCE, n - opened), bearer, selector)
        wait_for(selector, b"event: hello", min(AT_ONCE, n - opened))
    time.sleep(1)
    print("%d streams: %.1f KiB resident each" % (n, (resident_kib() - before) / n))
    idle = cpu_s()
    time.sleep(10)
    print("waiting: %.1f %% of a core" % ((cpu_s() - idle) * 10))
    times, cpu = [], cpu_s()
    for i in range(EDITS):
        ask("PATCH", where, {"properties": {"name": "推送 %d" % i}},
            **dict(admin, **{"Content-Type": "application/merge-patch+json"}))
        times += wait_for(selector, b"event: change", n)
    times.sort()
    print("from the acknowledged edit to the event: median %.0f ms, p95 %.0f ms, last %.0f ms" %
          tuple(1000 * times[int(q * (len(times) - 1))] for q in (0.5, 0.95, 1)))
    print("cpu per event: %.1f us" % ((cpu_s() - cpu) * 1e6 / (n * EDITS)))
    print("resident at the end: %d MiB" % (resident_kib() >> 10))


main()
