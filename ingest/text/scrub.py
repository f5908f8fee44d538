"""Personal data at the door: what may not be kept, and how it is taken out before anything is stored.

Belongs here: which columns are about persons, and the patterns redacted from free text, HTML and JSON.
Does not belong here: which columns a source wants (its allow list), the types of columns (sources.inbox.cells), nor any
storage.

Names of people are caught by column and by the word before them ("联系人…"), not by guessing at names.

Every pattern takes time in proportion to the text: what may repeat is bounded or possessive (`*+`), since a page of
blanks must not stop a run.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation

from ingest.text.identifiers import is_uscc

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
ACCOUNT = "[账号已隐去]"

# -- the parts of the patterns; those that stand in both are written for Python's engine and for Rust's -------------------
_DASH = "-\u2010-\u2015\u2212"
#: What people put between the groups of a number: blanks, or one mark with a blank on either side. No line end: the last
#: number of one line and the first of the next are no telephone number.
_BLANK = r"[^\S\r\n]"
_GAP = rf"(?:{_BLANK}?[{_DASH}.\u00b7\u2022\u30fb_~*/]{_BLANK}?|{_BLANK}{{0,2}}|[)\uff09]{_BLANK}?-?)"
#: What follows the 1 of a mobile number, by its groupings: 3-4-4 with any gap, other threes of groups with a dash.
_GROUPED = "|".join(
    [rf"[3-9][0-9]{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}"]
    + [
        rf"[3-9][0-9]{{{a - 2}}}[{_DASH}][0-9]{{{b}}}[{_DASH}][0-9]{{{c}}}"
        for a, b, c in ((3, 3, 5), (3, 5, 3), (4, 3, 4), (4, 4, 3), (5, 3, 3))
    ]
)
_MARK = rf"[{_DASH}.\u00b7 ]"
#: As spreadsheets write a number of eleven digits: 1.3812345678E10, 1.381234568E+10.
_SCIENTIFIC = r"\.[3-9][0-9]{5,9}[eE]\+?10"
_PHONE_WORD = "(?:电话|传真|座机|热线|Tel|TEL|tel|Fax|FAX|Phone|phone)"
_PERSON_WORD = "(?:" + "|".join(f"{_BLANK}?".join(word) for word in ("联系人", "联络人", "法定代表人", "法人代表", "负责人姓名", "经办人")) + ")"
#: Words that are said of offices as well as of persons: a name stands behind them only after a colon.
_ROLE_WORD = (
    f"(?:(?:联系人|联络人)(?:及|和|与|、|/)(?:联系)?(?:电话|方式|手机)|负责人|责任人|总经理|董事长|执行董事|监事|厂长|签发人|实际控制人|实控人|[Cc]ontact(?: person)?){_BLANK}?[:：]"
)
_SURNAME = (
    "(?:欧阳|司马|上官|诸葛|夏侯|皇甫|尉迟|公孙|慕容|令狐|[王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺"
    "顾毛郝龚邵万钱严覃武戴莫孔向汤])"
)
#: A name, and what it stands before: a title, or a role in brackets.
_BEARER = rf"{_SURNAME}[\u4e00-\u9fff]{{1,2}}"
_TITLE = "(?:先生|女士|[（(](?:法定代表人|法人代表|负责人|联系人)[）)])"
_ACCOUNT_WORD = "(?:微信|WeChat|Wechat|wechat|WECHAT|Weixin|weixin|QQ|qq|Qq)"

_PROVINCES = "(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_ID_RE = re.compile(
    rf"(?<![0-9]){_PROVINCES}[0-9]{{4}}(?:18|19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    r"[0-9]{3}[0-9Xx](?![0-9])"
)
#: The same in groups, as forms print it.
_ID_GROUPED_RE = re.compile(
    rf"(?<![0-9]){_PROVINCES}[0-9]{{4}}{_BLANK}(?:18|19|20)[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]){_BLANK}[0-9]{{3}}[0-9Xx](?![0-9])"
)
_MOBILE_RE = re.compile(  # its alternatives begin with plain letters, by which the engine jumps to where they may match
    rf"(?:1(?<![0-9]1)(?<![0-9]\.1)(?:{_GROUPED}|(?P<mark>{_MARK})[3-9](?:(?P=mark)[0-9]){{9}}|{_SCIENTIFIC})"
    rf"|86(?<![0-9]86){_GAP}1(?:{_GROUPED})|0(?<![0-9]0)(?:086{_GAP})?1(?:{_GROUPED}))(?![0-9])"
)
# Eleven digits are a mobile number unless they are an amount: round and with its unit, or with cents.
_UNIT_RE = re.compile(r"\s?(?:元(?!旦)|美元|人民币|千瓦|kWh)")
_CENTS_RE = re.compile(r"\.(?:0*[1-9]|[0-9]{1,4}\s?元)")
# A landline is known by its word: numbers of that shape alone may be anything.
_LANDLINE_RE = re.compile(
    rf"({_PHONE_WORD}\s*+(?:号码)?[\s:：.]*+)"
    rf"((?:\(?\+?86\)?[{_DASH}\s]?)?[(（]?0[0-9]{{2,3}}[)）]?[{_DASH}\s]?[0-9]{{7,8}}(?:[{_DASH}转][0-9]{{1,6}})?"
    r"|(?<![0-9])[0-9]{7,8}(?![0-9]))"
    rf"((?:\s?[、,，;；/]\s?(?:[(（]?0[0-9]{{2,3}}[)）]?[{_DASH}\s]?)?[0-9]{{7,8}}(?![0-9])){{0,20}})"
)
_DOMAIN_RE = re.compile(
    r"(?:@|%40|&#64;|&#x40;|&#X40;)\s?(?:[A-Za-z0-9\u4e00-\u9fff-]{1,63}\s?\.\s?){1,6}(?:[A-Za-z]{2,24}|中国|公司|网络)"
)
_LOCAL_RE = re.compile(r"(?:[A-Za-z0-9._%+-]{1,256}|[\u4e00-\u9fff]{2,4})\s?\Z")
_PERSON_RE = re.compile(
    rf"({_PERSON_WORD}[\s:：]*+(?:[为是][\s:：]*+)?)"
    r"(?!签|为|应|须|的|或|及|和|与|员|信息|名单|资格|任职|不得|未|变更|姓名|身份|电话|手机|联系|授权|证明|邮箱|传真|地址)"
    r"([\u4e00-\u9fff]{2,4}(?:·[\u4e00-\u9fff]{2,8})?(?=[^\u4e00-\u9fff·]|电话|手机|先生|女士|邮箱|传真|$)"
    r"|[A-Z][a-z]{1,20}(?:[ -][A-Z][a-z]{1,20}){1,2})"
)
_ROLE_RE = re.compile(
    rf"({_ROLE_WORD}{_BLANK}*+)([\u4e00-\u9fff]{{2,4}}(?:·[\u4e00-\u9fff]{{2,8}})?(?=[^\u4e00-\u9fff·]|电话|手机|先生|女士|$)"
    r"|[A-Z][a-z]{1,20}(?:[ -][A-Z][a-z]{1,20}){1,2})"
)
_TITLED_RE = re.compile(f"{_BEARER}(?={_TITLE})")
#: Further names of a list that began with one.
_NEXT_RE = re.compile(rf"(?<={re.escape(PERSON)})([、和]{_BLANK}?)[\u4e00-\u9fff]{{2,3}}(?=[^\u4e00-\u9fff]|$)")
_ACCOUNT_RE = re.compile(
    rf"({_ACCOUNT_WORD}(?:\s?(?:账号|帐号|号码|号|ID|id)\s?[:：]?|\s?[:：])\s?)([A-Za-z][A-Za-z0-9_-]{{4,31}}|[0-9]{{5,12}}(?![0-9]))"
)

_DIGIT_RE = re.compile("[0-9]")


#: The zeros of Unicode's decimal digits beyond ASCII; nine more follow each.
_ZEROS = (
    "\u0660\u06f0\u07c0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0de6\u0e50\u0ed0\u0f20\u1040\u1090\u17e0\u1810\u1946"
    "\u19d0\u1a80\u1a90\u1b50\u1bb0\u1c40\u1c50\ua620\ua8d0\ua900\ua9d0\ua9f0\uaa50\uabf0\uff10\U000104a0\U00010d30\U00011066"
    "\U000110f0\U00011136\U000111d0\U000112f0\U00011450\U000114d0\U00011650\U000116c0\U00011730\U000118e0\U00011950\U00011c50"
    "\U00011d50\U00011da0\U00016a60\U00016ac0\U00016b50\U0001d7ce\U0001d7d8\U0001d7e2\U0001d7ec\U0001d7f6\U0001e140\U0001e2f0"
    "\U0001e950\U0001fbf0"
)
_ODD_DIGITS = "".join(f"{zero}-{chr(ord(zero) + 9)}" for zero in _ZEROS)
#: Digits of other scripts and of full width, and the wide signs of numbers and addresses -> the plain ones.
_FOLD = {ord(zero) + n: str(n) for zero in _ZEROS for n in range(10)}
_FOLD |= {ord(wide): plain for wide, plain in zip("＠．－＋（）＿％", "@.-+()_%", strict=True)}
_ODD_RE = re.compile("[\u0660-\u1c59\ua620-\uabf9０-９＠\U000104a0-\U0001fbf9]")  # and some more, told apart by the folding
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_INVISIBLE_RE = re.compile(f"[{_INVISIBLE}]+")

#: For the engine of Polars: a text without any of these is one that `redact` does not change. It may find more: it only
#: chooses whom `redact` is asked about (tests/test_scrub.py holds the two against each other).
HINT = (
    rf"@|%40|&#(?:64|[xX]40);|(?:^|[^0-9])(?:86{_GAP}|0|0086{_GAP})?1(?:{_GROUPED})(?:[^0-9]|$)"
    rf"|1{_MARK}[3-9](?:{_MARK}[0-9]){{9}}|1{_SCIENTIFIC}"
    r"|(?:^|[^0-9])[1-8][0-9]{5}(?:18|19|20)[0-9]{2}[01][0-9][0-3][0-9]{4}[0-9Xx](?:[^0-9]|$)"
    rf"|{_PHONE_WORD}\s*(?:号码)?[\s:：.]*[0-9(（+]"
    rf"|[1-8][0-9]{{5}}{_BLANK}(?:18|19|20)[0-9]{{2}}[01][0-9][0-3][0-9]{_BLANK}[0-9]{{3}}|{_ROLE_WORD}|{_BEARER}{_TITLE}"
    rf"|{_PERSON_WORD}|{_ACCOUNT_WORD}\s?(?:账号|帐号|号码|号|ID|id|[:：])|[{_ODD_DIGITS}＠]|[{_INVISIBLE}]"
)


#: Weights of the check digit of an identity number (GB 11643; ISO 7064 MOD 11-2), and its characters by remainder.
_ID_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
_ID_CHECK = "10X98765432"


def _identity(match: re.Match[str]) -> str:
    """A code of an institution may have the shape of an identity number, and one in 31 of these the check digit of a code:
    what is right as a code, names an office in a province, and is wrong as an identity number, is a code."""
    code = match[0].upper()
    own = _ID_CHECK[sum(int(c) * w for c, w in zip(code[:17], _ID_WEIGHTS, strict=True)) % 11]
    return match[0] if is_uscc(code) and re.match(_PROVINCES, code[2:4]) and code[17] != own else IDENTITY


def _mobile(match: re.Match[str]) -> str:
    number = match[0]
    if len(number) == 11 and number.isdigit():
        if number.endswith("0000") and _UNIT_RE.match(match.string, match.end()):
            return number
        if _CENTS_RE.match(match.string, match.end()):
            return number
    return PHONE


def _without_addresses(text: str) -> str:
    """E-mail addresses, found by their domain: what stands before an @ is looked at only there."""
    parts, end = [], 0
    for found in _DOMAIN_RE.finditer(text):
        local = _LOCAL_RE.search(text[max(end, found.start() - 256) : found.start()])
        if local:
            parts += [text[end : found.start() - len(local[0])], EMAIL]
            end = found.end()
    return "".join([*parts, text[end:]]) if parts else text


def redact(text: str) -> str:
    """`text` without mobile numbers, landlines named as such, e-mail addresses, identity-card numbers, accounts of WeChat
    and QQ named as such, and the names that follow 联系人, 法定代表人 or, after a colon, a role (负责人：), or that stand before 先生, 女士 or a role in brackets; also where digits are of full width, grouped by
    blanks, dots and dashes, or split by invisible characters. A valid social credit code is never taken for an identity
    card, nor a round sum with its unit (15000000000元) for a mobile number."""
    if not text:
        return text
    if not text.isascii():
        if _INVISIBLE_RE.search(text):
            bare = _INVISIBLE_RE.sub("", text)
            if (clean := redact(bare)) != bare:  # the marks go only where they hide something
                return clean
        if _ODD_RE.search(text):
            folded = text.translate(_FOLD)
            if (clean := _plain(folded)) != folded:
                return clean
    return _plain(text)


def _plain(text: str) -> str:
    if "@" in text or "%40" in text or "&#" in text:
        text = _without_addresses(text)
    if _DIGIT_RE.search(text):
        text = _ID_GROUPED_RE.sub(IDENTITY, _ID_RE.sub(_identity, text))
        text = _MOBILE_RE.sub(_mobile, text)
        text = _LANDLINE_RE.sub(lambda m: m[1] + PHONE, text)
    if "人" in text:
        text = _PERSON_RE.sub(lambda m: m[1] + PERSON, text)
    if ":" in text or "：" in text:
        text = _ROLE_RE.sub(lambda m: m[1] + PERSON, text)
    if "人" in text or "先生" in text or "女士" in text:
        text = _TITLED_RE.sub(PERSON, text)
    if PERSON in text:
        text = _NEXT_RE.sub(lambda m: m[1] + PERSON, text)
    return _ACCOUNT_RE.sub(lambda m: m[1] + ACCOUNT, text)


_NOT_NUMBER = re.compile(r"[\s,'_]+")
_MOBILE_DIGITS = re.compile(r"(?:0?0?86|0)?1[3-9][0-9]{9}")


def is_mobile_number(text: str) -> bool:
    """Whether a number is one that a telephone has, however a spreadsheet wrote it: 13812345678, 13812345678.0,
    1.3812345678E10, 13,812,345,678. A round number (four zeros at its end) is an amount."""
    plain = _NOT_NUMBER.sub("", text.translate(_FOLD))
    if not 11 <= len(plain) <= 40:
        return False
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return False
    if not number.is_finite() or abs(number.adjusted()) > 20 or number != number.to_integral_value():
        return False
    digits = str(abs(int(number)))
    return not digits.endswith("0000") and _MOBILE_DIGITS.fullmatch(digits) is not None


def redact_bytes(body: bytes, encoding: str = "utf-8") -> bytes:
    """A page or JSON document without personal patterns, in the encoding it came in. Bytes that are not valid in
    that encoding pass through unchanged."""
    text = body.decode(encoding, errors="surrogateescape")
    clean = redact(text)
    return body if clean == text else clean.encode(encoding, errors="surrogateescape")


def carries_personal(text: str) -> bool:
    """Whether `redact` would change `text`."""
    return redact(text) != text
