"""Custom identifiers: regular expressions without groups, searched in time linear in the message.

Python's `re` backtracks: ``a*a*a*b`` takes cubic time on a run of a's. Here the expression becomes a table of
states (a deterministic automaton) that is built as the text asks for it, one lookup for each character. One pass
from right to left marks where a match begins; from each mark a pass to the right takes the longest match. Matches
do not overlap. What such a pass walks in vain beyond its match is remembered state by state, so that no later one
walks it again (T. Reps, "Maximal-munch tokenization in linear time", 1998).
"""

from collections.abc import Callable, Iterator

MOST_POSITIONS = 2_000
"""Characters that an expression may demand once its counts are written out; more would make the table too large."""

_KINDS = ("", "w", "-")
_MOST_STATES = 4_000  # then the table is begun anew: an expression can ask for very many

_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": lambda c: "0" <= c <= "9",
    "w": lambda c: c.isalnum() or c == "_",
    "s": str.isspace,
    "D": lambda c: not "0" <= c <= "9",
    "W": lambda c: not (c.isalnum() or c == "_"),
    "S": lambda c: not c.isspace(),
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}

Test = Callable[[str], bool]
Atom = Test | str  # a test on one character, or one of the positions ^ $ \b \B
Step = tuple[Atom, int, int | None]  # what, at least how often, at most how often (None: no end)
Place = tuple[Atom, bool, bool]  # what, may it be left out, may it come again


class Unsupported(ValueError):
    """An expression that this module cannot search; the text says why."""


