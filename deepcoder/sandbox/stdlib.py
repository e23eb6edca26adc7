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
    abc argparse array ast asyncio base64 bisect bz2 calendar cmath collections contextlib copy
    csv ctypes dataclasses datetime decimal difflib enum fnmatch fractions functools glob hashlib
    heapq html inspect io itertools json keyword linecache locale logging lzma math numbers
    operator pathlib pickle platform pprint queue random re secrets shlex shutil signal sqlite3
    statistics string struct tempfile textwrap threading time timeit traceback types typing
    unicodedata unittest urllib.parse uuid warnings weakref zlib zoneinfo _strptime encodings.idna
    encodings.latin_1 encodings.ascii pyexpat _hashlib
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
