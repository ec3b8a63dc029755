"""Loops: what stops a function that comes back to itself, who is told, and how it is switched off."""

from patterns.recursion.guard import RecursionGuard
from patterns.recursion.kill_switch import KillSwitch

__all__ = ["KillSwitch", "RecursionGuard"]
