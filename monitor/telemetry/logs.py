"""How every role logs: one event a line on stderr, libraries only when something is wrong."""

import logging
import sys


def configure() -> None:
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for library in ("kafka", "uvicorn", "httpx2"):
        logging.getLogger(library).setLevel(logging.ERROR)
