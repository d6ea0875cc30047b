"""One file per provider: the shelf of ways out of the house."""
