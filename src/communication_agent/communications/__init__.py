"""One file per communication type: the shelf that scan, explain, docs and tests read."""
