"""People and organisations follow a directory: a real slapd, asked over TLS."""
import base64
import json
import os
import sys
import unittest

import platform_shared
from platform_shared import NOW, Shared, test_host

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import slapd  # noqa: E402  pylint: disable=wrong-import-position

DIRECTORY = "/admin/api/directory"


def setUpModule():
    server = Followed.server = slapd.Slapd()
    unittest.addModuleCleanup(server.close)
    server.load("")
    Shared.flags = (
        "--password.first_change=false", "--directory.url=ldaps://127.0.0.1:%d" % server.tls_port, "--directory.ca_file=" + server.ca,
        "--directory.timeout_ms=3000", "--directory.bind_dn=" + slapd.READER, "--directory.password_file=" + server.password_file,
        "--directory.people_base=ou=units,dc=example", "--directory.people_filter=(objectClass=inetOrgPerson)",
        "--directory.people_map=id=entryUUID,username=uid,display_name=displayName,org=dn:ou,roles=employeeType,areas=l,dn=dn",
        "--directory.orgs_base=ou=units,dc=example", "--directory.orgs_filter=(&(objectClass=organizationalUnit)(description=*))",
        "--directory.orgs_map=code=ou,name=description,parent=dn:ou,kind=:gas,area=l")
    Shared.start()


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


class Followed(Shared):
    """What the tests of a directory ask and look at."""
    server = None

    @classmethod
    def again(cls, **settings):
        """The platform with some settings of the directory set otherwise."""
        flags = Shared.flags
        names = ["--directory.%s=" % name for name in settings]
        Shared.flags = (*[flag for flag in flags if not flag.startswith(tuple(names))],
                        *[name + value for name, value in zip(names, settings.values())])
        try:
            cls.restart(NOW)
        finally:
            Shared.flags = flags

    def sync(self, ldif=None, apply=False, end=None, who="granter", status=200):
        if ldif is not None:
            self.server.load(ldif)
        got, told = self.ask(who, DIRECTORY + ("?apply=1" if apply else ""), "POST", {"end": end} if end is not None else None)
        self.assertEqual(status, got, told)
        return told

    def undo(self, run, apply=False, who="granter", status=200):
        got, told = self.ask(who, "%s/%s/undo%s" % (DIRECTORY, run, "?apply=1" if apply else ""), "POST")
        self.assertEqual(status, got, told)
        return told

    @staticmethod
    def undone(told):
        return {(row["kind"], row["name"], row["does"]): row["outcome"] for row in told["rows"]}

    def rows(self, told, what="people"):
        key = "username" if what == "people" else "code"
        return {row[key]: (row["outcome"], row.get("param")) for row in told[what]["rows"]}

    def user(self, name):
        return [one for one in self.good("admin", "/admin/api/users?q=" + name)["users"] if one["username"] == name][0]

    def audited(self, action):
        """Entries of that kind, as uid and what more they say; they are told once chained, within a second."""
        return [(one.get("uid"), (one.get("detail") or {}).get("more")) for one in
                self.good("auditor", "/admin/api/audit?limit=500&action=" + action)["entries"]]


