"""A Python guest: greets, tells its arguments, answers each line of its input, and ends as it is told."""
import sys

from wit_world import exports


class Run(exports.Run):
    def run(self):
        print(f"Hello from {sys.argv[0]}, in Python.")
        for arg in sys.argv[1:]:
            print(f"argument: {arg}")
        what = sys.argv[1] if len(sys.argv) > 1 else None
        if what == "lines":
            for line in sys.stdin:
                print("line:", line.rstrip("\n"))
        if what == "exit":
            sys.exit(int(sys.argv[2]))
        if what == "raise":
            raise RuntimeError("as told")
