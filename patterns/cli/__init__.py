"""The command line: ``patterns`` and ``python -m patterns``. Imports no CDK and nothing heavy at start.

One module for each command; a module imports what it works with inside its function, so that
``patterns --help`` answers at once. Exit codes everywhere: 0 fine, 1 the answer is no, 2 bad input or an answer
that could not be written, 130 interrupted, 141 (128 + SIGPIPE) nobody read the answer to its end.
"""

INTERRUPTED = 130

try:
    import os
    import signal
    import sys
    from io import TextIOWrapper

    import typer

    from patterns.cli import filter as _filter
    from patterns.cli import protect as _protect
    from patterns.cli._io import BAD_INPUT, say
    from patterns.cli.check import check as _check
    from patterns.cli.draw import draw as _draw
    from patterns.cli.explain import explain as _explain
except KeyboardInterrupt:  # the imports are most of the time that a short command takes
    raise SystemExit(INTERRUPTED) from None

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
    if hasattr(signal, "SIGPIPE"):
        # End as other filters do when their reader goes away (| head): silently, and not with 1, which is an answer.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    _write_unicode()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        # Whoever reads a file says itself what is wrong with it: what comes here could not be written.
        _give_up_writing()
        say(f"{error.filename or 'standard output'}: {error.strerror or error}")
        sys.exit(BAD_INPUT)


def _write_unicode() -> None:
    """Files and pipes get UTF-8, as JSON and XML have it; a terminal gets the escape of what it cannot show."""
    if isinstance(sys.stdout, TextIOWrapper):
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


def _give_up_writing() -> None:
    """What is still in the buffer of standard output goes nowhere, instead of failing again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
