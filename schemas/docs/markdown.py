"""A title, texts and tables -> a page in Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

_MADE: Final = "<!-- Made by `python -m schemas.docs` from schemas/; change it there. -->\n"


def page(title: str, *parts: str) -> str:
    """Put a page together."""
    return f"{_MADE}\n# {title}\n\n" + "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; what divides its cells is escaped within them."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def word(value: Any) -> str:
    """Write a value as a config has it."""
    return "absent" if value is None else f"`{msgspec.json.encode(value).decode().strip(chr(34))}`"