class Directory(Followed):
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
        self.until("three runs in the audit", lambda: len(self.audited("directory.sync")) >= 3)
        for action, uid in (("user.create", "dir.c"), ("user.change", "dir.a"), ("user.handover", "dir.c"), ("org.change", "north")):
            self.assertIn(uid, [one for one, _ in self.audited(action)])

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
        self.addCleanup(self.restart, NOW)
        self.again(people_filter="(uid=")
        self.server.load(UNITS)
        self.assertEqual("directory.people_filter", self.sync(status=409)["param"])

    def test_an_account_made_here_is_taken_over_only_where_that_is_set(self):
        self.ask("granter", "/auth/me")
        self.good("admin", "/admin/api/users", "POST", {"username": "both", "display_name": "本地", "area": "460100", "password": test_host.PASSWORD}, 201)
        self.good("admin", "/admin/api/orgs", "POST", {"code": "here", "name": "本地处", "kind": "gas", "area": "460100"}, 201)
        ldif = unit("units") + unit("units/here", "目录处", "460100") + person(51, "both", "目录", "units/here")
        told = self.sync(ldif, apply=True)
        self.assertEqual((("refused", "username"), ("refused", "code")), (self.rows(told)["both"], self.rows(told, "orgs")["here"]))
        self.assertEqual((None, "本地"), (self.user("both")["source"], self.user("both")["display_name"]))
        self.addCleanup(self.restart, NOW)
        self.again(link_by_name="true")
        told = self.sync(apply=True)
        self.assertEqual((("changed", None), ("changed", None)), (self.rows(told)["both"], self.rows(told, "orgs")["here"]))
        self.assertIn({"field": "source", "from": None, "to": "directory"}, told["people"]["rows"][0]["changes"])
        self.assertEqual(("directory", "目录", "here"), tuple(self.user("both")[key] for key in ("source", "display_name", "org")))
        self.assertEqual(200, self.ask(None, "/auth/token", "POST", {"username": "both", "password": test_host.PASSWORD})[0], "his password stays")
        self.assertEqual({"both": ("same", None)}, self.rows(self.sync(UNITS + unit("units/here", "目录处", "460100") + person(51, "both", "目录", "units/here"))))
        # Now he is known by his id: another of that name is refused though names are linked.
        self.assertEqual({"both": ("refused", "id")}, self.rows(self.sync(ldif.replace("-%012d" % 51, "-%012d" % 52))))
        # The undo gives him back: an account of this platform, free of the directory's id.
        told = self.undo(told["run"], True)
        self.assertEqual(0, told["refused"], told)
        self.assertEqual((None, "本地", None), tuple(self.user("both")[key] for key in ("source", "display_name", "org")))
        self.assertEqual({"both": ("changed", None)}, self.rows(self.sync(ldif.replace("-%012d" % 51, "-%012d" % 52))), "no id is left of the first")

    def test_new_people_sign_in_where_that_is_set(self):
        providers = self.file("providers.json", json.dumps({"providers": [{
            "id": "gov", "title": {"zh": "政务", "en": "Gov"}, "issuer": "http://127.0.0.1:1", "client_id": "x", "link_by_name": True}]}))
        self.addCleanup(self.restart, NOW)
        flags = Shared.flags
        try:
            Shared.flags = (*flags, "--sign_in.providers=" + providers)
            self.again(sign_in="gov")
        finally:
            Shared.flags = flags
        self.sync(UNITS + person(61, "from.gov", "政"), apply=True)
        self.assertEqual("gov", self.user("from.gov")["provider"])
        self.assertEqual("password", self.refused(409, "password", "admin", "/admin/api/users/from.gov/password", "POST", {"password": test_host.PASSWORD})["param"])
        flags = Shared.flags
        # A provider that is not set up is said before anything is served.
        self.host.stop()
        told = self.host.run("serve", *[each for each in flags if not each.startswith("--directory.sign_in")], "--directory.sign_in=nowhere", fails=True)
        self.assertIn("directory.sign_in", told)

    def test_only_who_administers_users_and_without_secrets(self):
        told = self.good("granter", DIRECTORY)
        self.assertEqual((True, slapd.READER), (told["settings"]["encrypted"], told["settings"]["bind_dn"]))
        self.assertNotIn(self.server.password_file, str(told))
        for method in ("GET", "POST"):
            self.assertEqual(403, self.ask("province", DIRECTORY, method)[0])
        self.assertEqual(400, self.ask("granter", DIRECTORY + "?apply=yes", "POST")[0])
        self.refused(400, "end", "granter", DIRECTORY, "POST", {"end": [{"username": "dir.a"}]})


