"""From files to a report: finding, caching, judging and fixing, without knowing how a finding comes about."""
