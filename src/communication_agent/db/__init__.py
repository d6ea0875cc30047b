"""The cellar: the only rooms that speak SQL."""
