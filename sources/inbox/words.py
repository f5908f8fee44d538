"""Words that a typed cell of the inbox may hold, and what each stands for.

Belongs here: vocabularies of one column. Does not belong here: header words (columns.json), segments and instruments (seeds).
"""

from __future__ import annotations

POWERTRAINS = {
    "ev": "ev", "nev": "ev", "bev": "ev", "phev": "ev", "electric": "ev", "新能源": "ev", "纯电": "ev", "纯电动": "ev",
    "电动": "ev", "ice": "ice", "燃油": "ice", "传统燃油": "ice", "燃油车": "ice", "both": "both", "混合": "both",
    "两者": "both", "兼有": "both", "unknown": "unknown", "未知": "unknown",
}  # fmt: skip


OUTPUT_PRODUCTS = {"nev": "nev", "新能源汽车": "nev", "新能源": "nev", "auto": "auto", "汽车": "auto", "整车": "auto"}
#: How vehicles are counted: where they are made, or where the firm that makes them is seated.
BASES = {
    "place_of_production": "place_of_production", "production": "place_of_production", "place": "place_of_production", "属地": "place_of_production",
    "在地": "place_of_production", "生产地": "place_of_production", "legal_entity": "legal_entity", "seat": "legal_entity", "法人": "legal_entity",
    "法人单位": "legal_entity", "unknown": None, "未知": None,
}  # fmt: skip


ACTIONS = {
    "admitted": "admitted", "admit": "admitted", "add": "admitted", "符合": "admitted", "列入": "admitted", "准入": "admitted", "入选": "admitted",
    "公告": "admitted", "新增": "admitted", "revoked": "revoked", "revoke": "revoked", "remove": "revoked", "撤销": "revoked", "撤销公告": "revoked",
    "移出": "revoked", "取消": "revoked", "退出": "revoked",
}  # fmt: skip
