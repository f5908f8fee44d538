"""Stands for sites whose lists are JSON or XML: the State Council's search, gkmlpt, jpage, jpaas, JSON by POST, MIIT.

Belongs here: their protocols, as the stored samples and public code show them. Does not belong here: lists that are
pages (policies_lists).
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.replicas.base import Reply, Request
from tests.replicas.policies_site import Doc, PolicySite

CHINA = dt.timezone(dt.timedelta(hours=8))


def epoch(day: str) -> int:
    return int(dt.datetime.fromisoformat(day).replace(tzinfo=CHINA).timestamp())


@dataclass
class Sousuo(PolicySite):
    """The search. `shape`: listVO or catMap; `first`: whether pages count from 0 or 1 (a page 0 of the latter is page 1)."""

    host: str = "sousuo.www.gov.cn"
    shape: str = "catMap"
    first: int = 1
    total_lies: int = 0  # how many more documents it announces than it gives

    def listing(self, request: Request) -> Reply | None:
        if request.path != "/search-gov/data":
            return None
        query = request.query
        docs = self.newest_first()
        if query["timetype"] == "timezd":
            docs = [d for d in docs if query["mintime"] <= d.day <= query["maxtime"]]
        size = min(int(query["n"]), self.per_page)
        place = 0 if self.stuck else max(int(query["p"]) - self.first, 0)
        here = docs[place * size : (place + 1) * size]
        if self.redesign:
            return Reply.json(json.dumps({"code": 200, "data": {"rows": [d.title for d in here]}}, ensure_ascii=False))
        if not docs or (not here and self.shape == "listVO"):
            return Reply.json('{"code":1001,"msg":"抱歉，没有找到相关结果","paramsVO":{"p":1,"n":50}}')
        total = len(docs) + self.total_lies
        rows = [self.row(d) for d in here]
        if self.shape == "listVO":
            found = {"listVO": rows, "totalCount": total, "totalpage": -(-total // size), "currentPage": int(query["p"])}
        else:
            noise = [{"title": "一图读懂新能源汽车规划", "url": "https://www.gov.cn/zhengce/jiedu/x.htm",
                      "pubtimeStr": docs[0].day.replace("-", ".")}]  # fmt: skip
            found = {"listVO": None, "totalCount": total + 1, "catMap": {
                "gongwen": {"totalCount": total, "listVO": rows}, "bumenfile": {"totalCount": 0, "listVO": []},
                "otherfile": {"totalCount": 1, "listVO": noise}}}  # fmt: skip
        return Reply.json(json.dumps({"code": 200, "searchVO": found}, ensure_ascii=False))

    def row(self, doc: Doc) -> dict:
        return {
            "id": "26160001", "index": "", "title": doc.title.replace("新能源汽车", "<em>新能源汽车</em>"), "pcode": doc.number,
            "puborg": doc.issuer, "childtype": "工业、交通\\其他", "pubtimeStr": doc.day.replace("-", "."),
            "pubtime": epoch(doc.day) * 1000, "ptime": epoch(doc.day) * 1000, "summary": doc.body[:60] + "<br/>",
            "url": doc.path if doc.path.startswith("http") else f"https://www.gov.cn{doc.path}", "source": "", "wenhao": "",
        }  # fmt: skip


@dataclass
class GovCn(PolicySite):
    """The pages that the search links to."""

    host: str = "www.gov.cn"

    def listing(self, request: Request) -> Reply | None:
        return None


@dataclass
class Gkmlpt(PolicySite):
    """The platform: index with _CONFIG, the list API, pages whose text is a JSON string."""

    host: str = "www.gz.gov.cn"
    sid: str = "200001"
    categories: tuple[tuple[int, str], ...] = ((368, "规范性文件"), (900, "领导活动"))
    hidden: bool = True  # the text is in _CONFIG.DETAIL alone

    def listing(self, request: Request) -> Reply | None:
        if request.path == "/gkmlpt/index":
            tree = json.dumps(
                [{"id": 1, "name": "政策文件", "post_count": 2, "jump_url": "", "children": [
                    {"id": i, "name": n, "post_count": len(self.docs), "jump_url": "", "children": []} for i, n in self.categories]},
                 {"id": 2, "name": "其他网站", "jump_url": "http://elsewhere.example.com", "children": []}], ensure_ascii=False)  # fmt: skip
            config = "" if self.redesign else f"window._CONFIG = {{ SID: '{self.sid}', TREE: {tree}, SERVICE_AREA_ID: 0 }};"
            return Reply(f"<!DOCTYPE html><html><head><meta charset='utf-8'><script>{config}</script></head><body></body></html>".encode())
        if not request.path.startswith("/gkmlpt/api/all/"):
            return None
        if request.path != "/gkmlpt/api/all/368" or request.query.get("sid") != self.sid:
            return Reply.json('{"total":0,"articles":[]}')
        here = self.slice(int(request.query["page"]) - 1)
        reply = {"total": len(self.docs), "classify": {"id": 368, "name": "规范性文件", "post_count": len(self.docs)},
                 "articles": [self.article(d) for d in here]}  # fmt: skip
        return self.conditional(Reply.json(json.dumps(reply, ensure_ascii=False)), request)

    def article(self, doc: Doc) -> dict:
        folder = doc.path.rsplit("/", 1)[0]
        return {
            "id": 4457029, "title": doc.title, "document_number": doc.number, "identifier": "", "publisher": doc.issuer,
            "date": epoch(doc.issued or doc.day), "created_at": f"{doc.day} 00:00:00", "display_publish_time": epoch(doc.day),
            "first_publish_time": epoch(doc.day), "abstract": "", "url": f"http://{self.host}{doc.path}", "post_url": "",
            "is_expired": doc.expired, "is_abolished": doc.abolished, "relation": "",
            "attachment": [{"name": doc.file_names.get(n, n), "url": f"http://{self.host}{folder}/{n}"} for n in doc.files],
        }  # fmt: skip

    def html(self, doc: Doc) -> str:
        text = "".join(f"<p>{line}</p>" for line in doc.body.split("\n"))
        escaped = json.dumps(text, ensure_ascii=False).replace("<", "\\u003C").replace(">", "\\u003E")
        shown = "" if self.hidden else text
        count = f"<i>{self.hits}</i>" if self.noise else ""
        return (
            f'<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="ArticleTitle" content="{doc.title.removeprefix("（失效）")}">'
            f'<meta name="PubDate" content="{doc.day} 00:00:00"><meta name="ContentSource" content="{doc.issuer}"></head><body>{count}'
            f'<div class="article-content">{shown}</div><script>window._CONFIG={{"DETAIL":{{"title":"x","content":{escaped}}}}};'
            "</script></body></html>"
        )


@dataclass
class Jpage(PolicySite):
    """Record sets of jpage: dates broken over lines, an index number that looks like a date."""

    host: str = "www.jiangsu.gov.cn"
    per_page: int = 20

    def listing(self, request: Request) -> Reply | None:
        if request.path != "/module/web/jpage/dataproxy.jsp":
            return None
        start = 0 if self.stuck else int(request.query["startrecord"]) - 1
        here = self.newest_first()[start : int(request.query["endrecord"]) if not self.stuck else self.per_page]
        if self.redesign:
            return Reply(b"<?xml version='1.0' encoding='UTF-8'?><datastore><message>moved</message></datastore>")
        rows = "".join(
            f'<record><![CDATA[<li class="clearfix"><a href="{d.path}" title="{d.title}">…</a><span>{d.number}</span>'
            f'<span>2022-06-00018</span><span class="time">\n {d.day[:5]}\n {d.day[5:8]}\n {d.day[8:]}</span></li>]]></record>'
            for d in here
        )
        text = f"<?xml version='1.0' encoding='UTF-8'?><datastore><totalrecord>{len(self.docs)}</totalrecord><recordset>{rows}</recordset></datastore>"
        return Reply(text.encode(), headers={"Content-Type": "text/xml"})


@dataclass
class Jpaas(PolicySite):
    """build/unit: JSON with HTML; `stuck` is how it answers from abroad. The column of regulations has a table, whose rows
    tell the days of promulgation and of coming into force."""

    host: str = "www.hangzhou.gov.cn"
    per_page: int = 15
    regulations: list[Doc] = field(
        default_factory=lambda: [Doc("/art/2010/1/5/art_1229610717_1.html", "杭州市公路管理办法", "2010-01-05", issued="2009-12-20")]
    )
    in_force: str = "2010年3月1日"

    def listing(self, request: Request) -> Reply | None:
        if not request.path.endswith("/front/page/build/unit"):
            return None
        table = request.query["pageId"] == "1229610717"
        docs = self.regulations if table else self.newest_first()
        here = self.slice(int(request.query["pageNo"]) - 1, docs)
        if table:
            rows = "<table>" + "".join(f"<tr><td>{self.regulation(d)}</td></tr>" for d in here) + "</table>"
        else:
            rows = "".join(f'<li><a title="{d.title}" target="_blank" href="{d.path}">{d.title}</a><b>{d.day}</b></li>' for d in here)
        return Reply.json(json.dumps({"success": True, "data": {"html": f'<ul>{rows}</ul><div count="{len(docs)}" rows="15"></div>'}}, ensure_ascii=False))

    def regulation(self, doc: Doc) -> str:
        year, month, number = (int(part) for part in doc.issued.split("-"))
        return (
            f"<a title='{doc.title}' href='{doc.path}'>x</a><br/><span class='zc_list_con'>{year}年{month}月{number}日"
            f"某某市人民政府令第354号公布 自{self.in_force}起施行</span>"
        )

    def speak(self, request: Request) -> Reply:
        for doc in self.regulations:
            if request.path == doc.path:
                return self.page(doc, request)
        return super().speak(request)


@dataclass
class Suzhou(PolicySite):
    """loadData by POST; PUBLISHED_TIME_FORMAT is the day on which the archive was generated anew."""

    host: str = "www.suzhou.gov.cn"
    per_page: int = 15
    posted: list[str] = field(default_factory=list)

    def listing(self, request: Request) -> Reply | None:
        if not request.path.endswith("/interfacesWebZcwj/loadData"):
            return None
        if request.method != "POST":
            return Reply(b"", 405)
        self.posted.append(request.body.decode())
        number = int(parse_qs(request.body.decode())["pageIndex"][0])
        rows = [
            {"TITLE": d.title, "URL": f"http://{self.host}{d.path}", "C_WJBH": d.number, "PUBLISHED_TIME_FORMAT": "2025-02-11",
             "C_FWRQ_FORMAT": d.issued, "C_SYH": "014149996/2023-00001", "CHANNEL_ID": "uuid", "MANUSCRIPT_ID": "uuid"}
            for d in self.slice(number - 1)
        ]  # fmt: skip
        found = {"data": {"allRow": len(self.docs), "totalPage": self.pages(), "list": rows}}
        return Reply.json(json.dumps(found, ensure_ascii=False))


@dataclass
class Miit(PolicySite):
    """The ministry's search: pages run until one is empty. It sorts and windows by `deploytime` as it is asked to, and
    gives fields in the spellings that were seen: text, milliseconds as a number, as digits; rows plain or grouped."""

    host: str = "www.miit.gov.cn"
    per_page: int = 15
    dates: tuple[str, ...] = ("jsearch_date", "deploytime", "cdate")
    digits: bool = False  # milliseconds as text
    grouped: bool = False
    honours: bool = True  # the order and the days that are asked for
    bare: bool = False  # an answer without hits has no searchResult

    def listing(self, request: Request) -> Reply | None:
        if request.path != "/search-front-server/api/search/info":
            return None
        query = request.query
        docs = list(self.docs) if query["category"] == "51" else []
        if self.honours and query.get("sortFields"):
            (by,) = json.loads(query["sortFields"])
            docs = sorted(docs, key=lambda d: d.day, reverse=by == {"name": query["dateField"], "type": "desc"})
        if self.honours and query.get("begin"):
            docs = [d for d in docs if query["begin"] <= d.day <= query["end"]]
        if not docs and self.bare:
            return Reply.json('{"code":"200","msg":"操作成功","data":{}}')
        rows = [{"data": self.row(d)} for d in self.slice(int(query["p"]) - 1, docs)]
        if self.grouped:
            rows = [{"groupData": [row]} for row in rows]
        found = {"totalHits": len(docs), "dataResults": rows}
        return Reply.json(json.dumps({"code": 200, "data": {"searchResult": found}}, ensure_ascii=False))

    def row(self, doc: Doc) -> dict:
        milliseconds = epoch(doc.day) * 1000
        said = {"jsearch_date": f"{doc.day} 00:00:00", **dict.fromkeys(("deploytime", "cdate"), str(milliseconds) if self.digits else milliseconds)}
        return {"title": doc.title, "url": doc.path, **{name: said[name] for name in self.dates}}
