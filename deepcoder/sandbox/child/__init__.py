"""What runs inside a worker: loaded by path into a bare interpreter, standard library only.

None of these files imports the package, and none is imported by it at run time: `zygote.py` is
the script that a worker executes, and it loads its neighbours by file name.
"""
