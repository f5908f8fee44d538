"""One build: its plan, its history, dbt, and the release."""
