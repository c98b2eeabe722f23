"""Small helpers for messages: lists of words and the nearest right spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["listing", "nearest", "with_article"]


def nearest(word: object, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known word, or an empty string."""
    # difflib is needed only for an error, so a normal start does not pay for it.
    import difflib

    choices = {name.lower(): name for name in known}
    found = difflib.get_close_matches(str(word).lower(), list(choices), n=1, cutoff=0.6)
    return f"; did you mean {choices[found[0]]!r}?" if found else ""


def with_article(noun: str) -> str:
    """Return ``"an int"``, ``"a list"``."""
    return f"{'an' if noun[:1].lower() in {*'aeio'} else 'a'} {noun}"


def listing(words: Iterable[object], most: int = 8) -> str:
    """Join words with commas; beyond ``most``, say how many more there are."""
    texts = [str(word) for word in words]
    if not texts:
        return "none"
    if len(texts) <= most:
        return ", ".join(texts)
    return f"{', '.join(texts[:most])} and {len(texts) - most:,} more"
