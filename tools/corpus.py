"""What the rules find in published templates that nobody wrote for them: ``python -m tools.corpus FOLDER``.

Writes docs/rules/corpus.md from a folder of CloudFormation and SAM templates.
"""

import sys
from collections import Counter
from datetime import date
from pathlib import Path

from patterns.flow.graph import read_flow
from patterns.guard.rule import GROUPS, Finding
from patterns.guard.rules import RULES
from patterns.guard.run import Settings, check
from patterns.guard.view import Options

PAGE = Path(__file__).parent.parent / "docs" / "rules" / "corpus.md"
TODAY = date(2026, 11, 23)


def templates(folder: Path) -> list[Path]:
    """The templates of the folder."""
    return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml", ".json"))


def findings(path: Path) -> list[Finding]:
    """What both groups of rules find in one template."""
    settings = Settings(groups=GROUPS, options=Options(today=TODAY))
    return list(check(read_flow(path), settings).findings)


def rendered(folder: Path) -> str:
    """The page."""
    paths = templates(folder)
    sure: Counter[str] = Counter()
    unsure: Counter[str] = Counter()
    where: Counter[str] = Counter()
    clean = 0
    for path in paths:
        found = findings(path)
        sure.update(f.rule for f in found if f.sure)
        unsure.update(f.rule for f in found if not f.sure)
        where.update({f.rule for f in found})
        clean += not any(f.sure for f in found if f.group == "delivery")
    rows = [
        f"| {rule.severity} | [{rule.id}]({rule.id}.md) | {sure[rule.id]} | {unsure[rule.id]} | {where[rule.id]} |"
        for rule in RULES
        if where[rule.id]
    ]
    return _PAGE.format(count=len(paths), clean=clean) + "\n".join(rows) + "\n"


_PAGE = """\
# What published templates have

{count} templates about SQS, SNS, EventBridge and Lambda, as published in aws-samples/serverless-patterns
(snapshot of August 2026). They are minimal on purpose, so most lack a dead-letter queue or an alarm; {clean} have no
finding of the delivery group. The findings of ten of them were reviewed by hand and are kept as expectations in the
tests. Written by `python -m tools.corpus`.

| severity | id | findings | cannot be told | templates |
|---|---|---|---|---|
"""


if __name__ == "__main__":
    PAGE.write_text(rendered(Path(sys.argv[1])), "utf-8")
