"""Where models are fetched from: one module a hub, each around its own library.

The libraries keep the files in their caches and go on with a download that was
interrupted, as far as the hub lets them.
"""
