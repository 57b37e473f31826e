"""A class -> what its docstring says of it and of each of its attributes."""

import inspect
import re
from typing import Final

_TYPES: Final = re.compile(r'(?:\b(?:str|int|float|bool|tuple|None|or|of|[A-Z]\w*)\b|"[^"]*"|[\s,])+')
"""What stands after an attribute's colon if that is its type; the meaning then stands in the lines below."""


def summary(of: type) -> str:
    """Give all that is said of a class before its sections, as one paragraph a paragraph."""
    said = (inspect.getdoc(of) or "").partition("\n\nAttributes\n")[0]
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in said.split("\n\n"))


def attributes(of: type) -> dict[str, str]:
    """Give what is said of each attribute of a class, its base classes' included.

    Examples
    --------
    >>> class Tide:
    ...     '''What the water does.
    ...
    ...     Attributes
    ...     ----------
    ...     low, high : metres
    ...     moon : str
    ...         Which phase
    ...         it is in.
    ...     '''
    >>> attributes(Tide)
    {'low': 'metres', 'high': 'metres', 'moon': 'Which phase it is in.'}
    """
    found: dict[str, str] = {}
    for base in reversed(of.__mro__):
        _, _, section = (inspect.cleandoc(base.__doc__ or "")).partition("Attributes\n----------\n")
        names: list[str] = []
        for line in section.partition("\n\n")[0].splitlines():
            if not line.startswith(" "):
                left, _, right = line.partition(" : ")
                names = [name.strip() for name in left.split(",")]
                found |= dict.fromkeys(names, "" if _TYPES.fullmatch(right) else right)
            else:
                found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return found
