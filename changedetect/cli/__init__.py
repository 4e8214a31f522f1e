"""The command line: the user's words -> one call each; prints; decides nothing.

Heavy modules are imported inside commands, so that help and completion answer at once.
"""

import os
import signal
import sys
import traceback
from types import FrameType

from changedetect.cli.app import app
from changedetect.cli.faults import explained
from changedetect.errors import ChangeDetectError

SIGNAL_BASE = 128
"""A process ended by signal n exits with 128 + n, as shells do."""


def main() -> None:
    """Run the command line; errors of ours become one message and their exit code."""
    # Tiles share the cores among themselves; threads of the linear algebra would wait for one another
    # in busy loops. Before numpy is loaded, or it has no effect.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        app(prog_name="changedetect")
    except ChangeDetectError as error:
        _report(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(SIGNAL_BASE + signal.SIGPIPE)
    except Exception as error:  # noqa: BLE001 - the one place where anything is caught
        known = explained(error) if isinstance(error, OSError) else None
        if known is not None:
            _report(known.with_traceback(error.__traceback__))
            sys.exit(known.exit_code)
        _report(error)
        print(
            "This is a fault of the program, not of your data; nothing finished is lost and the "
            "same command continues. 程序内部错误，已完成的步骤不受影响，重新运行即可继续。"
            "Add --debug to see where it happened.",
            file=sys.stderr,
        )
        sys.exit(1)


def _report(error: Exception) -> None:
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    name = "" if isinstance(error, ChangeDetectError) else f"{type(error).__name__}: "
    print(f"error 错误: {name}{error}", file=sys.stderr)


def _stop(number: int, _frame: FrameType | None) -> None:
    print(f"\nstopped by signal {number}; run the same command to continue", file=sys.stderr)
    raise SystemExit(SIGNAL_BASE + number)
