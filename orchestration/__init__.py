"""Thin wiring: the only package that imports Dagster. It may import `sources` and read the dbt manifest;
`sources` never imports it. No business rule belongs here: meaning is in dbt, reading is in sources.
"""
