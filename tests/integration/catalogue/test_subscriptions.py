"""Subscriptions by signed web hook, usage, what is watched, and settings without secrets."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import threading
import time

import platform_shared
from platform_shared import Shared

PLACES = "/collections/lpg.places/items"


def setUpModule():
    Shared.flags = ("--password.first_change=false", "--jobs.callback_networks=127.0.0.1", "--tianditu.key=of-a-test-alone")
    Shared.start()


class Receiver:
    """A real receiver: checks each signature, answers as it is told to."""

    def __init__(self):
        self.told, self.bad, self.status, self.secret = [], [], 204, None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                text = ("%s.%s." % (self.headers["webhook-id"], self.headers["webhook-timestamp"])).encode() + body
                mac = base64.b64encode(hmac.new((outer.secret or "").encode(), text, hashlib.sha256).digest()).decode()
                if self.headers["webhook-signature"] != "v1," + mac or abs(int(self.headers["webhook-timestamp"]) - time.time()) > 60:
                    outer.bad.append(body)
                status = outer.status
                if status < 300:
                    outer.told.append(json.loads(body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = "http://127.0.0.1:%d/changes" % self.server.server_address[1]

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def changes(self):
        return [change for message in self.told for change in message["changes"]]


class Subscriptions(Shared):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)

    def subscribe(self, who="xiuying", **more):
        made = self.good(who, "/catalogue/subscriptions", "POST", dict({"url": self.receiver.url}, **more), 201)
        self.receiver.secret = made["secret"]
        self.addCleanup(self.ask, who, "/catalogue/subscriptions/" + made["uid"], "DELETE")
        return made["uid"]

    def state(self, uid, who="xiuying"):
        return next(each for each in self.good(who, "/catalogue/subscriptions")["subscriptions"] if each["uid"] == uid)

    def place(self, name, area):
        status, _, text = self.host.get(PLACES, self.tokens["admin"], "POST", json.dumps({
            "type": "Feature", "geometry": {"type": "Point", "coordinates": [110.3, 20]},
            "properties": {"name": name, "class": "town", "area_code": area}}).encode(), {"Content-Type": "application/geo+json"})
        self.assertEqual(201, status, text)
        return json.loads(text)["id"]

    def test_changes_are_told_signed_in_order_and_within_the_scope(self):
        self.ask("admin", "/auth/me")
        uid = self.subscribe(layers=["lpg.places", "lpg.fillings"])
        mine = [self.place("甲", "460105"), self.place("乙", "460105")]
        self.place("丙", "460107")  # another county: not told
        self.until("told", lambda: len(self.receiver.changes()) >= 2)
        self.until("caught up", lambda: self.state(uid)["behind"] == 0)
        told = self.receiver.changes()
        self.assertEqual([(fid, "create", "460105") for fid in mine], [(c["fid"], c["op"], c["area_code"]) for c in told])
        self.assertEqual(sorted(c["pos"] for c in told), [c["pos"] for c in told])
        self.assertEqual([], self.receiver.bad)
        self.assertEqual((uid, "active", 2), tuple(self.state(uid)[k] for k in ("uid", "state", "told")))

    def test_a_receiver_that_fails_gets_it_later_and_nothing_is_missed(self):
        self.ask("admin", "/auth/me")
        uid = self.subscribe(layers=["lpg.places"])
        self.receiver.status = 503
        first = self.place("丁", "460105")
        self.until("failed", lambda: self.state(uid)["failures"] >= 1)
        self.assertIn("503", self.state(uid)["error"])
        second = self.place("戊", "460105")
        self.receiver.status = 200
        self.until("told", lambda: len(self.receiver.changes()) >= 2)
        self.assertEqual([first, second], [c["fid"] for c in self.receiver.changes()])
        self.until("well again", lambda: self.state(uid)["failures"] == 0)

    def test_one_that_is_gone_is_dead_at_once_and_goes_on_where_it_was(self):
        self.ask("admin", "/auth/me")
        uid = self.subscribe(layers=["lpg.places"])
        self.receiver.status = 410
        fid = self.place("己", "460105")
        self.until("dead", lambda: self.state(uid)["state"] == "dead")
        feeds = next(g for g in self.good("admin", "/admin/api/monitor")["groups"] if g["id"] == "feeds")
        self.assertIn((uid, "bad"), [(item["id"], item["state"]) for item in feeds["items"]])
        self.until("audited", lambda: uid in json.dumps(self.good("auditor", "/admin/api/audit?action=subscription.dead")))
        self.receiver.status = 200
        self.assertEqual("active", self.good("xiuying", "/catalogue/subscriptions/%s/resume" % uid, "POST")["state"])
        self.until("told", lambda: self.receiver.changes())
        self.assertEqual([fid], [c["fid"] for c in self.receiver.changes()])

    def test_it_goes_on_after_a_restart_and_from_a_position(self):
        self.ask("admin", "/auth/me")
        before = self.state(self.subscribe(layers=["lpg.places"]))["pos"]
        self.receiver.status = 503
        fid = self.place("庚", "460105")
        self.restart(platform_shared.NOW)
        self.ask("admin", "/auth/me")
        self.receiver.status = 200
        self.until("told", lambda: self.receiver.changes())
        self.assertEqual([fid], [c["fid"] for c in self.receiver.changes()])
        other = Receiver()
        self.addCleanup(other.close)
        made = self.good("province", "/catalogue/subscriptions", "POST",
                         {"url": other.url, "layers": ["lpg.places"], "after": before}, 201)
        other.secret = made["secret"]
        self.until("told again", lambda: other.changes())
        self.assertEqual(fid, other.changes()[0]["fid"])
        self.assertEqual([], other.bad)
        self.ask("province", "/catalogue/subscriptions/" + made["uid"], "DELETE")

    def test_bad_ones_are_refused_and_others_are_nobodys_business(self):
        for change, param, status in (({"url": "ftp://x/y"}, "url", 400), ({"url": "http://10.0.0.1/"}, "url", 400), ({"url": ""}, "url", 400),
                                      ({"layers": ["lpg.nothing"]}, "layers", 403), ({"after": -1}, "after", 400), ({"colour": 1}, "colour", 400)):
            self.refused(status, param, "xiuying", "/catalogue/subscriptions", "POST", dict({"url": self.receiver.url}, **change))
        uid = self.subscribe()
        self.assertEqual([], self.good("province", "/catalogue/subscriptions")["subscriptions"])
        self.assertEqual(404, self.ask("province", "/catalogue/subscriptions/" + uid, "DELETE")[0])
        self.assertEqual(404, self.ask("province", "/catalogue/subscriptions/%s/resume" % uid, "POST")[0])
        self.assertNotIn("secret", self.state(uid))


class Sheet(Shared):
    """Two hundred people out of a sheet, compared before anything is done."""
    HEAD = "用户名,姓名,组织,所在区划,角色,授权区划,截止\n"

    def send(self, text, query="", who="granter", of="users"):
        self.ask(who, "/auth/me")
        body = text if isinstance(text, bytes) else text.encode()
        status, _, body = self.host.get("/admin/api/%s/sheet%s" % (of, query), self.tokens[who], "POST", body, {"Content-Type": "application/octet-stream"})
        return status, json.loads(body)

    def xlsx(self, csv):
        """The same as an office program saves it, written by GDAL: dates and numbers are such."""
        path = self.file("sheet.csv", csv)
        out = os.path.join(self.host.var, "sheet.xlsx")
        subprocess.run(["ogr2ogr", "-f", "XLSX", "-overwrite", "-oo", "AUTODETECT_TYPE=YES", out, path], check=True)
        with open(out, "rb") as file:
            return file.read()

    def test_two_hundred_people_with_role_templates(self):
        self.good("admin", "/admin/api/orgs", "POST", {"code": "grid", "name": "网格中心", "kind": "community", "area": "460105"}, 201)
        people = "".join("grid.%03d,网格员%03d,grid,,inspector、note-reader,460105,2027-11-30\n" % (i, i) for i in range(200)).replace("、note-reader", "")
        bad = "x y,坏名,grid,,inspector,460105,\ngrid.000,重复,grid,,,,\nsan.ya,越权,grid,,inspector,460200,\nnobody,无组织,nothing,,,,\nlate,过期,grid,,inspector,460105,2020-01-01\n"
        status, told = self.send(self.HEAD + people + bad)
        self.assertEqual((200, 200, 0, 5, False), (status, told["new"], told["changed"], told["refused"], told["applied"]), told["rows"][-5:])
        self.assertEqual(["username", "username", "areas", "org", "until"], [row["param"] for row in told["rows"] if row["outcome"] == "refused"])
        self.assertEqual(0, self.good("granter", "/admin/api/users?q=grid.")["matched"], "compared, not done")
        some = "".join(people.splitlines(True)[:30])  # a password is hashed for each
        status, told = self.send(self.HEAD + some, "?apply=1")
        self.assertEqual((200, 30, 0), (status, told["new"], told["refused"]))
        first = told["rows"][0]
        status, token = self.ask(None, "/auth/token", "POST", {"username": first["username"], "password": first["password"]})
        self.assertEqual(200, status, token)
        me = self.good(token["access_token"], "/auth/me")
        self.assertEqual((["inspector"], ["460105"], "grid"), (me["roles"], me["areas"], me["org"]))
        # Once more: nothing new. One is renamed, one is missing.
        changed = some.replace("网格员001", "组长001").replace("grid.029,网格员029,grid,,inspector,460105,2027-11-30\n", "")
        status, told = self.send(self.HEAD + changed)
        self.assertEqual((0, 1, 28, ["grid.029"]), (told["new"], told["changed"], told["same"], [one["username"] for one in told["absent"]]))
        self.send(self.HEAD + changed, "?apply=1")
        self.assertEqual("组长001", self.good("granter", "/admin/api/users?q=grid.001")["users"][0]["display_name"])

    def test_organisations_come_by_a_sheet_and_parents_in_any_order(self):
        sheet = ("代码,名称,类别,上级组织,所在区划\nx.team,巡查班,other,x.station,\nx.station,北站,站点,x.bureau,460105\nx.bureau,燃气局,gas,,460100\n"
                 "x.loop,绕圈,gas,x.loop,460100\nx.far,三亚局,gas,,460200\nx.odd,怪,colour,,460100\nx.team,重复,other,,460105\n").replace("x.station,\n", "x.station,460105\n")
        status, told = self.send(sheet, of="orgs")
        self.assertEqual((200, 3, 4), (status, told["new"], told["refused"]), told)
        self.assertEqual(["parent", "area", "kind", "code"], [row["param"] for row in told["rows"] if row["outcome"] == "refused"])
        self.assertEqual(0, self.good("granter", "/admin/api/orgs?q=x.")["matched"], "compared, not done")
        self.assertEqual(3, self.send(self.xlsx(sheet), "?apply=1", of="orgs")[1]["new"])
        made = {one["code"]: one for one in self.good("granter", "/admin/api/orgs?q=x.")["orgs"]}
        self.assertEqual(("x.station", "station", "460105"), (made["x.team"]["parent"], made["x.station"]["kind"], made["x.station"]["area"]))
        told = self.send("code,name,parent\nx.bureau,燃气局,\nx.team,巡查一班,x.bureau\n".encode("gbk"), of="orgs")[1]
        self.assertEqual((1, 1, ["x.station"]), (told["changed"], told["same"], [one["code"] for one in told["absent"]]))
        self.assertEqual([{"field": "name", "from": "巡查班", "to": "巡查一班"}, {"field": "parent", "from": "x.station", "to": "x.bureau"}], told["rows"][1]["changes"])

    def test_a_workbook_of_people_reads_as_the_same_in_csv(self):
        sheet = self.HEAD + "book.1,网格员一,,460105,inspector,460105,2027-11-30\nbook.2,网格员二,,460105,inspector,460105,2027-12-01\n"
        status, told = self.send(self.xlsx(sheet), "?apply=1")
        self.assertEqual((200, 2), (status, told["new"]), told)
        until = self.good("granter", "/admin/api/users?q=book.1")["users"][0]["roles"][0]["until"]
        self.assertEqual("2027-11-30T16:00:00.000Z", until)
        self.assertEqual(2, self.send(sheet.encode("gb18030"))[1]["same"])
        for bad in (self.xlsx(sheet)[:-300], b"PK\x03\x04" + b"x" * 99, b"%PDF-1.4\n", b'{"type":"FeatureCollection","features":[]}', sheet.encode()[:30] + b"\xff\xfe,x\n"):
            status, told = self.send(bad)
            self.assertIn((status, told["param"]), ((400, "file"), (400, "encoding"), (415, "encoding"), (415, "file")), bad[:20])
            self.assertNotIn("/", told.get("value", ""), told)

    def test_sheets_that_are_none_are_refused_and_so_is_who_administers_nobody(self):
        for text in ("", "a,b\n", "用户名\nx\n", '用户名,姓名\n"x'):
            self.assertEqual(400, self.send(text)[0], text)
        self.assertEqual(400, self.send(self.HEAD, "?apply=yes")[0])
        self.assertEqual(403, self.send(self.HEAD, who="province")[0])


class Operations(Shared):
    def test_usage_is_counted_per_day_resource_and_person(self):
        for _ in range(3):
            self.good("xiuying", "/collections/lpg.fillings/items?limit=1")
        self.assertEqual(403, self.ask("granter", "/collections/lpg.fillings/items")[0])
        self.restart(platform_shared.NOW)  # what was counted is added up at the end
        sums = self.good("admin", "/admin/api/usage")["usage"]
        self.assertIn({"resource": "lpg.fillings", "kind": "read", "n": 3}, sums)
        told = self.good("admin", "/admin/api/usage?resource=lpg.fillings")
        self.assertEqual([{"day": "2026-11-27", "kind": "read", "n": 3}], told["days"])
        self.assertEqual([{"principal": "xiuying", "kind": "read", "n": 3}], told["principals"])
        self.refused(400, "days", "admin", "/admin/api/usage?days=0")
        self.assertEqual(403, self.ask("province", "/admin/api/usage")[0])

    def test_what_is_watched_has_bounds_and_tells_a_feed_that_stopped(self):
        groups = {g["id"]: {i["id"]: i for i in g["items"]} for g in self.good("admin", "/admin/api/monitor")["groups"]}
        self.assertEqual({"requests", "store", "sign_ins", "providers", "feeds", "safety"}, set(groups))
        self.assertEqual(("good", 10), (groups["store"]["disk"]["state"], groups["store"]["disk"]["limit"]))
        self.assertEqual("good", groups["feeds"]["lpg.fillings"]["state"])
        self.restart("2026-11-29T09:00:00Z")
        feeds = next(g for g in self.good("admin", "/admin/api/monitor")["groups"] if g["id"] == "feeds")["items"]
        late = {item["id"]: item for item in feeds}["lpg.fillings"]
        self.assertEqual(("warn", "2026-11-27"), (late["state"], late["at"][:10]))
        for _ in range(60):
            self.host.get("/auth/token", None, "POST", b'{"username":"nobody","password":"x"}', {"Content-Type": "application/json"})
        groups = {g["id"]: {i["id"]: i for i in g["items"]} for g in self.good("admin", "/admin/api/monitor")["groups"]}
        self.assertEqual("warn", groups["sign_ins"]["refused"]["state"])
        self.restart(platform_shared.NOW)

    def test_a_wrong_input_of_an_analysis_is_no_warning(self):
        body = {"inputs": {"point": {"type": "Point", "coordinates": [110.3, 20.0]}, "scenario": "fireball"}}
        status, job = self.ask("province", "/processes/lpg.consequence/execution", "POST", body, Prefer="respond-async")
        self.assertEqual(201, status, job)
        self.until("it has failed", lambda: self.good("province", "/jobs/" + job["jobID"])["status"] == "failed")
        groups = {g["id"]: {i["id"]: i for i in g["items"]} for g in self.good("admin", "/admin/api/monitor")["groups"]}
        self.assertEqual("good", groups["store"]["jobs_failed"]["state"])

    def test_settings_hide_secrets(self):
        status, text = self.ask("admin", "/admin/api/settings")
        self.assertEqual(200, status)
        self.assertNotIn("of-a-test-alone", json.dumps(text))
        told = {each["key"]: each for each in text["settings"]}
        self.assertEqual((True, True, ""), tuple(told["tianditu.key"][k] for k in ("secret", "set", "value")))
        self.assertEqual("127.0.0.1", told["jobs.callback_networks"]["value"])
        self.assertEqual(403, self.ask("province", "/admin/api/settings")[0])


if __name__ == "__main__":
    platform_shared.main()
