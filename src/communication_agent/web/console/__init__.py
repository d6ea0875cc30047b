"""The console: server-rendered screens for the dealer's staff."""
