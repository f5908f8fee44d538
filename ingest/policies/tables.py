"""The two tables that every source of policies lands, with the same columns, and the defaults of the code book.

Belongs here: the schemas of `policies` and `policy_instruments`, and which segment and beneficiary an instrument
has where the text names none. Does not belong here: reading any text (policy_text, policy_coding).
"""

from __future__ import annotations

from typing import Any

import polars as pl

POLICIES: dict[str, Any] = {
    "policy_id": pl.String,
    "issuer": pl.String,
    "level": pl.String,  # the issuer's: national | province | city
    "adcode": pl.String,  # the place that the text applies to
    "place": pl.String,
    "title_zh": pl.String,
    "title_is_back_translated": pl.Boolean,
    "title_en": pl.String,
    "title_key": pl.String,  # as titles are compared (policy_text.normalise_title)
    "doc_no": pl.String,
    "doc_no_norm": pl.String,
    "issued_on": pl.String,
    "issued_precision": pl.String,
    "published_on": pl.String,
    "valid_from": pl.String,
    "valid_to": pl.String,
    "status": pl.String,  # in_force | expired | repealed | unknown, on the day of the fetch
    "doc_type": pl.String,  # norm | plan | call | result | interpretation | reply | news | agreement | other
    "derives_from": pl.String,
    "supersedes": pl.String,  # policy ids (or numbers and titles where unresolved), separated by ;
    "segments": pl.String,  # separated by ;
    "text_kind": pl.String,  # title_only | summary | full
    "content": pl.String,  # exactly the text that was coded: title, line break, body
    "content_sha256": pl.String,
    "url": pl.String,
    "support": pl.String,
    "confidence": pl.String,
    "doc_no_support": pl.String,
    "note": pl.String,
}

POLICY_INSTRUMENTS: dict[str, Any] = {
    "policy_id": pl.String,
    "instrument": pl.String,
    "direction": pl.String,  # support | reduce | terminate | restrict
    "amount": pl.Float64,
    "unit": pl.String,
    "amount_role": pl.String,  # rate | cap | total | target | threshold
    "segment": pl.String,
    "beneficiary": pl.String,  # consumer | maker | operator | city
    "evidence_text": pl.String,  # the words coded: content[evidence_start:evidence_end]; a quotation only where text_kind is full
    "evidence_start": pl.Int64,  # characters from the start of `content`; negative = place in a curated list
    "evidence_end": pl.Int64,
    "sentence": pl.String,
    "rule_id": pl.String,
    "coded_by": pl.String,  # curated | rules | second_coder
    "support": pl.String,
    "confidence": pl.String,
}
POLICY_INSTRUMENT_KEY = ("policy_id", "instrument", "evidence_start")

#: What a person gains by the instrument where the sentence does not say.
DEFAULT_BENEFICIARY = {
    "F1_purchase_subsidy": "consumer", "F5_tax_relief": "consumer", "F7_trade_in": "consumer", "R4_use_privilege": "consumer",
    "F2_production_reward": "maker", "F3_rnd_grant": "maker", "F4_investment_grant": "maker", "K1_state_equity": "maker",
    "K2_guidance_fund": "maker", "K3_credit_guarantee": "maker", "R1_market_access": "maker", "R3_credit_mandate": "maker",
    "F6_facility_subsidy": "operator", "I1_charging_swap": "operator", "I2_hydrogen": "operator", "L1_public_fleet": "operator",
    "I3_park_land": "maker", "P2_cluster_chain": "maker", "C1_rnd_platform": "maker", "C3_attract_trade": "maker", "L3_pilot_demo": "city",
}  # fmt: skip
DEFAULT_SEGMENT = {
    "F6_facility_subsidy": "charging", "I1_charging_swap": "charging", "I2_hydrogen": "fuel_cell", "I4_icv_road": "icv",
    "R5_icv_testing": "icv", "R6_recycling": "recycling",
}  # fmt: skip
SEGMENTS = (
    "oem", "battery", "battery_materials", "battery_equipment", "recycling", "e_drive", "power_electronics", "charging",
    "icv", "chips", "fuel_cell", "components", "ice_powertrain", "services",
)  # fmt: skip


def default_direction(instrument: str) -> str:
    """An entry control restricts unless it says that it relaxes; everything else supports unless it says otherwise."""
    return "restrict" if instrument == "R1_market_access" else "support"