class Undo(Followed):
    """Organisations and people of their own, so that what other tests left does not meddle."""
    UNITS = unit("units") + unit("units/ugas", "燃气处", "460100") + unit("units/ugas/unorth", "北区站", "460105")
    MOVED = unit("units") + unit("units/ugas", "燃气总处", "460100") + unit("units/ugas/unorth", "北区站", "460105")

    def setUp(self):
        self.ask("granter", "/auth/me")

    @staticmethod
    def people(number, *more):
        """Two of them, by numbers and names that no other test has."""
        return person(number, "undo.%d" % number, "甲", "units/ugas") + person(
            number + 1, "undo.%d" % (number + 1), "乙", "units/ugas/unorth", "employeeType: inspector\nl: 460105\n") + "".join(more)

    def org(self, code):
        return [one for one in self.good("admin", "/admin/api/orgs?q=" + code)["orgs"] if one["code"] == code]

    def test_1_what_a_run_made_goes_again_and_may_come_anew(self):
        made = self.sync(self.UNITS + self.people(100), apply=True)
        self.assertEqual((2, 2), (made["people"]["new"], made["orgs"]["new"]))
        last = self.good("granter", DIRECTORY)["last"]
        self.assertEqual([None, None], [last["undone_at"], last["undone_by"]])
        told = self.undo(made["run"])
        self.assertEqual({("person", "undo.100", "remove"): "undone", ("person", "undo.101", "remove"): "undone", ("org", "ugas", "remove"): "undone",
                          ("org", "unorth", "remove"): "undone"}, self.undone(told))
        self.assertEqual((False, 4, 0, 0), (told["applied"], told["undone"], told["same"], told["refused"]))
        self.assertEqual("甲", self.user("undo.100")["display_name"], "told, not done")
        told = self.undo(made["run"], True)
        self.assertEqual((True, 4, 0), (told["applied"], told["undone"], told["refused"]))
        self.assertEqual((0, []), (self.good("admin", "/admin/api/users?q=undo.10")["matched"], self.org("ugas")))
        told = self.undo(made["run"], True)
        self.assertEqual((0, 4, 0), (told["undone"], told["same"], told["refused"]), "asked for twice it changes nothing")
        for action, uids in (("user.remove", {"undo.100", "undo.101"}), ("org.remove", {"ugas", "unorth"}), ("directory.undo", {made["run"]})):
            self.until(action, lambda: uids <= {uid for uid, _ in self.audited(action)})
        self.assertIn((made["run"], "undone 4, same 0, refused 0"), self.audited("directory.undo"))
        # The map was mended, say: the same people come anew, with the roles that they had.
        anew = self.sync(apply=True)
        self.assertEqual((2, 2, 0), (anew["people"]["new"], anew["orgs"]["new"], anew["people"]["refused"]))
        self.assertEqual(["inspector"], [role["role"] for role in self.user("undo.101")["roles"]])

    def test_2_changes_go_back_and_who_was_ended_comes_back(self):
        self.sync(self.UNITS + self.people(110), apply=True)
        told = self.sync(self.MOVED + person(110, "undo.110", "甲甲", "units/ugas/unorth"), apply=True, end=[{"username": "undo.111", "to": "undo.110"}])
        self.assertEqual((["ended"], ["inspector"]), ([one["outcome"] for one in told["ended"]], [r["role"] for r in self.user("undo.110")["roles"]]))
        before = self.undo(told["run"])
        self.assertEqual({("person", "undo.110", "restore"): "undone", ("person", "undo.111", "reopen"): "undone", ("org", "ugas", "restore"): "undone"}, self.undone(before))
        changes = {row["name"]: row.get("changes") for row in before["rows"]}
        self.assertEqual([{"field": "name", "from": "燃气总处", "to": "燃气处"}], changes["ugas"])
        self.assertEqual([{"field": "display_name", "from": "甲甲", "to": "甲"}, {"field": "org", "from": "unorth", "to": "ugas"}], changes["undo.110"])
        self.assertTrue(self.user("undo.111")["ended"])
        self.assertEqual(0, self.undo(told["run"], True)["refused"])
        back, heir = self.user("undo.111"), self.user("undo.110")
        self.assertEqual((False, [("inspector", ["460105"])]), (back["ended"], [(r["role"], [a["code"] if isinstance(a, dict) else a for a in r["areas"]]) for r in back["roles"]]))
        self.assertEqual(("甲", "ugas", []), (heir["display_name"], heir["org"], heir["roles"]))
        self.assertEqual("燃气处", self.org("ugas")[0]["name"])
        self.until("audited", lambda: "undo.111" in [uid for uid, _ in self.audited("user.reopen")])
        # What was granted before is told as it was: ended, and given anew by who undid it.
        granted = [g for g in self.good("admin", "/admin/api/grants?q=undo.111&limit=100")["grants"]]
        self.assertIn("granter", str(granted))

    def test_3_what_changed_since_is_left_and_told(self):
        self.sync(self.UNITS + self.people(120), apply=True)
        told = self.sync(self.MOVED + self.people(120).replace(text("displayName", "甲"), text("displayName", "甲甲")) + person(122, "undo.122", "丙", "units/ugas")
                         + person(123, "undo.123", "丁", "units/ugas") + person(124, "undo.124", "戊", "units/ugas"), apply=True)
        self.good("admin", "/admin/api/users/undo.120", "PATCH", {"display_name": "甲又改"})
        self.good("admin", "/admin/api/users/undo.122/password", "POST", {"password": test_host.PASSWORD})
        self.good("admin", "/admin/api/grants", "POST", {"holder_kind": "user", "holder": "undo.123", "kind": "role", "name": "inspector", "areas": ["460105"], "why": "试"}, 201)
        self.good("admin", "/admin/api/users/undo.124/end", "POST", {"why": "试"})
        for apply in (False, True):
            answer = self.undo(told["run"], apply)
            rows = {row["name"]: row for row in answer["rows"]}
            self.assertEqual({"undo.120": "refused", "undo.122": "refused", "undo.123": "refused", "undo.124": "refused", "ugas": "undone"},
                             {name: row["outcome"] for name, row in rows.items()})
            self.assertEqual(("display_name", "甲又改"), (rows["undo.120"]["param"], rows["undo.120"]["value"]))
            self.assertIn("甲甲", rows["undo.120"]["zh"])
            for name, part in (("undo.122", "已设密码"), ("undo.123", "又给此账号授了权"), ("undo.124", "同步后已停用")):
                self.assertIn(part, rows[name]["zh"])
        self.assertEqual(["甲又改", "丙", "丁"], [self.user("undo.%d" % n)["display_name"] for n in (120, 122, 123)], "left as they are")
        self.assertEqual("燃气处", self.org("ugas")[0]["name"])

    def test_4_an_organisation_that_is_used_stays(self):
        told = self.sync(self.UNITS + unit("units/ugas/uteam", "班组", "460105"), apply=True)
        self.good("admin", "/admin/api/users", "POST", {"username": "undo.here", "display_name": "本地", "org": "uteam", "password": test_host.PASSWORD}, 201)
        rows = {row["name"]: row for row in self.undo(told["run"], True)["rows"]}
        self.assertEqual(("refused", "code"), (rows["uteam"]["outcome"], rows["uteam"]["param"]))
        self.assertEqual(1, len(self.org("uteam")))

    def test_5_only_who_administers_them_and_runs_that_were(self):
        told = self.sync(self.UNITS + self.people(130), apply=True)
        answer = self.undo(told["run"], True, "sanya")
        self.assertEqual((0, [], answer["omitted"]), (answer["undone"], answer["rows"], answer["refused"]), "of another city's people he learns a number")
        self.assertEqual("甲", self.user("undo.130")["display_name"])
        self.undo(told["run"], True, "province", status=403)
        self.assertEqual("run", self.undo("00000000-0000-0000-0000-000000000000", status=404)["param"])
        self.assertEqual("run", self.undo(self.sync(apply=True)["run"], status=409)["param"], "nothing was changed by it")
        self.assertEqual(400, self.ask("granter", "%s/%s/undo?apply=yes" % (DIRECTORY, told["run"]), "POST")[0])


