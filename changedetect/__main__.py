"""``python -m changedetect`` is the command line."""

from changedetect.cli import main

if __name__ == "__main__":
    main()
