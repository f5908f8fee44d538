"""Personal data at the door: what may not be kept, and how it is taken out before anything is stored.

Belongs here: which columns are about persons, and the patterns redacted from free text, HTML and JSON.
Does not belong here: which columns a source wants (its allow list), nor any storage.

Names of people are caught by column and by the word before them ("联系人…"), not by guessing at names.
"""

from __future__ import annotations

import re
import unicodedata

from sources.identifiers import is_uscc

#: A header that contains one of these is about a person: the column is never stored.
PERSON_WORDS = (
    "法定代表", "法人代表", "法人姓名", "法人名", "代表人", "负责人", "联系人", "联络人", "经办人", "联系方式",
    "电话", "手机", "传真", "座机", "邮箱", "邮件", "电邮", "身份证", "证件号", "护照", "股东", "出资人", "发起人",
    "董事", "监事", "高管", "总经理", "经理姓名", "董秘", "实际控制人", "受益人", "受益所有人", "合伙人", "投资人",
    "主要人员", "姓名", "微信", "qq号", "出生", "民族", "家庭住址", "住址", "户籍",
)  # fmt: skip
PERSON_HEADERS = ("法人", "法人代表", "董事长", "经理", "秘书", "qq", "人员", "联系")
PERSON_TOKENS = frozenset(
    "legalrep legalrepresentative representative phone telephone tel mobile cell cellphone fax email mail contact "
    "idcard idno idnumber passport shareholder shareholders stockholder chairman chairperson manager secretary "
    "director directors ceo cfo supervisor owner beneficiary person persons people applicant wechat".split()
)


def fold_header(text: str) -> str:
    """A header as it is compared: NFKC, lower case, without blanks and invisible characters."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if not c.isspace() and unicodedata.category(c) != "Cf").lower()


def is_person_column(header: str) -> bool:
    """Whether a column of this name is about a person and must not be stored."""
    folded = fold_header(header)
    if folded in PERSON_HEADERS or any(word in folded for word in PERSON_WORDS):
        return True
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", header)).lower()
    tokens = [token for token in re.split(r"[^a-z]+", spaced) if token]
    joined = {"".join(tokens)} | {"".join(tokens[i : i + 2]) for i in range(len(tokens))}
    return bool(PERSON_TOKENS & (set(tokens) | joined))


PHONE = "[电话已隐去]"
EMAIL = "[邮箱已隐去]"
IDENTITY = "[证件号已隐去]"
PERSON = "[姓名已隐去]"

_PROVINCES = "(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_ID_RE = re.compile(
    rf"(?<![0-9A-Za-z]){_PROVINCES}\d{{4}}(?:18|19|20)\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"\d{3}[0-9Xx](?![0-9A-Za-z])"
)
# Eleven digits are a mobile number unless they are an amount: 15000000000元, 13800000000.50
_MOBILE_RE = re.compile(
    r"(?<![\d.])(?:(?:\+|00)?86[-\s]?)?1[3-9]\d(?:[-\s]?\d{4}){2}(?!\d|\.\d|\s*(?:元|万|亿|美元|人民币|千瓦|kWh))"
)
# A landline is known by its word: numbers of that shape alone may be anything.
_LANDLINE_RE = re.compile(
    r"((?:联系|咨询|办公|服务|监督|举报)?(?:电话|传真|座机|热线|Tel|TEL|tel|Fax|FAX|Phone|phone)\s*(?:号码)?\s*[:：]?\s*)"
    r"((?:\(?\+?86\)?[-\s]?)?[(（]?0\d{2,3}[)）]?[-—－\s]?\d{7,8}(?:[-—转]\d{1,6})?|(?<!\d)\d{7,8}(?!\d))"
    r"((?:\s*[、,，;；/]\s*(?:[(（]?0\d{2,3}[)）]?[-—－\s]?)?\d{7,8}(?!\d))*)"
)
_EMAIL_RE = re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")
_PERSON_RE = re.compile(
    r"((?:联系人|联络人|法定代表人|法人代表|负责人姓名|经办人)\s*(?:为|是)?\s*[:：]?\s*)"
    r"(?!签|为|应|须|的|或|及|和|与|签字|盖章|变更|姓名|身份|电话|联系|授权|证明|、|，)([\u4e00-\u9fff]{2,3})"
    r"(?=[\s,，;；。、()（）:：]|电话|手机|$|\d|[A-Za-z<])"
)


_DIGIT_RE = re.compile(r"\d")


def _identity(match: re.Match[str]) -> str:
    code = match.group(0).upper()
    return match.group(0) if is_uscc(code) else IDENTITY


def redact(text: str) -> str:
    """`text` without mobile numbers, landlines named as such, e-mail addresses, identity-card numbers and the
    names that follow 联系人 or 法定代表人. A valid social credit code is never taken for an identity card."""
    if not text:
        return text
    if "@" in text:
        text = _EMAIL_RE.sub(EMAIL, text)
    if _DIGIT_RE.search(text):
        folded = _fold_digits(text)
        text = _ID_RE.sub(_identity, folded)
        text = _MOBILE_RE.sub(PHONE, text)
        text = _LANDLINE_RE.sub(lambda m: m.group(1) + PHONE, text)
    if "人" in text:
        text = _PERSON_RE.sub(lambda m: m.group(1) + PERSON, text)
    return text


_FULLWIDTH = str.maketrans("０１２３４５６７８９", "0123456789")


def _fold_digits(text: str) -> str:
    """Full-width digits folded, but only where they would hide a number from the patterns."""
    folded = text.translate(_FULLWIDTH)
    if folded is text or folded == text:
        return text
    return folded if (_ID_RE.search(folded) or _MOBILE_RE.search(folded) or _LANDLINE_RE.search(folded)) else text


def redact_bytes(body: bytes, encoding: str = "utf-8") -> bytes:
    """A page or JSON document without personal patterns, in the encoding it came in. Bytes that are not valid in
    that encoding pass through unchanged."""
    text = body.decode(encoding, errors="surrogateescape")
    clean = redact(text)
    return body if clean == text else clean.encode(encoding, errors="surrogateescape")


def carries_personal(text: str) -> bool:
    """Whether `redact` would change `text`."""
    return redact(text) != text
