"""The command line: ``patterns`` and ``python -m patterns``. Imports no CDK and nothing heavy at start.

One module for each command; a module imports what it works with inside its function, so that
``patterns --help`` answers at once. Exit codes everywhere: 0 fine, 1 the answer is no, 2 bad input.
"""

import typer

from patterns.cli import filter as _filter
from patterns.cli import protect as _protect
from patterns.cli.check import check as _check
from patterns.cli.draw import draw as _draw
from patterns.cli.explain import explain as _explain

app = typer.Typer(
    name="patterns",
    help="Read synthesized templates as message flows: where does every message end, where can one be lost?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _patterns() -> None:
    pass


app.command("explain")(_explain)
app.command("check")(_check)
app.command("draw")(_draw)
app.add_typer(_filter.app, name="filter")
app.command()(_protect.protect)


def main() -> None:
    """Run the command line."""
    app()
