"""Instruments, one a file: what a classifier looks at, and how easily it is moved.

An instrument is given arrays and a model, and returns a frozen record of what it found; it touches
no disk and no clock. `commands` has the words for it, and a file on the top floor opens what it
needs and writes what it found.
"""
