"""The loop that keeps environments as main wants them, alone and for months.

Owns what wakes a pass (refs, hints, sources, time, a person who asks), when something that failed is tried again,
what is fetched and pushed, and how the process ends. What a pass is, is the controller's; nothing here decides
about a deployment. Everything that it keeps on disk is memory that may be deleted at any time.
"""
