"""What we claim, measured: `python -m bench [NAME]` runs one script a claim, each on databases and files of its own."""