class Encrypted(Followed):
    """StartTLS: an address without TLS, that is encrypted before anything is said."""

    def test_the_right_authority_passes_and_no_other(self):
        self.server.load(UNITS + person(141, "tls", "密"))
        self.addCleanup(self.restart, NOW)
        address = "ldap://127.0.0.1:%d" % self.server.port
        self.again(url=address, tls="always")
        self.assertTrue(self.good("granter", DIRECTORY)["settings"]["encrypted"])
        self.assertEqual("new", self.rows(self.sync())["tls"][0])
        self.server.demand_tls()
        self.assertEqual("new", self.rows(self.sync())["tls"][0], "also where it takes nobody in clear")
        for ca_file in (self.server.other_ca, "", "/nowhere.pem"):
            self.again(url=address, tls="always", ca_file=ca_file)
            told = self.sync(apply=True, status=409)
            self.assertIn(told["param"], ("directory.url", "directory.ca_file"))
            self.assertRegex(told["detail"], "证书|无法按设置")
        self.again(url=address, tls="always")
        self.server.certify("other.example")
        self.assertEqual("directory.url", self.sync(apply=True, status=409)["param"], "the certificate of another name")
        self.server.certify("127.0.0.1")
        # Without StartTLS that directory takes nobody: nothing went through in clear above.
        self.again(url=address, tls="never")
        self.assertFalse(self.good("granter", DIRECTORY)["settings"]["encrypted"])
        self.sync(apply=True, status=409)
        self.assertEqual(0, self.good("admin", "/admin/api/users?q=tls")["matched"])


if __name__ == "__main__":
    platform_shared.main()
