"""The command line: `quorate demo | search | variants | select | route | compile | plan | predict | ...`; see its help."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line with these arguments (None: the process' own) and exits with its status."""
    from .app import quorate

    quorate.main(args=None if arguments is None else list(arguments), prog_name="quorate")


__all__ = ["main"]