class Pattern:
    """One expression, ready to search.

    Raises:
        Unsupported: syntax that this module does not know, an expression that also matches nothing at all (it would
            be found everywhere), or one whose counts write out to more than `MOST_POSITIONS` characters.
    """

    def __init__(self, expression: str) -> None:
        branches = [_written_out(branch) for branch in _Parser(expression).branches()]
        if sum(map(len, branches)) > MOST_POSITIONS:
            raise Unsupported(f"its counts write out to more than {MOST_POSITIONS} characters")
        self._forward = _Automaton(branches, backward=False)
        self._backward = _Automaton([branch[::-1] for branch in branches], backward=True)
        if self._forward.matches_nothing():
            raise Unsupported("it also matches where there is nothing, so it would be found everywhere")

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Start and end (exclusive) of every match."""
        begins = self._begins(text)
        at = begins.find(1)
        failed: set[tuple[int, int]] = set()
        while at >= 0:
            end = self._longest(text, at, failed)
            yield at, end
            at = begins.find(1, end)

    def _begins(self, text: str) -> bytearray:
        marks = bytearray(len(text))
        automaton = self._backward
        state = automaton.start("")
        for at in range(len(text) - 1, -1, -1):
            state = automaton.next(state, text[at])
            if automaton.accepts(state, text[at - 1] if at else ""):
                marks[at] = 1
        return marks

    def _longest(self, text: str, begin: int, failed: set[tuple[int, int]]) -> int:
        automaton, end = self._forward, begin
        state = automaton.start(text[begin - 1] if begin else "")
        walked: list[tuple[int, int]] = []
        for at in range(begin, len(text)):
            state = automaton.next(state, text[at], failed)
            if not automaton.alive(state) or (state, at) in failed:
                break
            if automaton.accepts(state, text[at + 1] if at + 1 < len(text) else ""):
                end = at + 1
                walked.clear()
            else:
                walked.append((state, at))
        failed.update(walked)
        return end


class _Automaton:
    """States are sets of places in the written-out expression, with what is known of the character before.

    A set is the bits of a number, so that a state that is new costs a few operations, however many places it has: a
    text can ask for more states than any table holds.
    """

    def __init__(self, branches: list[list[Place]], *, backward: bool) -> None:
        self._tests: list[Test | None] = []  # None where a place is a position, or the end of a branch
        self._firsts = self._ends = self._again = self._optional = 0
        positions: dict[str, int] = {}
        for branch in branches:
            self._firsts |= 1 << len(self._tests)
            for atom, optional, again in branch:
                bit = 1 << len(self._tests)
                self._optional |= bit * optional
                self._again |= bit * again
                if isinstance(atom, str):
                    positions[atom] = positions.get(atom, 0) | bit
                self._tests.append(None if isinstance(atom, str) else atom)
            self._ends |= 1 << len(self._tests)
            self._tests.append(None)
        self._skipped = {
            (before, after): self._optional
            | sum(
                bits
                for atom, bits in positions.items()
                if _holds(atom, *((after, before) if backward else (before, after)))
            )
            for before in _KINDS
            for after in _KINDS
        }
        self._backward = backward  # read from right to left, and begin a match at every character
        self._taking: dict[str, tuple[str, int]] = {}  # of each character its kind, and the places that take it
        self._forget()

    def start(self, before: str) -> int:
        return self._number(self._firsts, _kind(before))

    def next(self, state: int, char: str, forget_too: set[tuple[int, int]] | None = None) -> int:
        following = self._table[state].get(char)
        if following is not None:
            return following
        kind, taking = self._taken(char)
        places, before = self._states[state]
        took = self._open(places, before, kind) & taking
        moved = took << 1 | took & self._again
        if self._backward:
            moved |= self._firsts
        if len(self._states) > _MOST_STATES:
            self._forget()
            if forget_too is not None:
                forget_too.clear()
            return self._number(moved, kind)
        self._table[state][char] = following = self._number(moved, kind)
        return following

    def alive(self, state: int) -> bool:
        return self._states[state][0] != 0

    def accepts(self, state: int, after: str) -> bool:
        accepted = self._accepted[state].get(after)
        if accepted is None:
            places, before = self._states[state]
            accepted = bool(self._open(places, before, _kind(after)) & self._ends)
            self._accepted[state][after] = accepted
        return accepted

    def matches_nothing(self) -> bool:
        return any(self._open(self._firsts, before, after) & self._ends for before, after in self._skipped)

    def _open(self, places: int, before: str, after: str) -> int:
        """The places and all that can be reached from them without a character, between these two neighbours."""
        skipped = self._skipped[before, after]
        inside = places & skipped
        # Added to a run of places that can be skipped, a place in it carries to the run's end, and one beyond.
        return places | ((skipped + inside) ^ skipped)

    def _taken(self, char: str) -> tuple[str, int]:
        known = self._taking.get(char)
        if known is None:
            bits = sum(1 << at for at, test in enumerate(self._tests) if test is not None and test(char))
            known = self._taking[char] = (_kind(char), bits)
        return known

    def _number(self, places: int, before: str) -> int:
        number = self._numbers.setdefault((places, before), len(self._states))
        if number == len(self._states):
            self._states.append((places, before))
            self._table.append({})
            self._accepted.append({})
        return number

    def _forget(self) -> None:
        self._states: list[tuple[int, str]] = []
        self._numbers: dict[tuple[int, str], int] = {}
        self._table: list[dict[str, int]] = []
        self._accepted: list[dict[str, bool]] = []


def _written_out(branch: list[Step]) -> list[Place]:
    places: list[Place] = []
    for atom, least, most in branch:
        copies = max(least, 1) if most is None else most
        if len(places) + copies > MOST_POSITIONS:
            raise Unsupported(f"its counts write out to more than {MOST_POSITIONS} characters")
        places += [(atom, copy >= least, most is None and copy == copies - 1) for copy in range(copies)]
    return places


def _kind(char: str) -> str:
    """All that the positions ^ $ \\b \\B ask of a neighbour: whether it is there, and part of a word."""
    return "" if not char else "w" if _CLASSES["w"](char) else "-"


def _holds(atom: str, left: str, right: str) -> bool:
    """Whether a position is one, between neighbours of these kinds."""
    if atom == "^":
        return not left
    if atom == "$":
        return not right
    return ((left == "w") != (right == "w")) == (atom == "b")


class _Parser:
    def __init__(self, expression: str) -> None:
        self._text = expression
        self._at = 0

    def branches(self) -> list[list[Step]]:
        found: list[list[Step]] = [[]]
        while self._at < len(self._text):
            if self._text[self._at] == "|":
                self._at += 1
                found.append([])
            else:
                found[-1].append((self._atom(), *self._count()))
        return found

    def _take(self) -> str:
        if self._at == len(self._text):
            raise Unsupported("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _atom(self) -> Atom:
        char = self._take()
        if char == "\\":
            escaped = self._take()
            if escaped in "bB":
                return escaped
            return self._escape(escaped)
        if char in "^$":
            return char
        if char == ".":
            return lambda c: c != "\n"
        if char == "[":
            return self._set()
        if char in "*+?":
            raise Unsupported(f"{char!r} has nothing to repeat")
        return char.__eq__

    def _escape(self, escaped: str) -> Test:
        if escaped in _CLASSES:
            return _CLASSES[escaped]
        if escaped in _CONTROLS:
            return _CONTROLS[escaped].__eq__
        if escaped.isalnum():
            raise Unsupported(f"\\{escaped} is not known here")
        return escaped.__eq__

    def _set(self) -> Test:
        negated = self._text[self._at : self._at + 1] == "^"
        self._at += negated
        singles: set[str] = set()
        ranges: list[tuple[str, str]] = []
        classes: list[Test] = []
        first = True
        while (char := self._take()) != "]" or first:
            first = False
            low = self._member(char, classes)
            if (
                low is not None
                and self._text[self._at : self._at + 1] == "-"
                and self._text[self._at + 1 : self._at + 2] not in ("]", "")
            ):
                self._at += 1
                high = self._member(self._take(), [])
                if high is None or high < low:
                    raise Unsupported("a range in [ ] must go from a lower to a higher character")
                ranges.append((low, high))
            elif low is not None:
                singles.add(low)
        inside = _one_of(frozenset(singles), tuple(ranges), tuple(classes))
        return (lambda c: not inside(c)) if negated else inside

    def _member(self, char: str, classes: list[Test]) -> str | None:
        if char != "\\":
            return char
        escaped = self._take()
        if escaped in _CLASSES:
            classes.append(_CLASSES[escaped])
            return None
        if escaped in _CONTROLS:
            return _CONTROLS[escaped]
        if escaped.isalnum():
            raise Unsupported(f"\\{escaped} is not known here")
        return escaped

    def _count(self) -> tuple[int, int | None]:
        least, most = 1, 1
        char = self._text[self._at : self._at + 1]
        if char in ("*", "+", "?") and char:
            self._at += 1
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        elif char == "{" and (braces := self._braces()):
            least, most = braces
        else:
            return least, most
        following = self._text[self._at : self._at + 1]
        if (following and following in "*+?") or (following == "{" and self._braces()):
            raise Unsupported("a count must not follow a count")
        return least, most

    def _braces(self) -> tuple[int, int | None] | None:
        """``{3}``, ``{3,}``, ``{,5}`` or ``{3,5}``; other braces stand for themselves, as in Python."""
        end = self._text.find("}", self._at)
        low, comma, high = self._text[self._at + 1 : end].partition(",")
        if end < 0 or not all(part == "" or part.isdecimal() for part in (low, high)) or not (low or comma):
            return None
        self._at = end + 1
        least = int(low or 0)
        most = least if not comma else int(high) if high else None
        if most is not None and most < least:
            raise Unsupported("a count must go from a lower to a higher number")
        return least, most


def _one_of(singles: frozenset[str], ranges: tuple[tuple[str, str], ...], classes: tuple[Test, ...]) -> Test:
    def inside(c: str) -> bool:
        return c in singles or any(low <= c <= high for low, high in ranges) or any(test(c) for test in classes)

    return inside
