"""One look without a month: a pair, a series, record layers, the reasons of a case."""
