"""The composition root: wires the plain classes, wraps them as Ray actors, starts and stops the whole.

The only room besides the command line that imports ray.
"""
