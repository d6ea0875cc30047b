"""python -m bench [NAME] [options]: run one benchmark, or all; `python -m bench NAME --help` shows its options."""

import sys
from importlib import import_module

# One module each, with main(words) that prints its figures and returns an exit code.
NAMES = ("drain",)


def main(words: list[str]) -> int:
    """Run the one that is named, else all of them with the options that are given."""
    named = words[:1] if words and not words[0].startswith("-") else []
    unknown = [name for name in named if name not in NAMES]
    if unknown:
        print(f"There is no benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return max(import_module(f"bench.{name}").main(words[len(named) :]) for name in named or NAMES)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
