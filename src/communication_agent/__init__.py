"""Writes to the customers of power equipment dealers when there is a reason to, once, and can always say why."""

__version__ = "0.1.0"
