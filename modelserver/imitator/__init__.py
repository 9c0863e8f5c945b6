"""The imitator: no weights and no network. Untrained it answers plainly; trained, it answers in the
words of the nearest training example. It says what it is when it is asked.
"""
