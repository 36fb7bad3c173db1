"""Install the tools that benchmarks compare with, each in an environment of its own.

python -m benchmarks.peers install [NAME ...]
python -m benchmarks.peers list
"""

import argparse

from benchmarks.peers.environments import ENVIRONMENTS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    commands = parser.add_subparsers(dest="command", required=True)
    installing = commands.add_parser("install", help="make the environments that are missing")
    installing.add_argument("names", nargs="*", metavar="NAME", help="all, when none is named")
    commands.add_parser("list", help="say which are there")
    arguments = parser.parse_args()
    if arguments.command == "install":
        for name in arguments.names or ENVIRONMENTS.names():
            print(f"{name}  {ENVIRONMENTS.install(name)}", flush=True)
    else:
        for name in ENVIRONMENTS.names():
            state = "installed" if ENVIRONMENTS.is_installed(name) else "not installed"
            print(f"{name}  {state}  {ENVIRONMENTS.interpreter(name)}")


if __name__ == "__main__":
    main()
