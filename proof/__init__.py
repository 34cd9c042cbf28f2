"""Commands that prove what is promised: other projects' own tests under watch, and storms of many writers.

Nothing that they download is part of the tree: it goes to ``build/proof``, which git ignores.
"""
