"""A report written down: for a terminal, a pull request, a program, code scanning, a CI's test page, annotations."""

from collections.abc import Callable

from patterns.guard.reports import github, junit, markdown, sarif, text
from patterns.guard.reports import json as json_
from patterns.guard.run import Report

WRITERS: dict[str, Callable[[Report], str]] = {
    "text": text.write,
    "markdown": markdown.write,
    "json": json_.write,
    "sarif": sarif.write,
    "junit": junit.write,
    "github": github.write,
}
"""The formats by name; each gives the whole text, without a line break at its end."""
