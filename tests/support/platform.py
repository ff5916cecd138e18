"""A real cim-host in a temporary directory, for suites that need the whole platform.

    with Platform(build) as platform:          # build: folder of a CMake build
        platform.areas("…/areas.csv")
        platform.account("haikou", roles="regulator", areas="460100")
        platform.load("lpg.places", "…/places.geojson")
        platform.start()
        status, headers, body = platform.get("/collections", as_="haikou")

Standard library only. Every process started here is ended by its own id.
"""
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "Test-only-4711"


class Platform:
    def __init__(self, build, settings=()):
        self.build = pathlib.Path(build).resolve()
        self.binary = self.build / "sdk-shim/host/main/cim-host"
        self.folder = tempfile.TemporaryDirectory(prefix="cim-")
        self.var = pathlib.Path(self.folder.name) / "var"
        self.settings = [f"--var={self.var}", f"--plugins.dirs={self.build / 'plugins'}",
                         "--log.access=false", "--log.format=json", *settings]
        self.process = None
        self.port = None
        self.tokens = {}

    def __enter__(self):
        self.run("migrate")
        self.run("plugin", "enable", "lpg")
        return self

    def __exit__(self, *unused):
        self.stop()
        self.folder.cleanup()

    # ---- command line ----

    def run(self, *words, input=None, check=True):
        """A verb of cim-host; raises with its output when it fails."""
        done = subprocess.run([self.binary, *words, *self.settings], input=input, text=True,
                              capture_output=True)
        if check and done.returncode != 0:
            raise AssertionError(f"cim-host {' '.join(words)}: exit {done.returncode}\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done

    def areas(self, csv):
        self.run("areas", "import", str(csv))

    def account(self, name, roles, areas="*", org=None):
        extra = [f"--org={org}"] if org else []
        self.run("user", "add", name, f"--roles={roles}", f"--areas={areas}", *extra,
                 "--password-file=-", input=PASSWORD + "\n")

    def load(self, layer, path, *flags):
        return self.run("import", layer, str(path), *flags)

    # ---- serving ----

    def start(self, *settings):
        log = open(pathlib.Path(self.folder.name) / "host.log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve", *self.settings, "--http.port=0", *settings],
            stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        for line in self.process.stdout:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found.group(1))
                return self
        raise AssertionError("cim-host did not start:\n" + self.log())

    def log(self):
        return (pathlib.Path(self.folder.name) / "host.log").read_text(errors="replace")

    def stop(self):
        """Stops gracefully; the exit code, 0 when all was left in order."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process.stdout.close()
        self.process = None
        return code

    def peak_rss_kib(self):
        """Largest resident size that the serving process has had."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise AssertionError("no VmHWM")

    # ---- requests ----

    def connection(self, timeout=120):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def token(self, name, password=PASSWORD):
        if name not in self.tokens:
            status, _, body = self.request("POST", "/auth/token", {"username": name,
                                                                   "password": password})
            assert status == 200, (status, body)
            self.tokens[name] = json.loads(body)["access_token"]
        return self.tokens[name]

    def headers(self, as_):
        return {"Authorization": "Bearer " + self.token(as_)} if as_ else {}

    def request(self, method, path, body=None, as_=None, headers=None, timeout=120):
        sent = {**self.headers(as_), **(headers or {})}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection = self.connection(timeout)
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def get(self, path, as_=None, **more):
        return self.request("GET", path, as_=as_, **more)

    def json(self, path, as_=None, expect=200):
        status, _, body = self.get(path, as_=as_, headers={"Accept": "application/json"})
        assert status == expect, (path, status, body[:500])
        return json.loads(body)


def demo_data(build, scale):
    """Folder with areas.csv and the demonstration layers at a scale; made once per build."""
    out = pathlib.Path(build).resolve() / f"demo-data-{scale}"
    script = ('. script/lib.sh; . script/demo.sh; '
              f'build={os.fspath(pathlib.Path(build).resolve())!r}; demo_data {os.fspath(out)!r} {scale}')
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, text=True, capture_output=True)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return out
