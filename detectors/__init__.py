"""Arrays in, numbers out: counting, statistics, evidence and scorers.

Nothing here knows of Kafka, HTTP, a clock or a file. Importing the package costs
NumPy and little more; SciPy and scikit-learn are imported where they are used.
"""
