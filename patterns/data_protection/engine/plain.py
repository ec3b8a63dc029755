"""A text as it is searched: character for character, so that positions stay.

Data is as sensitive in full-width digits, with the dash of a word processor or after the ``\\n`` of a JSON string as
it is in plain characters, and there the forms and keywords would miss it.
"""

import re
import unicodedata

_ESCAPE = re.compile(r"\\[^nrt]|\\([nrt])")
_MARKS = {"’": "'", "‘": "'", "−": "-"}


class _Characters(dict[int, str]):
    """What stands for a character, worked out when it is first seen: a table of all would slow every cold start."""

    def __missing__(self, code: int) -> str:
        self[code] = plain = _plain(chr(code))
        return plain


def plain(text: str) -> str:
    """The text with plain digits, dashes, spaces and apostrophes, and with spaces for JSON's line ends and tabs."""
    if not text.isascii():
        text = text.translate(_CHARACTERS)
    if "\\" in text:
        text = _ESCAPE.sub(lambda match: "  " if match[1] else match[0], text)
    return text


def _plain(char: str) -> str:
    if char.isascii():
        return char
    if "！" <= char <= "～":  # the full-width form of ASCII
        return chr(ord(char) - 0xFEE0)
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    kind = unicodedata.category(char)
    return " " if kind == "Zs" else "-" if kind == "Pd" else _MARKS.get(char, char)


_CHARACTERS = _Characters()
