"""What the rules cost: against building the graph they ask, and in a CDK app against cdk-nag's packs.

The first part runs the whole rule set, both groups, over a thousand templates read as one flow: graph and rules in
turn, the best of five. Findings are put into words when they are read, and that is told apart. The second synthesizes
one app of 20 stacks of the SqsPoll pattern in processes that take turns: without a plugin, with MessagingChecks, with
cdk-nag's AwsSolutions pack, with its Serverless pack. CPU seconds count, Python's and Node.js' together.
"""

import gc
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from bench.flow import template
from patterns.flow.graph import flow_of, read_flow
from patterns.flow.template import read
from patterns.guard.rule import GROUPS
from patterns.guard.rules import RULES
from patterns.guard.run import Report, Settings, check
from patterns.guard.view import View

TEMPLATES = 1_000
STACKS = 20
RUNS = 5
TURNS = 5

_APP = """
import sys
import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from patterns.sqs_poll import SqsPoll

app = cdk.App(analytics_reporting=False)
for number in range(int(sys.argv[2])):
    stack = cdk.Stack(app, f"Bench{number}")
    function = lambda_.Function(
        stack, "Function", runtime=lambda_.Runtime.PYTHON_3_13, handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): return {'batchItemFailures': []}"),
        timeout=cdk.Duration.seconds(30),
    )
    SqsPoll(stack, "Poll", function=function)
plugin = sys.argv[1]
if plugin == "MessagingChecks":
    from patterns.guard import MessagingChecks
    cdk.Validations.of(app).add_plugins(MessagingChecks(groups=["delivery", "governance"], fail_on="never"))
elif plugin != "none":
    import cdk_nag
    cdk.Validations.of(app).add_plugins(getattr(cdk_nag, plugin)(app))
try:
    app.synth()
except RuntimeError:
    pass
"""
_PLUGINS = ("none", "MessagingChecks", "AwsSolutionsChecks", "ServerlessChecks")


def _cpu(plugin: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-c", _APP, plugin, str(STACKS)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "CDK_VALIDATION": "false", "CDK_OUTDIR": folder},
            timeout=300,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def _turn(stacks: dict[str, Any]) -> tuple[float, float, Report]:
    """CPU seconds of the graph and of the rules, and what they found."""
    begin = time.process_time()
    flow = flow_of(read(stacks))
    built = time.process_time()
    report = check(flow, Settings(groups=GROUPS))
    return built - begin, time.process_time() - built, report


def _rules(title: str, stacks: dict[str, Any]) -> None:
    graphs, rules, (report, *_) = zip(*(_turn(stacks) for _ in range(TURNS)), strict=True)
    begin = time.process_time()
    for finding in report.findings:
        _ = finding.why, finding.cdk, finding.cloudformation, finding.fingerprint
    words = time.process_time() - begin
    resources = sum(len(stack["Resources"]) for stack in stacks.values())
    print(
        f"  {title}: {len(stacks):,} templates, {resources:,} resources, {len(report.findings):,} "
        f"findings: graph {min(graphs):.2f} s, {len(RULES)} rules {min(rules):.2f} s, "
        f"{100 * min(rules) / min(graphs):.0f} %; putting all findings into words {words:.2f} s more"
    )


def _slowest() -> None:
    view = View(read_flow({f"Stack{number}": template() for number in range(TEMPLATES)}))
    taken = []
    gc.disable()
    for rule in RULES:
        start = time.process_time()
        count = sum(1 for _ in rule.decide(view))
        taken.append((time.process_time() - start, rule.id, count))
    gc.enable()
    print(f"  deciding alone: {sum(seconds for seconds, *_ in taken):.2f} s; the slowest rules:")
    for seconds, name, count in sorted(taken, reverse=True)[:3]:
        print(f"    {1000 * seconds:5.0f} ms  {name} ({count:,} found)")


def _good() -> dict[str, Any]:
    """Stacks that are as they should be: the ready designs behind the rules' examples, in turn."""
    from patterns.guard import examples

    designs = [examples.design(name) for name in ("polled", "invoked", "fanned", "routed")]
    return {f"Stack{number}": designs[number % len(designs)] for number in range(4 * TEMPLATES)}


def main() -> None:
    """Print both comparisons."""
    print("the whole rule set, CPU seconds against reading and building the graph (target: at most 20 %)")
    _rules("good stacks", _good())
    _rules("six hazards in each chain", {f"Stack{number}": template() for number in range(TEMPLATES)})
    _slowest()
    print(f"\napp of {STACKS} stacks, CPU seconds of {RUNS} runs (median, spread); for each stack more than without")
    runs: dict[str, list[float]] = {plugin: [] for plugin in _PLUGINS}
    for _ in range(RUNS):
        for plugin in _PLUGINS:
            runs[plugin].append(_cpu(plugin))
    bare = statistics.median(runs["none"])
    for plugin, seconds in runs.items():
        median = statistics.median(seconds)
        more = f"+{1000 * (median - bare) / STACKS:.0f} ms" if plugin != "none" else ""
        print(f"  {plugin:<20} {median:6.2f}  ({min(seconds):.2f} to {max(seconds):.2f})  {more}")


if __name__ == "__main__":
    main()
