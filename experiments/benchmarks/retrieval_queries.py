"""Questions about Python's standard library with the names that answer them.

Written by hand before any weight was chosen, in the words of people who solve small tasks: what
they want to do, half-remembered names, a term from another language. An answer counts when one of
the names is found; a chapter of the language reference is named by `help/…`. Even positions choose
settings, odd ones only confirm them.
"""

from __future__ import annotations

__all__ = ["QUERIES"]

QUERIES: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (query, frozenset(answers.split()))
    for query, answers in (
        ("count how many times each item appears", "collections.Counter"),
        ("greatest common divisor of two integers", "math.gcd"),
        ("running totals of a list", "itertools.accumulate"),
        ("all orderings of a sequence", "itertools.permutations"),
        ("choose k items without repetition, order does not matter", "itertools.combinations"),
        ("insert into a sorted list keeping it sorted", "bisect.insort bisect.insort_right"),
        (
            "find the position where a value would go in a sorted list",
            "bisect.bisect_left bisect.bisect_right bisect.bisect",
        ),
        ("priority queue pop smallest", "heapq.heappop heapq heapq.heappushpop"),
        ("the n largest elements of an iterable", "heapq.nlargest"),
        ("merge several sorted inputs into one", "heapq.merge"),
        (
            "remember results of a function so it is not computed twice",
            "functools.lru_cache functools.cache",
        ),
        ("fold a list from left to right with a two argument function", "functools.reduce"),
        ("fix some arguments of a function", "functools.partial"),
        ("dictionary that creates missing values by itself", "collections.defaultdict"),
        ("queue with fast append and pop on both ends", "collections.deque"),
        ("rotate the elements of a deque to the right", "collections.deque.rotate"),
        ("look up a key and store a default if it is absent", "dict.setdefault"),
        ("look up a key without raising KeyError", "dict.get"),
        (
            "several dictionaries searched one after another as a single view",
            "collections.ChainMap",
        ),
        ("tuple whose fields have names", "collections.namedtuple typing.NamedTuple"),
        ("replace every match of a regular expression", "re.sub re.Pattern.sub"),
        ("split text by a regular expression", "re.split re.Pattern.split"),
        (
            "all non-overlapping matches of a pattern in a string",
            "re.findall re.finditer re.Pattern.findall re.Pattern.finditer",
        ),
        ("escape special characters before putting a string into a regex", "re.escape"),
        ("remove whitespace at both ends of a string", "str.strip"),
        ("pad a number with zeros on the left", "str.zfill"),
        ("center a string in a field of given width", "str.center"),
        ("case insensitive comparison of strings", "str.casefold"),
        ("cut a string at the last occurrence of a separator", "str.rpartition str.rsplit"),
        ("does the string begin with a prefix", "str.startswith"),
        ("drop a suffix from the end of a string if it is there", "str.removesuffix"),
        ("replace characters one by one with a translation table", "str.translate str.maketrans"),
        ("code point of a character", "ord"),
        ("character for a number", "chr"),
        ("convert an integer to a binary string", "bin"),
        ("number of one bits in an integer", "int.bit_count"),
        ("quotient and remainder at once", "divmod"),
        ("modular exponentiation", "pow"),
        ("integer square root", "math.isqrt"),
        ("is a float not a number", "math.isnan"),
        ("compare two floats approximately", "math.isclose"),
        ("number of ways to choose k from n", "math.comb"),
        ("exact rational arithmetic", "fractions.Fraction fractions"),
        ("decimal numbers without binary rounding errors", "decimal decimal.Decimal"),
        ("median of some numbers", "statistics.median"),
        (
            "most frequent value of data",
            "statistics.mode statistics.multimode collections.Counter.most_common",
        ),
        ("parse a date from a string with a format", "datetime.datetime.strptime time.strptime"),
        ("difference between two dates in days", "datetime.timedelta datetime.timedelta.days"),
        (
            "which day of the week is a date",
            "datetime.date.weekday datetime.date.isoweekday calendar.weekday",
        ),
        ("is it a leap year", "calendar.isleap"),
        ("read a CSV file row by row as dictionaries", "csv.DictReader"),
        ("turn a python object into a JSON string", "json.dumps json.JSONEncoder.encode"),
        ("parse command line options", "argparse argparse.ArgumentParser optparse getopt"),
        (
            "run another program and capture its output",
            "subprocess.run subprocess.check_output subprocess.getoutput",
        ),
        ("join parts of a path", "os.path.join pathlib.PurePath.joinpath"),
        ("list all files below a directory recursively", "os.walk pathlib.Path.rglob glob.glob"),
        ("delete a directory with everything in it", "shutil.rmtree"),
        (
            "temporary file that is deleted when closed",
            "tempfile.NamedTemporaryFile tempfile.TemporaryFile",
        ),
        ("sha256 checksum", "hashlib hashlib.sha256"),
        (
            "base64 encoding of bytes",
            "base64.b64encode base64.standard_b64encode base64 base64.encodebytes",
        ),
        ("decode percent escapes in a URL", "urllib.parse.unquote urllib.parse.unquote_plus"),
        ("shuffle a list in place", "random.shuffle"),
        ("pick random elements without replacement", "random.sample"),
        ("wait for several coroutines at once", "asyncio.gather asyncio.wait"),
        ("limit the time of an awaitable", "asyncio.wait_for asyncio.timeout"),
        (
            "run a function in a pool of threads",
            "concurrent.futures.ThreadPoolExecutor "
            "concurrent.futures.Executor.submit concurrent.futures.Executor.map "
            "asyncio.to_thread multiprocessing.pool.ThreadPool concurrent.futures.thread",
        ),
        ("iterate over two lists in parallel", "zip itertools.zip_longest"),
        ("index and value while looping", "enumerate"),
        ("group consecutive equal elements", "itertools.groupby"),
        ("flatten one level of nesting", "itertools.chain itertools.chain.from_iterable"),
        ("cartesian product", "itertools.product"),
        ("take elements while a condition holds", "itertools.takewhile"),
        ("slice an iterator", "itertools.islice"),
        ("sort by a key function in reverse", "sorted list.sort"),
        (
            "topological order of a dependency graph",
            "graphlib.TopologicalSorter graphlib.TopologicalSorter.static_order",
        ),
        ("wrap long text to a given line width", "textwrap.wrap textwrap.fill textwrap"),
        ("remove common leading indentation", "textwrap.dedent"),
        ("evaluate a literal safely", "ast.literal_eval"),
        ("copy a nested structure completely", "copy.deepcopy copy"),
        ("class that only holds data with generated init", "dataclasses.dataclass"),
        ("ignore an exception in a with block", "contextlib.suppress"),
        ("write a context manager as a generator", "contextlib.contextmanager"),
        ("symmetric difference of sets", "set.symmetric_difference frozenset.symmetric_difference"),
        ("format specification alignment and width", "help/formatstrings"),
        ("catch exceptions and clean up afterwards", "help/try help/exceptions"),
        ("what counts as true and false", "help/truth"),
    )
)
