"""What people look at: the self-contained page, static figures, and the files other tools read.

Belongs here: everything made from a finished `atlas.duckdb`. Does not belong here: locks and links (orchestration/),
business SQL (dbt_project/), Dagster or dbt in any form.
"""
