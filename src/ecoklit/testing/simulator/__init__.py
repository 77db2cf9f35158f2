"""A whole world from one number: phones, offices, a bad network, and parts that die between any two durable steps.

The core, the services and the field client are the real ones, on memory adapters; time is virtual, chance comes from
the seed, and nothing waits. First safety, at every step; then all faults stop, and everything must come to one digest.
"""
