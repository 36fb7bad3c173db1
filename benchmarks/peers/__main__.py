"""Install the tools that benchmarks compare with, each in an environment of its own.

python -m benchmarks.peers install [NAME ...]
python -m benchmarks.peers list
"""

import argparse

from benchmarks.peers.environments import cache, install, interpreter, is_installed, names


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    commands = parser.add_subparsers(dest="command", required=True)
    installing = commands.add_parser("install", help="make the environments that are missing")
    installing.add_argument("names", nargs="*", metavar="NAME", help="all, when none is named")
    commands.add_parser("list", help="say which are there")
    arguments = parser.parse_args()
    if arguments.command == "install":
        for name in arguments.names or names():
            print(f"{name}  {install(name, under=cache())}", flush=True)
    else:
        for name in names():
            state = "installed" if is_installed(name, under=cache()) else "not installed"
            print(f"{name}  {state}  {interpreter(name, under=cache())}")


if __name__ == "__main__":
    main()
