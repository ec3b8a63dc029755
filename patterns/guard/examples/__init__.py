"""Ready designs that no rule has anything against; each rule's example is one of them with one change."""

import copy
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from patterns.guard.rule import Example


def good(example: Example) -> dict[str, Any]:
    """The template without the hazard."""
    return _changed(design(example.design), example.good)


def bad(example: Example) -> dict[str, Any]:
    """The template with the hazard."""
    return _changed(good(example), example.bad)


def design(name: str) -> dict[str, Any]:
    """A ready design, as a template of its own."""
    return copy.deepcopy(_read(name))


@cache
def _read(name: str) -> dict[str, Any]:
    import yaml

    return yaml.safe_load(files(__name__).joinpath(f"{name}.yaml").read_text("utf-8"))


def _changed(template: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(template)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place: Any = changed["Resources"]
        for step in parents:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        key: Any = int(last) if isinstance(place, list) else last
        if value is None:
            del place[key]
        elif isinstance(place, list) and key == len(place):
            place.append(copy.deepcopy(value))
        else:
            place[key] = copy.deepcopy(value)
    return changed
