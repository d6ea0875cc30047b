"""Doors that bring the world in; every one ends in enqueue()."""
