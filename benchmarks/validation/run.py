"""Every published table next to the model: writes docs/validation.md.

    make validate
    python benchmarks/validation/run.py --check   # fails if the page is not what is computed

A section is a module of this folder with `section() -> str`, Markdown that starts with ``## ``; it
states the published figures with their source, the model's, every error, and what is missed.  Add
a chip by adding a module and naming it in `SECTIONS`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/validation.md"
SECTIONS = ("eyeriss", "eyeriss_vgg16", "eyeriss_v2_paper", "mlperf_tiny", "gemmini", "ethos_u55")

HEAD = """# Published tables and the model

Written by `make validate`; nothing here is typed but the published figures. An error is ours over
theirs, less one; a mean error is the mean of the errors' sizes. What is missed is said at the end
of each section. Sections on measured data need the folder that `ONEWATT_REFERENCE_DATA` names;
without it they stay as they are.
"""


def page() -> str:
    """Return the page."""
    for folder in (ROOT / "examples", ROOT / "benchmarks", Path(__file__).parent):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return "\n".join([HEAD, *(_section(name) for name in SECTIONS)])


def _section(name: str) -> str:
    """Return a section, marked with its name; where its data are missing, as the page has it."""
    import reference

    mark = f"<!-- section {name} -->\n"
    try:
        return mark + importlib.import_module(name).section()
    except reference.Missing as missing:
        print(f"section {name} is NOT computed anew: {missing}", file=sys.stderr)
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if mark not in text:
        raise SystemExit(f"section {name} is not on the page yet and cannot be computed")
    return mark + text.split(mark)[1].split("\n<!-- section ")[0].rstrip("\n") + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it differs")
    asked = parser.parse_args(arguments)
    text = page()
    if asked.check:
        same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        print(f"{PAGE.name} is {'what is computed' if same else 'OLD: run make validate'}")
        return 0 if same else 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
