"""One stack as it was read, before anything in it is resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Stack:
    """A template with what is known about where it will be deployed."""

    name: str
    source: str
    document: dict[str, Any]
    region: str | None = None
    account: str | None = None
    deployed_name: str | None = None
    """What AWS::StackName returns, when something says so."""
    directory: Any = None
    """Where relative addresses of child templates start (a Path), None for a template given as a dict."""
    assets: Mapping[str, str] = field(default_factory=dict)
    """Asset hashes of the cloud assembly, and their files."""
    parent: tuple[str, str] | None = None
    """The stack and the logical id of the AWS::CloudFormation::Stack this is the child of."""
    children: dict[str, str] = field(default_factory=dict)
    """Logical ids of nested stacks at hand, and the names of their stacks."""

    def section(self, name: str) -> dict[str, Any]:
        part = self.document.get(name)
        return part if isinstance(part, dict) else {}

    @property
    def resources(self) -> dict[str, Any]:
        return self.document["Resources"]
