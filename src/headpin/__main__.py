"""``python -m headpin`` is the same program as ``headpin``."""

from headpin.cli import main

if __name__ == "__main__":
    main()
