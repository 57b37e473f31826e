"""A checkout -> the generated documents in it, written, or compared with what they should be."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.docs import dashboard, kpi_page, pages, signals_page, taxonomy_page, words


def documents(folder: Path) -> dict[str, str]:
    """Make every document: path within the folder -> text. The examples of messages are read from the folder."""
    return {
        **{f"docs/{name}": text for name, text in words.json_schemas().items()},
        "docs/asyncapi.yaml": words.asyncapi(folder / "docs/examples"),
        "docs/topics.md": pages.topics(),
        "docs/config.md": pages.config(),
        "docs/kpis.md": kpi_page.kpis(),
        "docs/policy.md": pages.policy(),
        "docs/actuate.md": pages.actuate(),
        "docs/metrics.md": pages.metrics(),
        "docs/signals.md": signals_page.signals(),
        "docs/taxonomy.md": taxonomy_page.taxonomy(),
        "deploy/dashboard.json": dashboard.dashboard(),
    }


def stale(folder: Path) -> list[str]:
    """Name the documents that are missing or not what they should be, and schemas that nothing makes any more."""
    made = documents(folder)
    there = {f"docs/schemas/{path.name}" for path in (folder / "docs/schemas").glob("*")}
    differ = [name for name, text in made.items() if not _holds(folder / name, text)]
    return sorted({*differ, *(there - set(made))})


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


def main(argv: Sequence[str] | None = None) -> int:
    """Write the documents, or with ``--check`` name those that are stale."""
    parser = argparse.ArgumentParser(prog="python -m schemas.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a document is stale")
    parser.add_argument("folder", nargs="?", type=Path, default=Path())
    args = parser.parse_args(argv)
    if args.check:
        names = stale(args.folder)
        for name in names:
            print(f"{args.folder / name} is stale: run `python -m schemas.docs`", file=sys.stderr)
        return 1 if names else 0
    for name, text in documents(args.folder).items():
        path = args.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
