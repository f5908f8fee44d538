"""Bytes, Parquet and the audit of a home."""
