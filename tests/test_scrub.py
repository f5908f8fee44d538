"""Personal data at the door: what is taken out, and what must not be.

Belongs here: the patterns and the column list. Does not belong here: the canary over a whole refresh.
"""

from __future__ import annotations

import time
import unicodedata

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.text import scrub
from ingest.text.scrub import HINT, PERSON, is_mobile_number, is_person_column, redact, redact_bytes
from sources.inbox.cells import PLAIN, kept
from sources.inbox.kinds import KINDS
from sources.inbox.scrubbed import shapes_of
from sources.inbox.texts import is_mojibake
from tests.conftest import examples


@pytest.mark.parametrize(
    "header",
    ["法定代表人", "法人代表", "法 人", "联系电话", "电子邮箱", "身份证号", "股东", "股东名称", "联系人", "手机号码", "董事长", "负责人",
     "legal_representative", "LegalRepresentative", "E-mail", "email", "Tel", "phone_number", "id_card", "contact",
     "Chairman", "MOBILE", "ID No", "general manager"],
)  # fmt: skip
def test_person_columns(header: str):
    assert is_person_column(header)


@pytest.mark.parametrize("header", ["企业名称", "hotel", "telematics", "注册资本", "经营范围", "city", "capital", "idea", "embargo"])
def test_other_columns(header: str):
    assert not is_person_column(header)


CANARIES = ["13812345678", "138-1234-5678", "+86 13812345678", "１３８１２３４５６７８", "11010519491231002X", "11010519491231002x",
            "canary.person@example.com"]  # fmt: skip


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("around", ["联系{}即可", "电池制造 {}", "（{}）", "Tel:{};", "<p>手机{}</p>", '{{"note":"{}"}}'])
def test_canaries_go(canary: str, around: str):
    text = around.format(canary)
    assert canary not in redact(text)
    assert canary.encode() not in redact_bytes(text.encode())
    for encoding in ("gb18030", "utf-16-le"):
        assert canary.encode(encoding) not in redact_bytes(text.encode(encoding), encoding)


@pytest.mark.parametrize(
    "text",
    ["138.1234.5678", "138 1234 5678", "138—1234—5678", "138-123-45678", "(138)1234-5678", "+86 (138) 1234 5678", "8613812345678", "013812345678",
     "138\u00a01234\u30005678", "1 3 8 1 2 3 4 5 6 7 8", "138\u200b1234\u200b5678", "1３8１2３4５6７8", "𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", "13812345678万", "13812345678亿",
     "13812345678元", "13812345678元旦", "13812345678.0", "1.3812345678E10", "1.3812345678e+10", "Tel.13812345678", "张三_13812345678.csv",
     "no11010519491231002X.xlsx", "a.b%40example.com", "a.b＠example.com", "a.b @ example.com", "张三@example.com", "a&#64;example.com",
     "微信号：zhang_san88", "微信: 1381234567a", "WeChat ID zhang_san88", "QQ号12345678"],
)  # fmt: skip
def test_disguises_go(text: str):
    clean = redact(text)
    assert "隐去" in clean and not any(part in clean for part in ("3812", "1234", "0105", "example", "san88", "𝟑𝟖", "张三@")), clean


@pytest.mark.parametrize("text", ["13812345678", "13812345678.0", "1.3812345678E10", "13,812,345,678", "１３８１２３４５６７８", "+8613812345678"])
def test_numbers_that_a_telephone_has(text: str):
    assert is_mobile_number(text)


@pytest.mark.parametrize("text", ["15000000000", "12812345678", "1381234567", "138123456789", "13812345678.5", "1e999", "nan", "", "甲", "1e-400"])
def test_numbers_that_none_has(text: str):
    assert not is_mobile_number(text)


@pytest.mark.parametrize("text", ["20230101,150\n20230102,151", "产能13500-15000辆", "2013-05-18 1520", "0.13812345678", "13812345678.00元", "微信小程序开发",
                                  "法定代表人信息（一）", "经办人员名单", "138、1234、5678"])  # fmt: skip
def test_what_only_looks_like_it_stays(text: str):
    assert redact(text) == text


@pytest.mark.parametrize("piece", ["联系人", "电话", " ", "1 ", "138 ", "138-", "13-", "微信", "微信:a", "@a.", "a@", "a@b.", "%40", "张", "0", "1", "电话 ", "联系人 ", "；",
                                   "电话12345678、", "86", "0086 ", "\u200b1"])  # fmt: skip
