"""Finds the declarations on a shelf: one mechanism for all shelves."""

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def discover(package: ModuleType, kind: type[T]) -> dict[str, T]:
    """Every `kind` declared in the modules of `package`, by its name; a name must be its file's name.

    Raises LookupError naming the file when a module declares none, or one of another name.
    """
    found: dict[str, T] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        declared = [value for value in vars(module).values() if isinstance(value, kind)]
        names = [str(getattr(value, "name", "")) for value in declared]
        if names != [info.name]:
            message = f"{module.__name__} must declare exactly one {kind.__name__} named {info.name!r}, found {names}"
            raise LookupError(message)
        found[info.name] = declared[0]
    return found
