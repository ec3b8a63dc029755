"""Whether a sender may use a resource, as far as the templates' policies say: ask :class:`Permissions`."""

from patterns.flow.permissions.answers import Caller, Permissions

__all__ = ["Caller", "Permissions"]
