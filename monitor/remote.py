"""Files elsewhere: what goes wrong with them, in one family of errors."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def told_as_os_errors() -> Iterator[None]:
    """Around what fsspec does: raises OSError for errors that only a remote store's package knows.

    Those of botocore, say of a server that does not answer, are of no kind that others have. A
    package that is missing stays an ImportError, a wrong address a ValueError.
    """
    try:
        yield
    except (OSError, ImportError, ValueError):
        raise
    except Exception as error:  # whichever it is, the file was not to be had
        raise OSError(str(error)) from error
