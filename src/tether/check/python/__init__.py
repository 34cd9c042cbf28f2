"""What Python does to an abstract state: calls, attributes, loops, ``with``, classes and its own functions."""
