#!/usr/bin/env python3
"""The keys of personal data as an operator meets them: lost, rotated while serving, wrapped by a token.

usage: test_keys.py --host CIM_HOST --plugins DIR --template DIR --unruly DIR [unittest arguments]
"""
import json
import os
import re
import sqlite3
import subprocess
import time
import unittest.mock

import test_host
from test_host import CLEAN


class Keys(test_host.HostTest):
    def test_keys_wrapped_by_a_token_rotate_while_serving(self):
        tokens = os.path.join(self.host.var, "tokens")
        os.mkdir(tokens, 0o700)
        conf = os.path.join(self.host.var, "softhsm2.conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write("directories.tokendir = %s\nobjectstore.backend = file\n" % tokens)
        pin = "token-pin-4711"
        environment = {"SOFTHSM2_CONF": conf, "CIM_CRYPT_PROVIDER": "pkcs11", "CIM_CRYPT_PKCS11_TOKEN": "cim",
                       "CIM_CRYPT_PKCS11_MODULE": "/usr/lib/softhsm/libsofthsm2.so", "CIM_CRYPT_PKCS11_PIN": pin}
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "cim", "--so-pin", "so-pin-1234",
                        "--pin", pin], env=dict(CLEAN, **environment), check=True, stdout=subprocess.DEVNULL)
        with unittest.mock.patch.dict(CLEAN, environment):
            self.add_admin()
            self.host.serve()
            self.assertIn("2 ", self.host.run("keys", "rotate"))
            for _ in range(200):
                if len(self.host.run("audit", "list", "--action=key.add").splitlines()) == 2:
                    break
                time.sleep(0.05)
            listed = re.findall(r"(?m)^(\d+)  [0-9a-f]{32}  (\w+)  ", self.host.run("keys", "list"))
            self.assertEqual([("1", "pkcs11"), ("2", "pkcs11")], listed)
            self.assertEqual(2, len(self.host.run("audit", "list", "--action=key.add").splitlines()))
            self.assertEqual(0, self.host.stop())
            wrong = {"CIM_CRYPT_PKCS11_PIN": "not-the-pin"}
            text = self.host.run("user", "list", env=wrong, fails=True)
            self.assertIn("C_Login", text)
            self.assertNotIn("not-the-pin", text)
        self.assertNotIn(pin, self.host.read_log())
        self.assertIn("crypt.provider=pkcs11", self.host.run("user", "list", fails=True))

    def test_lost_keys_of_personal_data_are_not_replaced(self):
        self.add_admin()
        key = os.path.join(self.host.var, "keys", "data.keys")
        # No areas yet: that alone is wrong.
        self.assertIn("the encryption keys are those of the data", self.host.run("doctor", fails=True))
        os.rename(key, key + ".kept")
        for words in (("user", "list"), ("doctor",), ("serve", "--port=0")):
            text = self.host.run(*words, fails=True)
            self.assertIn(key, text)
            self.assertIn("restore", text)
        self.assertFalse(os.path.exists(key))
        os.rename(key + ".kept", key)
        listed = re.findall(r"(?m)^(\d+)  ([0-9a-f]{32})  ", self.host.run("keys", "list"))
        self.assertEqual(["1"], [each[0] for each in listed])
        self.host.serve()
        self.host.run("keys", "rotate")
        db = sqlite3.connect("file:%s?mode=ro" % os.path.join(self.host.var, "cim.gpkg"), uri=True)
        self.addCleanup(db.close)
        for _ in range(200):
            known = db.execute("select version from cim_data_key order by version").fetchall()
            if known == [(1,), (2,)]:
                break
            time.sleep(0.05)
        self.assertEqual([(1,), (2,)], known)
        for _ in range(200):
            entries = [json.loads(line) for line in self.host.run("audit", "list", "--action=key.add").splitlines()]
            if len(entries) == 2:
                break
            time.sleep(0.05)
        self.assertEqual([2, 1], [each["detail"]["version"] for each in entries])


if __name__ == "__main__":
    test_host.main()
