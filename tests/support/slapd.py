#!/usr/bin/env python3
"""A real directory for tests: Debian's slapd on free ports of this machine, its data in a temporary folder.

    tests/support/slapd.py PORT <entries.ldif     # serves them until it is told to end; says "ready"
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PASSWORD = "se cret*()\\"
READER = "cn=reader,dc=example"
CONF = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {dir}/slapd.pid
TLSCertificateFile {dir}/{host}.pem
TLSCertificateKeyFile {dir}/{host}.key
database mdb
suffix "dc=example"
directory {dir}/db
maxsize 33554432
limits * size.soft=1000 size.hard=1000 size.pr=1000 size.prtotal=unlimited
{security}access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,dc=example" read by * none
"""
ROOT = """dn: dc=example
objectClass: domain
dc: example

dn: cn=reader,dc=example
objectClass: person
cn: reader
sn: reader
userPassword: %s

""" % PASSWORD


class Slapd:
    """Over TLS it answers as 127.0.0.1 (libldap takes localhost for the machine's own name); certify("other.example")
    gives it the certificate of another."""

    def __init__(self, port=0):
        self.dir = tempfile.mkdtemp(prefix="slapd-")
        self.process, self.host, self.ldif, self.security = None, "127.0.0.1", "", ""
        self.port, self.tls_port = port or free_port(), free_port()
        self.ca, self.other_ca = (os.path.join(self.dir, name) for name in ("ca.pem", "other-ca.pem"))
        self.password_file = os.path.join(self.dir, "password")
        self.set_password(PASSWORD)
        self.make_certificates()

    def make_certificates(self):
        """An authority and, signed by it, a certificate of this server and one of another; and an authority that signed neither."""
        def openssl(*args):
            subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.dir)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        for ca in (self.ca, self.other_ca):
            openssl("req", "-x509", *key, "-days", "2", "-keyout", ca + ".key", "-out", ca, "-subj", "/CN=" + os.path.basename(ca))
        for host, name in (("127.0.0.1", "IP:127.0.0.1"), ("other.example", "DNS:other.example")):
            openssl("req", *key, "-keyout", host + ".key", "-out", host + ".csr", "-subj", "/CN=" + host)
            with open(os.path.join(self.dir, host + ".ext"), "w", encoding="ascii") as file:
                file.write("subjectAltName=" + name)
            openssl("x509", "-req", "-in", host + ".csr", "-CA", self.ca, "-CAkey", self.ca + ".key", "-CAcreateserial", "-days", "2",
                    "-extfile", host + ".ext", "-out", host + ".pem")

    def set_password(self, text):
        with open(self.password_file, "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def load(self, ldif):
        """Begins anew with these entries below the root."""
        self.stop()
        self.ldif = ldif
        shutil.rmtree(os.path.join(self.dir, "db"), ignore_errors=True)
        os.mkdir(os.path.join(self.dir, "db"))
        with open(os.path.join(self.dir, "slapd.conf"), "w", encoding="utf-8") as file:
            file.write(CONF.format(dir=self.dir, host=self.host, security=self.security))
        subprocess.run(["/usr/sbin/slapadd", "-q", "-f", os.path.join(self.dir, "slapd.conf")], input=(ROOT + ldif).encode(), check=True, capture_output=True)
        self.process = subprocess.Popen(["/usr/sbin/slapd", "-f", os.path.join(self.dir, "slapd.conf"), "-d", "0", "-h",
                                         "ldap://127.0.0.1:%d ldaps://127.0.0.1:%d" % (self.port, self.tls_port)])
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.tls_port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise
                time.sleep(0.02)

    def certify(self, host):
        self.host = host
        self.load(self.ldif)

    def demand_tls(self):
        """From here on it takes nobody who speaks in clear."""
        self.security = "security tls=1\n"
        self.load(self.ldif)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.dir)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    server = Slapd(int(sys.argv[1]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.load(sys.stdin.read())
        print("ready", flush=True)
        signal.pause()
    finally:
        server.close()


if __name__ == "__main__":
    main()
