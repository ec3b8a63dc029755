"""Finds sensitive data in messages and does to them what a data protection policy says.

This package runs inside the relay's Lambda function as it stands here: standard library only, nothing else of this
project, imports between its own modules relative. It trusts its policy document, which was checked at synthesis.
"""

from .detectors import OFFERED
from .engine import Engine, Finding, Outcome, Verdict

__all__ = ["OFFERED", "Engine", "Finding", "Outcome", "Verdict"]
