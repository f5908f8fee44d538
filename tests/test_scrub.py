"""Personal data at the door: what is taken out, and what must not be.

Belongs here: the patterns and the column list. Does not belong here: the canary over a whole refresh.
"""

from __future__ import annotations

import pytest

from sources.scrub import is_person_column, redact, redact_bytes


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


def test_bytes_that_are_no_text_pass():
    assert redact_bytes(b"\xff\xfe\x00binary") == b"\xff\xfe\x00binary"
