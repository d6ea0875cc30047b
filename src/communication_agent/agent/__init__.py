"""The Level 2 agent: one more source of jobs, with no way to send."""
