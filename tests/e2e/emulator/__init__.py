"""An AWS on this machine for the end-to-end tests and the demo."""

from tests.e2e.emulator.emulator import Emulator, EmulatorError

__all__ = ["Emulator", "EmulatorError"]
