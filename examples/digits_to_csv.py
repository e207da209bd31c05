"""Writes scikit-learn's handwritten digits as lines of 64 pixels in [0, 1] and the label: python digits_to_csv.py FILE"""

import sys

import numpy as np
from sklearn.datasets import load_digits

digits = load_digits()
rows = np.column_stack([digits.data / 16.0, digits.target])
np.savetxt(sys.argv[1], rows, fmt="%g", delimiter=",")
