"""Functions as their callers may call them: what they are given, what stays behind, and for how long."""
