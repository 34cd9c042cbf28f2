"""Small random programs, each run for its truth and checked from its source: ``python -m proof.check_programs``."""
