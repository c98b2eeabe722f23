"""The JSON Schema of a config file, for editors and other programs."""

from __future__ import annotations

from typing import Any

from pairloom.config.keys import SECTIONS, Section

__all__ = ["config_schema"]


def config_schema() -> dict[str, Any]:
    """Return the schema, made of JSON's types alone."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pairloom config",
        "description": "A portfolio of traders, its account and its data.",
        "type": "object",
        "properties": {name: _section(section) for name, section in SECTIONS.items()},
        "required": [name for name, section in SECTIONS.items() if section.required],
        "additionalProperties": False,
    }


def _section(section: Section) -> dict[str, Any]:
    table = {
        "type": "object",
        "description": section.meaning,
        "properties": {key.name: {**key.schema, "description": key.meaning} for key in section.keys},
        "required": [key.name for key in section.keys if key.required],
        "additionalProperties": False,
    }
    return {"type": "array", "items": table, "minItems": 1} if section.repeated else table
