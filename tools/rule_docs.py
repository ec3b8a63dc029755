"""Writes docs/rules/ from the rules themselves: ``python -m tools.rule_docs``; ``--check`` only compares."""

import sys
from pathlib import Path

from patterns.guard.rule import GROUPS
from patterns.guard.rules import RULES
from tools._rule_page import page
from tools.hazards import HAZARDS

FOLDER = Path(__file__).parent.parent / "docs" / "rules"

_INTRO = """\
# Rules

What `patterns check`, the validation plugin `MessagingChecks` and `assert_no_hazards` look for. Every page is written
from its rule by `python -m tools.rule_docs`; the tests run both of its templates.

**Ids** say the family and the hazard (`sqs-no-dead-letter-queue`). They are stable: an id is never renamed and never
used again for something else. An acknowledgement in the CDK names `messaging-checks::<id>`.

**Severities.** *critical*: messages are lost for good in a normal failure, and nobody knows. *high*: lost or doubled
under a common fault. *medium*: under a rarer one, a blind spot, or a deployment that AWS refuses. *low*: advice.
Critical and high are errors unless `fail-on` says otherwise. What no template decides is a note, never an error.

**Groups.** `delivery` is asked by default; `governance` when it is named. It judges the log groups that stand in the
templates; for a function without one, Lambda makes a group that keeps everything for ever, unless the account sets a
retention by itself, which no template says: that is not asked.

**What takes two resources**, one or both under a Condition that cannot be told, is a note: the two may never exist
together. `--parameter` gives a template's parameters the values of a deployment, and decides its Conditions.

## In `cdk synth`

Errors of `MessagingChecks` stop the synth. When *all* stacks of an app stand in stages, the CDK's command line writes
the report and exits with 0 for plain `cdk synth`, which selects no stack of a stage; `cdk synth '**'` and
`cdk synth Stage/Stack` exit with 1. Where a pipeline of stages is synthesized, use `'**'`, or `patterns check cdk.out`
behind the synth.

## Configuration

```toml
[tool.patterns.check]
fail-on = "high"                      # critical, high, medium, low or never
groups = ["delivery", "governance"]   # default: delivery
ignore = ["sqs-backlog-unwatched"]
require-code-signing = true           # governance asks every function for it

[tool.patterns.check.severity]
sqs-retention-short = "low"
```

It stands in the nearest `pyproject.toml`, from the working folder upwards, that has the table.

## Accepting a finding

In the CDK, where the reason belongs:

```python
cdk.Validations.of(queue).acknowledge(
    cdk.Acknowledgment(id="messaging-checks::sqs-retention-short", reason="Prices are stale after a minute")
)
```

In a template, on the resource that the finding names:

```yaml
Metadata:
  messaging-checks:
    acknowledge:
      - {id: sqs-retention-short, reason: Prices are stale after a minute}
```

Without a reason it does not count. Every report lists what was acknowledged, and notes an acknowledgement that nothing
needs any more.

An acknowledgement of the app or of a stage stands in no template. `assert_no_hazards` of a construct reads it there;
`patterns check cdk.out` takes it from the report that the CDK writes when `MessagingChecks` is a plugin of the app.
"""


def pages() -> dict[Path, str]:
    """Every generated file and its text."""
    found = {FOLDER / f"{rule.id}.md": page(rule) for rule in RULES}
    found[FOLDER / "README.md"] = _overview()
    return found


def _overview() -> str:
    parts = [_INTRO]
    for group in GROUPS:
        rows = "\n".join(
            f"| {rule.severity} | [{rule.id}]({rule.id}.md) | {rule.title} |" for rule in RULES if rule.group == group
        )
        parts.append(f"## {group.capitalize()}\n\n| severity | id | hazard |\n|---|---|---|\n{rows}\n")
    parts.append(
        "## The catalogue\n\nEvery way known to us in which a message gets lost or doubled around SQS, SNS, "
        "EventBridge and Lambda, and what finds it; or why nothing does.\n\n| hazard | found by |\n|---|---|\n"
    )
    rows = []
    for hazard in HAZARDS:
        found = ", ".join(f"[{rule}]({rule}.md)" for rule in hazard.rules)
        rows.append(f"| {hazard.what} | {'; '.join(part for part in (found, hazard.why_not) if part)} |")
    parts[-1] += "\n".join(rows) + "\n"
    return "\n".join(parts)


def main() -> int:
    """Write the pages, or with ``--check`` say which differ."""
    wanted = pages()
    keep = {FOLDER / "corpus.md", FOLDER / "mutations.md"}
    stale = [path for path in FOLDER.glob("*.md") if path not in wanted and path not in keep]
    differ = [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in sys.argv:
        for path in sorted((*stale, *differ)):
            print(path.name)
        return 1 if stale or differ else 0
    for path in stale:
        path.unlink()
    for path in differ:
        path.write_text(wanted[path], "utf-8")
    print(f"{len(wanted)} pages, {len(differ)} written, {len(stale)} removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
