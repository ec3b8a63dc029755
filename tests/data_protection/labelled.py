"""The labelled set: synthetic texts with what should be found in them, and how well each identifier does.

Run ``python -m tests.data_protection.labelled`` to write the table into the story's README.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from patterns.data_protection.engine import OFFERED, Engine
from patterns.data_protection.engine.detectors import DETECTORS

SET = Path(__file__).with_name("labelled")
README = Path(__file__).parents[2] / "patterns" / "data_protection" / "README.md"
BEGIN, END = "<!-- identifiers: begin -->", "<!-- identifiers: end -->"


@dataclass(frozen=True)
class Case:
    """One text, and the parts of it that are the identifier's data, in order."""

    identifier: str
    text: str
    found: tuple[str, ...]


@dataclass(frozen=True)
class Score:
    """Right ones, wrong ones and missed ones."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed)


@cache
def cases() -> tuple[Case, ...]:
    return tuple(
        Case(identifier, case["text"], tuple(case["found"]))
        for file in sorted(SET.glob("*.json"))
        for identifier, labelled in json.loads(file.read_text(encoding="utf-8")).items()
        for case in labelled
    )


def found(identifier: str, text: str) -> list[str]:
    return [text[start:end] for finding in ENGINE.find(text, [identifier]) for start, end in finding.spans]


@cache
def score(identifier: str) -> Score:
    right = wrong = missed = 0
    for case in cases():
        if case.identifier == identifier:
            due = list(case.found)
            for part in found(identifier, case.text):
                if part in due:
                    due.remove(part)
                    right += 1
                else:
                    wrong += 1
            missed += len(due)
    return Score(right, wrong, missed)


def table() -> str:
    rows = [
        "| identifier | form | check digits | keyword | texts | precision | recall |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in sorted(OFFERED):
        detector, result = DETECTORS[name], score(name)
        texts = sum(case.identifier == name for case in cases())
        rows.append(
            f"| {name} | {detector.how} | {detector.checksum or '–'} | {'yes' if detector.keyword else '–'} "
            f"| {texts} | {result.precision:.2f} | {result.recall:.2f} |"
        )
    return "\n".join(rows)


def written(readme: str) -> str:
    """The README with the table as it should be."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _all_offered() -> Engine:
    prefix = "arn:aws:dataprotection::aws:data-identifier/"
    return Engine(
        {
            "Statement": [
                {
                    "DataDirection": "Inbound",
                    "Principal": ["*"],
                    "DataIdentifier": [prefix + name for name in sorted(OFFERED)],
                    "Operation": {"Deny": {}},
                }
            ]
        }
    )


ENGINE = _all_offered()

if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
