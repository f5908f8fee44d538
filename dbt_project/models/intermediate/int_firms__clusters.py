# One row per record: the cluster (a firm) to which it belongs, and the pair that joined it.
# Why Python: accepting pairs from the surest down, and refusing those that would join two registrations, is a walk
# with memory; SQL has none.
import pyarrow as pa
from evatlas_science.resolution import cluster


def model(dbt, session):
    dbt.config(materialized="table")
    records = dbt.ref("int_firms__records").select("record_key, priority, uscc, lei, share_code, curated_id").fetchall()
    pairs = dbt.ref("int_firms__pairs").select("a, b, match_rule, match_score").fetchall()
    rows = cluster(records, pairs)
    names = ("record_key", "cluster_key", "match_rule", "match_score", "matched_to")
    types = (pa.string(), pa.string(), pa.string(), pa.float64(), pa.string())
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 5
    return pa.table({n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})
