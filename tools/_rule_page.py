"""A rule's page: what happens, the repair, and the example that the tests run."""

from datetime import date
from typing import Any

from patterns.guard import examples
from patterns.guard.rule import Example, Rule
from patterns.guard.run import Settings, check
from patterns.guard.view import Options

TODAY = date(2026, 11, 23)  # for which runtimes are judged


def page(rule: Rule) -> str:
    """The page of a rule in Markdown."""
    found = example_finding(rule)
    before, after = changed(rule.example)
    added, gone = shared(rule.example)
    parts = [
        f"# {rule.title}",
        f"`{rule.id}` · {rule.severity} · {rule.group}",
        found.why,
        f"**CDK.** {found.cdk}",
        f"**CloudFormation.** {found.cloudformation}",
        f"Source: <{rule.url}>",
        "## With the hazard",
        _yaml(before),
        "## Without",
        _yaml(after) if after else "Leave these resources out.",
        f"The rest of the template is `patterns/guard/examples/{rule.example.design}.yaml`"
        + (f", without {' and '.join(gone)}" if gone else "")
        + (", with these resources in both:" if added else "."),
        *([_yaml(added)] if added else []),
    ]
    return "\n\n".join(parts) + "\n"


def example_finding(rule: Rule):
    """What the rule says about its own example."""
    from patterns.flow.graph import read_flow

    settings = Settings(groups=(rule.group,), options=Options(today=TODAY, code_signing=True))
    report = check(read_flow({"Example": examples.bad(rule.example)}), settings)
    return next(found for found in report.findings if found.rule == rule.id)


def changed(example: Example) -> tuple[dict[str, Any], dict[str, Any]]:
    """The resources that differ between the template with the hazard and the one without."""
    bad, good = examples.bad(example)["Resources"], examples.good(example)["Resources"]
    touched = [name for name in {**good, **bad} if bad.get(name) != good.get(name)]
    return (
        {name: bad[name] for name in touched if name in bad},
        {name: good[name] for name in touched if name in good},
    )


def shared(example: Example) -> tuple[dict[str, Any], list[str]]:
    """What both templates have that the design has not, where the two are alike; and what of the design neither has."""
    design = examples.design(example.design)["Resources"]
    bad, good = examples.bad(example)["Resources"], examples.good(example)["Resources"]
    added = {name: one for name, one in good.items() if bad.get(name) == one != design.get(name)}
    return added, [name for name in design if name not in good and name not in bad]


def _yaml(resources: dict[str, Any]) -> str:
    import yaml

    if not resources:
        return "(these resources are missing)"
    text = yaml.safe_dump(resources, sort_keys=False, default_flow_style=None, width=100, allow_unicode=True)
    return f"```yaml\n{text}```"
