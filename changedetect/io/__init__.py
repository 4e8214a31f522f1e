"""The only modules that open files, databases or sockets; only the pipeline imports them."""
