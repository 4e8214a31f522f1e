"""What the job costs beside the decode floor and beside other ways of doing the same.

Speed is measured here and nowhere else; every figure is a ratio in one run on one machine. The
peers are written as they are usually written, so this package may use any library.
"""
