"""People and organisations follow a directory: a real slapd, asked over TLS."""
import base64
import os
import sys
import unittest

from platform_shared import NOW, Shared, test_host

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import slapd  # noqa: E402  pylint: disable=wrong-import-position

DIRECTORY = "/admin/api/directory"


def begin():
    """Starts the directory; the settings of a platform that follows it."""
    server = Directory.server = slapd.Slapd()
    unittest.addModuleCleanup(server.close)
    server.load("")
    return ("--directory.url=ldaps://127.0.0.1:%d" % server.tls_port, "--directory.ca_file=" + server.ca, "--directory.timeout_ms=3000",
            "--directory.bind_dn=" + slapd.READER, "--directory.password_file=" + server.password_file,
            "--directory.people_base=ou=units,dc=example", "--directory.people_filter=(objectClass=inetOrgPerson)",
            "--directory.people_map=id=entryUUID,username=uid,display_name=displayName,org=dn:ou,roles=employeeType,areas=l,dn=dn",
            "--directory.orgs_base=ou=units,dc=example", "--directory.orgs_filter=(&(objectClass=organizationalUnit)(description=*))",
            "--directory.orgs_map=code=ou,name=description,parent=dn:ou,kind=:gas,area=l")


def text(name, value):
    return "%s:: %s\n" % (name, base64.b64encode(value.encode()).decode())


def unit(path, name=None, area=None):
    dn = ",".join("ou=" + part for part in reversed(path.split("/"))) + ",dc=example"
    return "dn: %s\nobjectClass: organizationalUnit\nou: %s\n" % (dn, path.split("/")[-1]) + (text("description", name) if name else "") + (
        "l: %s\n" % area if area else "") + "\n"


def person(number, uid, name, path="units/gas", more=""):
    """`number` is what the directory knows him by, whatever he is called."""
    dn = "cn=%d,%s,dc=example" % (number, ",".join("ou=" + part for part in reversed(path.split("/"))))
    return text("dn", dn) + "objectClass: inetOrgPerson\ncn: %d\nsn: x\nentryUUID: 00000000-0000-4000-8000-%012d\n" % (number, number) + (
        text("uid", uid) if uid else "") + text("displayName", name) + more + "\n"


UNITS = unit("units") + unit("units/gas", "燃气处", "460100") + unit("units/gas/north", "北区站", "460105")
PEOPLE = [person(1, "dir.a", "甲"), person(2, "dir.b", "乙", "units/gas/north"), person(3, "dir.c", "丙", more="employeeType: inspector\nl: 460105\n")]


