"""`python -m common_service.launch MODULE` calls `MODULE.main()` as `python -m MODULE` does, for less.

What a module leaves behind when it is imported stays as long as the process, and no walk of the garbage collector finds
anything in it: done dozens of times, the walks are a quarter of the time that a start takes, and the last ones, at the
end, take as long as the rest of stopping. So the collector rests during the import and never looks at it afterwards.
"""

import gc
import importlib
import sys


def main(argv: list[str]) -> None:
    """Import the module named by `argv[1]`, hand it the words that follow, and exit with what its `main` returns."""
    gc.disable()
    module = importlib.import_module(argv[1])
    gc.freeze()
    gc.enable()
    sys.argv = argv[1:]
    sys.exit(module.main())


if __name__ == "__main__":
    main(sys.argv)
