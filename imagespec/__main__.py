"""`python -m imagespec`: the command line."""

import sys

from imagespec.cli.main import main

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory: which modules a spec finds must not depend on how this is started
    main()
