"""The dialects in which programs write calls of models, each brought into the chat form.

Every module has a function `read(span)` that gives a `ChatForm`, or None for a span that is not of
its dialect; the generic one gives a form for every span.
"""
