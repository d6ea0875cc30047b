"""What the program says about itself: structured logs, redacted, and Prometheus counters."""
