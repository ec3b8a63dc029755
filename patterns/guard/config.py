"""``[tool.patterns.check]`` in a pyproject.toml: which rules count in a project, and how much."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from patterns.errors import PatternError
from patterns.guard.rule import GROUPS, Severity
from patterns.guard.run import Settings, refuse_unknown
from patterns.guard.view import Options

NEVER = "never"
_LEVELS = (*(str(severity) for severity in Severity), NEVER)
_KEYS = ("fail-on", "groups", "ignore", "severity", "require-code-signing")


def find(start: Path) -> Path | None:
    """The nearest pyproject.toml, from a folder upwards, that has the table: a workspace's where a package has none."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if path.is_file() and _table(path) is not None:
            return path
    return None


def load(path: Path) -> Settings:
    """The settings in a pyproject.toml.

    Raises:
        PatternError: the file is missing or no TOML, or the table has an unknown key or a wrong value.
    """
    if not path.is_file():
        raise PatternError(f"{path}: is not there")
    table = _table(path)
    if table is None:
        raise PatternError(f"{path}: has no table [tool.patterns.check]")
    try:
        return settings(table)
    except PatternError as error:
        raise PatternError(f"{path}, tool.patterns.check: {error}") from None


def settings(table: Mapping[str, Any]) -> Settings:
    """The settings that a table states; what it leaves out keeps its default.

    Raises:
        PatternError: an unknown key or a wrong value, with what is allowed.
    """
    for key in table:
        if key not in _KEYS:
            raise PatternError(f"{key} must be one of {', '.join(_KEYS)}")
    severities = table.get("severity", {})
    if not isinstance(severities, Mapping):
        raise PatternError(f"severity must be a table of rule ids, got {severities!r}")
    refuse_unknown("severity", severities)
    groups = _texts(table, "groups", ["delivery"])
    if not groups:
        raise PatternError(f"groups must be of {' and '.join(GROUPS)}, got none: no rule would be asked")
    for group in groups:
        if group not in GROUPS:
            raise PatternError(f"groups must be of {' and '.join(GROUPS)}, got {group!r}")
    ignore = _texts(table, "ignore", [])
    refuse_unknown("ignore", ignore)
    signing = table.get("require-code-signing", False)
    if not isinstance(signing, bool):
        raise PatternError(f"require-code-signing must be true or false, got {signing!r}")
    return Settings(
        groups=tuple(groups),
        ignore=frozenset(ignore),
        severities={rule: severity(f"severity.{rule}", value) for rule, value in severities.items()},
        fail_on=level("fail-on", table.get("fail-on", Severity.HIGH)),
        options=Options(code_signing=signing),
    )


def severity(name: str, value: object) -> Severity:
    """A severity by its word.

    Raises:
        PatternError: it is none.
    """
    if isinstance(value, str) and value in _LEVELS[:-1]:
        return Severity(value)
    raise PatternError(f"{name} must be {', '.join(_LEVELS[:-1])}, got {value!r}")


def level(name: str, value: object) -> Severity | None:
    """The severity from which on a finding is an error, ``None`` for never.

    Raises:
        PatternError: it is none.
    """
    if value == NEVER:
        return None
    if isinstance(value, str) and value in _LEVELS:
        return Severity(value)
    raise PatternError(f"{name} must be {', '.join(_LEVELS)}, got {value!r}")


def texts(value: Iterable[str]) -> list[str]:
    """A list of texts; one text alone is a list of one, not of its letters."""
    return [value] if isinstance(value, str) else list(value)


def _texts(table: Mapping[str, Any], key: str, default: list[str]) -> list[str]:
    value = table.get(key, default)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise PatternError(f"{key} must be an array of strings, got {value!r}")
    return value


def _table(path: Path) -> Mapping[str, Any] | None:
    try:
        document: Any = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PatternError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise PatternError(f"{path}: is not TOML: {error}") from None
    for key in ("tool", "patterns", "check"):
        document = document.get(key) if isinstance(document, Mapping) else None
    if document is None:
        return None
    if not isinstance(document, Mapping):
        raise PatternError(f"{path}: tool.patterns.check must be a table, got {document!r}")
    return document
