"""The command line with the tests' small model: ``python -m tests.cli.drive MODELS ARGUMENTS…``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    from changedetect.cli import main
    from changedetect.pipeline import classification

    classification.MODELS = Path(sys.argv.pop(1))
    main()
