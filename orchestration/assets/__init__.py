"""Dagster assets: landing, warehouse, publication, sweep."""
