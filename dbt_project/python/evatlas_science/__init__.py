"""Science that SQL cannot say: spatial statistics, K-density, density clusters, permutation nulls, adoption effects.

Belongs here: pure functions over pandas frames and numpy arrays, called by dbt Python models of a few lines. Does
not belong here: anything that SQL computes exactly (models/metrics/*.sql), nor reading or writing of tables.
Heavy libraries are imported inside the functions that need them: a refresh that has no use for them pays nothing.
"""

EARTH_RADIUS_KM = 6371.0088  # mean radius (IUGG); libpysal and the oracles use the same
SEED = 20250611
