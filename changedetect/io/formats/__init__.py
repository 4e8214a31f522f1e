"""Foreign formats of record layers, one module each, behind one protocol (`reader.Reader`)."""
