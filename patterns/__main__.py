"""``python -m patterns``."""

from patterns.cli import main

main()
