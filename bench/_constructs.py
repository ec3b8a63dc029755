"""Compare a construct with plain CDK code that synthesizes the same template: CPU time and calls to Node.js.

Each measurement is a fresh process, because a CDK app is one. The variants take turns, so that a busy machine slows
all of them, and the spread is shown. Calls to Node.js are counted exactly, in the process that makes them.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Variant = Callable[[Any, str], Any]


def run_variant(variants: Mapping[str, Variant], prepare: Callable[[Any], None] | None = None) -> None:
    """In the child: build ``argv[2]`` instances of variant ``argv[1]``, synthesize, print what was counted."""
    name, instances = sys.argv[1], int(sys.argv[2])
    import aws_cdk as cdk
    from jsii._kernel.providers import process

    calls = 0
    send = process._NodeProcess.send

    def counted(self: Any, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        return send(self, *args)

    app = cdk.App(analytics_reporting=False, context=CONTEXT)
    stack = cdk.Stack(app, "Bench")
    if prepare:
        prepare(stack)
    process._NodeProcess.send = counted  # pyright: ignore[reportAttributeAccessIssue]
    for i in range(instances):
        variants[name](stack, f"P{i}")
    process._NodeProcess.send = send
    template = Path(app.synth().directory, "Bench.template.json").read_text()
    print(json.dumps({"calls": calls, "template": json.loads(template) if instances == 1 else None}))


# 200 instances are more resources than one stack may have; nobody deploys this one.
CONTEXT = {
    **json.loads(Path(__file__).parent.with_name("cdk.json").read_text())["context"],
    "@aws-cdk/core:stackResourceLimit": 0,
}


def measure(module: str, variant: str, instances: int) -> dict[str, Any]:
    """One run of one variant in a process of its own, with the CPU seconds of Python and Node.js together."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", module, variant, str(instances)],
        capture_output=True,
        env={**os.environ, "CDK_VALIDATION": "false"},
        timeout=300,
    )
    if done.returncode != 0:
        raise SystemExit(f"{variant}, {instances} instances:\n{done.stderr.decode(errors='replace')}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, **json.loads(done.stdout.splitlines()[-1])}


def compare(
    module: str, ours: str, plain: str, *others: str, sizes: tuple[int, ...] = (1, 50, 200), runs: int = 5
) -> None:
    """Print the table; fail when the hand-written template differs, for then nothing was compared."""
    names = (ours, plain, *others)
    templates = {name: measure(module, name, 1)["template"] for name in (ours, plain)}
    same = templates[ours] == templates[plain]
    print(f"the hand-written template is {'equal' if same else 'NOT EQUAL'}")
    if not same:
        for id in sorted(set(templates[ours]["Resources"]) | set(templates[plain]["Resources"])):
            a, b = (templates[name]["Resources"].get(id) for name in (ours, plain))
            if a != b:
                print(f"  {id}\n    {ours}: {json.dumps(a)}\n    {plain}: {json.dumps(b)}")
        raise SystemExit(1)
    print(
        f"{'instances':>9}  {'variant':<28} {'CPU s (median, spread)':<24} {'ratio':>6}  calls to Node.js per instance"
    )
    for size in sizes:
        seen: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for _ in range(runs):
            for name in names:
                seen[name].append(measure(module, name, size))
        base = statistics.median(run["cpu"] for run in seen[plain])
        for name in names:
            cpu = [run["cpu"] for run in seen[name]]
            middle = statistics.median(cpu)
            calls = seen[name][0]["calls"] / size
            print(
                f"{size:>9}  {name:<28} {middle:6.2f}  ({min(cpu):.2f} to {max(cpu):.2f}){'':<5} "
                f"{middle / base:>6.2f}  {calls:g}",
                flush=True,
            )
