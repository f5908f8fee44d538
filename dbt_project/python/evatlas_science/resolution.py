"""Who is who: records that are one firm, from scored pairs.

Belongs here: the constrained clustering that a dbt Python model and the benchmark share. Does not belong here:
which pairs are proposed and how they are scored (int_firms__pairs.sql).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: (record_key, priority, identifier, …): as many identifiers as there are kinds, each the record's value or None. A lower
#: priority speaks first for the cluster.
Record = tuple[str, int, *tuple[str | None, ...]]
#: (a, b, match_rule, match_score)
Pair = tuple[str, str, str, float]


def cluster(records: Iterable[Record], pairs: Iterable[Pair]) -> list[tuple[str, str, str, float, str | None]]:
    """Clusters of records by single linkage from the surest pair down, under a constraint.

    In: records, and pairs that may be one firm. Out: for every record (record_key, cluster_key, match_rule,
    match_score, matched_to), where cluster_key is the key of the cluster's first record by priority and key, and
    the rule and score are those of the surest accepted pair that the record is part of ("self", 1.0 where none).

    Two clusters never merge when they know different values of one kind of identifier (USCC, LEI, mainland share, place
    in a list that people keep free of doubles): one legal person has one of each. So the closure is transitive, but a
    record without identifiers cannot bridge two firms. Pairs of equal score are taken in
    the order of their keys: the result does not depend on the order of the input. Near-linear in pairs.
    """
    rows = sorted(records, key=lambda r: (r[1], r[0]))
    index = {r[0]: i for i, r in enumerate(rows)}
    parent = list(range(len(rows)))
    known: list[tuple[str | None, ...]] = [r[2:] for r in rows]
    best: list[tuple[str, float, str | None] | None] = [None] * len(rows)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    ordered = sorted(pairs)  # by key; the next sort is stable
    ordered.sort(key=lambda p: -p[3])
    for a, b, rule, score in ordered:
        i, j = index[a], index[b]
        x, y = root(i), root(j)
        if x != y:
            if y < x:  # rows are sorted: the lower index speaks for the cluster
                x, y = y, x
            if known[x] != known[y]:
                if _differ(known[x], known[y]):
                    continue
                known[x] = tuple(p or q for p, q in zip(known[x], known[y], strict=True))
            parent[y] = x
        if best[i] is None:
            best[i] = (rule, score, b)
        if best[j] is None:
            best[j] = (rule, score, a)
    return [(r[0], rows[root(i)][0], *(best[i] or ("self", 1.0, None))) for i, r in enumerate(rows)]


def _differ(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> bool:
    """Whether two clusters know different values of one kind of identifier."""
    return any(p is not None and q is not None and p != q for p, q in zip(one, other, strict=True))


def members(rows: Sequence[tuple[str, str, str, float, str | None]]) -> dict[str, list[str]]:
    """cluster_key -> record keys, from the rows of `cluster`."""
    found: dict[str, list[str]] = {}
    for key, cluster_key, *_ in rows:
        found.setdefault(cluster_key, []).append(key)
    return found
