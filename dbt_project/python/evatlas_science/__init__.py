"""Science that SQL cannot say: spatial statistics, K-density, density clusters, permutation nulls, adoption effects.

Belongs here: pure functions over pandas frames and numpy arrays, called by dbt Python models of a few lines. Does
not belong here: anything that SQL computes exactly (models/metrics/*.sql), nor reading or writing of tables.
Heavy libraries are imported inside the functions that need them: a refresh that has no use for them pays nothing.
Every function sorts its frame by the key before it computes, draws from SEED, and takes the one thread that the caller's environment
gives to BLAS: its result does not depend on the order of the rows.
"""

import numpy as np

EARTH_RADIUS_KM = 6371.0088  # mean radius (IUGG); libpysal and the oracles use the same
SEED = 20250611
#: Two numbers nearer than this are the same where one meets a threshold: relative above 1, absolute below (the value of
#: dbt_project.yml, which SQL uses).
TOLERANCE = 1e-9


def at_least(x, y):
    """x >= y for numbers or arrays, to the tolerance. NaN is at least nothing."""
    return x - y >= -TOLERANCE * np.maximum(1.0, np.abs(y))


def above(x, y):
    """x > y for numbers or arrays, to the tolerance. NaN is above nothing."""
    return x - y > TOLERANCE * np.maximum(1.0, np.abs(y))
