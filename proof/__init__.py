"""Commands that run other projects' own test suites, bare and under watch, and compare the two.

Nothing they download is part of the tree: it goes to ``build/proof``, which git ignores.
"""
