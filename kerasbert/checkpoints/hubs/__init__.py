"""Downloads from model hubs, one module per hub.

The libraries keep the files in their caches and go on with a download that was
interrupted, as far as the hub lets them.
"""
