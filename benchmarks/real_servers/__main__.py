"""Install the servers that tests and benchmarks talk to: model servers, OpenTelemetry's collector.

python -m benchmarks.real_servers install [NAME ...]
python -m benchmarks.real_servers list
"""

import argparse

from benchmarks.real_servers.environments import install, is_installed, names, program


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_servers")
    commands = parser.add_subparsers(dest="command", required=True)
    installing = commands.add_parser("install", help="install those that are missing")
    installing.add_argument("names", nargs="*", metavar="NAME", help="all, when none is named")
    commands.add_parser("list", help="say which are there")
    arguments = parser.parse_args()
    if arguments.command == "install":
        for name in arguments.names or names():
            print(f"{name}  {install(name)}", flush=True)
    else:
        for name in names():
            state = "installed" if is_installed(name) else "not installed"
            print(f"{name}  {state}  {program(name)}")


if __name__ == "__main__":
    main()