def test_time_is_in_proportion_to_the_text(piece: str):
    """A page of 200,000 signs takes a fraction of a second, whatever is repeated in it; 2,000 blanks once took 49 s."""
    for text in (piece * (200_000 // len(piece)), "联系人" + piece * 50_000, "电话" + piece * 50_000 + "@", "微信" + piece * 50_000):
        start = time.process_time()
        redact(text)
        assert time.process_time() - start < 1.0


def test_every_digit_of_unicode_is_folded():
    for point in range(0x80, 0x110000):
        value = unicodedata.decimal(chr(point), None)
        assert scrub._FOLD.get(point) == (None if value is None else str(value)) or chr(point) in "＠．－＋（）＿％"


PIECES = st.lists(
    st.sampled_from(["138", "1381234", "5678", "1234", "13812345678", "1", "3", "-", "—", ".", " ", "　", "·", "/", "(", ")", "+86", "86", "0", "元", "万", "@", "＠",
                     "%40", "a", "example", ".com", "公司", "&#64;", "联系人", "张三", "：", "电话", "微信", "号", "QQ", "abcdef", "E10", "1.3812345678", "110105",
                     "19491231", "002X", "\u200b", "８", "１３", "٣", "\n", "，", "Tel", "12345678"]),
    max_size=9,
).map("".join)  # fmt: skip


@settings(max_examples=examples(1500), deadline=None)
@given(st.lists(PIECES, min_size=40, max_size=40))
def test_whole_columns_ask_about_all_that_is_redacted(texts: list[str]):
    """The hint for Polars misses nothing that `redact` changes, alone or within a line of other cells."""
    changed = [text for text in texts if redact(text) != text]
    assert pl.Series(changed, dtype=pl.String).str.contains(HINT).all()
    assert pl.Series(["深圳," + text + ",5" for text in changed], dtype=pl.String).str.contains(HINT).all()


# -- typed cells -----------------------------------------------------------------------------------------------
def keep(kind: str, column: str, text: str) -> str:
    return kept(shapes_of(kind)[column], text, is_mojibake)


@pytest.mark.parametrize("kind", KINDS)
def test_no_typed_column_keeps_a_person(kind: str):
    for column in shapes_of(kind):
        for text in ("张三丰", "欧阳 锋", "Zhang San", "ZHANGSANLISIWANGWU", "13812345678", "13812345678.0", "1.3812345678E10", "13,812,345,678", "13812345678万",
                     "a@example.com", "11010519491231002X", "zhang_san88", "张三丰2023-01-02", "2023-01-02 张"):  # fmt: skip
            clean = keep(kind, column, text)
            assert clean == f"[{len(text)}字已隐去]", (column, text)
            assert keep(kind, column, clean) == clean


@pytest.mark.parametrize(
    ("kind", "column", "text"),
    [("firms", "founded_on", "2023年2月30日"), ("firms", "founded_on", "44197"), ("firms", "founded_on", "914403001922038216"), ("firms", "founded_on", "Ｎ／Ａ"),
     ("firms", "registered_capital", "5000(万元人民币)"), ("firms", "registered_capital", "15000000000"), ("firms", "registered_capital", "2.5亿美元"),
     ("firms", "uscc", "91440300192203821I"), ("firms", "uscc", "无"), ("firms", "city_adcode", "440300.0"), ("firms", "powertrain", "纯电动"),
     ("plants", "opened_year", "2007.0"), ("plants", "capacity", "300,000"), ("plants", "crs", "百度坐标"), ("plants", "converted_from_ice", "部分"),
     ("parents", "share", "51％"), ("miit_products", "batch", "第350批"), ("listed_companies", "stock_code", "sz002594"),
     ("admission_lists", "action", "列入"), ("city_output", "product", "新能源汽车")],
)  # fmt: skip
def test_typed_cells_of_the_right_shape_stay(kind: str, column: str, text: str):
    assert keep(kind, column, text) == text


def test_damage_leaves_its_sign():
    for text, sign in (("张\x07三", "\x07"), ("张\ufffd", "\ufffd"), ("å¼\xa0ä¸\x89ä¸°", "锟斤拷"), ("张\udcff", "\udcff")):
        assert keep("firms", "founded_on", text) == f"[{len(text)}字已隐去]{sign}"


CELLS = st.lists(st.sampled_from([*"0123456789", "2023", "-01", "万", "元", "(", ")", "美", "人民币", ".", ",", " ", "张", "A", "X", "9144", "0300", "MA5D", "N/A", "１"]), max_size=9)


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(CELLS.map("".join), min_size=40, max_size=40))
def test_what_whole_columns_take_for_plain_is_kept(texts: list[str]):
    for column, pattern in PLAIN.items():
        for text in pl.Series(texts).filter(pl.Series(texts).str.contains(pattern)).to_list():
            assert keep("firms", column, text) == text or redact(text) != text, (column, text)


@pytest.mark.parametrize("text", ["电话：0755-82100000", "联系电话:(010)66001234", "传真 021-12345678-801", "咨询电话：82100000"])
def test_landlines_go_with_their_word(text: str):
    assert "82100000" not in redact(text) and "66001234" not in redact(text) and "12345678" not in redact(text)


def test_names_beside_their_word_go():
    assert "张三丰" not in redact("新能源汽车整车制造，联系人张三丰 13812345678")
    assert "李晓明" not in redact("联系人：李晓明，电话：0755-82100000，手机13900001111")


@pytest.mark.parametrize(
    "text",
    ["91440300192317458F", "投资15000000000元", "产能13500000000 kWh", "深府〔2023〕15号", "2023-05-18", "股票代码002594",
     "法定代表人的姓名应当登记", "经度113.8123456789", "统一社会信用代码 914403001922038216", "型号BYD7152WT5A"],
)  # fmt: skip
def test_what_is_no_person_stays(text: str):
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    ["第2工厂负责人：邓铄燚", "负责人: 邓铄燚，副职", "项目联系人及电话：邓铄燚", "联 系 人：邓铄燚", "邓铄燚（法定代表人）", "总经理：邓铄燚", "执行董事兼总经理：邓铄燚", "邓铄燚先生", "邓铄燚女士到场",
     "联系人：张三、邓铄燚，", "签发人：邓铄燚", "https://a.cn/?q=负责人：邓铄燚", "Contact: 邓铄燚"],
)  # fmt: skip
def test_names_beside_their_role_go(text: str):
    assert "邓铄燚" not in redact(text) and PERSON in redact(text)


@pytest.mark.parametrize("text", ["负责人应当到场", "总经理负责制", "实际控制人变更", "由负责人签字", "董事长办公会议研究决定：同意", "先生产后生活", "监事会：各成员应当"])
def test_a_role_without_a_name_stays(text: str):
    assert redact(text) == text


def test_an_identity_number_in_groups_goes():
    assert "19980208" not in redact("440305 19980208 6100") and "20260208" in redact("批次 440305 20260208")


def test_bytes_that_are_no_text_pass():
    assert redact_bytes(b"\xff\xfe\x00binary") == b"\xff\xfe\x00binary"
