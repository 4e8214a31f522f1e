"""One module or small package per arrow of the flow; pure functions; no stage knows another."""