class Directory(Shared):
    server = None

    def sync(self, ldif=None, apply=False, end=None, who="granter", status=200):
        if ldif is not None:
            self.server.load(ldif)
        got, told = self.ask(who, DIRECTORY + ("?apply=1" if apply else ""), "POST", {"end": end} if end is not None else None)
        self.assertEqual(status, got, told)
        return told

    def rows(self, told, what="people"):
        key = "username" if what == "people" else "code"
        return {row[key]: (row["outcome"], row.get("param")) for row in told[what]["rows"]}

    def user(self, name):
        return [one for one in self.good("admin", "/admin/api/users?q=" + name)["users"] if one["username"] == name][0]

    def test_a_directory_is_followed_from_the_first_day_to_who_leaves(self):
        told = self.sync(UNITS + "".join(PEOPLE))
        self.assertEqual({"gas": ("new", None), "north": ("new", None)}, self.rows(told, "orgs"))
        self.assertEqual({"dir.a": ("new", None), "dir.b": ("new", None), "dir.c": ("new", None)}, self.rows(told))
        self.assertEqual(0, self.good("admin", "/admin/api/users?q=dir.")["matched"], "compared, not done")
        self.assertIsNone(self.good("granter", DIRECTORY)["last"])
        told = self.sync(apply=True)
        self.assertEqual((3, 2), (told["people"]["new"], told["orgs"]["new"]))
        self.assertNotIn("password", str(told))
        made = self.user("dir.c")
        self.assertEqual(("丙", "gas", "directory", ["inspector"]), (made["display_name"], made["org"], made["source"], [r["role"] for r in made["roles"]]))
        self.assertEqual(401, self.ask(None, "/auth/token", "POST", {"username": "dir.c", "password": test_host.PASSWORD})[0], "nobody set a password")
        last = self.good("granter", DIRECTORY)["last"]
        self.assertEqual(("granter", 5, 0, 0, 0), tuple(last[key] for key in ("by", "new", "changed", "ended", "refused")))
        # One is called otherwise, one moves, one has another user name, one is gone, a station has another name.
        units = UNITS.replace(text("description", "北区站"), text("description", "北区总站"))
        later = [person(1, "dir.a", "甲甲"), person(2, "dir.bb", "乙", "units/gas")]
        told = self.sync(units + "".join(later))
        self.assertEqual({"gas": ("same", None), "north": ("changed", None)}, self.rows(told, "orgs"))
        self.assertEqual({"dir.a": ("changed", None), "dir.bb": ("changed", None)}, self.rows(told))
        self.assertEqual([{"field": "org", "from": "north", "to": "gas"}], told["people"]["rows"][1]["changes"])
        self.assertEqual(["dir.c"], [one["username"] for one in told["people"]["absent"]])
        told = self.sync(apply=True)
        self.assertEqual([], told["ended"])
        self.assertFalse(self.user("dir.c")["ended"], "named, not ended")
        self.assertEqual(("甲甲", "gas"), (self.user("dir.a")["display_name"], self.user("dir.b")["org"]))
        # Ended is who is gone, and what he holds goes to who takes over; nobody else.
        told = self.sync(apply=True, end=[{"username": "dir.c", "to": "dir.a"}, {"username": "dir.b"}, {"username": "xiuying"}])
        self.assertEqual([("dir.c", "ended"), ("dir.b", "refused"), ("xiuying", "refused")], [(one["username"], one["outcome"]) for one in told["ended"]])
        self.assertTrue(self.user("dir.c")["ended"])
        self.assertEqual(["inspector"], [role["role"] for role in self.user("dir.a")["roles"]])
        def audited():  # an entry is told once it is chained, within a second
            return [(one["action"], one.get("uid")) for one in self.good("auditor", "/admin/api/audit?limit=200")["entries"]]
        self.until("three runs in the audit", lambda: len([1 for action, _ in audited() if action == "directory.sync"]) == 3)
        for wanted in (("user.create", "dir.c"), ("user.change", "dir.a"), ("user.handover", "dir.c"), ("org.change", "north")):
            self.assertIn(wanted, audited())

    def test_rows_that_do_not_fit_are_refused_one_by_one(self):
        self.ask("granter", "/auth/me")
        people = [person(11, "odd.twice", "一"), person(12, "odd.twice", "二"), person(13, "odd.long", "长" * 300), person(14, None, "无名"),
                  person(15, "a*)(uid=*", "括号"), person(16, "odd.fine", "好*)(\\00"), person(17, "xiuying", "冒名"),
                  person(18, "odd.role", "越权", more="employeeType: platform-admin\nl: 460105\n"), person(19, "odd.away", "三亚", more="employeeType: inspector\nl: 460200\n"),
                  person(20, "odd\x07bell", "控制")]
        told = self.sync(UNITS + unit("units/none", "无区划") + "".join(people))
        self.assertEqual(("refused", "area"), self.rows(told, "orgs")["none"])
        wanted = {"odd.twice": ("refused", "username"), "odd.long": ("refused", "display_name"), None: ("refused", "username"), "a*)(uid=*": ("refused", "username"),
                  "odd.fine": ("new", None), "xiuying": ("refused", "username"), "odd.away": ("refused", "areas")}
        got = self.rows(told)
        self.assertEqual(wanted, {key: got[key] for key in wanted})
        self.assertEqual("refused", got["odd.role"][0])
        self.assertEqual(9, told["people"]["refused"])
        told = self.sync(apply=True)
        self.assertEqual(1, told["people"]["new"])
        self.assertEqual("好*)(\\00", self.user("odd.fine")["display_name"])
        # The name is another person's now: he does not get the account.
        told = self.sync(UNITS + person(21, "odd.fine", "另一人"))
        self.assertEqual({"odd.fine": ("refused", "id")}, self.rows(told))

    def test_more_than_a_page_is_read_past_the_limit_of_the_server(self):
        nameless = "".join(person(1000 + i, None, "无") for i in range(1100))
        told = self.sync(UNITS + nameless + person(31, "page.two", "末"))
        self.assertEqual(1100, told["people"]["refused"])
        self.assertEqual(("new", None), self.rows(told)["page.two"])

    def test_a_directory_that_does_not_answer_right_changes_nothing(self):
        self.server.load(UNITS + person(41, "safe", "稳"))
        self.server.set_password("wrong")
        self.assertEqual("directory.bind_dn", self.sync(apply=True, status=409)["param"])
        self.server.set_password("")
        self.assertEqual("directory.password_file", self.sync(apply=True, status=409)["param"])
        self.server.set_password(slapd.PASSWORD)
        self.server.certify("other.example")
        self.assertEqual("directory.url", self.sync(apply=True, status=409)["param"])
        self.server.certify("127.0.0.1")
        self.assertEqual("new", self.rows(self.sync())["safe"][0])
        self.server.load("")
        self.assertEqual("directory.orgs_base", self.sync(apply=True, status=409)["param"])
        self.server.stop()
        self.assertEqual("directory.url", self.sync(apply=True, status=409)["param"])
        self.assertEqual(0, self.good("admin", "/admin/api/users?q=safe")["matched"])

    def test_a_filter_that_is_none_is_named(self):
        flags = Shared.flags
        try:
            Shared.flags = tuple("--directory.people_filter=(uid=" if each.startswith("--directory.people_filter=") else each
                                 for each in flags)
            self.restart(NOW)
            self.server.load(UNITS)
            self.assertEqual("directory.people_filter", self.sync(status=409)["param"])
        finally:
            Shared.flags = flags
            self.restart(NOW)

    def test_only_who_administers_users_and_without_secrets(self):
        told = self.good("granter", DIRECTORY)
        self.assertEqual((True, slapd.READER), (told["settings"]["encrypted"], told["settings"]["bind_dn"]))
        self.assertNotIn(self.server.password_file, str(told))
        for method in ("GET", "POST"):
            self.assertEqual(403, self.ask("province", DIRECTORY, method)[0])
        self.assertEqual(400, self.ask("granter", DIRECTORY + "?apply=yes", "POST")[0])
        self.refused(400, "end", "granter", DIRECTORY, "POST", {"end": [{"username": "dir.a"}]})
