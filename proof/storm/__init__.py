"""Many processes change the same rows at the same time; afterwards every acknowledged edit is looked for.

``writing`` is what one process does, ``checking`` what is asked at the end, ``databases`` where it happens.
An edit is acknowledged when ``commit()`` returned. It writes its own line into a log in the same transaction.
"""
