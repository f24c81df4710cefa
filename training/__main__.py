"""The command line: `python -m training {prepare,train,evaluate,sample,sweep} {classifier,dit} [--flag …]`.

Exit codes: 0 fine, 1 something that the message says how to mend, 2 wrong usage, 128 + N stopped by signal N.
"""

from __future__ import annotations

import json
import os
import sys

from training.config import TrainingError, UsageError, read


def main() -> int:
    try:
        request = read(sys.argv[1:])
        request.config  # noqa: B018 - settings are checked before torch is loaded, which takes seconds
        from training.commands import COMMANDS
        from training.loop import Stopped

        try:
            result = COMMANDS[request.command](request)
        except Stopped as stopped:
            print(stopped, file=sys.stderr)
            return 128 + stopped.signal
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("training", "imagespec"):
            raise
        print(f"error: `{error.name}` is not installed: pip install -e '.[training]'", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.strerror or error}{f': `{error.filename}`' if error.filename else ''}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if os.environ.get("RANK", "0") == "0":
        print(json.dumps(result, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
