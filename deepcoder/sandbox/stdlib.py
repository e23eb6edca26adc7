"""What a worker's interpreter is started with, imports beforehand, and may read. Data only."""

from __future__ import annotations

__all__ = ["FLAGS", "MODULES", "READABLE", "THREADS"]

FLAGS = ["-s", "-S", "-P", "-B", "-X", "utf8"]
"""No user or site packages, no script folder on the path, no bytecode files, UTF-8.

Not `-I`: it would also ignore PYTHONHASHSEED, and then sets would print in another order in
every worker. The environment is otherwise empty, and emptied before the first run.
"""

THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Read once by numerical libraries that are preloaded: threads do not survive the fork."""

MODULES: list[str] = """
    abc ast base64 bisect bz2 collections contextlib copy ctypes dataclasses datetime decimal enum
    fnmatch fractions functools hashlib heapq inspect io itertools json keyword linecache lzma
    math numbers operator pathlib pickle random re shutil signal sqlite3 statistics string struct
    tempfile textwrap threading time traceback types typing unicodedata weakref zlib zoneinfo
    _strptime encodings.latin_1 encodings.ascii pyexpat _hashlib mmap _uuid atexit
""".split()  # noqa: SIM905
"""Imported once in the worker. Extensions with libraries of their own must be among these: the
libraries' files cannot be opened once the walls are up."""

READABLE = [
    "/usr/share/zoneinfo",
    "/etc/localtime",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
]
"""Host paths besides the interpreter's library that a run may read."""
