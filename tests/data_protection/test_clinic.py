"""What is kept from a department is not for the department to change."""

import json
from fnmatch import fnmatch
from typing import Any

import pytest

from apps.clinic.native_stacks import ClinicNativeStack
from tests._synth import new_app, of_type, template_of


@pytest.fixture(scope="module")
def policies() -> dict[str, list[dict[str, Any]]]:
    """The statements of each department's role."""
    template = template_of(ClinicNativeStack(new_app(), "ClinicNative"))
    inline = of_type(template, "AWS::IAM::Policy")
    return {
        department: next(
            policy["Properties"]["PolicyDocument"]["Statement"]
            for id, policy in inline.items()
            if id.startswith(f"{department}Role")
        )
        for department in ("Billing", "Scheduling")
    }


def test_a_department_changes_roles_of_its_own_stack_and_neither_its_own_role_nor_the_other_s(policies: Any):
    roles = {name: f"ClinicNative-{name}Role-1A2B" for name in policies}
    for department, statements in policies.items():
        (allowed,) = [s for s in statements if "iam:PassRole" in s["Action"]]
        pattern = allowed["Resource"]["Fn::Join"][1][-1].removeprefix(":role/")
        assert fnmatch(f"ClinicNative{department}-{department}FunctionServiceRole-3C4D", pattern)
        other = next(name for name in policies if name != department)
        assert not fnmatch(f"ClinicNative{other}-{other}FunctionServiceRole-3C4D", pattern)
        assert [name for name in roles.values() if fnmatch(name, pattern)] == []


def test_a_department_cannot_change_the_topic_s_policies(policies: Any):
    for statements in policies.values():
        (denied,) = [s for s in statements if s["Effect"] == "Deny"]
        assert {"sns:PutDataProtectionPolicy", "sns:SetTopicAttributes", "sns:AddPermission"} <= set(denied["Action"])
        assert "ClinicTopic" in json.dumps(denied["Resource"])
