"""The framework that sources plug into: declaration, store, web, files, text, and what is decided of firms and policies.

Belongs here: what more than one source needs. Does not belong here: a source (sources/), the orchestrator, dbt or DuckDB.
"""
