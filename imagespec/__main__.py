"""`python -m imagespec`: the command line."""

from imagespec.cli.main import main

if __name__ == "__main__":
    main()
