"""The rules as a validation plugin of the CDK: the only module here that needs the CDK.

https://docs.aws.amazon.com/cdk/v2/guide/policy-validation-synthesis.html
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from os.path import commonpath
from pathlib import Path

from patterns._node import require_node

require_node()

import aws_cdk as cdk  # noqa: E402 - Node.js must be found first
import jsii  # noqa: E402

from patterns.flow.graph import read_flow  # noqa: E402
from patterns.guard import config  # noqa: E402
from patterns.guard.rule import PLUGIN, Finding, Severity  # noqa: E402
from patterns.guard.rules import RULES  # noqa: E402
from patterns.guard.run import Settings, check  # noqa: E402

_LEVELS = {"error": "error", "warning": "warning", "note": "info"}


@jsii.implements(cdk.IPolicyValidationPlugin)
class MessagingChecks:
    """Checks every stack of an app at synth, whatever constructs it is made of, and across its stacks.

    ``cdk.Validations.of(app).add_plugins(MessagingChecks())``. Errors stop the synth; warnings and notes are printed.
    Accept a finding where it is meant:
    ``cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id="messaging-checks::<rule>", reason="…"))``;
    it covers everything inside the construct, and the validation report lists it with its reason.

    Args:
        groups: ``delivery``, ``governance``. Default: delivery alone.
        ignore: ids of rules that are not asked. Default: all are asked.
        severities: severities by rule id, ``critical``, ``high``, ``medium`` or ``low``, instead of the rules' own.
        fail_on: findings of at least this severity are errors: ``critical``, ``high``, ``medium``, ``low`` or
            ``never``. What cannot be told is never an error. Default: high.
        notes: whether advice and what cannot be told is printed too. Default: no.
        require_code_signing: whether governance asks every function for a code signing configuration. Default: no.

    Raises:
        PatternError: a rule, group or severity that does not exist.
    """

    def __init__(
        self,
        *,
        groups: Iterable[str] = ("delivery",),
        ignore: Iterable[str] = (),
        severities: Mapping[str, Severity | str] | None = None,
        fail_on: Severity | str = Severity.HIGH,
        notes: bool = False,
        require_code_signing: bool = False,
    ) -> None:
        table = {
            "groups": config.texts(groups),
            "ignore": config.texts(ignore),
            "severity": {rule: str(value) for rule, value in (severities or {}).items()},
            "fail-on": str(fail_on),
            "require-code-signing": require_code_signing,
        }
        self._settings: Settings = config.settings(table)
        self._notes = notes

    @property
    def name(self) -> str:
        """The name that acknowledgements carry before ``::``."""
        return PLUGIN

    @property
    def version(self) -> str:
        """The version of this package."""
        return version("cdk-messaging-patterns")

    @property
    def rule_ids(self) -> list[str]:
        """The ids of the rules that are asked."""
        settings = self._settings
        return [rule.id for rule in RULES if rule.group in settings.groups and rule.id not in settings.ignore]

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Called by the CDK when the templates are written."""
        templates = [Path(one).resolve() for one in context.template_paths]
        report = check(read_flow(_assembly(templates)), self._settings)
        # An assembly holds all stages; this plugin may have been added to one of them.
        mine = {one.parent for one in templates}
        found = [f for f in report.findings if Path(f.source).resolve().parent in mine]
        shown = [f for f in found if self._notes or self._level(f) != "note"]
        accepted = {
            f"acknowledged {number}": f"{one.finding.acknowledge} at {one.at}: {one.reason}"
            for number, one in enumerate(report.acknowledged, 1)
        }
        return cdk.PolicyValidationPluginReport(
            success=not any(self._level(f) == "error" for f in found),
            violations=[self._violation(f) for f in shown],
            metadata={
                "notes not shown": str(len(found) - len(shown)),
                "could not be read or resolved": str(len(report.notes)),
                **accepted,
            },
        )

    def _level(self, finding: Finding) -> str:
        return finding.level(self._settings.fail_on)

    def _violation(self, finding: Finding) -> cdk.PolicyViolation:
        return cdk.PolicyViolation(
            rule_name=finding.rule,
            description=f"{finding.title}. {finding.why}",
            fix=f"{finding.cdk} CloudFormation: {finding.cloudformation}",
            severity=_LEVELS[self._level(finding)],
            rule_metadata={"severity": str(finding.severity), "documentation": finding.url},
            violating_resources=[
                cdk.PolicyViolatingResource(
                    resource_logical_id=finding.logical_id,
                    template_path=finding.source,
                    locations=[f"Properties.{finding.place}"] if finding.place else [],
                )
            ],
        )


def _assembly(templates: list[Path]) -> str:
    """The cloud assembly that holds all templates."""
    folder = Path(commonpath([one.parent for one in templates]))
    while not (folder / "manifest.json").is_file() and folder != folder.parent:
        folder = folder.parent
    return str(folder)
