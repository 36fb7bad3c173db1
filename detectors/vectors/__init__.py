"""Statistics of a vector column, from sums that profiles carry: no vector is ever kept."""
