"""Files of records: CSV, JSON, workbooks, Parquet, archives."""
